"""Nodes that ask: question, ask_number, confirm, survey; what a menu shares with them.

One rule for all: an attempt that fails (silence, or an answer that fits nothing) is counted, the next one
is worded differently, and after the last the call goes on to where a person helps. Asking to repeat is not
a failure. A doubtful hearing is confirmed before it is believed.
"""

from __future__ import annotations

import datetime as dt

from ivr.dialog import hearings
from ivr.dialog.contract import Digits, Input, NoInput, SaveMark, SpeechFailed, Utterance
from ivr.dialog.identifiers import snils_is_valid
from ivr.dialog.model import (
    PERSON_KEY,
    REPEAT_KEY,
    Asking,
    Confirm,
    Leading,
    Number,
    Option,
    Prompts,
    Question,
    Survey,
)
from ivr.dialog.ports import Meaning
from ivr.dialog.turn import Turn
from ivr.dialog.understanding import dates
from ivr.dialog.understanding.corrections import corrected
from ivr.dialog.understanding.text import words
from ivr.dialog.words import digits_in, normal

ACCEPT, CONFIRM = 0.7, 0.4  # confidence: believed from here, asked about from here
ACCEPT_ANSWER = 0.6  # an answer ends with «помогло?»: a wrong one costs less than none
SAID = "_said"  # slot: the caller's own words at a menu that takes any; never spoken, sent or kept
MIN_SAID = 4  # letters of a phrase that is looked for in them
MAX_REPEATS = 5  # a key that is stuck must not hold a line for ever


# ------------------------------------------------------------------------------------- shared by all
def failed(turn: Turn, node: Asking, reason: str) -> Prompts | None:
    """Count an attempt that failed; the wording before the next one, None when it was the last."""
    turn.count(reason)
    attempt = turn.s.attempt + 1
    turn.set(attempt=attempt, typed_ahead="")
    if attempt >= node.attempts:
        return None
    wordings = node.no_input if reason == "no_input" else node.no_match
    return wordings[min(attempt, len(wordings)) - 1 :][:1]


def give_up(turn: Turn, node: Leading) -> None:
    turn.say(node.give_up)
    turn.go("else", node.otherwise)


def repeated(turn: Turn) -> bool:
    """One more repetition on the caller's wish; False when there were too many."""
    turn.set(repeats=turn.s.repeats + 1)
    return turn.s.repeats <= MAX_REPEATS


def without_speech(turn: Turn) -> bool:
    """Recognition failed: ask once more with keys. False when we were already without it."""
    if not turn.s.speech:
        return False
    turn.set(speech=False)
    turn.note("speech_failed")
    return True


def wants_person(turn: Turn, target: str, input: Input) -> bool:
    """Key 0 or a word for it: go to a person from anywhere."""
    if not target:
        return False
    if isinstance(input, Digits):
        asked = input.keys == PERSON_KEY
    elif isinstance(input, Utterance):
        meaning = turn.meaning(input, "choice")
        asked = meaning.intent == "person" and meaning.confidence >= CONFIRM
    else:
        asked = False
    if asked:
        turn.go("person", target)
    return asked


def find_option(options: tuple[Option, ...], text: str, language: str) -> Option | None:
    """The choice whose phrase or key («два») was said."""
    said = normal(text)
    for option in options:
        if said in map(normal, option.phrases.get(language, ())):
            return option
    digit = digits_in(text, language)
    return next((option for option in options if option.key == digit), None)


def phrases_of(options: tuple[Option, ...], language: str) -> tuple[str, ...]:
    """What people say for any of these choices."""
    return tuple(phrase for option in options for phrase in option.phrases.get(language, ()))


def prompts_of(options: tuple[Option, ...]) -> Prompts:
    """The choices as they are told."""
    return tuple(option.say for option in options if option.say)


def find_by_intent(options: tuple[Option, ...], meaning: Meaning) -> Option | None:
    for option in options:
        if meaning.intent and any(fits(meaning.intent, pattern) for pattern in option.intents):
            return option
        if option.topic and meaning.intent == f"topic.{option.topic}":
            return option
    return None


def fits(intent: str, pattern: str) -> bool:
    return intent.startswith(pattern[:-1]) if pattern.endswith("*") else intent == pattern


# -------------------------------------------------------------------------------------------- question
def enter_question(turn: Turn, node: Question) -> None:
    option = _said_before(turn, node)
    if option is None:
        _ask_question(turn, node, node.prompts)
    else:
        turn.brief(node.into, option.value or option.key)
        turn.go(option.key, option.go or node.next)


def _said_before(turn: Turn, node: Question) -> Option | None:
    """The one choice whose phrase stands in what the caller said when he was asked what had happened."""
    said = f" {turn.s.slots.get(SAID, '')} "
    found = [
        option
        for option in node.options
        if any(
            len(phrase) >= MIN_SAID and f" {normal(phrase)} " in said
            for phrase in option.phrases.get(turn.s.language, ())
        )
    ]
    return found[0] if len(found) == 1 else None


