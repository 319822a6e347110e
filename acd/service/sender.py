"""Sending facts: from the outbox to the journal, over every fate of Redis."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

from acd.journal.link import Backoff, JournalError, JournalFull
from acd.journal.stream import Journal, JournalEmpty, JournalMoved
from acd.service.follower import Follower
from acd.service.outbox import Outbox

log = structlog.get_logger(__name__)


class Sender:
    """Drains the outbox. ``full``: Redis refuses to store more; facts wait."""

    def __init__(
        self, journal: Journal, outbox: Outbox, follower: Follower, producer: str, now_ms: Callable[[], int]
    ) -> None:
        self._journal = journal
        self._outbox = outbox
        self._follower = follower
        self._producer = producer
        self._now_ms = now_ms
        self._filled = asyncio.Event()
        self._empty = asyncio.Event()
        self._empty.set()
        self.full = False

    def wake(self) -> None:
        if len(self._outbox):
            self._empty.clear()
            self._filled.set()

    async def drained(self) -> None:
        """Waits until all facts are in the journal."""
        await self._empty.wait()

    async def run(self) -> None:
        backoff = Backoff()
        while True:
            if not len(self._outbox):
                self._empty.set()
                self._filled.clear()
                await self._filled.wait()
            await self._follower.synced.wait()
            first, records = self._outbox.batch()
            try:
                await self._journal.append(self._follower.replica.generation, self._producer, first, records)
            except (JournalEmpty, JournalMoved):
                self._follower.look_again()
                continue
            except JournalError as error:
                self._refused(error)
                await asyncio.sleep(backoff.pause_s())
                continue
            self._outbox.confirm(first, len(records), self._now_ms())
            backoff.reset()
            if self.full:
                self.full = False
                log.info("journal takes facts again", action="journal_writable")

    def _refused(self, error: JournalError) -> None:
        if isinstance(error, JournalFull) and not self.full:
            self.full = True
            log.error("journal is full", action="journal_full", error=str(error), waiting=len(self._outbox))
