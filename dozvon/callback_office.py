"""Wiring: callbacks as the API asks for them (web.ports)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping

from acd.contract import CallbackRequested
from desk.callbacks import SqlCallbacks
from desk.contract import Ticket, TicketDraft
from desk.numbers import masked_telephone
from desk.office import Actor, BadCursor, TicketFilter
from desk.store import SqlDesk
from dozvon import hotline as reference
from dozvon.settings import Settings
from ivr.agi.callback_book import MARK, CallbackBook, base_of, callable_number
from ivr.dialog.identifiers import calling_number
from ivr.dialog.model import Flow, Queue
from web.ports import Conflict, KeptPlaces, Refused, Unknown
from web.problems import FieldFault, Problem
from web.schemas import Callback, CallbackIn, CallbackPage

LATEST_MS = 30 * 86_400_000
TEXT = "текст"  # read by the specialist, as the notes of guided talks are


class CallbackOffice:
    """Implements web.ports.CallbackPort. ``flow`` gives the one in force: its queue is the callers'."""

    def __init__(
        self,
        settings: Settings,
        book: CallbackBook,
        desk: SqlDesk,
        distributor: KeptPlaces,
        flow: Callable[[], Flow],
        clock_ms: Callable[[], int],
    ) -> None:
        self._settings = settings
        self._book = book
        self._desk = desk
        self._kept = SqlCallbacks(desk.database, desk.vault, clock_ms)
        self._distributor = distributor
        self._flow = flow
        self._clock_ms = clock_ms

    async def request(self, given: CallbackIn) -> Callback:
        number = callable_number(calling_number(given.number))
        callback_id = f"api{MARK}{hashlib.sha256(given.request_id.encode()).hexdigest()[:16]}"
        before = await self._kept.ticket(callback_id)
        if before is None:
            self._check(given, number)
            self._must_be_only(number)
        elif (before.fields.get("callback_number"), before.topic) != (number, given.topic):
            raise Conflict("request-used", "This request_id was used for another callback")
        elif before.status != "new" or before.fields.get("callback_result"):
            return shown(before)
        wish = self._wish(given, callback_id, number)
        ticket = await self._desk.open_ticket(self._draft(given, wish, number))
        await self._book.agree(wish, number, {TEXT: given.text} if given.text else None)
        return shown(ticket, "waiting")

    def _check(self, given: CallbackIn, number: str) -> None:
        now_ms = self._clock_ms()
        faults = []
        if not number:
            faults.append(FieldFault(where="number", what="only telephones in Russia are called"))
        if given.topic not in reference.topics(self._settings):
            faults.append(FieldFault(where="topic", what=f"there is no topic '{given.topic}'"))
        if given.language not in self._settings.hotline.languages:
            faults.append(FieldFault(where="language", what="callers are not spoken to in this language"))
        if given.at_ms and not now_ms <= given.at_ms <= now_ms + LATEST_MS:
            faults.append(FieldFault(where="at_ms", what="is over, or more than 30 days away"))
        if faults:
            raise Refused("This callback cannot be made", faults)

    def _must_be_only(self, number: str) -> None:
        kept = self._distributor.kept_place(self._desk.caller_ref(number))
        if kept is not None and kept.callback_id:
            raise Conflict(
                "callback-pending", "This customer is to be called already", base_of(kept.callback_id)
            )

    def _wish(self, given: CallbackIn, callback_id: str, number: str) -> CallbackRequested:
        flow = self._flow()
        queue = flow.nodes[flow.resume]
        wish = self._book.wish(
            callback_id,
            number,
            given.at_ms,
            queue=queue.queue if isinstance(queue, Queue) else "main",
            topic=given.topic,
            language=given.language,
            caller_ref=self._desk.caller_ref(number),
        )
        if wish is None:
            what = "there is no time at which the centre is open and the customer awake"
            raise Refused("This callback cannot be made", [FieldFault(where="at_ms", what=what)])
        return wish

    @staticmethod
    def _draft(given: CallbackIn, wish: CallbackRequested, number: str) -> TicketDraft:
        fields: Mapping[str, object] = {
            "callback_number": number,
            "callback_at_ms": wish.due_ms,
            "callback_queue": wish.queue,
            "first_queued_ms": wish.first_queued_ms,
            **({TEXT: given.text} if given.text else {}),
        }
        return TicketDraft(
            source_id=wish.callback_id,
            topic=given.topic,
            language=given.language,
            kind="callback",
            caller_number=number,
            text=given.text,
            fields=fields,
        )

    async def list(self, by: Actor, limit: int, cursor: str) -> CallbackPage:
        where = TicketFilter(status="waiting", kind="callback")
        try:
            page = await self._desk.tickets(where, by, limit=limit, cursor=cursor)
        except BadCursor:
            raise Problem(400, "bad-cursor", "This cursor was not handed out here") from None
        return CallbackPage(items=[shown(ticket) for ticket in page.items], next_cursor=page.next_cursor)

    async def cancel(self, callback_id: str) -> Callback:
        base = base_of(callback_id)
        kept = await self._kept.find(base)
        ticket = await self._kept.ticket(base)
        if kept is None or ticket is None or not await self._book.cancel(base):
            raise Unknown
        return shown(ticket, "closed")


def shown(ticket: Ticket, status: str = "") -> Callback:
    """A callback's ticket as the API shows it."""
    fields = ticket.fields
    due_ms, moved = fields.get("callback_at_ms"), fields.get("callback_moved")
    return Callback(
        callback_id=ticket.source_id,
        ticket=ticket.number,
        number_masked=masked_telephone(str(fields.get("callback_number") or ticket.caller_number)),
        topic=ticket.topic,
        language=ticket.language,
        status=status or ticket.status,  # type: ignore[arg-type]
        due_ms=due_ms if isinstance(due_ms, int) else 0,
        moves=len(moved) if isinstance(moved, list) else 0,
        created_ms=ticket.created_ms,
    )
