"""The engine's behaviour, one matter at a time."""

from __future__ import annotations

import json

import pytest
from centre import START, Centre, only

from acd.contract import (
    AgentDefined,
    AgentReachabilityChanged,
    AgentRemoved,
    AgentStatusDeclared,
    AgentUnreachable,
    CallbackFailed,
    CallbackGivenUp,
    CallbackRequested,
    CallEnded,
    CallLeft,
    CallQueued,
    Event,
    LeaderElected,
    NodeLost,
    OfferAccepted,
    OfferCall,
    OfferDeclined,
    OfferTimedOut,
    PlaceCallback,
    ReleaseCall,
    RulesLoaded,
    Tick,
    WithdrawOffer,
    WrapUpFinished,
)
from acd.core.engine import Engine


def test_a_call_all_the_way():
    centre = Centre(("2001", {"status": 3}))
    offer = only(centre.call(1, "c1"), OfferCall)
    assert (offer.agent_id, offer.endpoint, offer.node, offer.ring_ms) == (
        "2001",
        "PJSIP/2001",
        "north",
        15_000,
    )
    assert centre.talk(4, offer) == []
    assert centre.state("2001") == "talking"
    centre.at(100, CallEnded("c1", "2001"))
    assert centre.state("2001") == "wrap_up"
    assert centre.call(101, "c2") == []
    assert only(centre.at(120, Tick()), OfferCall).call_id == "c2", "wrap-up ends by time"
    today = centre.engine.snapshot(START + 121_000).today
    assert (today.offered, today.answered, today.answered_in_target, today.asa_ms) == (2, 1, 1, 3_000)


def test_wrap_up_finished_early():
    centre = Centre(("2001", {"status": 3}))
    centre.talk(2, only(centre.call(1, "c1"), OfferCall))
    centre.at(50, CallEnded("c1", "2001"))
    centre.call(51, "c2")
    assert only(centre.at(52, WrapUpFinished("2001")), OfferCall).call_id == "c2"


def test_no_answer_keeps_the_place_and_pauses_the_agent():
    centre = Centre(("2001", {"status": 3}))
    offer = only(centre.call(1, "c1"), OfferCall)
    centre.call(2, "c2")
    centre.at(16, OfferTimedOut(offer.offer_id, "c1", "2001"))
    assert centre.state("2001") == "paused"
    again = only(centre.at(46, Tick()), OfferCall)
    assert again.call_id == "c1" and again.offer_id != offer.offer_id
    assert centre.at(47, OfferTimedOut(offer.offer_id, "c1", "2001")) == [], "an old report changes nothing"
    assert centre.state("2001") == "offered"


def test_declined_goes_to_the_next_agent_at_once():
    centre = Centre(("2001", {"status": 3}), ("2002", {"status": 3}))
    offer = only(centre.call(1, "c1"), OfferCall)
    assert (
        only(centre.at(2, OfferDeclined(offer.offer_id, "c1", offer.agent_id)), OfferCall).agent_id == "2002"
    )


def test_unreachable_phone_is_back_when_asterisk_says_so():
    centre = Centre(("2001", {"status": 3}))
    offer = only(centre.call(1, "c1"), OfferCall)
    centre.at(1, AgentUnreachable(offer.offer_id, "c1", "2001"))
    centre.at(2, AgentReachabilityChanged("2001", False))
    assert centre.at(40, Tick()) == []
    assert only(centre.at(41, AgentReachabilityChanged("2001", True)), OfferCall).call_id == "c1"


def test_a_reservation_ends_though_the_node_is_silent():
    centre = Centre(("2001", {"status": 3}))
    offer = only(centre.call(1, "c1"), OfferCall)
    assert centre.engine.next_deadline_ms() <= START + 19_000
    assert only(centre.at(19, Tick()), WithdrawOffer).offer_id == offer.offer_id
    assert centre.state("2001") == "paused"
    assert only(centre.at(49, Tick()), OfferCall).call_id == "c1"


