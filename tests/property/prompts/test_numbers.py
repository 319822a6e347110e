"""What is said can be understood again: numbers are read back by a reader written apart from the speaker."""

from __future__ import annotations

from datetime import date

from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.prompts import numbers_en as en
from ivr.prompts import numbers_ru as ru
from ivr.prompts.slots import KINDS, Slot, digit_groups, speak
from ivr.prompts.stock import cover, stock

MINUTE = 60_000
RU = dict(
    zip(
        [
            "ноль",
            "один",
            "два",
            "три",
            "четыре",
            "пять",
            "шесть",
            "семь",
            "восемь",
            "девять",
            "десять",
            "одиннадцать",
            "двенадцать",
            "тринадцать",
            "четырнадцать",
            "пятнадцать",
            "шестнадцать",
            "семнадцать",
            "восемнадцать",
            "девятнадцать",
            "двадцать",
            "тридцать",
            "сорок",
            "пятьдесят",
            "шестьдесят",
            "семьдесят",
            "восемьдесят",
            "девяносто",
            "сто",
            "двести",
            "триста",
            "четыреста",
            "пятьсот",
            "шестьсот",
            "семьсот",
            "восемьсот",
            "девятьсот",
            "одна",
            "одно",
            "две",
        ],
        [*range(20), *range(20, 100, 10), *range(100, 1000, 100), 1, 1, 2],
        strict=True,
    )
)
EN = dict(
    zip(
        [
            "zero",
            "one",
            "two",
            "three",
            "four",
            "five",
            "six",
            "seven",
            "eight",
            "nine",
            "ten",
            "eleven",
            "twelve",
            "thirteen",
            "fourteen",
            "fifteen",
            "sixteen",
            "seventeen",
            "eighteen",
            "nineteen",
            "twenty",
            "thirty",
            "forty",
            "fifty",
            "sixty",
            "seventy",
            "eighty",
            "ninety",
        ],
        [*range(20), *range(20, 100, 10)],
        strict=True,
    )
)
BIG_RU = {"тысяч": 10**3, "миллион": 10**6, "миллиард": 10**9}
BIG_EN = {"thousand": 10**3, "million": 10**6, "billion": 10**9}


def read_ru(words: str) -> int:
    total = group = 0
    for word in words.split():
        size = next((size for stem, size in BIG_RU.items() if word.startswith(stem)), 0)
        if size:
            total, group = total + max(group, 1) * size, 0
        else:
            group += RU[word]
    return total + group


def read_en(words: str) -> int:
    total = group = 0
    for word in words.split():
        if word in BIG_EN:
            total, group = total + group * BIG_EN[word], 0
        elif word == "hundred":
            group *= 100
        else:
            group += EN[word]
    return total + group


@given(st.integers(0, ru.MAX_CARDINAL), st.sampled_from(ru.GENDERS))
def test_a_cardinal_is_read_back(number: int, gender: str) -> None:
    assert read_ru(ru.cardinal(number, gender)) == number
    assert read_en(en.cardinal(number)) == number


@given(st.integers(1, 9999), st.sampled_from(ru.GENDERS), st.sampled_from(ru.CASES))
def test_only_the_last_word_of_an_ordinal_is_declined(number: int, gender: str, case: str) -> None:
    *before, last = ru.ordinal(number, gender, case).split()
    *plain, first_form = ru.ordinal(number).split()
    assert before == plain
    assert last[:3] == first_form[:3]


@given(st.integers(0, 999_999), st.sampled_from(sorted(ru.NOUNS)))
def test_one_two_and_the_noun_agree(number: int, word: str) -> None:
    noun = ru.NOUNS[word]
    said = ru.count(number, word).split()
    last, teens = number % 10, 11 <= number % 100 <= 14
    if last in (1, 2) and not teens:
        assert (
            said[-2]
            == {"m": ("один", "два"), "f": ("одна", "две"), "n": ("одно", "два")}[noun.gender][last - 1]
        )
    few = last in (2, 3, 4) and not teens
    one = last == 1 and not teens
    assert said[-1] == (noun.singular[0] if one else noun.singular[1] if few else noun.plural[1])


