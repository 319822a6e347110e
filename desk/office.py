"""What the web and the command line see of the desk, beyond what a call needs (desk.contract)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Generic, Literal, TypeVar

from desk.contract import Interaction, Ticket, TicketKind, TicketStatus

Role = Literal["agent", "supervisor", "admin", "front", "system"]
Item = TypeVar("Item")
MAX_PAGE = 200


class TicketNotFound(Exception):
    """There is no ticket with this number."""


class CallNotFound(Exception):
    """There is no summary of a call with this id."""


class NoRecording(Exception):
    """This ticket has no recording."""


class VersionConflict(Exception):
    """Somebody else changed this ticket in the meantime."""

    def __init__(self, current_version: int) -> None:
        super().__init__(current_version)
        self.current_version = current_version


class BadCursor(Exception):
    """The cursor of a page is not one that was handed out."""


@dataclass(frozen=True, slots=True)
class Actor:
    """Who looks or changes, as the audit remembers it."""

    name: str
    role: Role


SYSTEM = Actor("dozvon", "system")


@dataclass(frozen=True, slots=True)
class TicketFilter:
    status: TicketStatus | None = None
    kind: TicketKind | None = None
    topic: str | None = None
    assignee: str | None = None
    caller_number: str | None = None
    created_from_ms: int | None = None
    created_to_ms: int | None = None  # exclusive


@dataclass(frozen=True, slots=True)
class TicketChange:
    """None leaves a field as it is. ``fields`` are merged; a value of None removes its key."""

    status: TicketStatus | None = None
    topic: str | None = None
    assignee: str | None = None
    text: str | None = None
    fields: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True)
class InteractionFilter:
    outcome: str | None = None
    topic: str | None = None
    agent_id: str | None = None
    caller_number: str | None = None
    started_from_ms: int | None = None
    started_to_ms: int | None = None  # exclusive


@dataclass(frozen=True, slots=True)
class AuditEntry:
    id: int
    at_ms: int
    actor: str
    role: str
    action: str
    subject: str
    details: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """``next_cursor`` is "" on the last page."""

    items: tuple[Item, ...]
    next_cursor: str = ""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recording as it was before encryption; read ``chunks`` to the end or close it."""

    media_type: str
    size_bytes: int
    chunks: AsyncIterator[bytes]


@dataclass(frozen=True, slots=True)
class PurgeReport:
    """What the retention removed."""

    tickets: int = 0
    recordings: int = 0
    interactions: int = 0
    customers: int = 0
    orphans: int = 0  # sealed files that belong to no ticket


TicketPage = Page[Ticket]
InteractionPage = Page[Interaction]
AuditPage = Page[AuditEntry]