def test_answered_after_the_reservation_ended():
    centre = Centre(("2001", {"status": 3}), ("2002", {"status": 3}))
    first = only(centre.call(1, "c1"), OfferCall)
    told = centre.at(20, Tick())
    second = next(each for each in told if isinstance(each, OfferCall))
    assert only(centre.talk(21, first), WithdrawOffer).offer_id == second.offer_id
    assert centre.state("2001") == "talking" and centre.state("2002") == "ready"


def test_caller_leaves_while_it_rings():
    centre = Centre(("2001", {"status": 3}))
    centre.call(1, "c1")
    centre.call(2, "c2")
    assert only(centre.at(3, CallLeft("c1", "abandoned")), OfferCall).call_id == "c2"
    assert centre.engine.today.as_counts().short_abandons == 1


def test_agent_takes_a_break_while_it_rings():
    centre = Centre(("2001", {"status": 3}), ("2002", {"status": 3}))
    offer = only(centre.call(1, "c1"), OfferCall)
    told = centre.at(2, AgentStatusDeclared(offer.agent_id, "on_break", "lunch"))
    assert [type(each) for each in told] == [WithdrawOffer, OfferCall]
    assert told[1].agent_id != offer.agent_id


def test_agent_removed_in_a_conversation_goes_after_it():
    centre = Centre(("2001", {"status": 3}))
    centre.talk(2, only(centre.call(1, "c1"), OfferCall))
    centre.at(3, AgentRemoved("2001"))
    centre.at(60, CallEnded("c1", "2001"))
    assert centre.at(90, Tick()) == [] and not centre.engine.agents


def test_asserted_again_by_the_node():
    centre = Centre()
    centre.call(1, "c1")
    centre.call(2, "c2")
    centre.call(3, "c1", node="south")
    assert centre.engine.calls["c1"].node == "south"
    assert centre.engine.calls["c1"].place_ms == START + 1_000
    emptied = Centre(("2001", {"documents": 3}))
    emptied.call(10, "c2", first_queued_ms=START + 2_000)
    emptied.call(11, "c1", first_queued_ms=START + 1_000)
    emptied.at(12, AgentDefined("2002", "", "", {"status": 2}))
    assert only(emptied.at(13, AgentStatusDeclared("2002", "available")), OfferCall).call_id == "c1"


def test_ended_call_does_not_come_back_but_a_lost_nodes_does():
    centre = Centre()
    centre.call(1, "c1")
    centre.at(2, CallLeft("c1", "abandoned"))
    centre.call(3, "c1")
    assert "c1" not in centre.engine.calls and centre.engine.counters["queued_after_end"] == 1
    centre.call(4, "c2")
    centre.at(5, NodeLost("north"))
    assert "c2" not in centre.engine.calls
    centre.call(6, "c2", first_queued_ms=START + 4_000)
    assert centre.engine.calls["c2"].place_ms == START + 4_000
    assert centre.engine.today.as_counts().other == 0


def test_node_lost_frees_its_agents():
    centre = Centre(("2001", {"status": 3}), ("2002", {"status": 3}))
    centre.talk(2, only(centre.call(1, "c1"), OfferCall))
    centre.call(3, "c2")
    centre.call(4, "c3", node="south")
    assert only(centre.at(5, NodeLost("north")), OfferCall).call_id == "c3"
    assert {centre.state("2001"), centre.state("2002")} == {"wrap_up", "offered"}


def test_better_level_first_then_relaxed():
    centre = Centre(("2001", {"status": 1}), ("2002", {"status": 3}))
    assert only(centre.call(1, "c1"), OfferCall).agent_id == "2002"
    assert centre.call(2, "c2") == [], "level 1 is held back for a while"
    assert centre.engine.next_deadline_ms() == START + 11_000
    assert only(centre.at(11, Tick()), OfferCall).agent_id == "2001"


def test_nobody_is_held_back_for_a_better_one_who_is_not_there():
    centre = Centre(("2001", {"status": 1}))
    assert only(centre.call(1, "c1"), OfferCall).agent_id == "2001"
    centre = Centre(("2001", {"status": 1}), ("2002", {"status": 3}))
    centre.call(1, "c1")
    centre.call(2, "c2")
    told = centre.at(3, AgentStatusDeclared("2002", "logged_out"))
    assert "2001" in [each.agent_id for each in told if isinstance(each, OfferCall)]


