"""The sound of waiting: music on hold, and music that is listened over.

Rules
  * Asterisk hears a caller only while SPEECH RECOGNIZE plays something, so the music is its prompt, taken up
    where it was left. Without ears it is Asterisk's own music on hold, which stops for a key only.
  * Listening is bounded (``Ears``): over the bound a waiting caller has music and keys.
  * What turns out to be no words (a cough, a television) costs the caller a moment of music; after
    ``MAX_FALSE_STARTS`` of them in a call nobody listens over his music any more.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ivr.dialog.contract import Prompt

SAMPLES_A_MS = 8
MAX_FALSE_STARTS = 3
MAX_TRACKS = 100


@dataclass(frozen=True, slots=True)
class Track:
    """A piece of music: its path without extension, as Asterisk names sounds."""

    sound: str
    duration_ms: int


def tracks(folder: Path) -> tuple[Track, ...]:
    """The 8 kHz A-law files of a folder of music on hold, in alphabetical order; () when there are none."""
    try:
        files = sorted(folder.glob("*.alaw"))[:MAX_TRACKS]
        found = [Track(str(file.with_suffix("")), file.stat().st_size // SAMPLES_A_MS) for file in files]
    except OSError:
        return ()
    return tuple(track for track in found if track.duration_ms > 0)


@dataclass(slots=True)
class News:
    """What a waiting caller is told, once, before the music goes on."""

    prompts: tuple[Prompt, ...]
    said: bool = False


class Music:
    """How far one caller has heard the music; it goes round without end."""

    def __init__(self, played: Sequence[Track], clock: Callable[[], float] = time.monotonic) -> None:
        self._tracks = tuple(played)
        self._clock = clock
        self._index = 0
        self._at_ms = 0

    def __bool__(self) -> bool:
        return bool(self._tracks)

    @property
    def sound(self) -> str:
        return self._tracks[self._index].sound

    @property
    def offset(self) -> int:
        """In samples."""
        return self._at_ms * SAMPLES_A_MS

    @property
    def left_s(self) -> float:
        return (self._tracks[self._index].duration_ms - self._at_ms) / 1000

    @contextmanager
    def playing(self) -> Iterator[None]:
        """What is played within counts as heard."""
        began = self._clock()
        try:
            yield
        finally:
            self._at_ms += round(1000 * (self._clock() - began))
            if self._at_ms >= self._tracks[self._index].duration_ms:
                self._index, self._at_ms = (self._index + 1) % len(self._tracks), 0


class Ears:
    """How many waiting callers of a node are listened to at once."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.taken = 0

    @contextmanager
    def claimed(self, wanted: bool) -> Iterator[bool]:
        """Whether one of them is ours within."""
        ours = wanted and self.taken < self.most
        self.taken += ours
        try:
            yield ours
        finally:
            self.taken -= ours
