"""The shift plan beside what is needed: quarter hour by quarter hour, topic by topic, gaps marked. Pure.

Needed is asked of Erlang-A for every set of topics that some agents cannot serve: for all topics together
(one pool: the least that any plan needs), and for each smaller set against those agents on duty who have at
least one skill of it. Whoever serves callers of the set is among them, so with fewer than Erlang-A asks for
these callers alone the goal is out of reach, whatever else is routed where (the idea of Hall's theorem of
matchings, with queues). Sets with the same agents are one; only the largest of them is looked at.

These conditions are necessary, not sufficient: agents who are needed for two sets at once are counted in
both. So ``trial`` plays the plan with the production engine, and its result is a gap of its own.
"""

from __future__ import annotations

import datetime as dt
import math
from bisect import bisect_right
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations

from acd.contract import AgentDefined
from acd.staffing import erlang
from acd.staffing.forecast import SLOT_MIN
from acd.staffing.past import Handling

SLOT_MS = SLOT_MIN * 60_000
MOST_TOPICS = 10  # of more, sets of two and more are formed of the busiest only
Sets = dict[tuple[tuple[str, ...], tuple[str, ...]], list[tuple[tuple[str, ...], int]]]
# Standard errors below the goal from which on a simulated share is too low. By chance that would be 1 %;
# more in fact, since callers of one quarter hour wait for each other.
SURE = 2.33


@dataclass(frozen=True, slots=True)
class Duty:
    """Agents who work from ``start_ms`` to ``end_ms``; ``name`` as in the hours file, "08:00-14:00"."""

    date: dt.date
    name: str
    start_ms: int
    end_ms: int
    agents: tuple[AgentDefined, ...]


@dataclass(frozen=True, slots=True)
class Goal:
    """``share`` of all callers is to be answered within ``target_s``; agents are away for ``away_share``."""

    target_s: float = 120.0
    share: float = 0.9
    away_share: float = 0.0


@dataclass(frozen=True, slots=True)
class Shortage:
    """Callers of these topics need ``needed`` agents, ``present`` can serve at least one of them."""

    topics: tuple[str, ...]
    needed: int
    present: int


@dataclass(frozen=True, slots=True)
class Interval:
    """One quarter hour (or the open part of it)."""

    date: dt.date
    start_ms: int
    end_ms: int
    shift: str
    calls: Mapping[str, float]  # expected callers by topic
    work: float  # erlangs: agents who would be busy all the time
    present: int
    needed: int  # as one pool
    alone: Mapping[str, tuple[int, int]] = field(default_factory=dict)  # topic -> needed alone, skilled
    in_time: float = 1.0  # Erlang-A, one pool: the best that this number of agents can reach
    shortages: tuple[Shortage, ...] = ()
    tried: tuple[float, float] | None = None  # simulated: callers and those in time, mean of the runs
    runs: int = 0

    @property
    def offered(self) -> float:
        return sum(self.calls.values())

    @property
    def tried_share(self) -> float | None:
        """Simulated share answered within the target."""
        return self.tried[1] / self.tried[0] if self.tried and self.tried[0] else None

    def misses(self, goal: float) -> bool:
        """The simulated share is below the goal, and not by chance."""
        share = self.tried_share
        if share is None or self.tried is None:
            return False
        error = math.sqrt(goal * (1 - goal) / (self.tried[0] * self.runs))
        return share + SURE * error < goal

    def gap(self, goal: float) -> bool:
        return bool(self.shortages) or self.misses(goal)


def has_skill(agent: AgentDefined, topic: str) -> bool:
    """At any level, in any queue (``regional/documents`` is a skill in documents)."""
    return any(skill == topic or skill.rpartition("/")[2] == topic for skill in agent.skills)


def plan(
    stretches: Sequence[tuple[dt.date, int, int]],
    expected: Callable[[dt.date, int, int], Mapping[str, float]],
    duties: Sequence[Duty],
    handling: Handling,
    goal: Goal,
) -> list[Interval]:
    """Quarter hours of the open ``stretches`` (date, start and end in ms), in order; cut where shifts change.

    ``expected`` gives the callers by topic from one time to another, both in ms and in one quarter hour.
    """
    changes = sorted({ms for duty in duties for ms in (duty.start_ms, duty.end_ms)})
    done: list[Interval] = []
    sets: Sets = {}
    for date, first_ms, last_ms in stretches:
        start_ms = first_ms
        while start_ms < last_ms:
            end_ms = min(last_ms, start_ms - start_ms % SLOT_MS + SLOT_MS)
            change = bisect_right(changes, start_ms)
            end_ms = min(end_ms, *changes[change : change + 1])
            calls = {topic: count for topic, count in expected(date, start_ms, end_ms).items() if count > 0}
            on_duty = [duty for duty in duties if duty.start_ms < end_ms and duty.end_ms > start_ms]
            done.append(_interval(date, start_ms, end_ms, calls, on_duty, handling, goal, sets))
            start_ms = end_ms
    return done


