"""When a customer may be called back."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from ivr.callback_hours import Waking, appointment, times, window
from ivr.dialog.ports import HoursState
from ivr.schedule import Schedule, state_at

MOSCOW = "Europe/Moscow"
MOBILE = "79161234567"
WEEK = Schedule(MOSCOW, ((((8 * 60, 20 * 60)),),) * 5 + ((), ()))
ALWAYS = Schedule(MOSCOW, (((0, 1440),),) * 7)


def at(day: int, hour: int, minute: int = 0, zone: str = MOSCOW) -> int:
    """Day of November 2026; the 23rd is a Monday."""
    return int(dt.datetime(2026, 11, day, hour, minute, tzinfo=ZoneInfo(zone)).timestamp() * 1000)


def found(schedule: Schedule, now_ms: int, *, wish_ms: int = 0, number: str = MOBILE, **zones: str) -> object:
    waking = Waking(MOSCOW, zones={key.removeprefix("n"): zone for key, zone in zones.items()})

    def hours(when_ms: int) -> HoursState:
        return state_at(schedule, when_ms)

    return window(hours, waking, number, wish_ms, now_ms)


def test_while_open_from_now_until_closing() -> None:
    assert found(WEEK, at(23, 12)) == (at(23, 12), at(23, 20))


def test_nobody_is_woken_when_the_centre_opens_at_eight() -> None:
    assert found(WEEK, at(23, 8)) == (at(23, 9), at(23, 20))


def test_the_last_minutes_are_too_short() -> None:
    assert found(WEEK, at(23, 19, 50)) == (at(23, 19, 50), at(23, 20))
    assert found(WEEK, at(23, 19, 51)) == (at(24, 9), at(24, 20))


def test_after_friday_comes_monday() -> None:
    assert found(WEEK, at(27, 21)) == (at(30, 9), at(30, 20))


def test_a_centre_that_never_closes_does_not_call_at_night() -> None:
    assert found(ALWAYS, at(23, 22)) == (at(24, 9), at(24, 21))
    assert found(ALWAYS, at(23, 3)) == (at(23, 9), at(23, 21))


def test_the_numbers_own_zone_where_one_is_named() -> None:
    east = "Asia/Vladivostok"  # seven hours ahead
    assert found(WEEK, at(23, 12), number="74231234567", n7423=east) == (at(23, 12), at(23, 14))
    assert found(WEEK, at(23, 15), number="74231234567", n7423=east) == (at(24, 8), at(24, 14))
    assert found(WEEK, at(23, 12), number=MOBILE, n7423=east) == (at(23, 12), at(23, 20))
    longest = {"n74": MOSCOW, "n7423": east}
    assert found(WEEK, at(23, 15), number="74231234567", **longest) == (at(24, 8), at(24, 14))


def test_a_wished_time_is_the_earliest() -> None:
    assert found(WEEK, at(23, 12), wish_ms=at(24, 15)) == (at(24, 15), at(24, 20))
    assert found(WEEK, at(23, 12), wish_ms=at(28, 15)) == (at(30, 9), at(30, 20))


def test_a_centre_that_never_opens_calls_nobody() -> None:
    assert found(Schedule(MOSCOW, ((),) * 7), at(23, 12)) is None


def test_hours_that_never_meet_find_no_time() -> None:
    nights = Schedule(MOSCOW, (((0, 6 * 60),),) * 7)
    assert found(nights, at(23, 12)) is None


def offered(schedule: Schedule, now_ms: int, number: str = MOBILE, **zones: str) -> list[str]:
    waking = Waking(MOSCOW, zones=zones)
    found = times(lambda when_ms: state_at(schedule, when_ms), waking, number, now_ms)
    assert all(each == appointment(waking, number, each.at_ms, now_ms) for each in found)
    return [f"{each.days} {each.clock[:2]}" for each in found]


def test_times_to_choose_from_are_open_waking_and_not_too_soon() -> None:
    day = ["10", "12", "14", "16", "18"]
    after = [f"{ahead} {hour}" for ahead in (1, 2) for hour in day]
    assert offered(WEEK, at(23, 13)) == ["0 14", "0 16", "0 18", *after]
    assert offered(WEEK, at(23, 13, 1)) == ["0 16", "0 18", *after]
    assert offered(WEEK, at(26, 21))[:6] == ["1 10", "1 12", "1 14", "1 16", "1 18", "4 10"], "the week-end"
    assert offered(Schedule(MOSCOW, ((),) * 7), at(23, 12)) == []


def test_a_time_that_is_full_is_offered_to_nobody_else() -> None:
    waking = Waking("Europe/Moscow", most_a_time=2)
    ten, noon = at(24, 10), at(24, 12)
    found = times(lambda ms: state_at(WEEK, ms), waking, "79161234567", at(23, 21), {ten: 2, noon: 1})
    assert ten not in [each.at_ms for each in found] and found[0].at_ms == noon


def test_times_are_told_by_the_customers_own_clock() -> None:
    zones = {"7423": "Asia/Vladivostok"}
    # Moscow opens at 8, which is 15 there; his day ends when Moscow's has just begun.
    assert offered(WEEK, at(23, 7), "74231234567", **zones)[:3] == ["0 16", "0 18", "1 16"]
