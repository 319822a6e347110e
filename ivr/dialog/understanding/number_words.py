"""Number words of each language, as data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class NumberWords:
    """Words as `text.words` gives them (е for ё)."""

    values: Mapping[str, int]
    named_digits: Mapping[str, int]  # «нуля», «пятёрки»: digits that may be counted
    multipliers: Mapping[str, int]
    corrections: frozenset[str]
    denials: frozenset[str]
    restarts: frozenset[str]
    joiners: frozenset[str]  # may stand inside one number: "one hundred and five"
    ordinals: Mapping[str, int]
    months: Mapping[str, int]
    repeaters: Mapping[str, int] = field(default_factory=dict)  # "double five"
    single: frozenset[str] = frozenset()  # multiply one only: «пять тысяча» is 5 1000
    one_of: frozenset[str] = frozenset()  # the one that counts: «одна тысяча», not «ноль один, тысяча»


def _russian_cardinals() -> dict[str, int]:
    rows = {
        0: "ноль", 1: "один одна одно одну одного одной", 2: "два две двух", 3: "три трех",
        4: "четыре четырех",
        5: "пять пяти", 6: "шесть шести", 7: "семь семи", 8: "восемь восьми", 9: "девять девяти",
        10: "десять десяти", 11: "одиннадцать", 12: "двенадцать", 13: "тринадцать", 14: "четырнадцать",
        15: "пятнадцать", 16: "шестнадцать", 17: "семнадцать", 18: "восемнадцать", 19: "девятнадцать",
        20: "двадцать двадцати", 30: "тридцать тридцати", 40: "сорок сорока",
        50: "пятьдесят пятидесяти писят",
        60: "шестьдесят шестидесяти", 70: "семьдесят семидесяти", 80: "восемьдесят восьмидесяти",
        90: "девяносто", 100: "сто", 200: "двести", 300: "триста", 400: "четыреста", 500: "пятьсот",
        600: "шестьсот", 700: "семьсот", 800: "восемьсот", 900: "девятьсот",
    }  # fmt: skip
    return {word: value for value, words in rows.items() for word in words.split()}


def _russian_named() -> dict[str, int]:
    rows = {
        0: "нуль нуля ноля нулей нолей нули нолик нолика", 1: "единица единицы единичка единички",
        2: "двойка двойки двоек", 3: "тройка тройки троек", 4: "четверка четверки четверок",
        5: "пятерка пятерки пятерок", 6: "шестерка шестерки шестерок", 7: "семерка семерки семерок",
        8: "восьмерка восьмерки восьмерок", 9: "девятка девятки девяток",
    }  # fmt: skip
    return {word: value for value, words in rows.items() for word in words.split()}


def _russian_ordinals() -> dict[str, int]:
    stems = {
        1: "перв", 2: "втор", 4: "четверт", 5: "пят", 6: "шест", 7: "седьм", 8: "восьм", 9: "девят",
        10: "десят",
        11: "одиннадцат", 12: "двенадцат", 13: "тринадцат", 14: "четырнадцат", 15: "пятнадцат",
        16: "шестнадцат", 17: "семнадцат", 18: "восемнадцат", 19: "девятнадцат", 20: "двадцат", 30: "тридцат",
        40: "сороков", 50: "пятидесят", 60: "шестидесят", 70: "семидесят", 80: "восьмидесят", 90: "девяност",
        2000: "двухтысячн",
    }  # fmt: skip
    endings = "ый ой ое ая ого ом ому ую".split()
    found = {stem + ending: value for value, stem in stems.items() for ending in endings}
    found.update(dict.fromkeys("третий третье третья третьего третьем третьему третью".split(), 3))
    return found


_RUSSIAN_MONTHS = (
    "январь января январе", "февраль февраля феврале", "март марта марте", "апрель апреля апреле",
    "май мая мае",
    "июнь июня июне", "июль июля июле", "август августа августе", "сентябрь сентября сентябре",
    "октябрь октября октябре", "ноябрь ноября ноябре", "декабрь декабря декабре",
)  # fmt: skip

RUSSIAN = NumberWords(
    values=_russian_cardinals(),
    named_digits=_russian_named(),
    multipliers=dict.fromkeys("тысяча тысячи тысяч тысячу тыща тыщи".split(), 1000),
    corrections=frozenset("нет ой точнее вернее ошибся ошиблась поправка стоп".split()),
    denials=frozenset({"не"}),
    restarts=frozenset("сначала заново снова".split()),
    joiners=frozenset(),
    ordinals=_russian_ordinals(),
    months={word: index for index, words in enumerate(_RUSSIAN_MONTHS, 1) for word in words.split()},
    single=frozenset({"тысяча", "тыща"}),
    one_of=frozenset({"одна", "одной", "одну"}),
)


def _english_cardinals() -> dict[str, int]:
    small = (
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
        "sixteen "
        "seventeen eighteen nineteen"
    ).split()
    tens = "twenty thirty forty fifty sixty seventy eighty ninety".split()
    found = {word: value for value, word in enumerate(small)}
    found.update({word: value for value, word in zip(range(20, 100, 10), tens, strict=True)})
    return {**found, "oh": 0, "o": 0, "nought": 0}


def _english_ordinals() -> dict[str, int]:
    words = (
        "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth "
        "fourteenth "
        "fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"
    ).split()
    return {**{word: value for value, word in enumerate(words, 1)}, "thirtieth": 30}


_ENGLISH_MONTHS = (
    "january february march april may june july august september october november december".split()
)

ENGLISH = NumberWords(
    values=_english_cardinals(),
    named_digits={
        word + "s": value for word, value in _english_cardinals().items() if value < 10 and len(word) > 2
    },
    multipliers={"hundred": 100, "thousand": 1000},
    corrections=frozenset("no sorry correction rather mean actually".split()),
    denials=frozenset({"not"}),
    restarts=frozenset({"restart"}),
    joiners=frozenset({"and"}),
    ordinals=_english_ordinals(),
    months={word: index for index, word in enumerate(_ENGLISH_MONTHS, 1)},
    repeaters={"double": 2, "triple": 3, "treble": 3, "quadruple": 4},
)

NUMBER_WORDS = {"ru": RUSSIAN, "en": ENGLISH}
