"""The journal's archive on both databases: each entry once, in order, never changed."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from desk.contract import DeskUnavailable
from desk.database import Database
from desk.journal import Kept, SqlJournal
from desk.store import SqlDesk


def entry(ms: int, seq: int = 0, type_: str = "CallQueued") -> Kept:
    return Kept(ms, seq, type_, f'{{"type":"{type_}","тема":{ms}}}')


async def test_an_entry_stands_there_once_however_often_it_is_put(desk: SqlDesk) -> None:
    journal = SqlJournal(desk.database)
    first = [entry(5), entry(5, 1), entry(7)]
    assert await journal.put(first) == 0
    assert await journal.put([entry(7), entry(6), entry(1 << 62, 3), *first]) == 0
    found = await journal.page((0, -1), 1 << 63, 100)
    assert found == [entry(5), entry(5, 1), entry(6), entry(7), entry(1 << 62, 3)]
    assert await journal.page((5, 0), 6, 100) == [entry(5, 1), entry(6)]
    assert await journal.page((0, -1), 1 << 62, 2) == first[:2]


async def test_what_no_column_can_hold_does_not_keep_the_others_waiting(desk: SqlDesk) -> None:
    journal = SqlJournal(desk.database)
    odd = [Kept(1 << 63, 0, "", "{}"), Kept(1, 1 << 63, "", "{}"), Kept(2, 0, "", "a\0b")]
    assert await journal.put([*odd, entry(3, type_="T" * 100)]) == 3
    assert [each[:3] for each in await journal.page((0, -1), 9, 9)] == [(3, 0, "T" * 64)]


async def test_before_a_period_only_what_still_holds_is_read(desk: SqlDesk) -> None:
    journal = SqlJournal(desk.database)
    await journal.put([entry(ms, type_="AgentDefined" if ms % 3 == 0 else "Tick") for ms in range(1, 13)])
    found = await journal.page((0, -1), 11, 100, whole_from_ms=8, standing=("AgentDefined", "RulesLoaded"))
    assert [each.ms for each in found] == [3, 6, 8, 9, 10, 11]


async def test_nobody_changes_an_entry(desk: SqlDesk) -> None:
    journal = SqlJournal(desk.database)
    await journal.put([entry(1)])
    with pytest.raises((DBAPIError, DeskUnavailable), match="not changed"):
        async with desk.database.write() as session:
            await session.execute(text("UPDATE journal SET record = 'x'"))
    assert await journal.page((0, -1), 9, 9) == [entry(1)]


async def test_what_is_too_old_goes_in_pieces(desk: SqlDesk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("desk.journal._FORGET", 4)
    journal = SqlJournal(desk.database)
    await journal.put([entry(ms, seq) for ms in range(10) for seq in range(2)])
    assert await journal.forget(7) == 14
    assert [each.ms for each in await journal.page((0, -1), 99, 99)] == [7, 7, 8, 8, 9, 9]
    assert await journal.forget(7) == 0


async def test_a_database_that_is_away_says_so() -> None:
    journal = SqlJournal(Database("postgresql://nobody@127.0.0.1:1/none", 1.0))
    with pytest.raises(DeskUnavailable):
        await journal.put([entry(1)])
