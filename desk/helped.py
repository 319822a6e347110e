"""How often an answer to a common question helped, counted from the notes of calls that are over.

A call notes of every answer that it gave ``answer.ID``: ``given`` (the caller did not say), ``helped`` or
``not_helped``; the last word counts. Notes are kept for the retention's days, so figures reach back as far.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Row, select, tuple_

from desk.database import Database
from desk.models import InteractionRow
from desk.vault import Vault

MAX_CALLS = 100_000  # looked through at once
_BATCH = 200
_PREFIX = "answer."
_VERDICTS = ("given", "helped", "not_helped")
_Sealed = Row[int, str, bytes | None]


@dataclass(slots=True)
class AnswerCount:
    """``given`` counts every call that heard the answer, whatever was said of it afterwards."""

    answer_id: str
    given: int = 0
    helped: int = 0
    not_helped: int = 0

    @property
    def share(self) -> float | None:
        """Of those who said: 0 to 1; None while nobody did."""
        said = self.helped + self.not_helped
        return self.helped / said if said else None


@dataclass(frozen=True, slots=True)
class AnswerCounts:
    """``complete`` is False when there were more than MAX_CALLS; then the newest were counted."""

    answers: tuple[AnswerCount, ...]
    calls: int
    complete: bool


async def answers_helped(
    database: Database, vault: Vault, from_ms: int, to_ms: int, max_calls: int = MAX_CALLS
) -> AnswerCounts:
    """Of calls that began from ``from_ms`` until before ``to_ms``. Raises DeskUnavailable."""
    counts: dict[str, AnswerCount] = {}
    calls, last = 0, (to_ms, "")
    while calls < max_calls:
        rows = await _older(database, from_ms, last, min(_BATCH, max_calls - calls))
        if not rows:
            return _sorted(counts, calls, True)
        # Unsealing is work for the processor: not on the loop that serves calls.
        await asyncio.to_thread(_count_all, counts, vault, rows)
        calls += len(rows)
        last = (rows[-1].started_ms, rows[-1].call_id)
    return _sorted(counts, calls, not await _older(database, from_ms, last, 1))


def count(counts: dict[str, AnswerCount], notes: Mapping[str, object]) -> None:
    """Add what one call noted."""
    for name, verdict in notes.items():
        if name.startswith(_PREFIX) and verdict in _VERDICTS:
            answer_id = name.removeprefix(_PREFIX)
            one = counts.setdefault(answer_id, AnswerCount(answer_id))
            one.given += 1
            one.helped += verdict == "helped"
            one.not_helped += verdict == "not_helped"


def _count_all(counts: dict[str, AnswerCount], vault: Vault, rows: Sequence[_Sealed]) -> None:
    for row in rows:
        assert row.personal is not None  # as the query says
        count(counts, json.loads(vault.unseal(row.personal, f"call:{row.call_id}"))["notes"])


async def _older(database: Database, from_ms: int, last: tuple[int, str], limit: int) -> Sequence[_Sealed]:
    started, call_id = InteractionRow.started_ms, InteractionRow.call_id
    query = (
        select(started, call_id, InteractionRow.personal)
        .where(
            started >= from_ms,
            tuple_(started, call_id) < last,
            InteractionRow.personal.is_not(None),
        )
        .order_by(started.desc(), call_id.desc())
        .limit(limit)
    )
    async with database.read() as session:
        return (await session.execute(query)).all()


def _sorted(counts: dict[str, AnswerCount], calls: int, complete: bool) -> AnswerCounts:
    ordered = sorted(counts.values(), key=lambda one: (-one.given, one.answer_id))
    return AnswerCounts(tuple(ordered), calls, complete)
