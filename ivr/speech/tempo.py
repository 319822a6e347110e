"""Speech made slower while its pitch stays: waveform-similarity overlap-add (W. Verhelst, M. Roelands, 1993).

Windows of the sound are laid over each other further apart than they were taken. Each is taken from where the
sound goes on most like the window before it would have, within SEARCH samples, so that waves meet in phase.
Pure, in a stream: what comes out follows some 40 ms behind what was fed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.int16]

WINDOW = 240  # samples of 8 kHz: 30 ms
HOP = WINDOW // 2
SEARCH = 60
_TAPER = np.hanning(WINDOW + 1)[:WINDOW].astype(np.float32)  # two that overlap by half add up to 1


class Slower:
    """``factor``: how many times longer, 1 or more."""

    def __init__(self, factor: float) -> None:
        if factor < 1:
            raise ValueError("slower, not quicker")
        self._factor = factor
        self._sound = np.zeros(0, np.float32)
        self._begin = 0  # of what is kept, in samples since the first
        self._laid = 0  # samples given out
        self._last = -1  # where the window before was taken
        self._tail = np.zeros(HOP, np.float32)

    def feed(self, samples: Samples) -> Samples:
        self._sound = np.concatenate((self._sound, samples.astype(np.float32)))
        given = []
        while (around := int(self._laid / self._factor)) + SEARCH + HOP + WINDOW <= self._end:
            given.append(self._lay(around))
        return _joined(given)

    def finish(self) -> Samples:
        """What is still to come."""
        end = int(self._end * self._factor)
        rest = self.feed(np.zeros(SEARCH + HOP + 2 * WINDOW, np.int16))
        return rest[: max(0, len(rest) - (self._laid - end))]

    @property
    def _end(self) -> int:
        return self._begin + len(self._sound)

    def _lay(self, around: int) -> npt.NDArray[np.float32]:
        taken = around if self._last < 0 else self._alike(around)
        window = self._sound[taken - self._begin :][:WINDOW] * _TAPER
        out = self._tail + window[:HOP]
        self._tail = window[HOP:]
        self._last = taken
        self._laid += HOP
        needless = max(0, min(taken, around - SEARCH) - self._begin)
        self._sound = self._sound[needless:]
        self._begin += needless
        return out

    def _alike(self, around: int) -> int:
        """Where within SEARCH of ``around`` the sound is most like what followed the last window."""
        wanted = self._sound[self._last + HOP - self._begin :][:WINDOW]
        first = max(self._begin, around - SEARCH)
        span = self._sound[first - self._begin : around + SEARCH + WINDOW - self._begin]
        power = np.concatenate(([0.0], np.cumsum(span.astype(np.float64) ** 2)))
        energy = power[WINDOW:] - power[:-WINDOW]
        likeness = np.correlate(span, wanted, "valid") / np.sqrt(energy + 1.0)
        return first + int(np.argmax(likeness))


def _joined(pieces: list[npt.NDArray[np.float32]]) -> Samples:
    if not pieces:
        return np.zeros(0, np.int16)
    return np.clip(np.round(np.concatenate(pieces)), -32768, 32767).astype(np.int16)