def test_urgent_call_waits_for_nobody():
    centre = Centre(("2001", {"status": 1}), ("2002", {"status": 3}))
    centre.call(1, "c1")
    assert only(centre.call(2, "c2", priority=1), OfferCall).agent_id == "2001"


def test_least_level_is_kept():
    centre = Centre(("2001", {"status": 2}))
    assert centre.call(1, "c1", min_level=3) == []
    assert only(centre.at(7, Tick()), ReleaseCall).reason == "nobody_can_serve"


def test_longest_idle_first():
    centre = Centre(("2001", {"status": 3}), ("2002", {"status": 3}))
    centre.at(5, AgentStatusDeclared("2001", "on_break"))
    centre.at(6, AgentStatusDeclared("2001", "available"))
    assert only(centre.call(60, "c1"), OfferCall).agent_id == "2002"


def test_rare_language_and_rare_skill_are_kept_free():
    centre = Centre(*((f"200{n}", {"status": 3}) for n in range(6)))
    centre.at(0, AgentDefined("3001", "", "", {"status": 3}, ("ru", "tt")))
    centre.at(0, AgentStatusDeclared("3001", "available"))
    served = [only(centre.call(1 + n, f"c{n}"), OfferCall).agent_id for n in range(6)]
    assert "3001" not in served
    assert only(centre.call(9, "t1", language="tt"), OfferCall).agent_id == "3001"
    centre = Centre(("1", {"status": 3, "documents": 3}), ("2", {"status": 3}))
    assert only(centre.call(1, "c1"), OfferCall).agent_id == "2", "the only one for documents is kept"


def test_about_to_be_late_before_one_who_waits_longer_but_is_late():
    centre = Centre()
    centre.call(0, "late")
    centre.call(70, "soon", topic="documents")
    centre.at(175, AgentDefined("2001", "", "", {"status": 3, "documents": 3}))
    first = only(centre.at(176, AgentStatusDeclared("2001", "available")), OfferCall)
    assert first.call_id == "soon"
    centre.at(177, CallLeft("soon", "abandoned"))
    assert centre.engine.calls["late"].state == "offered"


def test_late_caller_is_not_passed_over_for_ever():
    centre = Centre()
    centre.call(0, "late")
    for number in range(40):
        centre.call(10 * number + 5, f"c{number}", topic="documents")
    centre.at(400, AgentDefined("2001", "", "", {"status": 3, "documents": 3}))
    assert only(centre.at(401, AgentStatusDeclared("2001", "available")), OfferCall).call_id == "late"


def test_new_skills_reach_those_who_wait():
    centre = Centre(("2001", {"documents": 3}))
    centre.call(1, "c1")
    assert only(centre.at(2, AgentDefined("2001", "", "", {"status": 2})), OfferCall).call_id == "c1"


def test_new_rules_reach_those_who_wait_and_bad_ones_change_nothing():
    centre = Centre(("2001", {"status": 2}), ("2002", {"status": 3}))
    strict = {"relax": [{"after_s": 0, "level": 3}], "spare": {"2": 9}}
    centre.at(1, RulesLoaded("strict", strict))
    centre.call(2, "c1")
    assert centre.call(3, "c2") == []
    assert centre.at(4, RulesLoaded("bad", {"relax": 3})) == []
    assert centre.engine.rules_version == "strict" and centre.engine.counters["rules_refused"] == 1
    assert only(centre.at(5, RulesLoaded("open", {})), OfferCall).agent_id == "2001"


def test_overflow_to_another_queues_agents():
    centre = Centre(("2001", {"status": 3}))
    rules = {
        "queues": {
            "regional": {"skills": "regional", "overflow": {"to": "hotline", "after_s": 30}},
            "hotline": {},
        }
    }
    centre.at(0, RulesLoaded("1", rules))
    assert centre.at(1, CallQueued("c1", "north", "regional", "status")) == []
    assert only(centre.at(31, Tick()), OfferCall).agent_id == "2001"


