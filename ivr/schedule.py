"""When the centre is open: weekly hours by shift, holidays, closures and openings. Pure: time comes in.

Rules
  * All hours are wall-clock hours of the centre's zone; everything is compared as instants, so the days on
    which clocks change need no special case. A shift that begins in the hour that is skipped begins when
    the clocks have moved; one that ends in the hour that comes twice ends the second time.
  * An official holiday, and a day off that the government moved to a weekday, has the hours of holidays.
    A Saturday that the government made a working day has the hours of an ordinary weekday
    (``moved_working_day``): offices work, so people call.
  * Closures take away, openings add; where both are given for the same minute the closure wins.
  * Shifts that touch are one period: nobody is told that the centre closes at 14:00 when the next shift
    goes on.
  * ``reason`` when closed is ``holiday`` or ``closure`` only when the centre would be open otherwise;
    three in the morning is ``outside_hours`` on any day.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal
from zoneinfo import ZoneInfo

import holidays as holiday_library

from ivr.dialog.ports import HoursReason, HoursState

DAY_MIN = 24 * 60
HORIZON_DAYS = 400  # how far ahead an opening is looked for
WARN_DAYS = 31  # a calendar that is not there yet is warned of so long before its first day

Shift = tuple[int, int]  # minutes since midnight, the end may be 1440
DayKind = Literal["regular", "holiday", "moved_working_day"]


@dataclass(frozen=True, slots=True)
class Exception_:
    """An ad-hoc closure (``open`` False) or opening, from and to as wall-clock times of the centre."""

    start: dt.datetime  # naive, local
    end: dt.datetime
    open: bool
    announcement: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Schedule:
    """Opening hours of one centre; ``week`` holds the shifts of Monday to Sunday."""

    timezone: str
    week: tuple[tuple[Shift, ...], ...]
    holiday_shifts: tuple[Shift, ...] = ()
    country: str = ""  # ISO 3166 of the official holidays, "" for none
    moved_working_day: int = 0  # the weekday whose hours a moved working day has, 0 Monday
    added: Mapping[dt.date, str] = field(default_factory=dict)  # more holidays: date -> name
    removed: frozenset[dt.date] = frozenset()  # no holidays after all
    working: frozenset[dt.date] = frozenset()  # more moved working days
    years_known: frozenset[int] = frozenset()  # years whose official calendar is complete in this file
    exceptions: tuple[Exception_, ...] = ()

    # A schedule is compared and hashed by identity: its tables are not hashable, and it never changes.
    def __hash__(self) -> int:
        return id(self)

    def __eq__(self, other: object) -> bool:
        return self is other


@dataclass(frozen=True, slots=True)
class Period:
    """One stretch of time with one reason, as Unix milliseconds."""

    start_ms: int
    end_ms: int
    reason: HoursReason
    announcement: Mapping[str, str] = field(default_factory=dict)


# ------------------------------------------------------------------------------------------- calendar
@lru_cache(maxsize=64)
def _calendar(country: str, year: int) -> tuple[Mapping[dt.date, str], frozenset[dt.date], bool]:
    """Official holidays with their names, moved working days, and whether the year's decree is known.

    Russia publishes each year which days off are moved; the library carries the decrees that it knows as
    static holidays of their year. For a year without them only the fixed dates are right.
    """
    found = holiday_library.country_holidays(country, years=[year])
    known = True
    if country == "RU":
        known = year in found.special_public_holidays or year in found.special_public_holidays_observed
    working = frozenset(day for day in found.weekend_workdays if day.year == year)
    names = {day: name for day, name in found.items() if day.year == year}
    return names, working, known


def day_kind(schedule: Schedule, day: dt.date) -> tuple[DayKind, str]:
    """What sort of day it is, and the holiday's name."""
    names: Mapping[dt.date, str] = {}
    working: frozenset[dt.date] = frozenset()
    if schedule.country:
        names, working, _ = _calendar(schedule.country, day.year)
    if day in schedule.added:
        return "holiday", schedule.added[day]
    if day in schedule.working or (day in working and day not in schedule.removed):
        return "moved_working_day", ""
    if day in names and day not in schedule.removed:
        return "holiday", names[day]
    return "regular", ""


