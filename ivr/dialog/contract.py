"""What goes into the dialogue machine and what comes out: the words between the flow and the telephone.

``advance(flow, session, input, now_ms) -> (session, actions)`` is pure. A runner (``ivr.agi.runner`` on a
real call, ``ivr.dialog.talk`` in a terminal) feeds inputs and performs actions in order, then waits for
what the *last* action waits for:

    last action           the runner answers with
    --------------------  -----------------------------------------------------------------
    Play                  PromptFinished
    Ask                   Digits | Utterance | NoInput | SpeechFailed
    Record                Recorded
    Enqueue / Hold        Waited (every ``announce_every_ms``) | Digits | Utterance (while holding)
                          | ConversationEnded | QueueReleased
    OpenTicket            TicketOpened | TicketFailed
    LookUp                LookUpDone
    Transfer              TransferEnded
    Disconnect            nothing: the call is over

Play, Enqueue and the rest that are not last wait for nothing but their own end (Play before Ask: to its
end). No actions at all: go on with what you were waiting for. Keys pressed while a Play before Hold is
heard are Digits of that Hold; ``terminator=""``: no key ends the digits, # is a key like others.
A caller who leaves the queue by his own choice has a LeaveQueue or RequestCallback among the actions;
after QueueReleased and ConversationEnded there is none.

``HungUp`` may come at any moment; the machine may answer it with OpenTicket, LeaveQueue, Note only.
An offered agent is the runner's business: it stops whatever is being played, connects, and reports
ConversationEnded.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from ivr.dialog.ports import Appointment, Hearing

Value = str | int | bool | tuple[int, int]


@dataclass(frozen=True, slots=True)
class Prompt:
    """A text of the catalogue with its slots filled: ``Prompt("queue.place", {"place": 2})``.

    ``text`` set: a dynamic text (a known incident, an answer), rendered on demand under ``prompt_id``;
    ``language`` is the text's when it is another one than the caller's.
    """

    prompt_id: str
    slots: Mapping[str, Value] = field(default_factory=dict)
    text: str = ""
    language: str = ""


# ----------------------------------------------------------------------------------------------- inputs
@dataclass(frozen=True, slots=True)
class Input:
    """Base of what happens to a call."""


@dataclass(frozen=True, slots=True)
class KeptBefore:
    """What is kept for a caller who calls again: a callback that is to be made, or a dropped call's place."""

    what: Literal["callback", "dropped"]
    topic: str = ""
    place: int = 0  # 0: not known, or its time is yet to come
    time: Appointment | None = None  # that he chose, when it is yet to come
    matter: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class CallStarted(Input):
    call_id: str
    caller_number: str  # digits with country code, "" when withheld
    dialled: str
    language: str = ""  # remembered for the number, "" when unknown
    first_queued_ms: int = 0  # set when the daemon came back and takes a waiting caller again
    resumed_topic: str = ""  # the topic he waited for then
    called_back: bool = False  # we have rung him, as he asked; ``first_queued_ms`` is the place he kept
    matter: Mapping[str, Value] = field(default_factory=dict)  # what he told us when he asked to be called
    kept: KeptBefore | None = None


@dataclass(frozen=True, slots=True)
class PromptFinished(Input):
    pass


@dataclass(frozen=True, slots=True)
class Digits(Input):
    keys: str  # 0-9 * #; the terminator is not included


@dataclass(frozen=True, slots=True)
class Utterance(Input):
    text: str
    confidence: float = 1.0  # 0..1
    alternatives: tuple[Hearing, ...] = ()  # what it may have been instead, the likeliest first


@dataclass(frozen=True, slots=True)
class NoInput(Input):
    pass


