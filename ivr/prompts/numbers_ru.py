"""Russian numbers as they are spoken: pure functions from values to words.

Rules (Russian grammar, Rozental's handbook, sections on numerals):

- every word of a compound cardinal is declined; of a compound ordinal only the last;
- один and два agree in gender with the noun; тысяча is feminine, миллион and миллиард masculine;
- in the nominative and the accusative 1 takes the noun's singular, 2-4 its genitive singular, the rest its
  genitive plural (11-14 too); in the other cases the noun stands in the same case;
- the accusative is that of things, not of living beings, except in nouns marked so.

A comma in the result is where a speaker makes a short pause.
"""

from __future__ import annotations

from datetime import date
from typing import NamedTuple

CASES = ("nom", "gen", "dat", "acc", "ins", "pre")
GENDERS = ("m", "f", "n")
MAX_CARDINAL = 999_999_999_999
MAX_ORDINAL = 9999


def _forms(words: str) -> tuple[str, ...]:
    return tuple(words.split())


_ZERO = _forms("ноль ноля нолю ноль нолём ноле")
_ONE = {
    "m": _forms("один одного одному один одним одном"),
    "f": _forms("одна одной одной одну одной одной"),
    "n": _forms("одно одного одному одно одним одном"),
}
_TWO = {
    "m": _forms("два двух двум два двумя двух"),
    "f": _forms("две двух двум две двумя двух"),
    "n": _forms("два двух двум два двумя двух"),
}
_THREE = _forms("три трёх трём три тремя трёх")
_FOUR = _forms("четыре четырёх четырём четыре четырьмя четырёх")
_EIGHT = _forms("восемь восьми восьми восемь восемью восьми")
# From five to twenty and thirty: one pattern, -ь -и -и -ь -ью -и.
_SOFT = {
    5: "пят", 6: "шест", 7: "сем", 9: "девят", 10: "десят", 11: "одиннадцат", 12: "двенадцат",
    13: "тринадцат", 14: "четырнадцат", 15: "пятнадцат", 16: "шестнадцат", 17: "семнадцат",
    18: "восемнадцат", 19: "девятнадцат", 20: "двадцат", 30: "тридцат",
}  # fmt: skip
_TENS = {5: "пятьдесят", 6: "шестьдесят", 7: "семьдесят", 8: "восемьдесят"}
_HUNDREDS = {
    1: _forms("сто ста ста сто ста ста"),
    2: _forms("двести двухсот двумстам двести двумястами двухстах"),
    3: _forms("триста трёхсот трёмстам триста тремястами трёхстах"),
    4: _forms("четыреста четырёхсот четырёмстам четыреста четырьмястами четырёхстах"),
}

_ORDINAL_STEMS = {
    1: "перв", 2: "втор", 4: "четвёрт", 5: "пят", 6: "шест", 7: "седьм", 8: "восьм", 9: "девят",
    40: "сороков", 50: "пятидесят", 60: "шестидесят", 70: "семидесят", 80: "восьмидесят", 90: "девяност",
    100: "сот",
}  # fmt: skip
_STRESSED_ENDING = {2, 6, 7, 8, 40}  # второй, сороковой: not -ый
_ORDINAL_ENDINGS = {
    "m": _forms("ый ого ому ый ым ом"),
    "f": _forms("ая ой ой ую ой ой"),
    "n": _forms("ое ого ому ое ым ом"),
}
_THIRD = {
    "m": _forms("третий третьего третьему третий третьим третьем"),
    "f": _forms("третья третьей третьей третью третьей третьей"),
    "n": _forms("третье третьего третьему третье третьим третьем"),
}

MONTHS_GEN = _forms("января февраля марта апреля мая июня июля августа сентября октября ноября декабря")
_WEEKDAYS = {
    "nom": _forms("понедельник вторник среда четверг пятница суббота воскресенье"),
    "gen": _forms("понедельника вторника среды четверга пятницы субботы воскресенья"),
    "dat": _forms("понедельнику вторнику среде четвергу пятнице субботе воскресенью"),
    "acc": _forms("понедельник вторник среду четверг пятницу субботу воскресенье"),
    "ins": _forms("понедельником вторником средой четвергом пятницей субботой воскресеньем"),
    "pre": _forms("понедельнике вторнике среде четверге пятнице субботе воскресенье"),
}


