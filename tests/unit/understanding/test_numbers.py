"""Spoken numbers, dates and identifiers, as callers dictate them."""

from __future__ import annotations

import datetime as dt

import pytest

from ivr.dialog.understanding import dates
from ivr.dialog.understanding.identifiers import phone_number, snils_is_valid
from ivr.dialog.understanding.number_words import ENGLISH, RUSSIAN
from ivr.dialog.understanding.slots import extract
from ivr.dialog.understanding.spoken_numbers import MAX_DIGITS, digits, readings
from ivr.dialog.understanding.text import words


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
        ("тридцать первое апреля две тысячи первого", None),
        ("пятое мая", None),
        ("не скажу", None),
    ],
)
def test_russian_dates(said: str, day: str | None) -> None:
    assert dates.parse(words(said), RUSSIAN) == (dt.date.fromisoformat(day) if day else None)


@pytest.mark.parametrize(
    "said", ["fifth of may nineteen eighty five", "May 5th 1985", "may fifth nineteen eighty five"]
)
def test_english_dates(said: str) -> None:
    assert dates.parse(words(said), ENGLISH) == dt.date(1985, 5, 5)


def test_snils_check_digits() -> None:
    assert snils_is_valid("11223344595")
    assert not snils_is_valid("11223344596")
    assert snils_is_valid("00100199800")  # from before there were check digits
    assert snils_is_valid("08765430200")  # remainder 100 is written 00
    for wrong in ("", "1122334459", "112233445951", "1122334459x", "١١٢٢٣٣٤٤٥٩٥"):
        assert not snils_is_valid(wrong)


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
