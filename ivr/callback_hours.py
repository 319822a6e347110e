"""When a customer may be called back: while the centre is open and he is awake. Pure: time comes in.

His zone is told by the beginning of his number where the settings name one (``zones``: beginning -> zone, the
longest wins). Otherwise it is the centre's own: a Russian mobile number does not tell where its owner is.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from zoneinfo import ZoneInfo

from ivr.dialog.ports import Appointment, HoursState

HOURS = (10, 12, 14, 16, 18)  # of the customer's day: whole hours, few enough to choose from by ear
LEAD_MS = 60 * 60_000  # a time to be called is at least so far away
CHOICE_DAYS = 3  # days that have a time, among the next
LOOK_DAYS = 14
SHORTEST_MS = 10 * 60_000  # less is left: the next time
MAX_PERIODS = 30
MAX_DAYS = 3  # of one period that never ends

HoursAt = Callable[[int], HoursState]


@dataclass(frozen=True, slots=True)
class Waking:
    """Hours of the day, as minutes since midnight, in which a customer may be rung; and how many customers
    one time may be promised to."""

    zone: str
    begin_min: int = 9 * 60
    end_min: int = 21 * 60
    zones: Mapping[str, str] = field(default_factory=dict)
    most_a_time: int = 40

    def zone_of(self, number: str) -> str:
        """IANA zone of a number 7XXXXXXXXXX."""
        fitting = [beginning for beginning in self.zones if number.startswith(beginning)]
        return self.zones[max(fitting, key=len)] if fitting else self.zone


def window(
    hours_at: HoursAt, waking: Waking, number: str, not_before_ms: int, now_ms: int
) -> tuple[int, int] | None:
    """The first time, from and to in Unix ms, that is open, waking, and not before what he wished.

    None when there is none among the next ``MAX_PERIODS`` opening periods.
    """
    zone = ZoneInfo(waking.zone_of(number))
    at_ms = max(now_ms, not_before_ms)
    for _ in range(MAX_PERIODS):
        hours = hours_at(at_ms)
        begin_ms, end_ms = (at_ms if hours.open else hours.opens_at_ms), hours.closes_at_ms
        if not begin_ms or end_ms <= begin_ms:
            return None
        for awake_ms, asleep_ms in _waking_times(waking, zone, begin_ms):
            first_ms, last_ms = max(begin_ms, awake_ms), min(end_ms, asleep_ms)
            if last_ms - first_ms >= SHORTEST_MS:
                return first_ms, last_ms
        at_ms = end_ms
    return None


def times(
    hours_at: HoursAt,
    waking: Waking,
    number: str,
    now_ms: int,
    promised: Mapping[int, int] = MappingProxyType({}),
) -> tuple[Appointment, ...]:
    """Times from which a customer may choose: ``HOURS`` of the next ``CHOICE_DAYS`` days that have one.

    ``promised``: how many customers a time (Unix ms) is promised to already. A promise to more than can be
    called then would be none, so a full time is offered to nobody else.
    """
    zone = ZoneInfo(waking.zone_of(number))
    today = dt.datetime.fromtimestamp(now_ms / 1000, zone).date()
    found: list[Appointment] = []
    with_times = 0
    for ahead in range(LOOK_DAYS):
        day = today + dt.timedelta(days=ahead)
        of_day = [
            Appointment(at_ms, day.isoformat(), f"{hour:02}:00", ahead)
            for hour in HOURS
            if (at_ms := _ms(day, hour * 60, zone)) >= now_ms + LEAD_MS
            and promised.get(at_ms, 0) < waking.most_a_time
            and may_be_called(hours_at, waking, number, at_ms)
        ]
        found += of_day
        with_times += bool(of_day)
        if with_times == CHOICE_DAYS:
            break
    return tuple(found)


def may_be_called(hours_at: HoursAt, waking: Waking, number: str, at_ms: int) -> bool:
    """Whether this moment is open and waking."""
    hours = hours_at(at_ms)
    if not hours.open or hours.closes_at_ms - at_ms < SHORTEST_MS:
        return False
    local = dt.datetime.fromtimestamp(at_ms / 1000, ZoneInfo(waking.zone_of(number)))
    minutes = local.hour * 60 + local.minute
    return waking.begin_min <= minutes and minutes + SHORTEST_MS // 60_000 <= waking.end_min


def appointment(waking: Waking, number: str, at_ms: int, now_ms: int) -> Appointment:
    """A moment as the customer's clock and calendar show it."""
    zone = ZoneInfo(waking.zone_of(number))
    local, today = (dt.datetime.fromtimestamp(ms / 1000, zone) for ms in (at_ms, now_ms))
    days = (local.date() - today.date()).days
    return Appointment(at_ms, local.date().isoformat(), f"{local:%H:%M}", days)


def _waking_times(waking: Waking, zone: ZoneInfo, from_ms: int) -> list[tuple[int, int]]:
    first = dt.datetime.fromtimestamp(from_ms / 1000, zone).date()
    days = [first + dt.timedelta(days=number) for number in range(MAX_DAYS)]
    return [(_ms(day, waking.begin_min, zone), _ms(day, waking.end_min, zone)) for day in days]


def _ms(day: dt.date, minutes: int, zone: ZoneInfo) -> int:
    whole, minute = divmod(minutes, 60)
    day, hour = (day + dt.timedelta(days=1), 0) if whole >= 24 else (day, whole)
    return int(dt.datetime.combine(day, dt.time(hour, minute), zone).timestamp() * 1000)
