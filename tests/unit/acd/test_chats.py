"""An agent takes one call, or several chats: what happens step by step."""

from __future__ import annotations

import json

from acd.contract import (
    AgentDefined,
    AgentReachabilityChanged,
    AgentRemoved,
    AgentStatusDeclared,
    CallEnded,
    CallLeft,
    CallQueued,
    NodeLost,
    OfferAccepted,
    OfferCall,
    OfferTimedOut,
    RulesLoaded,
    Tick,
    WithdrawOffer,
    WrapUpFinished,
)
from acd.core.engine import Engine

from .centre import Centre, only

SKILLS = {"status": 3}


def centre(*agents: str, capacity: int = 3, **rules: object) -> Centre:
    made = Centre()
    made.at(0, RulesLoaded("1", {"chat_capacity": capacity, **rules}))
    for agent_id in agents or ("2001",):
        made.at(0, AgentDefined(agent_id, f"Agent {agent_id}", f"PJSIP/{agent_id}", SKILLS))
        made.at(0, AgentStatusDeclared(agent_id, "available"))
    return made


def chat(made: Centre, second: float, chat_id: str, **about) -> list:
    return made.call(second, chat_id, channel="chat", **about)


def taken(made: Centre, second: float, *chat_ids: str) -> None:
    for chat_id in chat_ids:
        made.talk(second, only(chat(made, second, chat_id), OfferCall))


def test_a_chat_is_offered_with_its_own_time_and_said_to_be_one():
    made = centre(chat_ring_s=40)
    offer = only(chat(made, 1, "t1"), OfferCall)
    assert (offer.channel, offer.ring_ms) == ("chat", 40_000)
    assert {"chats=0", "chat_capacity=3"} <= set(offer.reasons)
    assert made.engine.chat("t1").offer_ends_ms == made.engine.now_ms + 40_000


def test_three_chats_at_once_and_the_fourth_waits():
    made = centre()
    taken(made, 1, "t1", "t2", "t3")
    assert chat(made, 2, "t4") == []
    agent = made.engine.agents["2001"]
    assert list(agent.chats) == ["t1", "t2", "t3"] and agent.state == "chatting"
    assert any("has 3 of 3 chats" in sentence for sentence in made.engine.why("t4"))
    assert made.at(5, CallEnded("t2", "2001")) == [], "it is being wrapped up"
    offer = only(made.at(25, Tick()), OfferCall)
    assert offer.call_id == "t4"
    assert "The agent had 2 of 3 chats then." in made.engine.why("t4")


def test_no_call_for_who_has_chats_and_no_chat_for_who_talks():
    made = centre(wrap_up_s=20)
    taken(made, 1, "t1")
    assert made.call(2, "c1") == []
    made.at(3, CallEnded("t1", "2001"))
    assert made.at(22, Tick()) == []
    offer = only(made.at(23, Tick()), OfferCall)
    assert (offer.call_id, offer.channel) == ("c1", "voice")
    made.talk(24, offer)
    assert chat(made, 25, "t2") == []
    assert made.at(26, CallEnded("c1", "2001")) == []
    assert only(made.at(27, WrapUpFinished("2001")), OfferCall).call_id == "t2"


def test_one_offer_at_a_time():
    made = centre()
    first = only(chat(made, 1, "t1"), OfferCall)
    assert chat(made, 1, "t2") == [] and made.call(1, "c1") == []
    assert only(made.talk(2, first), OfferCall).call_id == "t2"


def test_a_free_agent_takes_whoever_waits_longer():
    made = centre()
    made.at(0, AgentStatusDeclared("2001", "on_break"))
    chat(made, 1, "t1")
    made.call(31, "c1")
    assert only(made.at(32, AgentStatusDeclared("2001", "available")), OfferCall).call_id == "t1"


def test_an_agents_own_number_of_chats_counts_and_an_edit_reaches_those_who_wait():
    made = centre(capacity=0)
    assert chat(made, 1, "t1") == []
    assert "Nobody on duty can serve this" in made.engine.why("t1")[-1]
    offer = only(made.at(2, AgentDefined("2001", "A", "", SKILLS, ("ru",), 1)), OfferCall)
    made.talk(3, offer)
    assert chat(made, 4, "t2") == []
    assert only(made.at(5, AgentDefined("2001", "A", "", SKILLS, ("ru",), 2)), OfferCall).call_id == "t2"
    (withdrawn, *_) = made.at(6, AgentDefined("2001", "A", "", SKILLS, ("ru",), 1))
    assert isinstance(withdrawn, WithdrawOffer) and made.engine.chat("t2").state == "queued"
    assert list(made.engine.agents["2001"].chats) == ["t1"], "the chat he has goes on"


