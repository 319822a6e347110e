"""Learning from what was said and what came: how true the wait estimates are, and how to correct them.

Rules of this module
  * A raw estimate is first multiplied by what its pool (its language, the whole) proved to need, then by
    quantiles of actual / said, kept per bucket of estimate. So the range is one that held in practice.
  * Learning is slow: a wait depends on luck much more than on anything that is known when it begins, so a
    few surprises prove nothing. One call's word has a bound.
  * Everything is learnt from events alone, inside ``step``: every replica knows the same.
  * Who gives up tells nothing; who holds out counts for those like him who did not.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import exp

LOW, LIKELY, HIGH = 0.05, 0.58, 0.94  # quantiles of the announced range and of the likely value
BUCKET_MS = 20_000
BUCKETS = 12
# Multipliers to begin with, low, likely and high, as learnt on the benchmark's training seeds.
FIRST = (
    (0.67, 1.1, 2.6),
    (0.45, 1.03, 2.6),
    (0.3, 1.02, 2.4),
    *((0.27, 1.0, 2.1),) * 2,
    (0.29, 0.93, 2.3),
    *((0.3, 0.84, 2.1),) * 2,
    (0.33, 0.8, 1.9),
    (0.32, 1.05, 1.9),
    (0.27, 1.25, 1.85),
    (0.24, 1.13, 1.75),
)
FORGET_POOL = 0.98
FORGET_WIDE = 0.995
TRUST = 25.0  # calls' worth of the wider experience (whole, then language) against the nearer one
LEAST, MOST = 0.3, 2.5  # bounds of the correction, and of what one call says of it
STEP, PRIOR = 0.01, 50  # least step of a quantile, and how many calls what it begins with is worth
PATIENCE_MS = 350_000.0
FLOOR_MS = 10_000.0
MAX_POOLS = 5_000
FORM = 2  # of what is kept


@dataclass(slots=True)
class Calibration:
    """Corrections, and the score: how many actual waits lay inside the range said."""

    overall: list[float] = field(default_factory=lambda: [TRUST, TRUST])  # sum of ratios, number of calls
    pools: dict[str, list[float]] = field(default_factory=dict)
    quantiles: list[list[float]] = field(default_factory=lambda: [list(each) for each in FIRST])
    seen: list[int] = field(default_factory=lambda: [0] * BUCKETS)
    asked: int = 0
    inside: int = 0

    def factor(self, pool: str) -> float:
        factor = self.overall[0] / self.overall[1]
        for key in (_language_of(pool), pool):  # the nearer its experience, the later its word
            sums = self.pools.get(key)
            if sums is not None:
                factor = (sums[0] + TRUST * factor) / (sums[1] + TRUST)
        return factor

    def announce(self, raw_ms: float, pool: str) -> tuple[int, int, int]:
        """Low, likely and high wait for a raw estimate."""
        likely = raw_ms * self.factor(pool)
        first, second, share = self._buckets(likely)
        base = max(likely, FLOOR_MS)
        here, there = self.quantiles[first], self.quantiles[second]
        low, mid, high = here
        low_there, mid_there, high_there = there
        return (
            int(base * (low + (low_there - low) * share)),
            int(base * (mid + (mid_there - mid) * share)),
            int(base * (high + (high_there - high) * share)),
        )

    @staticmethod
    def _buckets(likely_ms: float) -> tuple[int, int, float]:
        """The two nearest buckets and the share of the second."""
        place = likely_ms / BUCKET_MS
        first = min(BUCKETS - 1, int(place))
        return first, min(BUCKETS - 1, first + 1), min(1.0, place - first)

    def _shift(self, bucket: int, ratio: float, weight: float) -> None:
        """One step of each quantile towards what was seen (stochastic approximation)."""
        if not weight:
            return
        self.seen[bucket] += 1
        step = max(STEP, 0.5 / (PRIOR + self.seen[bucket])) * weight
        values = self.quantiles[bucket]
        for which, quantile in enumerate((LOW, LIKELY, HIGH)):
            value = values[which]
            values[which] = max(0.02, value + step * max(0.3, value) * (quantile - (ratio < value)))
        values.sort()

    def learn(self, pool: str, raw_ms: float, said: tuple[int, int], actual_ms: int) -> None:
        """What came of an announcement to a caller who was answered after ``actual_ms``.

        Those who waited as long and gave up are missing here, so a long wait counts for them as well
        (inverse probability of censoring, with the mean patience).
        """
        self.asked += 1
        self.inside += said[0] <= actual_ms <= said[1]
        weight = min(5.0, exp(actual_ms / PATIENCE_MS))
        likely = raw_ms * self.factor(pool)
        ratio = actual_ms / max(FLOOR_MS, likely)
        here, there, share = self._buckets(likely)
        self._shift(here, ratio, weight * (1.0 - share))
        self._shift(there, ratio, weight * share)
        word = weight * min(MOST, max(LEAST, actual_ms / max(FLOOR_MS, raw_ms)))
        self._weigh(self.overall, FORGET_WIDE, word, weight)
        for key, forget in ((_language_of(pool), FORGET_WIDE), (pool, FORGET_POOL)):
            if key in self.pools or len(self.pools) < MAX_POOLS:
                self._weigh(self.pools.setdefault(key, [0.0, 0.0]), forget, word, weight)

    @staticmethod
    def _weigh(sums: list[float], forget: float, word: float, weight: float) -> None:
        sums[0] = sums[0] * forget + word
        sums[1] = sums[1] * forget + weight

    def as_dict(self) -> dict[str, object]:
        return {"form": FORM, **{name: getattr(self, name) for name in self.__slots__}}

    @classmethod
    def of(cls, raw: dict[str, object]) -> Calibration:
        """What ``as_dict`` gave; of an older form, which meant other estimates, only the score is kept."""
        made = cls()
        for name in cls.__slots__ if raw.get("form") == FORM else ("asked", "inside"):
            setattr(made, name, raw[name])
        return made


def _language_of(pool: str) -> str:
    """Under this key the experience with a language: who speaks a rare one mostly knows every topic, so its
    callers wait for the same few people whatever their topic."""
    return f"*/{pool.rpartition('/')[2]}"
