"""Slots: how they are written, what they say, what they refuse."""

from __future__ import annotations

import pytest

from ivr.dialog.contract import Value
from ivr.prompts.slots import SlotError, digit_groups, parse, speak


@pytest.mark.parametrize(
    ("raw", "value", "russian", "english"),
    [
        ("{x:ordinal.f.acc}", 3, "третью", "third"),
        ("{x:cardinal}", "12", "двенадцать", "twelve"),
        ("{x:duration}", 1_260_000, "двадцать одна минута", "twenty one minutes"),
        ("{x:duration_range}", (60_000, 180_000), "от одной до трёх минут", "one to three minutes"),
        ("{x:clock.gen}", "20:00", "двадцати часов", "eight p m"),
        ("{x:date}", "2026-11-22T10:00", "двадцать второго ноября", "the twenty second of November"),
        ("{x:weekday}", 6, "воскресенье", "Sunday"),
        ("{x:on_weekday}", "2026-11-24", "во вторник", "on Tuesday"),
        ("{x:year.pre}", 2026, "две тысячи двадцать шестом году", "twenty twenty six"),
        ("{x:digits}", "40-7", "четыре, ноль, семь", "four, zero, seven"),
        ("{x:phone}", "8 (800) 555-35-35",
         "восемь, восемьсот, пятьсот пятьдесят пять, тридцать пять, тридцать пять",
         "eight, eight zero zero, five five five, three five, three five"),
        ("{x:phone}", "+7 916 123-45-67",
         "плюс семь, девятьсот шестнадцать, сто двадцать три, сорок пять, шестьдесят семь",
         "plus seven, nine one six, one two three, four five, six seven"),
        ("{x:phone}", "4951234567", "четыреста девяносто пять, сто двадцать три, сорок пять, шестьдесят семь",
         "four nine five, one two three, four five, six seven"),
        ("{x:snils}", "123-456-789 01",
         "сто двадцать три, четыреста пятьдесят шесть, семьсот восемьдесят девять, ноль один",
         "one two three, four five six, seven eight nine, zero one"),
        ("{x:text}", "Анна  Ивановна", "Анна Ивановна", "Анна Ивановна"),
    ],
)  # fmt: skip
def test_both_languages_say_it(raw: str, value: Value, russian: str, english: str) -> None:
    assert speak(parse(raw, "ru"), value, "ru") == russian
    assert speak(parse(raw, "en"), value, "en") == english


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ("{x:ordinal}", 0),
        ("{x:ordinal}", True),
        ("{x:cardinal}", "two"),
        ("{x:cardinal}", "٣"),
        ("{x:duration_range}", (5, 1)),
        ("{x:duration_range}", 5),
        ("{x:clock}", "25:00"),
        ("{x:clock}", 8),
        ("{x:date}", "2026-02-30"),
        ("{x:date}", 20260230),
        ("{x:weekday}", 7),
        ("{x:digits}", "12a"),
        ("{x:digits}", ""),
        ("{x:digits}", "1" * 33),
        ("{x:snils}", "123"),
        ("{x:text}", " "),
        ("{x:text}", "а" * 601),
    ],
)
def test_a_value_that_does_not_suit_is_refused(raw: str, value: Value) -> None:
    for language in ("ru", "en"):
        with pytest.raises(SlotError):
            speak(parse(raw, language), value, language)


@pytest.mark.parametrize(
    ("digits", "parts"),
    [("7", ["7"]), ("4071", ["40", "71"]), ("12345", ["123", "45"]), ("1234567", ["123", "45", "67"]),
     ("20260017", ["202", "600", "17"]), ("1234567890", ["123", "456", "78", "90"])],
)  # fmt: skip
def test_groups(digits: str, parts: list[str]) -> None:
    assert digit_groups("groups", digits) == parts
