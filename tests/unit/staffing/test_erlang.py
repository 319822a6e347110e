"""Erlang-A against published values, against its own birth-and-death chain, against the real engine."""

from __future__ import annotations

import datetime as dt
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from acd.contract import AgentDefined, RulesLoaded
from acd.staffing.erlang import needed, waiting
from acd.staffing.past import Handling
from acd.staffing.plan import Duty, Goal, plan
from acd.staffing.trial import trial

HOUR_MS = 3_600_000
START_MS = 1_800_000_000_000 // HOUR_MS * HOUR_MS

loads = st.floats(0.0005, 0.5)
works = st.floats(20, 900)
crews = st.integers(1, 120)
patiences = st.floats(10, 2000)


def test_the_example_of_garnett_mandelbaum_and_reiman() -> None:
    """50 agents, 48 calls a minute, 1 minute each, patience 2 minutes; O. Garnett, A. Mandelbaum, M. Reiman,
    "Designing a call center with impatient customers" (2002): 3.1 % hang up, ASA 3.7 s, 93 % busy; without
    impatience 20.8 s and 96 %."""
    impatient = waiting(0.8, 60, 50, 120, 20)
    assert impatient.abandons == pytest.approx(0.031, abs=0.0005)
    assert impatient.mean_wait_s == pytest.approx(3.7, abs=0.05)
    assert impatient.occupancy == pytest.approx(0.93, abs=0.005)
    patient = waiting(0.8, 60, 50, None, 20)
    assert patient.mean_wait_s == pytest.approx(20.8, abs=0.05)
    assert patient.occupancy == pytest.approx(0.96)


def test_one_patient_server_is_the_queue_of_the_textbooks() -> None:
    """M/M/1: P(wait) = rho, P(wait > t) = rho exp(-(mu - lambda) t)."""
    found = waiting(0.5, 1, 1, None, 2)
    assert found.waits == pytest.approx(0.5)
    assert found.in_time == pytest.approx(1 - 0.5 * math.exp(-1))
    assert found.mean_wait_s == pytest.approx(1.0)


@settings(max_examples=30)
@given(loads, works, crews, patiences)
def test_agrees_with_the_chain_of_births_and_deaths(
    rate: float, work_s: float, agents: int, patience_s: float
) -> None:
    weights, weight, state = [1.0], 1.0, 0
    while state < agents or weight > 1e-13 * max(weights):
        state += 1
        weight *= rate / (min(state, agents) / work_s + max(0, state - agents) / patience_s)
        weights.append(weight)
        if weight > 1e200:  # a crowd that hardly ever leaves: only the proportions count
            weights, weight = [each / weight for each in weights], 1.0
    total = sum(weights)
    queue = sum((state - agents) * each for state, each in enumerate(weights) if state > agents) / total
    found = waiting(rate, work_s, agents, patience_s, 120)
    assert found.waits == pytest.approx(sum(weights[agents:]) / total, rel=1e-6, abs=1e-9)
    assert found.mean_wait_s == pytest.approx(queue / rate, rel=1e-6, abs=1e-6)


@settings(max_examples=30)
@given(loads, works, crews, patiences, st.floats(0, 600))
def test_shares_are_shares_and_more_agents_never_harm(
    rate: float, work_s: float, agents: int, patience_s: float, target_s: float
) -> None:
    few, more = (waiting(rate, work_s, n, patience_s, target_s) for n in (agents, agents + 1))
    for each in (few, more):
        assert all(0 <= share <= 1 for share in (each.in_time, each.waits, each.abandons, each.occupancy))
        assert each.in_time + each.abandons <= 1 + 1e-6
    assert more.in_time >= few.in_time - 1e-6 and more.abandons <= few.abandons + 1e-9
    sooner = waiting(rate, work_s, agents, patience_s, target_s / 2)
    assert sooner.in_time <= few.in_time + 1e-6
    assert waiting(rate, work_s, agents, patience_s, 1e5).in_time == pytest.approx(1 - few.abandons, abs=1e-6)


@settings(max_examples=30)
@given(loads, works, st.one_of(st.none(), patiences), st.floats(0.3, 0.99))
def test_needed_is_the_fewest(rate: float, work_s: float, patience_s: float | None, goal: float) -> None:
    agents = needed(rate, work_s, patience_s, 60, goal)
    assert waiting(rate, work_s, agents, patience_s, 60).in_time >= goal
    assert waiting(rate, work_s, agents - 1, patience_s, 60).in_time < goal


def test_far_too_few_and_very_many_agents() -> None:
    assert waiting(60.0, 300, 1, 400, 120).abandons == pytest.approx(1 - 1 / 18_000)
    assert waiting(60.0, 300, 9_000, 400, 120).abandons == pytest.approx(0.5)
    assert 16_000 < needed(60.0, 300, 400, 120, 0.9) < 16_500
    assert needed(60.0, 300, 400, 120, 0.9, most=100) == 100
    assert waiting(1.0, 60, 0, 90, 120).abandons == 1 and needed(0, 60, 90, 120, 0.9) == 0


@pytest.mark.parametrize(
    "wrong", [(-1, 60, 5, 90, 120), (1, 0, 5, 90, 120), (1, 60, -1, 90, 120), (1, 60, 5, 0, 120)]
)
def test_what_cannot_be_is_refused(wrong: tuple[float, float, int, float, float]) -> None:
    with pytest.raises(ValueError):
        waiting(*wrong)


def test_the_real_engine_does_what_erlang_a_says() -> None:
    """Served in order of arrival (no early rescue, no set-back of the late) it is Erlang-A's centre."""
    crew = tuple(AgentDefined(f"a{n}", f"A{n}", f"PJSIP/a{n}", {"t": 3}) for n in range(6))
    handling = Handling({"t": (270_000,)}, {"t": 0.0}, ring_s=0.0, patience_s=300.0, exponential=True)
    day, end_ms = dt.date(2027, 1, 15), START_MS + 60 * HOUR_MS
    duty = Duty(day, "always", START_MS, end_ms, crew)
    goal = Goal(120, 0.9)
    rules = RulesLoaded("1", {"wrap_up_s": 0, "weights": {"late_s": 0, "rescue_s": 0}})
    intervals = plan([(day, START_MS, end_ms)], lambda *_: {"t": 18.0}, [duty], handling, goal)
    done = trial(intervals, [duty], handling, goal, rules, runs=1, seed=5)
    said = waiting(72 / 3600, 270, 6, 300, 120)
    offered, good = done.by_topic["t"]
    assert offered == pytest.approx(4320, rel=0.05)
    assert good / offered == pytest.approx(said.in_time, abs=0.03)
    assert done.abandoned == pytest.approx(said.abandons, abs=0.02)