def shifts_of(schedule: Schedule, day: dt.date) -> tuple[Shift, ...]:
    """The shifts of a day, closures and openings left out."""
    kind, _ = day_kind(schedule, day)
    if kind == "holiday":
        return schedule.holiday_shifts
    return schedule.week[schedule.moved_working_day if kind == "moved_working_day" else day.weekday()]


def calendar_warning(schedule: Schedule, today: dt.date) -> str:
    """A sentence when the official calendar of a year that begins within a month is not known, else ""."""
    for year in (today.year, (today + dt.timedelta(days=WARN_DAYS)).year):
        if not schedule.country or year in schedule.years_known:
            continue
        if not _calendar(schedule.country, year)[2]:
            return (
                f"the official calendar of {year} is not known: days off that are moved to other days are "
                f"missing; update the holidays library, or add them and list {year} under years_known"
            )
    return ""


# ------------------------------------------------------------------------------------------ timeline
def _instant(schedule: Schedule, local: dt.datetime, *, end: bool) -> int:
    """Unix ms of a wall-clock time; an hour that comes twice counts first for a start, last for an end."""
    zoned = local.replace(tzinfo=ZoneInfo(schedule.timezone), fold=1 if end else 0)
    if end and zoned.astimezone(dt.UTC).astimezone(zoned.tzinfo).replace(tzinfo=None, fold=0) != local:
        zoned = zoned.replace(fold=0)  # in the skipped hour: fold 1 would be an hour early
    return round(zoned.timestamp() * 1000)


def _minutes(schedule: Schedule, day: dt.date, minutes: int, *, end: bool) -> int:
    local = dt.datetime.combine(day, dt.time()) + dt.timedelta(minutes=minutes)
    return _instant(schedule, local, end=end)


def _base(schedule: Schedule, shifts: tuple[Shift, ...], day: dt.date, reason: HoursReason) -> list[Period]:
    periods = []
    for start, stop in shifts:
        begins, ends = _minutes(schedule, day, start, end=False), _minutes(schedule, day, stop, end=True)
        if begins < ends:
            periods.append(Period(begins, ends, reason))
    return periods


@lru_cache(maxsize=2048)
def periods_of(schedule: Schedule, day: dt.date) -> tuple[Period, ...]:
    """Stretches of this day in which the centre is open, in order, closures taken away, openings added."""
    reason: HoursReason = "holiday" if day_kind(schedule, day)[0] == "holiday" else "regular"
    periods = _base(schedule, shifts_of(schedule, day), day, reason)
    first = _minutes(schedule, day, 0, end=False)
    last = _minutes(schedule, day, DAY_MIN, end=False)
    for item in schedule.exceptions:
        start = max(first, _instant(schedule, item.start, end=False))
        end = min(last, _instant(schedule, item.end, end=True))
        if item.open and start < end:
            periods += _without(Period(start, end, "opening", item.announcement), periods)
    for item in schedule.exceptions:
        if not item.open:
            hole = (_instant(schedule, item.start, end=False), _instant(schedule, item.end, end=True))
            periods = [rest for period in periods for rest in _cut(period, *hole)]
    return tuple(sorted(periods, key=lambda period: period.start_ms))


def _cut(period: Period, start_ms: int, end_ms: int) -> Iterator[Period]:
    """What is left of a period when a stretch is taken out."""
    if period.start_ms < min(start_ms, period.end_ms):
        yield Period(period.start_ms, min(start_ms, period.end_ms), period.reason, period.announcement)
    if max(end_ms, period.start_ms) < period.end_ms:
        yield Period(max(end_ms, period.start_ms), period.end_ms, period.reason, period.announcement)


def _without(period: Period, others: list[Period]) -> list[Period]:
    """The parts of an opening that the usual hours do not cover already."""
    parts = [period]
    for other in others:
        parts = [rest for part in parts for rest in _cut(part, other.start_ms, other.end_ms)]
    return parts


def _timeline(schedule: Schedule, day: dt.date, days: int) -> Iterator[Period]:
    for ahead in range(days):
        yield from periods_of(schedule, day + dt.timedelta(days=ahead))