def test_rules_change_how_many():
    made = centre(capacity=1)
    taken(made, 1, "t1")
    assert chat(made, 2, "t2") == []
    assert only(made.at(3, RulesLoaded("2", {"chat_capacity": 2})), OfferCall).call_id == "t2"


def test_who_pauses_after_an_unanswered_chat_keeps_the_others():
    made = centre()
    taken(made, 1, "t1")
    offer = only(chat(made, 2, "t2"), OfferCall)
    assert made.at(32, OfferTimedOut(offer.offer_id, "t2", "2001")) == []
    assert made.state("2001") == "paused" and list(made.engine.agents["2001"].chats) == ["t1"]
    assert only(made.at(62, Tick()), OfferCall).call_id == "t2"


def test_a_break_lets_running_chats_end():
    made = centre()
    taken(made, 1, "t1")
    made.at(2, AgentStatusDeclared("2001", "on_break"))
    assert chat(made, 3, "t2") == []
    made.at(4, CallEnded("t1", "2001"))
    made.at(60, Tick())
    assert made.state("2001") == "ready"
    assert only(made.at(61, AgentStatusDeclared("2001", "available")), OfferCall).call_id == "t2"


def test_without_a_phone_there_are_chats_and_no_calls():
    made = centre()
    taken(made, 1, "t1")
    made.at(2, AgentReachabilityChanged("2001", False))
    taken(made, 3, "t2")
    for each in ("t1", "t2"):
        made.at(4, CallEnded(each, "2001"))
    assert made.call(5, "c1") == [] and made.at(60, Tick()) == []
    taken(made, 61, "t3")
    made.at(62, CallEnded("t3", "2001"))
    made.at(63, WrapUpFinished("2001"))
    assert only(made.at(64, AgentReachabilityChanged("2001", True)), OfferCall).call_id == "c1"


def test_who_logs_out_gives_his_chats_back_with_their_places():
    made = centre("2001", "2002")
    made.at(0, AgentStatusDeclared("2002", "on_break"))
    taken(made, 1, "t1", "t2")
    made.at(2, AgentStatusDeclared("2001", "logged_out"))
    assert [made.engine.chat(each).state for each in ("t1", "t2")] == ["queued", "queued"]
    assert made.state("2001") == "ready" and not made.engine.agents["2001"].chats
    chat(made, 0, "t0")
    offer = only(made.at(3, AgentStatusDeclared("2002", "available")), OfferCall)
    assert offer.call_id == "t1", "who was served already goes before others"
    made.talk(4, offer)
    counts = made.engine.todays["chat"].as_counts()
    assert (counts.offered, counts.answered) == (3, 2), "each is counted once"
    made.at(5, CallLeft("t2", "abandoned"))
    assert made.engine.ended["t2"][:2] == ("answered", "abandoned")
    assert made.engine.todays["chat"].as_counts().abandoned == 0


def test_a_removed_agents_chats_go_to_another():
    made = centre("2001", "2002")
    taken(made, 1, "t1")
    holder = made.engine.chat("t1").agent_id
    other = ({"2001", "2002"} - {holder}).pop()
    assert only(made.at(2, AgentRemoved(holder)), OfferCall).agent_id == other


def test_a_lost_nodes_chats_go_on_at_another():
    made = centre()
    chat(made, 0, "t0", node="south")
    taken_offer = made.engine.chat("t0")
    made.at(0, OfferAccepted(taken_offer.offer_id, "t0", "2001"))
    taken(made, 1, "t1")
    assert made.at(2, NodeLost("north")) == []
    view = made.engine.chat("t1")
    assert (view.state, view.node) == ("connected", "south")
    made.at(3, NodeLost("south"))
    assert {made.engine.chat(each).node for each in ("t0", "t1")} == {"north"}


def test_with_no_other_node_they_end_and_may_be_told_again():
    made = centre()
    taken(made, 1, "t1")
    made.at(2, NodeLost("north"))
    view = made.engine.chat("t1")
    assert (view.state, view.outcome, view.reason) == ("ended", "answered", "node_lost")
    assert only(chat(made, 3, "t1"), OfferCall).call_id == "t1"


