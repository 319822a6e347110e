"""The distributor's journal, as it is kept for years: a table that only grows.

The desk knows nothing of what an entry says. An entry's id is two numbers, ``ms`` (Unix, its time) and
``seq``; entries of one id are one entry, so putting them in again changes nothing. The database itself
refuses to change a row (a trigger of migration 0002); only ``forget`` removes, whole spans from the oldest
on. No entry holds personal data.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnElement, and_, delete, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from desk.database import Database
from desk.models import JournalRow

MAX_NUMBER = (1 << 63) - 1  # what a column holds
TYPE_LENGTH = 64
_FORGET = 5_000


class Kept(NamedTuple):
    ms: int
    seq: int
    type: str  # of the fact, "" when it is not known
    record: str  # JSON


class SqlJournal:
    """Every method raises DeskUnavailable, and does all of its work or none."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, entries: Sequence[Kept]) -> int:
        """Keeps those that are not there yet; how many were left out because no column can hold them."""
        rows = [entry._asdict() | {"type": entry.type[:TYPE_LENGTH]} for entry in entries if _fits(entry)]
        if rows:
            insert = sqlite.insert if self._database.is_sqlite else postgresql.insert
            async with self._database.write() as session:
                connection = await session.connection()
                await connection.execute(insert(JournalRow).on_conflict_do_nothing(), rows)
        return len(entries) - len(rows)

    async def page(
        self,
        after: tuple[int, int],
        last_ms: int,
        limit: int,
        *,
        whole_from_ms: int = 0,
        standing: Collection[str] = (),
    ) -> list[Kept]:
        """Entries after an id up to a time, in order. Before ``whole_from_ms`` only those of types in
        ``standing``: what was said once and still holds."""
        ms, seq = after
        wanted: ColumnElement[bool] = JournalRow.ms >= whole_from_ms
        if standing:
            wanted = or_(wanted, JournalRow.type.in_(sorted(standing)))
        query = (
            select(JournalRow.ms, JournalRow.seq, JournalRow.type, JournalRow.record)
            .where(
                # Twice the same, for the sake of the index: a pair's first number bounds the search.
                JournalRow.ms >= ms,
                or_(JournalRow.ms > ms, and_(JournalRow.ms == ms, JournalRow.seq > seq)),
                JournalRow.ms <= min(last_ms, MAX_NUMBER),
                wanted,
            )
            .order_by(JournalRow.ms, JournalRow.seq)
            .limit(limit)
        )
        async with self._database.read() as session:
            return [Kept(*row) for row in (await session.execute(query)).all()]

    async def forget(self, before_ms: int) -> int:
        """Removes everything older, in pieces; how many entries."""
        total = 0
        while True:
            old = (
                select(JournalRow.ms, JournalRow.seq)
                .where(JournalRow.ms < before_ms)
                .order_by(JournalRow.ms, JournalRow.seq)
                .limit(_FORGET)
            )
            async with self._database.write() as session:
                ids = (await session.execute(old)).all()
                if ids:
                    ms, seq = ids[-1]
                    await session.execute(
                        delete(JournalRow).where(
                            or_(JournalRow.ms < ms, and_(JournalRow.ms == ms, JournalRow.seq <= seq))
                        )
                    )
            total += len(ids)
            if len(ids) < _FORGET:
                return total


def _fits(entry: Kept) -> bool:
    """Redis' numbers have 64 bits, of which a foreign hand may use the last; a text may not hold a NUL."""
    return 0 <= entry.ms <= MAX_NUMBER and 0 <= entry.seq <= MAX_NUMBER and "\0" not in entry.record
