"""Russian numbers: a table written by hand, and rules checked against a dictionary of the language."""

from __future__ import annotations

from datetime import date
from functools import cache
from typing import Any

import pymorphy3
import pytest

from ivr.prompts import numbers_ru as ru

MINUTE = 60_000
CASE_TAGS = dict(zip(ru.CASES, ("nomn", "gent", "datv", "accs", "ablt", "loct"), strict=True))
GENDER_TAGS = {"m": "masc", "f": "femn", "n": "neut"}


@cache
def morph() -> Any:
    return pymorphy3.MorphAnalyzer()


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (ru.cardinal(0), "ноль"),
        (ru.cardinal(21, "f"), "двадцать одна"),
        (ru.cardinal(1001, "f"), "тысяча одна"),
        (ru.cardinal(2002, "f"), "две тысячи две"),
        (ru.cardinal(555), "пятьсот пятьдесят пять"),
        (ru.cardinal(40, "m", "gen"), "сорока"),
        (ru.cardinal(90, "m", "ins"), "девяноста"),
        (ru.cardinal(80, "m", "ins"), "восемьюдесятью"),
        (ru.cardinal(100, "m", "dat"), "ста"),
        (ru.cardinal(347, "m", "ins"), "тремястами сорока семью"),
        (ru.cardinal(600, "m", "pre"), "шестистах"),
        (ru.cardinal(900, "m", "ins"), "девятьюстами"),
        (ru.cardinal(21_000, "m", "gen"), "двадцати одной тысячи"),
        (ru.cardinal(3_000_011), "три миллиона одиннадцать"),
        (ru.ordinal(2), "второй"),
        (ru.ordinal(2, "f"), "вторая"),
        (ru.ordinal(3, "f", "acc"), "третью"),
        (ru.ordinal(6), "шестой"),
        (ru.ordinal(8, "n"), "восьмое"),
        (ru.ordinal(13), "тринадцатый"),
        (ru.ordinal(21, "n"), "двадцать первое"),
        (ru.ordinal(40), "сороковой"),
        (ru.ordinal(43), "сорок третий"),
        (ru.ordinal(90), "девяностый"),
        (ru.ordinal(100), "сотый"),
        (ru.ordinal(112), "сто двенадцатый"),
        (ru.ordinal(500), "пятисотый"),
        (ru.ordinal(2000), "двухтысячный"),
        (ru.ordinal(1100), "тысяча сотый"),
        (ru.count(1, "минута"), "одна минута"),
        (ru.count(11, "минута"), "одиннадцать минут"),
        (ru.count(22, "человек"), "двадцать два человека"),
        (ru.count(5, "человек"), "пять человек"),
        (ru.count(2, "человек", "acc"), "двух человек"),
        (ru.count(21, "человек", "acc"), "двадцать одного человека"),
        (ru.count(1, "минута", "acc"), "одну минуту"),
        (ru.count(7, "год"), "семь лет"),
        (ru.count(3, "год", "gen"), "трёх лет"),
        (ru.count(1000, "рубль"), "тысяча рублей"),
        (ru.count(112, "звонок"), "сто двенадцать звонков"),
        (ru.duration(2 * MINUTE), "две минуты"),
        (ru.duration(21 * MINUTE), "двадцать одна минута"),
        (ru.duration(61 * MINUTE), "один час одна минута"),
        (ru.duration(120 * MINUTE, "gen"), "двух часов"),
        (ru.duration(1), "десять секунд"),
        (ru.duration(59_999), "пятьдесят секунд"),
        (ru.duration_range(2 * MINUTE, 4 * MINUTE), "от двух до четырёх минут"),
        (ru.duration_range(MINUTE, MINUTE + 1), "от одной до двух минут"),
        (ru.duration_range(2 * MINUTE, 2 * MINUTE), "примерно две минуты"),
        (ru.duration_range(MINUTE, MINUTE, "acc"), "примерно одну минуту"),
        (ru.duration_range(0, 59_000), "меньше минуты"),
        (ru.duration_range(20_000, 100_000), "до двух минут"),
        (ru.duration_range(22 * MINUTE, 31 * MINUTE), "от двадцати до тридцати пяти минут"),
        (ru.duration_range(50 * MINUTE, 80 * MINUTE), "от пятидесяти минут до одного часа двадцати минут"),
        (ru.duration_range(60 * MINUTE, 120 * MINUTE), "от одного до двух часов"),
        (ru.duration_range(400 * MINUTE, 500 * MINUTE), "больше трёх часов"),
        (ru.clock(8, 0), "восемь часов"),
        (ru.clock(21, 1), "двадцать один час одна минута"),
        (ru.clock(20, 30, "gen"), "двадцати часов тридцати минут"),
        (ru.clock(0, 0), "ноль часов"),
        (ru.day_of_month(date(2026, 11, 22)), "двадцать второго ноября"),
        (ru.day_of_month(date(2026, 3, 3), "nom"), "третье марта"),
        (ru.day_of_month(date(2026, 5, 9), "gen", True), "девятого мая две тысячи двадцать шестого года"),
        (ru.day_of_month(date(2000, 1, 1), "gen", True), "первого января двухтысячного года"),
        (ru.year(2030, "pre"), "две тысячи тридцатом году"),
        (ru.day(date(2026, 11, 24)), "во вторник, двадцать четвёртого ноября"),
        (ru.on_weekday(2), "в среду"),
        (ru.digits("4071"), "четыре, ноль, семь, один"),
        (ru.groups(["123", "05"]), "сто двадцать три, ноль пять"),
        (ru.groups(["000", "0"]), "ноль ноль ноль, ноль"),
        (ru.groups(["8", "800", "555", "35", "35"]),
         "восемь, восемьсот, пятьсот пятьдесят пять, тридцать пять, тридцать пять"),
    ],
)  # fmt: skip
def test_table(said: str, expected: str) -> None:
    assert said == expected


