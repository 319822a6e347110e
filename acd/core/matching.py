"""Who serves whom.

Rules of this module
  * A caller's claim on an agent is a number of milliseconds: how long he waited, corrected by weights
    (docs/routing.md has the formula). The largest claim wins; equal claims: the older place, then the id.
  * An agent who becomes ready looks at the heads of the lines that his skills reach, nowhere else.
    A caller who arrives looks at the longest idle of each level, at most ``LOOK`` of them.
  * An agent of a lower level is held back until the rule's wait, unless enough of his level are ready or
    nobody better is on duty.
  * A caller who already missed the target is set back once, by a bounded amount, and goes on gaining:
    nobody is passed over for ever.
"""

from __future__ import annotations

from math import exp

from acd.core.machine import Machine
from acd.core.model import CHAT, Agent, Call, Line, Pool, Spot
from acd.core.rules import NEVER

LOOK = 8
SHORT_SHIFT_MS = 1_800_000  # occupancy says little before this
GENERALIST = 32  # who is in more pools than this is kept back by his languages, not by each skill
EVER = -(1 << 60)
NEVER_LATE = 2  # from this priority on nobody is set back

Pools = tuple[tuple[Pool, int], ...]
Choice = tuple[Call, int, float]  # with the agent's level and the claim


def call_for(machine: Machine, agent: Agent) -> tuple[Call, tuple[str, ...]] | None:
    """The waiting caller with the largest claim on a ready agent, and why."""
    weights = machine.weights
    handicaps = weights.level
    spare = machine.rules.spare
    speakers = machine.speakers
    rare = rarest(machine, agent) if len(agent.languages) > 1 else 0
    best: Choice | None = None
    compared = 0
    himself = 0 if agent.ready or agent.open else 1  # he may not stand in the ready index yet
    pools = _pools_open_to(agent) if agent.chat_pools else agent.pools
    for pool, level in pools:
        if not pool.lines:
            continue
        base = pool.handicap - handicaps[level]
        if rare and speakers.get(pool.key[2], 0) > 4 * rare:
            base -= weights.language
        free = level >= pool.best or len(pool.ready[level]) + himself > spare[level]
        for line, spot in pool.lines.values():
            after = spot.after_ms[level]
            if after < NEVER:
                compared += 1
                best = _of_line(machine, line, pool, spot.opens_ms if free else after, base, level, best)
    if machine.wanted and agent.agent_id in machine.wanted:
        best = _returning(machine, agent, pools, best)
    if best is None:
        return None
    return best[0], reasons(machine, best[0], agent, best[1], "agent_free", compared)


def _pools_open_to(agent: Agent) -> Pools:
    """Who has chats can only be offered a further one; so can who has no telephone."""
    calls = () if agent.chats or not agent.reachable else agent.pools
    return calls + agent.chat_pools if agent.takes_chats else calls


def _of_line(
    machine: Machine, line: Line, pool: Pool, after: int, base: int, level: int, best: Choice | None
) -> Choice | None:
    """The better of ``best`` and the heads of a line: of those in time, and of those already late."""
    now = machine.now_ms
    weights = machine.weights
    priority = line.priority
    late_after = machine.late_after_ms
    call = line.head(now - late_after if priority < NEVER_LATE else EVER)
    if call is not None:
        waited = now - call.place_ms
        if waited >= after:
            claim: float = waited + base + priority * weights.priority
            if priority < NEVER_LATE:
                window = weights.rescue_window + weights.rescue_chances * pool.gap_ms
                claim += weights.rescue * exp((waited - late_after) / window)
            if best is None or claim > best[2] or (claim == best[2] and _older(call, best[0])):
                best = (call, level, claim)
    call = line.late_head() if line.late else None
    if call is not None:
        waited = now - call.place_ms
        claim = waited + base + priority * weights.priority - weights.late
        claim -= min(machine.rules.target_ms, weights.late_chances * pool.gap_ms)
        if waited >= after and (
            best is None or claim > best[2] or (claim == best[2] and _older(call, best[0]))
        ):
            best = (call, level, claim)
    return best


def _older(one: Call, other: Call) -> bool:
    return (one.place_ms, one.call_id) < (other.place_ms, other.call_id)


def _returning(machine: Machine, agent: Agent, pools: Pools, best: Choice | None) -> Choice | None:
    """Callers whom this agent served last may be served before the head of their line."""
    weights = machine.weights
    levels = {id(pool): each for pool, each in pools}
    for call in machine.wanted[agent.agent_id].values():
        line = call.line
        if line is None:
            continue
        waited = machine.now_ms - call.place_ms
        for spot in line.spots:
            level = levels.get(id(spot.pool), 0)
            if level and may_serve(spot, level, waited, level >= spot.pool.best):
                claim = waited + spot.pool.handicap - weights.level[level] + weights.affinity
                claim += line.priority * weights.priority
                if best is None or claim > best[2] or (claim == best[2] and _older(call, best[0])):
                    best = (call, level, claim)
                break
    return best


