"""Any caller, any order of events: the reference flow never leaves a live call in silence."""

from __future__ import annotations

import json
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.dialog import session as sessions
from ivr.dialog.contract import (
    Action,
    Ask,
    CallStarted,
    ConversationEnded,
    Digits,
    Disconnect,
    Enqueue,
    Hold,
    HungUp,
    Input,
    LookUp,
    LookUpDone,
    NoInput,
    OpenTicket,
    Play,
    Prompt,
    PromptFinished,
    QueueReleased,
    Record,
    Recorded,
    SpeechFailed,
    TicketFailed,
    TicketOpened,
    Transfer,
    TransferEnded,
    Utterance,
    Waited,
)
from ivr.dialog.flow import load
from ivr.dialog.machine import advance, start

FLOW = load(Path(__file__).resolve().parents[3] / "config" / "flows")
WAITING = (Play, Ask, Record, Enqueue, Hold, OpenTicket, LookUp, Transfer, Disconnect)
KEYS = st.text("0123456789*#", max_size=6)
RECORDED = st.sampled_from(["finished", "empty", "too_long", "disk_full", "failed"])
EVENTS: st.SearchStrategy[Input] = st.one_of(
    KEYS.map(Digits),
    st.sampled_from(["да", "нет", "оператор", "назад", "повторите", "вход", "абракадабра", ""]).map(
        Utterance
    ),
    st.just(NoInput()),
    st.just(SpeechFailed("x")),
    st.just(PromptFinished()),
    st.builds(Recorded, st.sampled_from(["", "/r"]), st.integers(0, 200_000), RECORDED),
    st.builds(
        Waited, st.integers(0, 10**6), st.integers(0, 9), st.integers(0, 10**5), st.integers(10**5, 10**6)
    ),
    st.builds(ConversationEnded, st.just("2001"), st.integers(0, 10**6)),
    st.builds(QueueReleased, st.sampled_from(["closed", "nobody_can_serve", "queue_down", "odd"])),
    st.builds(TicketOpened, st.just("100001")),
    st.just(TicketFailed("x")),
    st.builds(LookUpDone, st.booleans()),
    st.builds(TransferEnded, st.booleans()),
)


@settings(max_examples=50)
@given(st.lists(EVENTS, max_size=20), st.booleans(), st.sampled_from(["ru", "en", "", "xx"]), st.booleans())
def test_no_order_of_events_leaves_a_caller_in_silence(
    events: list[Input], speech: bool, language: str, number: bool
) -> None:
    call = CallStarted("c", "79161234567" if number else "", "8800", language)
    session = start(FLOW, call, speech=speech)
    now_ms = 1_000_000
    for event in (call, *events):
        before = session
        session, actions = advance(FLOW, before, event, now_ms)
        again = advance(FLOW, before, event, now_ms)
        assert again == (session, actions)  # pure
        assert sessions.load(json.loads(json.dumps(sessions.dump(session)))) == session
        check(session, actions, event)
        now_ms += 1_000
    ended, _ = advance(FLOW, session, HungUp(), now_ms)
    assert ended.ended
    assert not ended.queued


def check(session: sessions.Session, actions: tuple[Action, ...], event: Input) -> None:
    assert session.node in FLOW.nodes
    if session.ended:
        assert not actions or any(isinstance(action, Disconnect) for action in actions)
        return
    if actions:  # none: go on waiting, only for what changes nothing
        assert isinstance(actions[-1], WAITING)
    else:
        assert isinstance(event, Waited | PromptFinished)
    asks = [action for action in actions if isinstance(action, Ask | Record | Hold)]
    assert len(asks) <= 1
    assert not asks or actions[-1] is asks[0]
    for action in actions:
        for prompt in getattr(action, "prompts", ()):
            assert isinstance(prompt, Prompt)
    if isinstance(actions[-1] if actions else None, Hold):
        assert session.queued
