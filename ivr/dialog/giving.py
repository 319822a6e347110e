"""Nodes that give or take: say, hours, incident, language, answer, record, lookup, transfer, goodbye."""

from __future__ import annotations

from ivr.dialog.asking import (
    ACCEPT_ANSWER,
    failed,
    give_up,
    repeated,
    wants_person,
    without_speech,
    yes_or_no,
)
from ivr.dialog.contract import (
    Input,
    LeaveQueue,
    LookUp,
    LookUpDone,
    NoInput,
    OpenTicket,
    Record,
    Recorded,
    RememberLanguage,
    SpeechFailed,
    TicketFailed,
    TicketOpened,
    Transfer,
    TransferEnded,
    Utterance,
)
from ivr.dialog.hours_words import spoken_hours
from ivr.dialog.model import (
    Answer,
    ByTopic,
    Goodbye,
    Hours,
    Incident,
    LanguageNode,
    LookUpNode,
    Queue,
    RecordNode,
    Say,
    TransferNode,
)
from ivr.dialog.ports import HoursState
from ivr.dialog.turn import Turn
from ivr.dialog.words import COMMON

MIN_RECORDING_MS = 1000  # shorter than this is a cough, not a request
LAST_MINUTES_MS = 10 * 60_000  # when nobody can tell the wait, nobody new is queued so late


# --------------------------------------------------------------------------------------- say, branches
def enter_say(turn: Turn, node: Say) -> None:
    prompts = node.prompts
    if node.by == "time_of_day":
        daytime = daytime_of(turn.world.hours(turn.now_ms).local_time)
        prompts = tuple(f"{prompt}.{daytime}" for prompt in prompts)
    if not node.barge_in:
        turn.flush()
    slots = {name: value for name, value in turn.s.slots.items() if not name.startswith("_")}
    turn.say(prompts, **slots)
    if not node.barge_in:
        turn.flush(barge_in=False)
    turn.go("next", node.next)


def daytime_of(local_time: str) -> str:
    """``morning`` from 5, ``day`` from 12, ``evening`` from 18, ``night`` from 23 o'clock."""
    hour = int(local_time[:2])
    if 5 <= hour < 12:
        return "morning"
    if 12 <= hour < 18:
        return "day"
    return "evening" if 18 <= hour < 23 else "night"


def enter_hours(turn: Turn, node: Hours) -> None:
    state = turn.world.hours(turn.now_ms)
    if not state.open:
        if node.announce:
            turn.pending += spoken_hours(state, turn.s.language)
        turn.go("closed", node.closed)
    elif too_late(turn, state, _queue_behind(turn, node)):
        if node.announce:
            turn.say(("hours.closing",))
        if node.closing:
            turn.go("closing", node.closing)
        else:
            turn.go("closed", node.closed)
    elif state.reason == "holiday" and node.holiday:
        turn.go("holiday", node.holiday)
    else:
        turn.go("open", node.open)


def _queue_behind(turn: Turn, node: Hours) -> Queue:
    """The queue that ``open`` leads to; where something lies between, the one of ``resume``."""
    queue = turn.flow.nodes[node.open]
    if not isinstance(queue, Queue):
        queue = turn.flow.nodes[turn.flow.resume]
    assert isinstance(queue, Queue)  # ivr.dialog.check: not-a-queue
    return queue


def too_late(turn: Turn, state: HoursState, queue: Queue) -> bool:
    """Would a caller who is queued now not be served before the centre closes?"""
    if not state.closes_at_ms:
        return False
    left_ms = state.closes_at_ms - turn.now_ms
    wait = turn.world.wait(turn.s.topic or queue.topic, turn.s.language, queue.queue)
    if wait.known and wait.servable:
        return wait.high_ms > left_ms
    return left_ms < LAST_MINUTES_MS


def enter_by_topic(turn: Turn, node: ByTopic) -> None:
    topic = turn.s.topic
    label = f"cases.{topic}" if topic in node.cases else "else"
    turn.go(label, node.cases.get(topic, node.otherwise))


def enter_incident(turn: Turn, node: Incident) -> None:
    for incident in turn.world.incidents(turn.s.topic, turn.now_ms):
        text, language = incident.text.get(turn.s.language, ""), ""
        if not text and turn.s.language not in COMMON:  # a language that has only some texts
            language = turn.flow.languages[0]
            text = incident.text.get(language, "")
        if text and incident.incident_id not in turn.s.heard:
            number = incident.incident_id
            if number.isascii() and number.isdigit():
                turn.say(("incident.number",), number=number)
            turn.say_text(f"incident.text_{number}", text, language)
            if incident.expected:
                turn.say(("incident.expected",), until=incident.expected)
            turn.set(heard=(*turn.s.heard, incident.incident_id))
            turn.note("incident_heard", incident.incident_id)
    turn.go("next", node.next)


