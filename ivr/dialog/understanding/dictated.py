"""A number with check digits from what was heard of it, though words were lost or misheard.

A recogniser drops «двести», hears «девять» as «семь», takes «пять ноль» for «пятьсот». The check digits tell
that a reading is wrong and often what was said: among the other ways in which the recogniser heard it, or,
when it is none of these, among the numbers that differ from what was heard by few mistakes that are likely on
a telephone line. All are weighed, the impossible ones fall out, and the likeliest is proposed, to be read
back to the caller. Two readings of the same number are weighed together: what fits both is surer than either,
and what the caller has denied is out.

Weights are the cost of a mistake, in units of one likely mistake; they follow the errors that the shipped
model makes with voices of its development set, rounded, not fitted.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from operator import itemgetter

from ivr.dialog.identifiers import SNILS_DIGITS, snils_is_valid
from ivr.dialog.understanding.number_words import NUMBER_WORDS, NumberWords
from ivr.dialog.understanding.spoken_numbers import readings

SNILS_GROUPS = (3, 3, 3, 2)  # as it is printed on the card
_IS_LAST = (False, False, False, True)
MAX_WORDS = 16  # that are no number words fall out; more is no SNILS
_LONGEST_GROUP = 4  # words
_OTHER_READING = 0.5  # «двадцать пять» for 20 5
_LIKELY, _LOST, _ADDED, _UNLIKELY = 1.0, 1.2, 1.4, 1.8
_AT_MOST = 2.0  # of mistakes that are looked for in one reading
_NOT_FOUND = 4.5  # cost of a reading that a number cannot be found in
_UNIT = 0.12  # of a mistake: what the recogniser takes for e times less likely
_MISTAKEN = 3  # ways to hear a reading in which mistakes are looked for
_AHEAD = 0.35  # the best has to be better than the next by this

Costs = dict[str, float]
Ways = Sequence[tuple[Sequence[str], float]]


def snils(heard: Sequence[Ways], language: str, denied: Collection[str] = ()) -> str:
    """The likeliest SNILS of one or two readings of it, the latest first; "" when none is likely enough.

    ``heard``: for each reading the ways in which it was heard, the likeliest first: words, as `text.words`
    gives them, and a cost (`ports.Hearing`). ``denied``: numbers that it is not.
    """
    known = NUMBER_WORDS.get(language)
    if known is None or not heard or not heard[0]:
        return ""
    plain = [readings(ways[0][0], known) for ways in heard[:2] if ways]
    again = set(plain[0]).intersection(denied, *plain[1:]) if len(plain) > 1 else ()
    if first := next((way for way in plain[0] if way in again or _fits(way, denied)), ""):
        return first  # who reads the number that he has denied once more has meant it
    each = [_Reading(ways, known, language) for ways in heard[:2] if ways]
    fitting = {number for reading in each for number in reading.possible() if _fits(number, denied)}
    best = sorted((sum(reading.cost(number) for reading in each), number) for number in fitting)
    if not best or (len(best) > 1 and best[1][0] - best[0][0] < _AHEAD):
        return ""
    return best[0][1]


class _Reading:
    """One reading of the number, in all ways in which it was heard."""

    def __init__(self, ways: Ways, known: NumberWords, language: str) -> None:
        self._language = language
        self._exact: Costs = {}
        self._mistaken: dict[tuple[str, ...], float] = {}
        for words, cost in ways:
            for index, number in enumerate(readings(words, known)):
                price = _UNIT * cost + (_OTHER_READING if index else 0.0)
                self._exact[number] = min(price, self._exact.get(number, price))
            if len(self._mistaken) < _MISTAKEN:
                self._mistaken.setdefault(_numbers_of(words, known), _UNIT * cost)

    def possible(self) -> Iterator[str]:
        yield from self._exact
        for words in self._mistaken:
            yield from _possible(words, self._language)

    def cost(self, number: str) -> float:
        """At most _NOT_FOUND."""
        mistaken = (_cost(number, words, self._language) + cost for words, cost in self._mistaken.items())
        return min(self._exact.get(number, _NOT_FOUND), _NOT_FOUND, *mistaken)


def _fits(number: str, denied: Collection[str]) -> bool:
    return len(number) == SNILS_DIGITS and number not in denied and snils_is_valid(number)


def _numbers_of(words: Sequence[str], known: NumberWords) -> tuple[str, ...]:
    """The number words; what was corrected by the caller himself is left to `spoken_numbers`."""
    kept = (word for word in words if word in known.values or word in known.named_digits)
    return tuple(itertools.islice(kept, MAX_WORDS + 1))


@lru_cache(maxsize=64)
def _possible(words: tuple[str, ...], language: str) -> Costs:
    """Every string of digits in the card's groups that ``words`` may have been, with its cost."""
    if not words or len(words) > MAX_WORDS:
        return {}
    states: dict[int, Costs] = {0: {"": 0.0}}  # words taken -> digits so far -> cost
    for size, last in zip(SNILS_GROUPS, _IS_LAST, strict=True):
        following: dict[int, Costs] = {}
        for taken, begun in states.items():
            for end in _ends(taken, len(words), last):
                _extend(following.setdefault(end, {}), begun, _group(words[taken:end], size, language))
        states = following
    return states.get(len(words), {})


