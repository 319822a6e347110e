"""The wish to be called back (node ``callback``).

Rules
  * Whoever waits keeps his place, whoever asks elsewhere has one from then on, whoever chooses a time is
    called soon after it; what is promised is said before he hangs up.
  * A time is chosen in two answers: one of two times, then the number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from ivr.dialog import times as spoken
from ivr.dialog.asking import (
    CONFIRM,
    failed,
    give_up,
    repeated,
    wants_person,
    without_speech,
    yes_or_no,
)
from ivr.dialog.contract import (
    Digits,
    Input,
    NoInput,
    Prompt,
    RequestCallback,
    SpeechFailed,
    Utterance,
    Value,
)
from ivr.dialog.model import REPEAT_KEY, Callback, Prompts, Queue
from ivr.dialog.ports import Appointment
from ivr.dialog.turn import Turn
from ivr.dialog.words import UNHEARD, digits_in, normal

THIS, OTHER, REFUSE, TIME = "1", "2", "3", "4"
_WORDS: Mapping[str, Mapping[str, str]] = {
    "ru": {
        "на этот номер": THIS, "этот номер": THIS, "на другой номер": OTHER, "другой номер": OTHER,
        "ждать": REFUSE, "не надо": REFUSE, "другое время": TIME, "выбрать время": TIME, "позже": TIME,
    },
    "en": {
        "this number": THIS, "on this number": THIS, "another number": OTHER, "on another number": OTHER,
        "wait": REFUSE, "another time": TIME, "choose a time": TIME, "later": TIME,
    },
}  # fmt: skip
_ANSWERS = {
    "ru": ("да", "нет", "один", "два", "три", "четыре"),
    "en": ("yes", "no", "one", "two", "three", "four"),
}


# -------------------------------------------------------------------------------------------- callback
def enter_callback(turn: Turn, node: Callback) -> None:
    for slot in ("callback_number", "callback_at", "_times_since", "_times_page"):
        turn.drop_slot(slot)
    turn.slot("callback_number", turn.s.caller_number)
    if turn.s.caller_number:
        _offer(turn, node)
    else:
        _ask_number(turn, node)


def receive_callback(turn: Turn, node: Callback, input: Input) -> None:
    if wants_person(turn, node.person, input):
        return
    ask, take = STEPS[turn.s.step]
    if isinstance(input, SpeechFailed) and without_speech(turn):
        ask(turn, node)
    elif turn.s.step != "number" and _again(turn, input):
        if repeated(turn):
            ask(turn, node)
        else:
            give_up(turn, node)
    elif not take(turn, node, input):
        wording = failed(turn, node, "no_input" if isinstance(input, NoInput) else "no_match")
        if wording is None:
            give_up(turn, node)
        else:
            turn.say(wording)
            ask(turn, node)


def _again(turn: Turn, input: Input) -> bool:
    """Whether he wants to hear the question again."""
    if isinstance(input, Digits):
        return input.keys[:1] == REPEAT_KEY
    return yes_or_no(turn, input) == "repeat"


def _number(turn: Turn) -> str:
    return str(turn.s.slots.get("callback_number", ""))


def _times(turn: Turn) -> tuple[Appointment, ...]:
    """Those that were to be had when he was first told of them: they do not change while he chooses."""
    since = turn.s.slots.get("_times_since", 0)
    if not isinstance(since, int) or not since:
        since = turn.now_ms
        turn.slot("_times_since", since)
    return turn.world.callback_times(_number(turn), since)


def _chosen(turn: Turn) -> Appointment | None:
    """The time that he chose; or the next, where another number's owner sleeps then."""
    at_ms = turn.s.slots.get("callback_at", 0)
    if not isinstance(at_ms, int) or not at_ms:
        return None
    return next((each for each in _times(turn) if each.at_ms >= at_ms), None)


def said(prompts: Prompts, **slots: Value) -> list[Prompt]:
    """Prompts with slots of their own."""
    return [Prompt(prompt, slots) for prompt in prompts]


