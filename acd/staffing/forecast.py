"""How many callers will come, per quarter hour and topic, from how many came. Pure.

The model of a topic is a Poisson regression with ridge penalty (scikit-learn's PoissonRegressor):

    log(callers per quarter hour) = base + day kind + quarter hour + curve(day kind, time of day)

Day kinds are the seven weekdays and ``holiday``; the curve is a cubic spline over the day for each kind. What
all days have in common (the rush at opening, the quiet of noon) is learnt from all of them, what sets one
weekday apart from that day only, and the penalty keeps a sparse topic from following its accidents. Older
days count less (halved every ``HALF_LIFE_DAYS``), so that growth is followed without a trend that would run
away when it is drawn out. Quarter hours in which the centre was open for a part count for that part.

A day kind that was never seen (the first public holiday) is forecast as ``STAND_IN`` says, with a note.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

SLOT_MIN = 15
SLOTS = 24 * 60 // SLOT_MIN
KINDS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun", "holiday")
STAND_IN = {"holiday": ("sun", "sat"), "sun": ("sat", "holiday"), "sat": ("sun", "holiday")}
HALF_LIFE_DAYS = 42.0
PENALTY = 4.0  # of squared coefficients, in callers; chosen by bench/staffing on other seeds than reported
KNOTS = 7
MIN_DAYS = 14  # fewer open days say nothing about weekdays
MIN_CALLS = 100

Matrix = npt.NDArray[np.float64]


class TooLittle(ValueError):
    """The history is too short for a forecast; the text says what there is and what is needed."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day: its kind, and the share of each quarter hour in which the centre is open (0 left out)."""

    date: dt.date
    kind: str
    open: Mapping[int, float]  # number of the quarter hour since midnight -> share


@dataclass(frozen=True, slots=True)
class History:
    """Whole days that were recorded, and how many callers came. What is not in ``counts`` is zero."""

    days: tuple[Day, ...]
    counts: Mapping[tuple[dt.date, int, str], int]

    @property
    def topics(self) -> tuple[str, ...]:
        return tuple(sorted({topic for _, _, topic in self.counts}))


@dataclass(frozen=True, slots=True)
class Forecast:
    """Expected callers of (day, quarter hour, topic); ``notes`` say what it had to assume."""

    expected: Mapping[tuple[dt.date, int, str], float]
    topics: tuple[str, ...]
    notes: tuple[str, ...] = field(default=())


def check(history: History) -> None:
    """Raises TooLittle."""
    calls = sum(history.counts.values())
    if len(history.days) < MIN_DAYS or calls < MIN_CALLS:
        raise TooLittle(
            f"{len(history.days)} whole open days with {calls} callers are recorded; "
            f"a forecast needs {MIN_DAYS} days and {MIN_CALLS} callers"
        )


def forecast(history: History, ahead: Sequence[Day]) -> Forecast:
    """Expected callers on the days ahead. Raises TooLittle."""
    check(history)
    last = max(day.date for day in history.days)
    notes: list[str] = []
    seen = {day.kind for day in history.days}
    kinds = {day.kind: _known_kind(day.kind, seen, notes) for day in ahead}
    # Equal rows are put together: what counts is the weighted sum and the weighted time.
    rows: dict[tuple[str, int], float] = {}
    sums: dict[str, dict[tuple[str, int], float]] = {topic: {} for topic in history.topics}
    for day in history.days:
        weight = 0.5 ** ((last - day.date).days / HALF_LIFE_DAYS)
        for slot, share in day.open.items():
            key = (day.kind, slot)
            rows[key] = rows.get(key, 0.0) + weight * share
            for topic, found in sums.items():
                if count := history.counts.get((day.date, slot, topic)):
                    found[key] = found.get(key, 0.0) + weight * count
    wanted = sorted({(kinds[day.kind], slot) for day in ahead for slot in day.open})
    keys = sorted(rows)
    design = _Design([*keys, *wanted])
    features, asked = design.matrix(keys), design.matrix(wanted)
    time = np.array([rows[key] for key in keys])
    expected: dict[tuple[dt.date, int, str], float] = {}
    for topic, found in sums.items():
        predict = _fit(features, time, np.array([found.get(key, 0.0) for key in keys]))
        rates = dict(zip(wanted, predict(asked), strict=True)) if wanted else {}
        for day in ahead:
            for slot, share in day.open.items():
                expected[day.date, slot, topic] = float(rates[kinds[day.kind], slot]) * share
    return Forecast(expected, history.topics, tuple(notes))


