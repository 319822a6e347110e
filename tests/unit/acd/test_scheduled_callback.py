"""Callbacks at a chosen time, and what a caller who calls again finds."""

from __future__ import annotations

from dataclasses import replace

import pytest
from centre import START, Centre, only

from acd.contract import (
    CallbackFailed,
    CallbackGivenUp,
    CallbackRequested,
    CallEnded,
    CallLeft,
    KeptPlace,
    OfferCall,
    OfferTimedOut,
    PlaceCallback,
    Tick,
    WithdrawOffer,
)
from acd.core.engine import Engine


def test_callback_at_a_chosen_time_has_that_time_as_its_place():
    centre = Centre(("2001", {"status": 3}))
    first = only(centre.call(1, "c1"), OfferCall)
    centre.talk(2, first)
    centre.call(3, "c2", caller_ref="boris")
    about = {"caller_ref": "boris", "due_ms": START + 600_000}
    centre.at(10, CallbackRequested("b2", "c2", "north", "hotline", "status", **about))
    assert centre.engine.ended["c2"].outcome == "called_back"
    centre.at(20, CallEnded("c1", "2001"))
    assert centre.at(50, Tick()) == [], "the agent is free, his time has not come"
    kept = centre.engine.kept_for("boris")
    assert kept == KeptPlace(START + 600_000, "b2", "status", 0, START + 600_000, "hotline")
    seen = centre.engine.snapshot(START + 50_000)
    assert (seen.today.waiting, seen.today.callbacks, seen.today.longest_wait_ms) == (0, 1, 0)
    assert [(call.call_id, call.callback) for call in seen.calls] == [("b2", True)]
    second = only(centre.call(590, "c3"), OfferCall)
    centre.talk(591, second)
    centre.at(601, Tick())
    centre.call(610, "c4")
    today = centre.engine.snapshot(START + 611_000).today
    assert (today.waiting, today.callbacks, today.longest_wait_ms) == (1, 1, 1_000)
    assert centre.engine.kept_for("boris").place == 1
    centre.at(620, CallEnded("c3", "2001"))
    assert only(centre.at(650, Tick()), PlaceCallback).call_id == "b2"


def test_what_is_kept_for_a_caller_who_calls_again():
    centre = Centre(("2001", {"status": 3}))
    centre.talk(2, only(centre.call(1, "c1"), OfferCall))
    centre.call(3, "c2", caller_ref="boris")
    assert centre.engine.kept_for("boris") is None, "he is on the line"
    centre.at(10, CallLeft("c2", "abandoned"))
    assert centre.engine.kept_for("boris") == KeptPlace(START + 3_000)
    assert centre.engine.kept_for("") is None and centre.engine.kept_for("anna") is None
    assert centre.engine.kept_for("boris", START + 10_000 + 300_001) is None, "too long ago"


@pytest.mark.parametrize("topic", ["status", "access"])
def test_who_calls_while_we_call_him_takes_the_agent_who_was_reserved(topic):
    centre = Centre(("2001", {"status": 3}))
    about = {"caller_ref": "boris"}
    order = only(
        centre.at(1, CallbackRequested("b1", "", "north", "hotline", "status", **about)), PlaceCallback
    )
    assert centre.engine.kept_for("boris").place == 1
    centre.call(2, "c2")
    stopped, offered = centre.call(3, "c3", topic=topic, caller_ref="boris")
    assert isinstance(stopped, WithdrawOffer) and stopped.offer_id == order.offer_id
    assert isinstance(offered, OfferCall)
    assert offered.call_id == ("c3" if topic == "status" else "c2"), "nobody is left waiting for a free agent"
    assert centre.engine.calls["c3"].place_ms == START + 1_000
    assert centre.engine.ended["b1"].reason == "called_again"


def asked_again(centre, second, **about):
    return centre.at(
        second, CallbackRequested("b2", "", "north", "hotline", "status", caller_ref="boris", **about)
    )


@pytest.mark.parametrize(
    ("about", "place_ms"),
    [
        ({"first_queued_ms": START + 60_000}, START + 3_000),
        ({"not_before_ms": START + 900_000}, START + 3_000),
        ({"due_ms": START + 600_000}, START + 600_000),
    ],
    ids=["at his turn", "when the doors open", "at a time that he chooses now"],
)
def test_who_asks_for_a_callback_while_he_has_one_has_one(about, place_ms):
    centre = Centre(("2001", {"status": 3}))
    centre.talk(2, only(centre.call(1, "c1"), OfferCall))
    centre.call(3, "c2", caller_ref="boris")
    centre.at(10, CallbackRequested("b1", "c2", "north", "hotline", "status", caller_ref="boris"))
    asked_again(centre, 60, **about)
    assert (centre.engine.ended["b1"].outcome, centre.engine.ended["b1"].reason) == (
        "transferred",
        "asked_again",
    )
    assert centre.engine.calls["b2"].place_ms == place_ms
    assert centre.engine.kept_for("boris").callback_id == "b2"
    assert [call.call_id for call in centre.engine.calls.values() if call.callback] == ["b2"]


