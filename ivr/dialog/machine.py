"""The dialogue machine: ``advance(flow, session, input, now_ms) -> (session, actions)``, pure.

Rules
  * The same flow, session, input, time and world give the same result; nothing is kept between calls.
  * Whatever comes in, a live session ends its step waiting for something or disconnects: no input may
    leave a caller in silence. An input that the node does not expect counts as a failed attempt.
  * A caller who hangs up while his request is recorded or reviewed still has his ticket.
  * At most ``MAX_STEPS`` nodes are passed in one call; a flow that passes more cannot end, says so and stops.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from ivr.dialog import asking, calling_back, giving, kept, menu, waiting
from ivr.dialog.contract import (
    Action,
    CallStarted,
    Digits,
    Disconnect,
    HungUp,
    Input,
    LeaveQueue,
    PromptFinished,
    Waited,
)
from ivr.dialog.model import (
    Answer,
    ByTopic,
    Callback,
    Confirm,
    Flow,
    Goodbye,
    Hours,
    Incident,
    InQueue,
    Kept,
    LanguageNode,
    LookUpNode,
    Menu,
    Node,
    Number,
    Question,
    Queue,
    RecordNode,
    Say,
    Survey,
    TransferNode,
)
from ivr.dialog.ports import Appointment, Expects, Hearing, HoursState, KnownIncident, Meaning, Wait, World
from ivr.dialog.session import Session
from ivr.dialog.turn import Turn

MAX_STEPS = 100


class AlwaysOpen:
    """A world without hours, incidents or understanding: for tests and for the first minute of a hotline."""

    def hours(self, now_ms: int) -> HoursState:
        return HoursState(True, "regular", "", "")

    def wait(self, topic: str, language: str, queue: str) -> Wait:
        return Wait()

    def incidents(self, topic: str, now_ms: int) -> tuple[KnownIncident, ...]:
        return ()

    def understand(self, text: str, language: str, expects: Expects) -> Meaning:
        return Meaning()

    def snils(self, heard: Sequence[Sequence[Hearing]], language: str, denied: Collection[str] = ()) -> str:
        return ""

    def callback_times(self, number: str, now_ms: int) -> tuple[Appointment, ...]:
        return ()


ALWAYS_OPEN: World = AlwaysOpen()

Enter = Callable[[Turn, Any], None]
Receive = Callable[[Turn, Any, Input], None]


def _unexpected(turn: Turn, node: Node, input: Input) -> None:
    """A node that waits for nothing was given something (a late reply): do again what it does."""
    turn.target = node.id


HANDLERS: dict[type[Node], tuple[Enter, Receive]] = {
    Say: (giving.enter_say, _unexpected),
    Menu: (menu.enter_menu, menu.receive_menu),
    Question: (asking.enter_question, asking.receive_question),
    Number: (asking.enter_number, asking.receive_number),
    Confirm: (asking.enter_confirm, asking.receive_confirm),
    LookUpNode: (giving.enter_lookup, giving.receive_lookup),
    Answer: (giving.enter_answer, giving.receive_answer),
    RecordNode: (giving.enter_record, giving.receive_record),
    Queue: (waiting.enter_queue, waiting.receive_queue),
    Callback: (calling_back.enter_callback, calling_back.receive_callback),
    Kept: (kept.enter_kept, kept.receive_kept),
    TransferNode: (giving.enter_transfer, giving.receive_transfer),
    Hours: (giving.enter_hours, _unexpected),
    LanguageNode: (giving.enter_language, _unexpected),
    Survey: (asking.enter_survey, asking.receive_survey),
    Incident: (giving.enter_incident, _unexpected),
    ByTopic: (giving.enter_by_topic, _unexpected),
    InQueue: (waiting.enter_in_queue, _unexpected),
    Goodbye: (giving.enter_goodbye, _unexpected),
}


def start(flow: Flow, call: CallStarted, *, speech: bool = False) -> Session:
    """The session of a new call; give it the same ``call`` through ``advance`` to hear the first words."""
    language = call.language if call.language in flow.languages else flow.languages[0]
    return Session(
        flow_version=flow.version,
        call_id=call.call_id,
        caller_number=call.caller_number,
        dialled=call.dialled,
        language=language,
        node=flow.start,
        topic=call.resumed_topic,
        first_queued_ms=call.first_queued_ms,
        matter=dict(call.matter),
        kept=call.kept,
        speech=speech,
        speech_at_start=speech,
    )


def advance(
    flow: Flow, session: Session, input: Input, now_ms: int, world: World = ALWAYS_OPEN
) -> tuple[Session, tuple[Action, ...]]:
    """What the call does after ``input`` at ``now_ms`` (Unix milliseconds)."""
    if session.ended:
        return session, (() if isinstance(input, HungUp) else (Disconnect(),))
    turn = Turn(flow, session, now_ms, world)
    if isinstance(input, HungUp):
        _hung_up(turn)
    elif isinstance(input, CallStarted):
        _begin(turn, input)
    elif waiting.queue_event(turn, input):
        pass
    elif isinstance(input, Waited) and turn.s.step != "hold":
        return session, ()  # he is listening to something else; his place is announced when he is back
    elif isinstance(input, PromptFinished) and turn.s.step:
        return session, ()
    else:
        _receive(turn, input)
    _run(turn)
    return turn.s, tuple(turn.actions)


def _begin(turn: Turn, call: CallStarted) -> None:
    turn.target = turn.flow.start
    if call.first_queued_ms and isinstance(queue := turn.flow.nodes.get(turn.flow.resume), Queue):
        turn.say(queue.called_back if call.called_back else queue.back)
        turn.note("called_back" if call.called_back else "resumed")
        turn.target = queue.id


def _receive(turn: Turn, input: Input) -> None:
    node = turn.node()
    HANDLERS[type(node)][1](turn, node, input)


def _run(turn: Turn) -> None:
    """Pass from node to node until the call waits for something."""
    for _ in range(MAX_STEPS):
        if turn.s.ended:
            return
        if turn.inbox is not None:
            keys, turn.inbox = turn.inbox, None
            _receive(turn, keys)
        elif turn.target:
            target, turn.target = turn.target, ""
            turn.set(node=target)
            node = turn.flow.nodes[target]
            HANDLERS[type(node)][0](turn, node)
        else:
            turn.flush()
            return
    turn.note("flow_does_not_end", turn.s.node)
    turn.pending = []
    turn.say(("error.sorry",))
    turn.finish()


def _hung_up(turn: Turn) -> None:
    node = turn.node()
    if isinstance(node, RecordNode) and turn.s.step == "review" and turn.s.recording:
        giving.open_ticket(turn, node)
    if turn.s.queued:
        turn.do(LeaveQueue("hung_up", "abandoned"))
    turn.note("hung_up_at", turn.s.node)
    turn.set(ended=True, queued=False)


__all__ = ["ALWAYS_OPEN", "AlwaysOpen", "Digits", "advance", "start"]
