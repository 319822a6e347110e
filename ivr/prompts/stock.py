"""Which phrases are kept ready as sound for the values of slots, and how a value is joined from them.

Pure. A call needs no synthesiser: the commonest values are whole phrases («от двух до четырёх минут»), which
sound as one; the rest is joined from single words, the longest phrases first.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import date, timedelta

from ivr.dialog.contract import Value
from ivr.prompts import numbers_en as en
from ivr.prompts import numbers_ru as ru
from ivr.prompts.slots import Slot, speak

MAX_PHRASE_WORDS = 12
_MINUTE = 60_000


def cover(spoken: str, ready: Container[str]) -> list[list[str]] | None:
    """Phrases of ``ready`` that make up the words, a list a part between pauses; None: a word is missing.

    Greedy from the left, the longest phrase first: every single word of a stock is itself in the stock, so a
    long phrase never spoils the rest.
    """
    parts = []
    for part in spoken_parts(spoken):
        words, phrases, at = part.split(), [], 0
        while at < len(words):
            for length in range(min(MAX_PHRASE_WORDS, len(words) - at), 0, -1):
                phrase = " ".join(words[at : at + length])
                if phrase in ready:
                    phrases.append(phrase)
                    at += length
                    break
            else:
                return None
        parts.append(phrases)
    return parts


def stock(slot: Slot, language: str) -> set[str]:
    """Phrases from which every usual value can be joined: whole for the commonest, single words for the rest.

    «Usual»: numbers to 9999 (ordinals to 999), durations to a day, dates of 2024-2040.
    """
    if slot.kind == "text":
        return set()
    whole = _whole_ru(slot) if language == "ru" else _whole_en(slot)
    usual = {part for value in _usual(slot) for part in spoken_parts(speak(slot, value, language))}
    return {*whole} | {word for part in usual for word in part.split()}


def spoken_parts(spoken: str) -> list[str]:
    """What stands between the pauses."""
    return [part for part in spoken.split(", ") if part]


_BOUNDS = (*range(1, 21), *range(25, 61, 5))  # minutes of an announced range
_TO_TEN = [(low * _MINUTE, high * _MINUTE) for high in range(1, 11) for low in range(1, high + 1)]
_DAYS = [date(2026, 3, number) for number in range(1, 32)]


def _whole_ru(slot: Slot) -> Iterator[str]:
    """Phrases that sound as one; a longer text is joined from these, «от двадцати» + «до тридцати минут»."""
    case = slot.case or "nom"
    match slot.kind:
        case "ordinal":
            yield from (ru.ordinal(number, slot.gender, case) for number in range(1, 41))
        case "cardinal":
            yield from (ru.cardinal(number, slot.gender, case) for number in range(61))
        case "count":
            yield from (ru.count(number, slot.noun, case) for number in range(31))
        case "duration":
            yield from (ru.count(number, "секунда", case) for number in range(10, 60, 10))
            yield from (ru.count(number, "минута", case) for number in range(1, 60))
            yield from (ru.count(number, "час", case) for number in range(1, 25))
        case "duration_range":
            yield "меньше минуты"
            yield from (ru.duration_range(low, high, case) for low, high in _TO_TEN)
            for number in _BOUNDS:
                yield f"от {ru.cardinal(number, 'f', 'gen')}"
                yield f"до {ru.duration(number * _MINUTE, 'gen')}"
                yield f"примерно {ru.duration(number * _MINUTE, case)}"
        case "clock":
            yield from (ru.count(number, "час", case) for number in range(25))
            yield from (ru.count(number, "минута", case) for number in range(5, 60, 5))
        case "date" | "day":
            yield from (ru.ordinal(day.day, "n", slot.case or "gen") for day in _DAYS)
            yield from (ru.on_weekday(number) for number in range(7) if slot.kind == "day")
        case "year":
            yield from (ru.year(number, case) for number in range(2024, 2041))
        case "on_weekday":
            yield from (ru.on_weekday(number) for number in range(7))
        case "groups" | "phone" | "snils":
            yield from (ru.groups([f"{number:02}"]) for number in range(100))


def _whole_en(slot: Slot) -> Iterator[str]:
    match slot.kind:
        case "ordinal":
            yield from (en.ordinal(number) for number in range(1, 41))
        case "cardinal":
            yield from (en.cardinal(number) for number in range(61))
        case "count":
            yield from (en.count(number, slot.noun) for number in range(31))
        case "duration":
            yield from (en.count(number, "second") for number in range(10, 60, 10))
            yield from (en.count(number, "minute") for number in range(1, 60))
            yield from (en.count(number, "hour") for number in range(1, 25))
        case "duration_range":
            yield "less than a minute"
            yield from (en.duration_range(low, high) for low, high in _TO_TEN)
            for number in _BOUNDS:
                yield f"{en.cardinal(number)} to"
                yield en.duration(number * _MINUTE)
                yield f"up to {en.duration(number * _MINUTE)}"
                yield f"about {en.duration(number * _MINUTE)}"
        case "clock":
            yield from (en.clock(number, 0) for number in range(24))
            for half in ("a m", "p m"):
                yield from (f"{en.cardinal(number)} {half}" for number in range(5, 60, 5))
        case "date" | "day":
            yield from (f"the {en.ordinal(day.day)}" for day in _DAYS)
            yield from (f"of {month}" for month in en.MONTHS)
            yield from (en.on_weekday(number) for number in range(7) if slot.kind == "day")
        case "year":
            yield from (en.year(number) for number in range(2024, 2041))
        case "on_weekday":
            yield from (en.on_weekday(number) for number in range(7))


def _usual(slot: Slot) -> Iterator[Value]:
    match slot.kind:
        case "ordinal":
            yield from range(1, 1000)
        case "cardinal" | "count":
            yield from range(1000)
            yield from range(1000, 10_000, 500)
        case "duration":
            yield from (minutes * 60_000 for minutes in range(24 * 60 + 1))
            yield from range(10_000, 60_000, 10_000)
        case "duration_range":
            bounds = [*range(21), *range(25, 186, 5)]
            yield (0, 0)
            yield from ((low * 60_000, high * 60_000) for low in bounds for high in bounds if low <= high)
        case "clock":
            yield from (f"{hour:02}:{minute:02}" for hour in range(24) for minute in range(60))
            yield "24:00"
        case "date" | "day":
            first = date(2024, 1, 1)
            yield from ((first + timedelta(days)).isoformat() for days in range(17 * 366))
        case "weekday" | "on_weekday":
            yield from range(7)
        case "year":
            yield from range(1900, 2101)
        case "snils":
            yield "00000000000"
            yield from (f"{number:03}{number:03}{number:03}{number % 100:02}" for number in range(1000))
        case "digits":
            yield "0123456789"
        case _:
            yield "79161234567"
            yield from (f"{number:03}" for number in range(1000))
            yield from (f"{number:02}" for number in range(100))
            yield from "0123456789"
