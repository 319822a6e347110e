"""How a caller's own request stands, as the hotline may tell it by itself.

Rules
  * A state is told to the telephone that the request came from, and to no other: number and calling number
    together are the proof. Another caller's request and none at all are the same answer.
  * Nothing but the state leaves the desk: no text, no name, no time. Every answer is in the audit log.
"""

from __future__ import annotations

import json
from collections.abc import Callable

from desk.clock import wall_clock_ms
from desk.contract import TicketStatus
from desk.database import Database
from desk.models import AuditRow, TicketRow
from desk.numbers import is_ticket_number
from desk.office import SYSTEM
from desk.vault import Vault


class TicketStates:
    def __init__(self, database: Database, vault: Vault, clock_ms: Callable[[], int] = wall_clock_ms) -> None:
        self._database = database
        self._vault = vault
        self._clock_ms = clock_ms

    async def state(self, number: str, caller_number: str) -> TicketStatus | None:
        """None when this caller has no such request. Raises DeskUnavailable."""
        ref = self._vault.caller_ref(caller_number)
        if not ref or not is_ticket_number(number):
            return None
        async with self._database.write() as session:
            row = await session.get(TicketRow, number)
            if row is None or row.caller_ref != ref:
                return None
            details = json.dumps({"status": row.status})
            session.add(
                AuditRow(
                    at_ms=self._clock_ms(),
                    actor=SYSTEM.name,
                    role=SYSTEM.role,
                    action="told",
                    subject=f"ticket:{number}",
                    details=details,
                )
            )
            return row.status  # type: ignore[return-value]  # the column holds nothing else