def agent_for(machine: Machine, call: Call) -> tuple[Agent, tuple[str, ...]] | None:
    """The ready agent who costs least for a waiting caller, and why; None: he waits on."""
    line = call.line
    if line is None:
        return None
    now = machine.now_ms
    waited = now - call.place_ms
    spare = machine.rules.spare
    handicaps = machine.weights.level
    idle_weight = machine.weights.idle
    wanted = call.wanted
    chat = call.channel == CHAT
    best: tuple[float, int, str] | None = None
    best_level = 0
    compared = 0
    for spot in line.spots:
        if waited < spot.opens_ms:
            continue
        pool = spot.pool
        for level in (3, 2, 1):
            ready = pool.ready[level]
            if not ready:
                continue
            after = spot.after_ms[level]
            if waited < after and (
                after >= NEVER or (level < pool.best and len(ready) <= spare[level])
            ):  # ``may_serve``, in place
                continue
            if wanted and wanted in ready:
                return ready[wanted], reasons(machine, call, ready[wanted], level, "caller", compared + 1)
            looked = 0
            handicap = handicaps[level]
            for agent in ready.values():
                # Who comes later was idle for less time: he costs at least this, so perhaps nobody can win.
                idle_since = agent.idle_since_ms
                least = handicap - idle_weight * (now - idle_since)
                if best is not None and least > best[0]:
                    break
                if chat:
                    cost = least + _chat_cost(machine, agent, pool)
                else:
                    cost = least + _cost(machine, agent, pool, agent.pools)
                if best is None or cost < best[0] or (cost, idle_since, agent.agent_id) < best:
                    best, best_level = (cost, idle_since, agent.agent_id), level
                looked += 1
                if looked >= LOOK:
                    break
            compared += looked
    if best is None:
        return None
    chosen = machine.agents[best[2]]
    return chosen, reasons(machine, call, chosen, best_level, "caller", compared)


def _chat_cost(machine: Machine, agent: Agent, pool: Pool) -> float:
    """The same for a chat: the fewer he has already the better; if he has none he may be needed for calls."""
    pools = agent.pools if agent.ready else agent.chat_pools
    return _cost(machine, agent, pool, pools) + machine.weights.chat * len(agent.chats)


def _cost(machine: Machine, agent: Agent, pool: Pool, pools: Pools) -> float:
    """What using a ready agent here costs beside his level and rest: his work so far, and what else he
    would be needed for."""
    weights = machine.weights
    on_duty_ms = machine.now_ms - agent.on_since_ms
    cost = weights.load * agent.worked_ms / (on_duty_ms if on_duty_ms > SHORT_SHIFT_MS else SHORT_SHIFT_MS)
    if len(agent.languages) > 1 and machine.speakers.get(pool.key[2], 0) > 4 * rarest(machine, agent):
        cost += weights.language
    if len(pools) <= GENERALIST:
        fewest = 1 << 30
        for other, _ in pools:
            count = other.ready_count
            if count < fewest and other is not pool:
                fewest = count
        cost += weights.scarce / fewest
    return cost


def may_serve(spot: Spot, level: int, waited: int, free: bool) -> bool:
    """By the line's rules, after this wait; ``free``: no reason to hold this level back."""
    after = spot.after_ms[level]
    return waited >= after or (free and after < NEVER and waited >= spot.opens_ms)


def rarest(machine: Machine, agent: Agent) -> int:
    """How many on duty speak the agent's rarest language."""
    speakers = machine.speakers
    return min([speakers.get(language, 0) for language in agent.languages])


def reasons(
    machine: Machine, call: Call, agent: Agent, level: int, cause: str, compared: int
) -> tuple[str, ...]:
    """Short codes, ``name=value``; ``acd.core.explain`` makes sentences of them when somebody asks."""
    waited = machine.now_ms - call.place_ms
    codes: tuple[str, ...] = (
        f"cause={cause}",
        f"waited_ms={waited}",
        f"level={level}",
        f"compared={compared}",
    )
    if call.priority:
        codes += (f"priority={call.priority}",)
    elif waited > machine.late_after_ms:
        codes += ("late",)
    elif waited > machine.rescue_after_ms:
        codes += ("rescue",)
    if call.wanted and call.wanted == agent.agent_id:
        codes += ("same_agent",)
    if call.channel == CHAT:
        codes += (f"chats={len(agent.chats)}", f"chat_capacity={agent.chat_capacity}")
    return codes
