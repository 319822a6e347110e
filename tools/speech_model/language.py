"""The default language model: word pairs of what callers say, dictated numbers, and any known word.

Used when a menu listens freely; a menu with phrases of its own lets Vosk build a grammar instead.
Costs are natural logarithms. Bigrams with Witten-Bell discounting (Witten & Bell 1991).
"""

from __future__ import annotations

import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence

UNKNOWN = "[unk]"
_START = "<s>"
_END = "</s>"
_ANY = ""  # the state that knows nothing of what was said before
_NUMBER = "<number>"

PHRASE_WEIGHT = 3  # a menu phrase counts as this many example sentences
FLOOR = 0.3  # count that every known word gets, said in the examples or not
ENTER_NUMBER = 3.0
NEXT_DIGIT = 3.0
LEAVE_NUMBER = 2.0
UNKNOWN_COST = 5.0

Arc = tuple[str, str, str, float]  # from, to, word ("" for none), cost


def _pairs(phrases: Sequence[str], examples: Sequence[str]) -> dict[str, Counter[str]]:
    pairs: dict[str, Counter[str]] = defaultdict(Counter)
    for weight, texts in ((PHRASE_WEIGHT, phrases), (1, examples)):
        for text in texts:
            said = [_START, *text.split(), _END]
            for before, word in itertools.pairwise(said):
                pairs[before][word] += weight
    return pairs


def arcs(
    phrases: Sequence[str], examples: Sequence[str], words: Sequence[str], numbers: Sequence[str]
) -> Iterator[Arc]:
    """Arcs of the word graph, the first one leaving the start; every state may end (see `endings`)."""
    pairs = _pairs(phrases, examples)
    single: Counter[str] = Counter(dict.fromkeys(words, 0))
    for followers in pairs.values():
        single.update(followers)
    total = sum(single.values()) + FLOOR * len(words)
    cost = {word: -math.log((single[word] + FLOOR) / total) for word in single}

    def state(word: str) -> str:
        return word if word in pairs else _ANY

    def unseen(followers: Mapping[str, int]) -> float:
        return len(followers) / (sum(followers.values()) + len(followers))

    for before, followers in pairs.items():
        count = sum(followers.values()) + len(followers)
        rest = unseen(followers)
        for word, seen in followers.items():
            if word != _END:
                p = seen / count + rest * math.exp(-cost[word])
                yield before, state(word), word, -math.log(p)
        yield before, _ANY, "", -math.log(rest)
    for number in numbers:
        yield _START, _NUMBER, number, ENTER_NUMBER
        yield _ANY, _NUMBER, number, cost[number] + 1
        yield _NUMBER, _NUMBER, number, NEXT_DIGIT
    yield _NUMBER, _ANY, "", LEAVE_NUMBER
    for word in words:
        yield _ANY, state(word), word, cost[word]
    yield _ANY, _ANY, UNKNOWN, UNKNOWN_COST


def endings(phrases: Sequence[str], examples: Sequence[str]) -> dict[str, float]:
    """State -> what it costs to stop there; 3.0 for states that are not named."""
    pairs = _pairs(phrases, examples)
    found = {_NUMBER: 0.5, _ANY: 2.0}
    for before, followers in pairs.items():
        ended = followers[_END] / (sum(followers.values()) + len(followers))
        found[before] = min(3.0, -math.log(ended)) if ended else 3.0
    return found


def as_text(arcs_: Iterator[Arc], ends: Mapping[str, float], number: Mapping[str, int]) -> str:
    """OpenFst's text form; the first arc's source becomes the start."""
    states: dict[str, int] = {}

    def index(name: str) -> int:
        return states.setdefault(name, len(states))

    index(_START)
    lines = []
    for source, target, word, cost in arcs_:
        label = number[word] if word else 0
        lines.append(f"{index(source)} {index(target)} {label} {label} {cost:.4f}")
    lines += [f"{which} {ends.get(name, 3.0):.4f}" for name, which in states.items()]
    return "\n".join(lines) + "\n"
