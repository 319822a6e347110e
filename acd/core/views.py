"""The state as the wallboard sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from acd.contract import AgentState, AgentView, CallView, EstimatesView, Snapshot
from acd.core import estimate

if TYPE_CHECKING:
    from acd.core.engine import Engine


def snapshot(engine: Engine, now_ms: int) -> Snapshot:
    """Everybody; costs time in proportion to all calls and agents, so ask at most once a second."""
    calls = []
    longest = waiting = callbacks = 0
    for call in sorted(engine.calls.values(), key=lambda each: (each.place_ms, each.call_id)):
        wait = None
        if call.state == "queued":
            if call.callback:
                callbacks += 1
            else:
                waiting += 1
                longest = max(longest, now_ms - call.place_ms)
            wait = estimate.wait_of(engine, call.call_id)
        calls.append(
            CallView(
                call.call_id,
                call.queue,
                call.topic,
                call.language,
                call.state,
                call.place_ms,
                call.agent_id,
                wait,
                call.callback,
            )
        )
    agents = tuple(
        AgentView(
            agent.agent_id,
            agent.name,
            agent.status,
            agent.reason,
            cast(AgentState, agent.state),
            agent.reachable,
            agent.since_ms,
            agent.call_id,
            dict(agent.skills),
            agent.languages,
        )
        for agent in engine.agents.values()
        if not agent.removed
    )
    return Snapshot(
        now_ms,
        tuple(calls),
        agents,
        engine.today.view(waiting, longest, callbacks),
        levels=engine.today.levels(),
        estimates=EstimatesView(engine.calibration.asked, engine.calibration.inside),
    )
