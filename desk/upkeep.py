"""Retention and rotation of keys.

What is forgotten, and when (``retention_days``, 30 by default)
  * a ticket, with its recording: that long after it was closed; the audit keeps that it existed
  * a caller's number and the notes of a call: that long after the call; the call's figures stay
  * a caller's language: that long after his last call
  * the audit itself: three years
Everything goes in small batches, so that calls which open tickets meanwhile do not wait.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import structlog
from sqlalchemy import delete, select, update

from desk.database import Database
from desk.keeping import Keeping
from desk.models import AuditRow, CustomerRow, InteractionRow, TicketRow
from desk.office import SYSTEM, PurgeReport
from desk.vault import Vault

log = structlog.get_logger(__name__)
DAY_MS = 24 * 3600 * 1000
_AUDIT_DAYS = 3 * 365
_BATCH = 200


async def purge(database: Database, keeping: Keeping, now_ms: int, retention_days: int) -> PurgeReport:
    """Raises DeskUnavailable; what was removed until then stays removed, the next purge goes on."""
    limit_ms = now_ms - retention_days * DAY_MS
    tickets = recordings = 0
    while batch := await _purge_tickets(database, limit_ms, now_ms):
        tickets += len(batch)
        for recording_id, pending in batch:
            if recording_id:
                recordings += await keeping.remove(recording_id)
            if pending:
                await asyncio.to_thread(Path(pending).unlink, missing_ok=True)
    interactions = await _forget_callers(database, limit_ms)
    async with database.write() as session:
        gone = await session.scalars(
            delete(CustomerRow).where(CustomerRow.seen_ms <= limit_ms).returning(CustomerRow.ref)
        )
        customers = len(gone.all())
        await session.execute(delete(AuditRow).where(AuditRow.at_ms <= now_ms - _AUDIT_DAYS * DAY_MS))
    async with database.read() as session:
        known = await session.scalars(select(TicketRow.recording_id).where(TicketRow.recording_id != ""))
    orphans = await keeping.sweep(frozenset(known.all()))
    report = PurgeReport(tickets, recordings, interactions, customers, orphans)
    log.info("retention applied", action="desk_purged", tickets=tickets, recordings=recordings)
    return report


async def _purge_tickets(database: Database, limit_ms: int, now_ms: int) -> list[tuple[str, str]]:
    async with database.write() as session:
        due = (
            await session.execute(
                select(TicketRow.number, TicketRow.recording_id, TicketRow.recording_pending)
                .where(TicketRow.closed_ms > 0, TicketRow.closed_ms <= limit_ms)
                .order_by(TicketRow.closed_ms)
                .limit(_BATCH)
                .with_for_update(skip_locked=True)
            )
        ).all()
        if due:
            await session.execute(delete(TicketRow).where(TicketRow.number.in_([row.number for row in due])))
        for row in due:
            session.add(
                AuditRow(
                    at_ms=now_ms,
                    actor=SYSTEM.name,
                    role=SYSTEM.role,
                    action="purged",
                    subject=f"ticket:{row.number}",
                    details=json.dumps({}),
                )
            )
        return [(row.recording_id, row.recording_pending) for row in due]


async def _forget_callers(database: Database, limit_ms: int) -> int:
    total = 0
    while True:
        async with database.write() as session:
            due = (
                select(InteractionRow.call_id)
                .where(InteractionRow.personal.is_not(None), InteractionRow.ended_ms <= limit_ms)
                .limit(_BATCH)
            )
            done = await session.scalars(
                update(InteractionRow)
                .where(InteractionRow.call_id.in_(due))
                .values(personal=None, caller_ref="")
                .returning(InteractionRow.call_id)
                .execution_options(synchronize_session=False)
            )
            count = len(done.all())
        total += count
        if count < _BATCH:
            return total


async def reencrypt(database: Database, vault: Vault, keeping: Keeping) -> int:
    """Rewrite what is sealed with an older key; may be repeated, and does only what is left."""
    total = 0
    after = ""
    while True:
        async with database.write() as session:
            tickets = (
                await session.scalars(
                    select(TicketRow)
                    .where(TicketRow.number > after)
                    .order_by(TicketRow.number)
                    .limit(_BATCH)
                    .with_for_update()
                )
            ).all()
            for ticket in tickets:
                if vault.key_id_of(ticket.personal) != vault.current_key_id:
                    place = f"ticket:{ticket.source_id}"
                    ticket.personal = vault.seal(vault.unseal(ticket.personal, place), place)
                    total += 1
        for ticket in tickets:
            if ticket.recording_id:
                total += await keeping.reseal(ticket.recording_id)
        if len(tickets) < _BATCH:
            break
        after = tickets[-1].number
    return total + await _reencrypt_calls(database, vault)


async def _reencrypt_calls(database: Database, vault: Vault) -> int:
    total = 0
    after = ""
    while True:
        async with database.write() as session:
            calls = (
                await session.scalars(
                    select(InteractionRow)
                    .where(InteractionRow.call_id > after, InteractionRow.personal.is_not(None))
                    .order_by(InteractionRow.call_id)
                    .limit(_BATCH)
                    .with_for_update()
                )
            ).all()
            for call in calls:
                if call.personal is not None and vault.key_id_of(call.personal) != vault.current_key_id:
                    place = f"call:{call.call_id}"
                    call.personal = vault.seal(vault.unseal(call.personal, place), place)
                    total += 1
        if len(calls) < _BATCH:
            return total
        after = calls[-1].call_id
