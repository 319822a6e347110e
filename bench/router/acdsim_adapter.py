"""Drives the production engine with the calls and agents of the acdsim benchmark.

With this project and acdsim on PYTHONPATH:
``python -m sim --router bench.router.acdsim_adapter:EngineRouter --scenario all``

The benchmark's callbacks become events of ``acd.contract``, the engine's OfferCall commands become its
assignments; nothing is decided here. Pauses, wrap-up and ring time are the simulator's business, so the
engine's own deadlines for them are set out of the way. The shift plan logs an agent out who ends his shift
in a conversation, because the simulator tells a router only of those who leave idle.
"""

from __future__ import annotations

import gc
import json
import os
from typing import Any

from acd.contract import (
    AgentDefined,
    AgentStatusDeclared,
    CallEnded,
    CallLeft,
    CallQueued,
    Event,
    OfferAccepted,
    OfferCall,
    OfferTimedOut,
    RulesLoaded,
    Tick,
    WrapUpFinished,
)
from acd.core.engine import Engine

OUT_OF_THE_WAY = {
    "ring_s": 20,
    "offer_grace_s": 60,
    "no_answer_pause_s": 86_400,
    "wrap_up_s": 86_400,
    "max_wait_s": 86_400,
    "max_talk_s": 86_400,
    "nobody_can_serve_after_s": 600,
}
GC_THRESHOLDS = (50_000, 20, 100)
IDLE = 1  # sim.model.IDLE
QUEUE = "hotline"


class EngineRouter:
    """A ``sim.routers.base.Router`` (by its methods, so that this file needs no benchmark to be imported)."""

    tick_interval = 1.0
    clairvoyant = False
    # What to try instead of the shipped rules, as JSON: for tuning only.
    rules: dict[str, Any] = json.loads(os.environ.get("DOZVON_BENCH_RULES", "{}"))

    def setup(self, ctx: Any) -> None:
        self.engine = Engine()
        self.agents = ctx.agents
        self.skills = [str(name) for name in ctx.skills]
        self.langs = [str(name) for name in ctx.langs]
        self.names = [str(agent.id) for agent in ctx.agents]
        self.rested = [WrapUpFinished(name) for name in self.names]  # facts are immutable: made once
        self.held: list[tuple[str, int, int]] = []
        start = int(ctx.horizon[0] * 1000)
        step = self.engine.step
        rules = {**OUT_OF_THE_WAY, "target_s": ctx.sla, **self.rules}
        step(RulesLoaded("bench", rules), start)
        assert not self.engine.counters.get("rules_refused"), rules
        for agent in ctx.agents:
            skills = {self.skills[skill]: level for skill, level in agent.skills.items()}
            languages = tuple(self.langs[lang] for lang in sorted(agent.langs))
            step(AgentDefined(str(agent.id), "", "", skills, languages), start)
        ends = [(end, agent.id) for agent in ctx.agents for _, end in agent.intervals]
        self.leaving = sorted(ends, reverse=True)
        # The collector as the daemon has it (dozvon/commands/serve.py): what is there at the start stays.
        gc.unfreeze()
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)

    # ------------------------------------------------------------------------------------- translating
    def _tell(self, now: float, event: Event) -> None:
        for command in self.engine.step(event, int(now * 1000)):
            if type(command) is OfferCall:
                self.held.append((command.offer_id, int(command.call_id.rstrip("t")), int(command.agent_id)))

    def _answer(self, now: float) -> list[tuple[int, int]] | None:
        """Live offers whose agent the simulator already sees as idle; the others follow when it does."""
        leaving = self.leaving
        while leaving and leaving[-1][0] < now:
            agent_id = self.names[leaving.pop()[1]]
            agent = self.engine.agents[agent_id]
            if agent.status != "logged_out" and not agent.ready and agent.state != "offered":
                self._tell(now, AgentStatusDeclared(agent_id, "logged_out"))
        if not self.held:
            return None
        offers, agents = self.engine.offers, self.agents
        told = []
        kept = []
        for item in self.held:
            if item[0] not in offers:
                continue
            if agents[item[2]].state == IDLE:
                told.append((item[1], item[2]))
            else:
                kept.append(item)
        self.held = kept
        return told

    def _id(self, call: Any) -> str:
        return f"{call.id}t" if call.transfers else str(call.id)

    def _offer_id(self, call: Any) -> str:
        known = self.engine.calls.get(self._id(call))
        return known.offer_id if known else ""

    # --------------------------------------------------------------------------------------- callbacks
    def on_call_arrival(self, now: float, call: Any) -> list[tuple[int, int]] | None:
        event = CallQueued(
            self._id(call),
            "sim",
            QUEUE,
            self.skills[call.skill],
            self.langs[call.lang],
            call.priority,
            min_level=call.min_level,
        )
        self._tell(now, event)
        return self._answer(now)

    def on_agent_available(self, now: float, agent: Any) -> list[tuple[int, int]] | None:
        agent_id = self.names[agent.id]
        known = self.engine.agents[agent_id]
        if known.status != "available":
            self._tell(now, AgentStatusDeclared(agent_id, "available"))
        if known.state == "wrap_up" or known.state == "paused":
            self._tell(now, self.rested[agent.id])
        return self._answer(now)

    def on_agent_unavailable(self, now: float, agent: Any) -> list[tuple[int, int]] | None:
        self._tell(now, AgentStatusDeclared(self.names[agent.id], "logged_out"))
        return self._answer(now)

    def on_abandon(self, now: float, call: Any) -> list[tuple[int, int]] | None:
        self._tell(now, CallLeft(self._id(call), "abandoned"))
        return self._answer(now)

    def on_ring_no_answer(self, now: float, call: Any, agent: Any) -> list[tuple[int, int]] | None:
        self._tell(now, OfferTimedOut(self._offer_id(call), self._id(call), self.names[agent.id]))
        return self._answer(now)

    def on_answer(self, now: float, call: Any, agent: Any) -> None:
        self._tell(now, OfferAccepted(self._offer_id(call), self._id(call), self.names[agent.id]))

    def on_service_end(self, now: float, call: Any, agent: Any) -> None:
        self._tell(now, CallEnded(self._id(call), self.names[agent.id]))

    def tick(self, now: float) -> list[tuple[int, int]] | None:
        due = self.engine.next_deadline_ms()
        if due is not None and due <= now * 1000:
            self._tell(now, Tick())
        leaving = self.leaving
        return self._answer(now) if self.held or (leaving and leaving[-1][0] < now) else None
