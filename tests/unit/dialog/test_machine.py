"""The machine's own promises, apart from any particular hotline."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

import pytest

from ivr.dialog import session as sessions
from ivr.dialog.asking import MAX_REPEATS
from ivr.dialog.contract import (
    Ask,
    CallStarted,
    Digits,
    Disconnect,
    Enqueue,
    Hold,
    HungUp,
    Input,
    LeaveQueue,
    LookUp,
    LookUpDone,
    NoInput,
    Note,
    OpenTicket,
    Play,
    Prompt,
    PromptFinished,
    QueueReleased,
    Record,
    Recorded,
    SaveMark,
    SpeechFailed,
    TicketOpened,
    Transfer,
    TransferEnded,
    Utterance,
    Waited,
)
from ivr.dialog.flow import parse
from ivr.dialog.machine import ALWAYS_OPEN, AlwaysOpen, advance, start
from ivr.dialog.ports import Expects, Hearing, HoursState, Meaning, Wait, World

HEAD = "languages: [ru, en]\nstart: first\nresume: wait\nnodes:\n"
TAIL = """
  wait: {kind: queue, prompts: entered, next: mark, else: bye, announce_s: 20, first_announce_s: 4,
         whisper: whisper.call, options: {2: {go: speak}}}
  mark: {kind: survey, prompts: survey, next: bye}
  speak: {kind: record, prompts: speak, next: bye, else: bye}
  bye: {kind: goodbye, prompts: bye}
"""
CALL = CallStarted("c1", "79161234567", "8800")


class Driver:
    """A call on a flow of a few nodes; the session goes through JSON at each step."""

    def __init__(
        self, nodes: str, call: CallStarted = CALL, *, speech: bool = False, world: World = ALWAYS_OPEN
    ) -> None:
        self.world = world
        self.flow = parse({"main.yaml": HEAD + nodes + TAIL})
        self.session = start(self.flow, call, speech=speech)
        self.actions = self.give(call)

    def give(self, event: Input, now_ms: int = 1_000) -> tuple[object, ...]:
        self.session, actions = advance(self.flow, self.session, event, now_ms, self.world)
        self.session = sessions.load(json.loads(json.dumps(sessions.dump(self.session))))
        self.actions = tuple(action for action in actions if not isinstance(action, Note))
        return self.actions

    @property
    def node(self) -> str:
        return self.session.node


MENU = """
  first: {kind: say, prompts: hello, next: menu}
  menu: {kind: menu, prompts: choose, person: wait, else: wait,
         no_input: [quiet, very_quiet], no_match: [odd],
         attempts: 3, give_up: sorry, options: {
         1: {say: one, go: wait, topic: access, phrases: {ru: [вход]}}, 2: {say: two, go: menu2}}}
  menu2: {kind: menu, prompts: choose2, person: wait, else: wait, options: {1: {say: one, go: bye}}}
