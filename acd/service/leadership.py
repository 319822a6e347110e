"""Who leads: a lease in Redis, kept by a pulse; and what only a leader does.

The lease runs 1 s and is renewed each 0.25 s; a standby looks each 0.1 s. After the death of a leader another
one orders within 1.0 + 0.1 s and the time of two requests. A leader that was merely slow finds its lease gone
at its next write, which is refused (see ``acd.journal.scripts``): at no time do two order.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import structlog

from acd.contract import Command, NodeLost, Tick
from acd.journal import snapshots
from acd.journal.codec import encode
from acd.journal.link import JournalError
from acd.journal.stream import Journal, JournalMoved, Lease, LeaseLost, Pulse, id_pair
from acd.service.clock import JournalClock
from acd.service.follower import Follower

LEASE_MS: Final = 1_000
RENEW_S: Final = 0.25
LOOK_S: Final = 0.1
FOLLOW_S: Final = 0.5  # of a process that never leads
NODE_MS: Final = 5_000
TICK_SPACING_MS: Final = 2
TICK_REPEAT_MS: Final = 500

log = structlog.get_logger(__name__)


class Leadership:
    """Holds, seeks or (``leads=False``) never seeks the lease; publishes while it leads."""

    def __init__(
        self,
        journal: Journal,
        follower: Follower,
        *,
        engine: str,
        node: str,
        leads: bool,
        on_pulse: Callable[[Pulse], None],
        clock: JournalClock,
    ) -> None:
        self._journal = journal
        self._follower = follower
        self._engine = engine
        self._node = node
        self._seeks = leads
        self._on_pulse = on_pulse
        self._clock = clock
        self._ahead_ms = 0  # the journal's time of the server's clock
        self._tick_ms = 0
        self._tick_id = "0-0"
        self.lease: Lease | None = None
        self._ordering = asyncio.Lock()
        self._elected = ("", "")  # generation and id of the entry that says so
        self.counts: Counter[str] = Counter()

    @property
    def leading(self) -> bool:
        """Holds the lease, as far as is known here, and has read all that came before it."""
        generation, entry_id = self._elected
        replica = self._follower.replica
        return (
            self.lease is not None
            and replica.generation == generation
            and id_pair(replica.last_id) >= id_pair(entry_id)
        )

    # --------------------------------------------------------------------------------------------- pulse
    async def run(self) -> None:
        while True:
            try:
                await self._beat()
            except JournalMoved:
                self._follower.look_again()
            except JournalError as error:
                self.counts["pulse_failures"] += 1
                log.debug("no pulse", action="pulse_failed", error=str(error))
            pause_s = RENEW_S if self.lease else LOOK_S if self._seeks else FOLLOW_S
            await asyncio.sleep(pause_s)

    async def _beat(self) -> None:
        pulse = await self._journal.pulse(
            self.lease,
            LEASE_MS,
            self._node,
            NODE_MS,
            self._engine,
            seen_ms=self._clock.seen_ms,
            passed_ms=self._clock.passed_ms(),
            quiet_id=self._quiet_id(),
        )
        self._clock.heard(pulse)
        self._note_clock(pulse.ahead_ms)
        self._on_pulse(pulse)
        if self.lease is not None and not pulse.leads:
            log.warning("no longer leading", action="lease_lost", token=self.lease.token)
            self._step_down()
        follower = self._follower
        if pulse.generation != follower.replica.generation:
            follower.look_again()
        if self._seeks and not pulse.leader and (follower.synced.is_set() or not pulse.generation):
            await self._acquire(pulse)

    def _quiet_id(self) -> str:
        """The newest entry read, when the clocks differ and nobody is there for whom time has to pass."""
        replica = self._follower.replica
        return replica.last_id if self._ahead_ms and self.leading and replica.quiet else ""

    def _note_clock(self, ahead_ms: int) -> None:
        if bool(ahead_ms) != bool(self._ahead_ms):
            self.counts["clock_set"] += bool(ahead_ms)
            log.log(
                logging.WARNING if ahead_ms else logging.INFO,
                "Redis' clock was set: the journal's time comes back to it slowly"
                if ahead_ms
                else "the journal's time is Redis' clock again",
                action="journal_clock",
                ahead_s=ahead_ms / 1000,
            )
        self._ahead_ms = ahead_ms
        self.counts["clock_ahead_ms"] = ahead_ms

    async def _acquire(self, pulse: Pulse) -> None:
        replica = self._follower.replica
        generation, seed = pulse.generation, b""
        new_generation = uuid.uuid4().hex[:8]
        if not generation and replica.has_state:
            state = snapshots.Snapshot("0-0", new_generation, replica.dump())
            seed = snapshots.pack(state)
        answer = await self._journal.acquire(self._engine, LEASE_MS, generation, new_generation, seed)
        if answer is None:
            return
        self.lease, entry_id, founded = answer
        self._elected = (founded, entry_id)
        self._tick_ms, self._tick_id = 0, "0-0"
        log.info(
            "lease taken",
            action="lease_taken",
            token=self.lease.token,
            entry=entry_id,
            founded=founded if founded != generation else "",
            seeded=bool(seed),
        )
        if founded != generation:
            self._follower.look_again()
        policy = await self._journal.eviction_policy()
        if policy not in ("", "noeviction"):
            log.error(
                "Redis may throw the journal away when it is full: set maxmemory-policy noeviction",
                action="redis_policy",
                policy=policy,
            )
        # The entry may have been read before the answer came: what is to be sent waits for nobody else.
        await self.after_batch()

    def _step_down(self) -> None:
        self.lease = None

    async def release(self) -> None:
        """Lets a standby take over at once."""
        lease = self.lease
        self._step_down()
        if lease is not None:
            with contextlib.suppress(JournalError):  # it runs out by itself
                await self._journal.release(lease)

    # ------------------------------------------------------------------------------------------- leading
    async def after_batch(self) -> None:
        """Sends what is to be sent and, when a deadline is due, says that time has passed."""
        if self.lease is None or not self.leading:
            return
        async with self._ordering:
            await self._order(self.lease)

    async def _order(self, lease: Lease) -> None:
        try:
            if self._follower.replica.has_pending:
                await self._publish(lease)
            if self._tick_due():
                self._tick_ms = self._clock.now_ms()
                self._tick_id = await self._journal.append_as_leader(lease, [encode(Tick())])
                self.counts["ticks"] += 1
        except LeaseLost:
            log.warning("order refused, another leads", action="fenced", engine=self._engine)
            self.counts["fenced"] += 1
            self._step_down()

    async def _publish(self, lease: Lease) -> None:
        replica = self._follower.replica
        pending = replica.pending()
        records = [
            (_node(command), source, encode(_stamped(command, lease.token))) for source, command in pending
        ]
        sent = await self._journal.publish(lease, records)
        self.counts["published"] += sent
        self.counts["already_published"] += len(records) - sent
        replica.sent_up_to(pending[-1][0])

    def block_ms(self) -> int:
        """How long the journal may be silent before something is due."""
        deadline_ms = self._follower.replica.engine.next_deadline_ms() if self.leading else None
        if deadline_ms is None:
            return 500
        return max(deadline_ms - self._clock.now_ms(), TICK_SPACING_MS)

    def _tick_due(self) -> bool:
        deadline_ms = self._follower.replica.engine.next_deadline_ms()
        now_ms = self._clock.now_ms()
        if deadline_ms is None or deadline_ms > now_ms:
            return False
        # The last Tick, not read yet, may be all that was wanted.
        seen = id_pair(self._follower.replica.last_id) >= id_pair(self._tick_id)
        return now_ms - self._tick_ms >= (TICK_SPACING_MS if seen else TICK_REPEAT_MS)

    async def declare_lost(self, node: str) -> None:
        """A node that gave no sign of life: its calls have ended. Raises JournalError."""
        if self.leading and self.lease is not None:
            log.warning("node lost", action="node_lost", node=node)
            await self._journal.append_as_leader(self.lease, [encode(NodeLost(node))])

    # ----------------------------------------------------------------------------------------- snapshots
    async def save_snapshot(self) -> str | None:
        """Stores the state; its entry id. None when it is not the moment (not leading, orders unsent)."""
        replica = self._follower.replica
        if not self.leading or self.lease is None or replica.has_pending or not replica.has_state:
            return None
        entry_id, lease = replica.last_id, self.lease
        snapshot = snapshots.Snapshot(entry_id, replica.generation, replica.dump())
        data = await asyncio.to_thread(snapshots.pack, snapshot)
        await self._journal.save_snapshot(lease, data)
        self.counts["snapshots"] += 1
        log.info("state stored", action="snapshot", entry=entry_id, bytes=len(data))
        return entry_id


def _stamped(command: Command, token: int) -> Command:
    changed: Any = replace(command, token=token)  # type: ignore[call-arg]
    return changed  # type: ignore[no-any-return]


def _node(command: Command) -> str:
    return str(getattr(command, "node", ""))
