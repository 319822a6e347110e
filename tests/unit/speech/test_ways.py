"""Stretches of speech, each heard in several ways, put together to the likeliest wholes."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.dialog import hearings
from ivr.dialog.contract import Utterance
from ivr.dialog.ports import Hearing
from ivr.speech.contract import cost_of_other, score_of_other
from ivr.speech.recogniser import _VoskRecogniser
from ivr.speech.ways import MAX_OTHERS, UNKNOWN, Heard, Way, weighed


class Vosk:
    """Closes a stretch at every sound that it is fed; the likelihoods are logarithms, as Vosk's are."""

    def __init__(self, *stretches: dict[str, float]) -> None:
        self._left = [
            json.dumps({"alternatives": [{"text": t, "confidence": c} for t, c in ways.items()]})
            for ways in stretches
        ]

    def AcceptWaveform(self, _sound: bytes) -> bool:
        return len(self._left) > 1

    def Result(self) -> str:
        return self._left.pop(0)

    FinalResult = Result

    def PartialResult(self) -> str:
        return json.dumps({"partial": "восемь"})


def recogniser(*stretches: dict[str, float]) -> Any:
    made = _VoskRecogniser(Vosk(*stretches), wide=False)
    for _ in stretches[1:]:
        made.feed(b"")
    return made


def test_the_likeliest_of_every_stretch_and_what_costs_little_more() -> None:
    first = {"сто два": 210.0, "сто двадцать": 208.5}
    heard = recogniser(first, {"": 0.0}, {"пять": 80.0, f"пять {UNKNOWN}": 79.0, "девять": 79.5}).finish()
    assert heard.words == "сто два пять"
    assert [(way.words, way.cost) for way in heard.others] == [
        ("сто два девять", 0.5), ("сто двадцать пять", 1.5), ("сто двадцать девять", 2.0)
    ]  # fmt: skip
    assert heard.confidence == pytest.approx(1 / (1 + math.exp(-1) + math.exp(-0.5)))


def test_two_hearings_of_one_sound_weigh_the_same() -> None:
    slow = Heard("ноль два", 0.8, (Way("нуль два", 0.5), Way("ноль", 3.0)))
    plain = Heard("два", 0.5, (Way("ноль два", 1.0),))
    both = weighed([slow, plain])
    assert both.words == "ноль два"
    assert both.confidence == pytest.approx((0.8 + 0.5 * math.exp(-1)) / 2)
    assert both.others == (Way("два", 3.5), Way("нуль два", 3.75), Way("ноль", 5.0))
    # Both sure of something else: the first is right, by half. Nothing heard is no evidence, but a doubt.
    assert weighed([Heard("раз", 0.8), Heard("два", 1.0)]) == Heard("раз", 0.4, (Way("два", 0.0),))
    assert weighed([Heard("раз", 0.8), Heard("", 0.0)]) == Heard("раз", 0.4)
    assert weighed([Heard("", 0.0), Heard("", 0.0)]) == Heard("", 0.0)


def test_what_was_said_so_far_is_the_likeliest_of_what_is_closed_and_what_goes_on() -> None:
    assert recogniser({"сто два": 210.0, "сто": 200.0}, {"": 0.0}).so_far() == "сто два восемь"


def test_no_known_word_is_nothing_and_half_of_them_is_half_as_sure() -> None:
    assert (nothing := recogniser({UNKNOWN: 10.0}).finish()).words == "" and nothing.confidence == 0.0
    assert recogniser({"": 0.0}).finish().others == ()
    half = recogniser({f"пять {UNKNOWN}": 10.0}).finish()
    assert (half.words, half.confidence) == ("пять", 0.5)


@given(
    st.lists(
        st.dictionaries(st.text("аб ", max_size=4), st.floats(-500, 500), min_size=1, max_size=10), max_size=4
    )
)
def test_the_others_are_few_different_and_in_order(stretches: list[dict[str, float]]) -> None:
    ordered = [dict(sorted(ways.items(), key=lambda way: -way[1])) for ways in stretches]
    heard = recogniser(*ordered, {"": 0.0}).finish()
    costs = [way.cost for way in heard.others]
    assert len(costs) <= MAX_OTHERS and costs == sorted(costs) and all(cost >= 0 for cost in costs)
    assert len({heard.words, *(way.words for way in heard.others)}) == len(costs) + 1
    assert 0 <= heard.confidence <= 1


@pytest.mark.parametrize(("cost", "score"), [(0.0, 100), (0.04, 100), (1.25, 88), (9.9, 1), (50.0, 1)])
def test_a_cost_goes_over_the_line_as_a_score(cost: float, score: int) -> None:
    assert score_of_other(cost) == score
    assert cost_of_other(score) == pytest.approx(min(cost, 9.9), abs=0.06)


def test_hearings_are_kept_for_the_next_question() -> None:
    said = Utterance("сто  два", 0.9, (Hearing("сто двадцать", 1.5), Hearing("", 2.0), Hearing("сто", 12.34)))
    kept = hearings.read(hearings.written(hearings.of(said)))
    assert kept == (Hearing("сто два"), Hearing("сто двадцать", 1.5), Hearing("сто", 12.3))
    assert hearings.of(Utterance("", 0.0)) == hearings.read("") == ()
    long = Utterance("а" * 5000, 0.9, (Hearing("б"),) * 100)
    assert len(hearings.written(hearings.of(long))) < 1000
