"""The journal's time, as far as it is known here, and what this machine's clock says of it."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from acd.contract import CallbackRequested, CallQueued, Event
from acd.journal.stream import Pulse

AGREE_MS: Final = 1_000  # clocks that differ by less say the same
SLEW: Final = 0.1  # of its pace: how the journal's time comes back to the server's (``acd.journal.scripts``)


class JournalClock:
    """Goes on from the last pulse with a clock that nobody sets; until the first one it is the machine's."""

    def __init__(
        self,
        steady_s: Callable[[], float] = time.monotonic,
        wall_s: Callable[[], float] = time.time,
    ) -> None:
        self._steady_s = steady_s
        self._wall_s = wall_s
        self._heard_s = steady_s()
        self._told_ms = int(wall_s() * 1000)
        self._pace = 1.0
        self.seen_ms = 0  # what the last pulse told; 0: there was none

    def heard(self, pulse: Pulse) -> None:
        self._heard_s = self._steady_s()
        self._told_ms = self.seen_ms = pulse.now_ms
        self._pace = pulse.pace

    def passed_ms(self) -> int:
        """Since the last pulse."""
        return int((self._steady_s() - self._heard_s) * 1000)

    def now_ms(self) -> int:
        return self._told_ms + int(self.passed_ms() * self._pace)

    def told(self, event: Event) -> Event:
        """A fact as the journal is to have it, whose times were read from this machine's clock.

        A callback's ``due_ms`` is a promise and stays: it is told to people.
        """
        wall_ms = int(self._wall_s() * 1000)
        ahead_ms = self.now_ms() - wall_ms
        if abs(ahead_ms) < AGREE_MS:
            return event
        match event:
            case CallQueued() if event.first_queued_ms:
                return replace(event, first_queued_ms=self._past(event.first_queued_ms, ahead_ms))
            case CallbackRequested():
                return replace(
                    event,
                    first_queued_ms=event.first_queued_ms and self._past(event.first_queued_ms, ahead_ms),
                    not_before_ms=_to_come(event.not_before_ms, wall_ms, ahead_ms),
                    not_after_ms=_to_come(event.not_after_ms, wall_ms, ahead_ms),
                )
        return event

    def _past(self, at_ms: int, ahead_ms: int) -> int:
        """It may also have been read before the clock was set, or be the journal's: the later reading that is
        not to come is the one that keeps nobody's place too long."""
        early_ms, late_ms = sorted((at_ms, at_ms + ahead_ms))
        return late_ms if late_ms <= self.now_ms() else early_ms


def _to_come(at_ms: int, wall_ms: int, ahead_ms: int) -> int:
    """What the journal's time will be at that hour, should it be brought back no faster than in use."""
    if not at_ms:
        return 0
    corrected_ms = int(max(0, at_ms - wall_ms) * SLEW)
    left_ms = max(0, abs(ahead_ms) - corrected_ms)
    return at_ms + (left_ms if ahead_ms > 0 else -left_ms)
