"""How long a caller will probably wait, as a range, and which place he has.

docs/routing.md has the formula. In short: the callers who come first and compete for the same agents,
each by the share of agents in common, drained at the rate at which those agents become free, with some
of them giving up; corrected by ``acd.core.calibration``.

Nothing here depends on the time that passes, only on the state, so an estimate cannot grow while nothing
changes. Queries change nothing that decides.
"""

from __future__ import annotations

from bisect import bisect_left
from math import exp, log
from typing import TYPE_CHECKING

from acd.contract import WaitView
from acd.core.model import Call, Line, Pool
from acd.core.rules import NEVER

if TYPE_CHECKING:
    from acd.core.machine import Machine

# Fitted once on the benchmark's training seeds (bench/router), the calibration does the rest:
LEAVING_PER_MS = 1 / 331_000  # of those ahead some give up, some are served by others
OWN_LINE = 2.06  # who waits for the same comes first for certain …
OTHER_LINE = 0.6  # … others only where their claim is larger
LOWER = 0.5  # … less where his priority is lower
FIRST = 1.6  # his own turn, and those who come later and are served before him
RING_MS = 6_000.0  # being offered is not yet being answered
REST_LEFT = 0.7  # of a wrap-up that we come upon: its mean remainder, as a share of a whole one
STEPS, NEAR = 6, 0.003
LOOKS = 1_500


def wait_of(machine: Machine, call_id: str) -> WaitView | None:
    call = machine.calls.get(call_id)
    if call is None or call.line is None:
        return None
    ahead, place = _ahead_of(machine, call, call.line)
    return _view(machine, call.line, ahead, place, machine.servable(call))


def for_newcomer(machine: Machine, topic: str, language: str, queue: str, priority: int = 0) -> WaitView:
    """What a caller who asked now would be told."""
    probe = Call("", "", queue, topic, language, priority, machine.now_ms, "", 1, "")
    line = machine.line_of(probe)
    ahead = ahead_of_newcomer(machine, line)
    place = 1 + sum(each.count for each in _rivals(line))
    return _view(machine, line, ahead, place, machine.servable(probe))


def said_at_arrival(machine: Machine, line: Line) -> tuple[float, int, int] | None:
    """The raw estimate and the range for a caller who just joined and can be served; None when he is told no
    time, for somebody is ready."""
    raw = raw_ms(machine, line, ahead_of_newcomer(machine, line) - OWN_LINE)  # he stands in it himself
    if raw <= 0:
        return None
    low, _, high = machine.calibration_of(line.key[0]).announce(raw, name_of(line))
    return raw, low, high


def name_of(line: Line) -> str:
    return f"{line.key[2]}/{line.key[3]}"


def raw_ms(machine: Machine, line: Line, ahead: float) -> float:
    """Mean time until ``ahead`` others and then this one are served; 0 when an agent is ready for him."""
    seats = away = soon = 0
    held = NEVER  # somebody ready is held back until this wait
    spare = machine.rules.spare
    for spot in line.spots:
        pool = spot.pool
        seats += pool.seats
        away += pool.on_duty
        soon += pool.resting + pool.ready_count
        if pool.ready_count and ahead < 1:
            for level in (3, 2, 1):
                count = len(pool.ready[level])
                if count and spot.after_ms[level] < NEVER:
                    free = level >= pool.best or count > spare[level]
                    held = min(held, spot.opens_ms if free else spot.after_ms[level])
    if not held:
        return 0.0
    turn_ms = machine.turn_ms(line.key[0])
    if not seats:  # all are on a break: the first who is back serves one at once, then all take turns
        back_ms = machine.break_ms / max(1, away)
        return RING_MS + back_ms + _time_for(max(0.0, ahead + FIRST - 1.0), max(1, away) / turn_ms, 0, 0.0)
    wait_ms = _time_for(ahead + FIRST, seats / turn_ms, soon, REST_LEFT * machine.rest_ms)
    return RING_MS + min(wait_ms, held)


