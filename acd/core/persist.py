"""The engine's state as JSON-able data, and back.

Only facts are written; lines, pools and their figures are built anew. What decides an order (places,
ready since, deadlines' serials) is written, so a loaded engine goes on exactly as the dumped one.
"""

from __future__ import annotations

from heapq import heapify
from typing import TYPE_CHECKING, Any

from acd.core.calibration import Calibration
from acd.core.model import CHAT, Agent, Call, Ended, Offer
from acd.core.rules import parse

if TYPE_CHECKING:
    from acd.core.engine import Engine

FORMAT = 1
CALL_FIELDS = tuple(name for name in Call.__slots__ if name != "line")
BUILT = ("pools", "chat_pools", "ready", "open", "resting", "on_duty", "seats")
AGENT_FIELDS = tuple(name for name in Agent.__slots__ if name not in BUILT)
PLAIN = (
    "now_ms",
    "token",
    "leader",
    "serial",
    "version",
    "rules_version",
    "counters",
    "service_ms",
    "served",
    "deadlines_bound",
)
# What older snapshots of this format lack begins anew:
LATER = ("rest_ms", "break_ms", "chat_ms", "chats_served")


def dump(engine: Engine) -> dict[str, object]:
    return {
        "format": FORMAT,
        **{name: getattr(engine, name) for name in (*PLAIN, *LATER) if name != "counters"},
        "counters": dict(engine.counters),
        "rules": dict(engine.raw_rules),
        "calls": [_plain(call, CALL_FIELDS) for call in engine.calls.values()],
        "agents": [_plain(agent, AGENT_FIELDS) for agent in engine.agents.values()],
        "on_duty": list(engine.on_duty),
        # As of the last coming or going, when another turn was usual than now.
        "gaps": sorted([*pool.key, pool.gap_ms] for pool in engine.pools.values() if pool.on_duty),
        "nodes": list(engine.nodes),
        "ready": list(engine.ready),
        "open": list(engine.open),
        "offers": [list(offer) for offer in engine.offers.values()],
        "deadlines": sorted(list(deadline) for deadline in engine.deadlines),
        "ended": [[call_id, *map(_listed, ended)] for call_id, ended in engine.ended.items()],
        "places": [[caller, *kept] for caller, kept in engine.places.items()],
        "last_agent": [[caller, *kept] for caller, kept in engine.last_agent.items()],
        "calibration": engine.calibration.as_dict(),
        "chat_calibration": engine.chat_calibration.as_dict(),
        "today": {"midnight_ms": engine.today.midnight_ms, "counts": dict(engine.today.counts)},
        "chats_today": dict(engine.todays[CHAT].counts),
    }


def load(engine: Engine, state: dict[str, Any]) -> None:
    if state.get("format") != FORMAT:
        raise ValueError(f"a state of format {state.get('format')!r} cannot be read, only {FORMAT}")
    for name in PLAIN:
        setattr(engine, name, state[name])
    for name in LATER:
        setattr(engine, name, state.get(name, getattr(engine, name)))
    # Older snapshots knew two.
    engine.nodes = list(state.get("nodes", filter(None, (state.get("last_node"), state.get("other_node")))))
    engine.raw_rules = dict(state["rules"])
    engine.use_rules(parse(engine.raw_rules))
    engine.calibration = Calibration.of(state["calibration"])
    if "chat_calibration" in state:
        engine.chat_calibration = Calibration.of(state["chat_calibration"])
    for today in engine.todays.values():
        today.midnight_ms = state["today"]["midnight_ms"]
    engine.todays[CHAT].counts.update(state.get("chats_today", {}))
    engine.today.counts.update(state["today"]["counts"])
    for raw in state["agents"]:
        agent = Agent(raw["agent_id"])
        for name in AGENT_FIELDS:
            if name in raw:  # older snapshots know no chats
                setattr(agent, name, raw[name])
        agent.languages = tuple(raw["languages"])
        engine.agents[agent.agent_id] = agent
        engine.join_pools(agent)
    for agent_id in state["on_duty"]:
        engine.come_on_duty(engine.agents[agent_id])
    for agent in engine.agents.values():
        since = agent.idle_since_ms
        engine.refresh(agent)
        agent.idle_since_ms = since
    for channel, skill, language, gap_ms in state.get("gaps", ()):
        engine.pool((channel, skill, language)).gap_ms = gap_ms
    _order_ready(engine, state["ready"])
    _order_open(engine, state.get("open", list(engine.open)))
    for raw in state["calls"]:
        call = _call(raw)
        engine.calls[call.call_id] = call
        if call.callback and call.caller_ref:
            engine.index_callback(call)
        if call.state == "queued" and not call.parked:
            engine.stand(call)
    engine.offers = {raw[0]: Offer(*raw) for raw in state["offers"]}
    engine.deadlines = [(raw[0], raw[1], raw[2], raw[3]) for raw in state["deadlines"]]
    heapify(engine.deadlines)
    for call_id, *raw in state["ended"]:
        engine.ended[call_id] = _ended(raw)
    for caller, *raw in state["places"]:
        engine.places[caller] = (raw[0], raw[1], raw[2])
    for caller, *raw in state["last_agent"]:
        engine.last_agent[caller] = (raw[0], raw[1])


def _order_ready(engine: Engine, order: list[str]) -> None:
    """Ready agents stand in the order in which they became ready."""
    if list(engine.ready) == order:
        return
    for agent_id in order:
        agent = engine.agents[agent_id]
        engine.unready(agent)
        agent.ready = True
        engine.ready[agent_id] = agent
        for pool, level in agent.pools:
            pool.ready[level][agent_id] = agent
            pool.ready_count += 1


def _order_open(engine: Engine, order: list[str]) -> None:
    """So do those who may be offered a chat."""
    if list(engine.open) == order:
        return
    for agent_id in order:
        agent = engine.agents[agent_id]
        engine.close(agent)
        agent.open = True
        engine.open[agent_id] = agent
        for pool, level in agent.chat_pools:
            pool.ready[level][agent_id] = agent
            pool.ready_count += 1


def _ended(raw: list[Any]) -> Ended:
    """Older snapshots have fewer fields."""
    ended = Ended(**dict(zip(Ended._fields, raw, strict=False)))
    return ended._replace(reasons=tuple(ended.reasons))


def _call(raw: dict[str, Any]) -> Call:
    call = Call("", "", "", "", "", 0, 0, "", 1, "")
    for name in CALL_FIELDS:
        if name in raw:
            setattr(call, name, raw[name])
    call.reasons = tuple(raw["reasons"])
    call.said = tuple(raw["said"]) if raw["said"] else None
    return call


def _plain(item: Call | Agent, fields: tuple[str, ...]) -> dict[str, object]:
    return {name: _listed(getattr(item, name)) for name in fields}


def _listed(value: object) -> object:
    if isinstance(value, tuple):
        return list(value)
    return dict(value) if isinstance(value, dict) else value
