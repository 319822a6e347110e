"""Who calls again (node ``kept``): a caller whom we are to call, or whose call dropped, is told that we know.

Nothing is done without him: he takes his place now, waits for our call, or cancels it.
"""

from __future__ import annotations

from ivr.dialog import times as spoken
from ivr.dialog.asking import (
    failed,
    find_option,
    give_up,
    phrases_of,
    prompts_of,
    repeated,
    wants_person,
    without_speech,
)
from ivr.dialog.calling_back import said
from ivr.dialog.contract import CancelCallback, Digits, Input, NoInput, SpeechFailed, Utterance
from ivr.dialog.model import REPEAT_KEY, Kept, Option
from ivr.dialog.turn import Turn


def enter_kept(turn: Turn, node: Kept) -> None:
    kept = turn.s.kept
    open_now = turn.world.hours(turn.now_ms).open
    if kept is None or turn.s.queued or (kept.what == "dropped" and not open_now):
        turn.go("next", node.next)
    elif kept.what == "dropped":
        turn.set(kept=None)
        turn.say(node.dropped)
        turn.note("place_kept")
        turn.go("next", node.next)
    else:
        _ask_kept(turn, node)


def _choices(turn: Turn, node: Kept) -> tuple[Option, ...]:
    """While nobody is there he cannot talk now."""
    open_now = turn.world.hours(turn.now_ms).open
    return tuple(option for option in node.options if open_now or option.value != "now")


def _ask_kept(turn: Turn, node: Kept) -> None:
    kept = turn.s.kept
    assert kept is not None
    made = said(node.prompts)
    if kept.time is not None:
        made += [spoken.prompt(spoken.PROMISE, kept.time)]
    elif kept.place > 0:
        made += said(node.place, place=kept.place)
    choices = _choices(turn, node)
    phrases = phrases_of(choices, turn.s.language)
    made += said(prompts_of(choices))
    turn.ask((), "ask", terminator="", speech=node.speech, phrases=phrases, made=tuple(made))


def receive_kept(turn: Turn, node: Kept, input: Input) -> None:
    option = _kept_choice(turn, node, input)
    if option is not None:
        _act(turn, node, option)
    elif wants_person(turn, node.person, input):
        return
    elif isinstance(input, SpeechFailed) and without_speech(turn):
        _ask_kept(turn, node)
    elif isinstance(input, Digits) and input.keys[:1] == REPEAT_KEY:
        _ask_kept(turn, node) if repeated(turn) else give_up(turn, node)
    else:
        _kept_failed(turn, node, input)


def _kept_choice(turn: Turn, node: Kept, input: Input) -> Option | None:
    choices = _choices(turn, node)
    if isinstance(input, Digits):
        turn.keep_keys(input.keys[1:])
        return next((option for option in choices if option.key == input.keys[:1]), None)
    if isinstance(input, Utterance):
        return find_option(choices, input.text, turn.s.language)
    return None


def _act(turn: Turn, node: Kept, option: Option) -> None:
    kept = turn.s.kept
    assert kept is not None
    turn.set(kept=None)
    if option.value == "now":
        turn.set(topic=kept.topic or turn.s.topic, matter={**turn.s.matter, **kept.matter})
    elif option.value == "cancel":
        turn.do(CancelCallback())
        turn.say(node.cancelled)
    turn.note("callback_kept", option.value)
    turn.go(option.key, option.go)


def _kept_failed(turn: Turn, node: Kept, input: Input) -> None:
    wording = failed(turn, node, "no_input" if isinstance(input, NoInput) else "no_match")
    if wording is None:
        give_up(turn, node)
    else:
        turn.say(wording)
        _ask_kept(turn, node)
