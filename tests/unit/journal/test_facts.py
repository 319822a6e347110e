"""What is asserted again when a state does not know it."""

from __future__ import annotations

from acd.contract import (
    AgentDefined,
    AgentReachabilityChanged,
    AgentRemoved,
    AgentStatusDeclared,
    CallbackRequested,
    CallEnded,
    CallLeft,
    CallQueued,
    OfferAccepted,
    OfferCall,
    RulesLoaded,
)
from acd.core.engine import Engine
from acd.service.facts import GONE_KEPT, LiveFacts

AGENT = AgentDefined("a1", "A", "PJSIP/a1", {"t": 3})


def test_a_call_keeps_the_time_of_its_first_report() -> None:
    facts = LiveFacts()
    queued = CallQueued("c1", "n1", "hotline", "t")
    assert facts.note(queued, 50) == CallQueued("c1", "n1", "hotline", "t", first_queued_ms=50)
    again = facts.note(queued, 90)
    assert isinstance(again, CallQueued) and again.first_queued_ms == 50
    kept = facts.note(CallQueued("c2", "n1", "hotline", "t", first_queued_ms=7), 90)
    assert isinstance(kept, CallQueued) and kept.first_queued_ms == 7


def test_an_empty_state_lacks_everything() -> None:
    facts = LiveFacts()
    for event in (
        AGENT,
        AgentStatusDeclared("a1", "available"),
        AgentReachabilityChanged("a1", False),
        RulesLoaded("r1"),
        CallQueued("waits", "n1", "hotline", "t"),
        CallQueued("talks", "n1", "hotline", "t"),
        OfferAccepted("o1", "talks", "a1"),
        CallQueued("left", "n1", "hotline", "t"),
        CallLeft("left", "abandoned"),
    ):
        facts.note(event, 10)
    missing = facts.unknown_to(Engine())
    names = [type(event).__name__ for event in missing]
    assert names[0] == "RulesLoaded" and names[1] == "AgentDefined"
    assert names.index("OfferAccepted") < len(names) - 1
    calls = {event.call_id for event in missing if isinstance(event, CallQueued)}
    assert calls == {"waits", "talks"} and facts.is_gone("left")


def test_taken_in_by_an_engine_nothing_is_lacking_and_nobody_is_offered_twice() -> None:
    facts = LiveFacts()
    for event in (
        AGENT,
        AgentStatusDeclared("a1", "available"),
        CallQueued("talks", "n1", "hotline", "t", first_queued_ms=5),
        OfferAccepted("o1", "talks", "a1"),
        CallQueued("waits", "n1", "hotline", "t", first_queued_ms=6),
    ):
        facts.note(event, 10)
    engine = Engine()
    orders = [order for event in facts.unknown_to(engine) for order in engine.step(event, 1_000)]
    assert not [order for order in orders if isinstance(order, OfferCall) and order.call_id == "talks"]
    assert facts.unknown_to(engine) == []
    assert engine.calls["talks"].state == "connected" and engine.calls["talks"].node == "n1"
    assert engine.agents["a1"].state == "talking"
    assert engine.calls["waits"].place_ms == 6


def test_what_others_say_of_an_agent_later_counts() -> None:
    facts = LiveFacts()
    facts.note(AGENT, 1)
    facts.note(AgentStatusDeclared("a1", "available"), 1)
    facts.overhear(AgentStatusDeclared("a1", "on_break", "lunch"))
    facts.overhear(AgentStatusDeclared("a2", "on_break"))
    missing = facts.unknown_to(Engine())
    assert [event.status for event in missing if isinstance(event, AgentStatusDeclared)] == ["on_break"]
    facts.overhear(AgentRemoved("a1"))
    assert facts.unknown_to(Engine()) == []


def test_the_end_of_a_call_is_told_again_to_a_state_that_still_has_it() -> None:
    facts = LiveFacts()
    engine = Engine()
    for event in (
        AGENT,
        AgentStatusDeclared("a1", "available"),
        CallQueued("c1", "n1", "hotline", "t"),
        OfferAccepted("o1", "c1", "a1"),
    ):
        engine.step(facts.note(event, 10), 10)
    end = CallEnded("c1", "a1")
    facts.note(end, 20)
    assert facts.unknown_to(engine) == [end]
    engine.step(end, 20)
    assert facts.unknown_to(engine) == []