@given(st.text("0123456789", min_size=1, max_size=32), st.sampled_from(["digits", "groups", "phone"]))
def test_digits_are_read_back_whatever_the_groups(digits: str, kind: str) -> None:
    for language, numbers in (("ru", RU), ("en", EN)):
        spoken = speak(Slot("n", kind), digits, language)
        if kind == "phone" and len(digits) == 11 and digits[0] == "7":
            assert spoken.startswith({"ru": "плюс семь, ", "en": "plus seven, "}[language])
            spoken = spoken.split(maxsplit=1)[1]
        heard = ""
        for part in spoken.split(", "):
            words = part.split()
            if language == "en":
                heard += "".join(str(numbers[word]) for word in words)
                continue
            while words and words[0] == "ноль":
                heard, words = heard + "0", words[1:]
            heard += str(read_ru(" ".join(words))) if words else ""
        assert heard == digits


@given(st.text("0123456789", min_size=2, max_size=32))
def test_groups_hold_two_or_three_digits(digits: str) -> None:
    parts = digit_groups("groups", digits)
    assert "".join(parts) == digits
    assert {len(part) for part in parts} <= {2, 3}


@given(st.integers(0, 3600_000), st.integers(0, 3600_000))
def test_a_range_holds_what_was_estimated(one: int, other: int) -> None:
    low, high = sorted((one, other))
    said = ru.duration_range(low, high)
    if said == "меньше минуты":
        assert high < MINUTE
    elif said.startswith("до "):
        assert low < MINUTE
        assert any(said == f"до {ru.duration(m * MINUTE, 'gen')}" and m * MINUTE >= high for m in range(61))
    elif said.startswith("примерно "):
        assert high - low < MINUTE
    else:
        assert said.startswith("от ") and " до " in said


VALUES = {
    "ordinal": st.integers(1, 999),
    "cardinal": st.integers(0, 999),
    "count": st.integers(0, 999),
    "duration": st.integers(0, 24 * 60 * MINUTE),
    "duration_range": st.tuples(st.integers(0, 10**7), st.integers(0, 10**7)).map(sorted).map(tuple),
    "clock": st.times().map(lambda time: time.strftime("%H:%M")),
    "date": st.dates(date(2024, 1, 1), date(2040, 12, 30)).map(str),
    "weekday": st.integers(0, 6),
    "on_weekday": st.integers(0, 6),
    "year": st.integers(1900, 2100),
    "digits": st.text("0123456789", min_size=1, max_size=32),
    "groups": st.text("0123456789", min_size=1, max_size=32),
    "phone": st.text("0123456789", min_size=1, max_size=32),
    "snils": st.text("0123456789", min_size=11, max_size=11),
}  # fmt: skip
VALUES["day"] = VALUES["date"]
STOCKS: dict[tuple[Slot, str], set[str]] = {}


@settings(max_examples=300)
@given(st.data())
def test_every_usual_value_can_be_joined_from_the_stock(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(KINDS - {"text"})))
    language = data.draw(st.sampled_from(["ru", "en"]))
    options: tuple[str, ...] = ("минута" if language == "ru" else "minute",) if kind == "count" else ()
    if kind in ("duration", "duration_range", "clock", "year", "ordinal"):
        options += (data.draw(st.sampled_from(["nom", "gen"] + (["acc"] if kind == "duration" else []))),)
    slot = Slot("x", kind, options)
    if (slot, language) not in STOCKS:
        STOCKS[slot, language] = stock(slot, language)
    spoken = speak(slot, data.draw(VALUES[kind]), language)
    parts = cover(spoken, STOCKS[slot, language])
    assert parts is not None, spoken
    assert ", ".join(" ".join(phrases) for phrases in parts) == spoken
