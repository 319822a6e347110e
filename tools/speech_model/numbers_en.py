"""How English-speaking callers say numbers: word lists, and random number strings."""

from __future__ import annotations

import random

ONES = "zero one two three four five six seven eight nine".split()
TEENS = ("ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen").split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()
MONTHS = (
    ("January February March April May June July August September October November December").lower().split()
)
MONTH_NAMES = MONTHS
DAYS = ("today", "tomorrow")
WEEK = "sunday monday tuesday wednesday thursday friday saturday".split()
_ORDINALS = (
    "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth thirteenth fourteenth "
    "fifteenth sixteenth seventeenth eighteenth nineteenth"
).split()
_ROUND_ORDINALS = "twentieth thirtieth fortieth fiftieth sixtieth seventieth eightieth ninetieth".split()
_AROUND = (
    "oh o nought hundred thousand million and double triple twice ones twos threes zeros zeroes point".split()
)


def ordinal_words(value: int) -> list[str]:
    """1-99 as an ordinal: "twenty first"."""
    if value < 20:
        return [_ORDINALS[value - 1]]
    tens, one = divmod(value, 10)
    return [_ROUND_ORDINALS[tens - 2]] if not one else [TENS[tens - 2], _ORDINALS[one - 1]]


def cardinal(number: int) -> list[str]:
    """0 to 999 999."""
    if not 0 <= number < 1_000_000:
        raise ValueError(number)
    if number == 0:
        return ["zero"]
    words: list[str] = []
    thousands, number = divmod(number, 1000)
    if thousands:
        words += [*cardinal(thousands), "thousand"]
    hundreds, number = divmod(number, 100)
    if hundreds:
        words += [ONES[hundreds], "hundred"]
    if number >= 20:
        words.append(TENS[number // 10 - 2])
        number %= 10
    if number >= 10:
        return [*words, TEENS[number - 10]]
    return [*words, ONES[number]] if number else words


def vocabulary() -> list[str]:
    """Every number word that the model shall know."""
    words = [*ONES, *TEENS, *TENS, *_AROUND, *MONTHS, *WEEK, *_ORDINALS, *_ROUND_ORDINALS]
    return list(dict.fromkeys(words))


def loop_words() -> list[str]:
    """The words of dictated digit strings."""
    return [*ONES, *TEENS, *TENS, "oh", "hundred", "thousand", "double", "triple", "and"]


def _digit(r: random.Random) -> str:
    digit = r.randrange(10)
    return "oh" if not digit and r.random() < 0.5 else ONES[digit]


def _year(r: random.Random) -> list[str]:
    year = r.choice([r.randint(1940, 1999), r.randint(2000, 2026)])
    century, rest = divmod(year, 100)
    if year < 2000:
        return [*cardinal(century), *(["oh", ONES[rest]] if 0 < rest < 10 else cardinal(rest))]
    if year >= 2010 and r.random() < 0.7:
        return ["twenty", *cardinal(rest)]
    tail = [] if not rest else [*(["and"] if r.random() < 0.4 else []), *cardinal(rest)]
    return ["two", "thousand", *tail]


def random_date(r: random.Random) -> list[str]:
    """ "the fifth of may nineteen eighty five", "may fifth", "oh five oh five eighty five" """
    day, month = ordinal_words(r.randint(1, 31)), r.choice(MONTHS)
    kind = r.random()
    if kind < 0.2:
        pairs = (r.randint(1, 31), r.randint(1, 12), r.randint(40, 99))
        return [word for n in pairs for word in (["oh", ONES[n]] if n < 10 else cardinal(n))]
    if kind < 0.55:
        said = [month, *day]
    else:
        said = [*(["the"] if r.random() < 0.5 else []), *day, *(["of"] if r.random() < 0.7 else []), month]
    return said + (_year(r) if r.random() < 0.7 else [])


def random_number(r: random.Random) -> list[str]:
    """A number as a caller dictates it: digits, "double five", pairs, groups of three, dates."""
    kind = r.random()
    if kind < 0.12:
        return cardinal(r.randrange(100))
    if kind < 0.17:
        return cardinal(r.randrange(1000, 1_000_000))
    if kind < 0.5:
        return [_digit(r) for _ in range(r.randint(2, 7))]
    if kind < 0.62:
        said = [_digit(r) for _ in range(r.randint(1, 4))]
        said += [r.choice(("double", "double", "triple")), _digit(r)]
        return said + [_digit(r) for _ in range(r.randint(0, 3))]
    if kind < 0.82:
        sizes = [r.choice((10, 100, 100, 1000)) for _ in range(r.randint(2, 4))]
        return [
            word for size in sizes for word in cardinal(r.randrange(size // 10 if size > 10 else 0, size))
        ]
    return random_date(r)
