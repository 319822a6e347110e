"""What an utterance holds beside its meaning: digits, a date, numbers of known kinds."""

from __future__ import annotations

from ivr.dialog.identifiers import application_number, phone_number, snils_is_valid
from ivr.dialog.understanding import dates
from ivr.dialog.understanding.number_words import NUMBER_WORDS
from ivr.dialog.understanding.spoken_numbers import readings
from ivr.dialog.understanding.text import words

_NAMES = {
    "snils": ("снилс", "snils", "insurance"),
    "phone": ("телефон", "номер телефона", "мобильный", "сотовый", "phone", "mobile"),
    "application": ("заявк", "заявлен", "обращен", "application", "request"),
}


def extract(text: str, language: str) -> dict[str, str]:
    """``digits``; and ``date`` (YYYY-MM-DD), ``snils``, ``phone``, ``application`` where they fit."""
    language_words = NUMBER_WORDS.get(language)
    if language_words is None:
        only = "".join(word for word in words(text) if word.isascii() and word.isdigit())
        return {"digits": only} if only else {}
    said = words(text)
    found: dict[str, str] = {}
    ways = readings(said, language_words)
    named_day = any(word in language_words.months or word in language_words.ordinals for word in said)
    if (named_day or (ways and len(ways[0]) in (6, 8))) and (day := dates.parse(said, language_words)):
        found["date"] = day.isoformat()
    if not ways or named_day:  # the digits of «пятое мая» mean nothing by themselves
        return found
    snils = next((way for way in ways if snils_is_valid(way)), "")
    phone = next((number for way in ways if (number := phone_number(way))), "")
    named = {kind for kind, names in _NAMES.items() if any(name in " ".join(said) for name in names)}
    if snils and ("snils" in named or not phone):
        return {**found, "digits": snils, "snils": snils}
    if phone and named <= {"phone"}:
        digits = next(way for way in ways if phone_number(way))
        return {**found, "digits": digits, "phone": phone}
    found["digits"] = ways[0]
    if "application" in named and (number := application_number(ways[0])):
        found["application"] = number
    return found