def _time_for(number: float, rate: float, soon: int, rest_ms: float) -> float:
    """When so many were served: ``soon * (1 - exp(-t/rest)) + rate * (exp(t * leaving) - 1) / leaving`` is
    their number after ``t``. Solved for t by Newton's method, from below.
    """
    ends = rate / LEAVING_PER_MS
    time_ms = log(1.0 + max(0.0, number - soon) / ends) / LEAVING_PER_MS
    if soon:
        for _ in range(STEPS):
            left = soon * exp(-time_ms / rest_ms)
            grown = exp(time_ms * LEAVING_PER_MS)
            missing = number - (soon - left + ends * (grown - 1.0))
            time_ms += missing / (left / rest_ms + rate * grown)
            if -NEAR < missing < NEAR:
                break
    return max(0.0, time_ms)


def _view(machine: Machine, line: Line, ahead: float, place: int, servable: bool) -> WaitView:
    if not servable:
        return WaitView(place, 0, 0, False)
    raw = raw_ms(machine, line, ahead)
    if raw <= 0:
        return WaitView(place, 0, machine.rules.ring_ms, True, 5_000)
    low, likely, high = machine.calibration_of(line.key[0]).announce(raw, name_of(line))
    return WaitView(place, low, high, True, likely)


def ahead_of_newcomer(machine: Machine, line: Line) -> float:
    """Waiting callers, each by the share of his possible agents that could serve this line too."""
    ahead = OWN_LINE * line.count
    done: set[Line] = {line}
    for spot in line.spots:
        for pool, share in shares(machine, spot.pool):
            if pool.lines:
                weight = OTHER_LINE * share
                for other, _ in pool.lines.values():
                    if other not in done:
                        if len(other.spots) > 1:
                            done.add(other)
                        if other.priority < line.priority:
                            ahead += LOWER * weight * other.count
                        else:
                            ahead += weight * other.count
    return ahead


def shares(machine: Machine, pool: Pool) -> list[tuple[Pool, float]]:
    """For each pool that has agents in common with this one: which share of its agents that is.

    Kept until anybody comes on or off duty. Of a large pool an even sample is looked at, so that the cost
    has a bound (``LOOKS``) whatever the size of the centre.
    """
    if pool.row_version == machine.duty_version:
        return pool.row
    members = list(pool.members.values())
    common: dict[int, int] = {}
    pools: dict[int, Pool] = {}
    if members:
        stride = 1 + len(members) // max(8, LOOKS // max(1, len(members[0].pools)))
        members = members[::stride]
    for agent in members:
        for other, _ in agent.pools + agent.chat_pools:
            key = id(other)
            pools[key] = other
            common[key] = common.get(key, 0) + 1
    scale = pool.on_duty / max(1, len(members))
    pool.row = [
        (pools[key], min(1.0, count * scale / max(1, pools[key].on_duty))) for key, count in common.items()
    ]
    pool.row_version = machine.duty_version
    return pool.row


def _rivals(mine: Line) -> list[Line]:
    """Lines that wait for the same pools as this one, itself included if somebody waits in it."""
    return list({id(line): line for spot in mine.spots for line, _ in spot.pool.lines.values()}.values())


def _ahead_of(machine: Machine, call: Call, mine: Line) -> tuple[float, int]:
    """Weighed number of callers before him for the wait, and his place as a whole number."""
    order = (-call.priority, call.place_ms, call.call_id)
    ahead = 0.0
    place = 1.0
    done: set[int] = set()
    for spot in mine.spots:
        for pool, share in shares(machine, spot.pool):
            for line, _ in pool.lines.values():
                if id(line) in done:
                    continue
                if len(line.spots) > 1 or line is mine:
                    done.add(id(line))
                before = bisect_left(_orders(machine, line), order)
                if line is mine:
                    ahead += OWN_LINE * before
                    place += before
                else:
                    ahead += OTHER_LINE * share * before
                    place += share * before
    return ahead, int(place + 0.5)


def _orders(machine: Machine, line: Line) -> list[tuple[int, int, str]]:
    """The line's order, kept while nothing happens, so that a page of all callers stays cheap."""
    if line.sorted_at != machine.version:
        line.sorted_at = machine.version
        line.sorted = [(-line.priority, call.place_ms, call.call_id) for call in line.waiting()]
    return line.sorted
