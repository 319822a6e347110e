"""What has to be looked after once a second: lost nodes, ghosts, snapshots, trimming, a full Redis."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Final

import structlog

from acd.contract import CallLeft, Event
from acd.journal import snapshots
from acd.journal.archive import Archive
from acd.journal.link import JournalError
from acd.journal.stream import Journal, LeaseLost, id_pair
from acd.service.follower import Follower
from acd.service.leadership import Leadership
from acd.service.sender import Sender

EVERY_S: Final = 1.0
SNAPSHOT_ENTRIES: Final = 20_000  # a standby reads as many in about a second
SNAPSHOT_S: Final = 600.0
NODE_GRACE_S: Final = 3.0  # after its sign of life ran out (5 s)
YOUNG_S: Final = 5.0
ARCHIVE_COUNT: Final = 1_000

log = structlog.get_logger(__name__)


class Chores:
    def __init__(
        self,
        journal: Journal,
        follower: Follower,
        leadership: Leadership,
        sender: Sender,
        *,
        archive: Archive | None,
        node: str,
        is_live: Callable[[str], bool],
        report: Callable[[Event], None],
        settle: Callable[[], None],
    ) -> None:
        self._journal = journal
        self._follower = follower
        self._leadership = leadership
        self._sender = sender
        self._archive = archive
        self._node = node
        self._is_live = is_live
        self._report = report
        self._settle = settle
        self._born_s = time.monotonic()
        self._silent_since_s: dict[str, float] = {}
        self._suspects: set[str] = set()
        self._declared: set[str] = set()
        self._stored_entries = 0
        self._stored_s = time.monotonic()
        self.owns_node = False
        self.assert_facts = False
        self.counts: Counter[str] = Counter()

    async def run(self) -> None:
        while True:
            await asyncio.sleep(EVERY_S)
            if not self._follower.synced.is_set():
                self._silent_since_s.clear()  # we, not the nodes, may have been away
                continue
            self._settle()
            self._sweep()
            if not self._leadership.leading:
                self._silent_since_s.clear()
                continue
            try:
                await self._look_for_lost_nodes()
                await self._keep_state()
            except LeaseLost:
                continue  # the pulse finds out
            except (JournalError, OSError) as error:
                self.counts["chore_failures"] += 1
                log.warning("chore failed", action="chore_failed", error=str(error))

    # --------------------------------------------------------------------------------------------- calls
    def report_lost(self, call_id: str) -> None:
        """The journal thinks that a call waits here, and it does not.

        The reason is one after which the engine takes the same call back, should it turn up after all.
        """
        self.counts["ghosts"] += 1
        log.warning("call not at this node", action="ghost", call=call_id)
        self._report(CallLeft(call_id, "abandoned", "node_lost"))

    def _sweep(self) -> None:
        """Calls that the state holds for this node and that are not here, twice in a row: left over from a
        process that died, or their end was dropped from a full outbox."""
        if not self._node or not self.owns_node or time.monotonic() - self._born_s < YOUNG_S:
            return
        ghosts = {
            call.call_id
            for call in self._follower.replica.engine.calls.values()
            if call.node == self._node
            and call.channel == "voice"  # for a chat no line is held
            and not self._is_live(call.call_id)
            # A callback that waits is held by nobody; one that talks is held here like any call.
            and (not call.callback or call.state == "connected")
        }
        for call_id in ghosts & self._suspects:
            self.report_lost(call_id)
        self._suspects = ghosts - self._suspects

    async def _look_for_lost_nodes(self) -> None:
        nodes = self._follower.replica.nodes()
        living = await self._journal.living(sorted(nodes))
        now_s = time.monotonic()
        self._declared -= living
        for node, holds_lines in nodes.items():
            if node in living:
                self._silent_since_s.pop(node, None)
            elif node in self._declared and not holds_lines:
                continue  # callbacks that no other node can take over: said once
            elif now_s - self._silent_since_s.setdefault(node, now_s) >= NODE_GRACE_S:
                self.counts["nodes_lost"] += 1
                await self._leadership.declare_lost(node)
                del self._silent_since_s[node]
                self._declared.add(node)

    # --------------------------------------------------------------------------------------------- state
    async def _keep_state(self) -> None:
        if self._sender.full:
            await self._make_room()
        new = self._follower.replica.counts["entries"] - self._stored_entries
        due = new >= SNAPSHOT_ENTRIES or (new > 0 and time.monotonic() - self._stored_s >= SNAPSHOT_S)
        if due:
            await self.store()

    async def store(self) -> None:
        """Stores the state and drops the entries that no snapshot needs. Raises JournalError, OSError."""
        entries = self._follower.replica.counts["entries"]
        if await self._leadership.save_snapshot() is None:
            return
        self._stored_entries = entries
        self._stored_s = time.monotonic()
        kept = await self._journal.snapshots()
        if len(kept) > 1 and (oldest := snapshots.entry_id_of(kept[-1])):
            await self._trim(oldest)

    async def _make_room(self) -> None:
        """Redis is full: keep one snapshot and what came after it."""
        kept = await self._journal.snapshots()
        if kept and (newest := snapshots.entry_id_of(kept[0])):
            await self._trim(newest)

    async def _trim(self, first_kept: str) -> None:
        lease = self._leadership.lease
        if lease is None or first_kept == "0-0":
            return
        if self._archive is not None:
            await self._to_archive(self._archive, first_kept)
        dropped = await self._journal.trim(lease, first_kept)
        self.counts["trimmed"] += dropped
        if dropped:
            log.info("journal trimmed", action="journal_trim", dropped=dropped, first=first_kept)

    async def _to_archive(self, archive: Archive, first_kept: str) -> None:
        after = await asyncio.to_thread(archive.last_id)
        while True:
            entries = await self._journal.range(f"({after}", f"({first_kept}", ARCHIVE_COUNT)
            entries = [entry for entry in entries if id_pair(entry.id) < id_pair(first_kept)]
            if not entries:
                return
            self.counts["archived"] += await asyncio.to_thread(archive.add, entries)
            after = entries[-1].id
