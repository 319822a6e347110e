"""Tickets, on SQLite and on PostgreSQL alike."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from desk.contract import Ticket, TicketDraft
from desk.keeping import Keeping
from desk.numbers import is_ticket_number
from desk.office import (
    Actor,
    BadCursor,
    NoRecording,
    TicketChange,
    TicketFilter,
    TicketNotFound,
    VersionConflict,
)
from desk.store import SqlDesk
from desk.vault import VaultError

OLGA = Actor("Ольга", "agent")
NUMBER = "+7 916 123-45-67"


def draft(source_id: str = "call-1", **changes: object) -> TicketDraft:
    values: dict[str, object] = {
        "topic": "status",
        "caller_number": NUMBER,
        "text": "Где моё заявление №12?",
        "fields": {"application": "12", "nested": {"list": [1, None]}},
    }
    return TicketDraft(source_id, **{**values, **changes})  # type: ignore[arg-type]


async def test_a_ticket_comes_back_as_it_was_given(desk: SqlDesk, place) -> None:
    opened = await desk.open_ticket(draft(kind="complaint", language="en", created_ms=5))
    again = await desk.ticket(opened.number, OLGA)
    assert again == opened
    assert opened == Ticket(
        number=opened.number,
        source_id="call-1",
        topic="status",
        language="en",
        kind="complaint",
        status="new",
        caller_number=NUMBER,
        text="Где моё заявление №12?",
        has_recording=False,
        assignee="",
        fields={"application": "12", "nested": {"list": [1, None]}},
        created_ms=5,
        updated_ms=place.clock.now_ms,
    )
    assert is_ticket_number(opened.number) and len(opened.number) == 7


async def test_the_same_source_opens_one_ticket_however_many_try(desk: SqlDesk, place) -> None:
    other = place.desk()
    await other.start()
    tickets = await asyncio.gather(*(who.open_ticket(draft()) for who in (desk, other) for _ in range(6)))
    assert len({ticket.number for ticket in tickets}) == 1
    assert len((await desk.tickets(TicketFilter(), OLGA)).items) == 1


async def test_many_sources_open_as_many_tickets(desk: SqlDesk) -> None:
    tickets = await asyncio.gather(*(desk.open_ticket(draft(f"call-{n}")) for n in range(25)))
    assert len({ticket.number for ticket in tickets}) == 25


@pytest.mark.parametrize(
    "text", ["", "x" * 100_000, "\0 \ud800 \r\n", "'; DROP TABLE tickets; --", "${SHELL(reboot)}", "😀"]
)
async def test_whatever_a_caller_says_is_taken(desk: SqlDesk, text: str) -> None:
    ticket = await desk.open_ticket(draft(text=text, caller_number=text, topic=text, source_id="s" + text))
    again = await desk.ticket(ticket.number, OLGA)
    assert again.text == text[:8000].encode("utf-8", "replace").decode()
    assert len(again.caller_number) <= 64 and "\n" not in again.caller_number
    assert (await desk.open_ticket(draft(source_id="s" + text))).number == ticket.number


async def test_too_many_fields_are_named_and_left(desk: SqlDesk) -> None:
    ticket = await desk.open_ticket(draft(fields={"big": "я" * 40_000, "small": 1}))
    assert ticket.fields == {"dropped_fields": ["big", "small"]}


async def test_a_draft_without_a_source_is_refused(desk: SqlDesk) -> None:
    with pytest.raises(ValueError, match="source_id"):
        await desk.open_ticket(draft(""))


# ---------------------------------------------------------------------------------------------- lists
async def test_lists_filter_and_page_newest_first(desk: SqlDesk) -> None:
    for n in range(7):
        topic = "status" if n % 2 else "documents"
        await desk.open_ticket(draft(f"s{n}", topic=topic, created_ms=1000 + n // 2))
    seen: list[str] = []
    cursor = ""
    while True:
        page = await desk.tickets(TicketFilter(), OLGA, limit=3, cursor=cursor)
        seen += [ticket.source_id for ticket in page.items]
        if not (cursor := page.next_cursor):
            break
        await desk.open_ticket(draft(f"late-{cursor}", created_ms=9_000))  # newer ones shift no page
    assert sorted(seen) == [f"s{n}" for n in range(7)]
    times = [ticket.created_ms for ticket in (await desk.tickets(TicketFilter(), OLGA, limit=200)).items]
    assert times == sorted(times, reverse=True)
    few = await desk.tickets(TicketFilter(topic="status", created_from_ms=1001, created_to_ms=1003), OLGA)
    assert {ticket.source_id for ticket in few.items} == {"s3", "s5"}


@pytest.mark.parametrize("cursor", ["x", "1", "1.", "1.2.3\0", "9" * 30 + ".1", "²5.1", "-1.1"])
async def test_a_cursor_of_ones_own_making_does_no_harm(desk: SqlDesk, cursor: str) -> None:
    if cursor == "1.2.3\0":
        cursor = "1." + "y" * 200
    with pytest.raises(BadCursor):
        await desk.tickets(TicketFilter(), OLGA, cursor=cursor)


async def test_a_caller_is_found_under_any_form_of_his_number(desk: SqlDesk) -> None:
    ticket = await desk.open_ticket(draft())
    await desk.open_ticket(draft("other", caller_number="89160000000"))
    await desk.open_ticket(draft("hidden", caller_number="anonymous"))
    for form in ("89161234567", "+79161234567", "9161234567", "8 (916) 123-45-67"):
        found = await desk.tickets(TicketFilter(caller_number=form), OLGA)
        assert [each.number for each in found.items] == [ticket.number]
    assert (await desk.tickets(TicketFilter(caller_number="anonymous"), OLGA)).items == ()
    assert (await desk.audit()).items[0].action == "searched"
    assert "9161234567" not in (await desk.audit()).items[0].subject


# --------------------------------------------------------------------------------------------- changes
async def test_a_change_needs_the_version_that_was_seen(desk: SqlDesk) -> None:
    ticket = await desk.open_ticket(draft())
    taken = await desk.change_ticket(
        ticket.number, TicketChange(status="in_progress", assignee="2001"), ticket.version, OLGA
    )
    assert (taken.status, taken.assignee, taken.version) == ("in_progress", "2001", 2)
    with pytest.raises(VersionConflict) as refused:
        await desk.change_ticket(ticket.number, TicketChange(assignee="2002"), ticket.version, OLGA)
    assert refused.value.current_version == 2
    assert (await desk.ticket(ticket.number, OLGA)).assignee == "2001"


async def test_of_two_who_change_at_once_one_wins(desk: SqlDesk, place) -> None:
    other = place.desk()
    await other.start()
    ticket = await desk.open_ticket(draft())
    done = await asyncio.gather(
        *(
            who.change_ticket(ticket.number, TicketChange(assignee=name), 1, OLGA)
            for who, name in ((desk, "2001"), (other, "2002"), (desk, "2003"))
        ),
        return_exceptions=True,
    )
    assert sum(isinstance(each, Ticket) for each in done) == 1
    assert sum(isinstance(each, VersionConflict) for each in done) == 2


async def test_fields_are_merged_and_null_removes_one(desk: SqlDesk) -> None:
    ticket = await desk.open_ticket(draft(fields={"a": 1, "b": 2}))
    changed = await desk.change_ticket(
        ticket.number, TicketChange(fields={"b": None, "c": 3}, text="ответили"), 1, OLGA
    )
    assert (changed.fields, changed.text) == ({"a": 1, "c": 3}, "ответили")
    assert await desk.ticket(ticket.number, OLGA) == changed


async def test_nothing_changed_is_no_new_version(desk: SqlDesk) -> None:
    ticket = await desk.open_ticket(draft())
    same = await desk.change_ticket(ticket.number, TicketChange(status="new", text=ticket.text), 1, OLGA)
    assert same == ticket
    assert [(e.actor, e.action) for e in (await desk.audit(limit=1)).items] == [("Ольга", "looked")]


async def test_who_opens_a_ticket_and_who_opens_it_again_is_in_the_audit(desk: SqlDesk) -> None:
    ticket = await desk.open_ticket(draft(), OLGA)
    await desk.open_ticket(draft())  # the hotline's own repetition shows it to nobody
    await desk.open_ticket(draft(), Actor("Пётр", "supervisor"))
    entries = (await desk.audit(f"ticket:{ticket.number}")).items
    assert [(e.actor, e.role, e.action) for e in entries] == [
        ("Пётр", "supervisor", "looked"),
        ("Ольга", "agent", "opened"),
    ]


async def test_closed_and_opened_again(desk: SqlDesk, place) -> None:
    ticket = await desk.open_ticket(draft())
    closed = await desk.close_ticket(ticket.number, OLGA)
    assert (closed.status, closed.closed_ms) == ("closed", place.clock.now_ms)
    reopened = await desk.change_ticket(ticket.number, TicketChange(status="waiting"), closed.version, OLGA)
    assert (reopened.status, reopened.closed_ms) == ("waiting", 0)


@pytest.mark.parametrize(
    "number", ["", "0", "1234567", "12345678901234567890", "../../etc", "１２３４５６７"]
)
async def test_an_unknown_number_is_not_found(desk: SqlDesk, number: str) -> None:
    for attempt in (
        desk.ticket(number, OLGA),
        desk.change_ticket(number, TicketChange(), 1, OLGA),
        desk.recording(number, OLGA),
    ):
        with pytest.raises(TicketNotFound):
            await attempt


async def test_the_audit_says_who_saw_and_changed_what_and_nothing_personal(desk: SqlDesk) -> None:
    ticket = await desk.open_ticket(draft())
    await desk.ticket(ticket.number, OLGA)
    change = TicketChange(status="closed", text="тайна")
    await desk.change_ticket(ticket.number, change, 1, Actor("Пётр", "supervisor"))
    entries = (await desk.audit(f"ticket:{ticket.number}")).items
    assert [(e.actor, e.role, e.action) for e in entries] == [
        ("Пётр", "supervisor", "changed"),
        ("Ольга", "agent", "looked"),
        ("dozvon", "system", "opened"),
    ]
    assert entries[0].details == {"status": ["new", "closed"], "rewritten": ["text"]}
    first = await desk.audit(limit=2)
    rest = await desk.audit(limit=2, cursor=first.next_cursor)
    assert [e.id for e in (*first.items, *rest.items)] == [e.id for e in entries]


# ------------------------------------------------------------------------------------------ recordings
def sound(folder: Path, size: int = 200_001, name: str = "request.wav") -> Path:
    file = folder / name
    file.write_bytes(bytes(i * 7 % 251 for i in range(1000)) * (size // 1000) + b"\x01" * (size % 1000))
    return file


async def heard(desk: SqlDesk, number: str) -> bytes:
    recording = await desk.recording(number, OLGA)
    content = b"".join([chunk async for chunk in recording.chunks])
    assert len(content) == recording.size_bytes
    return content


@pytest.mark.parametrize("size", [1, 65_535, 65_536, 65_537, 131_072, 200_001])
async def test_a_recording_is_taken_and_comes_back_the_same(desk: SqlDesk, tmp_path: Path, size: int) -> None:
    file = sound(tmp_path, size)
    content = file.read_bytes()
    ticket = await desk.open_ticket(draft(recording_path=str(file)))
    assert ticket.has_recording and not file.exists()
    assert await heard(desk, ticket.number) == content
    assert (await desk.recording(ticket.number, OLGA)).media_type == "audio/wav"
    assert (await desk.audit()).items[0].action == "listened"


async def test_an_import_that_was_cut_off_is_finished_by_the_next(desk: SqlDesk, tmp_path: Path) -> None:
    file = sound(tmp_path)
    content = file.read_bytes()
    ticket = await desk.open_ticket(draft(recording_path=str(file)))
    file.write_bytes(content)  # as if the process had died before it removed the original
    assert (await desk.open_ticket(draft(recording_path=str(file)))).number == ticket.number
    assert not file.exists()
    assert await heard(desk, ticket.number) == content
    assert len(list(desk.keeping.folder.glob("*/*"))) == 1


async def test_an_empty_recording_opens_a_ticket_without_one(desk: SqlDesk, tmp_path: Path) -> None:
    file = tmp_path / "empty.wav"
    file.touch()
    ticket = await desk.open_ticket(draft(recording_path=str(file), fields={}))
    assert (ticket.has_recording, ticket.fields) == (False, {"recording_problem": "empty"})
    with pytest.raises(NoRecording):
        await desk.recording(ticket.number, OLGA)


async def test_a_missing_recording_opens_a_ticket_without_one(desk: SqlDesk, tmp_path: Path) -> None:
    ticket = await desk.open_ticket(draft(recording_path=str(tmp_path / "nowhere.wav"), fields={}))
    assert (ticket.has_recording, ticket.fields) == (False, {"recording_problem": "missing"})


async def test_too_large_a_recording_stays_where_it_is(place, tmp_path: Path) -> None:
    desk = place.desk(max_recording_bytes=1000)
    await desk.start()
    file = sound(tmp_path, 1001)
    ticket = await desk.open_ticket(draft(recording_path=str(file)))
    assert (ticket.has_recording, ticket.fields["recording_problem"]) == (False, "too_large")
    assert file.exists()


async def test_a_full_disk_costs_no_ticket_and_the_recording_is_taken_later(
    desk: SqlDesk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Keeping, chunks: object, recording_id: str) -> int:
        raise OSError(28, "No space left on device")

    file = sound(tmp_path)
    content = file.read_bytes()
    with monkeypatch.context() as during:
        during.setattr(Keeping, "_write_sealed", full)
        ticket = await desk.open_ticket(draft(recording_path=str(file)))
        assert (ticket.has_recording, ticket.fields["recording_problem"]) == (False, "not_stored")
        assert await desk.take_pending() == 0
    assert file.exists()
    assert await desk.take_pending() == 1
    assert not file.exists()
    assert await heard(desk, ticket.number) == content


async def test_a_changed_or_shortened_recording_does_not_play(desk: SqlDesk, tmp_path: Path) -> None:
    ticket = await desk.open_ticket(draft(recording_path=str(sound(tmp_path))))
    (sealed,) = desk.keeping.folder.glob("*/*.sealed")
    whole = sealed.read_bytes()
    for broken in (whole[:-1], whole[: 65_536 + 16 + 16], whole[:100] + b"\0" + whole[101:], whole[:5]):
        sealed.write_bytes(broken)
        with pytest.raises(VaultError):
            await heard(desk, ticket.number)
