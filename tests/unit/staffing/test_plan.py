"""Needed agents by skill, gaps, the plan played through; the forecast against the mean of the same slot."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping

import pytest

from acd.contract import AgentDefined, AgentStatusDeclared
from acd.staffing.forecast import Day, History, TooLittle, forecast, same_slot_mean, wape
from acd.staffing.past import Handling
from acd.staffing.plan import Duty, Goal, closed_sets, plan, with_trial
from acd.staffing.trial import _agents, trial
from bench.staffing.backtest import World, came, errors, history

DATE = dt.date(2027, 1, 18)
START_MS = 1_800_000_000_000 // 900_000 * 900_000
QUARTER_MS = 900_000
GOAL = Goal(120, 0.9)


def agent(name: str, *topics: str, language: str = "ru") -> AgentDefined:
    return AgentDefined(name, name, f"PJSIP/{name}", dict.fromkeys(topics, 2), (language,))


def handling(topics: str = "ab", talk_s: int = 240, languages: Mapping[str, float] | None = None) -> Handling:
    spoken = {topic: languages or {"ru": 1.0} for topic in topics}
    talks = dict.fromkeys(topics, (talk_s * 1000,))
    return Handling(talks, dict.fromkeys(topics, 20.0), 3.0, 300.0, spoken, exponential=True)


def duty(*agents: AgentDefined, quarters: int = 8, first: int = 0) -> Duty:
    start_ms = START_MS + first * QUARTER_MS
    return Duty(DATE, f"shift {first}", start_ms, start_ms + quarters * QUARTER_MS, agents)


# ------------------------------------------------------------------------------------------------- plan
def test_enough_by_number_but_not_by_skill_is_a_gap() -> None:
    """Six agents could carry it all; only one of them can do b."""
    crew = (*(agent(f"a{n}", "a") for n in range(5)), agent("b0", "b"))
    intervals = plan(
        [(DATE, START_MS, START_MS + 4 * QUARTER_MS)],
        lambda *_: {"a": 2.0, "b": 6.0},
        [duty(*crew)],
        handling(),
        GOAL,
    )
    assert len(intervals) == 4 and all(each.gap(0.9) for each in intervals)
    first = intervals[0]
    assert first.needed <= first.present == 6 and first.in_time > 0.95
    (short,) = first.shortages
    assert short.topics == ("b",) and short.present == 1 < short.needed
    assert first.alone["b"] == (short.needed, 1)
    assert first.work == pytest.approx(8 * (240 + 20 + 3) / 900)


def test_two_topics_that_share_their_agents_are_asked_together() -> None:
    crew = (agent("x", "a", "b"), agent("y", "a", "b"), agent("z", "c"), agent("w", "regional/a"))
    assert closed_sets(("a", "b", "c"), crew) == [
        (("a", "b"), 3),
        (("a", "b", "c"), 4),
        (("b",), 2),
        (("b", "c"), 3),
        (("c",), 1),
    ]
    assert closed_sets(("a",), ()) == [(("a",), 0)] and closed_sets((), crew) == []


def test_nobody_planned_and_intervals_cut_where_shifts_change() -> None:
    half = Duty(DATE, "late", START_MS + QUARTER_MS // 3, START_MS + 2 * QUARTER_MS, (agent("x", "a"),))
    intervals = plan(
        [(DATE, START_MS, START_MS + 2 * QUARTER_MS)],
        lambda _, start_ms, end_ms: {"a": (end_ms - start_ms) / QUARTER_MS},
        [half],
        handling("a"),
        GOAL,
    )
    assert [each.present for each in intervals] == [0, 1, 1]
    assert sum(each.offered for each in intervals) == pytest.approx(2.0)
    assert intervals[0].shortages[0].present == 0 and intervals[0].in_time == 0


def test_breaks_take_agents_away() -> None:
    crew = tuple(agent(f"a{n}", "a") for n in range(6))
    stretch = [(DATE, START_MS, START_MS + QUARTER_MS)]

    def needed(away_share: float) -> int:
        goal = Goal(120, 0.9, away_share)
        return plan(stretch, lambda *_: {"a": 15.0}, [duty(*crew)], handling("a"), goal)[0].needed

    assert needed(0.0) < needed(0.3)
    goal = Goal(120, 0.9, 0.25)
    shift = duty(*crew, quarters=40)
    intervals = plan(
        [(DATE, shift.start_ms, shift.end_ms)], lambda *_: {"a": 1.0}, [shift], handling("a"), goal
    )
    away_ms, since = 0, dict[str, int]()
    for at_ms, fact in _agents([shift], intervals, goal):
        if isinstance(fact, AgentStatusDeclared):
            away_ms += at_ms - since.pop(fact.agent_id, at_ms)
            if fact.status == "on_break":
                since[fact.agent_id] = at_ms
    assert not since
    assert away_ms / (6 * 40 * QUARTER_MS) == pytest.approx(0.25, abs=0.03)


def test_the_trial_sees_what_numbers_cannot() -> None:
    """Half of the callers speak English, and one agent does: enough by Erlang A, a gap when played."""
    crew = (*(agent(f"a{n}", "a") for n in range(4)), agent("e", "a", language="en"))
    times = handling("a", languages={"ru": 0.5, "en": 0.5})
    stretch = [(DATE, START_MS, START_MS + 8 * QUARTER_MS)]
    intervals = plan(stretch, lambda *_: {"a": 9.0}, [duty(*crew)], times, GOAL)
    assert not any(each.gap(0.9) for each in intervals)
    done = trial(intervals, [duty(*crew)], times, GOAL, None, runs=8)
    played = with_trial(intervals, done.by_start, 8)
    assert sum(each.misses(0.9) for each in played) >= 6
    assert trial(intervals, [duty(*crew)], times, GOAL, None, runs=8) == done
    assert sum(offered for offered, _ in done.by_start.values()) == pytest.approx(72, rel=0.1)
    bilingual = AgentDefined("e2", "e2", "PJSIP/e2", {"a": 3}, ("ru", "en"))
    with_help = (*crew, bilingual, AgentDefined("e3", "e3", "PJSIP/e3", {"a": 3}, ("ru", "en")))
    better = trial(intervals, [duty(*with_help)], times, GOAL, None, runs=8)
    assert better.abandoned < done.abandoned / 2


# --------------------------------------------------------------------------------------------- forecast
def test_regression_is_nearer_to_the_true_rates_than_the_mean_of_the_same_slot() -> None:
    found = errors(World(a_day=300), weeks=6, seed=3)
    regression, mean = found["regression"], found["same slot, all weeks"]
    assert regression[0] < 0.7 * mean[0]  # quarter hour and topic
    assert regression[2] < mean[2]  # all topics together


def test_no_holiday_in_the_history_is_said_and_hours_closed_on_sundays_are_forecast() -> None:
    world = World(holiday_share=0.0)
    past = history(world, 4, seed=4)
    holiday = Day(dt.date(2026, 7, 1), "holiday", dict.fromkeys(range(36, 52), 1.0))
    found = forecast(past, [holiday])
    assert found.notes == ("no holiday is in the history; it is forecast like sun",)
    assert sum(found.expected.values()) > 5
    assert all(found.expected[holiday.date, 36, topic] > 0 for topic in found.topics)


def test_an_hour_that_is_open_in_part_has_a_part_of_the_callers() -> None:
    past = history(World(), 4, seed=5)
    whole, part = (Day(dt.date(2026, 7, 6), "mon", {40: share}) for share in (1.0, 0.25))
    of_whole, of_part = (forecast(past, [day]).expected[day.date, 40, "access"] for day in (whole, part))
    assert of_part == pytest.approx(of_whole / 4)
    assert same_slot_mean(past, [part]).expected[part.date, 40, "access"] > 0


def test_little_history_is_refused_in_words() -> None:
    days = World().days(dt.date(2026, 6, 1), 10, random.Random(1))
    little = History(tuple(days), came(World(), days, dt.date(2026, 6, 1), random.Random(1)))
    with pytest.raises(TooLittle, match=r"^10 whole open days with \d+ callers are recorded; .* 14 days"):
        forecast(little, days)
    with pytest.raises(TooLittle, match="with 0 callers"):
        forecast(History(tuple(days), {}), days)


def test_wape() -> None:
    assert wape([(1, 2), (3, 2)]) == pytest.approx(0.5) and wape([(1, 0)]) == 0
