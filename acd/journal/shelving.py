"""From the archive's files to the shelf: a database that all nodes share.

Rules
  * Trimming writes files only, so a database that is away never stops it; the files wait.
  * An entry is put on the shelf as often as needed and stands there once: the shelf knows it by its id.
  * A file goes when everything in it is on the shelf, not before.
  * A line that nobody can read is counted and passed over; it must not keep the others waiting.

docs/adr/0007-archive.md says why.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

import structlog

from acd.journal.archive import LINE_LIMIT, Archive, parse
from acd.journal.link import Backoff
from acd.journal.stream import Entry

EVERY_S: Final = 5.0
LONGEST_PAUSE_S: Final = 60.0
BATCH: Final = 200
BATCH_BYTES: Final = 2_000_000
BREATH_S: Final = 0.02  # between batches: calls use the same database

log = structlog.get_logger(__name__)


class ShelfAway(Exception):
    """The shelf cannot be used just now."""


class Shelf(Protocol):
    """Where archived entries stay. Implemented by the wiring."""

    async def put(self, entries: Sequence[Entry]) -> int:
        """Keeps those that it does not have yet; how many it can never keep. Raises ShelfAway, and has then
        kept none."""
        ...


class Shelving:
    """Runs in the process that owns the archive's folder, whether it leads or not."""

    def __init__(self, archive: Archive, shelf: Shelf) -> None:
        self._archive = archive
        self._shelf = shelf
        self._done: dict[Path, int] = {}  # how far each file has been put on the shelf, in bytes
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        backoff = Backoff(EVERY_S, LONGEST_PAUSE_S)
        while True:
            try:
                await self.carry()
            except (ShelfAway, OSError) as error:
                self.counts["shelf_failures"] += 1
                log.warning("the archive waits in its files", action="shelf_away", error=str(error))
                await asyncio.sleep(backoff.pause_s())
                continue
            backoff.reset()
            await asyncio.sleep(EVERY_S)

    async def carry(self) -> int:
        """Puts all that lies in the files on the shelf; how many entries. Raises ShelfAway, OSError."""
        carried = 0
        for file in await asyncio.to_thread(self._archive.files):
            carried += await self._carry_file(file)
        return carried

    async def _carry_file(self, file: Path) -> int:
        carried = 0
        while True:
            entries, done, unreadable = await asyncio.to_thread(read_batch, file, self._done.get(file, 0))
            if entries:
                unreadable += await self._shelf.put(entries)
                carried += len(entries)
            if unreadable:
                self.counts["shelf_refused"] += unreadable
                log.error("lines left out", action="shelf_refused", file=file.name, count=unreadable)
            if done > self._done.get(file, 0):
                self._done[file] = done
                self.counts["shelved"] += len(entries)
                await asyncio.sleep(BREATH_S)
            elif await asyncio.to_thread(self._archive.remove, file, done):
                self._done.pop(file, None)
                return carried
            else:  # a line is being written, or was never finished: the archive itself cuts that off
                return carried


def read_batch(file: Path, start: int) -> tuple[list[Entry], int, int]:
    """Entries of the whole lines after byte ``start``, where they end, how many lines cannot be read."""
    entries: list[Entry] = []
    unreadable = size = 0
    with file.open("rb") as handle:
        handle.seek(start)
        while len(entries) < BATCH and size < BATCH_BYTES:
            line = handle.readline(LINE_LIMIT + 1)
            if not line.endswith(b"\n") and len(line) <= LINE_LIMIT:
                break
            start += len(line)
            size += len(line)
            entry = parse(line)
            if entry is None:
                unreadable += 1
            else:
                entries.append(entry)
    return entries, start, unreadable
