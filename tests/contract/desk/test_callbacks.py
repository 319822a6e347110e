"""Callbacks by their id: whom to call, and what became of it."""

from __future__ import annotations

import dataclasses

import pytest

from desk.callbacks import SqlCallbacks
from desk.contract import KeptCallback
from desk.office import SYSTEM, TicketChange
from desk.store import SqlDesk

from .test_tickets import draft


@pytest.fixture
def callbacks(desk: SqlDesk) -> SqlCallbacks:
    return SqlCallbacks(desk.database, desk.vault, lambda: 1_900_000_000_000)


def wish(source_id: str):
    fields = {"callback_number": "74951234567", "first_queued_ms": 7_000, "device": "phone"}
    return dataclasses.replace(draft(source_id), kind="callback", fields=fields)


async def test_the_number_is_found_by_the_callbacks_id(desk: SqlDesk, callbacks: SqlCallbacks) -> None:
    ticket = await desk.open_ticket(wish("n1-cb-1"))
    kept = await callbacks.find("n1-cb-1")
    about = {"caller_ref": desk.caller_ref(ticket.caller_number), "matter": {"device": "phone"}}
    assert kept == KeptCallback("n1-cb-1", "74951234567", ticket.topic, ticket.language, 7_000, **about)
    assert await callbacks.find("n1-cb-2") is None
    await desk.open_ticket(draft("request"))
    assert await callbacks.find("request") is None


async def test_what_became_of_it_is_written_down(desk: SqlDesk, callbacks: SqlCallbacks) -> None:
    ticket = await desk.open_ticket(wish("n1-cb-1"))
    assert await callbacks.settle("n1-cb-1", "waiting", "planned")
    assert await callbacks.pending() == ["n1-cb-1"]
    assert await callbacks.settle("n1-cb-1", "closed", "answered")
    assert await callbacks.pending() == []
    after = await desk.ticket(ticket.number, SYSTEM)
    assert (after.status, after.version) == ("closed", 3)
    assert after.closed_ms == after.updated_ms == 1_900_000_000_000
    assert after.fields["callback_result"] == "answered"
    assert after.fields["callback_number"] == "74951234567"
    assert not await callbacks.settle("n1-cb-1", "new", "unanswered"), "what is closed stays closed"
    assert not await callbacks.settle("n1-cb-2", "new", "unanswered")


async def test_what_a_person_took_up_is_his(desk: SqlDesk, callbacks: SqlCallbacks) -> None:
    ticket = await desk.open_ticket(wish("n1-cb-1"))
    await desk.change_ticket(ticket.number, TicketChange(assignee="anna"), ticket.version, SYSTEM)
    kept = await callbacks.find("n1-cb-1")
    assert kept is not None and not kept.wanted
    assert not await callbacks.settle("n1-cb-1", "closed", "answered")


async def test_another_time_stands_in_the_ticket_once(desk: SqlDesk, callbacks: SqlCallbacks) -> None:
    ticket = await desk.open_ticket(wish("n1-cb-1"))
    assert await callbacks.move("n1-cb-1", 1, 9_000, "closed")
    assert await callbacks.move("n1-cb-1", 1, 9_500, "closed"), "another node says the same"
    assert await callbacks.move("n1-cb-1", 2, 10_000, "too_late")
    kept = await callbacks.find("n1-cb-1")
    assert kept is not None and (kept.moves, kept.due_ms, kept.matter) == (2, 10_000, {"device": "phone"})
    after = await desk.ticket(ticket.number, SYSTEM)
    assert after.status == "waiting"
    assert after.fields["callback_moved"] == [
        {"from_ms": 0, "to_ms": 9_000, "why": "closed"},
        {"from_ms": 9_000, "to_ms": 10_000, "why": "too_late"},
    ]
    await callbacks.settle("n1-cb-1", "closed", "answered")
    assert not await callbacks.move("n1-cb-1", 3, 11_000, "closed")
