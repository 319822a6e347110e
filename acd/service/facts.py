"""What this process knows to be true now, whatever the journal says: its live calls and its agents. Pure.

A lost Redis must lose no caller and no caller's place. So the process that holds a call remembers the facts
that it reported, and asserts them again when the journal turns out not to know them.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from typing import Any, Final

import msgspec

from acd.contract import (
    AgentDefined,
    AgentReachabilityChanged,
    AgentRemoved,
    AgentStatusDeclared,
    CallbackRequested,
    CallEnded,
    CallLeft,
    CallQueued,
    Event,
    OfferAccepted,
    RulesLoaded,
)
from acd.core.engine import Engine
from acd.core.model import CHAT, Agent, Call

GONE_KEPT: Final = 4_000
CALLBACKS_KEPT: Final = 5_000


class LiveFacts:
    """Live calls of this process, by id, and the last word on each agent that was reported here."""

    def __init__(self) -> None:
        self.calls: dict[str, CallQueued] = {}
        self.talking: dict[str, OfferAccepted] = {}
        self.agents: dict[str, AgentDefined] = {}
        self.statuses: dict[str, AgentStatusDeclared] = {}
        self.reachability: dict[str, AgentReachabilityChanged] = {}
        self.callbacks: OrderedDict[str, CallbackRequested] = OrderedDict()
        self.rules: RulesLoaded | None = None
        self._gone: OrderedDict[str, Event] = OrderedDict()  # with the fact that ended it here
        self._cut_off: set[tuple[str, str]] = set()  # said while the journal was not followed

    def note(self, event: Event, now_ms: int, *, followed: bool = True) -> Event:
        """Remembers a fact that is being reported; the fact to send, with the caller's place filled in.

        ``followed``: whether the journal is, so that what others say of the same is overheard.
        """
        if not followed:
            self._cut_off.add(_about(event))
        match event:
            case CallQueued():
                if not event.first_queued_ms:
                    known = self.calls.get(event.call_id)
                    event = replace(event, first_queued_ms=known.first_queued_ms if known else now_ms)
                self.calls[event.call_id] = event
                self._gone.pop(event.call_id, None)
            case OfferAccepted():
                self.talking[event.call_id] = event
            case CallLeft() | CallEnded():
                self._forget(event.call_id, event)
            case CallbackRequested():
                self._forget(event.call_id, event)
                self.callbacks[event.callback_id] = event
                if len(self.callbacks) > CALLBACKS_KEPT:
                    self.callbacks.popitem(last=False)
            case AgentDefined():
                self.agents[event.agent_id] = event
            case AgentRemoved():
                for table in (self.agents, self.statuses, self.reachability):
                    table.pop(event.agent_id, None)
            case AgentStatusDeclared():
                self.statuses[event.agent_id] = event
            case AgentReachabilityChanged():
                self.reachability[event.agent_id] = event
            case RulesLoaded():
                self.rules = event
            case _:
                pass
        return event

    def _forget(self, call_id: str, end: Event) -> None:
        self.calls.pop(call_id, None)
        self.talking.pop(call_id, None)
        self.callbacks.pop(call_id, None)
        self._gone[call_id] = end
        if len(self._gone) > GONE_KEPT:
            self._gone.popitem(last=False)

    def overhear(self, event: Event) -> None:
        """A fact of anybody in the journal: a newer word on an agent replaces ours."""
        if isinstance(event, AgentRemoved) or (
            isinstance(event, AgentStatusDeclared) and event.status == "logged_out"
        ):
            self._chats_given_back(event.agent_id)
        match event:
            case AgentStatusDeclared() if event.agent_id in self.statuses:
                self.statuses[event.agent_id] = event
            case AgentDefined() if event.agent_id in self.agents:
                self.agents[event.agent_id] = event
            case AgentRemoved():
                for table in (self.agents, self.statuses, self.reachability):
                    table.pop(event.agent_id, None)
            case RulesLoaded() if self.rules is not None:
                self.rules = event
            case CallLeft() | CallEnded():
                self.callbacks.pop(event.call_id, None)  # cancelled through another process
            case _:
                pass

    def back(self, engine: Engine | None = None) -> None:
        """The journal is followed again. With an engine: it went on unheard, and what that says of agents,
        rules, callbacks and chats is newer than what was said here, unless it was said meanwhile."""
        said, self._cut_off = self._cut_off, set()
        if engine is None:
            return
        if self.rules is not None and _about(self.rules) not in said:
            self.rules = RulesLoaded(engine.rules_version, engine.raw_rules)
        tables: tuple[dict[str, Any], ...] = (self.agents, self.statuses, self.reachability)
        for key in set().union(*tables):
            for table, fact in zip(tables, _facts_of(engine.agents.get(key)), strict=True):
                if key not in table or _about(table[key]) in said:
                    continue
                if fact is None:
                    del table[key]
                else:
                    table[key] = fact
        for key, wish in list(self.callbacks.items()):
            if key not in engine.calls and _about(wish) not in said:
                del self.callbacks[key]
        for key, queued in list(self.calls.items()):
            if queued.channel == CHAT and not {_about(queued), ("OfferAccepted", key)} & said:
                self._learn_chat(key, engine.calls.get(key))

    def _learn_chat(self, chat_id: str, call: Call | None) -> None:
        self.talking.pop(chat_id, None)
        if call is None:
            del self.calls[chat_id]
        elif call.state == "connected":
            self.talking[chat_id] = OfferAccepted("", chat_id, call.agent_id, CHAT)

    def _chats_given_back(self, agent_id: str) -> None:
        """He is gone: that he took up a chat must not be told again."""
        for chat_id, fact in list(self.talking.items()):
            if fact.channel == "chat" and fact.agent_id == agent_id:
                del self.talking[chat_id]

    def is_live(self, call_id: str) -> bool:
        """Whether a caller or a customer called back is here now."""
        return call_id in self.calls or call_id in self.talking

    def is_gone(self, call_id: str) -> bool:
        """Whether the call was here and left lately."""
        return call_id in self._gone

    def settle(self, engine: Engine) -> None:
        """Forgets callbacks that the engine has ended, or never took because the caller had one already; and
        chats that are over, or that another node looks after now."""
        for key, fact in list(self.callbacks.items()):
            if key in engine.ended or engine.callback_of(fact.caller_ref, fact.queue) not in ("", key):
                del self.callbacks[key]
        for key, queued in list(self.calls.items()):
            if queued.channel == CHAT:
                call = engine.calls.get(key)
                if key in engine.ended or (call is not None and call.node != queued.node):
                    del self.calls[key]
                    self.talking.pop(key, None)

    def unknown_to(self, engine: Engine) -> list[Event]:
        """The facts that an engine's state lacks, in an order in which they can be taken in."""
        agents = engine.agents
        missing: list[Event] = []
        if self.rules is not None and not same_rules(engine, self.rules):
            missing.append(self.rules)
        missing += (fact for key, fact in self.agents.items() if key not in agents)
        for key, status in self.statuses.items():
            agent = agents.get(key)
            if agent is None or agent.status != status.status:
                missing.append(status)
        for key, reach in self.reachability.items():
            agent = agents.get(key)
            if agent is None or agent.reachable != reach.reachable:
                missing.append(reach)
        self.settle(engine)
        missing += (fact for key, fact in self.callbacks.items() if key not in engine.calls)
        for key, queued in self.calls.items():
            call = engine.calls.get(key)
            talking = self.talking.get(key)
            # First who talks to whom, so that a talking caller is not offered to another agent.
            if talking is not None and (call is None or call.state != "connected"):
                missing.append(talking)
            if call is None or call.node != queued.node:
                missing.append(queued)
        missing += (self._gone[key] for key in engine.calls if key in self._gone)
        return missing


def _about(event: Event) -> tuple[str, str]:
    """What a fact speaks of: a later one about the same replaces it."""
    what = next((name for name in ("callback_id", "call_id", "agent_id") if hasattr(event, name)), "")
    return type(event).__name__, getattr(event, what) if what else ""


def _facts_of(agent: Agent | None) -> tuple[Event | None, Event | None, Event | None]:
    """What there is to say of an agent, as an engine knows him; None: there is none."""
    if agent is None or agent.removed:
        return None, None, None
    key = agent.agent_id
    return (
        AgentDefined(key, agent.name, agent.endpoint, agent.skills, agent.languages, agent.own_chats),
        AgentStatusDeclared(key, agent.status, agent.reason),
        AgentReachabilityChanged(key, agent.reachable),
    )


def same_rules(engine: Engine, rules: RulesLoaded) -> bool:
    """Whether the engine has these; an edit that left the version as it was counts as well."""
    if engine.rules_version != rules.version:
        return False
    # The engine's have been through JSON: tuples are lists there.
    return msgspec.json.encode(rules.rules, order="sorted") == msgspec.json.encode(
        engine.raw_rules, order="sorted"
    )