@dataclass(frozen=True, slots=True)
class SpeechFailed(Input):
    """Recognition is not to be had now: go on with keys."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class Recorded(Input):
    path: str  # "" when nothing usable was recorded
    duration_ms: int
    reason: Literal["finished", "empty", "too_long", "disk_full", "failed", "hung_up"] = "finished"


@dataclass(frozen=True, slots=True)
class Waited(Input):
    """Still in the queue; place 0: not known just now. ``heard``: words are listened for over the music."""

    waited_ms: int
    place: int
    low_ms: int
    high_ms: int
    heard: bool = False


@dataclass(frozen=True, slots=True)
class ConversationEnded(Input):
    agent_id: str
    talk_ms: int


@dataclass(frozen=True, slots=True)
class QueueReleased(Input):
    """Nobody will serve him: ``nobody_can_serve``, ``waited_too_long``, ``closed``, ``queue_down``."""

    reason: str


@dataclass(frozen=True, slots=True)
class TicketOpened(Input):
    number: str


@dataclass(frozen=True, slots=True)
class TicketFailed(Input):
    """Not stored now, but spooled: it will become a ticket later. Unless ``reason`` is ``lost`` (no room for
    it anywhere) or ``too_many`` (of one call)."""

    reason: str = ""


@dataclass(frozen=True, slots=True)
class LookUpDone(Input):
    found: bool
    values: Mapping[str, Value] = field(default_factory=dict)
    failed: bool = False  # the source did not answer: whether there is anything to find is not known


@dataclass(frozen=True, slots=True)
class TransferEnded(Input):
    answered: bool


@dataclass(frozen=True, slots=True)
class HungUp(Input):
    pass


# ---------------------------------------------------------------------------------------------- actions
@dataclass(frozen=True, slots=True)
class Action:
    """Base of what the telephone is to do."""


@dataclass(frozen=True, slots=True)
class Play(Action):
    prompts: tuple[Prompt, ...]
    barge_in: bool = True  # keys pressed meanwhile are kept for the next Ask; False for required notices


@dataclass(frozen=True, slots=True)
class Ask(Action):
    """Play and listen at once, keys and speech."""

    prompts: tuple[Prompt, ...]
    max_digits: int = 1  # of a number (more than one) there may come more, when too many were typed
    terminator: str = "#"
    timeout_ms: int = 6000  # silence after the prompt
    interdigit_ms: int = 3000
    barge_in: bool = True
    speech: bool = False
    expects: Literal["choice", "yes_no", "digits", "date", "sentence"] = "choice"
    phrases: tuple[str, ...] = ()  # grammar for the recogniser; () with speech: free speech
    corrects: int = 0  # digits of a number that a yes or no is about, and that the answer may put right
    lead: int = 0  # so many of the prompts come before the question itself: said even when speech fails


@dataclass(frozen=True, slots=True)
class Record(Action):
    prompts: tuple[Prompt, ...]
    max_ms: int = 120_000
    silence_ms: int = 4000
    terminator: str = "#"
    beep: bool = True


@dataclass(frozen=True, slots=True)
class Enqueue(Action):
    queue: str
    topic: str
    language: str
    priority: int = 0
    min_level: int = 1
    first_queued_ms: int = 0
    announce_every_ms: int = 30_000
    whisper: tuple[Prompt, ...] = ()  # what the agent hears before the caller
    notes: Mapping[str, Value] = field(default_factory=dict)  # the matter laid out for the agent


@dataclass(frozen=True, slots=True)
class Hold(Action):
    """Go on waiting: ``prompts`` once, then music; ``speech``: words are listened for over both."""

    announce_every_ms: int = 30_000
    prompts: tuple[Prompt, ...] = ()
    speech: bool = False


@dataclass(frozen=True, slots=True)
class Brief(Action):
    """What the agent should know of the matter by now: replaces the ``notes`` of the Enqueue before it.

    Sent while the caller waits (a guided talk), waits for nothing.
    """

    notes: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LeaveQueue(Action):
    reason: str
    outcome: Literal["abandoned", "overflowed", "called_back", "transferred", "failed"] = "overflowed"


@dataclass(frozen=True, slots=True)
class RequestCallback(Action):
    """Give up the line but not the place; who does not wait has one from now on, or from ``at_ms``."""

    number: str
    at_ms: int = 0  # 0: at his turn
    queue: str = "main"  # of a caller who does not wait, as the next three
    topic: str = ""
    language: str = ""
    min_level: int = 1
    notes: Mapping[str, Value] = field(default_factory=dict)  # the matter, for the agent
    recording: str = ""  # his question in his own words


@dataclass(frozen=True, slots=True)
class CancelCallback(Action):
    """The callback of ``CallStarted.kept`` is not wanted any more."""


@dataclass(frozen=True, slots=True)
class OpenTicket(Action):
    topic: str
    language: str
    kind: Literal["request", "callback", "complaint"] = "request"
    text: str = ""
    recording: str = ""
    fields: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class LookUp(Action):
    """Ask a named source (``application_status`` …) of the hotline's integrations."""

    source: str
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SaveMark(Action):
    mark: int


@dataclass(frozen=True, slots=True)
class RememberLanguage(Action):
    language: str


@dataclass(frozen=True, slots=True)
class Transfer(Action):
    destination: str


@dataclass(frozen=True, slots=True)
class Note(Action):
    """A fact for the call's summary line and for measuring: ``answer_helped``, ``no_match`` …"""

    name: str
    value: Value = True


@dataclass(frozen=True, slots=True)
class Disconnect(Action):
    pass
