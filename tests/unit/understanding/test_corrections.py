"""A number that was read back, put right in the same breath."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.dialog.identifiers import in_groups
from ivr.dialog.understanding.corrections import corrected, place_words
from ivr.dialog.understanding.number_words import RUSSIAN

SNILS, REQUEST = "11223344595", "4071856"  # 112 233 445 95, 407 18 56


@pytest.mark.parametrize(
    ("said", "number", "right"),
    [
        ("нет, третья группа сто двадцать", SNILS, "11223312095"),
        ("нет, третья группа сто двадцать", REQUEST, ""),  # that group has two digits
        ("нет, третья группа пятьдесят семь", REQUEST, "4071857"),
        ("вторая группа один девять", REQUEST, "4071956"),
        ("нет, в первой группе четыреста восемь", REQUEST, "4081856"),
        ("нет последняя цифра два", REQUEST, "4071852"),
        ("нет, в конце сорок пять", SNILS, "11223344545"),
        ("нет в начале ноль один", REQUEST, "0171856"),
        ("последние цифры девять девять", REQUEST, "4071899"),
        ("не верно, вторая группа не восемнадцать а девятнадцать", REQUEST, "4071956"),
        ("нет, пятая группа сто", REQUEST, ""),
        ("нет", REQUEST, ""),
        ("нет, сто двадцать", REQUEST, ""),  # where?
        ("да, верно, в конце сорок пять", REQUEST, ""),
        ("нет, в конце", REQUEST, ""),
        ("в конце концов сто двадцать три четыреста пять", REQUEST, ""),
        ("", REQUEST, ""),
        ("нет в конце пять", "", ""),
    ],
)
def test_said_in_russian(said: str, number: str, right: str) -> None:
    assert corrected(said, number, "ru") == right


def test_said_in_english() -> None:
    assert corrected("no, the second group is one nine", REQUEST, "en") == "4071956"
    assert corrected("no the last digit is two", REQUEST, "en") == "4071852"
    assert corrected("no, at the end nine nine", REQUEST, "en") == "4071899"
    assert corrected("no, the last digits are nine nine", REQUEST, "en") == "4071899"
    assert corrected("нет, в конце сорок пять", REQUEST, "tt") == ""
    assert place_words("tt") == ()


@given(
    st.lists(st.sampled_from([*sorted(RUSSIAN.values), *place_words("ru"), "нет", "не"]), max_size=12),
    st.text("0123456789", max_size=20),
)
def test_whatever_is_said_the_number_keeps_its_length(said: list[str], number: str) -> None:
    assert len(corrected(" ".join(said), number, "ru")) in (0, len(number))


@given(st.text("0123456789", max_size=25))
def test_groups_are_of_two_or_three_and_lose_nothing(digits: str) -> None:
    parts = in_groups(digits)
    assert "".join(parts) == digits
    assert all(len(part) in (2, 3) for part in parts) or len(digits) == 1
