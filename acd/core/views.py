"""The state as the wallboard sees it."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, cast

from acd.contract import AgentState, AgentView, CallView, ChatView, EstimatesView, Snapshot
from acd.core import estimate
from acd.core.model import CHAT, VOICE

if TYPE_CHECKING:
    from acd.core.engine import Engine


def promised(engine: Engine, now_ms: int) -> dict[int, int]:
    """A chosen time is the place of its callback. Looks at all calls: asked when somebody chooses a time."""
    return dict(
        Counter(each.place_ms for each in engine.calls.values() if each.callback and each.place_ms > now_ms)
    )


def snapshot(engine: Engine, now_ms: int) -> Snapshot:
    """Everybody; costs time in proportion to all calls and agents, so ask at most once a second."""
    calls = []
    callbacks = 0
    longest, waiting = {VOICE: 0, CHAT: 0}, {VOICE: 0, CHAT: 0}
    for call in sorted(engine.calls.values(), key=lambda each: (each.place_ms, each.call_id)):
        wait = None
        if call.state == "queued":
            if call.callback:
                callbacks += 1
            else:
                waiting[call.channel] += 1
                longest[call.channel] = max(longest[call.channel], now_ms - call.place_ms)
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
                call.channel,
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
            len(agent.chats),
            agent.chat_capacity,
        )
        for agent in engine.agents.values()
        if not agent.removed
    )
    return Snapshot(
        now_ms,
        tuple(calls),
        agents,
        engine.today.view(waiting[VOICE], longest[VOICE], callbacks),
        levels=engine.today.levels(),
        estimates=EstimatesView(engine.calibration.asked, engine.calibration.inside),
        chats_today=engine.todays[CHAT].view(waiting[CHAT], longest[CHAT], 0),
        known_ms=now_ms,
    )


def chat(engine: Engine, chat_id: str) -> ChatView | None:
    call = engine.calls.get(chat_id)
    if call is None:
        return _ended_chat(engine, chat_id)
    if call.channel != CHAT:
        return None
    offer = engine.offers.get(call.offer_id) if call.offer_id else None
    return ChatView(
        chat_id,
        call.node,
        call.queue,
        call.topic,
        call.language,
        call.state,
        call.place_ms,
        call.agent_id,
        call.offer_id,
        offer.made_ms + engine.rules.chat_ring_ms if offer else 0,
        call.released,
        estimate.wait_of(engine, chat_id),
    )


def _ended_chat(engine: Engine, chat_id: str) -> ChatView | None:
    ended = engine.ended.get(chat_id)
    if ended is None or ended.channel != CHAT:
        return None
    return ChatView(
        chat_id,
        ended.node,
        "",
        ended.topic,
        "",
        "ended",
        ended.place_ms,
        ended.agent_id,
        outcome=ended.outcome,
        reason=ended.reason,
    )


def chats_of(engine: Engine, agent_id: str) -> tuple[ChatView, ...]:
    agent = engine.agents.get(agent_id)
    if agent is None:
        return ()
    his = [chat_id for chat_id, wrapping in agent.chats.items() if not wrapping]
    if agent.state == "offered":
        his.append(agent.call_id)
    views = [view for chat_id in his if (view := chat(engine, chat_id)) is not None]
    return tuple(sorted(views, key=lambda view: (view.first_queued_ms, view.chat_id)))