class Noun(NamedTuple):
    gender: str
    singular: tuple[str, ...]  # in the order of CASES
    plural: tuple[str, ...]
    alive: bool = False


def _noun(gender: str, singular: str, plural: str, alive: bool = False) -> Noun:
    return Noun(gender, tuple(singular.split()), tuple(plural.split()), alive)


# What is counted on a hotline. For «год» and «человек» the plural is the one that stands after numbers.
NOUNS = {
    "секунда": _noun("f", "секунда секунды секунде секунду секундой секунде",
                     "секунды секунд секундам секунды секундами секундах"),
    "минута": _noun("f", "минута минуты минуте минуту минутой минуте",
                    "минуты минут минутам минуты минутами минутах"),
    "час": _noun("m", "час часа часу час часом часе", "часы часов часам часы часами часах"),
    "день": _noun("m", "день дня дню день днём дне", "дни дней дням дни днями днях"),
    "неделя": _noun("f", "неделя недели неделе неделю неделей неделе",
                    "недели недель неделям недели неделями неделях"),
    "месяц": _noun("m", "месяц месяца месяцу месяц месяцем месяце",
                   "месяцы месяцев месяцам месяцы месяцами месяцах"),
    "год": _noun("m", "год года году год годом годе", "годы лет годам годы годами годах"),
    "раз": _noun("m", "раз раза разу раз разом разе", "разы раз разам разы разами разах"),
    "звонок": _noun("m", "звонок звонка звонку звонок звонком звонке",
                    "звонки звонков звонкам звонки звонками звонках"),
    "вопрос": _noun("m", "вопрос вопроса вопросу вопрос вопросом вопросе",
                    "вопросы вопросов вопросам вопросы вопросами вопросах"),
    "заявка": _noun("f", "заявка заявки заявке заявку заявкой заявке",
                    "заявки заявок заявкам заявки заявками заявках"),
    "попытка": _noun("f", "попытка попытки попытке попытку попыткой попытке",
                     "попытки попыток попыткам попытки попытками попытках"),
    "цифра": _noun("f", "цифра цифры цифре цифру цифрой цифре", "цифры цифр цифрам цифры цифрами цифрах"),
    "рубль": _noun("m", "рубль рубля рублю рубль рублём рубле",
                   "рубли рублей рублям рубли рублями рублях"),
    "сообщение": _noun("n", "сообщение сообщения сообщению сообщение сообщением сообщении",
                       "сообщения сообщений сообщениям сообщения сообщениями сообщениях"),
    "обращение": _noun("n", "обращение обращения обращению обращение обращением обращении",
                       "обращения обращений обращениям обращения обращениями обращениях"),
    "человек": _noun("m", "человек человека человеку человека человеком человеке",
                     "люди человек людям людей людьми людях", alive=True),
}  # fmt: skip
_THOUSANDS = (
    (10**9, _noun("m", "миллиард миллиарда миллиарду миллиард миллиардом миллиарде",
                  "миллиарды миллиардов миллиардам миллиарды миллиардами миллиардах")),
    (10**6, _noun("m", "миллион миллиона миллиону миллион миллионом миллионе",
                  "миллионы миллионов миллионам миллионы миллионами миллионах")),
    (10**3, _noun("f", "тысяча тысячи тысяче тысячу тысячей тысяче",
                  "тысячи тысяч тысячам тысячи тысячами тысячах")),
)  # fmt: skip


