"""The journal's archive in the desk's database: joins two parts that do not know each other.

Entries move from Redis to files to the database (docs/adr/0007-archive.md). Whoever reads them all looks in
the same order, so that an entry that moves meanwhile is seen twice rather than never.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

from acd.journal.archive import Archive
from acd.journal.codec import type_of
from acd.journal.link import JournalError
from acd.journal.recorded import STANDING
from acd.journal.shelving import ShelfAway
from acd.journal.stream import Entry, Journal, id_pair
from desk.contract import DeskUnavailable
from desk.database import Database
from desk.journal import Kept, SqlJournal
from dozvon.check import guarded
from dozvon.settings import Settings

PAGE = 2_000
LEAD_MS = 24 * 3600 * 1000  # before a period everything is read, so that who waited at its start is known
_TIMEOUT_S = 30.0  # nobody waits on a telephone for these


class DeskShelf:
    """Implements ``acd.journal.shelving.Shelf``."""

    def __init__(self, database: Database) -> None:
        self._journal = SqlJournal(database)

    async def put(self, entries: Sequence[Entry]) -> int:
        kept = [
            Kept(*id_pair(entry.id), type_of(entry.data), entry.data.decode("utf-8", "replace"))
            for entry in entries
        ]
        try:
            return await self._journal.put(kept)
        except DeskUnavailable as error:
            raise ShelfAway(str(error)) from error


def entries(
    settings: Settings, from_ms: int, to_ms: int, complain: Callable[[str], None], *, with_past: bool = True
) -> Iterator[Entry]:
    """All that an installation still knows of a period, in order, each entry once: from Redis, this machine's
    files and the database. ``with_past``: also what was said before the period and still held in it (agents,
    rules), and all of the day before. ``complain`` hears of a source that fails; the others are used.
    Raises ConfigurationFaulty for an address that is none.
    """
    whole_from_ms = max(0, from_ms - LEAD_MS) if with_past else from_ms
    first_ms = 0 if with_past else from_ms
    with asyncio.Runner() as runner:
        live: list[Entry] = []
        try:
            live = runner.run(_live(settings, first_ms, to_ms))
        except JournalError as error:
            complain(f"the journal in Redis cannot be read, only the archive is used: {error}")
        spooled = sorted(Archive(settings.home / "journal").between(first_ms, to_ms), key=_order)
        database = guarded(lambda: Database(settings.database_url, _TIMEOUT_S))
        shelved = _shelved(runner, database, whole_from_ms, to_ms, STANDING if with_past else (), complain)
        try:
            yield from _once(heapq.merge(shelved, spooled, live, key=_order))
        finally:
            runner.run(database.stop())


async def _live(settings: Settings, first_ms: int, to_ms: int) -> list[Entry]:
    journal = guarded(lambda: Journal(settings.redis_url))
    found: list[Entry] = []
    after = f"{first_ms}"
    try:
        while page := await journal.range(after):
            found += [entry for entry in page if id_pair(entry.id)[0] <= to_ms]
            if len(found) and id_pair(page[-1].id)[0] > to_ms:
                break
            after = f"({page[-1].id}"
    finally:
        await journal.close()
    return found


def _shelved(
    runner: asyncio.Runner,
    database: Database,
    whole_from_ms: int,
    to_ms: int,
    standing: Collection[str],
    complain: Callable[[str], None],
) -> Iterator[Entry]:
    journal = SqlJournal(database)
    after = (0, -1) if standing else (whole_from_ms, -1)
    try:
        runner.run(database.start())
        while page := runner.run(
            journal.page(after, to_ms, PAGE, whole_from_ms=whole_from_ms, standing=standing)
        ):
            for kept in page:
                yield Entry(f"{kept.ms}-{kept.seq}", kept.record.encode("utf-8", "replace"))
            after = page[-1][:2]
    except DeskUnavailable as error:
        complain(f"the archive in the database cannot be read, some entries may be missing: {error}")


def _order(entry: Entry) -> tuple[int, int]:
    return id_pair(entry.id)


def _once(found: Iterable[Entry]) -> Iterator[Entry]:
    """Leaves out what comes a second time in a row."""
    last = ""
    for entry in found:
        if entry.id != last:
            last = entry.id
            yield entry
