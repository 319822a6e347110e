"""The desk on a SQL database.

Rules
  * A ticket that was opened is on disk, and so is its recording, before ``open_ticket`` returns.
  * The same ``source_id`` gives the same ticket, however often and from however many processes.
  * Whoever sees personal data of a ticket or call leaves a line in the audit, in the same transaction.
  * What the database cannot do just now raises DeskUnavailable, never a library's own exception.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
from collections.abc import Callable, Mapping
from itertools import count
from pathlib import Path

import structlog
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncSession

from desk.clock import wall_clock_ms
from desk.contract import DeskUnavailable, Interaction, Ticket, TicketDraft
from desk.database import Database
from desk.keeping import Keeping, remove_original
from desk.listing import audit_query, free_number, interaction_query, ticket_query
from desk.models import AuditRow, CustomerRow, InteractionRow, TicketRow
from desk.numbers import is_ticket_number
from desk.office import (
    MAX_PAGE,
    SYSTEM,
    Actor,
    AuditEntry,
    CallNotFound,
    InteractionFilter,
    NoRecording,
    Page,
    PurgeReport,
    Recording,
    TicketChange,
    TicketFilter,
    TicketNotFound,
    VersionConflict,
)
from desk.rows import (
    audit_entry_of,
    clean,
    interaction_of,
    interaction_values,
    merged,
    new_ticket_row,
    seal_ticket,
    source_key,
    ticket_of,
)
from desk.taking import Taken, take, take_again, take_pending
from desk.upkeep import purge, reencrypt
from desk.vault import Vault

log = structlog.get_logger(__name__)
_INSERT_ATTEMPTS = 5
_QUICK_S = 0.5
_RETRY_S = 0.5
_LONGEST_RETRY_S = 5.0


class SqlDesk:
    """Implements desk.contract.Desk, and what office work needs.

    ``url``        sqlite+aiosqlite:///FILE or postgresql+asyncpg://…
    ``keep``       the folder of the sealed recordings
    ``timeout_s``  the longest that one operation may take before it is DeskUnavailable
    """

    def __init__(
        self,
        url: str,
        vault: Vault,
        keep: Path,
        *,
        retention_days: int = 30,
        max_recording_bytes: int = 64 * 1024 * 1024,
        timeout_s: float = 3.0,
        clock_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        self.database = Database(url, timeout_s)
        self.vault = vault
        self.keeping = Keeping(keep, vault, max_recording_bytes)
        self.retention_days = retention_days
        self._clock_ms = clock_ms
        self._starting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect and migrate. Raises DeskUnavailable; may be called again until it succeeds."""
        await self.database.start()

    async def start_patiently(self) -> None:
        """Like ``start``, but a database that is away does not keep the hotline from answering: until it is
        there every operation is DeskUnavailable, and it is tried again in the background."""
        try:
            await self.start()
        except DeskUnavailable as error:
            log.warning("desk not there yet", action="desk_awaited", error=str(error))
            self._starting = asyncio.create_task(self._keep_starting())

    async def _keep_starting(self) -> None:
        for attempt in count(1):
            await asyncio.sleep(min(_RETRY_S * attempt, _LONGEST_RETRY_S))
            try:
                await self.start()
            except DeskUnavailable as error:
                log.warning("desk not there yet", action="desk_awaited", error=str(error))
            else:
                log.info("desk is there", action="desk_found")
                return

    async def stop(self) -> None:
        if self._starting is not None:
            while not self._starting.done():  # a cancellation can be swallowed: see acd.tasks
                self._starting.cancel()
                await asyncio.wait({self._starting}, timeout=0.2)
            self._starting = None
        await self.database.stop()

    async def ping(self) -> None:
        """Raises DeskUnavailable when the database does not answer."""
        async with self.database.read() as session:
            await session.execute(text("SELECT 1"))

    # ---------------------------------------------------------------------------- what a call needs
    def caller_ref(self, caller_number: str) -> str:
        return self.vault.caller_ref(caller_number)

    async def open_ticket(self, draft: TicketDraft, by: Actor = SYSTEM) -> Ticket:
        """Raises DeskUnavailable; a recording that cannot be taken does not keep a ticket from opening."""
        key = source_key(draft.source_id)
        taken = Taken()
        for _ in range(_INSERT_ATTEMPTS):
            if existing := await self._by_source(key):
                if taken.kept:
                    await self.keeping.remove(taken.kept.recording_id)
                return await self._opened_before(existing, draft, by)
            if taken == Taken() and draft.recording_path:
                taken = await take(self.keeping, draft.recording_path)
            try:
                row = await self._insert(draft, taken, by)
            except IntegrityError:  # another process was quicker with this source_id or this number
                continue
            if taken.kept:
                await remove_original(draft.recording_path)
            log.info("ticket opened", action="ticket_opened", ticket=row.number, topic=row.topic)
            return ticket_of(self.vault, row)
        raise DeskUnavailable("no free ticket number was found")

    async def record_interaction(self, interaction: Interaction) -> None:
        """Written once per call; a later summary of the same call (a node came back) replaces it, an earlier
        one that had waited on disk does not."""
        values = interaction_values(self.vault, interaction)
        async with self.database.write() as session:
            row = await session.get(InteractionRow, values["call_id"], with_for_update=True)
            if row is None:
                session.add(InteractionRow(**values))
            elif row.ended_ms <= interaction.ended_ms:
                for name, value in values.items():
                    setattr(row, name, value)

    async def remember_language(self, caller_number: str, language: str) -> None:
        """A convenience for the next call: when the desk cannot be used just now, it is left."""
        ref = self.caller_ref(caller_number)
        if not ref:
            return
        try:
            async with asyncio.timeout(_QUICK_S), self.database.write() as session:
                await session.merge(
                    CustomerRow(ref=ref, language=clean(language, 16), seen_ms=self._clock_ms())
                )
        except (DeskUnavailable, IntegrityError, TimeoutError) as error:
            log.warning("language not remembered", action="language_not_remembered", error=str(error))

    async def language_of(self, caller_number: str) -> str:
        """ "" when unknown, and also when the desk does not answer at once: a greeting cannot wait."""
        ref = self.caller_ref(caller_number)
        if not ref:
            return ""
        try:
            async with asyncio.timeout(_QUICK_S), self.database.read() as session:
                row = await session.get(CustomerRow, ref)
                return row.language if row else ""
        except (DeskUnavailable, TimeoutError) as error:
            log.warning("language not looked up", action="language_not_looked_up", error=str(error))
            return ""

    # ------------------------------------------------------------------------------ tickets, office
    async def tickets(
        self, where: TicketFilter, by: Actor, *, limit: int = 50, cursor: str = ""
    ) -> Page[Ticket]:
        """Newest first. A search by number is a look at personal data and is audited. Raises BadCursor."""
        if where.caller_number is not None and not await self._searched(where.caller_number, by):
            return Page(())
        limit = max(1, min(limit, MAX_PAGE))
        query = ticket_query(where, self.caller_ref, limit, cursor)
        async with self.database.read() as session:
            rows = (await session.scalars(query)).all()
        more = rows[limit - 1] if len(rows) > limit else None
        return Page(
            tuple(ticket_of(self.vault, row) for row in rows[:limit]),
            f"{more.created_ms}.{more.number}" if more else "",
        )

    async def ticket(self, number: str, by: Actor) -> Ticket:
        """One ticket in full. Raises TicketNotFound, DeskUnavailable."""
        async with self.database.write() as session:
            row = await self._row(session, number)
            self._audit(session, by, "looked", f"ticket:{number}", {})
            return ticket_of(self.vault, row)

    async def change_ticket(self, number: str, change: TicketChange, version: int, by: Actor) -> Ticket:
        """Raises TicketNotFound, VersionConflict when ``version`` is not the current one. A change of nothing
        shows the ticket all the same, and is audited as a look."""
        async with self.database.write() as session:
            row = await self._row(session, number, for_update=True)
            if row.version != version:
                raise VersionConflict(row.version)
            details = self._apply(row, change)
            if details:
                row.version += 1
                row.updated_ms = self._clock_ms()
            self._audit(session, by, "changed" if details else "looked", f"ticket:{number}", details)
            return ticket_of(self.vault, row)

    async def close_ticket(self, number: str, by: Actor) -> Ticket:
        """Close whatever its version is. Raises TicketNotFound."""
        for _ in range(_INSERT_ATTEMPTS):
            current = await self.ticket(number, by)
            try:
                return await self.change_ticket(number, TicketChange(status="closed"), current.version, by)
            except VersionConflict:
                continue
        raise DeskUnavailable("the ticket is being changed by others")

    async def recording(self, number: str, by: Actor) -> Recording:
        """The recording, decrypted while it is read. Raises TicketNotFound, NoRecording."""
        async with self.database.write() as session:
            row = await self._row(session, number)
            if not row.recording_id or not self.keeping.holds(row.recording_id):
                raise NoRecording(number)
            self._audit(session, by, "listened", f"ticket:{number}", {})
        return Recording(row.recording_type, row.recording_bytes, self.keeping.read(row.recording_id))

    # ------------------------------------------------------------------------- interactions, audit
    async def interactions(
        self, where: InteractionFilter, by: Actor, *, limit: int = 50, cursor: str = ""
    ) -> Page[Interaction]:
        """Newest first. Raises BadCursor."""
        if where.caller_number is not None and not await self._searched(where.caller_number, by):
            return Page(())
        limit = max(1, min(limit, MAX_PAGE))
        query = interaction_query(where, self.caller_ref, limit, cursor)
        async with self.database.read() as session:
            rows = (await session.scalars(query)).all()
        more = rows[limit - 1] if len(rows) > limit else None
        return Page(
            tuple(interaction_of(self.vault, row) for row in rows[:limit]),
            f"{more.started_ms}.{more.call_id}" if more else "",
        )

    async def interaction(self, call_id: str, by: Actor) -> Interaction:
        """One call in full. Raises CallNotFound, DeskUnavailable."""
        async with self.database.write() as session:
            row = await session.get(InteractionRow, clean(call_id, 128))
            if row is None:
                raise CallNotFound(call_id)
            self._audit(session, by, "looked", f"call:{row.call_id}", {})
            return interaction_of(self.vault, row)

    async def audit(self, subject: str = "", *, limit: int = 50, cursor: str = "") -> Page[AuditEntry]:
        """Newest first; ``subject`` as in ``ticket:1234567``. Raises BadCursor."""
        limit = max(1, min(limit, MAX_PAGE))
        query = audit_query(subject, limit, cursor)
        async with self.database.read() as session:
            rows = (await session.scalars(query)).all()
        more = str(rows[limit - 1].id) if len(rows) > limit else ""
        return Page(tuple(audit_entry_of(row) for row in rows[:limit]), more)

    # ----------------------------------------------------------------------------------- upkeep
    async def purge(self, now_ms: int | None = None) -> PurgeReport:
        """Forget what the retention says; see desk.upkeep."""
        now = self._clock_ms() if now_ms is None else now_ms
        return await purge(self.database, self.keeping, now, self.retention_days)

    async def reencrypt(self) -> int:
        """Bring every record under the current key; how many were rewritten."""
        return await reencrypt(self.database, self.vault, self.keeping)

    async def take_pending(self) -> int:
        """Try again the recordings that could not be taken (a full disk, say); how many were."""
        return await take_pending(self.database, self.keeping)

    # ----------------------------------------------------------------------------------- inside
    async def _by_source(self, key: str) -> TicketRow | None:
        async with self.database.read() as session:
            return await session.scalar(select(TicketRow).where(TicketRow.source_id == key))

    async def _opened_before(self, row: TicketRow, draft: TicketDraft, by: Actor) -> Ticket:
        """The hotline's own repetition shows the ticket to nobody; anybody else gets to see it."""
        if draft.recording_path:
            await take_again(self.database, self.keeping, row, draft.recording_path)
            row = await self._by_source(row.source_id) or row
        if by != SYSTEM:
            async with self.database.write() as session:
                self._audit(session, by, "looked", f"ticket:{row.number}", {})
        return ticket_of(self.vault, row)

    async def _insert(self, draft: TicketDraft, taken: Taken, by: Actor) -> TicketRow:
        """Raises IntegrityError; the sealed recording is then still there for the next attempt."""
        if taken.problem:
            draft = dataclasses.replace(draft, fields={**draft.fields, "recording_problem": taken.problem})
        committing = False
        try:
            async with self.database.write() as session:
                number = await free_number(session)
                row = new_ticket_row(self.vault, draft, number, self._clock_ms())
                if taken.kept:
                    row.recording_id = taken.kept.recording_id
                    row.recording_type = taken.kept.media_type
                    row.recording_bytes = taken.kept.size_bytes
                row.recording_pending = taken.pending
                session.add(row)
                self._audit(session, by, "opened", f"ticket:{number}", {"kind": draft.kind})
                await session.flush()
                committing = True
        except IntegrityError:
            raise
        except BaseException:
            # Nobody knows what became of a COMMIT without an answer: the ticket may be there, so its
            # recording stays. If there is none, the sweep removes it.
            if taken.kept and not committing:
                await asyncio.shield(self.keeping.remove(taken.kept.recording_id))
            raise
        return row

    async def _row(self, session: AsyncSession, number: str, *, for_update: bool = False) -> TicketRow:
        if not is_ticket_number(number):
            raise TicketNotFound(number)
        row = await session.get(TicketRow, number, with_for_update=for_update)
        if row is None:
            raise TicketNotFound(number)
        return row

    async def _searched(self, caller_number: str, by: Actor) -> bool:
        """Note a search by number; False for a number under which nothing can be found."""
        ref = self.caller_ref(caller_number)
        if ref:
            async with self.database.write() as session:
                self._audit(session, by, "searched", f"caller:{ref}", {})
        return bool(ref)

    def _apply(self, row: TicketRow, change: TicketChange) -> dict[str, object]:
        """Write ``change`` into the row; what the audit shall say of it, empty when nothing changed."""
        details: dict[str, object] = {}
        for name in ("status", "topic", "assignee"):
            new = getattr(change, name)
            old = getattr(row, name)
            if new is not None and clean(new, 64) != old:
                setattr(row, name, clean(new, 64))
                details[name] = [old, clean(new, 64)]
        if "status" in details:
            row.closed_ms = self._clock_ms() if row.status == "closed" else 0
        before = ticket_of(self.vault, row)
        words = before.text if change.text is None else change.text
        fields = merged(before.fields, change.fields)
        changed = [
            name
            for name, differs in (("text", words != before.text), ("fields", fields != before.fields))
            if differs
        ]
        if changed:
            row.personal = seal_ticket(self.vault, row.source_id, before.caller_number, words, fields)
            details["rewritten"] = changed
        return details

    def _audit(
        self, session: AsyncSession, by: Actor, action: str, subject: str, details: Mapping[str, object]
    ) -> None:
        session.add(
            AuditRow(
                at_ms=self._clock_ms(),
                actor=clean(by.name, 64),
                role=by.role,
                action=action,
                subject=subject,
                details=json.dumps(dict(details), ensure_ascii=False),
            )
        )
