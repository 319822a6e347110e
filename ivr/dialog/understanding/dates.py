"""A day as people say it: «пятое мая восемьдесят пятого года», «ноль пять ноль пять тысяча девятьсот…»."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Sequence
from math import exp

from ivr.dialog.understanding.number_words import NUMBER_WORDS, NumberWords
from ivr.dialog.understanding.spoken_numbers import digits

# A year of two digits up to this one is taken for 20xx. Nobody older than 100 years phones often.
PIVOT = 26
_OLDEST, _LATEST = 1900, 2099
_WRITTEN = re.compile(r"([0-9]{1,4})(?:st|nd|rd|th)?")


def parse(words: Sequence[str], language: NumberWords) -> dt.date | None:
    """The day that was meant, or None. Day before month, except in English with the month's name.

    Who corrects himself and says a whole date anew means that one.
    """
    for place in range(len(words) - 1, -1, -1):
        if words[place] in language.corrections and (found := _parse(words[place + 1 :], language)):
            return found
    return _parse(words, language)


def likeliest(ways: Iterable[tuple[Sequence[str], float]], language: str) -> dt.date | None:
    """Of all ways in which something may have been heard, each with its cost (a natural logarithm): the day
    for which most likelihood speaks; None when none is a day."""
    known = NUMBER_WORDS.get(language)
    weights: dict[dt.date, float] = {}
    for heard, cost in ways:
        if known and (day := parse(heard, known)):
            weights[day] = weights.get(day, 0.0) + exp(-cost)
    return max(weights, key=weights.__getitem__, default=None)


def _parse(words: Sequence[str], language: NumberWords) -> dt.date | None:
    if any(word in language.months for word in words):
        return _with_month(words, language)
    return _ordinals_only(words, language) or _digits_only(words, language)


def _date(day: int, month: int, year: int) -> dt.date | None:
    if year < 100:
        year += 2000 if year <= PIVOT else 1900
    elif 1000 < year <= 1000 + PIVOT:  # «(две) тысячи пятнадцатого», half of it heard
        year += 1000
    try:
        return dt.date(year, month, day) if _OLDEST <= year <= _LATEST else None
    except ValueError:
        return None


def _value(words: Sequence[str], language: NumberWords) -> list[int]:
    """The numbers of a date in order, ordinals and cardinals alike: «двадцать пятое» is 25."""
    found: list[int] = []
    join = False
    for before, word, after in zip(["", *words], words, [*words[1:], ""], strict=False):
        value = language.ordinals.get(word)
        last = value is not None  # an ordinal ends its number
        if value is None:
            value = language.values.get(word)
        if value is None and (factor := language.multipliers.get(word)):
            apart = word in language.single and found and found[-1] % 10 != 1
            if language.single and language.values.get(after) == 900:  # no year is 2900: misheard «тысяча»
                apart = before not in language.one_of
            if join and found and 0 < found[-1] < factor and not apart:
                found[-1] *= factor
            else:
                found.append(factor)
            join = True
            continue
        if value is None and (written := _WRITTEN.fullmatch(word)):
            value, last = int(written[1]), True
        if value is None:
            join = join and word in language.joiners
            continue
        if join and found and _fits(found[-1], value):
            found[-1] += value
        else:
            found.append(value)
        join = not last
    return found


def _fits(before: int, value: int) -> bool:
    """May ``value`` be the smaller part of ``before``?"""
    if not value:
        return False
    for unit in (1000, 100, 10):
        if before >= unit and before % unit == 0:
            return value < unit and (unit > 10 or before >= 20)
    return False


def _year(numbers: Sequence[int]) -> int | None:
    """[1985], [85], [19, 85], [2000, 5], [0, 5] and [19, 0, 5] are years."""
    if len(numbers) == 1:
        return numbers[0]
    if len(numbers) in (2, 3) and numbers[-2] == 0 and numbers[-1] < 10:
        return numbers[0] * 100 + numbers[-1] if len(numbers) == 3 else numbers[-1]
    if len(numbers) == 2:
        if numbers[0] in (19, 20) and numbers[1] < 100:
            return numbers[0] * 100 + numbers[1]
        if numbers[0] in (1900, 2000) and numbers[1] < 100:
            return sum(numbers)
    return None


def _with_month(words: Sequence[str], language: NumberWords) -> dt.date | None:
    place = next((index for index, word in enumerate(words) if word in language.months), None)
    if place is None:
        return None
    month = language.months[words[place]]
    before, after = _value(words[:place], language), _value(words[place + 1 :], language)
    if before:
        day, rest = before[-1], after or before[:-1]  # «восемьдесят пятого года пятое мая»
    elif after:  # "May fifth, nineteen eighty-five"
        day, rest = after[0], after[1:]
    else:
        return None
    year = _year(rest)
    return _date(day, month, year) if year is not None else None


def _ordinals_only(words: Sequence[str], language: NumberWords) -> dt.date | None:
    """«Пятое пятого восемьдесят пятого»."""
    if sum(word in language.ordinals for word in words) < 2:
        return None
    return _three(_value(words, language))


def _three(numbers: Sequence[int]) -> dt.date | None:
    """Day, month and year in numbers; a nought before one of them says nothing."""
    numbers = [value for value in numbers if value]
    year = _year(numbers[2:])
    return _date(numbers[0], numbers[1], year) if year is not None else None


def _digits_only(words: Sequence[str], language: NumberWords) -> dt.date | None:
    """DDMMYYYY or DDMMYY, or the three numbers one by one: «пять пять восемьдесят пять»."""
    reading = digits(words, language)
    if len(reading) in (6, 8) and (found := _date(int(reading[:2]), int(reading[2:4]), int(reading[4:]))):
        return found
    return _three(_value(words, language))
