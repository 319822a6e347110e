"""What the recogniser listens for in a turn: the question's own phrases and the words that work everywhere.

A short list is heard far better than free speech (models/ru-small/README.md). Numbers are not free speech
either: whoever reads one from a card says number words, or corrects himself, or wants a person.
"""

from __future__ import annotations

from functools import cache

from ivr.dialog.understanding.corrections import place_words
from ivr.dialog.understanding.number_words import NUMBER_WORDS
from ivr.dialog.words import COMMON, UNHEARD
from ivr.speech.contract import Expects

_EVERYWHERE = ("person", "repeat", "back", "callback", "other_language")
_AT_YES_OR_NO = ("yes", "no", "person", "repeat", "back")
_USUAL_TIMES = 6  # listed so often more, a number's usual word is taken for so much likelier
_LIKELY_TIMES = 2  # the same for the words of a date
_ORDINALS = {"ru": ("ое", "ого", "тье", "тьего")}
_YEAR = {"ru": ("года", "год")}
_ANSWER_TIMES = 8  # the same for yes and no where a number may be corrected
_AT_A_NUMBER = ("person", "repeat", "back", "skip")
_LEFT_OUT = frozenset({"что", "what"})  # too short to be told from a cough


def phrases_for(
    expects: Expects, language: str, own: tuple[str, ...], *, corrects: bool = False
) -> tuple[str, ...]:
    """The grammar of a turn; () listens freely. ``corrects``: a yes or no may put a number right."""
    if expects == "choice" and own:
        return tuple(dict.fromkeys((*own, *_common(language, _EVERYWHERE))))
    if expects == "yes_no":
        answers = _correction(language) if corrects else _common(language, _AT_YES_OR_NO)
        return (*own, *answers)
    if expects == "digits" and not own:
        return _number_words(language)
    if expects == "date" and not own:
        return _date_words(language)
    return own


@cache
def _common(language: str, intents: tuple[str, ...]) -> tuple[str, ...]:
    known = COMMON.get(language, {})
    # Their words take the place of other phrases', but where «не» may be said alone it must not be all that
    # is heard of «не понял».
    left_out = _LEFT_OUT if "no" in intents else _LEFT_OUT.union(UNHEARD.get(language, ()))
    return tuple(phrase for intent in intents for phrase in known.get(intent, ()) if phrase not in left_out)


@cache
def _correction(language: str) -> tuple[str, ...]:
    """Yes and no are what is mostly said, so they are likelier than any number."""
    known = NUMBER_WORDS.get(language)
    if known is None:
        return _common(language, _AT_YES_OR_NO)
    usual = {value: word for word, value in reversed(list(known.values.items()))}
    answers = _common(language, ("yes", "no"))
    others = (*_common(language, _AT_YES_OR_NO), *place_words(language), *sorted(known.denials))
    return (*dict.fromkeys((*others, *usual.values())), *list(usual.values()), *answers * _ANSWER_TIMES)


@cache
def _date_words(language: str) -> tuple[str, ...]:
    """Numbers, months, and the ordinals of days and years: «двенадцатое», «пятого», not «пятая»."""
    known = NUMBER_WORDS.get(language)
    if known is None:
        return ()
    endings = _ORDINALS.get(language, ("",))
    ordinals = [word for word in known.ordinals if word.endswith(endings)]
    likely = (*{value: word for word, value in reversed(list(known.values.items()))}.values(), *ordinals)
    single = (*known.values, *known.multipliers, *known.months, *ordinals, *_YEAR.get(language, ()))
    others = (*sorted(known.corrections | known.joiners), *_common(language, _AT_A_NUMBER))
    return (*dict.fromkeys((*single, *others)), *likely * _LIKELY_TIMES)


@cache
def _number_words(language: str) -> tuple[str, ...]:
    """() for a language whose numbers we do not know. «Ноль» is said, «нулей» hardly ever: one word for each
    value stands there several times, or quick speech loses words to the many that could be there."""
    known = NUMBER_WORDS.get(language)
    if known is None:
        return ()
    single = (
        *known.values,
        *known.named_digits,
        *known.multipliers,
        *known.repeaters,
        *sorted(known.corrections | known.denials | known.restarts | known.joiners),
    )
    usual = {value: word for word, value in reversed(list(known.values.items()))}
    return (*dict.fromkeys((*single, *_common(language, _AT_A_NUMBER))), *list(usual.values()) * _USUAL_TIMES)
