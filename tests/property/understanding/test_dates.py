"""A birthday is understood in whatever way it is said."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from ivr.dialog.understanding import dates
from ivr.dialog.understanding.number_words import RUSSIAN
from ivr.dialog.understanding.text import words
from tools.speech_model.numbers_ru import MONTHS, cardinal, ordinal_words

birthdays = st.dates(dt.date(1921, 1, 1), dt.date(2025, 12, 31))
NOUGHT = ["ноль"]


def ordinal_year(year: int) -> list[str]:
    if year == 2000:
        return ["двухтысячного"]
    if year > 2000:
        return ["две", "тысячи", *ordinal_words(year - 2000, "genitive")]
    return ["тысяча", "девятьсот", *ordinal_words(year - 1900, "genitive")]


def cardinal_year(year: int) -> list[str]:
    century = ["две", "тысячи"] if year >= 2000 else ["тысяча", "девятьсот"]
    return [*century, *(cardinal(year % 100) if year % 100 else [])]


def by_name(day: dt.date, nought: bool) -> list[str]:
    return [*ordinal_words(day.day, "neuter"), MONTHS[day.month - 1], *ordinal_year(day.year)]


def by_name_in_cardinals(day: dt.date, nought: bool) -> list[str]:
    return [*cardinal(day.day), MONTHS[day.month - 1], *cardinal_year(day.year)]


def in_ordinals(day: dt.date, nought: bool) -> list[str]:
    month = [*NOUGHT * (nought and day.month < 10), *ordinal_words(day.month, "genitive")]
    return [*ordinal_words(day.day, "neuter"), *month, *ordinal_year(day.year)]


def mixed(day: dt.date, nought: bool) -> list[str]:
    month = [*NOUGHT * (nought and day.month < 10), *cardinal(day.month)]
    return [*ordinal_words(day.day, "neuter"), *month, *ordinal_year(day.year)]


def from_a_card(day: dt.date, nought: bool) -> list[str]:
    """With its noughts: without them «двадцать пять» is a day, or a day and a month."""
    parts = [[*NOUGHT * (part < 10), *cardinal(part)] for part in (day.day, day.month)]
    return [*parts[0], *parts[1], *cardinal_year(day.year)]


WAYS: tuple[Callable[[dt.date, bool], list[str]], ...] = (
    by_name, by_name_in_cardinals, in_ordinals, mixed, from_a_card,
)  # fmt: skip


@given(day=birthdays, way=st.sampled_from(WAYS), nought=st.booleans(), misheard=st.booleans())
def test_the_day_that_was_said_is_understood(day, way, nought, misheard):
    said = " ".join(way(day, nought))
    if misheard:
        said = said.replace("тысяча девятьсот", "тысячи девятьсот")
    assert dates.parse(words(said), RUSSIAN) == day
