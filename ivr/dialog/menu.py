"""The menu: choices by key, by phrase, or by what the caller meant.

What was heard well enough is done, what was heard badly is asked about, the rest is an attempt that failed.
"""

from __future__ import annotations

from ivr.dialog.asking import (
    ACCEPT,
    CONFIRM,
    SAID,
    failed,
    find_by_intent,
    find_option,
    fits,
    give_up,
    phrases_of,
    prompts_of,
    repeated,
    without_speech,
    yes_or_no,
)
from ivr.dialog.contract import Digits, Input, SpeechFailed, Utterance
from ivr.dialog.model import BACK_KEY, PERSON_KEY, REPEAT_KEY, Menu, Option, Prompts
from ivr.dialog.ports import Meaning
from ivr.dialog.turn import Turn, topic_prompt
from ivr.dialog.words import normal

MAX_SAID = 300  # characters
ASKED = "вопрос"  # read by the specialist, as the notes of guided talks are


def enter_menu(turn: Turn, node: Menu) -> None:
    menus = turn.s.menus
    menus = menus[: menus.index(node.id)] if node.id in menus else menus
    turn.set(menus=(*menus, node.id))
    ask_menu(turn, node, node.spoken if turn.s.speech and node.spoken else node.prompts)


def ask_menu(turn: Turn, node: Menu, head: Prompts) -> None:
    turn.ask(
        (*head, *prompts_of(node.options), *node.tail),
        terminator="",
        speech=node.speech,
        expects="sentence" if node.free else "choice",
        phrases=() if node.free else phrases_of(node.options, turn.s.language),
    )


def receive_menu(turn: Turn, node: Menu, input: Input) -> None:
    if turn.s.step == "confirm":
        _confirmed(turn, node, input)
    elif isinstance(input, Digits) and input.keys:
        turn.keep_keys(input.keys[1:])
        _menu_key(turn, node, input.keys[0])
    elif isinstance(input, Utterance):
        _menu_words(turn, node, input)
    elif isinstance(input, SpeechFailed) and without_speech(turn):
        ask_menu(turn, node, node.prompts)
    else:
        _menu_failed(turn, node, "no_input")


def _menu_key(turn: Turn, node: Menu, key: str) -> None:
    option = next((option for option in node.options if option.key == key), None)
    if option is not None:
        choose(turn, option)
    elif key == PERSON_KEY and node.person:
        turn.go("person", node.person)
    elif key == REPEAT_KEY and repeated(turn):
        ask_menu(turn, node, node.prompts)
    elif key == BACK_KEY and len(turn.s.menus) > 1:
        turn.go("back", turn.s.menus[-2])
    else:
        _menu_failed(turn, node, "no_match")


def _menu_words(turn: Turn, node: Menu, said: Utterance) -> None:
    if node.free:
        turn.slot(SAID, normal(said.text)[:MAX_SAID])
    option = find_option(node.options, said.text, turn.s.language)
    if option is not None and said.confidence >= CONFIRM:
        _believe(turn, node, Meaning(f"option.{option.key}", said.confidence), option)
        return
    meaning = turn.meaning(said, "sentence" if node.free else "choice")
    if meaning.intent == "repeat" and repeated(turn):
        ask_menu(turn, node, node.prompts)
    elif meaning.intent == "person" and node.person and meaning.confidence >= CONFIRM:
        turn.go("person", node.person)
    elif meaning.intent == "back" and len(turn.s.menus) > 1:
        turn.go("back", turn.s.menus[-2])
    else:
        _believe(turn, node, meaning, find_by_intent(node.options, meaning))


def _believe(turn: Turn, node: Menu, meaning: Meaning, option: Option | None) -> None:
    """Act on a sure meaning, ask about a doubtful one, fail on the rest."""
    pattern = next((p for p in node.intents if meaning.intent and fits(meaning.intent, p)), "")
    if (option is None and not pattern) or meaning.confidence < CONFIRM:
        _menu_failed(turn, node, "no_match")
        return
    topic = _topic_of(meaning, option)
    if meaning.confidence >= ACCEPT or not topic:
        _act(turn, node, meaning.intent, topic, option)
        return
    turn.set(slots={**turn.s.slots, "_intent": meaning.intent, "_topic": topic})
    turn.say(("confirm.heard",))
    turn.ask((topic_prompt(topic), "confirm.yes_no"), "confirm", terminator="", speech=True, expects="yes_no")


def _topic_of(meaning: Meaning, option: Option | None) -> str:
    if option is not None and option.topic:
        return option.topic
    if meaning.intent.startswith("topic."):
        return meaning.intent.removeprefix("topic.")
    return meaning.slots.get("topic", "")


def _act(turn: Turn, node: Menu, intent: str, topic: str, option: Option | None) -> None:
    # Who waits for one subject and asks about another meanwhile is still to be helped with the first.
    if topic and not (turn.s.queued and turn.s.topic):
        turn.set(topic=topic)
    if intent.startswith("answer."):
        turn.slot("answer", intent.removeprefix("answer."))
        turn.brief(ASKED, intent.removeprefix("answer."))
    if option is not None:
        choose(turn, option)
        return
    pattern = next(p for p in node.intents if fits(intent, p))
    turn.go(f"intents.{pattern}", node.intents[pattern])


def _confirmed(turn: Turn, node: Menu, input: Input) -> None:
    intent, topic = str(turn.s.slots.get("_intent", "")), str(turn.s.slots.get("_topic", ""))
    answer = yes_or_no(turn, input)
    if answer == "yes":
        turn.drop_slot("_intent")
        turn.drop_slot("_topic")
        meaning = Meaning(intent, 1.0, {"topic": topic})
        if intent.startswith("option."):
            option = next((o for o in node.options if f"option.{o.key}" == intent), None)
        else:
            option = find_by_intent(node.options, meaning)
        _act(turn, node, intent, topic, option)
    else:
        _menu_failed(turn, node, "no_match")


def _menu_failed(turn: Turn, node: Menu, reason: str) -> None:
    wording = failed(turn, node, reason)
    if wording is None:
        give_up(turn, node)
    else:
        ask_menu(turn, node, wording)


def choose(turn: Turn, option: Option) -> None:
    if option.topic:
        turn.set(topic=option.topic)
    turn.go(option.key, option.go)
