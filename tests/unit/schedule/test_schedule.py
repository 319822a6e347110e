"""Opening hours of the reference centre, and what an hours file may say."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr import hours_file
from ivr.dialog.hours_words import spoken_hours
from ivr.dialog.marks import Bad
from ivr.dialog.ports import HoursState
from ivr.schedule import Schedule, calendar_warning, day_kind, state_at

ROOT = Path(__file__).resolve().parents[3]
CENTRE = hours_file.load(ROOT / "config" / "hours.yaml")[""]


def at(moment: str, schedule: Schedule = CENTRE) -> HoursState:
    when = dt.datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(schedule.timezone))
    return state_at(schedule, round(when.timestamp() * 1000))


@pytest.mark.parametrize(
    ("moment", "is_open", "reason", "opens", "closes"),
    [
        # an ordinary week: two shifts are one period
        ("2026-11-23T07:59:59", False, "outside_hours", "2026-11-23T08:00", "2026-11-23T20:00"),
        ("2026-11-23T08:00:00", True, "regular", "2026-11-23T08:00", "2026-11-23T20:00"),
        ("2026-11-23T14:00:00", True, "regular", "2026-11-23T08:00", "2026-11-23T20:00"),
        ("2026-11-23T19:59:59", True, "regular", "2026-11-23T08:00", "2026-11-23T20:00"),
        ("2026-11-23T20:00:00", False, "outside_hours", "2026-11-24T08:00", "2026-11-24T20:00"),
        ("2026-11-28T12:00:00", True, "regular", "2026-11-28T09:00", "2026-11-28T17:00"),
        ("2026-11-29T12:00:00", True, "regular", "2026-11-29T10:00", "2026-11-29T16:00"),
        # a Sunday that is a holiday has the holiday's hours
        ("2027-05-09T12:30:00", True, "holiday", "2027-05-09T09:00", "2027-05-09T13:00"),
        ("2027-05-09T15:00:00", False, "holiday", "2027-05-10T09:00", "2027-05-10T13:00"),
        ("2027-05-09T22:00:00", False, "outside_hours", "2027-05-10T09:00", "2027-05-10T13:00"),
        # a day off that was moved to a Monday, and to a Friday
        ("2027-05-10T10:00:00", True, "holiday", "2027-05-10T09:00", "2027-05-10T13:00"),
        ("2027-11-05T14:00:00", False, "holiday", "2027-11-06T09:00", "2027-11-06T17:00"),
        # a Saturday that was made a working day
        ("2027-02-20T19:00:00", True, "regular", "2027-02-20T08:00", "2027-02-20T20:00"),
        # the year turns
        ("2026-12-31T14:00:00", False, "holiday", "2027-01-01T09:00", "2027-01-01T13:00"),
    ],
)
def test_the_reference_centre(moment: str, is_open: bool, reason: str, opens: str, closes: str) -> None:
    state = at(moment)
    assert (state.open, state.reason) == (is_open, reason)
    assert (state.opens_at, state.closes_at) == (f"{opens}:00+03:00", f"{closes}:00+03:00")


HEAD = "timezone: Europe/Berlin\nweek:\n  mon-sun: [08:00-12:00, 12:00-18:00]\n"


def schedule(text: str) -> Schedule:
    return hours_file.parse(text)[""]


def test_a_closure_with_its_own_words() -> None:
    here = schedule(
        HEAD + "exceptions:\n- {from: 2026-06-01T10:00, to: 2026-06-01T11:00, announce: {ru: Учения.}}\n"
    )
    before, within, after = (at(f"2026-06-01T{clock}", here) for clock in ("09:59", "10:30", "11:00"))
    assert (before.open, before.closes_at[11:16]) == (True, "10:00")
    assert (within.open, within.reason, within.opens_at[11:16]) == (False, "closure", "11:00")
    assert within.announcement == {"ru": "Учения."}
    assert (after.open, after.reason, after.opens_at[11:16], after.closes_at[11:16]) == (
        True, "regular", "11:00", "18:00",
    )  # fmt: skip


def test_at_night_a_closure_is_not_the_reason() -> None:
    here = schedule(HEAD + "exceptions:\n- {from: 2026-06-01T00:00, to: 2026-06-03T00:00}\n")
    assert at("2026-06-01T10:00", here).reason == "closure"
    assert at("2026-06-01T22:00", here).reason == "outside_hours"
    assert at("2026-06-01T10:00", here).opens_at[:16] == "2026-06-03T08:00"


def test_an_opening_lengthens_the_day() -> None:
    here = schedule(HEAD + "exceptions:\n- {from: 2026-06-01T17:00, to: 2026-06-01T22:00, open: yes}\n")
    assert (at("2026-06-01T17:30", here).reason, at("2026-06-01T17:30", here).closes_at[11:16]) == (
        "regular",
        "22:00",
    )
    assert (at("2026-06-01T21:00", here).reason, at("2026-06-01T21:00", here).opens_at[11:16]) == (
        "opening",
        "08:00",
    )


def test_an_opening_over_midnight() -> None:
    here = schedule(HEAD + "exceptions:\n- {from: 2026-06-01T23:00, to: 2026-06-02T01:00, open: yes}\n")
    state = at("2026-06-02T00:30", here)
    assert (state.open, state.opens_at[:16], state.closes_at[:16]) == (
        True,
        "2026-06-01T23:00",
        "2026-06-02T01:00",
    )


def test_a_closure_wins_over_an_opening() -> None:
    here = schedule(
        HEAD + "exceptions:\n- {from: 2026-06-01T19:00, to: 2026-06-01T22:00, open: yes}\n"
        "- {from: 2026-06-01T20:00, to: 2026-06-01T21:00, open: no}\n"
    )
    assert [at(f"2026-06-01T{h}:30", here).open for h in (19, 20, 21)] == [True, False, True]
    assert at("2026-06-01T20:30", here).reason == "closure"


def test_the_day_the_clocks_go_forward_and_back() -> None:
    here = schedule("timezone: Europe/Berlin\nweek:\n  mon-sun: [01:00-04:00]\n")
    zone = ZoneInfo("Europe/Berlin")
    for day, hours in ((dt.date(2026, 3, 29), 2), (dt.date(2026, 10, 25), 4), (dt.date(2026, 10, 26), 3)):
        opens = dt.datetime.combine(day, dt.time(1), zone)
        state = state_at(here, round(opens.timestamp() * 1000))
        assert state.open
        assert (state.closes_at_ms - state.opens_at_ms) / 3_600_000 == hours


def test_a_shift_that_ends_in_the_hour_that_comes_twice_ends_the_second_time() -> None:
    here = schedule("timezone: Europe/Berlin\nweek:\n  sun: [00:00-02:30]\n")
    state = at("2026-10-25T00:30", here)
    assert state.closes_at == "2026-10-25T02:30:00+01:00"


def test_a_shift_that_begins_in_the_skipped_hour() -> None:
    here = schedule("timezone: Europe/Berlin\nweek:\n  sun: [02:30-05:00]\n")
    state = at("2026-03-29T01:00", here)
    assert (state.opens_at, state.closes_at) == ("2026-03-29T03:30:00+02:00", "2026-03-29T05:00:00+02:00")


def test_around_the_clock_never_closes_within_the_horizon() -> None:
    here = schedule("timezone: UTC\nweek:\n  mon-sun: [00:00-24:00]\n")
    state = at("2026-06-01T10:00", here)
    assert state.open
    assert state.closes_at_ms - state.opens_at_ms > 365 * 86_400_000


def test_a_centre_that_never_opens_says_so() -> None:
    here = schedule("timezone: UTC\nweek: {}\n")
    state = at("2026-06-01T10:00", here)
    assert (state.open, state.opens_at, state.closes_at) == (False, "", "")
    assert [p.prompt_id for p in spoken_hours(state, "ru")] == ["hours.closed", "hours.opens_unknown"]


def test_other_centres_inherit_what_they_do_not_say() -> None:
    found = hours_file.parse(HEAD + "centres:\n  east: {timezone: Asia/Kamchatka}\n")
    assert found["east"].week == found[""].week
    assert at("2026-06-01T08:00", found["east"]).opens_at == "2026-06-01T08:00:00+12:00"


def test_holidays_may_be_added_removed_and_worked() -> None:
    here = schedule(
        "timezone: UTC\nweek: {mon-fri: [08:00-20:00]}\nholidays:\n  country: RU\n  shifts: [09:00-13:00]\n"
        "  add: {2026-03-02: День центра}\n  remove: [2026-02-23]\n  working: [2026-03-07]\n"
    )
    assert day_kind(here, dt.date(2026, 3, 2)) == ("holiday", "День центра")
    assert day_kind(here, dt.date(2026, 2, 23)) == ("regular", "")
    assert day_kind(here, dt.date(2026, 3, 7)) == ("moved_working_day", "")
    assert at("2026-03-07T10:00", here).open


def test_a_calendar_that_is_not_there_yet_is_warned_of_a_month_ahead() -> None:
    assert calendar_warning(CENTRE, dt.date(2027, 11, 29)) == ""
    assert "2028" in calendar_warning(CENTRE, dt.date(2027, 12, 1))
    assert "2028" in calendar_warning(CENTRE, dt.date(2028, 6, 1))
    known = schedule("timezone: UTC\nweek: {}\nholidays: {country: RU, years_known: [2028]}\n")
    assert calendar_warning(known, dt.date(2027, 12, 20)) == ""


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("", 1, "empty"),
        ("timezone: Europe/Moscow\n", 1, "'week' is missing"),
        ("timezone: Mars/Base\nweek: {}\n", 1, "no time zone"),
        ("timezone: UTC\nweek:\n  mon: [8-20]\n", 3, "no shift"),
        ("timezone: UTC\nweek:\n  mon: [20:00-08:00]\n", 3, "no shift"),
        ("timezone: UTC\nweek:\n  mon: [08:00-24:01]\n", 3, "no shift"),
        ("timezone: UTC\nweek:\n  mon: [08:00-12:00, 11:00-13:00]\n", 3, "overlap"),
        ("timezone: UTC\nweek:\n  mon-wed: []\n  tue: []\n", 4, "twice"),
        ("timezone: UTC\nweek:\n  moon: []\n", 3, "no weekday"),
        ("timezone: UTC\nweek: {}\nholidays: {country: ZZ}\n", 3, "no country"),
        ("timezone: UTC\nweek: {}\nholidays:\n  add: {2026-02-30: x}\n", 4, "no date"),
        (
            "timezone: UTC\nweek: {}\nexceptions:\n- {from: 2026-01-02T10:00, to: 2026-01-02T09:00}\n",
            4,
            "before",
        ),
        ("timezone: UTC\nweek: {}\nexceptions:\n- {from: 2026-01-02T10:00}\n", 4, "'to' is missing"),
        (
            "timezone: UTC\nweek: {}\nexceptions:\n- {from: 2026-01-02T10:00+03:00, to: 2026-01-03}\n",
            4,
            "zone",
        ),
        ("timezone: UTC\nweek: {}\ncolour: red\n", 3, "unknown entry"),
    ],
)
def test_a_faulty_hours_file_names_the_line(text: str, line: int, words: str) -> None:
    with pytest.raises(Bad) as caught:
        hours_file.parse(text)
    assert caught.value.line == line
    assert words in str(caught.value)


def test_file_errors_name_the_file(tmp_path: Path) -> None:
    missing = tmp_path / "hours.yaml"
    with pytest.raises(hours_file.HoursError, match=r"hours\.yaml:1"):
        hours_file.load(missing)
    missing.write_bytes(b"timezone: UTC\nweek: \xff\n")
    with pytest.raises(hours_file.HoursError, match=r"hours\.yaml:2: not UTF-8"):
        hours_file.load(missing)


@pytest.mark.parametrize(
    ("moment", "prompts"),
    [
        ("2026-11-23T10:00", ["hours.open"]),
        ("2027-05-09T10:00", ["hours.open_holiday"]),
        ("2026-11-23T06:00", ["hours.closed", "hours.opens_today"]),
        ("2026-11-23T21:00", ["hours.closed", "hours.opens_tomorrow"]),
        ("2027-05-09T15:00", ["hours.closed_holiday", "hours.opens_tomorrow"]),
    ],
)
def test_what_is_said_of_the_hours(moment: str, prompts: list[str]) -> None:
    assert [prompt.prompt_id for prompt in spoken_hours(at(moment), "ru")] == prompts


def test_a_long_closure_names_the_day() -> None:
    here = schedule(HEAD + "exceptions:\n- {from: 2026-06-01T00:00, to: 2026-06-04T00:00}\n")
    said = spoken_hours(at("2026-06-01T10:00", here), "ru")
    assert [(p.prompt_id, dict(p.slots)) for p in said] == [
        ("hours.closed_closure", {}),
        ("hours.opens_day", {"day": "2026-06-04", "opens": "08:00"}),
    ]
