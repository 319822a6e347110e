"""Following the journal: the replica is brought up to date and kept so, over every fate of Redis.

What is found on (re)connection, and what is done
  * our last entry is still there          go on after it
  * the journal was trimmed past it        load the snapshot, replay the rest
  * the journal lost its end (a crash)     the same, and facts that were sent lately are sent again
  * another generation                     the same, and live facts that it lacks are asserted anew
  * no journal at all (emptied)            keep the state: whoever leads next founds the journal with it

What was found holds until all has been read: a connection that breaks meanwhile changes nothing about it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from acd.contract import Event
from acd.journal import snapshots
from acd.journal.link import BLOCK_MS, Backoff, JournalDown, JournalError
from acd.journal.stream import Entry, Journal, id_pair
from acd.service.replica import Replica

CATCH_UP_COUNT = 1000
ASLEEP_S = 5.0

# What may be found, the lesser first: of two, the greater is what is told in the end.
FINDINGS = ("nothing", "restart", "lost_end", "trimmed", "other_generation", "start")

log = structlog.get_logger(__name__)


class Follower:
    """``on_batch`` runs after each batch of entries (also an empty one); ``on_event`` for each new fact."""

    def __init__(
        self,
        journal: Journal,
        *,
        on_event: Callable[[Event, Entry], None],
        on_batch: Callable[[], Awaitable[None]],
        on_synced: Callable[[str], None],
        on_lost_end: Callable[[], None],
        block_ms: Callable[[], int],
    ) -> None:
        self._journal = journal
        self._on_event = on_event
        self._on_batch = on_batch
        self._on_synced = on_synced
        self._on_lost_end = on_lost_end
        self._block_ms = block_ms
        self.replica = Replica()
        self.generation_seen = ""  # by the pulse; another one than the replica's means: look again
        self.looked = False  # whether Redis was ever looked at
        self.synced = asyncio.Event()
        self._wake = asyncio.Event()
        self._found = FINDINGS[0]  # since all was last read

    def look_again(self) -> None:
        """Something told that the journal is not what we follow."""
        self.synced.clear()
        self._wake.set()

    async def run(self) -> None:
        backoff = Backoff()
        while True:
            try:
                if await self._synchronise():
                    backoff.reset()
                    await self._follow()
                else:
                    await self._wait_for_journal()
            except JournalError as error:
                if self.synced.is_set() or not self.looked:
                    log.warning("journal lost", action="journal_lost", error=str(error))
                self.looked = True
                self.synced.clear()
                await asyncio.sleep(backoff.pause_s())

    async def _wait_for_journal(self) -> None:
        """A leader founds it; the pulse tells."""
        self.looked = True
        self._wake.clear()
        try:
            async with asyncio.timeout(0.2):
                await self._wake.wait()
        except TimeoutError:
            pass

    # --------------------------------------------------------------------------------------- synchronise
    async def _synchronise(self) -> bool:
        """Makes the replica match the journal; False when there is no journal."""
        generation = await self._journal.generation()
        if not generation:
            return False
        why = await self._what_happened(generation)
        self._found = max(self._found, why, key=FINDINGS.index)
        if why != "nothing":
            await self._reload(generation)
            log.info("state loaded", action="journal_load", why=why, entry=self.replica.last_id)
        if why == "lost_end":
            self._on_lost_end()
        await self._catch_up()
        self.generation_seen = generation
        self.looked = True
        self.synced.set()
        found, self._found = self._found, FINDINGS[0]
        self._on_synced(found)
        return True

    async def _what_happened(self, generation: str) -> str:
        replica = self.replica
        if replica.generation != generation:
            return "other_generation" if replica.generation else "start"
        if replica.last is None:
            return "restart"
        if await self._journal.holds(replica.last.id, replica.last.data):
            return "nothing"
        first = await self._journal.first_id()
        if first and id_pair(replica.last.id) < id_pair(first):
            return "trimmed"
        return "lost_end"

    async def _reload(self, generation: str) -> None:
        found, bad = snapshots.newest(await self._journal.snapshots())
        replica = Replica()
        replica.generation = generation
        if found is not None and found.generation == generation:
            try:
                replica = Replica.load(found.state, found.entry_id, generation)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                bad += 1
                log.error("snapshot not loadable", action="snapshot_bad", error=repr(error))
        replica.counts.update(self.replica.counts)
        if bad:
            replica.counts["bad_snapshots"] += bad
            log.error("snapshots passed over", action="snapshot_bad", count=bad)
        self.replica = replica

    async def _catch_up(self) -> None:
        while True:
            first = "-" if self.replica.last_id == "0-0" else f"({self.replica.last_id}"
            entries = await self._journal.range(first, count=CATCH_UP_COUNT)
            self._take(entries)
            if len(entries) < CATCH_UP_COUNT:
                return
            await asyncio.sleep(0)  # a long replay must not starve the rest of the process

    # -------------------------------------------------------------------------------------------- follow
    async def _follow(self) -> None:
        await self._on_batch()
        read_s = time.monotonic()
        while self.synced.is_set():
            entries = await self._read()
            read_s, before_s = time.monotonic(), read_s
            if read_s - before_s > ASLEEP_S:
                return  # stopped meanwhile; what we would read next may have been trimmed: look first
            self._take(entries)
            await self._on_batch()

    async def _read(self) -> list[Entry]:
        block_ms = max(1, min(self._block_ms(), BLOCK_MS))
        try:
            async with asyncio.timeout(block_ms / 1000 + 2.0):
                return await self._journal.read(self.replica.last_id, block_ms)
        except TimeoutError:
            raise JournalDown("no answer") from None

    def _take(self, entries: list[Entry]) -> None:
        for entry in entries:
            if entry.generation not in ("", self.replica.generation):
                self.look_again()  # emptied and founded again while we were reading
                return
            event = self.replica.apply(entry)
            if event is not None:
                self._on_event(event, entry)
