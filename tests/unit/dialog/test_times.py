"""Times to be called: which are offered at once, and which one was meant."""

from __future__ import annotations

import pytest

from ivr.dialog.ports import Appointment
from ivr.dialog.times import ordered, page_of, phrases, understood

HOUR_MS, DAY_MS = 3_600_000, 86_400_000
NOW_MS = 13 * HOUR_MS + HOUR_MS // 2
DAYS = ("2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26")


def times(*clocks: str) -> tuple[Appointment, ...]:
    """``0 16`` is today at 16; today is Monday, the 23rd."""
    parts = [each.split() for each in clocks]
    return tuple(
        Appointment(int(days) * DAY_MS + int(hour) * HOUR_MS, DAYS[int(days)], f"{hour}:00", int(days))
        for days, hour in parts
    )


WEEK = times("0 14", "0 16", "0 18", "1 10", "1 12", "1 14", "1 16", "2 10", "2 18")


def test_two_days_are_offered_in_turn_then_the_others() -> None:
    assert [(each.days, each.clock[:2]) for each in ordered(WEEK)] == [
        (0, "14"), (1, "10"), (0, "16"), (1, "12"), (0, "18"), (1, "14"), (1, "16"), (2, "10"), (2, "18"),
    ]  # fmt: skip
    assert page_of(WEEK, 0) == times("0 14", "1 10")
    assert page_of(WEEK, 4) == times("2 18")
    assert page_of(WEEK, 5) == page_of(WEEK, 0), "after the last come the first"
    assert page_of((), 3) == ()


@pytest.mark.parametrize(
    ("language", "said", "meant"),
    [
        ("ru", "завтра", "1 10"),
        ("ru", "завтра днём", "1 12"),
        ("ru", "давайте завтра часа в четыре", "1 16"),
        ("ru", "сегодня вечером", "0 18"),
        ("ru", "в шесть вечера", "0 18"),
        ("ru", "утром", "1 10"),
        ("ru", "в среду", "2 10"),
        ("ru", "завтра в десять утра", "1 10"),
        ("ru", "завтра в полдень", "1 12"),
        ("ru", "в четыре часа дня", "0 16"),
        ("ru", "сегодня в восемь вечера", "0 18"),  # not in the morning
        ("ru", "послезавтра в девятнадцать", "2 18"),
        ("ru", "сегодня в десять", "0 14"),  # the nearest of that day; it is read back to him
        ("ru", "завтра в семь утра", "1 10"),  # not in the evening
        ("ru", "завтра в шесть утра", "1 10"),
        ("ru", "завтра в двадцать часов", "1 16"),
        ("ru", "сегодня в двадцать один час", "0 18"),
        ("ru", "через час", "0 14"),
        ("ru", "можно через два часа", "0 16"),
        ("ru", "через полчаса", "0 14"),
        ("ru", "через пять минут", "0 14"),
        ("ru", "через три дня", None),
        ("ru", "через день", "1 10"),
        ("ru", "после завтра в десять", "2 10"),
        ("ru", "не сегодня", None),
        ("ru", "нет не завтра", None),
        ("ru", "завтра не могу", None),
        ("ru", "двадцать пятого ноября", None),
        ("ru", "в пятницу", None),  # not to be had
        ("ru", "на другой номер", None),
        ("ru", "нет", None),
        ("en", "tomorrow afternoon", "1 12"),
        ("en", "on wednesday at six", "2 18"),
        ("en", "tonight", "0 18"),
        ("en", "the day after tomorrow", "2 10"),
        ("en", "tomorrow at seven in the morning", "1 10"),
        ("en", "in an hour", "0 14"),
        ("en", "in two hours", "0 16"),
        ("en", "in half an hour", "0 14"),
        ("en", "in the morning", "1 10"),
        ("en", "not tomorrow", None),
        ("en", "another time", None),
        ("kk", "завтра", None),
    ],
)
def test_what_was_meant(language: str, said: str, meant: str | None) -> None:
    assert understood(said, language, WEEK, NOW_MS) == (times(meant)[0] if meant else None)


def test_the_recogniser_listens_for_the_days_that_are_to_be_had() -> None:
    assert "в среду" in phrases(WEEK, "ru") and "в пятницу" not in phrases(WEEK, "ru")
    assert "в четверг" in phrases(times("3 10"), "ru") and "wednesday" in phrases(WEEK, "en")
    assert phrases(WEEK, "kk") == ()
