"""One look at the floor serves everybody who asks within a moment: a snapshot costs time in proportion to
all calls and agents, and pages, figures and the API may ask at once."""

from __future__ import annotations

import time
from collections.abc import Callable

from acd.contract import Snapshot


class Glance:
    def __init__(
        self,
        snapshot: Callable[[], Snapshot],
        *,
        keep_s: float = 0.2,
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._snapshot = snapshot
        self._keep_s = keep_s
        self._clock_s = clock_s
        self._seen: Snapshot | None = None
        self._seen_s = 0.0

    def __call__(self) -> Snapshot:
        now_s = self._clock_s()
        if self._seen is None or now_s - self._seen_s >= self._keep_s:
            self._seen = self._snapshot()
            self._seen_s = now_s
        return self._seen