def test_another_language_after_a_while():
    centre = Centre(("2001", {"status": 3}))
    centre.at(0, RulesLoaded("1", {"languages": {"tt": [{"after_s": 60, "also": "ru"}]}}))
    assert centre.call(1, "c1", language="tt") == []
    assert only(centre.at(61, Tick()), OfferCall).agent_id == "2001"


def test_place_kept_on_redial():
    centre = Centre()
    centre.call(1, "c1", caller_ref="anna")
    centre.call(2, "c2")
    centre.at(60, CallLeft("c1", "abandoned"))
    centre.call(90, "c3", caller_ref="anna")
    assert centre.engine.calls["c3"].place_ms == START + 1_000
    centre.at(91, CallLeft("c3", "abandoned"))
    centre.call(500, "c4", caller_ref="anna")
    assert centre.engine.calls["c4"].place_ms == START + 500_000, "too late for the old place"


def test_the_agent_who_spoke_to_him_last():
    centre = Centre(("2001", {"status": 3}), ("2002", {"status": 3}))
    offer = only(centre.call(1, "c1", caller_ref="anna"), OfferCall)
    centre.talk(2, offer)
    centre.at(60, CallEnded("c1", offer.agent_id))
    centre.at(61, WrapUpFinished(offer.agent_id))
    again = only(centre.call(100, "c2", caller_ref="anna"), OfferCall)
    assert again.agent_id == offer.agent_id and "same_agent" in again.reasons


def test_told_once_that_nobody_can_serve():
    centre = Centre(("2001", {"documents": 3}))
    assert centre.call(1, "c1") == []
    assert only(centre.at(6, Tick()), ReleaseCall).reason == "nobody_can_serve"
    assert centre.at(100, Tick()) == []
    wait = centre.engine.wait_of("c1")
    assert wait is not None and not wait.servable


def test_last_one_logs_out():
    centre = Centre(("2001", {"status": 3}))
    centre.talk(2, only(centre.call(1, "c1"), OfferCall))
    centre.call(3, "c2")
    centre.at(4, AgentStatusDeclared("2001", "logged_out"))
    assert only(centre.at(9, Tick()), ReleaseCall).call_id == "c2"


def test_conversation_whose_end_nobody_reports():
    centre = Centre(("2001", {"status": 3}))
    centre.talk(2, only(centre.call(1, "c1"), OfferCall))
    centre.at(14_402, Tick())
    assert centre.state("2001") == "wrap_up"
    assert centre.engine.ended["c1"].reason == "end_not_reported"


def test_figures_for_monitoring():
    centre = Centre(("2001", {"status": 3}))
    centre.talk(2, only(centre.call(1, "c1"), OfferCall))
    centre.call(3, "c2")
    centre.at(4, WrapUpFinished("nobody"))
    assert centre.engine.counters == {"agent_unknown": 1}
    seen = centre.engine.snapshot(START + 4_000)
    levels = {each.name: each.level for each in seen.levels}
    assert levels["answered_of_offered"] == 0.5 and levels["answered_of_finished"] == 1.0
    assert (seen.estimates.checked, seen.estimates.inside) == (0, 0)  # he did not wait


def test_nonsense_in_a_fact_harms_nobody():
    centre = Centre()
    centre.at(1, AgentDefined("2001", "", "", {"status": "3", "access": 9, "documents": 1}))  # type: ignore[dict-item]
    assert centre.engine.agents["2001"].skills == {"documents": 1}
    centre.at(2, RulesLoaded("1", ["ring_s"]))  # type: ignore[arg-type]
    assert centre.engine.counters == {"skills_refused": 1, "rules_refused": 1}
    centre.call(3, "past", first_queued_ms=1_790_000_000)
    centre.call(4, "future", first_queued_ms=START + 9_000_000)
    assert centre.engine.calls["past"].place_ms == START + 3_000 - 86_400_000
    assert centre.engine.calls["future"].place_ms == START + 4_000


def test_fencing_token():
    centre = Centre(("2001", {"status": 3}))
    centre.at(1, LeaderElected("a", 7))
    centre.at(1, LeaderElected("b", 6))
    assert only(centre.call(2, "c1"), OfferCall).token == 7
    assert centre.engine.leader == "a" and centre.engine.counters["stale_leader"] == 1