"""


def ids(action: object) -> list[str]:
    assert isinstance(action, Ask | Play | Record)
    return [prompt.prompt_id for prompt in action.prompts]


def test_what_is_said_before_a_question_is_part_of_it() -> None:
    call = Driver(MENU)
    [ask] = call.actions
    assert ids(ask) == ["hello", "choose", "one", "two"]
    assert isinstance(ask, Ask)
    assert (ask.max_digits, ask.terminator, ask.speech) == (1, "", False)


def test_attempts_are_worded_differently_and_end_with_a_person() -> None:
    call = Driver(MENU)
    assert ids(call.give(NoInput())[0]) == ["quiet", "one", "two"]
    assert ids(call.give(NoInput())[0]) == ["very_quiet", "one", "two"]
    sorry, enqueue, entered, hold = call.give(NoInput())
    assert (ids(sorry), ids(entered)) == (["sorry"], ["entered"])
    assert isinstance(enqueue, Enqueue)
    assert hold == Hold(4_000)
    assert call.session.notes["no_input"] == 3


def test_keys_typed_ahead_answer_the_next_questions() -> None:
    call = Driver(MENU)
    assert [type(a) for a in call.give(Digits("21"))] == [Play, Disconnect]
    assert call.session.path == ("main.first>next", "main.menu>2", "main.menu2>1")


def test_a_wrong_key_forgets_those_behind_it() -> None:
    call = Driver(MENU)
    assert ids(call.give(Digits("921"))[0]) == ["odd", "one", "two"]
    assert call.session.typed_ahead == ""


def test_a_stuck_key_ends_with_a_person() -> None:
    call = Driver(MENU)
    for _ in range(20):
        call.give(Digits("*"))
        if call.node == "main.wait":
            break
    assert call.node == "main.wait"


def test_enqueue_carries_the_matter_and_the_time() -> None:
    call = Driver(MENU)
    enqueue, entered, hold = call.give(Digits("1"), now_ms=5_000)
    assert ids(entered) == ["entered"]
    assert hold == Hold(4_000)
    assert enqueue == Enqueue(
        "main",
        "access",
        "ru",
        first_queued_ms=5_000,
        announce_every_ms=4_000,
        whisper=(Prompt("whisper.call"), Prompt("topic.access")),
    )


def test_a_caller_who_was_waiting_before_a_restart_goes_back_with_his_time() -> None:
    call = Driver(MENU, CallStarted("c1", "7916", "8800", first_queued_ms=777, resumed_topic="documents"))
    back, enqueue, *_ = call.actions
    assert ids(back) == ["queue.back"]
    assert isinstance(enqueue, Enqueue)
    assert (enqueue.first_queued_ms, enqueue.topic) == (777, "documents")


def test_a_customer_who_is_called_back_hears_who_calls_and_waits_in_his_place() -> None:
    started = CallStarted(
        "n1-cb-1", "7916", "8800", first_queued_ms=777, resumed_topic="documents", called_back=True
    )
    hello, enqueue, *_ = Driver(MENU, started).actions
    assert ids(hello) == ["callback.hello"]
    assert isinstance(enqueue, Enqueue)
    assert (enqueue.first_queued_ms, enqueue.topic) == (777, "documents")


def test_hanging_up_in_the_queue_leaves_it() -> None:
    call = Driver(MENU)
    call.give(Digits("1"))
    assert call.give(HungUp()) == (LeaveQueue("hung_up", "abandoned"),)
    assert call.give(HungUp()) == ()
    assert call.give(PromptFinished()) == (Disconnect(),)


def test_a_place_that_is_not_known_is_said_to_be_kept() -> None:
    call = Driver(MENU)
    call.give(Digits("1"))
    play, hold = call.give(Waited(4_000, 0, 0, 0))
    assert ids(play)[0] == "queue.unknown"
    assert hold == Hold(20_000)


def test_a_worse_place_is_not_told() -> None:
    call = Driver(MENU)
    call.give(Digits("1"))
    call.give(Waited(4_000, 2, 0, 60_000))
    play, _ = call.give(Waited(24_000, 3, 0, 90_000))
    assert ids(play) == ["queue.still_2"]


def test_an_announcement_does_not_disturb_what_he_listens_to() -> None:
    call = Driver(MENU)
    call.give(Digits("1"))
    call.give(Digits("2"))
    assert call.node == "main.speak"
    assert call.give(Waited(4_000, 2, 0, 0)) == ()
    assert call.node == "main.speak"


def test_the_queue_may_let_him_go_while_he_speaks() -> None:
    call = Driver(MENU)
    call.give(Digits("1"))
    call.give(Digits("2"))
    assert [type(a) for a in call.give(QueueReleased("closed"))] == [Play, Disconnect]


def test_a_call_that_ends_while_waiting_gives_its_place_back() -> None:
    call = Driver("  first: {kind: say, prompts: hello, next: wait}")
    call.give(Digits("2"))
    call.give(Recorded("/r", 5_000))
    call.give(Digits("1"))
    actions = call.give(TicketOpened("123"))
    assert [type(a) for a in actions] == [Play, LeaveQueue, Play, Disconnect]


@pytest.mark.parametrize(("reason", "length_ms", "path", "kept"), [("hung_up", 5_000, "/r", True), ("hung_up", 300, "/r", False), ("hung_up", 0, "", False)])  # fmt: skip # noqa: E501
def test_hanging_up_while_recording(reason: str, length_ms: int, path: str, kept: bool) -> None:
    call = Driver("  first: {kind: say, prompts: hello, next: speak}")
    actions = call.give(Recorded(path, length_ms, "hung_up"))
    if kept:
        [ticket] = actions
        assert isinstance(ticket, OpenTicket)
        assert ticket.recording == path
        assert isinstance(call.give(TicketOpened("1"))[-1], Disconnect)
    else:
        assert [type(a) for a in actions] == [Disconnect]
    assert call.session.ended


def test_hanging_up_at_the_review_keeps_the_request() -> None:
    call = Driver("  first: {kind: say, prompts: hello, next: speak}")
    call.give(Recorded("/r", 5_000))
    ticket = call.give(HungUp())[0]
    assert isinstance(ticket, OpenTicket)
    assert ticket.recording == "/r"


def test_a_report_that_nobody_expects_does_not_leave_him_in_silence() -> None:
    call = Driver("  first: {kind: say, prompts: hello, next: speak}")
    assert ids(call.give(NoInput())[0]) == ["record.empty", "speak"]
    call.give(Recorded("/r", 5_000))
    call.give(Digits("1"))
    assert ids(call.give(NoInput())[0]) == ["record.later", "bye"]  # the desk said nothing in time


@pytest.mark.parametrize(
    ("reason", "wording"), [("disk_full", "record.failed"), ("too_long", "record.too_long")]
)
def test_what_was_recorded_is_a_ticket_before_the_caller_hears_of_it(reason: str, wording: str) -> None:
    call = Driver("  first: {kind: say, prompts: hello, next: speak}")
    (ticket,) = call.give(Recorded("/r", 5_000, reason))
    assert isinstance(ticket, OpenTicket), "he may hang up at the first word"
    assert ticket.recording == "/r"
    assert ids(call.give(TicketOpened("104"))[0]) == [wording, "record.number", "bye"]


LOOKUP = """
  first: {kind: ask_number, prompts: number, into: application, min_digits: 4, max_digits: 6, next: sure,
          else: wait, person: wait}
  sure: {kind: confirm, prompts: sure, yes: look, no: first, else: wait}
  look: {kind: lookup, source: application_status, send: application, prompts: moment, found: tell,
         not_found: wait, case: status, cases: {rejected: wait}}
  tell: {kind: say, prompts: status, next: bye}
