"""Times to be called, as callers hear and say them. Pure.

A caller hears two times at once: the next one of the first day and of the second, then the ones after them.
Whoever says a time himself («завтра утром», «в четыре») gets the nearest that may be; it is read back to him.
Whoever says when not («не сегодня») has said no time.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest

from ivr.dialog.contract import Prompt
from ivr.dialog.ports import Appointment
from ivr.dialog.understanding.number_words import NUMBER_WORDS
from ivr.dialog.words import normal

AT_ONCE = 2
# Said before a key («сегодня, в десять часов — нажмите один») and as a promise; for the checker too.
CHOICE = {0: "callback.today", 1: "callback.tomorrow", -1: "callback.day"}
PROMISE = {0: "callback.we_call_today", 1: "callback.we_call_tomorrow", -1: "callback.we_call_day"}
KEYS = {1: "callback.key_1", 2: "callback.key_2"}
ANOTHER = ("callback.other_time",)
PROMPTS = (*CHOICE.values(), *PROMISE.values(), *KEYS.values(), *ANOTHER)

_DAYS: Mapping[str, Mapping[str, int]] = {
    "ru": {"сегодня": 0, "завтра": 1, "послезавтра": 2},
    "en": {"today": 0, "tonight": 0, "tomorrow": 1, "overmorrow": 2},
}
# One day that is said in several words, the last of them another day.
_ONE_WORD: Mapping[str, tuple[str, str]] = {
    "ru": ("после завтра", "послезавтра"),
    "en": ("day after tomorrow", "overmorrow"),
}
_NEGATIONS: Mapping[str, frozenset[str]] = {
    "ru": frozenset({"не"}),
    "en": frozenset({"not", "don't", "can't", "cannot"}),
}
_WEEKDAYS: Mapping[str, Mapping[str, int]] = {
    "ru": {
        "понедельник": 0, "вторник": 1, "среду": 2, "среда": 2, "четверг": 3, "пятницу": 4, "пятница": 4,
        "субботу": 5, "суббота": 5, "воскресенье": 6,
    },
    "en": {
        "monday": 0, "tuesday": 1, "wednesday": 2, "thursday": 3, "friday": 4, "saturday": 5, "sunday": 6,
    },
}  # fmt: skip
_PARTS: Mapping[str, Mapping[str, tuple[int, int]]] = {  # from hour, before hour
    "ru": {
        "утром": (0, 12),
        "утра": (0, 12),
        "днем": (12, 17),
        "дня": (12, 17),
        "обеда": (12, 17),
        "вечером": (17, 24),
        "вечера": (12, 24),
    },
    "en": {"morning": (0, 12), "afternoon": (12, 17), "evening": (17, 24), "tonight": (17, 24)},
}
_HOURS: Mapping[str, Mapping[str, int]] = {
    "ru": {
        "восемь": 8, "девять": 9, "десять": 10, "одиннадцать": 11, "двенадцать": 12, "полдень": 12, "час": 13,
        "тринадцать": 13, "два": 14, "четырнадцать": 14, "три": 15, "пятнадцать": 15, "четыре": 16,
        "шестнадцать": 16, "пять": 17, "семнадцать": 17, "шесть": 18, "восемнадцать": 18, "семь": 19,
        "девятнадцать": 19,
    },
    "en": {
        "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "noon": 12, "one": 13, "two": 14,
        "three": 15, "four": 16, "five": 17, "six": 18, "seven": 19,
    },
}  # fmt: skip
_TWENTY: Mapping[str, tuple[str, Mapping[str, int]]] = {  # and the words that may follow it in an hour
    "ru": ("двадцать", {"": 20, "час": 20, "часа": 20, "часов": 20, "один": 21, "два": 22}),
    "en": ("twenty", {"": 20, "hours": 20, "one": 21, "two": 22}),
}
_FROM_NOW: Mapping[str, re.Pattern[str]] = {
    "ru": re.compile(r"\bчерез ((?:\w+ ){0,3}?)(полчаса|час|минут|день|дня|дней|недел)"),
    "en": re.compile(r"\bin ((?:\w+ ){0,3}?)(hour|minute|day|week)"),
}
_DAY = 24 * 60
_MINUTES: Mapping[str, int] = {
    "полчаса": 30, "час": 60, "минут": 1, "день": _DAY, "дня": _DAY, "дней": _DAY, "недел": 7 * _DAY,
    "hour": 60, "minute": 1, "day": _DAY, "week": 7 * _DAY,
}  # fmt: skip
_PARTLY: Mapping[str, float] = {"полтора": 1.5, "пару": 2, "half": 0.5, "couple": 2}
_PHRASES: Mapping[str, tuple[str, ...]] = {  # what the recogniser listens for; days of the week are added
    "ru": (
        "сегодня", "завтра", "послезавтра", "утром", "днём", "вечером", "сегодня днём", "сегодня вечером",
        "завтра утром", "завтра днём", "завтра вечером", "после обеда", "завтра после обеда",
        "послезавтра после обеда", "в полдень", "в девять утра", "в десять утра", "в одиннадцать утра",
        "в десять часов", "в одиннадцать часов", "в двенадцать часов", "в час дня", "в два часа дня",
        "в три часа дня", "в четыре часа дня", "в два часа", "в три часа", "в четыре часа", "в пять часов",
        "в шесть часов", "в пять вечера", "в шесть вечера", "в семь вечера", "в шестнадцать часов",
        "в восемнадцать часов", "в четырнадцать часов", "в двадцать часов", "через час", "через два часа",
        "через три часа", "не сегодня", "не завтра", "другое время",
        "один", "два", "три",
    ),
    "en": (
        "today", "tomorrow", "in the morning", "in the afternoon", "in the evening", "tomorrow morning",
        "tomorrow afternoon", "this afternoon", "the day after tomorrow", "not today", "not tomorrow",
        "in an hour", "in two hours", "at ten", "at twelve", "at two", "at four", "at six",
        "another time", "one", "two", "three",
    ),
}  # fmt: skip


def ordered(times: Sequence[Appointment]) -> tuple[Appointment, ...]:
    """In the order in which they are offered: of the first two days in turn, then of the others."""
    days = list(dict.fromkeys(each.day for each in times))
    first, second = ([each for each in times if each.day == day] for day in (*days, "", "")[:2])
    mixed = [each for pair in zip_longest(first, second) for each in pair if each is not None]
    return (*mixed, *(each for each in times if each.day in days[2:]))


def page_of(times: Sequence[Appointment], page: int) -> tuple[Appointment, ...]:
    """What is offered at once; after the last page comes the first."""
    in_order = ordered(times)
    pages = max(1, -(-len(in_order) // AT_ONCE))
    begin = page % pages * AT_ONCE
    return in_order[begin : begin + AT_ONCE]


def prompt(kind: Mapping[int, str], time: Appointment) -> Prompt:
    """One of ``CHOICE`` or ``PROMISE`` for a time."""
    if time.days in kind:
        return Prompt(kind[time.days], {"clock": time.clock})
    return Prompt(kind[-1], {"day": time.day, "clock": time.clock})


def phrases(times: Sequence[Appointment], language: str) -> tuple[str, ...]:
    """A grammar for the recogniser."""
    offered = {dt.date.fromisoformat(each.day).weekday() for each in times if each.days > 1}
    named = [
        word if language != "ru" else f"{'во' if word.startswith('вт') else 'в'} {word}"
        for word, weekday in _WEEKDAYS.get(language, {}).items()
        if weekday in offered and word not in ("среда", "пятница", "суббота")
    ]
    return (*_PHRASES.get(language, ()), *named)


def understood(text: str, language: str, times: Sequence[Appointment], now_ms: int) -> Appointment | None:
    """The time that was meant, or the nearest to it that is to be had; None when no time was said."""
    said = normal(text).replace(*_ONE_WORD.get(language, ("", "")))
    words = said.split()
    if not _NEGATIONS.get(language, frozenset()).isdisjoint(words):
        return None
    if (minutes := _from_now(said, language)) is not None:
        return _in_minutes(minutes, times, now_ms)
    found = [each for each in times if _on_day(words, language, each)]
    span = next((_PARTS[language][word] for word in words if word in _PARTS.get(language, {})), None)
    hour = _hour(words, language)
    named_day = len(found) < len(times) or any(word in _DAYS.get(language, {}) for word in words)
    if not found or not (named_day or span or hour):
        return None
    if hour is not None:
        wanted = hour
        if span is not None:  # «в восемь вечера», «в семь утра»
            wanted += 12 * (hour < span[0]) - 12 * (hour >= span[1])
        return min(found, key=lambda each: (abs(int(each.clock[:2]) - wanted), each.at_ms))
    if span is not None:
        inside = [each for each in found if span[0] <= int(each.clock[:2]) < span[1]]
        return inside[0] if inside else found[0]
    return found[0]


def _hour(words: Sequence[str], language: str) -> int | None:
    """The first hour of the day that was said; by itself «два» is one after noon."""
    twenty, then = _TWENTY.get(language, ("", {}))
    for word, after in zip(words, (*words[1:], ""), strict=True):
        if word == twenty and after in then:  # not «двадцать пятого»
            return then[after]
        if word in _HOURS.get(language, {}):
            return _HOURS[language][word]
    return None


def _from_now(said: str, language: str) -> float | None:
    """Minutes of «через два часа», None when nothing of the kind was said."""
    pattern, known = _FROM_NOW.get(language), NUMBER_WORDS.get(language)
    if pattern is None or known is None or (found := pattern.search(said)) is None:
        return None
    count, unit = found.groups()
    many = [_PARTLY.get(word, known.values.get(word, 0)) for word in count.split()]
    return (sum(many) or 1) * _MINUTES[unit]


def _in_minutes(minutes: float, times: Sequence[Appointment], now_ms: int) -> Appointment | None:
    if minutes >= _DAY:
        return next((each for each in times if each.days == minutes // _DAY), None)
    return min(times, key=lambda each: abs(each.at_ms - now_ms - minutes * 60_000), default=None)


def _on_day(words: Sequence[str], language: str, time: Appointment) -> bool:
    """Whether a time is on the day that was named; True when none was."""
    days = [_DAYS[language][word] for word in words if word in _DAYS.get(language, {})]
    weekdays = [_WEEKDAYS[language][word] for word in words if word in _WEEKDAYS.get(language, {})]
    if weekdays:
        return dt.date.fromisoformat(time.day).weekday() in weekdays
    return not days or time.days in days
