from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from desk.numbers import (
    check_digit,
    draw_ticket_number,
    is_ticket_number,
    masked_telephone,
    normal_telephone,
)


def test_the_check_digit_of_damms_own_example() -> None:
    assert check_digit("572") == "4"


@given(st.integers(100_000, 999_999), st.integers(0, 6), st.integers(1, 9))
def test_every_single_wrong_digit_is_found(payload: int, place: int, change: int) -> None:
    number = str(payload) + check_digit(str(payload))
    assert is_ticket_number(number)
    wrong = (int(number[place]) + change) % 10
    assert not is_ticket_number(number[:place] + str(wrong) + number[place + 1 :])


@given(st.integers(100_000, 999_999), st.integers(0, 5))
def test_every_swap_of_two_neighbours_is_found(payload: int, place: int) -> None:
    number = str(payload) + check_digit(str(payload))
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert is_ticket_number(swapped) == (swapped == number)


def test_drawn_numbers_are_easy_to_say_and_differ() -> None:
    numbers = {draw_ticket_number() for _ in range(500)}
    assert len(numbers) > 490
    for number in numbers:
        assert re.fullmatch(r"[1-9]\d{6}", number)
        assert is_ticket_number(number)
        assert not re.search(r"(\d)\1\1", number)


@pytest.mark.parametrize(
    ("given_form", "normal"),
    [
        ("+7 (916) 123-45-67", "79161234567"),
        ("89161234567", "79161234567"),
        ("9161234567", "79161234567"),
        ("79161234567", "79161234567"),
        ("+44 20 7946 0000", "442079460000"),
        ("+84 991 234 567", "84991234567"),  # Vietnam, not 8 499 123-45-67
        ("+9607771234", "9607771234"),  # Maldives, not +7 960 777-12-34
        ("1001", "1001"),
        ("", ""),
        ("anonymous", ""),
        ("+7916${SHELL(ls)}", ""),
        ("sip:79161234567@host", ""),
        ("٧٩١٦١٢٣٤٥٦٧", ""),
        ("1" * 21, ""),
        ("1" * 5000, ""),
    ],
)
def test_one_form_of_a_telephone_number(given_form: str, normal: str) -> None:
    assert normal_telephone(given_form) == normal


def test_a_masked_number_shows_two_digits() -> None:
    assert masked_telephone("+79161234567") == "•••67"
    assert masked_telephone("1001") == "•••"
    assert masked_telephone("Ivan 79161234567") == "•••"
    assert masked_telephone("") == ""