"""


def test_a_number_is_asked_confirmed_and_looked_up() -> None:
    call = Driver(LOOKUP)
    assert ids(call.give(Digits("12"))[0]) == ["retry.no_match", "number"]
    [ask] = call.give(Digits("12345"))
    assert isinstance(ask, Ask)
    assert ask.prompts == (Prompt("sure", {"application": "12345"}),)
    play, look = call.give(Digits("1"))
    assert look == LookUp("application_status", {"application": "12345"})
    play, _ = call.give(LookUpDone(found=True, values={"status": "accepted"}))
    assert isinstance(play, Play)
    assert play.prompts[0] == Prompt("status", {"application": "12345", "status": "accepted"})


@pytest.mark.parametrize(
    "done", [LookUpDone(found=False), LookUpDone(found=True, values={"status": "rejected"})]
)
def test_a_lookup_that_finds_nothing_or_a_case(done: LookUpDone) -> None:
    call = Driver(LOOKUP)
    call.give(Digits("12345"))
    call.give(Digits("1"))
    assert Enqueue in map(type, call.give(done))


def test_a_number_is_corrected_and_zero_leads_to_a_person() -> None:
    call = Driver(LOOKUP)
    call.give(Digits("12345"))
    call.give(Digits("2"))
    assert call.node == "main.first"
    assert Enqueue in map(type, call.give(Digits("0")))


@pytest.mark.parametrize(
    ("said", "confidence", "node"),
    [
        ("да", 0.7, "main.wait"),
        ("нет", 0.7, "main.first"),
        ("да", 0.69, "main.sure"),
        ("нет", 0.69, "main.sure"),
        ("не", 0.6, "main.sure"),
        ("не понял", 0.5, "main.sure"),
    ],
)
def test_a_yes_or_no_counts_only_when_it_is_sure(said: str, confidence: float, node: str) -> None:
    call = Driver(LOOKUP.replace("yes: look", "yes: wait"), speech=True)
    call.give(Digits("12345"))
    call.give(Utterance(said, confidence))
    assert call.node == node
    assert call.session.notes.get("no_match", 0) == (node == "main.sure" and said != "не понял")


def test_a_number_is_told_in_words() -> None:
    call = Driver(LOOKUP, speech=True)
    call.give(Utterance("четыре ноль семь один"))
    assert call.session.slots["application"] == "4071"


@pytest.mark.parametrize(("keys", "kept"), [("11223344595", "11223344595"), ("11223344594", None), ("00100199700", "00100199700")])  # fmt: skip # noqa: E501
def test_a_snils_is_checked_and_not_laid_out(keys: str, kept: str | None) -> None:
    node = "  first: {kind: ask_number, prompts: n, into: snils, check: snils, min_digits: 11, max_digits: 11, next: wait, else: wait}"  # noqa: E501
    call = Driver(node)
    call.give(Digits(keys))
    assert call.session.slots.get("snils") == kept
    assert "snils" not in call.session.notes


@pytest.mark.parametrize(("keys", "kept"), [("29022024", "2024-02-29"), ("29022023", None), ("1", None)])
def test_a_date_is_checked(keys: str, kept: str | None) -> None:
    node = "  first: {kind: ask_number, prompts: n, into: day, check: date, min_digits: 8, max_digits: 8, next: wait, else: wait}"  # noqa: E501
    call = Driver(node)
    call.give(Digits(keys))
    assert call.session.slots.get("day") == kept


def test_a_date_is_the_day_for_which_most_ways_to_hear_it_speak() -> None:
    node = (
        "  first: {kind: ask_number, prompts: n, into: day, check: date, next: wait, else: wait, speech: yes}"
    )
    fifth, fifteenth = "пятое мая восемьдесят пятого", "пятнадцатое мая восемьдесят пятого"
    others = (Hearing(fifteenth, 0.2), Hearing(f"{fifth} года", 0.5), Hearing(f"{fifteenth} года", 0.9))
    call = Driver(node, speech=True)
    call.give(Utterance("пятое ноль", 0.5, (Hearing(fifth, 0.1), *others)))
    assert call.session.slots.get("day") == "1985-05-05"
    call = Driver(node, speech=True)
    call.give(Utterance("пятое ноль", 0.5, (Hearing("не помню", 0.1),)))
    assert "day" not in call.session.slots


def test_transfer_and_its_failure() -> None:
    nodes = "  first: {kind: transfer, destination: duty, prompts: moment, next: mark, failed: wait}"
    call = Driver(nodes)
    assert [type(a) for a in call.actions] == [Play, Transfer]
    assert Enqueue in map(type, call.give(TransferEnded(answered=False)))
    call = Driver(nodes)
    assert ids(call.give(TransferEnded(answered=True))[0]) == ["survey"]
    assert call.give(Digits("4"))[0] == SaveMark(4)


def test_a_question_lays_the_matter_out_for_the_specialist() -> None:
    nodes = """
  first: {kind: question, prompts: q, into: what, next: wait, skip: wait, options: {1: {say: a, value: вход}}}
