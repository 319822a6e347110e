"""Calls, agents, today's figures, live updates: answered from the distributor's replica, without I/O."""

from __future__ import annotations

from aiohttp import web
from pydantic import BaseModel

from acd.contract import (
    AgentDefined,
    AgentRemoved,
    AgentStatusDeclared,
    AgentView,
    Event,
    WrapUpFinished,
)
from web.endpoint import Asked, Endpoint, Handler
from web.live import today_of
from web.office import OFFICE
from web.problems import forbidden, not_found
from web.schemas import (
    Accepted,
    Agent,
    AgentIn,
    AgentPatch,
    Agents,
    Call,
    Calls,
    Estimates,
    Level,
    Live,
    Quality,
    Today,
    Why,
)


async def list_calls(asked: Asked) -> Calls:
    snapshot = asked.request.app[OFFICE].floor()
    calls = sorted(snapshot.calls, key=lambda call: call.first_queued_ms)
    return Calls(
        items=[Call.model_validate(call) for call in calls if call.state != "ended"],
        connected=snapshot.connected,
        now_ms=snapshot.now_ms,
        known_ms=snapshot.known_ms,
    )


async def show_call(asked: Asked) -> Call:
    call_id = asked.path("call_id")
    for call in asked.request.app[OFFICE].floor().calls:
        if call.call_id == call_id:
            return Call.model_validate(call)
    raise not_found("call")


async def why(asked: Asked) -> Why:
    call_id = asked.path("call_id")
    sentences = asked.request.app[OFFICE].distributor.why(call_id)
    if not sentences:
        raise not_found("call")
    return Why(call_id=call_id, sentences=list(sentences))


async def list_agents(asked: Asked) -> Agents:
    snapshot = asked.request.app[OFFICE].floor()
    return Agents(
        items=[Agent.model_validate(agent) for agent in sorted(snapshot.agents, key=lambda a: a.agent_id)],
        connected=snapshot.connected,
        now_ms=snapshot.now_ms,
        known_ms=snapshot.known_ms,
    )


async def show_agent(asked: Asked) -> Agent:
    return Agent.model_validate(_agent(asked))


async def define_agent(asked: Asked) -> Accepted:
    given = asked.sent(AgentIn)
    return await _report(
        asked,
        AgentDefined(
            given.agent_id,
            given.name,
            given.endpoint,
            dict(given.skills),
            tuple(given.languages),
            given.chats,
        ),
    )


async def declare_status(asked: Asked) -> Accepted:
    agent = _own_agent(asked)
    given = asked.sent(AgentPatch)
    return await _report(asked, AgentStatusDeclared(agent.agent_id, given.status, given.reason))


async def finish_wrap_up(asked: Asked) -> Accepted:
    return await _report(asked, WrapUpFinished(_own_agent(asked).agent_id))


async def remove_agent(asked: Asked) -> Accepted:
    return await _report(asked, AgentRemoved(_agent(asked).agent_id))


async def today(asked: Asked) -> Today:
    return today_of(asked.request.app[OFFICE].floor())


async def chats_today(asked: Asked) -> Today:
    snapshot = asked.request.app[OFFICE].floor()
    return Today.model_validate(snapshot.chats_today).model_copy(update={"connected": snapshot.connected})


async def quality(asked: Asked) -> Quality:
    office = asked.request.app[OFFICE]
    seen = office.floor()
    checked, inside = seen.estimates.checked, seen.estimates.inside
    return Quality(
        formula=seen.today.formula,
        target_s=office.about.target_s,
        levels=[Level.model_validate(level) for level in seen.levels],
        estimates=Estimates(checked=checked, inside=inside, share=inside / checked if checked else None),
        connected=seen.connected,
    )


async def live(asked: Asked) -> web.StreamResponse:
    office = asked.request.app[OFFICE]
    return await office.live.stream(asked.request, lambda: office.tokens.stands(asked.token))


def _agent(asked: Asked) -> AgentView:
    agent_id = asked.path("agent_id")
    for agent in asked.request.app[OFFICE].floor().agents:
        if agent.agent_id == agent_id:
            return agent
    raise not_found("agent")


def _own_agent(asked: Asked) -> AgentView:
    """An agent speaks for himself, a supervisor for all."""
    if not asked.token.may("supervisor") and asked.token.agent_id != asked.path("agent_id"):
        raise forbidden("an agent's token may change that agent only")
    return _agent(asked)


async def _report(asked: Asked, event: Event) -> Accepted:
    distributor = asked.request.app[OFFICE].distributor
    await distributor.report(event)
    return Accepted(connected=distributor.connected)


def _get(
    path: str, handler: Handler, summary: str, tag: str, returns: type[BaseModel], *problems: int
) -> Endpoint:
    return Endpoint("GET", path, handler, "agent", summary, tag, returns=returns, problems=problems)


ENDPOINTS = (
    _get("/calls", list_calls, "Calls that wait or talk, the oldest first", "calls", Calls),
    _get("/calls/{call_id}", show_call, "One call", "calls", Call, 404),
    _get("/calls/{call_id}/why", why, "Why this agent, or why still waiting", "calls", Why, 404),
    _get("/agents", list_agents, "Agents and what they do", "agents", Agents),
    _get("/agents/{agent_id}", show_agent, "One agent", "agents", Agent, 404),
    _get("/today", today, "Figures since midnight of the centre's zone", "floor", Today),
    _get("/today/chats", chats_today, "The same of chats", "floor", Today),
    _get(
        "/quality", quality, "Service level by every formula; how true announced waits were", "floor", Quality
    ),
    Endpoint(
        "GET",
        "/live",
        live,
        "agent",
        "Server-Sent Events: `state` when something changed (see Live), `beat` every 5 s (its times alone)",
        "floor",
        returns=Live,
        media_type="text/event-stream",
    ),
    Endpoint(
        "POST",
        "/agents",
        define_agent,
        "admin",
        "Define an agent, or change skills and languages",
        "agents",
        body=AgentIn,
        returns=Accepted,
        status=202,
    ),
    Endpoint(
        "PATCH",
        "/agents/{agent_id}",
        declare_status,
        "agent",
        "Declare an agent's status: available, on_break, logged_out",
        "agents",
        body=AgentPatch,
        returns=Accepted,
        status=202,
        problems=(404,),
    ),
    Endpoint(
        "POST",
        "/agents/{agent_id}/ready",
        finish_wrap_up,
        "agent",
        "End the wrap-up before its time",
        "agents",
        returns=Accepted,
        status=202,
        problems=(404,),
    ),
    Endpoint(
        "DELETE",
        "/agents/{agent_id}",
        remove_agent,
        "admin",
        "Remove an agent",
        "agents",
        returns=Accepted,
        status=202,
        problems=(404,),
    ),
)
