"""Retention, keys, what lies on the disk, the schema, and a database that does not answer."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import sqlite3
import time
from pathlib import Path

import pytest
from sqlalchemy import inspect, text

from desk.contract import DeskUnavailable, TicketDraft
from desk.models import Base
from desk.office import SYSTEM, TicketFilter, TicketNotFound
from desk.store import SqlDesk
from desk.upkeep import DAY_MS

from .test_calls import CALL
from .test_tickets import draft, heard, sound


async def test_everything_personal_is_forgotten_thirty_days_later(
    desk: SqlDesk, place, tmp_path: Path
) -> None:
    now_ms = place.clock.now_ms
    old = await desk.open_ticket(draft("old", recording_path=str(sound(tmp_path))))
    young = await desk.open_ticket(draft("young", recording_path=str(sound(tmp_path, name="b.wav"))))
    open_one = await desk.open_ticket(draft("open"))
    await desk.close_ticket(old.number, SYSTEM)
    await desk.record_interaction(dataclasses.replace(CALL, ended_ms=now_ms))
    await desk.remember_language(CALL.caller_number, "en")
    place.clock.now_ms += DAY_MS
    await desk.close_ticket(young.number, SYSTEM)
    await desk.record_interaction(dataclasses.replace(CALL, call_id="later", ended_ms=place.clock.now_ms))

    assert (await desk.purge(now_ms + 30 * DAY_MS - 1)).tickets == 0
    report = await desk.purge(now_ms + 30 * DAY_MS)
    assert (report.tickets, report.recordings, report.interactions, report.customers) == (1, 1, 1, 1)
    with pytest.raises(TicketNotFound):
        await desk.ticket(old.number, SYSTEM)
    assert await heard(desk, young.number)
    assert (await desk.ticket(open_one.number, SYSTEM)).text
    forgotten = await desk.interaction("call-1", SYSTEM)
    assert (forgotten.caller_number, forgotten.notes, forgotten.outcome) == ("", {}, "answered")
    assert (await desk.interaction("later", SYSTEM)).caller_number == CALL.caller_number
    assert await desk.language_of(CALL.caller_number) == ""
    assert (await desk.audit(f"ticket:{old.number}")).items[0].action == "purged"
    assert await desk.purge(now_ms + 30 * DAY_MS) == dataclasses.replace(
        report, tickets=0, recordings=0, interactions=0, customers=0
    )


async def test_a_sealed_file_of_no_ticket_is_swept_after_a_day(desk: SqlDesk, tmp_path: Path) -> None:
    kept = await desk.keeping.take(sound(tmp_path))
    assert (await desk.purge()).orphans == 0
    a_day_ago = time.time() - 25 * 3600
    os.utime(desk.keeping.path(kept.recording_id), (a_day_ago, a_day_ago))
    assert (await desk.purge()).orphans == 1


async def test_a_new_key_and_everything_under_it(desk: SqlDesk, place, tmp_path: Path) -> None:
    content = sound(tmp_path).read_bytes()
    ticket = await desk.open_ticket(draft(recording_path=str(tmp_path / "request.wav")))
    await desk.record_interaction(CALL)
    running = place.desk()  # another process, with the old keys in its memory
    await running.start()

    desk.vault.rotate()
    assert await desk.reencrypt() == 3
    assert await desk.reencrypt() == 0
    assert desk.vault.forget_old_keys() == 1
    for who in (desk, running, place.desk()):
        await who.start()
        assert (await who.ticket(ticket.number, SYSTEM)).caller_number == ticket.caller_number
        assert await heard(who, ticket.number) == content
        assert (await who.interaction("call-1", SYSTEM)).caller_number == CALL.caller_number
        assert who.caller_ref("89161234567") == desk.caller_ref("89161234567")


async def test_two_starts_at_once_migrate_once(place) -> None:
    desks = [place.desk() for _ in range(4)]
    await asyncio.gather(*(desk.start() for desk in desks))
    await desks[0].open_ticket(draft())
    assert len((await desks[3].tickets(TicketFilter(), SYSTEM)).items) == 1


async def test_the_schema_goes_down_and_up_and_is_what_the_models_say(place) -> None:
    desk = place.desk()
    await desk.start()

    async def tables() -> dict[str, dict[str, bool]]:
        async with desk.database._writing() as connection:
            return await connection.run_sync(
                lambda sync: {
                    name: {column["name"]: column["nullable"] for column in inspect(sync).get_columns(name)}
                    for name in inspect(sync).get_table_names()
                    if name != "alembic_version"
                }
            )

    expected = {
        table.name: {column.name: bool(column.nullable) for column in table.columns}
        for table in Base.metadata.sorted_tables
    }
    assert await tables() == expected
    await desk.database.migrate("base")
    assert await tables() == {}
    await desk.database.migrate("head")
    assert await tables() == expected


# ------------------------------------------------------------------------------------- SQLite alone
def count_private_files(folder: Path, *secrets: bytes) -> int:
    """Database, its log, keys, recordings: none holds a secret, none can be read by others."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    for path in files:
        content = path.read_bytes()
        for secret in secrets:
            assert secret not in content, (path, secret)
        assert path.stat().st_mode & 0o077 == 0, f"{path} can be read by others"
    return len(files)


