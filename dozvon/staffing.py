"""Wiring of ``dozvon staffing``: calendar and shifts of the centre, its history, the pure parts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from acd.contract import RulesLoaded
from acd.journal.recorded import Recording
from acd.staffing import forecast as forecasts
from acd.staffing import past
from acd.staffing.forecast import SLOT_MIN, Day, Forecast
from acd.staffing.past import Handling
from acd.staffing.plan import SLOT_MS, Duty, Goal, plan, with_trial
from acd.staffing.report import Staffing
from acd.staffing.trial import trial
from dozvon.staffing_files import WEEKDAYS, Assumptions, ShiftPlan, shift_name
from ivr.schedule import Schedule, day_kind, periods_of

RUNS_CALLS = 60_000  # simulated callers at most, about a minute; beyond it there are fewer runs


@dataclass(frozen=True, slots=True)
class Expected:
    """A forecast and how long callers keep an agent."""

    forecast: Forecast
    handling: Handling
    about: tuple[str, ...]


def calendar_day(schedule: Schedule, date: dt.date) -> Day:
    """Kind of the day and its open quarter hours. Past closures count as far as the file still has them."""
    kind, _ = day_kind(schedule, date)
    name = "holiday" if kind == "holiday" else WEEKDAYS[date.weekday()]
    if kind == "moved_working_day":
        name = WEEKDAYS[schedule.moved_working_day]
    zone = ZoneInfo(schedule.timezone)
    open_ms: dict[int, int] = {}
    for period in periods_of(schedule, date):
        at_ms = period.start_ms
        while at_ms < period.end_ms:
            end_ms = min(period.end_ms, at_ms - at_ms % SLOT_MS + SLOT_MS)
            slot = slot_of(at_ms, zone)
            open_ms[slot] = open_ms.get(slot, 0) + end_ms - at_ms
            at_ms = end_ms
    return Day(date, name, {slot: min(1.0, ms / SLOT_MS) for slot, ms in open_ms.items()})


def slot_of(at_ms: int, zone: ZoneInfo) -> int:
    """Number of the quarter hour since midnight."""
    local = dt.datetime.fromtimestamp(at_ms / 1000, zone)
    return (local.hour * 60 + local.minute) // SLOT_MIN


def from_history(
    recording: Recording, seen: set[dt.date], schedule: Schedule, handling: Handling, ahead: Sequence[Day]
) -> Expected:
    """Raises acd.staffing.forecast.TooLittle."""
    zone = ZoneInfo(schedule.timezone)
    history = past.history(recording, seen, lambda date: calendar_day(schedule, date), zone)
    found = forecasts.forecast(history, ahead)
    callers = sum(history.counts.values())
    dates = [day.date for day in history.days]
    mean_s = sum(handling.talk_s(topic) for topic in found.topics) / max(1, len(found.topics))
    about = [
        f"Forecast from {len(dates)} whole open days, {min(dates)} to {max(dates)}, {callers} callers.",
        f"A caller keeps an agent {handling.ring_s:.0f} s ringing, {mean_s:.0f} s talk (mean of the topics), "
        f"then wrap-up; {_patience(handling)}",
        *(f"Note: {note}." for note in found.notes),
    ]
    return Expected(found, handling, tuple(about))


def from_assumptions(given: Assumptions, ahead: Sequence[Day]) -> Expected:
    """What an administrator assumes, spread over the open quarter hours of each day."""
    expected = {}
    for day in ahead:
        weights = {slot: given.by_hour[slot * SLOT_MIN // 60] * share for slot, share in day.open.items()}
        total = sum(weights.values())
        for slot, weight in weights.items():
            for topic, share in given.topics.items():
                count = given.a_day[day.kind] * share * weight / total if total else 0.0
                expected[day.date, slot, topic] = count
    about = ("No history was used: callers and times are assumed.", f"Assumed: {_patience(given.handling)}")
    return Expected(Forecast(expected, tuple(given.topics)), given.handling, about)


def _patience(handling: Handling) -> str:
    if handling.patience_s is None:
        return "nobody hung up, so callers are taken to wait for ever (Erlang C)."
    return f"callers hang up after {handling.patience_s:.0f} s on average (Erlang A)."


def duties(schedule: Schedule, shifts: ShiftPlan, dates: Sequence[dt.date]) -> list[Duty]:
    """The planned shifts of some days as times."""
    zone = ZoneInfo(schedule.timezone)

    def instant(date: dt.date, minutes: int) -> int:
        local = dt.datetime.combine(date, dt.time()) + dt.timedelta(minutes=minutes)
        return round(local.replace(tzinfo=zone).timestamp() * 1000)

    return [
        Duty(date, shift_name(shift), instant(date, shift[0]), instant(date, shift[1]), agents)
        for date in dates
        for shift, agents in sorted(shifts.crews(schedule, date).items())
    ]


def staffing(
    schedule: Schedule,
    shifts: ShiftPlan,
    ahead: Sequence[Day],
    expected: Expected,
    goal: Goal,
    rules: RulesLoaded | None,
    runs: int,
) -> Staffing:
    """The whole answer. ``runs`` 0: without simulation."""
    zone = ZoneInfo(schedule.timezone)
    dates = [day.date for day in ahead]
    planned = duties(schedule, shifts, dates)
    stretches = [
        (date, period.start_ms, period.end_ms) for date in dates for period in periods_of(schedule, date)
    ]
    intervals = plan(stretches, _callers(expected.forecast, ahead, zone), planned, expected.handling, goal)
    callers = sum(each.offered for each in intervals)
    tried = None
    about = list(expected.about)
    if runs and callers:
        runs = max(1, min(runs, int(RUNS_CALLS / callers)))
        tried = trial(intervals, planned, expected.handling, goal, rules, runs)
        intervals = with_trial(intervals, tried.by_start, runs)
        about.append(
            f"Simulated {runs} time{'s' if runs > 1 else ''} with the routing of this centre: "
            f"{tried.abandoned:.1%} hang up, 95 % wait at most {tried.p95_wait_s:.0f} s."
        )
    holidays = {day.date: "holiday" for day in ahead if day.kind == "holiday"}
    return Staffing(intervals, tried, goal, zone, about, holidays)


def _callers(
    found: Forecast, ahead: Sequence[Day], zone: ZoneInfo
) -> Callable[[dt.date, int, int], Mapping[str, float]]:
    days = {day.date: day for day in ahead}

    def callers(date: dt.date, start_ms: int, end_ms: int) -> Mapping[str, float]:
        slot = slot_of(start_ms, zone)
        part = (end_ms - start_ms) / SLOT_MS / days[date].open[slot]
        return {topic: found.expected.get((date, slot, topic), 0.0) * part for topic in found.topics}

    return callers