def test_who_chose_a_time_and_asks_again_for_his_turn_does_not_wait_for_that_time():
    centre = Centre(("2001", {"status": 3}))
    centre.talk(2, only(centre.call(1, "c1"), OfferCall))
    wish = CallbackRequested("b1", "", "north", "hotline", "status", caller_ref="boris")
    centre.at(3, replace(wish, not_before_ms=START + 600_000, due_ms=START + 600_000))
    asked_again(centre, 60, first_queued_ms=START + 60_000)
    assert centre.engine.calls["b2"].place_ms == START + 60_000
    centre.at(70, CallEnded("c1", "2001"))
    assert only(centre.at(100, Tick()), PlaceCallback).call_id == "b2"


def test_who_asks_again_while_we_ring_him_is_rung_for_the_new_one_only():
    centre = Centre(("2001", {"status": 3}))
    wish = CallbackRequested("b1", "", "north", "hotline", "status", caller_ref="boris")
    rung = only(centre.at(1, wish), PlaceCallback)
    stopped, order = asked_again(centre, 5)
    assert isinstance(stopped, WithdrawOffer) and stopped.offer_id == rung.offer_id
    assert isinstance(order, PlaceCallback) and order.call_id == "b2"


def test_an_agent_reserved_for_the_old_callback_serves_the_next_when_the_new_one_is_for_later():
    centre = Centre(("2001", {"status": 3}))
    wish = CallbackRequested("b1", "", "north", "hotline", "status", caller_ref="boris")
    only(centre.at(1, wish), PlaceCallback)
    centre.call(2, "c2")
    stopped, offered = asked_again(centre, 5, due_ms=START + 600_000)
    assert isinstance(stopped, WithdrawOffer) and isinstance(offered, OfferCall)
    assert offered.call_id == "c2"


def test_a_callback_to_another_queue_and_one_that_is_talked_in_are_left_alone():
    centre = Centre(("2001", {"status": 3}), ("2002", {"status": 3}))
    wish = CallbackRequested("b1", "", "north", "hotline", "status", caller_ref="boris")
    centre.talk(2, only(centre.at(1, wish), PlaceCallback))
    asked_again(centre, 5)
    assert centre.engine.calls["b1"].state == "connected" and "b2" in centre.engine.calls
    centre.at(6, replace(wish, callback_id="b3", queue="other"))
    assert {"b1", "b2", "b3"} <= centre.engine.calls.keys()
    centre.at(7, CallLeft("b3", "abandoned", "cancelled"))
    loaded = Engine.load(centre.engine.dump())
    assert loaded.kept_for("boris") == centre.engine.kept_for("boris"), "of the queue that is left"
    assert centre.engine.kept_for("boris").callback_id == "b2"


def test_a_callback_cancelled_while_it_rings_is_withdrawn_where_it_rings():
    centre = Centre(("2001", {"status": 3}))
    order = only(centre.at(1, CallbackRequested("b1", "", "north", "hotline", "status")), PlaceCallback)
    stopped = only(centre.at(2, CallLeft("b1", "abandoned", "cancelled")), WithdrawOffer)
    assert (stopped.offer_id, stopped.call_id, stopped.node) == (order.offer_id, "b1", "north")
    assert centre.state("2001") == "ready"
    assert only(centre.call(3, "c1"), OfferCall).agent_id == "2001"


def rung(centre, **about):
    wish = CallbackRequested("b1", "", "north", "hotline", "status", caller_ref="boris", **about)
    return only(centre.at(1, wish), PlaceCallback)


def test_whose_telephone_rings_at_the_end_of_the_day_may_answer():
    centre = Centre(("2001", {"status": 3}))
    order = rung(centre, not_after_ms=START + 5_000)
    assert centre.at(6, Tick()) == [], "he is being rung"
    centre.call(8, "b1", caller_ref="boris")  # he has answered
    failed = centre.at(20, OfferTimedOut(order.offer_id, "b1", "2001"))
    assert failed == [], "his agent did not: another is looked for, nobody throws him out"
    assert centre.engine.calls["b1"].state == "queued"


@pytest.mark.parametrize("failure", ["customer", "nobody says"])
def test_who_does_not_answer_at_the_end_of_the_day_is_given_up(failure):
    centre = Centre(("2001", {"status": 3}))
    order = rung(centre, not_after_ms=START + 5_000)
    centre.at(6, Tick())
    said = CallbackFailed(order.offer_id, "b1", "2001", "no_answer") if failure == "customer" else Tick()
    ended = centre.at(20 if failure == "customer" else 200, said)
    assert [each.reason for each in ended if isinstance(each, CallbackGivenUp)] == ["too_late"]
    assert "b1" not in centre.engine.calls


@pytest.mark.parametrize("same_place", [True, False])
def test_who_answers_after_he_was_given_up_for_now_is_served_at_once(same_place):
    """His session comes later than the node waits for it: the next try is planned already."""
    centre = Centre(("2001", {"status": 3}))
    order = rung(centre)
    centre.at(10, CallbackFailed(order.offer_id, "b1", "2001", "hung_up"))
    first = START + 1_000 if same_place else START
    taken = centre.call(12, "b1", caller_ref="boris", first_queued_ms=first)
    assert only(taken, PlaceCallback).call_id == "b1"
    assert not centre.engine.calls["b1"].parked
    line = centre.engine.line_of(centre.engine.calls["b1"])
    centre.at(400, Tick())
    centre.at(401, CallLeft("b1", "abandoned"))
    assert line.count == 0
