"""Erlang-A: how long callers wait for a number of agents, when some hang up. Pure.

Callers come at random (Poisson, ``rate`` a second), a conversation with everything around it takes an
exponential time (mean ``work_s``), a caller hangs up after an exponential time (mean ``patience_s``), first
come first served. C. Palm (1957) described the model; the formulas are those of S. Zeltyn and
A. Mandelbaum, "Call centers with impatient customers: many-server asymptotics of the M/M/n+G queue"
(Queueing Systems 51, 2005), with exponential patience. With lambda the rate, n agents of speed mu = 1/work,
theta = 1/patience, V the wait of a caller who does not hang up:

    E       = sum over j < n of  (n-1)! / j! * (lambda/mu)^(j-n+1)        (= 1 / Erlang B of n-1 agents)
    v(x)    = exp(lambda/theta * (1 - exp(-theta x)) - n mu x)
    J       = integral of v from 0 to infinity
            = 1/theta * sum over k >= 0 of  x^k / (a (a+1) ... (a+k)),   a = n mu / theta, x = lambda / theta
    P(wait) = lambda J / (E + lambda J)
    P(hang up) = (1 + (lambda - n mu) J) / (E + lambda J)
    P(answered within T) = (E + lambda * integral of v(x) exp(-theta x) from 0 to T) / (E + lambda J)

Without impatience (``patience_s`` None) it is Erlang C, which has no steady state from n = lambda/mu down:
then nobody is answered in time and waits are infinite.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

MAX_AGENTS = 50_000
_LARGE = 1e200
_SMALL = 1e-12  # where a sum is cut off, relative
_GONE = 40.0  # the integrand counts no more from exp(-40) on


@dataclass(frozen=True, slots=True)
class Waiting:
    """What comes of a number of agents. Shares are of all callers, 0 to 1; times in seconds."""

    in_time: float  # answered within the target
    waits: float  # not answered at once
    abandons: float
    mean_wait_s: float  # of all callers, those who hang up included
    occupancy: float  # share of the agents' time that is work


@lru_cache(maxsize=65_536)
def waiting(rate: float, work_s: float, agents: int, patience_s: float | None, target_s: float) -> Waiting:
    """The steady state. ``rate`` in callers a second; raises ValueError for what cannot be."""
    if not (rate >= 0 and work_s > 0 and agents >= 0 and target_s >= 0) or math.inf in (rate, work_s):
        raise ValueError(f"no such centre: {rate=} {work_s=} {agents=} {target_s=}")
    if patience_s is not None and not 0 < patience_s < math.inf:
        raise ValueError(f"{patience_s=} is to be positive, or None")
    if rate == 0:
        return Waiting(1.0, 0.0, 0.0, 0.0, 0.0)
    if agents == 0:
        hopeless = math.inf if patience_s is None else patience_s
        return Waiting(0.0, 1.0, 0.0 if patience_s is None else 1.0, hopeless, 0.0)
    free = _inverse_erlang_b(rate * work_s, agents - 1)
    if patience_s is None:
        return _erlang_c(rate, work_s, agents, target_s, free)
    leaving, serving = 1 / patience_s, agents / work_s
    integral, shift = _integral(rate, serving, leaving)
    one = math.exp(-shift)
    free *= one
    delayed = rate * integral
    whole = free + delayed
    abandons = max(0.0, (one + (rate - serving) * integral) / whole)
    soon = _answered_after_wait(rate, serving, leaving, target_s, shift)
    return Waiting(
        in_time=min(1.0, (free + rate * soon) / whole),
        waits=delayed / whole,
        abandons=min(1.0, abandons),
        mean_wait_s=abandons / leaving,  # who waits hangs up at a constant rate: Little's law
        occupancy=min(1.0, rate * (1 - abandons) / serving),
    )


def needed(
    rate: float, work_s: float, patience_s: float | None, target_s: float, goal: float, most: int = MAX_AGENTS
) -> int:
    """The fewest agents with whom at least ``goal`` of all callers are answered within the target.

    ``most`` when even that many are not enough.
    """
    if not 0 <= goal < 1:
        raise ValueError(f"{goal=} is to be at least 0 and below 1")
    if rate == 0 or goal == 0:
        return 0
    low, high = 0, min(most, max(1, math.ceil(rate * work_s)))
    while high < most and waiting(rate, work_s, high, patience_s, target_s).in_time < goal:
        low, high = high, min(most, high + max(1, high // 4))
    while high - low > 1:  # more agents never make it worse
        middle = (low + high) // 2
        if waiting(rate, work_s, middle, patience_s, target_s).in_time < goal:
            low = middle
        else:
            high = middle
    return high


def _inverse_erlang_b(work: float, agents: int) -> float:
    """1 / (share of lost callers when nobody may wait): 1/B(n) = 1 + n/work * 1/B(n-1)."""
    inverse = 1.0
    for number in range(1, agents + 1):
        inverse = min(1e300, 1 + number / work * inverse)
    return inverse


def _integral(rate: float, serving: float, leaving: float) -> tuple[float, float]:
    """J above as j and s, J = j * exp(s): with far too few agents it is beyond any float.

    The terms grow while rate > serving + k * leaving, then fall faster than geometrically.
    """
    total = term = 1 / serving
    shift, k = 0.0, 0
    while True:
        k += 1
        term *= rate / (serving + k * leaving)
        total += term
        if total > _LARGE:
            total, term, shift = total / _LARGE, term / _LARGE, shift + math.log(_LARGE)
        if term < _SMALL * total and rate < serving + k * leaving:
            return total, shift


def _answered_after_wait(rate: float, serving: float, leaving: float, target_s: float, shift: float) -> float:
    """Integral of v(x) * exp(-leaving * x - shift) from 0 to the target, by Simpson's rule."""

    def power(x: float) -> float:
        return -rate / leaving * math.expm1(-leaving * x) - (serving + leaving) * x - shift

    if target_s == 0:
        return 0.0
    end, summit = target_s, math.log(max(1.0, rate / (serving + leaving))) / leaving  # largest there
    while end > max(summit, 1e-9) and power(end / 2) < power(summit) - _GONE:
        end /= 2  # the rest adds nothing
    quickest = max(abs(rate - serving - leaving), leaving, math.sqrt(rate * leaving))
    parts = 2 * min(8_000, max(96, math.ceil(end * quickest * 8)))
    step = end / parts
    total = 0.0
    for index in range(parts + 1):
        weight = 1 if index in (0, parts) else 4 if index % 2 else 2
        total += weight * math.exp(power(index * step))
    return total * step / 3


def _erlang_c(rate: float, work_s: float, agents: int, target_s: float, free: float) -> Waiting:
    serving = agents / work_s
    if rate >= serving:
        return Waiting(0.0, 1.0, 0.0, math.inf, 1.0)
    delayed = rate / (serving - rate)
    waits = delayed / (free + delayed)
    late = waits * math.exp(-(serving - rate) * target_s)
    return Waiting(1 - late, waits, 0.0, waits / (serving - rate), rate / serving)