@pytest.mark.parametrize(
    "word", ["минута", "час", "звонок", "заявка", "сообщение", "рубль", "попытка", "день"]
)
def test_nouns_agree_as_the_dictionary_says(word: str) -> None:
    noun = next(parse for parse in morph().parse(word) if parse.normal_form == word and "NOUN" in parse.tag)
    for number in [*range(30), 100, 101, 111, 112, 121, 1000, 1001]:
        assert ru.count(number, word).split()[-1] == noun.make_agree_with_number(number).word


@pytest.mark.parametrize("case", ru.CASES)
@pytest.mark.parametrize("gender", ru.GENDERS)
def test_ordinals_are_adjectives_of_that_gender_and_case(gender: str, case: str) -> None:
    wanted = {GENDER_TAGS[gender], CASE_TAGS[case]}
    for number in [*range(1, 32), 40, 50, 60, 70, 80, 90, 100, 200, 300, 500, 1000]:
        last = ru.ordinal(number, gender, case).split()[-1]
        tags = [parse.tag for parse in morph().parse(last)]
        fits = [tag for tag in tags if wanted <= set(tag.grammemes) and {"ADJF"} & set(tag.grammemes)]
        assert fits, f"{last} is not {wanted}: {tags}"


@pytest.mark.parametrize("case", ru.CASES)
def test_every_word_of_a_cardinal_is_in_the_case(case: str) -> None:
    for number in (1, 2, 3, 4, 7, 8, 15, 20, 42, 58, 90, 100, 234, 347, 589, 900):
        for word in ru.cardinal(number, "m", case).split():
            cases = {str(parse.tag.case) for parse in morph().parse(word) if parse.tag.case}
            # Some forms are also those of pronouns: one fitting parse is enough.
            assert CASE_TAGS[case] in cases, f"{word} in {number} is not {case}: {cases}"


def test_numbers_out_of_range_are_refused() -> None:
    for call in (
        lambda: ru.cardinal(-1),
        lambda: ru.cardinal(ru.MAX_CARDINAL + 1),
        lambda: ru.ordinal(0),
        lambda: ru.ordinal(10_000),
    ):
        with pytest.raises(ValueError):
            call()
    with pytest.raises(KeyError):
        ru.count(2, "жираф")