def test_a_late_or_impossible_acceptance_is_refused():
    made = centre(capacity=1)
    offer = only(chat(made, 1, "t1"), OfferCall)
    made.at(40, Tick())
    made.at(80, Tick())  # asked again after the pause
    second = made.engine.chat("t1")
    made.at(81, CallLeft("t1", "abandoned"))
    call = only(made.call(82, "c1"), OfferCall)
    made.at(83, OfferAccepted(second.offer_id, "t1", "2001"))
    assert made.engine.counters["accepted_after_end"] == 1
    made.talk(84, call)
    chat(made, 85, "t2")
    made.at(86, OfferAccepted(offer.offer_id, "t2", "2001"))
    assert made.engine.counters["chats_refused"] == 1
    assert made.state("2001") == "talking" and made.engine.chat("t2").state == "queued"


def test_a_repeated_chat_and_a_doubled_end_change_nothing():
    made = centre()
    taken(made, 1, "t1")
    assert chat(made, 2, "t1") == []
    made.at(3, CallEnded("t1", "2001"))
    made.at(4, CallEnded("t1", "2001"))
    made.at(5, CallLeft("t1", "abandoned"))
    assert list(made.engine.agents["2001"].chats) == ["t1"]
    made.at(60, Tick())
    assert made.engine.todays["chat"].as_counts().answered == 1


def test_calls_and_chats_are_counted_apart():
    made = centre("2001", "2002")
    taken(made, 1, "t1")
    made.talk(2, only(made.call(2, "c1"), OfferCall))
    chat(made, 3, "t2", topic="access")
    view = made.engine.snapshot(made.engine.now_ms)
    assert (view.today.offered, view.today.answered, view.today.waiting) == (1, 1, 0)
    assert view.chats_today is not None
    assert (view.chats_today.offered, view.chats_today.answered, view.chats_today.waiting) == (2, 1, 1)
    assert {each.call_id: each.channel for each in view.calls} == {"t1": "chat", "c1": "voice", "t2": "chat"}
    assert sorted((each.chats, each.chat_capacity) for each in view.agents) == [(0, 3), (1, 3)]


def test_what_an_agent_has_and_is_offered():
    made = centre()
    taken(made, 1, "t1")
    offer = only(chat(made, 2, "t2"), OfferCall)
    his = made.engine.chats_of("2001")
    assert [(each.chat_id, each.state) for each in his] == [("t1", "connected"), ("t2", "offered")]
    assert his[1].offer_id == offer.offer_id
    assert made.engine.chats_of("2009") == () and made.engine.chat("none") is None


def test_a_waiting_chat_has_a_place_and_an_estimate_of_its_own():
    made = centre(capacity=2)
    taken(made, 1, "t1", "t2")
    chat(made, 2, "t3")
    chat(made, 3, "t4")
    first, second = made.engine.chat("t3").wait, made.engine.chat("t4").wait
    assert (first.place, second.place) == (1, 2) and first.likely_ms < second.likely_ms
    assert first.servable


def test_a_snapshot_from_before_chats_is_read():
    made = Centre(("2001", SKILLS), ("2002", SKILLS))
    made.talk(2, only(made.call(1, "c1"), OfferCall))
    made.at(3, CallLeft("c2", "abandoned"))
    state = json.loads(json.dumps(made.engine.dump()))
    for name in ("open", "chat_calibration", "chats_today", "chat_ms", "chats_served", "gaps"):
        del state[name]
    for agent in state["agents"]:
        for name in ("own_chats", "chat_capacity", "chats", "draining"):
            del agent[name]
    for call in state["calls"]:
        del call["returned"]
    state["ended"] = [each[:9] for each in state["ended"]]
    loaded = Engine.load(state)
    assert json.dumps(loaded.dump()) == json.dumps(made.engine.dump())
    loaded.step(RulesLoaded("2", {"chat_capacity": 2}), made.engine.now_ms)
    told = loaded.step(CallQueued("t1", "north", "hotline", "status", channel="chat"), made.engine.now_ms)
    assert only(told, OfferCall).agent_id == "2002"


def test_a_place_is_freed_also_when_deadlines_are_cleared_out_in_that_moment():
    made = centre()
    taken(made, 1, "t1")
    made.engine.deadlines_bound = len(made.engine.deadlines)  # the next one clears out
    made.at(10, CallEnded("t1", "2001"))
    made.at(200, Tick())
    assert made.engine.chats_of("2001") == () and made.state("2001") == "ready"
