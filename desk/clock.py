"""The time, for those who are not given another clock."""

from __future__ import annotations

import time


def wall_clock_ms() -> int:
    """Unix time in ms."""
    return time.time_ns() // 1_000_000
