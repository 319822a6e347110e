"""Who serves whom.

Rules of this module
  * A caller's claim on an agent is a number of milliseconds: how long he waited, corrected by weights
    (docs/routing.md has the formula). The largest claim wins; equal claims: the older place, then the id.
  * An agent who becomes ready looks at the heads of the lines that his skills reach, nowhere else.
    A caller who arrives looks at the longest idle of each level, at most ``LOOK`` of them.
  * An agent of a lower level is held back until the rule's wait, unless enough of his level are ready.
  * A caller who already missed the target is set back once, by a bounded amount, and goes on gaining:
    nobody is passed over for ever.
"""

from __future__ import annotations

from acd.core.machine import Machine
from acd.core.model import Agent, Call, Pool, Spot
from acd.core.rules import NEVER

LOOK = 12
EVER = -(1 << 60)


def call_for(machine: Machine, agent: Agent) -> tuple[Call, tuple[str, ...]] | None:
    """The waiting caller with the largest claim on a ready agent, and why."""
    now = machine.now_ms
    weights = machine.weights
    handicaps = weights.level
    spare = machine.rules.spare
    late_before = now - machine.late_after_ms
    rescue_before = now - machine.rescue_after_ms
    rare = rarest(machine, agent) if len(agent.languages) > 1 else 0
    best: Call | None = None
    best_claim = 0
    best_level = 0
    compared = 0
    for pool, level in agent.pools:
        lines = pool.lines
        if not lines:
            continue
        base = pool.handicap - handicaps[level]
        if rare and machine.speakers.get(pool.key[2], 0) > 4 * rare:
            base -= weights.language
        for line, spot in lines.values():
            after = spot.after_ms[level]
            if after >= NEVER:
                continue
            if level >= pool.best or len(pool.ready[level]) > spare[level]:
                after = spot.opens_ms
            priority = line.priority
            for late in (False, True) if priority < 2 else (False,):
                call = line.late_head() if late else line.head(late_before if priority < 2 else EVER)
                if call is None:
                    continue
                waited = now - call.place_ms
                if waited < after:
                    continue
                compared += 1
                claim = waited + base + priority * weights.priority
                if late:
                    claim -= weights.late
                elif call.place_ms < rescue_before and priority < 2:
                    claim += weights.rescue
                if (
                    best is None
                    or claim > best_claim
                    or (claim == best_claim and (call.place_ms, call.call_id) < (best.place_ms, best.call_id))
                ):
                    best, best_claim, best_level = call, claim, level
    if machine.wanted and agent.agent_id in machine.wanted:
        best, best_level = _returning(machine, agent, best, best_claim, best_level)
    if best is None:
        return None
    return best, reasons(machine, best, agent, best_level, "agent_free", compared)


def _returning(
    machine: Machine, agent: Agent, best: Call | None, claim: int, level: int
) -> tuple[Call | None, int]:
    """Callers whom this agent served last may be served before the head of their line."""
    weights = machine.weights
    levels = {id(pool): each for pool, each in agent.pools}
    for call in machine.wanted[agent.agent_id].values():
        line = call.line
        if line is None:
            continue
        waited = machine.now_ms - call.place_ms
        for spot in line.spots:
            own = levels.get(id(spot.pool), 0)
            if own and may_serve(spot, own, waited, own >= spot.pool.best):
                mine = waited + spot.pool.handicap - weights.level[own] + weights.affinity
                mine += line.priority * weights.priority
                if best is None or mine > claim:
                    best, claim, level = call, mine, own
                break
    return best, level


def agent_for(machine: Machine, call: Call) -> tuple[Agent, tuple[str, ...]] | None:
    """The ready agent who costs least for a waiting caller, and why; None: he waits on."""
    line = call.line
    if line is None:
        return None
    now = machine.now_ms
    waited = now - call.place_ms
    weights = machine.weights
    handicaps = weights.level
    idle_weight = weights.idle
    spare = machine.rules.spare
    wanted = call.wanted
    best: Agent | None = None
    best_key: tuple[float, int, str] | None = None
    best_level = 0
    compared = 0
    for spot in line.spots:
        if waited < spot.opens_ms:
            continue
        pool = spot.pool
        for level in (3, 2, 1):
            ready = pool.ready[level]
            if not ready or not may_serve(
                spot, level, waited, level >= pool.best or len(ready) > spare[level]
            ):
                continue
            looked = 0
            for agent in ready.values():
                cost = handicaps[level] - idle_weight * (now - agent.idle_since_ms)
                if len(agent.languages) > 1 and _wasted(machine, agent, pool):
                    cost += weights.language
                key = (cost, agent.idle_since_ms, agent.agent_id)
                if best_key is None or key < best_key:
                    best, best_key, best_level = agent, key, level
                looked += 1
                if looked >= LOOK:
                    break
            compared += looked
            if wanted and wanted in ready:
                return ready[wanted], reasons(machine, call, ready[wanted], level, "caller", compared)
    if best is None:
        return None
    return best, reasons(machine, call, best, best_level, "caller", compared)


def may_serve(spot: Spot, level: int, waited: int, plenty: bool) -> bool:
    after = spot.after_ms[level]
    return waited >= after or (plenty and after < NEVER and waited >= spot.opens_ms)


def rarest(machine: Machine, agent: Agent) -> int:
    """How many on duty speak the agent's rarest language."""
    speakers = machine.speakers
    return min(speakers.get(language, 0) for language in agent.languages)


def _wasted(machine: Machine, agent: Agent, pool: Pool) -> bool:
    """He would be used for a common language though he speaks a rare one."""
    return machine.speakers.get(pool.key[2], 0) > 4 * rarest(machine, agent)


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
    if call.wanted == agent.agent_id:
        codes += ("same_agent",)
    return codes