def test_a_callback_is_remembered_until_the_engine_has_done_with_it() -> None:
    facts = LiveFacts()
    facts.note(CallQueued("c1", "n1", "hotline", "t"), 1)
    request = CallbackRequested("b1", "c1", "n1", "hotline", "t", caller_ref="x")
    facts.note(request, 2)
    facts.note(CallbackRequested("b2", "", "n1", "hotline", "t", caller_ref="x"), 3)
    assert not facts.is_live("c1") and facts.is_gone("c1")
    engine = Engine()
    for fact in facts.unknown_to(engine):
        engine.step(fact, 1_000)
    facts.settle(engine)
    assert list(facts.callbacks) == ["b2"] and facts.unknown_to(engine) == [], "he asked again"
    engine.step(CallLeft("b2", "failed"), 2_000)
    assert facts.unknown_to(engine) == [] and not facts.callbacks


def test_memory_of_the_gone_is_bounded() -> None:
    facts = LiveFacts()
    for number in range(GONE_KEPT + 10):
        facts.note(CallQueued(f"c{number}", "n1", "hotline", "t"), 1)
        facts.note(CallEnded(f"c{number}", "a1"), 2)
    assert not facts.calls and not facts.is_gone("c0") and facts.is_gone(f"c{GONE_KEPT}")


def test_what_a_journal_that_went_on_says_replaces_what_was_said_before() -> None:
    facts = LiveFacts()
    chat = CallQueued("chat", "n1", "q", "t", channel="chat")
    for event in (
        AGENT,
        AgentStatusDeclared("a1", "available"),
        AgentReachabilityChanged("a1", False),
        AgentDefined("gone", "G", "PJSIP/gone"),
        AgentStatusDeclared("gone", "available"),
        RulesLoaded("r1"),
        CallbackRequested("b1", "", "n1", "q", "t"),
        chat,
        CallQueued("over", "n1", "q", "t", channel="chat"),
        OfferAccepted("o1", "over", "a1", "chat"),
        CallQueued("waits", "n1", "q", "t"),
    ):
        facts.note(event, 10)
    engine = Engine()
    for event in (
        RulesLoaded("r2", {"ring_s": 20}),
        AgentDefined("a1", "A", "PJSIP/a1", {"t": 1}, chats=2),
        AgentStatusDeclared("a1", "on_break", "lunch"),
        chat,
        OfferAccepted("", "chat", "a1", "chat"),
    ):
        engine.step(event, 20)
    facts.back(engine)
    missing = facts.unknown_to(engine)
    assert [event.call_id for event in missing if isinstance(event, CallQueued)] == ["waits"] and len(
        missing
    ) == 1
    anew = Engine()
    for event in facts.unknown_to(anew):
        anew.step(event, 30)
    agent = anew.agents["a1"]
    assert (agent.status, agent.reason, agent.skills, agent.own_chats) == ("on_break", "lunch", {"t": 1}, 2)
    assert agent.reachable and list(anew.agents) == ["a1"] and anew.rules_version == "r2"
    assert anew.calls["chat"].agent_id == "a1" and set(anew.calls) == {"chat", "waits"}


def test_what_was_said_while_cut_off_stays_said() -> None:
    facts = LiveFacts()
    facts.note(AGENT, 1)
    facts.note(AgentStatusDeclared("a1", "available"), 1)
    cut_off = (
        AgentStatusDeclared("a1", "on_break"),
        RulesLoaded("r2"),
        CallbackRequested("b1", "", "n1", "q", "t"),
        CallQueued("chat", "n1", "q", "t", channel="chat", first_queued_ms=5),
    )
    for event in cut_off:
        facts.note(event, 5, followed=False)
    engine = Engine()
    for event in (AGENT, AgentStatusDeclared("a1", "logged_out"), RulesLoaded("r3")):
        engine.step(event, 9)
    facts.back(engine)
    assert set(map(repr, facts.unknown_to(engine))) == set(map(repr, cut_off))
    facts.back(engine)  # a second time: that was sent and heard long ago
    assert facts.unknown_to(engine) == []


def test_another_journal_is_told_everything() -> None:
    facts = LiveFacts()
    said = (AGENT, AgentStatusDeclared("a1", "available"), RulesLoaded("r1"))
    for event in said:
        facts.note(event, 1)
    facts.back()
    assert set(map(repr, facts.unknown_to(Engine()))) == set(map(repr, said))