def enter_language(turn: Turn, node: LanguageNode) -> None:
    language = node.language
    if not language:
        # A language with a choice of its own is not met in passing by who looks for another one.
        own = {n.language for n in turn.flow.nodes.values() if isinstance(n, LanguageNode)}
        languages = [each for each in turn.flow.languages if each not in own] or turn.flow.languages
        now = languages.index(turn.s.language) if turn.s.language in languages else -1
        language = languages[(now + 1) % len(languages)]
    # What failed may have been the other language's recogniser; if not, that is said once more.
    turn.set(language=language, speech=turn.s.speech_at_start)
    turn.do(RememberLanguage(language))
    turn.say(node.prompts)
    turn.go("next", node.next)


def enter_goodbye(turn: Turn, node: Goodbye) -> None:
    turn.say(node.prompts)
    turn.finish()


# ---------------------------------------------------------------------------------------------- answer
def enter_answer(turn: Turn, node: Answer) -> None:
    answer = node.answer or str(turn.s.slots.get("answer", ""))
    turn.drop_slot("answer")
    if answer:
        _give(turn, node, answer)
    else:
        _ask_question(turn, node)


def _ask_question(turn: Turn, node: Answer) -> None:
    turn.ask(node.prompts, "ask", terminator="", timeout_ms=8000, speech=node.speech, expects="sentence")


def _give(turn: Turn, node: Answer, answer: str) -> None:
    turn.set(typed_ahead="")  # keys typed for menus must not skip what was asked for
    turn.slot("_answer", answer)
    turn.note("answer_given", answer)
    turn.note(f"answer.{answer}", "given")
    turn.say((f"answer.{answer}",))
    _ask_helped(turn, node)


def _ask_helped(turn: Turn, node: Answer) -> None:
    turn.ask(node.ask_helped, "helped", terminator="", speech=node.speech, expects="yes_no")


def receive_answer(turn: Turn, node: Answer, input: Input) -> None:
    if wants_person(turn, node.person, input):
        return
    if isinstance(input, SpeechFailed) and without_speech(turn):
        # Without speech a question cannot be asked, only the choice by keys remains.
        if turn.s.step == "ask":
            give_up(turn, node)
        else:
            _ask_helped(turn, node)
        return
    if turn.s.step == "ask":
        if isinstance(input, Utterance):
            meaning = turn.meaning(input, "sentence")
            if meaning.intent.startswith("answer.") and meaning.confidence >= ACCEPT_ANSWER:
                if not turn.s.topic and meaning.slots.get("topic"):
                    turn.set(topic=meaning.slots["topic"])
                turn.set(attempt=0)
                _give(turn, node, meaning.intent.removeprefix("answer."))
                return
        _failed(turn, node, input)
        return
    said = yes_or_no(turn, input)
    answer = str(turn.s.slots.get("_answer", ""))
    if said == "repeat" and repeated(turn):
        turn.say((f"answer.{answer}",))
        _ask_helped(turn, node)
    elif said in ("yes", "no"):
        result = "helped" if said == "yes" else "not_helped"
        turn.note(f"answer_{result}", answer)
        turn.note(f"answer.{answer}", result)
        turn.go(
            "helped" if said == "yes" else "not_helped", node.helped if said == "yes" else node.not_helped
        )
    else:
        _failed(turn, node, input)


def _failed(turn: Turn, node: Answer, input: Input) -> None:
    wording = failed(turn, node, "no_input" if isinstance(input, NoInput) else "no_match")
    if wording is None:
        give_up(turn, node)
        return
    turn.say(wording)
    if turn.s.step == "ask":
        _ask_question(turn, node)
    else:
        _ask_helped(turn, node)


# ---------------------------------------------------------------------------------------------- record
# Steps while the ticket is opened, by what there is to be said of the recording afterwards.
_FAILED, _TOO_LONG = "ticket_failed", "ticket_too_long"
_TICKET = ("ticket", _FAILED, _TOO_LONG)
KEPT_NOWHERE = ("lost", "too_many")  # reasons of TicketFailed; every other ticket is opened later


def enter_record(turn: Turn, node: RecordNode) -> None:
    turn.set(step="record", typed_ahead="", recording="")
    turn.say(node.prompts)
    prompts, turn.pending = tuple(turn.pending), []
    turn.actions.append(Record(prompts, node.max_s * 1000, node.silence_s * 1000))