def test_unknown_and_doubled_facts_are_counted():
    centre = Centre(("2001", {"status": 3}))
    for event in (
        CallLeft("x", "abandoned"),
        CallEnded("x", "2001"),
        OfferTimedOut("x", "x", "2001"),
        AgentRemoved("x"),
        WrapUpFinished("x"),
        Event(),
    ):
        assert centre.at(1, event) == []
    assert sum(centre.engine.counters.values()) == 6
    assert centre.at(-3_600, Tick()) == []
    assert centre.engine.now_ms == START + 1_000 and centre.engine.counters["clock_backwards"] == 1


def test_conversation_known_only_to_the_node():
    centre = Centre(("2001", {"status": 3}))
    centre.at(1, OfferAccepted("lost", "c9", "2001"))
    assert centre.state("2001") == "talking"
    centre.at(60, CallEnded("c9", "2001"))
    assert centre.state("2001") == "wrap_up"


def test_callback_keeps_the_place():
    centre = Centre(("2001", {"status": 3}))
    first = only(centre.call(1, "c1"), OfferCall)
    centre.call(2, "c2", caller_ref="boris")
    centre.call(3, "c3")
    centre.at(10, CallbackRequested("b2", "c2", "north", "hotline", "status", caller_ref="boris"))
    assert centre.engine.ended["c2"].outcome == "called_back"
    centre.talk(11, first)
    centre.at(60, CallEnded("c1", "2001"))
    order = only(centre.at(61, WrapUpFinished("2001")), PlaceCallback)
    assert (order.call_id, order.attempt) == ("b2", 1)
    told = centre.at(80, CallbackFailed(order.offer_id, "b2", "2001"))
    assert only(told, OfferCall).call_id == "c3", "the agent did nothing wrong and goes on"
    centre.at(80, CallLeft("c3", "abandoned"))
    assert only(centre.at(380, Tick()), PlaceCallback).attempt == 2


def test_callback_of_a_call_that_the_state_has_lost_keeps_its_place():
    centre = Centre(("2001", {"status": 3}))
    first = only(centre.call(1, "c1"), OfferCall)
    centre.talk(2, first)
    centre.call(50, "c2")
    about = {"caller_ref": "boris", "first_queued_ms": START + 20_000}
    centre.at(60, CallbackRequested("b1", "gone", "north", "hotline", "status", **about))
    assert centre.engine.calls["b1"].place_ms == START + 20_000
    centre.at(70, CallbackRequested("b2", "", "north", "hotline", "status", first_queued_ms=START + 10**7))
    assert centre.engine.calls["b2"].place_ms == START + 70_000, "a place in the future is none"
    centre.at(80, CallEnded("c1", "2001"))
    assert only(centre.at(81, WrapUpFinished("2001")), PlaceCallback).call_id == "b1"


def test_who_calls_again_has_his_place_though_his_node_says_that_he_only_just_came():
    centre = Centre(("2001", {"status": 3}))
    first = only(centre.call(1, "c1"), OfferCall)
    centre.talk(2, first)
    centre.call(3, "c2", caller_ref="boris")
    centre.at(10, CallbackRequested("b2", "c2", "north", "hotline", "status", caller_ref="boris"))
    centre.call(60, "c3", caller_ref="boris", first_queued_ms=START + 60_000)
    assert centre.engine.calls["c3"].place_ms == START + 3_000
    assert centre.engine.ended["b2"].reason == "called_again"
    centre.at(70, CallLeft("c3", "abandoned"))
    centre.call(90, "c4", caller_ref="boris", first_queued_ms=START + 90_000)
    assert centre.engine.calls["c4"].place_ms == START + 3_000, "a dropped call, dialled again"


