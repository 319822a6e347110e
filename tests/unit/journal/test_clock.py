"""The journal's time here, and times that were read from this machine's clock."""

from __future__ import annotations

import pytest

from acd.contract import CallbackRequested, CallQueued, Tick
from acd.journal.stream import Pulse
from acd.service.clock import JournalClock

HOUR_MS = 3_600_000
WALL_MS = 1_790_000_000_000


class Hands:
    """Both clocks of a machine, set by hand."""

    def __init__(self) -> None:
        self.steady_s = 50.0
        self.wall_ms = WALL_MS
        self.clock = JournalClock(lambda: self.steady_s, lambda: self.wall_ms / 1000)

    def hear(self, ahead_ms: int, pace: float = 1.0) -> None:
        self.clock.heard(Pulse(self.wall_ms + ahead_ms, True, "e:1", "g", "", pace, ahead_ms))


def test_before_the_first_pulse_it_is_the_machines() -> None:
    hands = Hands()
    assert hands.clock.now_ms() == WALL_MS and hands.clock.seen_ms == 0


def test_it_goes_on_at_the_journals_pace_whatever_is_set_here() -> None:
    hands = Hands()
    hands.hear(0)
    hands.wall_ms -= 5 * HOUR_MS
    hands.steady_s += 2
    assert hands.clock.now_ms() == WALL_MS + 2_000 and hands.clock.passed_ms() == 2_000
    hands.wall_ms = WALL_MS
    hands.hear(5 * HOUR_MS, 0.9)
    hands.steady_s += 2
    assert hands.clock.now_ms() == WALL_MS + 5 * HOUR_MS + 1_800
    hands.hear(5 * HOUR_MS, 0.0)  # stands
    hands.steady_s += 2
    assert hands.clock.now_ms() == WALL_MS + 5 * HOUR_MS


def test_clocks_that_agree_change_nothing() -> None:
    hands = Hands()
    hands.hear(900)
    fact = CallQueued("c1", "n1", "hotline", "t", first_queued_ms=7)
    assert hands.clock.told(fact) is fact
    hands.hear(5 * HOUR_MS)
    assert hands.clock.told(Tick()) == Tick()
    undated = CallQueued("c1", "n1", "hotline", "t")
    assert hands.clock.told(undated) is undated


@pytest.mark.parametrize("ahead_ms", [5 * HOUR_MS, -5 * HOUR_MS])
def test_a_place_is_kept_over_a_clock_that_was_set(ahead_ms: int) -> None:
    """Read after it or before it: in the journal's time he came ten seconds ago."""
    hands = Hands()
    hands.hear(ahead_ms)
    came_ms = WALL_MS + ahead_ms - 10_000
    for read_ms in (WALL_MS - 10_000, came_ms):
        fact = hands.clock.told(CallQueued("c1", "n1", "hotline", "t", first_queued_ms=read_ms))
        assert isinstance(fact, CallQueued) and fact.first_queued_ms == came_ms
        wish = CallbackRequested("b1", "", "n1", "hotline", "t", first_queued_ms=read_ms)
        told = hands.clock.told(wish)
        assert isinstance(told, CallbackRequested) and told.first_queued_ms == came_ms


def test_the_hours_of_a_callback_are_the_journals_of_then() -> None:
    """An hour in which it comes back by six minutes; what was promised stays as it was told."""
    hands = Hands()
    hour_ms = WALL_MS + HOUR_MS
    wish = CallbackRequested("b1", "", "n1", "q", "t", not_before_ms=hour_ms, due_ms=hour_ms)
    for ahead_ms, then_ms in ((HOUR_MS, HOUR_MS - 360_000), (-HOUR_MS, 360_000 - HOUR_MS), (60_000, 0)):
        hands.hear(ahead_ms)
        told = hands.clock.told(wish)
        assert isinstance(told, CallbackRequested)
        assert (told.not_before_ms, told.not_after_ms, told.due_ms) == (hour_ms + then_ms, 0, hour_ms)
