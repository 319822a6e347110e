"""Trimmed entries on their way to the database: none lost, none twice, and trimming never waits for it."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from acd.contract import CallLeft, CallQueued
from acd.journal import shelving
from acd.journal.archive import Archive
from acd.journal.codec import encode
from acd.journal.shelving import ShelfAway, Shelving
from acd.journal.stream import Entry
from acd.service import DistributorService
from desk.database import Database
from dozvon.archive import DeskShelf

from .conftest import Making, RedisServer, eventually


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/desk.sqlite3", 1.0)
    await database.start()
    yield database
    await database.stop()


def shelved(tmp_path: Path) -> list[tuple[str, str]]:
    """Ids and calls in the order of the ids."""
    with closing(sqlite3.connect(tmp_path / "desk.sqlite3")) as connection:
        rows = connection.execute("SELECT ms, seq, record FROM journal ORDER BY ms, seq").fetchall()
    return [(f"{ms}-{seq}", json.loads(record).get("call_id", "")) for ms, seq, record in rows]


def entries(first: int, count: int) -> list[Entry]:
    return [
        Entry(f"{number}-0", encode(CallQueued(f"c{number}", "n", "hotline", "t")))
        for number in range(first, first + count)
    ]


async def _calls(node: DistributorService, first: int, count: int) -> None:
    for number in range(first, first + count):
        await node.report(CallQueued(f"c{number}", "n1", "hotline", "t"))
        await node.report(CallLeft(f"c{number}", "abandoned"))
    await node._sender.drained()
    await eventually(lambda: not node.snapshot().calls and not len(node._outbox))


async def test_trimmed_entries_come_into_the_database_by_themselves(
    making: Making,
    redis_server: RedisServer,
    tmp_path: Path,
    database: Database,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shelving, "EVERY_S", 0.05)
    folder = tmp_path / "journal"
    node = making(node="n1", leads=True, archive=folder, shelf=DeskShelf(database))
    await node.start()
    await eventually(lambda: node.leading)
    for first in (0, 50, 100):
        await _calls(node, first, 50)
        await node._chores.store()
    counts = node.counts()
    assert counts["trimmed"] == counts["archived"] > 100
    await eventually(lambda: node.counts().get("shelved") == counts["archived"] and not any(folder.iterdir()))
    with redis_server.client() as client:
        left = [json.loads(fields[b"e"]).get("call_id") for _, fields in client.xrange("dozvon:journal")]
    both = [call for _, call in shelved(tmp_path)] + left
    assert [call for call in both if call] == [f"c{n}" for n in range(150) for _ in range(2)]


async def test_a_database_that_is_away_stops_nothing_and_loses_nothing(
    making: Making, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shelving, "EVERY_S", 0.05)
    monkeypatch.setattr(shelving, "LONGEST_PAUSE_S", 0.1)
    database = Database(f"sqlite+aiosqlite:///{tmp_path}/desk.sqlite3", 0.3)
    folder = tmp_path / "journal"
    node = making(node="n1", leads=True, archive=folder, shelf=DeskShelf(database))
    await node.start()
    await eventually(lambda: node.leading)
    for first in (0, 30):
        await _calls(node, first, 30)
        await node._chores.store()
    await eventually(lambda: node.counts().get("shelf_failures", 0) >= 2)
    trimmed = node.counts()["trimmed"]
    assert trimmed > 0 and sum(len(file.read_bytes().splitlines()) for file in folder.iterdir()) == trimmed

    await database.start()
    try:
        # Somebody holds the database's lock for longer than we wait.
        with closing(sqlite3.connect(tmp_path / "desk.sqlite3", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            failures = node.counts()["shelf_failures"]
            await eventually(lambda: node.counts()["shelf_failures"] > failures)
            other.execute("ROLLBACK")
        await eventually(lambda: node.counts().get("shelved") == trimmed and not any(folder.iterdir()))
        ids = [each for each, _ in shelved(tmp_path)]
        assert len(ids) == len(set(ids)) == trimmed
    finally:
        await database.stop()


async def test_two_nodes_that_archived_the_same_entries_fill_one_table_once(
    tmp_path: Path, database: Database
) -> None:
    """The first died after it had written its file and before it trimmed; the second wrote them again."""
    carriers = []
    for name, found in (("a", entries(1, 700)), ("b", entries(400, 900))):
        archive = Archive(tmp_path / name)
        archive.add(found)
        carriers.append(Shelving(archive, DeskShelf(database)))
    assert [await each.carry() for each in carriers] == [700, 900]
    assert [call for _, call in shelved(tmp_path)] == [f"c{n}" for n in range(1, 1300)]
    assert await carriers[0].carry() == 0


class Lossy(DeskShelf):
    """Keeps the entries, and then loses the answer."""

    fails = 0

    async def put(self, entries: object) -> int:
        await super().put(entries)  # type: ignore[arg-type]
        self.fails -= 1
        if self.fails == 0:
            raise ShelfAway("the answer was lost")
        return 0


async def test_a_lost_answer_puts_nothing_twice(tmp_path: Path, database: Database) -> None:
    archive = Archive(tmp_path / "journal")
    archive.add(entries(1, 500))
    shelf = Lossy(database)
    shelf.fails = 2
    carrier = Shelving(archive, shelf)
    with pytest.raises(ShelfAway):
        await carrier.carry()
    assert archive.files()
    await carrier.carry()
    assert [call for _, call in shelved(tmp_path)] == [f"c{n}" for n in range(1, 501)]
    assert archive.files() == []


async def test_lines_in_part_and_strange_lines(tmp_path: Path, database: Database) -> None:
    """A line being written waits for its end; what cannot be read is passed over and counted."""
    archive = Archive(tmp_path / "journal")
    archive.add([*entries(1, 2), Entry("3-0", b"\xff no json"), Entry("4-0", b'{"a":"\\ud800"}\n')])
    file = archive.files()[0]
    with file.open("ab") as out:
        out.write(b"x" * 600_000 + b"\n" + b'{"id":"9-0","e":{"type":')
    carrier = Shelving(archive, DeskShelf(database))
    await carrier.carry()
    assert [each for each, _ in shelved_ids(tmp_path)] == [1, 2, 3, 4]
    assert carrier.counts["shelf_refused"] and archive.files() == [file]
    with file.open("ab") as out:
        out.write(b'"Tick","v":1}}\n')
    await carrier.carry()
    assert [each for each, _ in shelved_ids(tmp_path)] == [1, 2, 3, 4, 9]
    assert archive.files() == []


def shelved_ids(tmp_path: Path) -> list[tuple[int, str]]:
    with closing(sqlite3.connect(tmp_path / "desk.sqlite3")) as connection:
        return connection.execute("SELECT ms, type FROM journal ORDER BY ms, seq").fetchall()
