"""A telephone without a telephone: the hotline's dialogue played by typed commands.

Used by ``dozvon talk`` and by the dialogue transcripts of the tests. It answers the machine as a real call
would: prompts are heard to their end, a ticket is opened, a queue moves on by one place at each ``wait``.

Commands (``HELP``)::

    press 12#        keys                       say WORDS      speech
    wait             silence, or time in the queue
    record SECONDS   speak after the tone       answered       a specialist answers and hangs up again
    released REASON  the queue lets the caller go               hangup
    fail WHAT        what comes next fails: speech, ticket, ticket lost, disk, transfer, lookup
    later SECONDS    the clock moves on
    found NAME=VALUE the next look-up finds this
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from ivr.dialog.contract import (
    Action,
    Ask,
    CallStarted,
    ConversationEnded,
    Digits,
    Disconnect,
    Enqueue,
    Hold,
    HungUp,
    Input,
    LookUp,
    LookUpDone,
    NoInput,
    OpenTicket,
    Play,
    Prompt,
    PromptFinished,
    QueueReleased,
    Record,
    Recorded,
    SpeechFailed,
    TicketFailed,
    TicketOpened,
    Transfer,
    TransferEnded,
    Utterance,
    Value,
    Waited,
)
from ivr.dialog.session import Session

Text = Callable[[tuple[Prompt, ...], str], str]
HELP = (
    "press 12#, say WORDS, wait, record SECONDS, answered, released REASON, fail WHAT, later SECONDS, "
    "found A=B, hangup"
)
STEP_MS = 1000
MAX_AUTOMATIC = 20  # steps that need no command, in a row


class Line(Protocol):
    """What the telephone is connected to: ``ivr.hotline.Hotline``, or the same shape."""

    def new_session(self, started: CallStarted) -> Session: ...

    def advance(self, session: Session, event: Input, now_ms: int) -> tuple[Session, tuple[Action, ...]]: ...


class CommandError(Exception):
    """The command cannot be carried out now."""


@dataclass(frozen=True, slots=True)
class Heard:
    """One action as the caller perceives it."""

    action: str  # play, ask, record, enqueue, hold, open_ticket, disconnect …
    hears: str
    node: str
    topic: str
    language: str
    prompts: tuple[str, ...] = ()
    detail: Mapping[str, Any] = field(default_factory=dict)


def name_of(action: Action) -> str:
    """``OpenTicket`` as ``open_ticket``."""
    return re.sub(r"(?<!^)([A-Z])", r"_\1", type(action).__name__).lower()


class Telephone:
    """One call. ``place`` and ``wait_ms`` are where it enters a queue, and the wait for each place."""

    def __init__(
        self, line: Line, text: Text, call: CallStarted, now_ms: int, *, place: int = 3, wait_ms: int = 60_000
    ) -> None:
        self._line = line
        self._text = text
        self._call = call
        self._start_place = place
        self._wait_ms = wait_ms
        self._fails: set[str] = set()
        self._found: dict[str, Value] = {}
        self._tickets = 0
        self.now_ms = now_ms
        self.place = place
        self.over = False
        self.waits_for: Action | None = None
        self.session: Session = line.new_session(call)

    def dial(self) -> list[Heard]:
        return list(self._feed(self._call))

    def command(self, line: str) -> list[Heard]:
        """Carry out one command; raises CommandError."""
        word, _, rest = line.strip().partition(" ")
        rest = rest.strip()
        if self.over:
            raise CommandError("the call is over")
        if word == "fail":
            self._fails.add(rest)
            return []
        if word == "later" and rest.isdigit():
            self.now_ms += int(rest) * 1000
            return []
        if word == "found":
            self._found |= dict(part.partition("=")[::2] for part in rest.split())
            return []
        return list(self._feed(self._input(word, rest)))

    # ------------------------------------------------------------------------------ commands to inputs
    def _input(self, word: str, rest: str) -> Input:
        waits = self.waits_for
        if word == "hangup":
            if isinstance(waits, Record):
                return Recorded("/recordings/talk", 5000, "hung_up")
            return HungUp()
        if word == "press":
            if not rest or any(key not in "0123456789*#" for key in rest):
                raise CommandError("press takes keys 0-9 * #")
            ends = waits.terminator if isinstance(waits, Ask) else ""
            return Digits(rest.partition(ends)[0] if ends and ends in rest else rest)
        if word == "say":
            if not rest:
                raise CommandError("say takes words")
            return Recorded("/recordings/talk", 5000) if isinstance(waits, Record) else Utterance(rest)
        if word == "wait":
            return self._waited()
        if word == "record":
            return self._recorded(rest)
        if word == "answered":
            self._must_wait_in_queue()
            self.now_ms += 90_000
            return ConversationEnded("2001", 90_000)
        if word == "released":
            self._must_wait_in_queue()
            return QueueReleased(rest or "nobody_can_serve")
        raise CommandError(f"no such command; there are: {HELP}")

    def _must_wait_in_queue(self) -> None:
        if not self.session.queued:
            raise CommandError("the caller is in no queue")

    def _waited(self) -> Input:
        waits = self.waits_for
        if isinstance(waits, Enqueue | Hold):
            self.now_ms += waits.announce_every_ms
            place, self.place = self.place, max(1, self.place - 1)
            waited = self.now_ms - self.session.first_queued_ms
            high = self._wait_ms * place
            return Waited(waited, place, high // 2, high, self.session.speech)
        if isinstance(waits, Record):
            return Recorded("", 0, "empty")
        self.now_ms += 6000
        return NoInput()

    def _recorded(self, rest: str) -> Recorded:
        if not isinstance(self.waits_for, Record):
            raise CommandError("nothing is recorded now")
        if not rest.isdigit():
            raise CommandError("record takes seconds")
        length_ms = min(int(rest) * 1000, self.waits_for.max_ms)
        self.now_ms += length_ms
        if "disk" in self._fails:
            self._fails.discard("disk")
            return Recorded("", 0, "disk_full")
        if length_ms == 0:
            return Recorded("", 0, "empty")
        long = length_ms == self.waits_for.max_ms
        return Recorded("/recordings/talk", length_ms, "too_long" if long else "finished")

    # ------------------------------------------------------------------------------ the machine's turn
    def _feed(self, event: Input) -> Iterator[Heard]:
        """Give the machine an input and do what needs no caller, until it waits for him."""
        next_event: Input | None = event
        for _ in range(MAX_AUTOMATIC):
            if next_event is None:
                return
            self.now_ms += STEP_MS
            self.session, actions = self._line.advance(self.session, next_event, self.now_ms)
            if isinstance(next_event, HungUp):
                self.over = True
            next_event = None
            for action in actions:
                yield self._heard(action)
                if isinstance(action, Disconnect):
                    self.over = True
                next_event = self._answer(action)
            if self.over and not isinstance(next_event, TicketOpened | TicketFailed):
                return
        raise CommandError("the dialogue goes on and on without the caller")

    def _answer(self, action: Action) -> Input | None:
        """What a real call would report by itself after this action; None: it waits for the caller."""
        if isinstance(action, Ask):
            self.waits_for = action
            if action.speech and "speech" in self._fails:
                self._fails.discard("speech")
                return SpeechFailed("failed")
            return None
        if isinstance(action, Record | Enqueue | Hold):
            if isinstance(action, Enqueue):
                self.place = self._start_place
            self.waits_for = action
            return None
        if isinstance(action, OpenTicket):
            return self._ticket()
        if isinstance(action, LookUp):
            found, self._found = self._found, {}
            failed = "lookup" in self._fails
            self._fails.discard("lookup")
            return LookUpDone(bool(found) and not failed, found, failed)
        if isinstance(action, Transfer):
            failed = "transfer" in self._fails
            self._fails.discard("transfer")
            return TransferEnded(not failed)
        return PromptFinished() if isinstance(action, Play) else None

    def _ticket(self) -> Input:
        if "ticket" in self._fails:
            self._fails.discard("ticket")
            return TicketFailed("unavailable")
        if "ticket lost" in self._fails:
            self._fails.discard("ticket lost")
            return TicketFailed("lost")
        self._tickets += 1
        return TicketOpened(f"{100_000 + self._tickets}")

    def _heard(self, action: Action) -> Heard:
        prompts: tuple[Prompt, ...] = getattr(action, "prompts", ())
        detail = {
            item.name: getattr(action, item.name)
            for item in dataclasses.fields(action)
            if item.name not in ("prompts", "whisper")
        }
        session = self.session
        return Heard(
            action=name_of(action),
            hears=self._text(prompts, session.language) if prompts else "",
            node=session.node,
            topic=session.topic,
            language=session.language,
            prompts=tuple(prompt.prompt_id for prompt in prompts),
            detail=detail,
        )
