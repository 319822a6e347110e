"""``dozvon replay --from``: the archive, in the database and in files, and what is still in Redis, as one
journal."""

from __future__ import annotations

import asyncio
import datetime
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from acd.contract import CallEnded, CallQueued, OfferAccepted, WrapUpFinished
from acd.journal.archive import Archive, read
from acd.journal.shelving import Shelving
from acd.journal.stream import id_pair
from desk.database import Database
from dozvon.archive import DeskShelf
from dozvon.commands.replay import cli

from .conftest import Making, RedisServer, eventually, next_offer, roster_of


async def _shelve(home: Path) -> None:
    database = Database(f"sqlite+aiosqlite:///{home}/desk.sqlite3", 5.0)
    await database.start()
    assert await Shelving(Archive(home / "journal"), DeskShelf(database)).carry() > 0
    await database.stop()


async def test_yesterday_from_database_files_and_journal(
    making: Making, redis_server: RedisServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    node = making(node="n1", leads=True, roster=roster_of(1), archive=home / "journal")
    await node.start()
    orders = node.commands("n1")
    for number in range(6):
        await node.report(CallQueued(f"c{number}", "n1", "hotline", "t"))
        offer = await next_offer(orders)
        await node.report(OfferAccepted(offer.offer_id, offer.call_id, "a1"))
        await node.report(CallEnded(offer.call_id, "a1"))
        await node.report(WrapUpFinished("a1"))
        await eventually(lambda: node.snapshot().agents[0].state == "ready")
        if number in (1, 2, 4):
            await node._chores.store()
        if number == 2:  # what was trimmed until now is in the database, what is trimmed later in a file
            await _shelve(home)
    assert node.counts()["archived"] > 0 and any((home / "journal").iterdir())
    config = tmp_path / "config"
    config.mkdir()
    (config / "dozvon.yaml").write_text(f"home: {home}\nredis: {{url: '{redis_server.url}'}}\n", "utf-8")
    monkeypatch.setenv("DOZVON_CONFIG", str(config))
    monkeypatch.delenv("DOZVON_HOME", raising=False)
    today = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=12)).isoformat()
    until = (datetime.datetime.now(datetime.UTC) + datetime.timedelta(hours=1)).isoformat()
    period = ["--from", today, "--to", until]  # an end is named: this test may run just after midnight
    arguments = [*period, "--json"]
    result = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
    assert result.exit_code == 0, result.output
    was, same = json.loads(result.stdout.splitlines()[-1])["variants"]
    assert was["offered"] == was["answered"] == same["answered"] == 6
    saved = tmp_path / "day.jsonl"
    result = await asyncio.to_thread(CliRunner().invoke, cli, [*period, "--save", str(saved)])
    assert result.exit_code == 0, result.output
    ids = [id_pair(entry.id) for entry in read(saved)]
    assert ids == sorted(set(ids)) and len(ids) == node.counts()["entries"]
    result = await asyncio.to_thread(CliRunner().invoke, cli, [str(saved), "--json"])
    assert json.loads(result.stdout.splitlines()[-1])["variants"][0]["answered"] == 6
    redis_server.stop()
    result = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
    assert result.exit_code == 0 and "only the archive is used" in result.stderr
    assert 0 < json.loads(result.stdout.splitlines()[-1])["variants"][0]["offered"] < 6
