"""Places, waits and their explanation."""

from __future__ import annotations

import itertools

import pytest

from acd.contract import (
    AgentDefined,
    AgentReachabilityChanged,
    AgentStatusDeclared,
    CallEnded,
    CallQueued,
    OfferAccepted,
    OfferCall,
    Tick,
    WrapUpFinished,
)
from acd.core.calibration import Calibration
from acd.core.engine import Engine

START = 1_790_000_000_000


def busy_centre(agents: int, skills: dict[str, int] | None = None) -> Engine:
    """So many agents, each in a conversation."""
    engine = Engine()
    for number in range(agents):
        agent_id = f"20{number:02}"
        engine.step(AgentDefined(agent_id, f"Agent {number}", "", skills or {"status": 3}), START)
        engine.step(AgentStatusDeclared(agent_id, "available"), START)
        (offer,) = engine.step(CallQueued(f"talk{number}", "north", "hotline", "status"), START)
        assert isinstance(offer, OfferCall)
        engine.step(OfferAccepted(offer.offer_id, offer.call_id, offer.agent_id), START)
    return engine


def test_places_in_order_and_longer_waits_behind():
    engine = busy_centre(3)
    for number in range(5):
        engine.step(CallQueued(f"c{number}", "north", "hotline", "status"), START + number)
    waits = [engine.wait_of(f"c{number}") for number in range(5)]
    assert [wait.place for wait in waits if wait] == [1, 2, 3, 4, 5]
    assert all(one.likely_ms < other.likely_ms for one, other in itertools.pairwise(waits))
    assert all(wait.low_ms <= wait.likely_ms <= wait.high_ms for wait in waits)
    newcomer = engine.estimate("status", "ru", "hotline")
    assert newcomer.place == 6 and newcomer.likely_ms > waits[4].likely_ms


def test_more_agents_shorter_wait():
    few, many = busy_centre(2), busy_centre(20)
    assert (
        many.estimate("status", "ru", "hotline").likely_ms
        < few.estimate("status", "ru", "hotline").likely_ms / 3
    )


def test_callers_of_other_agents_do_not_count():
    engine = busy_centre(3)
    engine.step(AgentDefined("3001", "", "", {"documents": 3}), START)
    engine.step(AgentStatusDeclared("3001", "on_break"), START)
    for number in range(9):
        engine.step(CallQueued(f"d{number}", "north", "hotline", "documents"), START + 1)
    engine.step(CallQueued("c1", "north", "hotline", "status"), START + 2)
    wait = engine.wait_of("c1")
    assert wait is not None and wait.place == 1


def test_never_grows_while_nothing_changes():
    engine = busy_centre(3)
    for number in range(4):
        engine.step(CallQueued(f"c{number}", "north", "hotline", "status"), START)
    before = [engine.wait_of(f"c{number}") for number in range(4)]
    for second in range(1, 300, 7):
        engine.step(Tick(), START + second * 1000)
        now = [engine.wait_of(f"c{number}") for number in range(4)]
        for one, other in zip(before, now, strict=True):
            assert (
                other.place <= one.place and other.high_ms <= one.high_ms and other.likely_ms <= one.likely_ms
            )
        before = now


def test_nobody_on_duty_is_said_so():
    wait = Engine().estimate("status", "ru", "hotline")
    assert not wait.servable


def test_somebody_ready_is_no_wait():
    engine = Engine()
    engine.step(AgentDefined("2001", "", "", {"status": 3}), START)
    engine.step(AgentStatusDeclared("2001", "available"), START)
    assert engine.estimate("status", "ru", "hotline").low_ms == 0
    assert engine.estimate("status", "ru", "hotline").high_ms == 15_000


def test_learns_from_what_came():
    """Waits are really three times what was said: after a while the announcement says so."""
    calibration = Calibration()
    for number in range(800):
        low, _, high = calibration.announce(40_000.0, "status/ru")
        calibration.learn("status/ru", 40_000.0, (low, high), 80_000 + 400 * (number * 37 % 200))
    low, likely, high = calibration.announce(40_000.0, "status/ru")
    assert low <= 100_000 and likely == pytest.approx(120_000, rel=0.2) and high >= 140_000
    assert calibration.inside > 0.8 * calibration.asked


def test_score_is_kept_from_live_calls():
    engine = busy_centre(1)
    engine.step(CallQueued("c1", "north", "hotline", "status"), START + 1_000)
    engine.step(CallEnded("talk0", "2000"), START + 60_000)
    (offer,) = engine.step(Tick(), START + 80_000)
    engine.step(OfferAccepted(offer.offer_id, "c1", "2000"), START + 84_000)
    assert engine.calibration.asked == 1


def test_why_in_words():
    engine = busy_centre(1)
    engine.step(AgentDefined("2050", "Vera", "", {"status": 1}), START)
    engine.step(AgentStatusDeclared("2050", "available"), START)
    engine.step(CallQueued("c1", "north", "hotline", "status"), START)
    waiting = engine.why("c1", START + 4_000)
    assert waiting[0] == "Waits 4 s for status in ru, level 1 or better."
    assert waiting[1] == "2 on duty could serve it, 1 of them ready; the caller is number 1."
    assert "From 9 s of waiting on, level 1 of status/ru may serve too." in waiting
    (offer,) = engine.step(Tick(), START + 9_000)
    chosen = engine.why("c1")
    assert chosen[0] == "Vera (2050) is being rung for this caller."
    assert "The agent can do it (level 1)." in chosen and "The caller had waited 9 s." in chosen
    engine.step(OfferAccepted(offer.offer_id, "c1", "2050"), START + 12_000)
    assert engine.why("c1")[0] == "Vera (2050) talks with this caller."
    engine.step(CallEnded("c1", "2050"), START + 90_000)
    assert engine.why("c1")[0] == "The call is over: answered, after 12 s of waiting."
    assert engine.why("nobody") == ()
    engine.step(CallQueued("c2", "north", "hotline", "chess"), START + 91_000)
    assert "an agent with the skill must log in" in engine.why("c2")[-1]


