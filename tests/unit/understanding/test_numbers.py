"""Spoken numbers, dates and identifiers, as callers dictate them."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.dialog.identifiers import calling_number, phone_number, snils_is_valid
from ivr.dialog.understanding import dates
from ivr.dialog.understanding.number_words import ENGLISH, RUSSIAN
from ivr.dialog.understanding.slots import extract
from ivr.dialog.understanding.spoken_numbers import MAX_DIGITS, digits, readings
from ivr.dialog.understanding.text import words

_DIGITS = "ноль один два три четыре пять шесть семь восемь девять".split()
_MONTHS = "января февраля марта апреля мая июня июля августа сентября октября ноября декабря".split()


def _group(part: str) -> list[str]:
    """«сто двадцать три», zeros in front one by one."""
    names = {value: word for word, value in reversed(RUSSIAN.values.items())}
    number, zeros = int(part), len(part) - len(part.lstrip("0"))
    hundreds, rest = number // 100 * 100, number % 100
    tens, units = (rest, 0) if rest < 20 else (rest // 10 * 10, rest % 10)
    return ["ноль"] * zeros + [names[value] for value in (hundreds, tens, units) if value]


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("один два три", "123"),
        ("двадцать три сорок пять", "2345"),
        ("сто двадцать три четыреста пятьдесят шесть семьсот восемьдесят девять ноль один", "12345678901"),
        ("сто пять", "105"),
        ("двадцать ноль пять", "2005"),
        ("пять два нуля семь", "5007"),
        ("двадцать два нуля", "2000"),
        ("три семёрки", "777"),
        ("пятнадцать пять", "155"),
        ("пять тысяч двести три", "5203"),
        ("тысяча девятьсот восемьдесят пять", "1985"),
        ("семь восемь нет пять", "75"),
        ("триста двадцать три нет четыре", "324"),
        ("триста двадцать три ой триста двадцать четыре", "324"),
        ("двадцать восемь не двадцать восемь а двадцать пять", "25"),
        ("один два три нет сначала четыре пять", "45"),
        ("номер такой 12 34", "1234"),
        ("пять тысяча девятьсот", "51900"),
        ("двадцать одна тысяча пять", "21005"),
        ("тридцать два нуля пять", "30005"),
        ("сто двадцать три четыреста пятьдесят шесть семьсот восемьдесят девять два нуля", "12345678900"),
        ("восемь восемьсот пятьсот пятьдесят пять тридцать пять тридцать пять", "88005553535"),
        ("плюс семь девятьсот шестнадцать сто двадцать три сорок пять шестьдесят семь", "79161234567"),
        ("десять одиннадцать двенадцать", "101112"),
        ("ноль-ноль-один", "001"),
        ("нет пять", "5"),
        ("не знаю", ""),
        ("", ""),
    ],
)
def test_russian_digits(said: str, meant: str) -> None:
    assert digits(words(said), RUSSIAN) == meant


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("one two three", "123"),
        ("oh one twenty three", "0123"),
        ("double five triple zero one", "550001"),
        ("three hundred and five", "305"),
        ("two thousand five hundred", "2500"),
        ("one two no three", "13"),
        ("one two three I mean four", "124"),
        ("double oh seven", "007"),
        ("quadruple two three fives", "2222555"),
        ("one hundred and twelve two hundred and thirty three", "112233"),
        ("twelve hundred", "1200"),
        ("nineteen eighty five", "1985"),
    ],
)
def test_english_digits(said: str, meant: str) -> None:
    assert digits(words(said), ENGLISH) == meant


def test_the_length_that_is_due_chooses_among_readings() -> None:
    said = words("двадцать пять")
    assert digits(said, RUSSIAN, (2,)) == "25"
    assert digits(said, RUSSIAN, (3,)) == "205"
    assert digits(said, RUSSIAN, (7,)) == "25"


def test_a_caller_who_counts_without_end_says_no_number() -> None:
    assert readings(["пять"] * (MAX_DIGITS + 1), RUSSIAN) == []
    assert len(readings(["двадцать", "пять"] * 20, RUSSIAN)) <= 64


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("пятое мая тысяча девятьсот восемьдесят пятого года", "1985-05-05"),
        ("пятого мая восемьдесят пятого", "1985-05-05"),
        ("двадцать первого двенадцатого семидесятого", "1970-12-21"),
        ("третье января две тысячи третьего", "2003-01-03"),
        ("первого февраля двухтысячного года", "2000-02-01"),
        ("ноль пять ноль пять восемьдесят пять", "1985-05-05"),
        ("пять пять восемьдесят пять", "1985-05-05"),
        ("12.05.1985", "1985-05-12"),
        ("ноль пять ноль пять тысяча девятьсот восемьдесят пять", "1985-05-05"),
        ("сорок пятого года рождения девятое мая", "1945-05-09"),
        ("в восемьдесят пятом году пятого мая", "1985-05-05"),
        ("тысяча девятьсот тридцать восьмого года четвёртого июля", "1938-07-04"),
        ("первого апреля ноль первого", "2001-04-01"),
        ("пятое мая, нет, шестое мая восемьдесят пятого", "1985-05-06"),
        ("двадцать девятое февраля две тысячи четвёртого", "2004-02-29"),
        ("двадцать девятое февраля две тысячи третьего", None),
        ("тридцать первое апреля две тысячи первого", None),
        ("двадцать второго мая тысячи пятнадцатого", "2015-05-22"),  # «две» was not heard
        ("двадцать пятое ноль восемь две тысячи двадцатого", "2020-08-25"),
        ("двадцать пять ноль один тысячи девятьсот шестьдесят", "1960-01-25"),
        ("первого сентября две восьмого", None),
        ("двадцать четвёртого апреля тысячи девять семнадцатого", None),
        ("пятое мая", None),
        ("не скажу", None),
    ],
)
def test_russian_dates(said: str, day: str | None) -> None:
    assert dates.parse(words(said), RUSSIAN) == (dt.date.fromisoformat(day) if day else None)


@pytest.mark.parametrize(
    ("said", "day"),
    [
        ("fifth of may nineteen eighty five", "1985-05-05"),
        ("May 5th 1985", "1985-05-05"),
        ("may fifth nineteen eighty five", "1985-05-05"),
        ("twenty third november oh one", "2001-11-23"),
        ("thirtieth of april nineteen oh five", "1905-04-30"),
        ("june the first nineteen hundred and fifty", "1950-06-01"),
        ("the second of the third eighty one", "1981-03-02"),
        ("February twenty ninth two thousand three", None),
    ],
)
def test_english_dates(said: str, day: str | None) -> None:
    assert dates.parse(words(said), ENGLISH) == (dt.date.fromisoformat(day) if day else None)


@given(st.dates(dt.date(1927, 1, 1), dt.date(2026, 12, 31)))
def test_every_day_is_understood_as_people_say_it(day: dt.date) -> None:
    said = [f"{day:%d.%m.%Y}", f"{day.day} {_MONTHS[day.month - 1]} {day.year} года"]
    if 1927 <= day.year < 2000:  # two digits: within the last hundred years
        said.append(f"{day.day} {_MONTHS[day.month - 1]} {day.year % 100} года")
    assert {dates.parse(words(text), RUSSIAN) for text in said} == {day}


@given(st.lists(st.integers(0, 999).map(lambda value: f"{value:03}"), min_size=1, max_size=5))
def test_groups_of_three_digits_come_out_as_they_were_read(parts: list[str]) -> None:
    said = [_group(part) for part in parts]
    assert "".join(parts) in readings([word for group in said for word in group], RUSSIAN)
    singly = [_DIGITS[int(digit)] for part in parts for digit in part]
    assert digits(singly, RUSSIAN) == "".join(parts)


def test_snils_check_digits() -> None:
    assert snils_is_valid("11223344595")
    assert not snils_is_valid("11223344596")
    assert snils_is_valid("00100199800")  # from before there were check digits
    assert snils_is_valid("08765430200")  # remainder 100 is written 00
    for wrong in ("", "1122334459", "112233445951", "1122334459x", "١١٢٢٣٣٤٤٥٩٥"):
        assert not snils_is_valid(wrong)


@pytest.mark.parametrize(
    ("shown", "digits"),
    [
        ("+7 (912) 345-67-89", "79123456789"),
        ("89123456789", "79123456789"),
        ("9123456789", "79123456789"),
        ("+442079460958", "+442079460958"),
        ("442079460958", "442079460958"),
        ("+84 991 234 567", "+84991234567"),  # Vietnam, not 8 499 123-45-67
        ("+960 777 1234", "+9607771234"),  # Maldives, not +7 960 777-12-34
        ("8-10-84-991234567", "+84991234567"),
        ("0084991234567", "+84991234567"),
        ("+77011234567", "+77011234567"),  # Kazakhstan
        ("2001", "2001"),
        ("anonymous", ""),
        ("9" * 50, "9" * 20),
    ],
)
def test_who_calls_has_one_form(shown: str, digits: str) -> None:
    assert calling_number(shown) == digits


def test_phone_numbers_have_one_form() -> None:
    assert phone_number("89123456789") == phone_number("79123456789") == phone_number("9123456789")
    assert phone_number("9123456789") == "79123456789"
    assert phone_number("123") == phone_number("29123456789") == ""


def test_slots_name_what_was_dictated() -> None:
    snils = "мой снилс сто двенадцать двести тридцать три четыреста сорок пять девяносто пять"
    assert extract(snils, "ru") == {"digits": "11223344595", "snils": "11223344595"}
    phone = "телефон восемь девятьсот двенадцать триста сорок пять шестьдесят семь восемьдесят девять"
    assert extract(phone, "ru")["phone"] == "79123456789"
    assert extract("номер заявления пять тысяч двести три", "ru")["application"] == "5203"
    assert extract("родился пятого мая восемьдесят пятого", "ru") == {"date": "1985-05-05"}
    assert extract("ошибка четыреста четыре", "ru") == {"digits": "404"}
    assert extract("не могу войти", "ru") == {}
    assert extract("12 34", "tt") == {"digits": "1234"}
