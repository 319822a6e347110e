"""The distributor's engine: facts in, orders out, nothing else.

Rules of this module
  * ``step`` is the only way in which the state changes. It reads no clock and does no I/O: the same
    events with the same times give the same state and the same commands, everywhere.
  * Time never runs backwards here: an event with an earlier time happens "now".
  * Deadlines that are due are worked off before the event, so a late Tick changes nothing but the hour.
"""

from __future__ import annotations

from collections.abc import Callable
from heapq import heappop
from typing import Any

from acd.contract import (
    AgentDefined,
    AgentReachabilityChanged,
    AgentRemoved,
    AgentStatusDeclared,
    AgentUnreachable,
    CallbackFailed,
    CallbackRequested,
    CallEnded,
    CallLeft,
    CallQueued,
    ChatView,
    Command,
    Event,
    KeptPlace,
    LeaderElected,
    MarkGiven,
    NodeLost,
    OfferAccepted,
    OfferDeclined,
    OfferTimedOut,
    RulesLoaded,
    Snapshot,
    Tick,
    WaitView,
    WrapUpFinished,
)
from acd.core import estimate, explain, persist, views
from acd.core.agent_events import AgentEvents

CLOCK_JUMP_MS = 3_600_000


class Engine(AgentEvents):
    """State of one queue set. See the module's rules; queries cost no I/O and change nothing."""

    def __init__(self) -> None:
        super().__init__()
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            CallQueued: self.on_queued,
            CallLeft: self.on_left,
            CallbackRequested: self.on_callback,
            CallbackFailed: self.on_callback_failed,
            OfferAccepted: self.on_accepted,
            OfferDeclined: self.on_declined,
            OfferTimedOut: self.on_timed_out,
            AgentUnreachable: self.on_unreachable,
            CallEnded: self.on_ended,
            MarkGiven: self.on_mark,
            AgentDefined: self.on_defined,
            AgentRemoved: self.on_removed,
            AgentStatusDeclared: self.on_status,
            AgentReachabilityChanged: self.on_reachability,
            WrapUpFinished: self.on_wrapped_up,
            RulesLoaded: self.on_rules,
            NodeLost: self.on_node_lost,
            LeaderElected: self.on_leader,
            Tick: self._on_tick,
        }

    def step(self, event: Event, now_ms: int) -> list[Command]:
        """Takes one fact that happened at ``now_ms``; returns the orders that follow from it."""
        out: list[Command] = []
        self.out = out
        if now_ms < self.now_ms:
            self.count("clock_backwards")
        else:
            if now_ms - self.now_ms > CLOCK_JUMP_MS and self.now_ms:
                self.count("clock_jumped")
            self.now_ms = now_ms
        self.version += 1
        if self.now_ms >= self.today.midnight_ms:
            for today in self.todays.values():
                today.turn(self.now_ms)
        deadlines = self.deadlines
        if deadlines and deadlines[0][0] <= self.now_ms:
            self._work_off()
        handler = self._handlers.get(type(event))
        if handler is None:
            self.count("event_unknown")
        else:
            handler(event)
            if deadlines and deadlines[0][0] <= self.now_ms:
                self._work_off()
        return out

    def _on_tick(self, _event: Tick) -> None:
        """Nothing happened but time, and that has been worked off."""

    def _work_off(self) -> None:
        heap, now = self.deadlines, self.now_ms
        while heap and heap[0][0] <= now:
            _, serial, kind, what = heappop(heap)
            if kind == "relax":  # most mean nothing by now: their callers were served
                if what in self.calls:
                    self.relaxed(what)
            elif kind == "agent":
                self.rested(what, serial)
            elif kind == "offer":
                self.expired(what)
            elif kind == "nobody":
                self.nobody(what)
            elif kind == "long":
                self.too_long(what)
            elif kind == "seat":
                self.seat_rested(what, serial)
            elif kind == "talk":
                self.talked_too_long(what)
            elif kind == "unpark":
                self.unpark(what)
            elif kind == "too_late":
                self.too_late(what)

    def next_deadline_ms(self) -> int | None:
        """When a Tick is wanted next; may be a deadline that meanwhile means nothing."""
        return self.deadlines[0][0] if self.deadlines else None

    # ----------------------------------------------------------------------------------------- keeping
    def dump(self) -> dict[str, object]:
        """The whole state as JSON-able data; ``load`` gives an engine that goes on in the same way."""
        return persist.dump(self)

    @classmethod
    def load(cls, state: dict[str, Any]) -> Engine:
        """An engine as it was dumped; raises ValueError for a state of an unknown version."""
        engine = cls()
        persist.load(engine, state)
        return engine

    # ----------------------------------------------------------------------------------------- queries
    def wait_of(self, call_id: str) -> WaitView | None:
        """Place and remaining wait of a waiting caller; None when he does not wait."""
        return estimate.wait_of(self, call_id)

    def estimate(self, topic: str, language: str, queue: str, priority: int = 0) -> WaitView:
        """What a caller who asked now would be told."""
        return estimate.for_newcomer(self, topic, language, queue, priority)

    def kept_for(self, caller_ref: str, now_ms: int | None = None) -> KeptPlace | None:
        """What is kept for a caller who calls again."""
        return self.kept_place(caller_ref, now_ms or self.now_ms) if caller_ref else None

    def promised(self, now_ms: int) -> dict[int, int]:
        """How many callbacks are promised for which time to come (Unix ms)."""
        return views.promised(self, now_ms)

    def chat(self, chat_id: str) -> ChatView | None:
        """One chat, also while its end is remembered; None: unknown, or a call."""
        return views.chat(self, chat_id)

    def chats_of(self, agent_id: str) -> tuple[ChatView, ...]:
        """The chats that an agent has or is offered, the oldest first."""
        return views.chats_of(self, agent_id)

    def snapshot(self, now_ms: int) -> Snapshot:
        return views.snapshot(self, max(now_ms, self.now_ms))

    def why(self, call_id: str, now_ms: int | None = None) -> tuple[str, ...]:
        """Sentences: why this agent, or why still waiting and what would release him."""
        return explain.why(self, call_id, now_ms or self.now_ms)
