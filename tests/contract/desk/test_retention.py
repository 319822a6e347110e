"""The daemon's housekeeping of the desk: a database that comes late puts nothing off by a day."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from acd import tasks
from desk.contract import DeskUnavailable
from desk.office import SYSTEM, TicketFilter
from desk.store import SqlDesk
from desk.upkeep import DAY_MS
from dozvon import retention

from .test_tickets import draft

NOWHERE = Path("no-recordings-here")


@contextlib.asynccontextmanager
async def housekeeping(desk: SqlDesk) -> AsyncIterator[None]:
    task = asyncio.create_task(retention.keep_up(desk, NOWHERE, journal_days=750))
    try:
        yield
    finally:
        await tasks.end([task])


async def until(done: Callable[[], Any]) -> None:
    async with asyncio.timeout(5):
        while True:
            if done():
                return
            await asyncio.sleep(0.01)


async def test_a_database_that_comes_late_puts_retention_off_by_a_minute(
    sqlite_place, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = sqlite_place.desk()
    await before.start()
    old = await before.open_ticket(draft("old"))
    await before.close_ticket(old.number, SYSTEM)
    await before.open_ticket(draft("open"))
    sqlite_place.clock.now_ms += 31 * DAY_MS
    monkeypatch.setattr(retention, "RETRY_S", 0.02)

    desk = sqlite_place.desk()  # not yet started
    with capture_logs() as lines:
        async with housekeeping(desk):
            await until(lambda: len(lines) >= 3)
            await desk.start()
            await until(lambda: [line for line in lines if line["action"] == "desk_purged"])
    assert {line["action"] for line in lines[:3]} == {"retention_waits"}
    assert [one.source_id for one in (await desk.tickets(TicketFilter(), SYSTEM)).items] == ["open"]


async def test_one_chore_that_cannot_be_done_keeps_no_other_away(
    sqlite_place, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = sqlite_place.desk()
    await desk.start()
    done: list[str] = []
    faults = [DeskUnavailable("locked"), RuntimeError("a fault of ours")]

    async def purge() -> None:
        if faults:
            raise faults.pop(0)
        done.append("purge")

    async def take_pending() -> None:
        done.append("pending")

    monkeypatch.setattr(desk, "purge", purge)
    monkeypatch.setattr(desk, "take_pending", take_pending)
    monkeypatch.setattr(retention, "RETRY_S", 0.02)
    with capture_logs() as lines:
        async with housekeeping(desk):
            await until(lambda: "purge" in done)
            await asyncio.sleep(0.1)
    assert done == ["pending", "purge"], "what is done is not done again before the next day"
    assert [line["action"] for line in lines] == ["retention_waits", "chore_failed"]


async def test_a_chore_that_fails_for_days_keeps_no_other_away(
    sqlite_place, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = sqlite_place.desk()
    await desk.start()
    rounds: list[str] = []

    async def purge() -> None:
        raise PermissionError("a file of somebody else")

    async def take_pending() -> None:
        rounds.append("pending")

    monkeypatch.setattr(desk, "purge", purge)
    monkeypatch.setattr(desk, "take_pending", take_pending)
    monkeypatch.setattr(retention, "EVERY_S", 0.02)
    async with housekeeping(desk):
        await until(lambda: len(rounds) >= 3)


async def test_retention_comes_round_again(sqlite_place, monkeypatch: pytest.MonkeyPatch) -> None:
    desk = sqlite_place.desk()
    await desk.start()
    monkeypatch.setattr(retention, "EVERY_S", 0.02)
    with capture_logs() as lines:
        async with housekeeping(desk):
            await until(lambda: [line["action"] for line in lines].count("desk_purged") >= 3)