def _question(turn: Turn, node: Callback, step: str, made: list[Prompt]) -> None:
    """Keys, the common words, and a time wherever one may be said."""
    phrases = phrases_of(_times(turn), turn.s.language)
    turn.ask((), step, terminator="", speech=node.speech, phrases=phrases, made=tuple(made))


def phrases_of(times: Sequence[Appointment], language: str) -> tuple[str, ...]:
    """What the recogniser listens for at any question about a callback."""
    words = (*_WORDS.get(language, {}), *_ANSWERS.get(language, ()), *UNHEARD.get(language, ()))
    return tuple(dict.fromkeys((*words, *(spoken.phrases(times, language) if times else ()))))


def _answer(turn: Turn, input: Input) -> str:
    """The key that was pressed or meant, "" for none."""
    if isinstance(input, Digits):
        turn.keep_keys(input.keys[1:])
        return input.keys[:1]
    if not isinstance(input, Utterance) or input.confidence < CONFIRM:
        return ""
    said = digits_in(input.text, turn.s.language) or _WORDS.get(turn.s.language, {}).get(
        normal(input.text), ""
    )
    return said or {"yes": THIS, "no": REFUSE}.get(yes_or_no(turn, input), "")


def _time_said(turn: Turn, node: Callback, input: Input) -> bool:
    """He named a time himself: at any question about the callback. «Один» is still a key."""
    if not isinstance(input, Utterance) or digits_in(input.text, turn.s.language) in (THIS, OTHER, REFUSE):
        return False
    time = spoken.understood(input.text, turn.s.language, _times(turn), turn.now_ms)
    if time is not None:
        _choose(turn, node, time)
    return time is not None


def _offer(turn: Turn, node: Callback) -> None:
    made = said(node.prompts, number=local(_number(turn)))
    if _times(turn):
        made += said(node.choose_time)
    _question(turn, node, "offer", made)


def _offered(turn: Turn, node: Callback, input: Input) -> bool:
    answer = _answer(turn, input)
    if answer == THIS:
        _arrange(turn, node)
    elif answer == OTHER:
        turn.set(attempt=0)
        _ask_number(turn, node)
    elif answer == REFUSE:
        turn.go("refused", node.refused)
    elif answer == TIME and _times(turn):
        turn.set(attempt=0)
        _ask_time(turn, node)
    else:
        return _time_said(turn, node, input)
    return True


def _ask_time(turn: Turn, node: Callback) -> None:
    """«Сегодня в шестнадцать часов — один, завтра в десять — два, другое время — три»."""
    made = said(node.when)
    for key, time in enumerate(spoken.page_of(_times(turn), _page(turn)), 1):
        made += [spoken.prompt(spoken.CHOICE, time), *said((spoken.KEYS[key],))]
    _question(turn, node, "time", [*made, *said(spoken.ANOTHER)])


def _page(turn: Turn) -> int:
    page = turn.s.slots.get("_times_page", 0)
    return page if isinstance(page, int) else 0


def _timed(turn: Turn, node: Callback, input: Input) -> bool:
    if isinstance(input, Utterance) and _time_said(turn, node, input):
        return True
    answer = _answer(turn, input)
    offered = spoken.page_of(_times(turn), _page(turn))
    if answer in (THIS, OTHER) and int(answer) <= len(offered):
        _choose(turn, node, offered[int(answer) - 1])
    elif answer in (REFUSE, TIME) and repeated(turn):
        turn.slot("_times_page", _page(turn) + 1)
        _ask_time(turn, node)
    else:
        return False
    return True


def _choose(turn: Turn, node: Callback, time: Appointment) -> None:
    turn.slot("callback_at", time.at_ms)
    turn.set(attempt=0)
    if _number(turn):
        _ask_at(turn, node)
    else:
        _ask_number(turn, node)


