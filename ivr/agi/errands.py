"""What a call wants of the office: tickets, marks, look-ups, the summary. No telephone is needed for it.

Nothing here raises for a desk, disk or integration that fails, and nothing waits longer than its limit.
"""

from __future__ import annotations

import asyncio

import structlog

from acd.contract import MarkGiven
from desk.contract import Desk, Interaction, TicketDraft
from ivr import unkept
from ivr.agi.live import LiveCall
from ivr.agi.ports import House
from ivr.agi.tickets import open_ticket
from ivr.dialog.contract import (
    LookUp,
    LookUpDone,
    OpenTicket,
    RequestCallback,
    TicketFailed,
    TicketOpened,
    Value,
)

MAX_TICKETS = 20
LANGUAGE_TIMEOUT_S = 0.3  # the caller hears nothing meanwhile

log = structlog.get_logger(__name__)


async def language_of(desk: Desk, caller_number: str) -> str:
    """The language remembered for a number, "" when none is, or it cannot be told now."""
    if not caller_number:
        return ""
    try:
        async with asyncio.timeout(LANGUAGE_TIMEOUT_S):
            return await desk.language_of(caller_number)
    except Exception as error:
        log.warning("the caller's language is not known now", action="language_unknown", why=repr(error))
        return ""


class Errands:
    """One call's errands."""

    def __init__(self, house: House, call: LiveCall) -> None:
        self._house = house
        self._settings = house.settings
        self._call = call
        # A call that comes back after a restart must not take the ids of its own earlier tickets.
        self._prefix = f"{call.call_id}.{call.started_ms:x}." if call.resumed else f"{call.call_id}."

    async def open_ticket(
        self, action: OpenTicket, source_id: str = "", number: str = ""
    ) -> TicketOpened | TicketFailed:
        """``source_id`` of a ticket that has to be found again by it; ``number``: whose, if not his."""
        if self._call.tickets >= MAX_TICKETS:
            return TicketFailed("too_many")
        self._call.tickets += 1
        draft = TicketDraft(
            source_id=source_id or f"{self._prefix}{self._call.tickets}",
            topic=action.topic,
            language=action.language,
            kind=action.kind,
            caller_number=number or self._call.caller_number,
            text=action.text,
            recording_path=action.recording,
            fields=dict(action.fields),
            created_ms=self._house.clock_ms(),
        )
        if action.recording == self._call.take:
            self._call.take = ""
        return await open_ticket(self._house.desk, draft, self._settings.spool, self._settings.desk_timeout_s)

    async def request_callback(self, action: RequestCallback) -> None:
        """A ticket that says whom to call, when, and since when he has waited; and we call, where we can."""
        waiting, callbacks = self._call.waiting, self._house.callbacks
        wish = callbacks.plan(self._call, action) if callbacks is not None else None
        matter = dict(action.notes)
        if callbacks is not None and wish is not None:
            matter = await callbacks.matter_so_far(wish) | matter
        first_queued_ms = waiting.first_queued_ms if waiting else self._house.clock_ms()
        fields: dict[str, Value] = {
            **matter,
            "callback_number": action.number,
            "callback_at_ms": wish.due_ms if wish is not None else action.at_ms,
            "first_queued_ms": wish.first_queued_ms if wish is not None else first_queued_ms,
            "callback_queue": waiting.queue if waiting else action.queue,
            "callback_min_level": waiting.min_level if waiting else action.min_level,
        }
        ticket = OpenTicket(
            self._call.topic or action.topic,
            self._call.language,
            kind="callback",
            recording=action.recording,
            fields=fields,
        )
        await self.open_ticket(
            ticket,
            wish.callback_id if wish is not None else "",
            # Who withheld his number is known again by the one he gave us.
            number=self._call.caller_number or action.number,
        )
        self._call.outcome = "called_back"
        if callbacks is not None and wish is not None:
            await callbacks.agree(wish, action.number, matter)
            self._call.kept = None  # the one that he had is this one now

    async def cancel_callback(self) -> None:
        if self._house.callbacks is not None and self._call.kept is not None:
            await self._house.callbacks.cancel(self._call.kept.callback_id)
            self._call.kept = None

    async def save_mark(self, mark: int) -> None:
        self._call.mark = mark
        if self._call.agent_id:
            await self._house.distributor.report(MarkGiven(self._call.call_id, self._call.agent_id, mark))

    async def remember_language(self, language: str) -> None:
        if not self._call.caller_number:
            return
        try:
            async with asyncio.timeout(self._settings.desk_timeout_s):
                await self._house.desk.remember_language(self._call.caller_number, language)
        except Exception as error:
            log.warning("a language was not remembered", action="language_not_kept", why=repr(error))

    async def look_up(self, action: LookUp) -> LookUpDone:
        try:
            async with asyncio.timeout(self._settings.look_up_timeout_s):
                values = {**action.values, "caller_number": self._call.caller_number}
                return await self._house.look_up(LookUp(action.source, values))
        except Exception as error:
            log.warning("a look-up failed", action="look_up_failed", source=action.source, why=repr(error))
            return LookUpDone(found=False, failed=True)

    async def keep(self, interaction: Interaction) -> None:
        if self._house.callbacks is not None:
            await self._house.callbacks.finished(interaction)
            if self._call.kept is not None and self._call.took_place and self._went_unhelped(interaction):
                # He was promised a call, took its place himself and hung up before anybody answered.
                wish = await self._house.callbacks.once_more(self._call.kept, self._call.caller_number)
                await self.request_callback(wish)
        try:
            async with asyncio.timeout(self._settings.desk_timeout_s):
                await self._house.desk.record_interaction(interaction)
        except Exception as error:
            call_id = interaction.call_id
            log.warning("a summary waits", action="interaction_spooled", call_id=call_id, why=repr(error))
            await self._spool(interaction)

    def _went_unhelped(self, interaction: Interaction) -> bool:
        """He hung up while he waited, or after he was let go, and nobody knows of him."""
        let_go = interaction.outcome == "overflowed" and "hung_up_at" in interaction.notes
        return (interaction.outcome == "abandoned" or let_go) and not self._call.tickets

    async def _spool(self, interaction: Interaction) -> None:
        try:
            await asyncio.to_thread(unkept.write, self._settings.spool, interaction)
        except (OSError, TypeError, ValueError) as error:
            log.error(
                "a call's summary was not kept",
                action="interaction_lost",
                call_id=interaction.call_id,
                why=repr(error),
            )
