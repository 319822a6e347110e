"""Callbacks as the desk keeps them: a ticket each, with the number that the journal must not know.

A ticket of kind ``callback`` is ``waiting`` while the hotline itself will call, ``closed`` when the customer
was reached, and ``new``, for a person to take up, when he was not. It is found by its ``source_id``, the
callback's id.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from sqlalchemy import select

from desk.clock import wall_clock_ms
from desk.contract import KeptCallback, Ticket, TicketStatus
from desk.database import Database
from desk.models import AuditRow, TicketRow
from desk.office import SYSTEM
from desk.rows import clean, seal_ticket, source_key, ticket_of
from desk.vault import Vault

MAX_LISTED = 1_000
OPEN = ("new", "waiting")  # nobody has taken it up
OWN_FIELDS = frozenset(
    {
        "callback_number", "callback_at_ms", "callback_moved", "callback_result", "callback_queue",
        "callback_min_level", "first_queued_ms",
    }
)  # fmt: skip  # of the ticket; the others are the caller's matter


def _whole(fields: Mapping[str, object], name: str) -> int:
    value = fields.get(name)
    return value if isinstance(value, int) else 0


def _moves(fields: Mapping[str, object]) -> list[object]:
    moves = fields.get("callback_moved")
    return moves if isinstance(moves, list) else []


class SqlCallbacks:
    """Implements ``desk.contract.CallbackDesk``. Every method raises DeskUnavailable."""

    def __init__(self, database: Database, vault: Vault, clock_ms: Callable[[], int] = wall_clock_ms) -> None:
        self._database = database
        self._vault = vault
        self._clock_ms = clock_ms

    async def find(self, callback_id: str) -> KeptCallback | None:
        row = await self._row(callback_id)
        if row is None:
            return None
        ticket = ticket_of(self._vault, row)
        fields = ticket.fields
        return KeptCallback(
            callback_id,
            str(fields.get("callback_number") or ticket.caller_number),
            ticket.topic,
            ticket.language,
            _whole(fields, "first_queued_ms"),
            wanted=not row.assignee and row.status in OPEN,
            due_ms=_whole(fields, "callback_at_ms"),
            queue=str(fields.get("callback_queue") or "main"),
            min_level=_whole(fields, "callback_min_level") or 1,
            moves=len(_moves(fields)),
            caller_ref=row.caller_ref,
            matter={name: value for name, value in fields.items() if name not in OWN_FIELDS},
        )

    async def ticket(self, callback_id: str) -> Ticket | None:
        row = await self._row(callback_id)
        return ticket_of(self._vault, row) if row is not None else None

    async def _row(self, callback_id: str) -> TicketRow | None:
        wanted = select(TicketRow).where(TicketRow.source_id == source_key(callback_id))
        async with self._database.read() as session:
            row = await session.scalar(wanted)
        return row if row is not None and row.kind == "callback" else None

    async def pending(self) -> list[str]:
        """Ids of callbacks that the hotline is still to make, oldest first, at most ``MAX_LISTED``."""
        query = (
            select(TicketRow.source_id)
            .where(TicketRow.kind == "callback", TicketRow.status == "waiting")
            .order_by(TicketRow.created_ms)
            .limit(MAX_LISTED)
        )
        async with self._database.read() as session:
            return list(await session.scalars(query))

    async def move(self, callback_id: str, moves: int, due_ms: int, why: str) -> bool:
        """Another time, the ``moves``-th; the ticket says when, and why. The same again changes nothing."""

        def moved(fields: Mapping[str, object]) -> dict[str, object]:
            before = _moves(fields)
            if len(before) >= moves:
                return dict(fields)
            move = {"from_ms": _whole(fields, "callback_at_ms"), "to_ms": due_ms, "why": clean(why, 64)}
            return {**fields, "callback_at_ms": due_ms, "callback_moved": [*before, move]}

        return await self._change(
            callback_id, "waiting", {"moved_to_ms": due_ms, "why": clean(why, 64)}, moved
        )

    async def settle(self, callback_id: str, status: TicketStatus, result: str) -> bool:
        """Write down what became of it; False when a person has taken the ticket up, or there is none."""
        told = clean(result, 64)
        return await self._change(
            callback_id, status, {"callback": told}, lambda fields: {**fields, "callback_result": told}
        )

    async def _change(
        self,
        callback_id: str,
        status: TicketStatus,
        audited: Mapping[str, object],
        change: Callable[[Mapping[str, object]], Mapping[str, object]],
    ) -> bool:
        key = source_key(callback_id)
        async with self._database.write() as session:
            row = await session.scalar(select(TicketRow).where(TicketRow.source_id == key).with_for_update())
            if row is None or row.kind != "callback" or row.assignee or row.status not in OPEN:
                return False
            ticket = ticket_of(self._vault, row)
            fields = change(ticket.fields)
            row.personal = seal_ticket(self._vault, row.source_id, ticket.caller_number, ticket.text, fields)
            row.status = status
            row.updated_ms = self._clock_ms()
            row.closed_ms = row.updated_ms if status == "closed" else 0
            row.version += 1
            session.add(
                AuditRow(
                    at_ms=row.updated_ms,
                    actor=SYSTEM.name,
                    role=SYSTEM.role,
                    action="changed",
                    subject=f"ticket:{row.number}",
                    details=json.dumps({"status": [ticket.status, status], **audited}),
                )
            )
        return True