"""
    call = Driver(nodes)
    enqueue = call.give(Digits("1"))[0]
    assert isinstance(enqueue, Enqueue)
    assert enqueue.notes == {"what": "вход"}


def test_speech_that_fails_goes_on_with_keys_and_is_not_an_attempt() -> None:
    call = Driver(MENU, speech=True)
    [ask] = call.actions
    assert isinstance(ask, Ask)
    assert ask.speech
    [ask] = call.give(SpeechFailed("down"))
    assert isinstance(ask, Ask)
    assert (ids(ask), ask.speech) == (["choose", "one", "two"], False)
    assert call.session.attempt == 0
    assert ids(call.give(SpeechFailed("down"))[0])[0] == "quiet"


class Evening(AlwaysOpen):
    """Closes at 1,000,000 ms; the wait is given."""

    def __init__(self, wait: Wait) -> None:
        self._wait = wait

    def hours(self, now_ms: int) -> HoursState:
        return HoursState(True, "regular", "", "", closes_at_ms=1_000_000)

    def wait(self, topic: str, language: str, queue: str) -> Wait:
        self.asked = (topic, language, queue)
        return self._wait


@pytest.mark.parametrize(
    ("wait", "now_ms", "queued"),
    [
        (Wait(0, 60_000, known=True), 930_000, True),  # a minute's wait, more than a minute left
        (Wait(0, 60_000, known=True), 950_000, False),
        (Wait(0, 900_000, known=True), 300_000, False),  # a long queue closes earlier
        (Wait(0, 0, known=True), 999_000, True),  # somebody is free
        (Wait(), 300_000, True),  # not known: the last ten minutes
        (Wait(), 500_000, False),
        (Wait(0, 0, servable=False, known=True), 500_000, False),
    ],
)
def test_nobody_is_queued_who_cannot_be_served_today(wait: Wait, now_ms: int, queued: bool) -> None:
    nodes = "  first: {kind: hours, open: wait, closing: speak, closed: bye}"
    flow = parse({"main.yaml": HEAD + nodes + TAIL})
    _, actions = advance(flow, start(flow, CALL), CALL, now_ms, Evening(wait))
    assert (Enqueue in map(type, actions)) is queued
    assert (Record in map(type, actions)) is not queued


def test_the_wait_before_closing_is_that_of_the_queue_ahead() -> None:
    evening = Evening(Wait(0, 60_000, known=True))
    nodes = """
  first: {kind: hours, open: experts, closed: bye}
  experts: {kind: queue, queue: second, topic: rare, next: bye, else: bye}
