"""What is said at a callback's questions, when it was heard well and when not."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.dialog.calling_back import phrases_of
from ivr.dialog.contract import CallStarted, Digits, Utterance
from ivr.dialog.flow import load
from ivr.dialog.machine import advance, start

FLOWS = Path(__file__).resolve().parents[3] / "config" / "flows"
NOW_MS = 1_795_417_200_000


def test_who_has_not_understood_the_question_is_heard() -> None:
    assert {"не понял", "не слышу"} <= set(phrases_of((), "ru"))
    assert phrases_of((), "tt") == ()


@pytest.mark.parametrize(
    ("said", "confidence", "failed", "repeats"),
    [("не надо", 0.3, 1, 0), ("два", 0.3, 1, 0), ("да", 0.6, 1, 0), ("не понял", 0.5, 0, 1)],
)
def test_what_was_heard_badly_decides_nothing(
    said: str, confidence: float, failed: int, repeats: int
) -> None:
    flow = load(FLOWS)
    call = CallStarted("c1", "79161234567", "88005553535")
    session = start(flow, call, speech=True)
    for event in (call, Digits("4"), Digits("3"), Utterance(said, confidence)):
        session, _ = advance(flow, session, event, NOW_MS)
    assert (session.node, session.step) == ("queue.callback", "offer")
    assert (session.notes.get("no_match", 0), session.repeats) == (failed, repeats)
