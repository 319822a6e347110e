"""Which phrases are kept ready as sound for the values of slots, and how a value is joined from them.

Pure. A call needs no synthesiser: the commonest values are whole phrases («от двух до четырёх минут»), which
sound as one; the rest is joined from single words, the longest phrases first.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import date, timedelta

from ivr.dialog.contract import Value
from ivr.prompts.slots import Slot, speak

MAX_PHRASE_WORDS = 12


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
    whole = {part for value in _common(slot) for part in spoken_parts(speak(slot, value, language))}
    words = {
        word
        for value in _usual(slot)
        for part in spoken_parts(speak(slot, value, language))
        for word in part.split()
    }
    return whole | words


def spoken_parts(spoken: str) -> list[str]:
    """What stands between the pauses."""
    return [part for part in spoken.split(", ") if part]


def _common(slot: Slot) -> Iterator[Value]:
    match slot.kind:
        case "ordinal":
            yield from range(1, 41)
        case "cardinal":
            yield from range(61)
        case "count":
            yield from range(31)
        case "duration":
            yield from (minutes * 60_000 for minutes in range(1, 61))
            yield from range(10_000, 60_000, 10_000)
        case "duration_range":
            yield (0, 0)
            for high in range(1, 11):
                yield from ((low * 60_000, high * 60_000) for low in range(high + 1))
        case "clock":
            yield from (f"{hour:02}:00" for hour in range(25))
        case "date" | "day":
            yield from (f"2026-03-{day:02}" for day in range(1, 32))
        case "weekday" | "on_weekday":
            yield from range(7)
        case "year":
            yield from range(2024, 2041)
        case "digits":
            yield "0123456789"
        case "snils":
            yield from (f"123456789{number:02}" for number in range(100))
        case _:
            yield from (f"{number:02}" for number in range(100))


def _usual(slot: Slot) -> Iterator[Value]:
    match slot.kind:
        case "ordinal":
            yield from range(1, 1000)
        case "cardinal" | "count":
            yield from range(1000)
            yield from range(1000, 10_000, 500)
        case "duration":
            yield from (minutes * 60_000 for minutes in range(24 * 60 + 1))
            yield from _common(slot)
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
            yield from (f"{number:03}" for number in range(1000))
            yield from (f"{number:02}" for number in range(100))
            yield from "0123456789"
