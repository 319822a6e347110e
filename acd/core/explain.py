"""Why: sentences from what was recorded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from acd.core.model import CHAT, Agent, Call, Ended, Line
from acd.core.rules import NEVER

if TYPE_CHECKING:
    from acd.core.engine import Engine

NAMED = 5
LEVELS = {1: "can do it", 2: "is good at it", 3: "is an expert"}


def why(engine: Engine, call_id: str, now_ms: int) -> tuple[str, ...]:
    call = engine.calls.get(call_id)
    if call is None:
        ended = engine.ended.get(call_id)
        return _of_ended(engine, ended) if ended else ()
    if call.state == "queued":
        return _of_waiting(engine, call, now_ms)
    name = _name(engine, call.agent_id)
    if call.channel == CHAT:
        verb = "is offered this chat" if call.state == "offered" else "has this chat"
        return (f"{name} {verb}.", *_of_choice(call.reasons))
    verb = "is being rung for" if call.state == "offered" else "talks with"
    return (f"{name} {verb} this caller.", *_of_choice(call.reasons))


def _name(engine: Engine, agent_id: str) -> str:
    agent = engine.agents.get(agent_id)
    return f"{agent.name} ({agent_id})" if agent and agent.name else f"Agent {agent_id}"


def _of_ended(engine: Engine, ended: Ended) -> tuple[str, ...]:
    reason = f" ({ended.reason})" if ended.reason else ""
    outcome = ended.outcome.replace("_", " ")
    first = f"The call is over: {outcome}{reason}, after {_s(ended.waited_ms)} of waiting."
    if not ended.agent_id:
        return (first,)
    return (first, f"{_name(engine, ended.agent_id)} was chosen.", *_of_choice(ended.reasons))


def _of_choice(reasons: tuple[str, ...]) -> tuple[str, ...]:
    """The codes that ``acd.core.matching.reasons`` left."""
    facts = {name: value for name, _, value in (code.partition("=") for code in reasons)}
    if not facts:
        return ()
    compared = int(facts.get("compared", "0"))
    sentences = []
    if facts.get("cause") == "agent_free":
        others = f" among {compared} callers at the head of their lines" if compared > 1 else ""
        sentences.append(f"The agent became free, and this caller's claim was the largest{others}.")
    else:
        others = f" of {compared} ready agents looked at" if compared > 1 else ""
        sentences.append(f"When the caller's turn came, this was the most fitting{others}.")
    if "level" in facts:
        sentences.append(f"The agent {LEVELS.get(int(facts['level']), '')} (level {facts['level']}).")
    if "waited_ms" in facts:
        sentences.append(f"The caller had waited {_s(int(facts['waited_ms']))}.")
    for code, sentence in (
        ("same_agent", "The caller spoke to this agent last time."),
        ("rescue", "The target was about to be missed, which raised the claim."),
        ("late", "The target was already missed, which lowers a claim once and by a bounded amount."),
    ):
        if code in facts:
            sentences.append(sentence)
    if "chats" in facts:
        sentences.append(f"The agent had {facts['chats']} of {facts.get('chat_capacity', '?')} chats then.")
    if "priority" in facts:
        sentences.append(f"The call has priority {facts['priority']}.")
    return tuple(sentences)


def _of_waiting(engine: Engine, call: Call, now_ms: int) -> tuple[str, ...]:
    line = call.line
    if line is None:
        return ("Is to be called back; the time for it has not come yet.",)
    waited = now_ms - call.place_ms
    sentences = [f"Waits {_s(waited)} for {call.topic} in {call.language}, level {call.min_level} or better."]
    wait = engine.wait_of(call.call_id)
    if wait is None or not wait.servable:
        return (*sentences, "Nobody on duty can serve this: an agent with the skill must log in.")
    present, on_break, away = _who_could(line, needs_phone=call.channel != CHAT)
    chat = call.channel == CHAT
    ready = sum(agent.open if chat else agent.ready for agent in present)
    sentences.extend(_of_chats(present))
    sentences.append(_of_those(len(present), ready, on_break, away, wait.place))
    for spot in line.spots:
        for level in (3, 2, 1):
            after = spot.after_ms[level]
            if waited < after < NEVER and spot.pool.staffed[level]:
                skill = f"{spot.pool.key[1]}/{spot.pool.key[2]}"
                sentences.append(f"From {_s(after)} of waiting on, level {level} of {skill} may serve too.")
    if present and not ready:
        sentences.append(
            "The next of them who becomes free, and for whom no claim is larger, will be offered."
        )
    if call.released:
        sentences.append(f"The caller was told that nobody will come ({call.released}).")
    return tuple(sentences)


def _who_could(line: Line, needs_phone: bool) -> tuple[list[Agent], int, int]:
    """Of those logged in who could serve the line, now or later: who is there, how many have a break, and how
    many have a phone that cannot be reached."""
    able = {
        agent.agent_id: agent
        for spot in line.spots
        for agent in spot.pool.members.values()
        if spot.after_ms[agent.skills[spot.pool.key[1]]] < NEVER
    }
    on_break = [agent for agent in able.values() if agent.status == "on_break"]
    here = [agent for agent in able.values() if agent.status == "available"]
    away = [agent for agent in here if needs_phone and not agent.reachable]
    present = [agent for agent in here if agent.reachable or not needs_phone]
    return present, len(on_break), len(away)


def _of_chats(present: list[Agent]) -> list[str]:
    """Who of them has chats: of each, as long as they are few."""
    chatting = [agent for agent in present if agent.chats]
    if len(chatting) > NAMED:
        return [f"{len(chatting)} of those who could serve it have chats."]
    return [
        f"{agent.name or 'Agent'} ({agent.agent_id}) has {len(agent.chats)} of {agent.chat_capacity} chats"
        + (" and takes no further one now, because a call waits." if agent.draining else ".")
        for agent in chatting
    ]


def _of_those(present: int, ready: int, on_break: int, away: int, place: int) -> str:
    beside = []
    if on_break:
        beside.append(f"{on_break} on a break")
    if away:
        beside.append(f"{away} whose phone cannot be reached")
    others = " and ".join(beside)
    if not present:
        return f"Nobody who could serve it is there, only {others}; the caller is number {place}."
    others = f" (beside them {others})" if others else ""
    return f"{present} on duty could serve it, {ready} of them ready{others}; the caller is number {place}."


def _s(ms: int) -> str:
    return f"{ms / 1000:.0f} s"