def test_an_agent_is_reserved_until_the_customer_has_answered_and_heard_who_calls():
    centre = Centre(("2001", {"status": 3}))
    centre.at(0, RulesLoaded("1", {"callback_ring_s": 20, "ring_s": 10}))
    order = only(centre.at(1, CallbackRequested("b1", "", "north", "hotline", "status")), PlaceCallback)
    assert (order.ring_ms, order.customer_ring_ms) == (10_000, 20_000)
    assert centre.at(43, Tick()) == []
    assert only(centre.at(45, Tick()), WithdrawOffer).offer_id == order.offer_id


def test_callback_given_up_after_its_attempts():
    centre = Centre(("2001", {"status": 3}))
    centre.at(0, RulesLoaded("1", {"callback_attempts": 1}))
    order = only(centre.at(1, CallbackRequested("b1", "", "north", "hotline", "status")), PlaceCallback)
    given_up = only(centre.at(20, CallbackFailed(order.offer_id, "b1", "2001")), CallbackGivenUp)
    assert (given_up.call_id, given_up.reason) == ("b1", "unanswered")


def test_callback_at_a_chosen_time_and_who_calls_himself_meanwhile():
    centre = Centre(("2001", {"status": 3}))
    about = {"caller_ref": "boris", "not_before_ms": START + 600_000}
    assert centre.at(1, CallbackRequested("b1", "", "north", "hotline", "status", **about)) == []
    assert only(centre.at(600, Tick()), PlaceCallback).call_id == "b1"
    centre = Centre()
    centre.at(1, CallbackRequested("b1", "", "north", "hotline", "status", caller_ref="boris"))
    centre.at(2, CallbackRequested("b2", "", "north", "hotline", "status", caller_ref="boris"))
    assert list(centre.engine.calls) == ["b2"], "one callback a caller"
    centre.call(50, "c1", caller_ref="boris")
    assert centre.engine.calls["c1"].place_ms == START + 1_000 and "b2" not in centre.engine.calls


def test_how_many_are_promised_which_time():
    centre = Centre()
    for number, due_s in enumerate((600, 600, 900, 0)):
        due_ms = START + due_s * 1000 if due_s else 0
        wish = CallbackRequested(f"b{number}", "", "north", "hotline", "status", due_ms=due_ms)
        centre.at(1, wish)
    centre.call(2, "c1")
    assert centre.engine.promised(START + 2_000) == {START + 600_000: 2, START + 900_000: 1}
    assert centre.engine.promised(START + 700_000) == {START + 900_000: 1}


def test_state_of_an_unknown_format_is_refused():
    state = Engine().dump()
    assert json.loads(json.dumps(state)) == state
    with pytest.raises(ValueError, match="format 99"):
        Engine.load({**state, "format": 99})


def test_a_late_tick_lets_nobody_overtake():
    """A reservation ends and a rule relaxes, both told by one late Tick: the first in line is first."""
    centre = Centre(("2001", {"status": 2}), ("2002", {"status": 3}))
    rules = {"relax": [{"after_s": 0, "level": 3}, {"after_s": 20, "level": 1}], "spare": {"1": 0}}
    centre.at(0, RulesLoaded("1", rules))
    assert only(centre.call(1, "c2"), OfferCall).agent_id == "2002"
    assert centre.call(1, "c1") == []
    offers = [each for each in centre.at(61, Tick()) if isinstance(each, OfferCall)]
    assert [(offer.call_id, offer.agent_id) for offer in offers] == [("c1", "2001")]


def told(centre: Centre, until_s: int) -> list[str]:
    """Why the callers are let go, second by second."""
    found = []
    for second in range(20, until_s):
        found += [each.reason for each in centre.at(second, Tick()) if isinstance(each, ReleaseCall)]
    return found


@pytest.mark.parametrize("gone", [AgentStatusDeclared("2001", "logged_out"), AgentRemoved("2001")])
def test_whose_last_agent_leaves_while_his_telephone_rings_is_told(gone):
    centre = Centre(("2001", {"status": 3}))
    only(centre.call(1, "c1"), OfferCall)
    centre.at(2, gone)
    assert told(centre, 40) == ["nobody_can_serve"]