"""
    Driver(nodes, world=evening)
    assert evening.asked == ("rare", "ru", "second")
    Driver(
        "  first: {kind: hours, open: other, closed: bye}\n  other: {kind: say, prompts: a, next: wait}",
        world=evening,
    )
    assert evening.asked == ("", "ru", "main"), "something lies between: the queue of 'resume'"


def test_a_flow_that_does_not_end_says_sorry() -> None:
    call = Driver(
        "  first: {kind: say, prompts: a, next: second}\n  second: {kind: say, prompts: b, next: first}"
    )
    play, end = call.actions
    assert ids(play) == ["error.sorry"]
    assert isinstance(end, Disconnect)


def test_a_notice_that_nobody_may_skip() -> None:
    call = Driver("  first: {kind: say, prompts: notice, barge_in: no, next: wait}")
    notice, _, entered, _ = call.actions
    assert isinstance(notice, Play)
    assert not notice.barge_in
    assert isinstance(entered, Play)
    assert entered.barge_in


class _HearsTwice(AlwaysOpen):
    """Makes a number of the second reading only, and only knowing the first and what was denied."""

    def snils(self, heard: Sequence[Sequence[Hearing]], language: str, denied: Collection[str] = ()) -> str:
        first, second = (Hearing("раз"), Hearing("рад", 1.5)), (Hearing("два"),)
        if tuple(heard) == (first, ()):
            return "11223344595"
        return "00100199700" if (tuple(heard), tuple(denied)) == ((second, first), ("11223344595",)) else ""


def test_a_denied_snils_is_weighed_together_with_its_next_reading() -> None:
    nodes = (
        "  first: {kind: ask_number, prompts: n, into: snils, check: snils, min_digits: 11, max_digits: 11,"
        " next: right, else: wait, speech: yes}\n"
        "  right: {kind: confirm, prompts: n, yes: wait, no: first, else: wait}"
    )
    call = Driver(nodes, world=_HearsTwice(), speech=True)
    call.give(Utterance("раз", 0.9, (Hearing("рад", 1.5),)))
    assert (call.node, call.session.slots["snils"]) == ("main.right", "11223344595")
    call.give(Digits("2"))
    call.give(Utterance("два"))
    assert (call.node, call.session.slots["snils"]) == ("main.right", "00100199700")
    assert not {"snils", "_heard_snils"} & {*call.session.notes, *call.session.matter}


READ_BACK = (
    "  first: {kind: ask_number, prompts: n, into: snils, check: snils, min_digits: 11, max_digits: 11,"
    " next: right, else: wait, speech: yes}\n"
    "  right: {kind: confirm, prompts: back, corrects: snils, yes: wait, no: first, else: wait}"
)


class _HearsNo(AlwaysOpen):
    def understand(self, text: str, language: str, expects: Expects) -> Meaning:
        return Meaning("no", 0.9) if text.startswith("нет") else Meaning()


def test_a_number_that_is_read_back_can_be_put_right_in_the_answer() -> None:
    call = Driver(READ_BACK, speech=True, world=_HearsNo())
    (ask,) = call.give(Digits("11223344595"))
    assert isinstance(ask, Ask) and (ask.expects, ask.corrects) == ("yes_no", 11)
    # Check digits choose among the ways to hear it: 112 233 440 90.
    wrong, right = "нет в конце сорок четыре девять девять", "нет в конце сорок четыре ноль девяносто"
    (again,) = call.give(Utterance(wrong, 0.9, (Hearing(right, 1.0),)))
    assert isinstance(again, Ask) and again.prompts[0].slots["snils"] == "11223344090"
    assert call.node == "main.right"
    assert "snils" not in {**call.session.notes, **call.session.matter}
    call.give(Utterance("да"))
    assert call.node == "main.wait"


@pytest.mark.parametrize("said", ["нет", "нет третья группа сто", "нет сто двадцать"])
def test_who_says_no_and_nothing_that_can_be_right_is_asked_anew(said: str) -> None:
    call = Driver(READ_BACK, speech=True, world=_HearsNo())
    call.give(Digits("11223344595"))
    call.give(Utterance(said))
    assert call.node == "main.first"


def test_without_end_nobody_corrects() -> None:
    call = Driver(READ_BACK, speech=True, world=_HearsNo())
    call.give(Digits("11223344595"))
    nodes = []
    for said in ("сорок четыре ноль девяносто", "сорок четыре пять девяносто пять") * 5:
        call.give(Utterance(f"нет в конце {said}"))
        nodes.append(call.node)
    assert nodes.count("main.right") == MAX_REPEATS and "main.first" in nodes
