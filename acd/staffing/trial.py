"""A plan played through: callers drawn from the forecast, agents of the shifts, the production engine.

Uses the player of ``acd.journal.what_if`` with a record that was made up: each caller has his moment, topic,
language, the length of his conversation and his patience beforehand.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from acd.contract import AgentDefined, AgentStatusDeclared, CallLeft, CallQueued, Event, RulesLoaded
from acd.journal.recorded import RecordedCall, Recording
from acd.journal.what_if import Variant, simulate
from acd.staffing.past import Handling
from acd.staffing.plan import SLOT_MS, Duty, Goal, Interval

QUEUE = "main"  # as in flows that name none
BREAK_MS = 15 * 60_000
FOREVER_MS = 1 << 41


@dataclass(frozen=True, slots=True)
class Tried:
    """Means over the runs: callers and those answered in time, by start of the quarter hour and by topic."""

    by_start: Mapping[int, tuple[float, float]] = field(default_factory=dict)
    by_topic: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    abandoned: float = 0.0  # share of all callers
    p95_wait_s: float = 0.0  # of all callers


def trial(
    intervals: Sequence[Interval],
    duties: Sequence[Duty],
    handling: Handling,
    goal: Goal,
    rules: RulesLoaded | None,
    runs: int,
    seed: int = 1,
) -> Tried:
    """Plays the plan ``runs`` times. The same seed gives the same result."""
    counts: dict[int, list[int]] = {}
    topics: dict[str, list[int]] = {}
    waits: list[int] = []
    gone = 0
    for run in range(runs):
        chance = random.Random(f"{seed}/{run}")
        record = Recording(calls=_callers(intervals, handling, chance))
        if not record.calls:
            continue
        record.first_ms, record.last_ms = intervals[0].start_ms, intervals[-1].end_ms
        record.agent_facts = _agents(duties, intervals, goal)
        record.rules = [] if rules is None else [(record.first_ms - 1, rules)]
        for fate in simulate(record, Variant("plan")):
            good = fate.outcome == "answered" and fate.waited_ms <= goal.target_s * 1000
            start_ms = fate.at_ms - fate.at_ms % SLOT_MS
            for pair in (counts.setdefault(start_ms, [0, 0]), topics.setdefault(fate.topic, [0, 0])):
                pair[0] += 1
                pair[1] += good
            waits.append(fate.waited_ms)
            gone += fate.outcome == "abandoned"
    waits.sort()
    return Tried(
        {start: (offered / runs, good / runs) for start, (offered, good) in sorted(counts.items())},
        {topic: (offered / runs, good / runs) for topic, (offered, good) in sorted(topics.items())},
        abandoned=gone / len(waits) if waits else 0.0,
        p95_wait_s=waits[int(0.95 * len(waits))] / 1000 if waits else 0.0,
    )


def _callers(intervals: Sequence[Interval], handling: Handling, chance: random.Random) -> list[RecordedCall]:
    calls: list[RecordedCall] = []
    for interval in intervals:
        for topic, expected in interval.calls.items():
            gap_ms = (interval.end_ms - interval.start_ms) / expected
            at = interval.start_ms + chance.expovariate(1 / gap_ms)
            while at < interval.end_ms:
                calls.append(_caller(f"s{len(calls)}", int(at), topic, handling, chance))
                at += chance.expovariate(1 / gap_ms)
    return sorted(calls, key=lambda call: (call.at_ms, call.queued.call_id))


def _caller(call_id: str, at_ms: int, topic: str, handling: Handling, chance: random.Random) -> RecordedCall:
    shares = handling.languages.get(topic) or {"ru": 1.0}
    language = chance.choices(list(shares), list(shares.values()))[0]
    patience_ms = FOREVER_MS
    if handling.patience_s is not None:
        patience_ms = math.ceil(chance.expovariate(1 / handling.patience_s) * 1000)
    talk_ms = chance.choice(handling.talks_ms.get(topic) or (240_000,))
    if handling.exponential:
        talk_ms = math.ceil(chance.expovariate(1 / max(talk_ms, 1)))
    queue = handling.queues.get(topic, QUEUE)
    return RecordedCall(
        CallQueued(call_id, "plan", queue, topic, language),
        at_ms,
        at_ms,
        waited_ms=patience_ms,  # "as recorded" he hangs up then, unless he is answered before
        left=CallLeft(call_id, "abandoned", "plan"),
        ring_ms=round(handling.ring_s * 1000),
        talk_ms=talk_ms,
        wrap_up_ms=round(handling.wrap_up_s.get(topic, 0.0) * 1000),
        topic=topic,
    )


def _agents(duties: Sequence[Duty], intervals: Sequence[Interval], goal: Goal) -> list[tuple[int, Event]]:
    """Coming, breaks in turn, going. Who works until closing stays for those who called before it."""
    facts: list[tuple[int, Event]] = []
    open_at = {interval.start_ms for interval in intervals}
    known: dict[str, AgentDefined] = {}
    for duty in duties:
        known |= {agent.agent_id: agent for agent in duty.agents}
    facts += [(intervals[0].start_ms - 1, agent) for agent in known.values()]
    for agent_id in known:
        stretches = _joined(
            sorted((d.start_ms, d.end_ms) for d in duties if any(a.agent_id == agent_id for a in d.agents))
        )
        mates = list(known)
        for start_ms, end_ms in stretches:
            stays_ms = 0 if end_ms in open_at else round(goal.target_s * 1000)
            facts.append((start_ms, AgentStatusDeclared(agent_id, "available")))
            facts += _breaks(agent_id, start_ms, end_ms, goal.away_share, mates.index(agent_id), len(mates))
            facts.append((end_ms + stays_ms, AgentStatusDeclared(agent_id, "logged_out")))
    return sorted(facts, key=lambda item: item[0])


def _joined(stretches: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Shifts of one agent that touch are one."""
    done: list[tuple[int, int]] = []
    for start_ms, end_ms in stretches:
        if done and start_ms <= done[-1][1]:
            done[-1] = (done[-1][0], max(done[-1][1], end_ms))
        else:
            done.append((start_ms, end_ms))
    return done


def _breaks(
    agent_id: str, start_ms: int, end_ms: int, share: float, number: int, of: int
) -> list[tuple[int, Event]]:
    """A break of a quarter hour in each turn, so long that the share comes out; colleagues one by one."""
    if share <= 0:
        return []
    turn_ms = BREAK_MS / share
    facts: list[tuple[int, Event]] = []
    at = start_ms + turn_ms * (number + 0.5) / of - BREAK_MS / 2
    while at < end_ms:
        begins, ends = max(start_ms + 1, int(at)), min(end_ms - 1, int(at + BREAK_MS))
        if begins < ends:
            facts.append((begins, AgentStatusDeclared(agent_id, "on_break", "plan")))
            facts.append((ends, AgentStatusDeclared(agent_id, "available")))
        at += turn_ms
    return facts
