"""Whatever the hours file says, the state at a time never contradicts the states around it."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.schedule import Exception_, Schedule, state_at

ZONES = st.sampled_from(
    ["Europe/Moscow", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Apia"]
)
START = dt.datetime(2026, 10, 20)  # both zones with summer time change within the weeks that follow


@st.composite
def shifts(draw: st.DrawFn) -> tuple[tuple[int, int], ...]:
    edges = sorted(draw(st.sets(st.integers(0, 96), max_size=6)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return tuple((start * 15, end * 15) for start, end in pairs)


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    exceptions = []
    for _ in range(draw(st.integers(0, 3))):
        start = START + dt.timedelta(minutes=15 * draw(st.integers(0, 2000)))
        end = start + dt.timedelta(minutes=15 * draw(st.integers(1, 300)))
        exceptions.append(Exception_(start, end, draw(st.booleans())))
    return Schedule(
        timezone=draw(ZONES),
        week=tuple(draw(shifts()) for _ in range(7)),
        holiday_shifts=draw(shifts()),
        country="RU",
        exceptions=tuple(exceptions),
    )


def moment(schedule: Schedule, minutes: int) -> int:
    first = START.replace(tzinfo=ZoneInfo(schedule.timezone)).timestamp()
    return round(first + minutes * 60) * 1000


@settings(max_examples=30)
@given(schedules(), st.integers(0, 20 * 1440))
def test_the_state_holds_until_the_time_it_names_and_changes_then(schedule: Schedule, minutes: int) -> None:
    now = moment(schedule, minutes)
    state = state_at(schedule, now)
    if state.open:
        assert state.opens_at_ms <= now < state.closes_at_ms
        assert state_at(schedule, state.closes_at_ms - 1).open
        assert not state_at(schedule, state.closes_at_ms).open
        assert state_at(schedule, state.opens_at_ms).open
        assert not state_at(schedule, state.opens_at_ms - 1).open
    elif state.opens_at:
        assert now < state.opens_at_ms < state.closes_at_ms
        assert not state_at(schedule, state.opens_at_ms - 1).open
        assert state_at(schedule, state.opens_at_ms).open
        assert state_at(schedule, state.opens_at_ms).closes_at_ms == state.closes_at_ms


@settings(max_examples=30)
@given(schedules(), st.integers(0, 20 * 1440))
def test_reasons_go_with_states(schedule: Schedule, minutes: int) -> None:
    state = state_at(schedule, moment(schedule, minutes))
    assert state.reason in (
        ("regular", "holiday", "opening") if state.open else ("holiday", "closure", "outside_hours")
    )


@settings(max_examples=40)
@given(schedules(), st.integers(0, 20 * 1440))
def test_a_closure_that_is_in_force_closes(schedule: Schedule, minutes: int) -> None:
    now = moment(schedule, minutes)
    local = dt.datetime.fromtimestamp(now / 1000, ZoneInfo(schedule.timezone))
    if local.replace(fold=1).utcoffset() != local.replace(fold=0).utcoffset():
        return  # the hour that comes twice: which of the two is meant is tested by example
    naive = local.replace(tzinfo=None)
    if any(not item.open and item.start <= naive < item.end for item in schedule.exceptions):
        assert not state_at(schedule, now).open
