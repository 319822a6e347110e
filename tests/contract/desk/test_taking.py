"""A caller's recording survives whatever happens between the disk, the database and the spool."""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from desk.contract import DeskUnavailable
from desk.keeping import Keeping
from desk.office import TicketFilter
from desk.store import SqlDesk
from desk.taking import sweep_strays
from ivr import spool
from ivr.agi.tickets import open_ticket
from ivr.dialog.contract import TicketFailed

from .test_tickets import OLGA, draft, heard, sound


def lose_the_answer(desk: SqlDesk, patch: pytest.MonkeyPatch, *, how: str, committed: bool) -> None:
    """The COMMIT of what is written from now on is asked for; whether it was done nobody is told."""
    writing = desk.database._writing

    async def fail() -> None:
        if how == "line":
            raise OSError("connection lost")
        await asyncio.sleep(60)

    @contextlib.asynccontextmanager
    async def broken() -> AsyncIterator[object]:
        async with writing() as connection:
            yield connection
            if not committed:
                await fail()
        await fail()

    patch.setattr(desk.database, "_writing", broken)


def full_disk(patch: pytest.MonkeyPatch) -> None:
    def full(self: Keeping, chunks: object, recording_id: str) -> int:
        raise OSError(28, "No space left on device")

    patch.setattr(Keeping, "_write_sealed", full)


def sealed(desk: SqlDesk) -> list[Path]:
    return list(desk.keeping.folder.glob("*/*"))


@pytest.mark.parametrize("committed", [True, False], ids=["committed", "rolled back"])
@pytest.mark.parametrize(
    ("how", "patience_s"), [("line", 3.0), ("desk", 3.0), ("call", 1.5)], ids=["line", "desk", "call"]
)
async def test_a_commit_without_an_answer_costs_no_recording(
    place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str, patience_s: float, committed: bool
) -> None:
    """The line breaks, the desk's time is over, or the call's: the ticket is spooled, then imported."""
    desk = place.desk(timeout_s=1.0 if how == "desk" else 3.0)
    await desk.start()
    file = sound(tmp_path)
    content = file.read_bytes()
    inbox = tmp_path / "spool"
    with monkeypatch.context() as during:
        lose_the_answer(desk, during, how=how, committed=committed)
        answer = await open_ticket(desk, draft(recording_path=str(file)), inbox, patience_s)
        assert answer == TicketFailed("spooled")
    assert len(sealed(desk)) == 1 and (inbox / "call-1.wav").exists()
    a_day_ago = time.time() - 25 * 3600
    os.utime(sealed(desk)[0], (a_day_ago, a_day_ago))
    assert (await desk.purge()).orphans == (0 if committed else 1)

    assert await spool.import_spool(inbox, desk) == spool.Imported(tickets=1)
    (ticket,) = (await desk.tickets(TicketFilter(), OLGA)).items
    assert await heard(desk, ticket.number) == content
    assert not (inbox / "call-1.wav").exists() and len(sealed(desk)) == 1


async def test_an_original_is_kept_while_its_sealed_copy_is_not_there(desk: SqlDesk, tmp_path: Path) -> None:
    file = sound(tmp_path)
    content = file.read_bytes()
    ticket = await desk.open_ticket(draft(recording_path=str(file)))
    sealed(desk)[0].unlink()
    file.write_bytes(content)
    again = await desk.open_ticket(draft(recording_path=str(file)))
    assert (again.number, again.version, again.has_recording) == (ticket.number, 2, True)
    assert await heard(desk, ticket.number) == content
    assert not file.exists()


async def test_a_recording_that_waits_is_taken_from_where_the_spool_moved_it(
    desk: SqlDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = sound(tmp_path)
    content = file.read_bytes()
    moved = tmp_path / "moved.wav"
    with monkeypatch.context() as during:
        full_disk(during)
        ticket = await desk.open_ticket(draft(recording_path=str(file)))
        file.rename(moved)
        assert not (await desk.open_ticket(draft(recording_path=str(moved)))).has_recording
    assert moved.exists() and await desk.take_pending() == 1
    assert await heard(desk, ticket.number) == content
    assert not moved.exists()


async def test_an_import_takes_what_could_not_be_taken_before(
    desk: SqlDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = sound(tmp_path)
    content = file.read_bytes()
    with monkeypatch.context() as during:
        full_disk(during)
        ticket = await desk.open_ticket(draft(recording_path=str(file)))
    assert (await desk.open_ticket(draft(recording_path=str(file)))).has_recording
    assert not file.exists() and await desk.take_pending() == 0
    assert await heard(desk, ticket.number) == content


async def test_an_answer_lost_while_a_recording_is_taken_later_costs_none(
    desk: SqlDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = sound(tmp_path)
    content = file.read_bytes()
    with monkeypatch.context() as during:
        full_disk(during)
        ticket = await desk.open_ticket(draft(recording_path=str(file)))
    with monkeypatch.context() as during:
        lose_the_answer(desk, during, how="line", committed=True)
        with pytest.raises(DeskUnavailable):
            await desk.open_ticket(draft(recording_path=str(file)))
    assert file.exists()
    await desk.open_ticket(draft(recording_path=str(file)))
    assert not file.exists()
    assert await heard(desk, ticket.number) == content


async def test_a_recording_that_no_ticket_waits_for_goes_after_a_day(
    desk: SqlDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("stray.wav", "young.wav", "c1.talk.wav", "waits.wav")
    stray, young, talk, waits = (sound(tmp_path, name=name) for name in names)
    full_disk(monkeypatch)
    await desk.open_ticket(draft("waits", recording_path=str(waits)))
    two_days_ago = time.time() - 2 * 86_400
    for old in (stray, talk, waits):
        os.utime(old, (two_days_ago, two_days_ago))
    assert await sweep_strays(desk.database, tmp_path, time.time()) == 1
    assert not stray.exists() and young.exists() and talk.exists() and waits.exists()
    assert await sweep_strays(desk.database, tmp_path / "nowhere", time.time()) == 0
