"""Records of the journal: there and back, and every way in which one can be wrong."""

from __future__ import annotations

import json

import pytest

from acd import contract
from acd.contract import AgentDefined, CallQueued, Event, OfferCall, RulesLoaded, Tick
from acd.journal.codec import MAX_BYTES, RecordTooLong, Undecodable, decode_command, decode_event, encode


def test_the_wire_is_one_flat_object() -> None:
    data = encode(CallQueued("c1", "n1", "hotline", "access", first_queued_ms=7))
    raw = json.loads(data)
    assert raw["type"] == "CallQueued" and raw["v"] == 1
    assert raw["call_id"] == "c1" and raw["first_queued_ms"] == 7
    assert encode(Tick()) == b'{"type":"Tick","v":1}'


@pytest.mark.parametrize(
    "record",
    [
        Tick(),
        AgentDefined("2001", "Анна", "PJSIP/2001", {"access": 3}, ("ru", "en")),
        RulesLoaded("7", {"weights": {"late_s": 1.5}, "queues": {"a": None}}),
    ],
)
def test_there_and_back(record: Event) -> None:
    assert decode_event(encode(record)) == record


def test_an_order_there_and_back() -> None:
    offer = OfferCall("o1", "c1", "n1", "2001", "PJSIP/2001", 15_000, ("level=3",), 17)
    assert decode_command(encode(offer)) == offer


def test_unknown_fields_are_ignored_and_missing_ones_take_their_default() -> None:
    data = b'{"type":"CallQueued","v":1,"call_id":"c","node":"n","queue":"q","topic":"t","colour":"red"}'
    assert decode_event(data) == CallQueued("c", "n", "q", "t")


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "not_json"),
        (b"[]", "not_json"),
        (b"\xff", "not_json"),
        (b'{"type":"Tick"', "not_json"),
        (b'{"type":"Tick"}', "unknown_version"),
        (b'{"type":"Tick","v":2}', "unknown_version"),
        (b'{"type":"Tick","v":"1"}', "not_json"),
        (b'{"type":"Event","v":1}', "unknown_type"),
        (b'{"type":"OfferCall","v":1}', "unknown_type"),
        (b'{"type":"CallQueued","v":1}', "wrong_fields"),
        (b'{"type":"MarkGiven","v":1,"call_id":"c","agent_id":"a","mark":"five"}', "wrong_fields"),
        (b'{"type":"CallLeft","v":1,"call_id":"c","outcome":"vanished"}', "wrong_fields"),
        (b" " * (MAX_BYTES + 1), "too_long"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(Undecodable) as caught:
        decode_event(data)
    assert caught.value.reason == reason


def test_a_record_may_not_be_endless() -> None:
    with pytest.raises(RecordTooLong):
        encode(RulesLoaded("1", {"x": "y" * MAX_BYTES}))


def test_every_event_of_the_contract_can_be_read() -> None:
    events = [cls for cls in vars(contract).values() if isinstance(cls, type) and issubclass(cls, Event)]
    assert len(events) > 15
    for cls in events:
        try:
            assert isinstance(decode_event(f'{{"type":"{cls.__name__}","v":1}}'.encode()), cls)
        except Undecodable as error:
            # Either it has fields that must be there, or it is the base, which is no fact.
            assert error.reason == ("unknown_type" if cls is Event else "wrong_fields")
