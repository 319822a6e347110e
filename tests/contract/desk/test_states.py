"""How a request stands is told to its own telephone, and to no other."""

from __future__ import annotations

import pytest

from desk.contract import DeskUnavailable, TicketDraft
from desk.office import Actor, TicketChange
from desk.states import TicketStates
from desk.store import SqlDesk
from dozvon.lookups import LookUps, UnknownSource
from ivr.dialog.contract import LookUp, LookUpDone

OWN, OTHER = "79161230001", "79161230002"


async def test_a_state_follows_the_ticket(desk: SqlDesk) -> None:
    ticket = await desk.open_ticket(TicketDraft("s1", "access", caller_number=OWN, text="secret"))
    look_up = LookUps(TicketStates(desk.database, desk.vault))

    async def asked(number: str = ticket.number, caller: str = OWN) -> LookUpDone:
        return await look_up(LookUp("ticket_state", {"number": number, "caller_number": caller}))

    assert await asked() == LookUpDone(True, {"state": "new"})
    by = Actor("anna", "agent")
    await desk.change_ticket(ticket.number, TicketChange(status="in_progress"), 1, by)
    assert await asked() == LookUpDone(True, {"state": "in_progress"})
    await desk.close_ticket(ticket.number, by)
    assert await asked() == LookUpDone(True, {"state": "closed"})
    told = [entry for entry in (await desk.audit(f"ticket:{ticket.number}")).items if entry.action == "told"]
    assert len(told) == 3


@pytest.mark.parametrize("caller", [OTHER, "", "7916123000", "'; --"])
async def test_nobody_learns_of_anothers_request(desk: SqlDesk, caller: str) -> None:
    ticket = await desk.open_ticket(TicketDraft("s1", "access", caller_number=OWN))
    states = TicketStates(desk.database, desk.vault)
    assert await states.state(ticket.number, caller) is None


async def test_a_request_from_a_withheld_number_is_told_to_nobody(desk: SqlDesk) -> None:
    ticket = await desk.open_ticket(TicketDraft("s1", "access", caller_number=""))
    assert await TicketStates(desk.database, desk.vault).state(ticket.number, "") is None


@pytest.mark.parametrize("number", ["", "1", "1234567", "x" * 500, "0000000"])
async def test_no_such_number(desk: SqlDesk, number: str) -> None:
    assert await TicketStates(desk.database, desk.vault).state(number, OWN) is None


async def test_a_source_that_nobody_has(desk: SqlDesk) -> None:
    with pytest.raises(UnknownSource):
        await LookUps(TicketStates(desk.database, desk.vault))(LookUp("weather"))


async def test_a_desk_that_is_away_is_said_so(desk: SqlDesk) -> None:
    ticket = await desk.open_ticket(TicketDraft("s1", "access", caller_number=OWN))
    states = TicketStates(desk.database, desk.vault)
    await desk.stop()
    with pytest.raises(DeskUnavailable):
        await states.state(ticket.number, OWN)
