"""Callbacks whose node is lost, or whose customer was reached after all."""

from __future__ import annotations

from acd.contract import (
    AgentDefined,
    AgentReachabilityChanged,
    AgentStatusDeclared,
    CallbackFailed,
    CallbackRequested,
    CallQueued,
    NodeLost,
    OfferAccepted,
    PlaceCallback,
    Tick,
)
from acd.core.engine import Engine


def comes(engine: Engine, agent_id: str, level: int, now_ms: int) -> None:
    engine.step(AgentDefined(agent_id, agent_id, f"PJSIP/{agent_id}", {"access": level}), now_ms)
    engine.step(AgentReachabilityChanged(agent_id, True), now_ms)
    engine.step(AgentStatusDeclared(agent_id, "available"), now_ms)


def test_a_better_agent_who_came_meanwhile_is_asked_for_the_moved_callback() -> None:
    engine = Engine()
    engine.step(CallQueued("c0", "south", "hotline", "access"), 1_000)
    engine.step(CallbackRequested("b0", "c0", "south", "hotline", "access"), 2_000)
    comes(engine, "2001", 1, 3_000)
    comes(engine, "2002", 3, 20_000)
    commands = engine.step(NodeLost("south"), 21_000)
    placed = [command for command in commands if isinstance(command, PlaceCallback)]
    assert [command.call_id for command in placed] == ["b0"]
    assert {agent.state for agent in engine.agents.values()} == {"ready", "offered"}


def test_a_late_answer_is_not_rung_again_when_the_time_of_the_next_try_comes() -> None:
    engine = Engine()
    comes(engine, "2001", 2, 1_000)
    asked = CallbackRequested("b0", "", "south", "hotline", "access")
    placed = next(c for c in engine.step(asked, 2_000) if isinstance(c, PlaceCallback))
    engine.step(CallbackFailed(placed.offer_id, "b0", "2001"), 3_000)
    engine.step(OfferAccepted(placed.offer_id, "b0", "2001"), 4_000)
    assert not [c for c in engine.step(Tick(), 3_600_000) if isinstance(c, PlaceCallback)]
    assert engine.calls["b0"].state == "connected"
    assert engine.agents["2001"].state == "talking"