def _ask_question(turn: Turn, node: Question, head: Prompts) -> None:
    phrases = phrases_of(node.options, turn.s.language)
    turn.ask((*head, *prompts_of(node.options)), terminator="", speech=node.speech, phrases=phrases)


def receive_question(turn: Turn, node: Question, input: Input) -> None:
    option: Option | None = None
    intent = ""
    if isinstance(input, Digits) and input.keys:
        turn.keep_keys(input.keys[1:])
        option = next((option for option in node.options if option.key == input.keys[0]), None)
        intent = {PERSON_KEY: "person", REPEAT_KEY: "repeat"}.get(input.keys[0], "")
    elif isinstance(input, Utterance):
        option = find_option(node.options, input.text, turn.s.language)
        if option is None:
            meaning = turn.meaning(input, "choice")
            intent, option = meaning.intent, find_by_intent(node.options, meaning)
    elif isinstance(input, SpeechFailed) and without_speech(turn):
        _ask_question(turn, node, node.prompts)
        return
    if option is not None:
        turn.brief(node.into, option.value or option.key)
        turn.go(option.key, option.go or node.next)
    elif intent in ("person", "skip"):
        turn.go("skip", node.skip)
    elif intent == "repeat" and repeated(turn):
        _ask_question(turn, node, node.prompts)
    else:
        silent = isinstance(input, NoInput)
        wording = failed(turn, node, "no_input" if silent else "no_match")
        if wording is not None:
            _ask_question(turn, node, wording)
        elif silent:
            turn.go("skip", node.skip)  # who says nothing wants to hear the music
        else:
            turn.go("next", node.next)


# ------------------------------------------------------------------------------------------ ask_number
def enter_number(turn: Turn, node: Number) -> None:
    _ask_number(turn, node, node.prompts)


def _ask_number(turn: Turn, node: Number, prompts: Prompts) -> None:
    turn.ask(
        prompts,
        max_digits=node.max_digits,
        interdigit_ms=5000,
        speech=node.speech,
        expects="date" if node.check == "date" else "digits",
        whole=True,
    )


def receive_number(turn: Turn, node: Number, input: Input) -> None:
    said = ""
    if wants_person(turn, node.person, input):
        return
    if isinstance(input, Digits):
        if REPEAT_KEY in input.keys and repeated(turn):
            _ask_number(turn, node, node.prompts)
            return
        said = _valid(node, input.keys)
    elif isinstance(input, Utterance):
        meaning = turn.meaning(input, "date" if node.check == "date" else "digits")
        if meaning.intent == "repeat" and repeated(turn):
            _ask_number(turn, node, node.prompts)
            return
        said = _spoken(turn, node, input, meaning)
    elif isinstance(input, SpeechFailed) and without_speech(turn):
        _ask_number(turn, node, node.prompts)
        return
    if said:
        _keep(turn, node, said)
        turn.go("next", node.next)
        return
    wording = failed(turn, node, "no_input" if isinstance(input, NoInput) else "no_match")
    if wording is None:
        give_up(turn, node)
    else:
        _ask_number(turn, node, (*wording, *node.prompts))


def _keep(turn: Turn, node: Number, number: str) -> None:
    turn.slot(node.into, number)
    if node.check != "snils":  # personal: told to the source that checks it, kept nowhere else
        turn.brief(node.into, number)


def _spoken(turn: Turn, node: Number, utterance: Utterance, meaning: Meaning) -> str:
    """The number that was said, "" for none. A SNILS that came out wrong is weighed together with its next
    reading: what is in the slot when the question is asked again is what the caller has denied."""
    if node.check == "date":
        ways = [(words(way.text), way.cost) for way in hearings.of(utterance)]
        day = dates.likeliest(ways, turn.s.language)
        return day.isoformat() if day else ""
    if node.check == "snils":
        before = f"_heard_{node.into}"
        now = hearings.of(utterance)
        heard = (now, hearings.read(str(turn.s.slots.get(before, ""))))
        turn.slot(before, hearings.written(now))
        denied = str(turn.s.slots.get(node.into, ""))
        if found := turn.world.snils(heard, turn.s.language, (denied,)):
            return _valid(node, found)
    return _valid(node, meaning.slots.get("digits", "") or digits_in(utterance.text, turn.s.language))


def _valid(node: Number, digits: str) -> str:
    """The number as it is kept (a date as YYYY-MM-DD), "" when it cannot be right."""
    if not digits.isascii() or not digits.isdigit():
        return ""
    if node.check == "date":
        try:
            return dt.date(int(digits[4:]), int(digits[2:4]), int(digits[:2])).isoformat()
        except ValueError:
            return ""
    if node.check == "snils" and not snils_is_valid(digits):
        return ""
    return digits if node.min_digits <= len(digits) <= node.max_digits else ""


