"""What the rest of the house may know of the desk: tickets, interactions, customers' references."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

TicketStatus = Literal["new", "in_progress", "waiting", "closed"]
TicketKind = Literal["request", "callback", "complaint"]


@dataclass(frozen=True, slots=True)
class TicketDraft:
    """``source_id`` makes opening idempotent: the same id never opens a second ticket."""

    source_id: str
    topic: str
    language: str = "ru"
    kind: TicketKind = "request"
    caller_number: str = ""  # personal data: encrypted by the desk
    text: str = ""
    recording_path: str = ""  # moved into the desk's keeping, encrypted
    fields: Mapping[str, object] = field(default_factory=dict)
    created_ms: int = 0  # 0: now


@dataclass(frozen=True, slots=True)
class Ticket:
    number: str  # what the caller is told, digits only, unique
    source_id: str
    topic: str
    language: str
    kind: TicketKind
    status: TicketStatus
    caller_number: str
    text: str
    has_recording: bool
    assignee: str
    fields: Mapping[str, object]
    created_ms: int
    updated_ms: int
    closed_ms: int = 0
    version: int = 1  # for optimistic locking


@dataclass(frozen=True, slots=True)
class Interaction:
    """The summary of one call, written when it ends."""

    call_id: str
    node: str
    caller_number: str
    dialled: str
    topic: str
    language: str
    outcome: str
    agent_id: str
    mark: int  # 0: none
    started_ms: int
    queued_ms: int  # 0: never queued
    answered_ms: int  # 0: never answered
    ended_ms: int
    path: Sequence[str] = ()  # nodes of the flow, in order
    notes: Mapping[str, object] = field(default_factory=dict)
    flow_version: str = ""


@dataclass(frozen=True, slots=True)
class KeptCallback:
    """Whom to call back. ``number`` is personal data: it goes to the switch and nowhere else."""

    callback_id: str  # the ticket's source_id
    number: str
    topic: str
    language: str
    first_queued_ms: int = 0  # his place
    wanted: bool = True  # False: a person has taken it up, or it is over
    due_ms: int = 0  # the time that he chose, or to which it was moved; 0: at his turn
    queue: str = "main"
    min_level: int = 1
    moves: int = 0  # so often it was given another time
    caller_ref: str = ""
    matter: Mapping[str, object] = field(default_factory=dict)  # what he told us, for the agent


class DeskUnavailable(Exception):
    """The desk's database cannot be used just now."""


class Desk(Protocol):
    async def open_ticket(self, draft: TicketDraft) -> Ticket:
        """Raises DeskUnavailable; the caller of this method then spools the draft."""
        ...

    async def record_interaction(self, interaction: Interaction) -> None: ...

    async def remember_language(self, caller_number: str, language: str) -> None: ...

    async def language_of(self, caller_number: str) -> str: ...

    def caller_ref(self, caller_number: str) -> str:
        """A keyed reference for the journal; "" for a withheld number."""
        ...


class CallbackDesk(Protocol):
    """Callbacks by id; each is a ticket of kind ``callback``. Every method raises DeskUnavailable."""

    async def find(self, callback_id: str) -> KeptCallback | None: ...

    async def pending(self) -> Sequence[str]:
        """Ids of the callbacks that the hotline itself is still to make."""
        ...

    async def move(self, callback_id: str, moves: int, due_ms: int, why: str) -> bool:
        """Another time, the ``moves``-th, and why; the same again changes nothing. False as for settle."""
        ...

    async def settle(self, callback_id: str, status: TicketStatus, result: str) -> bool:
        """What became of it. False, and nothing changed, when a person has taken the ticket up."""
        ...
