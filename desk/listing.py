"""The queries behind the lists, and the search for a free number: filters, newest first, pages by key.

A page is asked for by the last key of the one before, not by an offset: rows that arrive meanwhile shift
nothing. One row more than the page is fetched, to know whether there is a next one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from desk.contract import DeskUnavailable
from desk.models import AuditRow, InteractionRow, TicketRow
from desk.numbers import draw_ticket_number
from desk.office import BadCursor, InteractionFilter, TicketFilter

_MAX_CURSOR = 160
_NUMBER_ATTEMPTS = 20
_MAX_DIGITS = 18  # of a number that fits a BIGINT for sure


def ticket_query(
    where: TicketFilter, caller_ref: Callable[[str], str], limit: int, cursor: str
) -> Select[TicketRow]:
    conditions = _equal(
        (TicketRow.status, where.status),
        (TicketRow.kind, where.kind),
        (TicketRow.topic, where.topic),
        (TicketRow.assignee, where.assignee),
    )
    conditions += _between(TicketRow.created_ms, where.created_from_ms, where.created_to_ms)
    if where.caller_number is not None:
        conditions.append(TicketRow.caller_ref == caller_ref(where.caller_number))
    if cursor:
        conditions.append(tuple_(TicketRow.created_ms, TicketRow.number) < _keys(cursor))
    return (
        select(TicketRow)
        .where(and_(true(), *conditions))
        .order_by(TicketRow.created_ms.desc(), TicketRow.number.desc())
        .limit(limit + 1)
    )


def interaction_query(
    where: InteractionFilter, caller_ref: Callable[[str], str], limit: int, cursor: str
) -> Select[InteractionRow]:
    conditions = _equal(
        (InteractionRow.outcome, where.outcome),
        (InteractionRow.topic, where.topic),
        (InteractionRow.agent_id, where.agent_id),
    )
    conditions += _between(InteractionRow.started_ms, where.started_from_ms, where.started_to_ms)
    if where.caller_number is not None:
        conditions.append(InteractionRow.caller_ref == caller_ref(where.caller_number))
    if cursor:
        conditions.append(tuple_(InteractionRow.started_ms, InteractionRow.call_id) < _keys(cursor))
    return (
        select(InteractionRow)
        .where(and_(true(), *conditions))
        .order_by(InteractionRow.started_ms.desc(), InteractionRow.call_id.desc())
        .limit(limit + 1)
    )


def audit_query(subject: str, limit: int, cursor: str) -> Select[AuditRow]:
    conditions = _equal((AuditRow.subject, subject or None))
    if cursor:
        if not _is_number(cursor):
            raise BadCursor(cursor)
        conditions.append(AuditRow.id < int(cursor))
    return select(AuditRow).where(and_(true(), *conditions)).order_by(AuditRow.id.desc()).limit(limit + 1)


async def free_number(session: AsyncSession) -> str:
    """A number that no ticket has; one digit more once the six-digit space grows crowded."""
    for attempt in range(_NUMBER_ATTEMPTS):
        number = draw_ticket_number(6 if attempt < _NUMBER_ATTEMPTS // 2 else 8)
        if await session.get(TicketRow, number) is None:
            return number
    raise DeskUnavailable("no free ticket number was found")


def _equal(*pairs: tuple[Any, str | None]) -> list[ColumnElement[bool]]:
    return [column == wanted for column, wanted in pairs if wanted is not None]


def _between(column: Any, low: int | None, high: int | None) -> list[ColumnElement[bool]]:
    bounds = [] if low is None else [column >= low]
    return bounds if high is None else [*bounds, column < high]


def _keys(cursor: str) -> tuple[int, str]:
    at_ms, _, key = cursor.partition(".")
    if not key or not _is_number(at_ms) or len(cursor) > _MAX_CURSOR:
        raise BadCursor(cursor)
    return int(at_ms), key


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