def _ask_at(turn: Turn, node: Callback) -> None:
    """The time is read back, the number asked for."""
    time = _chosen(turn)
    made = [spoken.prompt(spoken.PROMISE, time)] if time is not None else []
    _question(turn, node, "at", [*made, *said(node.at_number, number=local(_number(turn)))])


def _at(turn: Turn, node: Callback, input: Input) -> bool:
    if isinstance(input, Utterance) and _time_said(turn, node, input):
        return True
    answer = _answer(turn, input)
    if answer == THIS:
        _arrange(turn, node)
    elif answer == OTHER:
        turn.set(attempt=0)
        _ask_number(turn, node)
    elif answer in (REFUSE, TIME) and repeated(turn):
        _ask_time(turn, node)
    else:
        return False
    return True


def _ask_number(turn: Turn, node: Callback) -> None:
    turn.ask(
        node.ask_number,
        "number",
        max_digits=11,
        interdigit_ms=5000,
        speech=node.speech,
        expects="digits",
        whole=True,
    )


def _numbered(turn: Turn, node: Callback, input: Input) -> bool:
    number = _number_of(turn, input)
    if number:
        turn.slot("callback_number", number)
        turn.set(attempt=0)
        _confirm(turn, node)
    return bool(number)


def _number_of(turn: Turn, input: Input) -> str:
    """A Russian number with country code, "" for what cannot be one."""
    said = ""
    if isinstance(input, Digits):
        said = input.keys
    elif isinstance(input, Utterance):
        said = digits_in(input.text, turn.s.language)
        said = said or turn.meaning(input, "digits").slots.get("digits", "")
    if not said.isascii() or not said.isdigit():
        return ""
    if len(said) == 10:
        return "7" + said
    return "7" + said[1:] if len(said) == 11 and said[0] in "78" else ""


def _confirm(turn: Turn, node: Callback) -> None:
    made = said(node.confirm, number=local(_number(turn)))
    if "callback_at" not in turn.s.slots and _times(turn):
        made += said(node.choose_time)
    turn.ask((), "confirm", terminator="", speech=node.speech, expects="yes_no", made=tuple(made))


def _confirmed(turn: Turn, node: Callback, input: Input) -> bool:
    answer = yes_or_no(turn, input)
    if answer == "yes":
        _arrange(turn, node)
    elif answer == "no":
        _ask_number(turn, node)
    elif _answer(turn, input) == TIME and _times(turn):
        turn.set(attempt=0)
        _ask_time(turn, node)
    else:
        return False
    return True


def local(number: str) -> str:
    """A number as a caller in Russia says it: 8 instead of the country code."""
    return "8" + number[1:] if len(number) == 11 and number.startswith("7") else number


def _arrange(turn: Turn, node: Callback) -> None:
    """From the queue the place is kept; elsewhere he has one from now on, or from the time that he chose."""
    number, time, s = _number(turn), _chosen(turn), turn.s
    queue = turn.flow.nodes.get(s.queue_node or turn.flow.resume)
    assert isinstance(queue, Queue)  # ivr.dialog.check: not-a-queue
    turn.do(
        RequestCallback(
            number,
            time.at_ms if time is not None else 0,
            queue=queue.queue,
            topic=s.topic or queue.topic,
            language=s.language,
            min_level=queue.min_level,
            notes=dict(s.matter),
            recording=s.recording,
        )
    )
    turn.set(queued=False, recording="")
    turn.note("callback_requested")
    if time is None:
        turn.say(node.accepted, number=local(number))
    else:
        turn.say(node.agreed)
        turn.pending.append(spoken.prompt(spoken.PROMISE, time))
    turn.go("next", node.next)


STEPS: Mapping[
    str, tuple[Callable[[Turn, Callback], None], Callable[[Turn, Callback, Input], bool]]
] = {  # of a callback node: what asks, what takes the answer
    "offer": (_offer, _offered),
    "time": (_ask_time, _timed),
    "at": (_ask_at, _at),
    "number": (_ask_number, _numbered),
    "confirm": (_confirm, _confirmed),
}
