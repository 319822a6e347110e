"""How Russian callers say numbers: word lists with the case forms that occur, and random number strings."""

from __future__ import annotations

import random

ONES = "ноль один два три четыре пять шесть семь восемь девять".split()
TEENS = (
    "десять одиннадцать двенадцать тринадцать четырнадцать пятнадцать шестнадцать семнадцать "
    "восемнадцать девятнадцать"
).split()
TENS = "двадцать тридцать сорок пятьдесят шестьдесят семьдесят восемьдесят девяносто".split()
HUNDREDS = "сто двести триста четыреста пятьсот шестьсот семьсот восемьсот девятьсот".split()
DAYS = ("сегодня", "завтра")
WEEK = "воскресенье понедельник вторник среда четверг пятница суббота".split()
MONTH_NAMES = (
    "январь|января февраль|февраля март|марта апрель|апреля май|мая июнь|июня июль|июля август|августа "
    "сентябрь|сентября октябрь|октября ноябрь|ноября декабрь|декабря"
).split()
MONTHS = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря".split()

# Oblique cases are rare in dictated numbers; these do occur («два нуля», «после пяти», «из трёх цифр»).
OBLIQUE = (
    "одна одно одну одной одного две двух трёх четырёх пяти шести семи восьми девяти десяти двадцати "
    "тридцати "
    "нуль нуля ноля нулей нолей нолик тысяча тысячи тысяч тысячу миллион миллиона миллионов"
).split()
NICKNAMES = (
    "единица единицы единички единичка двойка двойки тройка тройки четвёрка четвёрки пятёрка пятёрки "
    "шестёрка "
    "шестёрки семёрка семёрки восьмёрка восьмёрки девятка девятки дважды трижды раза"
).split()

_ORDINAL_STEMS = {
    1: "перв", 2: "втор", 4: "четвёрт", 5: "пят", 6: "шест", 7: "седьм", 8: "восьм", 9: "девят",
    10: "десят", 11: "одиннадцат", 12: "двенадцат", 13: "тринадцат", 14: "четырнадцат", 15: "пятнадцат",
    16: "шестнадцат", 17: "семнадцат", 18: "восемнадцат", 19: "девятнадцат", 20: "двадцат", 30: "тридцат",
    40: "сороков", 50: "пятидесят", 60: "шестидесят", 70: "семидесят", 80: "восьмидесят", 90: "девяност",
    100: "сот", 2000: "двухтысячн",
}  # fmt: skip
_END_STRESSED = {2, 6, 7, 8, 40}


def ordinal(value: int, form: str = "neuter") -> str:
    """One ordinal word (1-20, round tens, 100, 2000) in a form: masculine, feminine, neuter, genitive,
    prepositional (all singular)."""
    if value == 3:
        return {
            "masculine": "третий",
            "feminine": "третья",
            "neuter": "третье",
            "genitive": "третьего",
            "prepositional": "третьем",
        }[form]
    masculine = "ой" if value in _END_STRESSED else "ый"
    ends = {
        "masculine": masculine,
        "feminine": "ая",
        "neuter": "ое",
        "genitive": "ого",
        "prepositional": "ом",
    }
    return _ORDINAL_STEMS[value] + ends[form]


def ordinal_words(value: int, form: str = "neuter") -> list[str]:
    """1-100 as an ordinal: «двадцать первое»."""
    if value <= 20 or value % 10 == 0:
        return [ordinal(value, form)]
    return [TENS[value // 10 - 2], ordinal(value % 10, form)]


def cardinal(number: int) -> list[str]:
    """0 to 999 999, nominative."""
    if not 0 <= number < 1_000_000:
        raise ValueError(number)
    if number == 0:
        return ["ноль"]
    words: list[str] = []
    thousands, number = divmod(number, 1000)
    if thousands:
        head = cardinal(thousands)
        head[-1] = {"один": "одна", "два": "две"}.get(head[-1], head[-1])
        if thousands > 1:
            words += head
        last, last_two = thousands % 10, thousands % 100
        few = last in (2, 3, 4) and last_two not in (12, 13, 14)
        words.append("тысяча" if last == 1 and last_two != 11 else "тысячи" if few else "тысяч")
    if number >= 100:
        words.append(HUNDREDS[number // 100 - 1])
        number %= 100
    if number >= 20:
        words.append(TENS[number // 10 - 2])
        number %= 10
    if number >= 10:
        return [*words, TEENS[number - 10]]
    return [*words, ONES[number]] if number else words


def vocabulary() -> list[str]:
    """Every number word that the model shall know."""
    forms = ("masculine", "feminine", "neuter", "genitive", "prepositional")
    ordinals = [ordinal(value, form) for value in [3, *_ORDINAL_STEMS] for form in forms]
    words = ONES + TEENS + TENS + HUNDREDS + MONTHS + OBLIQUE + NICKNAMES + ordinals
    return list(dict.fromkeys(words))


def loop_words() -> list[str]:
    """The words of dictated digit strings."""
    return list(dict.fromkeys([*ONES, *TEENS, *TENS, *HUNDREDS, "одна", "две", "нуль", "нуля", "ноля"]))


def _year(r: random.Random) -> list[str]:
    year = r.choice([r.randint(1940, 1999), r.randint(2000, 2026)])
    century, rest = divmod(year, 100)
    if year == 2000:
        return ["двухтысячного", "года"]
    head = ["тысяча", "девятьсот"] if century == 19 else ["две", "тысячи"]
    if century == 19 and r.random() < 0.3:
        head = []
    tail = ordinal_words(rest, "genitive")
    return head + tail + (["года"] if r.random() < 0.7 else [])


def random_date(r: random.Random) -> list[str]:
    """«пятое мая тысяча девятьсот восемьдесят пятого года», «ноль пять ноль пять восемьдесят пять»."""
    if r.random() < 0.25:
        month, year = r.randint(1, 12), r.randint(40, 99)
        day = r.randint(1, 31)
        said = [*(["ноль"] if day < 10 else []), *cardinal(day)]
        said += [*(["ноль"] if month < 10 else []), *cardinal(month)]
        return said + (["тысяча", "девятьсот"] if r.random() < 0.5 else []) + cardinal(year)
    form = r.choice(["neuter", "neuter", "genitive"])
    said = [*ordinal_words(r.randint(1, 31), form), r.choice(MONTHS)]
    return said + (_year(r) if r.random() < 0.7 else [])


def random_number(r: random.Random) -> list[str]:
    """A number as a caller dictates it: digits, pairs, groups of three, dates, «два нуля»."""
    kind = r.random()
    if kind < 0.12:
        return cardinal(r.randrange(100))
    if kind < 0.17:
        return cardinal(r.randrange(1000, 1_000_000))
    if kind < 0.42:
        return [ONES[r.randrange(10)] for _ in range(r.randint(2, 7))]
    if kind < 0.75:
        sizes = [r.choice((10, 100, 100, 1000, 1000)) for _ in range(r.randint(2, 4))]
        return [
            word for size in sizes for word in cardinal(r.randrange(size // 10 if size > 10 else 0, size))
        ]
    if kind < 0.82:
        said = [*cardinal(r.randrange(10, 1000)), r.choice(("два", "три")), "нуля"]
        return said + cardinal(r.randrange(1, 100))
    return random_date(r)
