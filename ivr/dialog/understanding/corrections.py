"""What a caller puts right in a number that was read back to him: «нет, третья группа сто двадцать», «нет, в
конце сорок пять», "no, the last digit is five".

He says where, counted as it was read back, and what stands there. Who says no more than «нет, сто двадцать»
has not said where: that is a plain no, and the number is asked for again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ivr.dialog.identifiers import in_groups
from ivr.dialog.understanding.number_words import NUMBER_WORDS, NumberWords
from ivr.dialog.understanding.spoken_numbers import readings
from ivr.dialog.understanding.text import words
from ivr.dialog.understanding.yes_no import yes_or_no


@dataclass(frozen=True, slots=True)
class _Places:
    counted: Mapping[str, int]  # 0: the first; -1: the last
    groups: frozenset[str]  # nouns: of what is counted
    digits: frozenset[str]
    ends: Mapping[str, int]  # «в начале», «в конце»: so many digits as follow
    instead: frozenset[str]  # «не сто, а двести»: what counts comes after it


def _counted(*rows: str) -> dict[str, int]:
    return {word: index for index, row in enumerate(rows) for word in row.split()}


_PLACES: Mapping[str, _Places] = {
    "ru": _Places(
        _counted("первая первую первой", "вторая вторую второй", "третья третью третьей",
                 "четвертая четвертую четвертой")
        | dict.fromkeys(("последняя", "последнюю", "последней"), -1),
        frozenset({"группа", "группе", "группу", "группы"}),
        frozenset({"цифра", "цифру", "цифры"}),
        {"начале": 0, "первые": 0, "конце": -1, "последние": -1},
        frozenset({"а"}),
    ),
    "en": _Places(
        _counted("first", "second", "third", "fourth") | {"last": -1},
        frozenset({"group"}),
        frozenset({"digit"}),
        {"beginning": 0, "start": 0, "end": -1, "digits": -1},
        frozenset({"but"}),
    ),
}  # fmt: skip


def place_words(language: str) -> tuple[str, ...]:
    """Words beside numbers and «нет» that a correction is made of."""
    known = _PLACES.get(language)
    return (
        () if known is None else (*known.counted, *known.groups, *known.digits, *known.ends, *known.instead)
    )


def corrected(text: str, number: str, language: str) -> str:
    """``number`` with what ``text`` says of it put right; "" when it says nothing that can be done."""
    known, numbers, said = _PLACES.get(language), NUMBER_WORDS.get(language), words(text)
    if not number or known is None or numbers is None or yes_or_no(text, language)[0] == "yes":
        return ""
    span: tuple[int, int] | None = None
    end = -1  # digits are replaced from here on, or up to here
    rest: Sequence[str] = ()
    for index, word in enumerate(said):
        if word in known.ends:
            span, end, rest = None, known.ends[word], said[index + 1 :]
            break
        if word in known.counted:
            following = said[index + 1] if index + 1 < len(said) else ""
            span = _span(number, known.counted[word], following in known.digits)
            rest = said[index + 1 :]
            if span is None:
                return ""
            break
    meant = _meant(rest, known)
    if span is not None:
        return _replaced(number, *span, meant, numbers)
    return _at_end(number, end, meant, numbers) if rest else ""


def _meant(said: Sequence[str], known: _Places) -> Sequence[str]:
    """Without what it is not: of «не сто двадцать, а сто тридцать» the end."""
    turns = [index for index, word in enumerate(said) if word in known.instead]
    return said[turns[-1] + 1 :] if turns else said


def _span(number: str, counted: int, digit: bool) -> tuple[int, int] | None:
    parts = list(number) if digit else in_groups(number)
    if not -1 <= counted < len(parts):
        return None
    index = counted % len(parts)
    begin = sum(map(len, parts[:index]))
    return begin, begin + len(parts[index])


def _replaced(number: str, begin: int, end: int, said: Sequence[str], numbers: NumberWords) -> str:
    found = next((way for way in readings(said, numbers) if len(way) == end - begin), "")
    return number[:begin] + found + number[end:] if found else ""


def _at_end(number: str, end: int, said: Sequence[str], numbers: NumberWords) -> str:
    found = next((way for way in readings(said, numbers) if len(way) <= len(number) // 2), "")
    if not found:
        return ""
    return found + number[len(found) :] if end == 0 else number[: -len(found)] + found
