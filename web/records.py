"""Calls that are over, the audit, and who is asking."""

from __future__ import annotations

from desk.contract import Interaction
from desk.numbers import masked_telephone
from desk.office import BadCursor, CallNotFound, InteractionFilter
from web.endpoint import Asked, Endpoint
from web.office import OFFICE
from web.problems import Problem, not_found
from web.schemas import (
    About,
    AuditLine,
    AuditPage,
    AuditQuery,
    InteractionBrief,
    InteractionFull,
    InteractionPage,
    InteractionQuery,
    InteractionSearch,
    Me,
)


async def list_interactions(asked: Asked) -> InteractionPage:
    return await _page(asked, asked.queried(InteractionQuery), None)


async def search_interactions(asked: Asked) -> InteractionPage:
    wanted = asked.sent(InteractionSearch)
    return await _page(asked, wanted, wanted.caller_number)


async def show_interaction(asked: Asked) -> InteractionFull:
    try:
        call = await asked.request.app[OFFICE].desk.interaction(asked.path("call_id"), asked.actor)
    except CallNotFound:
        raise not_found("call") from None
    return InteractionFull.model_validate(
        {
            **_brief(call).model_dump(),
            "caller_number": call.caller_number,
            "path": list(call.path),
            "notes": dict(call.notes),
            "flow_version": call.flow_version,
        }
    )


async def list_audit(asked: Asked) -> AuditPage:
    wanted = asked.queried(AuditQuery)
    try:
        page = await asked.request.app[OFFICE].desk.audit(
            wanted.subject, limit=wanted.limit, cursor=wanted.cursor
        )
    except BadCursor:
        raise _bad_cursor() from None
    return AuditPage(
        items=[AuditLine.model_validate(entry) for entry in page.items], next_cursor=page.next_cursor
    )


async def about(asked: Asked) -> About:
    return asked.request.app[OFFICE].about


async def me(asked: Asked) -> Me:
    return Me(name=asked.token.name, role=asked.token.role, agent_id=asked.token.agent_id)


async def _page(asked: Asked, wanted: InteractionQuery, caller_number: str | None) -> InteractionPage:
    where = InteractionFilter(
        outcome=wanted.outcome,
        topic=wanted.topic,
        agent_id=wanted.agent_id,
        caller_number=caller_number,
        started_from_ms=wanted.started_from_ms,
        started_to_ms=wanted.started_to_ms,
    )
    desk = asked.request.app[OFFICE].desk
    try:
        page = await desk.interactions(where, asked.actor, limit=wanted.limit, cursor=wanted.cursor)
    except BadCursor:
        raise _bad_cursor() from None
    return InteractionPage(items=[_brief(call) for call in page.items], next_cursor=page.next_cursor)


def _brief(call: Interaction) -> InteractionBrief:
    return InteractionBrief(
        call_id=call.call_id,
        node=call.node,
        caller_masked=masked_telephone(call.caller_number),
        dialled=call.dialled,
        topic=call.topic,
        language=call.language,
        outcome=call.outcome,
        agent_id=call.agent_id,
        mark=call.mark,
        started_ms=call.started_ms,
        queued_ms=call.queued_ms,
        answered_ms=call.answered_ms,
        ended_ms=call.ended_ms,
    )


def _bad_cursor() -> Problem:
    return Problem(400, "bad-cursor", "This cursor was not handed out here")


ENDPOINTS = (
    Endpoint(
        "GET",
        "/interactions",
        list_interactions,
        "supervisor",
        "Calls that are over, newest first",
        "interactions",
        query=InteractionQuery,
        returns=InteractionPage,
    ),
    Endpoint(
        "POST",
        "/interactions/search",
        search_interactions,
        "supervisor",
        "Calls of one caller (audited)",
        "interactions",
        body=InteractionSearch,
        returns=InteractionPage,
    ),
    Endpoint(
        "GET",
        "/interactions/{call_id}",
        show_interaction,
        "supervisor",
        "One call in full (audited)",
        "interactions",
        returns=InteractionFull,
        problems=(404,),
    ),
    Endpoint(
        "GET",
        "/audit",
        list_audit,
        "admin",
        "Who looked at or changed what",
        "audit",
        query=AuditQuery,
        returns=AuditPage,
    ),
    Endpoint("GET", "/about", about, "agent", "The hotline", "about", returns=About, fronts=True),
    Endpoint("GET", "/me", me, "agent", "Whose token this is", "about", returns=Me),
)