def _interval(
    date: dt.date,
    start_ms: int,
    end_ms: int,
    calls: Mapping[str, float],
    on_duty: Sequence[Duty],
    handling: Handling,
    goal: Goal,
    sets: Sets,
) -> Interval:
    seconds = (end_ms - start_ms) / 1000
    agents = {agent.agent_id: agent for duty in on_duty for agent in duty.agents}
    crew = tuple(agents.values())
    ask = _Ask(calls, seconds, handling, goal)
    every = tuple(sorted(calls))
    key = (every, tuple(agents))
    if key not in sets:  # the same for a whole shift
        sets[key] = closed_sets(every, crew)
    shortages = [
        Shortage(topics, need, count)
        for topics, count in sets[key]
        if (need := ask.needed(topics)) > count and not ask.enough(topics, count)
    ]
    return Interval(
        date,
        start_ms,
        end_ms,
        " + ".join(dict.fromkeys(duty.name for duty in on_duty)),
        calls,
        work=sum(count * handling.work_s(topic) for topic, count in calls.items()) / seconds,
        present=len(crew),
        needed=ask.needed(every),
        alone={t: (ask.needed((t,)), sum(has_skill(a, t) for a in crew)) for t in every},
        in_time=ask.in_time(every, len(crew)),
        shortages=tuple(sorted(shortages, key=lambda short: (short.present - short.needed, short.topics))),
    )


class _Ask:
    """Erlang-A about the callers of some topics in one interval."""

    def __init__(self, calls: Mapping[str, float], seconds: float, handling: Handling, goal: Goal) -> None:
        self._calls, self._seconds, self._handling, self._goal = calls, seconds, handling, goal
        self._target_s = max(0.0, goal.target_s - handling.ring_s)  # who is rung for still waits

    def _work(self, topics: Sequence[str]) -> tuple[float, float]:
        """Callers a second and seconds of work a caller. Rounded: like intervals are worked out once."""
        count = sum(self._calls[topic] for topic in topics)
        if not count:
            return 0.0, 1.0
        work = sum(self._calls[topic] * self._handling.work_s(topic) for topic in topics) / count
        return float(f"{count / self._seconds:.3g}"), float(f"{work:.3g}")

    def in_time(self, topics: Sequence[str], present: int) -> float:
        """With breaks: between the whole numbers around those who are at their desks on average."""
        there = present * (1 - self._goal.away_share)
        low, part = int(there + 1e-9), there - int(there + 1e-9)
        share = self._erlang(topics, low)
        return share if part < 1e-6 else share + part * (self._erlang(topics, low + 1) - share)

    def _erlang(self, topics: Sequence[str], agents: int) -> float:
        rate, work_s = self._work(topics)
        return erlang.waiting(rate, work_s, agents, self._handling.patience_s, self._target_s).in_time

    def enough(self, topics: Sequence[str], present: int) -> bool:
        return self.in_time(topics, present) >= self._goal.share

    def needed(self, topics: Sequence[str]) -> int:
        """Agents to be planned, those who are away from their desks included."""
        rate, work_s = self._work(topics)
        least = erlang.needed(rate, work_s, self._handling.patience_s, self._target_s, self._goal.share)
        number = max(least, math.floor(least / (1 - self._goal.away_share)))
        while number and not self.enough(topics, number) and number < erlang.MAX_AGENTS:
            number += 1
        return number


def closed_sets(topics: tuple[str, ...], crew: Sequence[AgentDefined]) -> list[tuple[tuple[str, ...], int]]:
    """Sets of topics and how many agents can serve any of them; of sets with the same agents the largest."""
    able = {topic: frozenset(a.agent_id for a in crew if has_skill(a, topic)) for topic in topics}
    groups: dict[frozenset[str], None] = dict.fromkeys(able.values())
    bases = list(groups)[:MOST_TOPICS]
    some = (each for size in range(1, len(bases) + 1) for each in combinations(bases, size))
    unions: set[frozenset[str]] = {frozenset[str]().union(*each) for each in some}
    unions |= {*groups, frozenset[str]().union(*groups)}
    found = []
    for who in unions if topics else ():
        within = tuple(topic for topic in topics if able[topic] <= who)
        found.append((within, len(who)))
    return sorted(found)


def with_trial(
    intervals: Sequence[Interval], tried: Mapping[int, tuple[float, float]], runs: int
) -> list[Interval]:
    """The same with the simulated callers of each quarter hour, by its start in ms."""
    return [
        replace(each, tried=tried.get(each.start_ms - each.start_ms % SLOT_MS, (0.0, 0.0)), runs=runs)
        for each in intervals
    ]
