"""The distributor as every process of the house uses it: see DistributorService."""

from __future__ import annotations

import asyncio
import functools
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Final

import structlog

from acd import tasks
from acd.contract import (
    AgentRemoved,
    AgentStatusDeclared,
    CallQueued,
    ChatView,
    Command,
    Event,
    KeptPlace,
    LeaderElected,
    NodeLost,
    RulesLoaded,
    Snapshot,
    WaitView,
)
from acd.core.model import VOICE
from acd.journal.archive import Archive
from acd.journal.codec import RecordTooLong, encode
from acd.journal.shelving import Shelf, Shelving
from acd.journal.stream import Entry, Journal, Pulse
from acd.service import chats
from acd.service.chores import Chores
from acd.service.clock import JournalClock
from acd.service.facts import LiveFacts, same_rules
from acd.service.follower import Follower
from acd.service.leadership import Leadership
from acd.service.orders import Orders
from acd.service.outbox import Outbox
from acd.service.roster import Roster
from acd.service.sender import Sender

Listener = Callable[[Event, int], None]
BROKEN_AFTER: Final = 5  # deaths of one task without half a minute of work between them

log = structlog.get_logger(__name__)


class DistributorService:
    """Implements ``acd.contract.Distributor`` over Redis.

    In the process that holds the calls of a node, and may lead::

        service = DistributorService(
            settings.redis_url,
            node=settings.node,             # "" in a process that holds no calls (web, command line)
            leads=True,                     # False: follow and report only
            roster=roster.load(settings.config / "agents.yaml", topics),
            rules=RulesLoaded(version, mapping),     # None: the engine's own
            archive=settings.home / "journal",       # where trimmed entries go; None: nowhere
            shelf=DeskShelf(database),      # where they go from there; None: they stay
        )
        await service.start()               # never waits for Redis and never fails because of it
        ...
        await service.stop()                # sends what is left (at most 2 s), hands the lead over

    At most one process per node name; any number of processes may have ``leads=True``: one leads, the
    others stand by. ``connected`` tells whether the journal is followed and takes facts.

    Live calls reported here are remembered until they leave or end, and asserted again by the service itself
    when a journal turns out not to know them: a runner need not do anything when Redis is lost. Set
    ``first_queued_ms`` of a call that a restarted daemon takes back, or leave 0 for "now".

    What Asterisk says of phones comes from ``acd.switch.Switch``, wired to this service::

        switch = Switch(
            host, port, user, secret,
            endpoints=service.endpoints, report=service.tell, is_working=service.is_working,
        )
        await switch.start()

    ``listeners``: synchronous functions called with each new fact and its time in ms (also during replay
    after a reconnection, not before the first synchronisation); what they raise is logged.
    """

    def __init__(
        self,
        url: str,
        *,
        node: str = "",
        leads: bool = False,
        roster: Roster | None = None,
        rules: RulesLoaded | None = None,
        archive: Path | None = None,
        shelf: Shelf | None = None,
        prefix: str = "dozvon",
    ) -> None:
        self.process = f"{node or 'observer'}-{uuid.uuid4().hex[:8]}"
        self.node = node
        self.listeners: list[Listener] = []
        self._roster = roster
        self._rules = rules
        self._journal = Journal(url, prefix)
        self._facts = LiveFacts()
        self._outbox = Outbox()
        self._clock = JournalClock()
        self._heard_s = 0.0
        self._known_ms = 0  # when the journal was last heard while it was followed
        self._tasks: list[asyncio.Task[None]] = []
        self._task_deaths = 0
        self.broken = asyncio.Event()  # a task dies again and again: this process should be replaced
        self._orders: dict[str, Orders] = {}
        self._follower = Follower(
            self._journal,
            on_event=self._on_event,
            on_batch=self._after_batch,
            on_synced=self._on_synced,
            on_lost_end=self._on_lost_end,
            block_ms=lambda: self._leadership.block_ms(),
        )
        self._leadership = Leadership(
            self._journal,
            self._follower,
            engine=self.process,
            node=node,
            leads=leads,
            on_pulse=self._on_pulse,
            clock=self._clock,
        )
        self._sender = Sender(self._journal, self._outbox, self._follower, self.process, self.now_ms)
        kept = Archive(archive) if archive else None
        self._shelving = Shelving(kept, shelf) if kept and shelf else None
        self._chores = Chores(
            self._journal,
            self._follower,
            self._leadership,
            self._sender,
            archive=kept,
            node=node,
            is_live=self._facts.is_live,
            report=self._put,
            settle=lambda: self._facts.settle(self._follower.replica.engine),
        )

    # ----------------------------------------------------------------------------------------- life
    async def start(self) -> None:
        """Begins to connect; returns at once, whether Redis is there or not."""
        if self._tasks:
            raise RuntimeError("started already")
        for name, work in (
            ("pulse", self._leadership.run),
            ("follow", self._follower.run),
            ("send", self._sender.run),
            ("chores", self._chores.run),
        ):
            self._spawn(name, work)
        if self._shelving is not None:
            self._spawn("shelving", self._shelving.run)

    async def stop(self, drain_s: float = 2.0) -> None:
        """Sends what waits, as long as Redis takes it, lets a standby lead, and closes."""
        try:
            async with asyncio.timeout(drain_s):
                await self._sender.drained()
        except TimeoutError:
            log.warning("facts unsent", action="outbox_left", count=len(self._outbox))
        await self._cancel_all()
        await self._leadership.release()
        await self._journal.close()

    async def _cancel_all(self) -> None:
        await tasks.end(self._tasks)
        self._tasks.clear()

    async def synchronised(self, timeout_s: float | None = None) -> bool:
        """Waits until the journal has been read; False when that took longer."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._follower.synced.wait()
        except TimeoutError:
            return False
        return True

    def _spawn(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        kept = tasks.keep_running(name, work, self._task_died)
        self._tasks.append(asyncio.create_task(kept, name=f"distributor-{name}"))

    def _task_died(self, in_a_row: int) -> None:
        self._task_deaths += 1
        if in_a_row >= BROKEN_AFTER:
            self.broken.set()

    # ------------------------------------------------------------------------------------ Distributor
    @property
    def connected(self) -> bool:
        """The journal is followed, answered within 2.5 s, and takes facts."""
        heard = time.monotonic() - self._heard_s < 2.5
        return heard and self._follower.synced.is_set() and not self._sender.full

    @property
    def leading(self) -> bool:
        return self._leadership.leading

    async def report(self, event: Event) -> None:
        """Takes a fact; it is in the journal a moment later, or when Redis is back."""
        self.tell(event)

    def _put(self, event: Event) -> None:
        event = self._facts.note(event, self.now_ms(), followed=self._follower.synced.is_set())
        try:
            self._outbox.put(encode(event))
        except RecordTooLong as error:
            log.error("fact refused", action="fact_too_long", error=str(error))
            return
        self._sender.wake()
        if isinstance(event, CallQueued):
            for orders in self._orders.values():
                orders.call_known(event.call_id)

    def commands(self, node: str) -> AsyncIterator[Command]:
        """Orders for a node; to be read by one reader, in the process that reports the node's calls."""
        orders = self._orders.get(node)
        if orders is None:
            own = node == self.node
            orders = Orders(
                self._journal,
                node,
                now_ms=self.now_ms,
                knows=(lambda call_id: call_id in self._facts.calls) if own else None,
                is_gone=self._facts.is_gone if own else None,
                on_unknown=lambda offer: self._chores.report_lost(offer.call_id),
            )
            self._orders[node] = orders
            self._spawn(f"orders-{node}", functools.partial(orders.run, self._follower.synced))
        return aiter(orders)

    def wait_of(self, call_id: str) -> WaitView | None:
        return self._follower.replica.engine.wait_of(call_id)

    def estimate(self, topic: str, language: str, queue: str) -> WaitView:
        return self._follower.replica.engine.estimate(topic, language, queue)

    def kept_place(self, caller_ref: str) -> KeptPlace | None:
        if not self.connected:
            return None
        return self._follower.replica.engine.kept_for(caller_ref, self.now_ms())

    def promised(self) -> Mapping[int, int]:
        return self._follower.replica.engine.promised(self.now_ms())

    def chat(self, chat_id: str) -> ChatView | None:
        return self._follower.replica.engine.chat(chat_id)

    def chats_of(self, agent_id: str) -> tuple[ChatView, ...]:
        return self._follower.replica.engine.chats_of(agent_id)

    def chats_at(self, node: str) -> tuple[ChatView, ...]:
        """Chats that are not over and that this node looks after."""
        return chats.at_node(self._follower.replica.engine, node)

    def hold_chat(self, chat_id: str) -> None:
        """This node looks after the chat from now on, and tells of it again should the journal be lost."""
        for fact in chats.facts_of(self._follower.replica.engine, chat_id, self.node):
            if isinstance(fact, CallQueued):
                self._put(fact)
            else:  # known to the engine; remembered here
                self._facts.note(fact, self.now_ms())

    def snapshot(self) -> Snapshot:
        seen = self._follower.replica.engine.snapshot(self.now_ms())
        return seen if self.connected else replace(seen, connected=False, known_ms=self._known_ms)

    def why(self, call_id: str) -> tuple[str, ...]:
        return self._follower.replica.engine.why(call_id, self.now_ms())

    # -------------------------------------------------------------------------------------- and more
    def outcome_of(self, call_id: str) -> tuple[str, str] | None:
        """How a call ended, and the reason; None: it has not, or that was long ago."""
        ended = self._follower.replica.engine.ended.get(call_id)
        return (ended.outcome, ended.reason) if ended is not None else None

    def now_ms(self) -> int:
        """The journal's time, as far as it is known here."""
        return self._clock.now_ms()

    def endpoints(self) -> dict[str, str]:
        """Dial string of each agent; what ``acd.switch.Switch`` asks for."""
        return {key: agent.endpoint for key, agent in self._follower.replica.engine.agents.items()}

    def is_working(self, agent_id: str) -> bool:
        """Whether the distributor itself keeps the agent's phone busy."""
        engine = self._follower.replica.engine
        agent = engine.agents.get(agent_id)
        if agent is None or agent.state not in ("offered", "talking"):
            return False
        call = engine.calls.get(agent.call_id)
        return call is None or call.channel == VOICE  # a chat offered to him rings nowhere

    def tell(self, event: Event) -> None:
        """``report`` for callers that cannot wait."""
        self._put(self._clock.told(event))

    async def use_roster(self, roster: Roster) -> None:
        """Another roster (edited and checked): defines, changes and removes agents."""
        self._roster = roster
        if self._follower.synced.is_set():
            self._assert_roster()

    def counts(self) -> dict[str, int]:
        """Counters for measuring, by name."""
        total = {**self._follower.replica.counts, **self._leadership.counts, **self._chores.counts}
        for orders in self._orders.values():
            for name, count in orders.counts.items():
                total[f"order_{name}"] = total.get(f"order_{name}", 0) + count
        total |= self._shelving.counts if self._shelving else {}
        total |= {
            "task_deaths": self._task_deaths,
            "outbox": len(self._outbox),
            "outbox_dropped": self._outbox.dropped,
        }
        total |= {f"engine_{name}": count for name, count in self._follower.replica.engine.counters.items()}
        return total

    # -------------------------------------------------------------------------------------- reactions
    def _on_pulse(self, pulse: Pulse) -> None:
        self._heard_s = time.monotonic()
        self._chores.owns_node = pulse.node_owner == self.process
        if self._follower.synced.is_set() and pulse.generation == self._follower.replica.generation:
            self._known_ms = pulse.now_ms

    def _on_event(self, event: Event, entry: Entry) -> None:
        self._facts.overhear(event)
        if self._follower.looked:
            for listener in self.listeners:
                try:
                    listener(event, entry.time_ms)
                except Exception:
                    log.exception("listener failed", action="listener_failed")
        if isinstance(event, LeaderElected | NodeLost):
            self._chores.assert_facts = True

    async def _after_batch(self) -> None:
        await self._leadership.after_batch()
        if self._outbox.overflowed:
            self._outbox.overflowed = False
            self._chores.assert_facts = True
        if self._chores.assert_facts and not len(self._outbox):
            self._chores.assert_facts = False
            self._assert_facts()

    def _on_synced(self, why: str) -> None:
        self._known_ms = self.now_ms()
        unheard = why in ("trimmed", "restart")  # the same journal went on
        self._facts.back(self._follower.replica.engine if unheard else None)
        if why == "start":
            self._assert_roster()
            if self._rules is not None and not same_rules(self._follower.replica.engine, self._rules):
                self._put(self._rules)
        self._chores.assert_facts = True

    def _on_lost_end(self) -> None:
        count = self._outbox.rewind()
        log.warning("journal lost its end", action="journal_lost_end", sent_again=count)
        self._sender.wake()

    def _assert_roster(self) -> None:
        """Defines all agents as the roster says, and begins with its status for those whom nobody knew.

        Who is known keeps his status: a restart logs nobody in or out.
        """
        if self._roster is None:
            return
        known = self._follower.replica.engine.agents
        for entry in self._roster.entries:
            wanted, agent = entry.agent, known.get(entry.agent.agent_id)
            if agent is None:
                self._put(wanted)
                self._put(AgentStatusDeclared(wanted.agent_id, entry.status))
            elif (agent.name, agent.endpoint, agent.skills, agent.languages, agent.own_chats) != (
                wanted.name, wanted.endpoint, wanted.skills, wanted.languages, wanted.chats
            ):  # fmt: skip
                self._put(wanted)
        for agent_id in known.keys() - self._roster.agents.keys():
            self._put(AgentRemoved(agent_id))

    def _assert_facts(self) -> None:
        missing = self._facts.unknown_to(self._follower.replica.engine)
        for event in missing:
            self._put(event)
        if missing:
            log.info("facts asserted again", action="reassert", count=len(missing))