def cardinal(number: int, gender: str = "m", case: str = "nom") -> str:
    """``cardinal(21, "f")`` is «двадцать одна». Raises ValueError outside 0..MAX_CARDINAL."""
    if not 0 <= number <= MAX_CARDINAL:
        raise ValueError(f"a number from 0 to {MAX_CARDINAL} is expected, not {number}")
    index = CASES.index(case)
    if number == 0:
        return _ZERO[index]
    words: list[str] = []
    for size, noun in _THOUSANDS:
        count, number = divmod(number, size)
        if count == 1:  # «тысяча», not «одна тысяча»
            words.append(noun.singular[index])
        elif count:
            words += _below_thousand(count, noun.gender, index)
            words.append(agree(noun, count, case))
    return " ".join(words + _below_thousand(number, gender, index))


def _below_thousand(number: int, gender: str, index: int) -> list[str]:
    hundreds, rest = divmod(number, 100)
    words = []
    if hundreds > 4:
        unit = _unit(hundreds, "m", index if index != 3 else 0)
        # пятьсот, пятисот, пятистам, пятьсот, пятьюстами, пятистах
        words.append(unit + ("сот", "сот", "стам", "сот", "стами", "стах")[index])
    elif hundreds:
        words.append(_HUNDREDS[hundreds][index])
    if rest in _SOFT or rest < 10:
        return [*words, _unit(rest, gender, index)] if rest else words
    tens, units = divmod(rest, 10)
    words.append(_ten(tens, index))
    return [*words, _unit(units, gender, index)] if units else words


def _ten(tens: int, index: int) -> str:
    if tens in (4, 9):
        stem = "сорок" if tens == 4 else "девяност"
        return stem + ("" if tens == 4 else "о") if index in (0, 3) else stem + "а"
    if tens in _TENS:
        if index in (0, 3):
            return _TENS[tens]
        return _unit(tens, "m", index) + ("десятью" if index == 4 else "десяти")
    return _unit(tens * 10, "m", index)


def _unit(number: int, gender: str, index: int) -> str:
    special = {1: _ONE[gender], 2: _TWO[gender], 3: _THREE, 4: _FOUR, 8: _EIGHT}
    if number in special:
        return special[number][index]
    return _SOFT[number] + ("ь", "и", "и", "ь", "ью", "и")[index]


def agree(noun: Noun, number: int, case: str = "nom") -> str:
    """The noun's form after a number: ``agree(NOUNS["минута"], 21)`` is «минута»."""
    index = CASES.index(case)
    last, teens = number % 10, 11 <= number % 100 <= 14
    if last == 1 and not teens:
        return noun.singular[index]
    if case == "acc" and noun.alive and last in (2, 3, 4) and not teens and number < 10:
        return noun.plural[1]  # вижу двух человек
    if case in ("nom", "acc"):
        return noun.singular[1] if last in (2, 3, 4) and not teens else noun.plural[1]
    return noun.plural[index]


def count(number: int, word: str, case: str = "nom") -> str:
    """``count(5, "минута")`` is «пять минут». Raises KeyError for a noun that NOUNS lacks."""
    noun = NOUNS[word]
    spoken = cardinal(number, noun.gender, case)
    if case == "acc" and noun.alive:
        last, teens = number % 10, 11 <= number % 100 <= 14
        if 2 <= number <= 4:
            spoken = cardinal(number, noun.gender, "gen")
        elif last == 1 and not teens:  # двадцать одного человека
            spoken = f"{cardinal(number - 1, case='acc')} одного" if number > 1 else "одного"
    return f"{spoken} {agree(noun, number, case)}"


def ordinal(number: int, gender: str = "m", case: str = "nom") -> str:
    """``ordinal(2)`` is «второй». Raises ValueError outside 1..MAX_ORDINAL."""
    if not 1 <= number <= MAX_ORDINAL:
        raise ValueError(f"a number from 1 to {MAX_ORDINAL} is expected, not {number}")
    last = _last_part(number)
    index = CASES.index(case)
    before = f"{cardinal(number - last)} " if number > last else ""
    if last == 3:
        return before + _THIRD[gender][index]
    ending = _ORDINAL_ENDINGS[gender][index]
    if last in _STRESSED_ENDING and ending == "ый":
        ending = "ой"
    return before + _ordinal_stem(last) + ending