def receive_record(turn: Turn, node: RecordNode, input: Input) -> None:
    if isinstance(input, Recorded):
        _recorded(turn, node, input)
    elif turn.s.step in _TICKET or isinstance(input, TicketOpened | TicketFailed):
        if isinstance(input, TicketFailed) and input.reason in KEPT_NOWHERE:
            _lost(turn, node)
            return
        turn.say({_FAILED: node.failed, _TOO_LONG: node.too_long}.get(turn.s.step, ()))
        if isinstance(input, TicketOpened):
            turn.slot("ticket", input.number)
            turn.say(node.number, number=input.number)
        else:
            turn.say(node.later)
        _leave(turn, node)
    elif turn.s.step == "review":
        said = yes_or_no(turn, input)
        if said == "no" and repeated(turn):
            enter_record(turn, node)
        elif said == "repeat" and repeated(turn):
            _ask_review(turn, node)
        else:
            # Silence and odd keys mean yes: what was said must not be lost to a question.
            open_ticket(turn, node)
    else:
        _recorded(turn, node, Recorded("", 0, "empty"))


def _ask_review(turn: Turn, node: RecordNode) -> None:
    turn.ask(node.ask_review, "review", terminator="", speech=True, expects="yes_no")


def _recorded(turn: Turn, node: RecordNode, done: Recorded) -> None:
    usable = bool(done.path) and done.duration_ms >= MIN_RECORDING_MS
    if done.reason in ("disk_full", "failed"):
        turn.note("recording_failed", done.reason)
        turn.set(recording=done.path if usable else "")
        if usable or turn.s.caller_number:
            open_ticket(turn, node, _FAILED)
        else:
            _lost(turn, node)  # neither his words nor whom to call
    elif done.reason == "hung_up":
        if usable:
            turn.set(recording=done.path)
            open_ticket(turn, node)
        else:
            turn.finish()
    elif not usable:
        turn.set(attempt=turn.s.attempt + 1)
        turn.say(node.empty)
        if turn.s.attempt < 2:
            enter_record(turn, node)
        else:
            turn.go("else", node.otherwise)
    else:
        turn.set(recording=done.path)
        if done.reason == "too_long":
            open_ticket(turn, node, _TOO_LONG)
        elif node.review:
            _ask_review(turn, node)
        else:
            open_ticket(turn, node)


def open_ticket(turn: Turn, node: RecordNode, step: str = "ticket") -> None:
    """Before a word is said: who hangs up at once has his ticket all the same."""
    turn.set(step=step)
    turn.do(
        OpenTicket(
            topic=node.topic or turn.s.topic,
            language=turn.s.language,
            kind=node.kind_of_ticket,
            recording=turn.s.recording,
            fields=dict(turn.s.matter),
        )
    )


def _lost(turn: Turn, node: RecordNode) -> None:
    """He is told the truth, and keeps his place or is offered a call instead."""
    turn.set(recording="")
    turn.note("request_lost")
    turn.say(node.lost)
    turn.go("else", node.otherwise)


def _leave(turn: Turn, node: RecordNode) -> None:
    turn.set(recording="")
    if turn.s.queued:
        turn.do(LeaveQueue("request", "overflowed"))
        turn.set(queued=False, first_queued_ms=0)
    turn.go("next", node.next)


# ------------------------------------------------------------------------------------ lookup, transfer
def enter_lookup(turn: Turn, node: LookUpNode) -> None:
    turn.say(node.prompts)
    turn.set(step="lookup")
    turn.do(LookUp(node.source, {name: turn.s.slots[name] for name in node.send if name in turn.s.slots}))


def receive_lookup(turn: Turn, node: LookUpNode, input: Input) -> None:
    if isinstance(input, LookUpDone) and input.failed and node.failed:
        turn.go("failed", node.failed)
        return
    if not isinstance(input, LookUpDone) or not input.found:
        turn.go("not_found", node.not_found)
        return
    turn.set(slots={**turn.s.slots, **{k: v for k, v in input.values.items() if not k.startswith("_")}})
    case = str(input.values.get(node.case, ""))
    if case in node.cases:
        turn.go(f"cases.{case}", node.cases[case])
    else:
        turn.go("found", node.found)


def enter_transfer(turn: Turn, node: TransferNode) -> None:
    turn.say(node.prompts)
    turn.set(step="transfer")
    turn.do(Transfer(node.destination))


def receive_transfer(turn: Turn, node: TransferNode, input: Input) -> None:
    if isinstance(input, TransferEnded) and input.answered:
        turn.go("next", node.next)
    else:
        turn.go("failed", node.failed)
