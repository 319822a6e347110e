"""English numbers: a table written by hand."""

from __future__ import annotations

from datetime import date

import pytest

from ivr.prompts import numbers_en as en

MINUTE = 60_000


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (en.cardinal(0), "zero"),
        (en.cardinal(21), "twenty one"),
        (en.cardinal(40), "forty"),
        (en.cardinal(2015), "two thousand fifteen"),
        (en.ordinal(1), "first"),
        (en.ordinal(12), "twelfth"),
        (en.ordinal(20), "twentieth"),
        (en.ordinal(23), "twenty third"),
        (en.ordinal(100), "one hundredth"),
        (en.count(1, "person"), "one person"),
        (en.count(2, "person"), "two people"),
        (en.duration(21 * MINUTE), "twenty one minutes"),
        (en.duration(90 * MINUTE), "one hour thirty minutes"),
        (en.duration(25_000), "thirty seconds"),
        (en.duration_range(2 * MINUTE, 4 * MINUTE), "two to four minutes"),
        (en.duration_range(MINUTE, MINUTE), "about one minute"),
        (en.duration_range(0, 0), "less than a minute"),
        (en.duration_range(0, 3 * MINUTE), "up to three minutes"),
        (en.duration_range(60 * MINUTE, 120 * MINUTE), "one to two hours"),
        (en.duration_range(50 * MINUTE, 80 * MINUTE), "fifty minutes to one hour twenty minutes"),
        (en.duration_range(400 * MINUTE, 500 * MINUTE), "more than three hours"),
        (en.clock(8, 30), "eight thirty a m"),
        (en.clock(20, 5), "eight oh five p m"),
        (en.clock(12, 0), "noon"),
        (en.clock(0, 0), "midnight"),
        (en.clock(24, 0), "midnight"),
        (en.day_of_month(date(2026, 11, 22)), "the twenty second of November"),
        (en.day_of_month(date(1905, 2, 1), True), "the first of February nineteen oh five"),
        (en.year(2000), "two thousand"),
        (en.year(2005), "two thousand five"),
        (en.year(2026), "twenty twenty six"),
        (en.year(1900), "nineteen hundred"),
        (en.day(date(2026, 11, 23)), "on Monday, the twenty third of November"),
        (en.digits("407"), "four, zero, seven"),
        (en.groups(["123", "05"]), "one two three, zero five"),
    ],
)
def test_table(said: str, expected: str) -> None:
    assert said == expected


def test_numbers_out_of_range_are_refused() -> None:
    for call in (lambda: en.cardinal(-1), lambda: en.ordinal(0), lambda: en.ordinal(10_000)):
        with pytest.raises(ValueError):
            call()