# ---------------------------------------------------------------------------------------- confirm, mark
def yes_or_no(turn: Turn, input: Input) -> str:
    """``yes``, ``no``, ``repeat``, or "" for anything else. A doubtful yes or no is none: what it answers is
    asked again."""
    if isinstance(input, Digits) and input.keys:
        turn.keep_keys(input.keys[1:])
        return {"1": "yes", "2": "no", REPEAT_KEY: "repeat"}.get(input.keys[0], "")
    if isinstance(input, Utterance):
        meaning = turn.meaning(input, "yes_no")
        sure = CONFIRM if meaning.intent == "repeat" else ACCEPT
        if meaning.intent in ("yes", "no", "repeat") and meaning.confidence >= sure:
            return meaning.intent
    return ""


def enter_confirm(turn: Turn, node: Confirm) -> None:
    _ask_confirm(turn, node, ())


def _ask_confirm(turn: Turn, node: Confirm, wording: Prompts) -> None:
    turn.say(wording)
    slots = {name: value for name, value in turn.s.slots.items() if not name.startswith("_")}
    corrects = len(str(slots.get(node.corrects, ""))) if _asked(turn, node) else 0
    turn.ask(
        (*node.prompts, *prompts_of(node.options)),
        terminator="",
        speech=node.speech,
        expects="yes_no",
        corrects=corrects,
        phrases=phrases_of(node.options, turn.s.language),
        slots=slots,
    )


def _asked(turn: Turn, node: Confirm) -> Number | None:
    """The question whose number is read back."""
    nodes = turn.flow.nodes.values() if node.corrects else ()
    found = (each for each in nodes if isinstance(each, Number) and each.into == node.corrects)
    return next((each for each in found if each.check != "date"), None)


def _corrected(turn: Turn, node: Confirm, input: Input) -> str:
    """The number as the caller puts it right, "" when he does not, or not to one that can be."""
    asked = _asked(turn, node)
    if asked is None or not isinstance(input, Utterance):
        return ""
    said = str(turn.s.slots.get(node.corrects, ""))
    for each in hearings.of(input):
        found = _valid(asked, corrected(each.text, said, turn.s.language))
        if found and found != said:
            _keep(turn, asked, found)
            return found
    return ""


def _further(turn: Turn, node: Confirm, input: Input) -> Option | None:
    """What he chose beside yes and no."""
    if not node.options:
        return None
    if isinstance(input, Digits):
        return next((option for option in node.options if option.key == input.keys[:1]), None)
    if isinstance(input, Utterance) and input.confidence >= CONFIRM:
        found = find_option(node.options, input.text, turn.s.language)
        if found is not None:
            return found
        meaning = turn.meaning(input, "choice")
        return find_by_intent(node.options, meaning) if meaning.confidence >= CONFIRM else None
    return None


def receive_confirm(turn: Turn, node: Confirm, input: Input) -> None:
    if wants_person(turn, node.person, input):
        return
    if _corrected(turn, node, input) and repeated(turn):
        _ask_confirm(turn, node, ())
        return
    option = _further(turn, node, input)
    if option is not None:
        turn.go(option.key, option.go)
        return
    answer = yes_or_no(turn, input)
    if answer in ("yes", "no"):
        turn.go(answer, node.yes if answer == "yes" else node.no)
    elif (answer == "repeat" and repeated(turn)) or (
        isinstance(input, SpeechFailed) and without_speech(turn)
    ):
        _ask_confirm(turn, node, ())
    else:
        wording = failed(turn, node, "no_input" if isinstance(input, NoInput) else "no_match")
        if wording is None:
            give_up(turn, node)
        else:
            _ask_confirm(turn, node, wording)


def enter_survey(turn: Turn, node: Survey) -> None:
    turn.ask(node.prompts, terminator="", speech=node.speech, expects="digits")


def receive_survey(turn: Turn, node: Survey, input: Input) -> None:
    mark = ""
    if isinstance(input, Digits):
        mark = input.keys[:1]
    elif isinstance(input, Utterance):
        mark = turn.meaning(input, "digits").slots.get("digits", "")
        mark = mark or digits_in(input.text, turn.s.language)
    elif isinstance(input, SpeechFailed) and without_speech(turn):
        enter_survey(turn, node)
        return
    if mark in ("1", "2", "3", "4", "5"):
        turn.do(SaveMark(int(mark)))
        turn.say(node.thanks)
        turn.go("next", node.next)
        return
    wording = failed(turn, node, "no_input" if isinstance(input, NoInput) else "no_match")
    if wording is None:
        turn.go("next", node.next)
    else:
        turn.say(wording)
        enter_survey(turn, node)