def same_slot_mean(history: History, ahead: Sequence[Day], weeks: int = 0) -> Forecast:
    """The plain alternative, kept as the yardstick: mean of the same quarter hour on days of the same kind.

    ``weeks``: only of the last so many; 0: all.
    """
    last = max(day.date for day in history.days)
    days = [day for day in history.days if not weeks or (last - day.date).days < 7 * weeks]
    seen = {day.kind for day in days}
    kinds = {day.kind: _known_kind(day.kind, seen, []) for day in ahead}
    expected: dict[tuple[dt.date, int, str], float] = {}
    for day in ahead:
        alike = [each for each in days if each.kind == kinds[day.kind]]
        for slot, share in day.open.items():
            time = sum(each.open.get(slot, 0.0) for each in alike)
            for topic in history.topics:
                came = sum(history.counts.get((each.date, slot, topic), 0) for each in alike)
                expected[day.date, slot, topic] = came / time * share if time else 0.0
    return Forecast(expected, history.topics)


def wape(pairs: Iterable[tuple[float, float]]) -> float:
    """Weighted absolute percentage error: sum of |forecast - actual| / sum of actual."""
    off = total = 0.0
    for said, was in pairs:
        off, total = off + abs(said - was), total + was
    return off / total if total else 0.0


def _known_kind(kind: str, seen: set[str], notes: list[str]) -> str:
    if kind in seen:
        return kind
    near = (*STAND_IN.get(kind, ()), *(other for other in KINDS if other not in STAND_IN), *KINDS)
    other: str = next(each for each in near if each in seen)
    notes.append(f"no {kind} is in the history; it is forecast like {other}")
    return other


class _Design:
    """Features of (day kind, quarter hour)."""

    def __init__(self, keys: Sequence[tuple[str, int]]) -> None:
        from sklearn.preprocessing import SplineTransformer

        self._kinds = sorted({kind for kind, _ in keys})
        self._slots = sorted({slot for _, slot in keys})
        low, high = self._slots[0], max(self._slots[-1], self._slots[0] + 1)
        knots = np.linspace(low, high, KNOTS).reshape(-1, 1)
        self._spline = SplineTransformer(degree=3, knots=knots, include_bias=True)
        self._spline.fit(knots)

    def matrix(self, keys: Sequence[tuple[str, int]]) -> Matrix:
        """One row a key: kind, quarter hour, the kind's curve."""
        if not keys:
            return np.zeros((0, 1))
        curves = self._spline.transform(np.array([[float(slot)] for _, slot in keys]))
        width = curves.shape[1]
        kinds, slots = len(self._kinds), len(self._slots)
        found = np.zeros((len(keys), kinds + slots + (kinds + 1) * width))
        for row, (kind, slot) in enumerate(keys):
            number = self._kinds.index(kind)
            found[row, number] = 1.0
            found[row, kinds + self._slots.index(slot)] = 0.5  # a step from its neighbours costs more
            start = kinds + slots
            found[row, start : start + width] = 2.0 * curves[row]  # the common curve is nearly free
            start += (number + 1) * width
            found[row, start : start + width] = curves[row]
        return found


def _fit(features: Matrix, time: Matrix, came: Matrix) -> Callable[[Matrix], Matrix]:
    """A topic's model; ``time`` in quarter hours, ``came`` in callers, both weighted by age."""
    from sklearn.linear_model import PoissonRegressor

    total = float(came.sum())
    if total <= 0:
        return lambda rows: np.zeros(len(rows))
    # scikit-learn divides the deviance by the sum of weights and takes 1/2 alpha |w|^2 beside it.
    model = PoissonRegressor(alpha=PENALTY / float(time.sum()), solver="newton-cholesky", max_iter=100)
    model.fit(features, came / time, sample_weight=time)

    def predict(rows: Matrix) -> Matrix:
        said: Matrix = model.predict(rows)
        return said

    return predict
