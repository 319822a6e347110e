"""The ways in which a recogniser heard something, put together: stretch after stretch, and one hearing beside
another of the same sound. Pure.

Costs are natural logarithms: how many times less likely than the likeliest.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

UNKNOWN = "[unk]"
MAX_WAYS = 10  # in which one stretch of speech is heard
MAX_OTHERS = 11  # other ways to hear all that was said
_ABSENT = 8.0  # cost of words that one of several hearings has no trace of


@dataclass(frozen=True, slots=True)
class Way:
    """Words that may have been said."""

    words: str
    cost: float


@dataclass(frozen=True, slots=True)
class Heard:
    """``confidence`` 0 to 1: of the least certain word, of the least certain stretch where several ways to
    hear it were asked for; ``words``: what was said, "" for none; ``others``: the likeliest first."""

    words: str
    confidence: float
    others: tuple[Way, ...] = ()


def joined(texts: Sequence[str]) -> str:
    return " ".join(word for text in texts for word in text.split() if word != UNKNOWN)


def text_of(result: Mapping[str, Any]) -> str:
    """The likeliest words of one result of Vosk."""
    return str(result.get("text") or next((way["text"] for way in result.get("alternatives", ())), ""))


def ways_of(result: Mapping[str, Any]) -> list[Way]:
    """The likeliest first. Vosk calls the logarithm of a way's likelihood its confidence."""
    found = result.get("alternatives", ())
    return [Way(way["text"], found[0]["confidence"] - way["confidence"]) for way in found]


def likeliest(stretches: Iterable[Sequence[Way]]) -> Heard:
    """What was said in all stretches together, each heard in several ways."""
    best = [Way("", 0.0)]
    confidence, words, unknown = 1.0, 0, 0
    for ways in stretches:
        if not ways or not ways[0].words:
            continue
        confidence = min(confidence, 1 / sum(math.exp(-way.cost) for way in ways))
        words += len(ways[0].words.split())
        unknown += ways[0].words.split().count(UNKNOWN)
        costs: dict[str, float] = {}
        for begun in best:
            for way in ways:
                text, cost = joined([begun.words, way.words]), begun.cost + way.cost
                costs[text] = min(cost, costs.get(text, cost))
        best = _cheapest(costs)
    if words == unknown:
        return Heard("", 0.0)
    return Heard(best[0].words, confidence * (words - unknown) / words, tuple(best[1:]))


def weighed(hearings: Sequence[Heard]) -> Heard:
    """Several hearings of one sound, each as good as the other: costs and confidence are their means. Where
    they differ and both are sure the first one is right."""
    known = [_costs(heard) for heard in hearings if heard.words]
    if not known:
        return Heard("", 0.0)
    every = dict.fromkeys(words for costs in known for words in costs)
    mean = {words: sum(costs.get(words, _ABSENT) for costs in known) / len(known) for words in every}
    first, *rest = _cheapest(mean)
    confidence = sum(
        heard.confidence * math.exp(-_costs(heard).get(first.words, math.inf))
        for heard in hearings
        if heard.words
    ) / len(hearings)
    return Heard(first.words, confidence, tuple(Way(way.words, way.cost - first.cost) for way in rest))


def _costs(heard: Heard) -> dict[str, float]:
    return {heard.words: 0.0, **{way.words: way.cost for way in heard.others if way.words}}


def _cheapest(costs: Mapping[str, float]) -> list[Way]:
    ranked = sorted(costs.items(), key=lambda item: item[1])
    return [Way(words, cost) for words, cost in ranked[: MAX_OTHERS + 1]]