def _ends(taken: int, total: int, last: bool) -> range:
    longest = min(taken + _LONGEST_GROUP, total)
    return range(total if last else taken + 1, longest + 1)


def _extend(into: Costs, begun: Costs, group: Costs) -> None:
    cheapest = sorted(group.items(), key=itemgetter(1))
    for digits, cost in begun.items():
        for more, added in cheapest:
            if cost + added > _AT_MOST:
                break
            number = digits + more
            if cost + added < into.get(number, 99.0):
                into[number] = cost + added


def _cost(number: str, words: tuple[str, ...], language: str) -> float:
    """Of ``words`` having been heard when ``number`` was said; at most _NOT_FOUND."""
    if len(words) > MAX_WORDS:
        return _NOT_FOUND
    costs, begin = {0: 0.0}, 0
    for size, last in zip(SNILS_GROUPS, _IS_LAST, strict=True):
        digits, begin = number[begin : begin + size], begin + size
        following: dict[int, float] = {}
        for taken, cost in costs.items():
            for end in _ends(taken, len(words), last):
                added = _group(words[taken:end], size, language).get(digits, _NOT_FOUND)
                following[end] = min(following.get(end, _NOT_FOUND), cost + added)
        costs = following
    return min(costs.get(len(words), _NOT_FOUND), _NOT_FOUND)


@lru_cache(maxsize=2_000)
def _group(words: tuple[str, ...], size: int, language: str) -> Costs:
    """Groups of ``size`` digits that were said, or may have been with one mistake."""
    found: Costs = {}
    for said, cost in _said(words, size, language):
        for index, way in enumerate(_ways(said, language)):
            price = cost + (_OTHER_READING if index else 0.0)
            if len(way) == size and price < found.get(way, price + 1):
                found[way] = price
    return found


@lru_cache(maxsize=20_000)
def _ways(words: tuple[str, ...], language: str) -> tuple[str, ...]:
    return tuple(readings(words, NUMBER_WORDS[language]))


def _said(words: tuple[str, ...], most: int, language: str) -> Iterator[tuple[tuple[str, ...], float]]:
    """What may have been said where ``words`` were heard: ``most`` words, each is a digit at least."""
    if len(words) <= most:
        yield words, 0.0
    for place, heard in enumerate(words):
        before, after = words[:place], words[place + 1 :]
        if 0 < len(words) - 1 <= most:
            yield (*before, *after), _ADDED
        if len(words) <= most:
            near = _near(heard, language)
            for word in _spoken(language):
                yield (*before, word, *after), _LIKELY if word in near else _UNLIKELY
    for place in range(len(words) + 1 if len(words) < most else 0):
        for word in _spoken(language):
            yield (*words[:place], word, *words[place:]), _LOST


@lru_cache(maxsize=4)
def _spoken(language: str) -> tuple[str, ...]:
    """One word for each value, up to hundreds."""
    words: dict[int, str] = {}
    for word, value in NUMBER_WORDS[language].values.items():
        words.setdefault(value, word)
    return tuple(words.values())


@lru_cache(maxsize=400)
def _near(word: str, language: str) -> frozenset[str]:
    """Words that a recogniser takes for ``word``: «шесть», «шестнадцать», «шестьдесят», «шестьсот»; and
    digits that sound alike on a telephone line."""
    known = NUMBER_WORDS[language]
    value = known.values.get(word, known.named_digits.get(word, -1))
    family = {value} | _FAMILIES.get(value, set()) | _ALIKE.get(language, {}).get(value, set())
    return frozenset(word for word in _spoken(language) if known.values[word] in family)


def _families() -> dict[int, set[int]]:
    """Numbers of one stem: 6, 16, 60, 600."""
    found: dict[int, set[int]] = {}
    for digit in range(1, 10):
        stem = {digit, 10 + digit, 10 * digit, 100 * digit}
        for value in stem:
            found.setdefault(value, set()).update(stem)
    return found


def _alike(*pairs: tuple[int, int]) -> dict[int, set[int]]:
    found: dict[int, set[int]] = {}
    for one, other in pairs:
        found.setdefault(one, set()).add(other)
        found.setdefault(other, set()).add(one)
    return found


_FAMILIES = _families()
_ALIKE = {
    "ru": _alike(
        (7, 8), (7, 9), (9, 10), (1, 0), (12, 19), (70, 80), (50, 60), (500, 600), (700, 800), (200, 9)
    ),
    "en": _alike((5, 9), (50, 15), (0, 4), (1, 9), (2, 3), (6, 7)),
}
