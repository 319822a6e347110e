"""Callbacks at a chosen time, and what a caller who calls again finds."""

from __future__ import annotations

import pytest
from centre import START, Centre, only

from acd.contract import (
    CallbackRequested,
    CallEnded,
    CallLeft,
    KeptPlace,
    OfferCall,
    PlaceCallback,
    Tick,
    WithdrawOffer,
)


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
    assert kept == KeptPlace(START + 600_000, "b2", "status", 0, START + 600_000)
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


def test_a_callback_cancelled_while_it_rings_is_withdrawn_where_it_rings():
    centre = Centre(("2001", {"status": 3}))
    order = only(centre.at(1, CallbackRequested("b1", "", "north", "hotline", "status")), PlaceCallback)
    stopped = only(centre.at(2, CallLeft("b1", "abandoned", "cancelled")), WithdrawOffer)
    assert (stopped.offer_id, stopped.call_id, stopped.node) == (order.offer_id, "b1", "north")
    assert centre.state("2001") == "ready"
    assert only(centre.call(3, "c1"), OfferCall).agent_id == "2001"