async def test_nothing_personal_lies_readable_on_the_disk(sqlite_place, tmp_path: Path) -> None:
    desk = sqlite_place.desk()
    await desk.start()
    spoken = "Секретная просьба Ивана"
    file = tmp_path / "in.wav"
    file.write_bytes(b"RIFF-secret-sound" * 1000)
    ticket = await desk.open_ticket(
        TicketDraft(
            "src",
            "status",
            caller_number="+79161234567",
            text=spoken,
            fields={"snils": "11223344595"},
            recording_path=str(file),
        )
    )
    await desk.record_interaction(dataclasses.replace(CALL, caller_number="+79161234567"))
    await desk.remember_language("+79161234567", "en")
    assert count_private_files(tmp_path, b"9161234567", spoken.encode(), b"11223344595", b"secret-sound") >= 4
    await desk.close_ticket(ticket.number, SYSTEM)


async def test_a_record_moved_to_another_ticket_does_not_open(sqlite_place, tmp_path: Path) -> None:
    from desk.vault import VaultError

    desk = sqlite_place.desk()
    await desk.start()
    one, two = await desk.open_ticket(draft("one")), await desk.open_ticket(draft("two"))
    async with desk.database.write() as session:
        await session.execute(
            text(
                "UPDATE tickets SET personal = (SELECT personal FROM tickets WHERE number = :a) "
                "WHERE number = :b"
            ),
            {"a": one.number, "b": two.number},
        )
    with pytest.raises(VaultError):
        await desk.ticket(two.number, SYSTEM)


async def test_a_locked_database_is_said_to_be_unavailable_and_nothing_is_left(
    sqlite_place, tmp_path: Path
) -> None:
    desk = sqlite_place.desk(timeout_s=0.3)
    await desk.start()
    file = sound(tmp_path)
    with sqlite3.connect(tmp_path / "desk.sqlite3", isolation_level=None) as locker:
        locker.execute("BEGIN IMMEDIATE")
        with pytest.raises(DeskUnavailable):
            await desk.open_ticket(draft(recording_path=str(file)))
        assert (await desk.tickets(TicketFilter(), SYSTEM)).items == ()  # readers are not held up
        assert await desk.language_of("89161234567") == ""
        await desk.remember_language("89161234567", "en")  # left, not raised
        locker.execute("ROLLBACK")
    locker.close()
    assert file.exists() and not list(desk.keeping.folder.glob("*/*"))
    ticket = await desk.open_ticket(draft(recording_path=str(file)))
    assert ticket.has_recording


async def test_a_short_lock_is_waited_for(sqlite_place, tmp_path: Path) -> None:
    desk = sqlite_place.desk()
    await desk.start()
    locker = sqlite3.connect(tmp_path / "desk.sqlite3", isolation_level=None, check_same_thread=False)
    locker.execute("BEGIN IMMEDIATE")
    opening = asyncio.create_task(desk.open_ticket(draft()))
    asyncio.get_running_loop().call_later(0.2, locker.execute, "ROLLBACK")
    assert (await opening).status == "new"
    locker.close()


async def test_a_file_that_is_no_database_is_unavailable(sqlite_place, tmp_path: Path) -> None:
    (tmp_path / "desk.sqlite3").write_text("this is not a database, and long enough to be looked at" * 20)
    with pytest.raises(DeskUnavailable):
        await sqlite_place.desk().start()


# --------------------------------------------------------------------------------- PostgreSQL alone
async def test_a_stopped_server_is_unavailable_and_is_found_again(
    postgres_place, postgres, tmp_path: Path
) -> None:
    desk = postgres_place.desk(timeout_s=2)
    await desk.start()
    first = await desk.open_ticket(draft("first"))
    postgres.stop()
    try:
        with pytest.raises(DeskUnavailable):
            await desk.open_ticket(draft("second", recording_path=str(sound(tmp_path))))
        with pytest.raises(DeskUnavailable):
            await desk.ping()
        with pytest.raises(DeskUnavailable):
            await postgres_place.desk().start()
        assert (tmp_path / "request.wav").exists()
    finally:
        postgres.start()
    assert (await desk.open_ticket(draft("first"))).number == first.number
    assert (await desk.open_ticket(draft("second"))).number != first.number


async def test_a_database_that_comes_late_is_found(postgres_place, postgres) -> None:
    desk = postgres_place.desk(timeout_s=2)
    postgres.stop()
    try:
        await desk.start_patiently()
        with pytest.raises(DeskUnavailable):
            await desk.open_ticket(draft())
    finally:
        postgres.start()
    async with asyncio.timeout(20):
        while True:
            try:
                assert (await desk.open_ticket(draft())).status == "new"
                break
            except DeskUnavailable:
                await asyncio.sleep(0.05)


async def test_a_locked_row_is_given_up_in_time(postgres_place) -> None:
    desk = postgres_place.desk(timeout_s=1.5)
    await desk.start()
    ticket = await desk.open_ticket(draft())
    async with desk.database._engine.begin() as other:
        await other.execute(text("SELECT * FROM tickets FOR UPDATE"))
        with pytest.raises(DeskUnavailable):
            await desk.close_ticket(ticket.number, SYSTEM)
    assert (await desk.close_ticket(ticket.number, SYSTEM)).status == "closed"


async def test_an_unknown_kind_of_database_is_refused(tmp_path: Path, sqlite_place) -> None:
    sqlite_place.url = "mysql://u:secret@h/x"
    with pytest.raises(ValueError, match="mysql") as refused:
        sqlite_place.desk()
    assert "secret" not in str(refused.value)
