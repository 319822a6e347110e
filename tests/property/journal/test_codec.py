"""Whatever bytes stand in the journal: an event, or a clean refusal."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from acd.contract import (
    AgentDefined,
    AgentStatusDeclared,
    CallLeft,
    CallQueued,
    Event,
    LeaderElected,
    NodeLost,
    OfferAccepted,
)
from acd.journal import snapshots
from acd.journal.codec import Undecodable, decode_event, encode

names = st.text(max_size=20)
EVENTS: st.SearchStrategy[Event] = st.one_of(
    st.builds(
        CallQueued,
        names,
        names,
        names,
        names,
        language=names,
        priority=st.integers(0, 9),
        first_queued_ms=st.integers(0, 2**52),
    ),
    st.builds(CallLeft, names, st.sampled_from(["abandoned", "overflowed", "failed"]), names),
    st.builds(OfferAccepted, names, names, names),
    st.builds(
        AgentDefined,
        names,
        names,
        names,
        st.dictionaries(names, st.integers(1, 3), max_size=4),
        st.lists(names, max_size=3).map(tuple),
    ),
    st.builds(AgentStatusDeclared, names, st.sampled_from(["available", "on_break"]), names),
    st.builds(NodeLost, names),
    st.builds(LeaderElected, names, st.integers(0, 2**52)),
)


@given(EVENTS)
@settings(max_examples=150)
def test_every_event_comes_back_as_it_was(event: Event) -> None:
    assert decode_event(encode(event)) == event


@given(EVENTS, st.data())
@settings(max_examples=150)
def test_damage_gives_an_event_or_a_clean_refusal(event: Event, data: st.DataObject) -> None:
    record = bytearray(encode(event))
    for _ in range(data.draw(st.integers(1, 3))):
        record[data.draw(st.integers(0, len(record) - 1))] = data.draw(st.integers(0, 255))
    cut = bytes(record[: data.draw(st.integers(0, len(record)))])
    try:
        assert isinstance(decode_event(cut), Event)
    except Undecodable as error:
        assert error.reason


@given(st.binary(max_size=200))
@settings(max_examples=100)
def test_any_bytes_are_no_snapshot(noise: bytes) -> None:
    good = snapshots.pack(snapshots.Snapshot("5-1", "g", {"engine": {"x": [1, "я"]}}))
    found, bad = snapshots.newest([noise, good[: len(good) // 2] + noise, good])
    assert found is not None and found.entry_id == "5-1" and bad == 2
    assert found.state == {"engine": {"x": [1, "я"]}}