# --------------------------------------------------------------------------------------------- state
def state_at(schedule: Schedule, when_ms: int) -> HoursState:
    """Is the centre open at this instant, why, and when does that change."""
    zone = ZoneInfo(schedule.timezone)
    local = dt.datetime.fromtimestamp(when_ms / 1000, zone)
    today = local.date()
    near = list(_timeline(schedule, today - dt.timedelta(days=1), 3))
    current = next((period for period in near if period.start_ms <= when_ms < period.end_ms), None)
    if current is not None:
        start, end = _run(schedule, today, current)
        return HoursState(
            open=True,
            reason=current.reason,
            opens_at=_iso(start, zone),
            closes_at=_iso(end, zone),
            announcement=current.announcement,
            opens_at_ms=start,
            closes_at_ms=end,
            local_time=f"{local:%H:%M}",
        )
    upcoming = next((p for p in _timeline(schedule, today, HORIZON_DAYS) if p.start_ms > when_ms), None)
    reason, announcement = _why_closed(schedule, today, when_ms)
    if upcoming is None:
        return HoursState(False, reason, "", "", announcement, local_time=f"{local:%H:%M}")
    _, end = _run(schedule, dt.datetime.fromtimestamp(upcoming.start_ms / 1000, zone).date(), upcoming)
    opens = dt.datetime.fromtimestamp(upcoming.start_ms / 1000, zone)
    return HoursState(
        open=False,
        reason=reason,
        opens_at=_iso(upcoming.start_ms, zone),
        closes_at=_iso(end, zone),
        announcement=announcement,
        opens_at_ms=upcoming.start_ms,
        closes_at_ms=end,
        local_time=f"{local:%H:%M}",
        opens_day=(opens.date() - today).days,
    )


def _run(schedule: Schedule, day: dt.date, current: Period) -> tuple[int, int]:
    """Beginning and end of the unbroken time around a period: shifts that touch, days that touch."""
    start, end = current.start_ms, current.end_ms
    ahead = 0
    while ahead < HORIZON_DAYS:  # open around the clock: the end is a year away, not nowhere
        touching = [
            p for p in _timeline(schedule, day + dt.timedelta(days=ahead), 2) if p.start_ms <= end < p.end_ms
        ]
        if not touching:
            break
        end = max(period.end_ms for period in touching)
        ahead += 1 if end >= _minutes(schedule, day + dt.timedelta(days=ahead), DAY_MIN, end=False) else 0
    back = 0
    while back < HORIZON_DAYS:
        around = _timeline(schedule, day - dt.timedelta(days=back + 1), 2)
        touching = [p for p in around if p.start_ms < start <= p.end_ms]
        if not touching:
            break
        start = min(period.start_ms for period in touching)
        back += 1 if start <= _minutes(schedule, day - dt.timedelta(days=back), 0, end=False) else 0
    return start, end


def _why_closed(schedule: Schedule, today: dt.date, when_ms: int) -> tuple[HoursReason, Mapping[str, str]]:
    for item in schedule.exceptions:
        start, end = _instant(schedule, item.start, end=False), _instant(schedule, item.end, end=True)
        if not item.open and start <= when_ms < end and _usually_open(schedule, today, when_ms):
            return "closure", item.announcement
    if day_kind(schedule, today)[0] == "holiday":
        ordinary = _base(schedule, schedule.week[today.weekday()], today, "regular")
        if any(period.start_ms <= when_ms < period.end_ms for period in ordinary):
            return "holiday", {}
    return "outside_hours", {}


def _usually_open(schedule: Schedule, today: dt.date, when_ms: int) -> bool:
    usual = _base(schedule, shifts_of(schedule, today), today, "regular")
    added = [
        (_instant(schedule, item.start, end=False), _instant(schedule, item.end, end=True))
        for item in schedule.exceptions
        if item.open
    ]
    return any(period.start_ms <= when_ms < period.end_ms for period in usual) or any(
        start <= when_ms < end for start, end in added
    )


def _iso(when_ms: int, zone: ZoneInfo) -> str:
    return dt.datetime.fromtimestamp(when_ms / 1000, zone).isoformat(timespec="seconds")