def _last_part(number: int) -> int:
    """The part of a compound ordinal that is declined: 2026 → 6, 2010 → 10, 2000 → 2000."""
    if number % 100:
        return number % 100 if number % 100 <= 20 or number % 10 == 0 else number % 10
    return number % 1000 or number


def _ordinal_stem(number: int) -> str:
    if number in _ORDINAL_STEMS:
        return _ORDINAL_STEMS[number]
    if number in _SOFT:
        return _SOFT[number]
    size, stem = (1000, "тысячн") if number >= 1000 else (100, "сот")
    many = number // size
    return ("" if many == 1 else _unit(many, "m", 1)) + stem


def duration(ms: int, case: str = "nom") -> str:
    """Below a minute in tens of seconds (rounded up), below an hour in minutes, then in hours and minutes."""
    if ms < 60_000:
        return count(min(50, max(10, -(-ms // 10_000) * 10)), "секунда", case)
    minutes = (ms + 30_000) // 60_000
    hours, minutes = divmod(minutes, 60)
    parts = [count(hours, "час", case)] if hours else []
    if minutes:
        parts.append(count(minutes, "минута", case))
    return " ".join(parts)


def duration_range(low_ms: int, high_ms: int, case: str = "nom") -> str:
    """«от двух до четырёх минут»; the ends are rounded outwards to whole minutes, to five above twenty."""
    if high_ms < 60_000:
        return "меньше минуты"
    low, high = _minutes(low_ms, up=False), _minutes(high_ms, up=True)
    if low >= 180:
        return "больше трёх часов"
    if low == high:
        return f"примерно {duration(low * 60_000, case)}"
    if low == 0:
        return f"до {duration(high * 60_000, 'gen')}"
    if high < 60:
        return f"от {cardinal(low, 'f', 'gen')} до {count(high, 'минута', 'gen')}"
    if low % 60 == 0 and high % 60 == 0:
        return f"от {cardinal(low // 60, 'm', 'gen')} до {count(high // 60, 'час', 'gen')}"
    return f"от {duration(low * 60_000, 'gen')} до {duration(high * 60_000, 'gen')}"


def _minutes(ms: int, up: bool) -> int:
    minutes = -(-ms // 60_000) if up else ms // 60_000
    if minutes <= 20:
        return minutes
    return -(-minutes // 5) * 5 if up else minutes // 5 * 5


def clock(hour: int, minute: int, case: str = "nom") -> str:
    """«восемь часов тридцать минут»; a full hour without its minutes."""
    spoken = count(hour, "час", case)
    return f"{spoken} {count(minute, 'минута', case)}" if minute else spoken


def day_of_month(day: date, case: str = "gen", with_year: bool = False) -> str:
    """«двадцать второго ноября»; the nominative is «двадцать второе ноября»."""
    spoken = f"{ordinal(day.day, 'n', case)} {MONTHS_GEN[day.month - 1]}"
    return f"{spoken} {year(day.year, 'gen')}" if with_year else spoken


def year(number: int, case: str = "nom") -> str:
    forms = {"pre": "году"}  # в две тысячи двадцать шестом году
    return f"{ordinal(number, 'm', case)} {forms.get(case) or NOUNS['год'].singular[CASES.index(case)]}"


def weekday(number: int, case: str = "nom") -> str:
    """0 is Monday."""
    return _WEEKDAYS[case][number]


def on_weekday(number: int) -> str:
    return f"{'во' if number == 1 else 'в'} {weekday(number, 'acc')}"


def day(value: date) -> str:
    return f"{on_weekday(value.weekday())}, {day_of_month(value)}"


def digits(text: str) -> str:
    """One by one."""
    return ", ".join(cardinal(int(digit)) for digit in text)


def groups(parts: list[str]) -> str:
    """Each group as a number, its leading zeros one by one: «ноль пять»."""
    return ", ".join(_group(part) for part in parts)


def _group(part: str) -> str:
    number = part.lstrip("0")
    zeros = [cardinal(0)] * (len(part) - len(number))
    return " ".join([*zeros, cardinal(int(number))] if number else zeros)


def phone(parts: list[str], international: bool = False) -> str:
    return ("плюс " if international else "") + groups(parts)