def test_who_was_offered_at_once_and_then_waits_is_told_when_he_has_waited_too_long():
    centre = Centre(("2001", {"status": 3}))
    offer = only(centre.call(1, "c1"), OfferCall)
    centre.at(2, OfferDeclined(offer.offer_id, "c1", "2001"))
    centre.at(2, AgentStatusDeclared("2001", "on_break"))
    assert told(centre, 3_700) == ["waited_too_long"]


@pytest.mark.parametrize(
    ("rules", "about"),
    [({"relax": [{"after_s": 0, "level": 3}, {"after_s": 20, "level": 2}]}, {}), ({}, {"min_level": 3})],
    ids=["no wait lets him in", "a least level"],
)
def test_whose_expert_leaves_and_whom_the_others_may_not_serve_is_told(rules, about):
    centre = Centre(("2001", {"status": 3}), ("2002", {"status": 1}))
    centre.at(0, RulesLoaded("1", rules))
    centre.at(0, AgentStatusDeclared("2001", "on_break"))
    centre.call(1, "c1", **about)
    centre.at(3, AgentStatusDeclared("2001", "logged_out"))
    assert told(centre, 60) == ["nobody_can_serve"]


def test_who_is_told_again_with_what_nobody_knows_is_told():
    centre = Centre(("2001", {"status": 3}))
    centre.at(0, AgentStatusDeclared("2001", "on_break"))
    centre.call(1, "c1")
    centre.call(3, "c1", topic="nobodys")
    assert told(centre, 60) == ["nobody_can_serve"]


def test_whose_node_dies_has_his_place_when_he_dials_again():
    centre = Centre(("2001", {"status": 3}))
    centre.talk(1, only(centre.call(0, "c0", node="south"), OfferCall))
    centre.call(2, "c1", caller_ref="boris")
    centre.at(30, NodeLost("north"))
    centre.call(60, "c2", node="south", caller_ref="boris", first_queued_ms=START + 60_000)
    assert centre.engine.calls["c2"].place_ms == START + 2_000


def test_a_customer_called_back_who_returns_after_a_broken_session_is_in_no_figure():
    centre = Centre(("2001", {"status": 3}))
    order = only(centre.at(1, CallbackRequested("b1", "", "north", "hotline", "status")), PlaceCallback)
    centre.call(3, "b1")  # he has answered
    centre.at(4, CallLeft("b1", "failed", "node_lost"))
    before = centre.engine.snapshot(START + 4_000).today
    offered = only(centre.call(5, "b1"), PlaceCallback)
    assert offered.offer_id != order.offer_id
    assert Engine.load(centre.engine.dump()).snapshot(START + 5_000).today.offered == before.offered == 0


def test_a_conversation_that_never_was_is_no_answer():
    """The agent was gone before the two met; the caller waits on under a new id."""
    centre = Centre(("2001", {"status": 3}))
    centre.talk(10, only(centre.call(1, "c1"), OfferCall))
    assert centre.engine.snapshot(START + 10_000).today.answered_in_target == 1
    centre.at(11, CallEnded("c1", "2001", "failed"))
    today = centre.engine.snapshot(START + 11_000).today
    assert (today.offered, today.answered, today.answered_in_target, today.asa_ms) == (1, 0, 0, 0)


def test_who_talked_when_his_node_was_lost_and_is_told_again_counts_once():
    centre = Centre(("2001", {"status": 3}))
    centre.talk(10, only(centre.call(1, "c1"), OfferCall))
    centre.at(20, NodeLost("north"))
    centre.call(22, "c1")
    centre.at(30, CallLeft("c1", "abandoned"))
    today = centre.engine.snapshot(START + 30_000).today
    assert (today.offered, today.answered, today.abandoned) == (1, 1, 0)


def test_a_lost_nodes_callbacks_go_to_one_that_lives():
    centre = Centre()
    for second, node in enumerate(("a", "b", "c")):
        centre.call(second, f"c{node}", node=node)
    centre.at(5, CallbackRequested("b1", "", "c", "hotline", "status", caller_ref="boris"))
    centre.at(6, NodeLost("c"))
    assert centre.engine.calls["b1"].node == "b"
    centre.at(7, NodeLost("b"))
    assert centre.engine.calls["b1"].node == "a", "not at c, which was lost before"