def test_why_tells_who_is_away():
    engine = busy_centre(1)
    for agent_id in ("2050", "2051"):
        engine.step(AgentDefined(agent_id, "", "", {"status": 1}), START)
    engine.step(AgentReachabilityChanged("2050", False), START)
    engine.step(AgentStatusDeclared("2050", "available"), START)
    engine.step(AgentStatusDeclared("2051", "on_break"), START)
    engine.step(CallQueued("c1", "north", "hotline", "status"), START)
    assert engine.why("c1", START)[1] == (
        "1 on duty could serve it, 0 of them ready (beside them 1 on a break and 1 whose phone cannot be "
        "reached); the caller is number 1."
    )
    engine.step(AgentStatusDeclared("2000", "logged_out"), START + 1_000)
    why = engine.why("c1", START + 1_000)
    assert why[1].startswith("Nobody who could serve it is there, only 1 on a break and 1 whose phone cannot")
    assert not any("becomes free" in sentence for sentence in why)


def test_who_is_on_a_break_or_cannot_be_rung_shortens_no_wait():
    engine = busy_centre(6)
    newcomer = engine.estimate("status", "ru", "hotline")
    engine.step(AgentStatusDeclared("2000", "on_break"), START)  # after the present conversation
    engine.step(AgentStatusDeclared("2001", "on_break"), START)
    engine.step(AgentReachabilityChanged("2002", False), START)
    fewer = engine.estimate("status", "ru", "hotline")
    assert fewer.likely_ms > 1.3 * newcomer.likely_ms
    engine.step(AgentStatusDeclared("2000", "available"), START)
    engine.step(AgentStatusDeclared("2001", "logged_out"), START)
    engine.step(AgentReachabilityChanged("2002", True), START)
    assert newcomer.likely_ms < engine.estimate("status", "ru", "hotline").likely_ms < fewer.likely_ms


def test_all_on_a_break_come_back():
    engine = busy_centre(1)
    engine.step(CallEnded("talk0", "2000"), START)
    engine.step(WrapUpFinished("2000"), START)
    for number in range(60):  # breaks of five minutes
        start = START + number * 1_000_000
        engine.step(AgentStatusDeclared("2000", "on_break"), start)
        engine.step(AgentStatusDeclared("2000", "available"), start + 300_000)
    engine.step(AgentStatusDeclared("2000", "on_break"), START + 60_000_000)
    wait = engine.estimate("status", "ru", "hotline")
    assert wait.servable and wait.low_ms < 300_000 < wait.high_ms
    assert engine.break_ms == pytest.approx(300_000, rel=0.1)
    again = Engine.load(engine.dump())
    assert again.estimate("status", "ru", "hotline") == wait


def test_nothing_is_learnt_from_a_caller_whom_nobody_could_serve():
    engine = Engine()
    engine.step(AgentDefined("2001", "", "", {"status": 3}), START)
    engine.step(CallQueued("c1", "north", "hotline", "status"), START)
    engine.step(AgentStatusDeclared("2001", "available"), START + 600_000)
    assert engine.calls["c1"].said is None and engine.calls["c1"].state == "offered"


def test_agents_in_wrap_up_shorten_the_wait():
    talking, resting = busy_centre(6), busy_centre(6)
    for number in (0, 1):
        resting.step(CallEnded(f"talk{number}", f"200{number}"), START)
    for engine in (talking, resting):
        for number in range(3):
            engine.step(CallQueued(f"c{number}", "north", "hotline", "status"), START)
    waits = [engine.wait_of("c0").likely_ms for engine in (talking, resting)]
    assert waits[1] < waits[0] / 2
    assert resting.wait_of("c2").likely_ms > waits[1]


def test_an_agent_who_is_held_back_is_waited_for_as_long_as_the_rule_says():
    engine = busy_centre(1)
    engine.step(AgentDefined("2050", "Vera", "", {"status": 1}), START)
    engine.step(AgentStatusDeclared("2050", "available"), START)
    wait = engine.estimate("status", "ru", "hotline")
    assert 5_000 < wait.likely_ms < 30_000, "9 s of the rule and the ringing, not a conversation"
    engine.step(CallEnded("talk0", "2000"), START)
    engine.step(WrapUpFinished("2000"), START)
    assert engine.estimate("status", "ru", "hotline").low_ms == 0, "a better one is there"


def test_a_language_is_known_by_its_other_topics():
    calibration = Calibration()
    for _ in range(40):
        calibration.learn("status/tt", 40_000.0, (0, 0), 80_000)
        calibration.learn("status/ru", 40_000.0, (0, 0), 40_000)
    assert calibration.factor("access/tt") > 1.5 * calibration.factor("access/ru")


def test_priority_waits_less():
    engine = busy_centre(3)
    for number in range(6):
        engine.step(CallQueued(f"c{number}", "north", "hotline", "status"), START)
    assert (
        engine.estimate("status", "ru", "hotline", priority=1).likely_ms
        < engine.estimate("status", "ru", "hotline").likely_ms
    )
