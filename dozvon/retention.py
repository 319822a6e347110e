"""Wiring: the desk's housekeeping, at start and daily: what is to be forgotten, and recordings that wait.

A database that comes late or is away at that hour must not put retention off by a day: each chore that could
not be done is tried again soon, by itself.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog

from desk.clock import wall_clock_ms
from desk.contract import DeskUnavailable
from desk.journal import SqlJournal
from desk.store import SqlDesk
from desk.taking import sweep_strays
from desk.upkeep import DAY_MS

EVERY_S = 24 * 3600.0
RETRY_S = 60.0

log = structlog.get_logger(__name__)
Chore = Callable[[], Awaitable[object]]


async def keep_up(desk: SqlDesk, recordings: Path, journal_days: int) -> None:
    """For ever. ``recordings``: where callers' words lie until they belong to a ticket."""

    async def forget_journal() -> None:
        await SqlJournal(desk.database).forget(wall_clock_ms() - journal_days * DAY_MS)

    async def forget_strays() -> None:
        await sweep_strays(desk.database, recordings, time.time())

    chores = (desk.purge, desk.take_pending, forget_strays, forget_journal)
    await asyncio.gather(*(_daily(chore) for chore in chores))


async def _daily(chore: Chore) -> None:
    while True:
        done = await _done(chore)
        await asyncio.sleep(EVERY_S if done else RETRY_S)


async def _done(chore: Chore) -> bool:
    try:
        await chore()
    except DeskUnavailable as error:
        log.warning("retention waits for the desk", action="retention_waits", why=str(error))
        return False
    except Exception:  # nor may a fault of ours
        log.exception("a chore failed", action="chore_failed", chore="retention")
        return False
    return True
