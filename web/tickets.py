"""Tickets over HTTP. Lists mask numbers and leave out what callers said; one ticket is shown in full, and
looking at it is audited by the desk."""

from __future__ import annotations

import asyncio
import secrets

from aiohttp import web

from desk.contract import Ticket, TicketDraft
from desk.numbers import masked_telephone
from desk.office import BadCursor, NoRecording, TicketChange, TicketFilter, TicketNotFound, VersionConflict
from web.endpoint import Asked, Endpoint
from web.office import OFFICE
from web.problems import Problem, not_found
from web.schemas import (
    TicketBrief,
    TicketFull,
    TicketIn,
    TicketPage,
    TicketPatch,
    TicketQuery,
    TicketSearch,
)

_WRITE_TIMEOUT_S = 30.0
_SUFFIXES = {"audio/wav": ".wav", "audio/x-alaw-basic": ".alaw", "audio/basic": ".ulaw", "audio/ogg": ".ogg"}


async def open_ticket(asked: Asked) -> TicketFull:
    given = asked.sent(TicketIn)
    draft = TicketDraft(
        # Each owner has ids of his own, or one could see another's ticket; by name: a token may be renewed.
        source_id=f"api:{asked.token.name}:{given.source_id or secrets.token_hex(16)}",
        topic=given.topic,
        language=given.language,
        kind=given.kind,
        caller_number=given.caller_number,
        text=given.text,
        fields=dict(given.fields),
    )
    return _full(await asked.request.app[OFFICE].desk.open_ticket(draft, asked.actor))


async def list_tickets(asked: Asked) -> TicketPage:
    return await _page(asked, asked.queried(TicketQuery), None)


async def search_tickets(asked: Asked) -> TicketPage:
    wanted = asked.sent(TicketSearch)
    return await _page(asked, wanted, wanted.caller_number)


async def show_ticket(asked: Asked) -> TicketFull:
    try:
        return _full(await asked.request.app[OFFICE].desk.ticket(asked.path("number"), asked.actor))
    except TicketNotFound:
        raise not_found("ticket") from None


async def change_ticket(asked: Asked) -> TicketFull:
    given = asked.sent(TicketPatch)
    change = TicketChange(given.status, given.topic, given.assignee, given.text, given.fields)
    desk = asked.request.app[OFFICE].desk
    try:
        return _full(await desk.change_ticket(asked.path("number"), change, given.version, asked.actor))
    except TicketNotFound:
        raise not_found("ticket") from None
    except VersionConflict as conflict:
        raise Problem(
            409,
            "version-conflict",
            "Somebody else changed this ticket in the meantime",
            f"its version is now {conflict.current_version}; look at it again, then repeat your change",
        ) from None


async def download_recording(asked: Asked) -> web.StreamResponse:
    """Decrypted while it is sent; a client that stops reading is let go."""
    number = asked.path("number")
    try:
        recording = await asked.request.app[OFFICE].desk.recording(number, asked.actor)
    except TicketNotFound:
        raise not_found("ticket") from None
    except NoRecording:
        raise not_found("recording") from None
    suffix = _SUFFIXES.get(recording.media_type, ".bin")
    response = web.StreamResponse(
        headers={
            "Content-Type": recording.media_type,
            "Content-Length": str(recording.size_bytes),
            "Content-Disposition": f'attachment; filename="ticket-{number}{suffix}"',
        }
    )
    await response.prepare(asked.request)
    async for chunk in recording.chunks:
        async with asyncio.timeout(_WRITE_TIMEOUT_S):
            await response.write(chunk)
    await response.write_eof()
    return response


async def _page(asked: Asked, wanted: TicketQuery, caller_number: str | None) -> TicketPage:
    where = TicketFilter(
        status=wanted.status,
        kind=wanted.kind,
        topic=wanted.topic,
        assignee=wanted.assignee,
        caller_number=caller_number,
        created_from_ms=wanted.created_from_ms,
        created_to_ms=wanted.created_to_ms,
    )
    desk = asked.request.app[OFFICE].desk
    try:
        page = await desk.tickets(where, asked.actor, limit=wanted.limit, cursor=wanted.cursor)
    except BadCursor:
        raise Problem(400, "bad-cursor", "This cursor was not handed out here") from None
    return TicketPage(items=[_brief(ticket) for ticket in page.items], next_cursor=page.next_cursor)


def _brief(ticket: Ticket) -> TicketBrief:
    return TicketBrief(
        number=ticket.number,
        topic=ticket.topic,
        language=ticket.language,
        kind=ticket.kind,
        status=ticket.status,
        caller_masked=masked_telephone(ticket.caller_number),
        has_recording=ticket.has_recording,
        assignee=ticket.assignee,
        created_ms=ticket.created_ms,
        updated_ms=ticket.updated_ms,
        closed_ms=ticket.closed_ms,
        version=ticket.version,
    )


def _full(ticket: Ticket) -> TicketFull:
    return TicketFull.model_validate(ticket)


_NUMBER = {"number": "what the caller was told"}
ENDPOINTS = (
    Endpoint(
        "POST",
        "/tickets",
        open_ticket,
        "agent",
        "Open a ticket (audited)",
        "tickets",
        body=TicketIn,
        returns=TicketFull,
        status=201,
    ),
    Endpoint(
        "GET",
        "/tickets",
        list_tickets,
        "agent",
        "Tickets, newest first",
        "tickets",
        query=TicketQuery,
        returns=TicketPage,
    ),
    Endpoint(
        "POST",
        "/tickets/search",
        search_tickets,
        "agent",
        "Tickets of one caller (audited)",
        "tickets",
        body=TicketSearch,
        returns=TicketPage,
    ),
    Endpoint(
        "GET",
        "/tickets/{number}",
        show_ticket,
        "agent",
        "One ticket in full (audited)",
        "tickets",
        returns=TicketFull,
        problems=(404,),
        path_fields=_NUMBER,
    ),
    Endpoint(
        "PATCH",
        "/tickets/{number}",
        change_ticket,
        "agent",
        "Change a ticket (audited)",
        "tickets",
        body=TicketPatch,
        returns=TicketFull,
        problems=(404, 409),
        path_fields=_NUMBER,
    ),
    Endpoint(
        "GET",
        "/tickets/{number}/recording",
        download_recording,
        "supervisor",
        "The caller's recording (audited)",
        "tickets",
        media_type="audio/*",
        problems=(404,),
        path_fields=_NUMBER,
    ),
)
