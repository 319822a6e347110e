"""What the hotline says by itself, changed while calls run: versions of the flow, known incidents; and how
often an answer helped. Every change is audited; a desk that is away does not hold up an announcement."""

from __future__ import annotations

import time

from desk.helped import answers_helped
from web.audited import audited
from web.endpoint import Asked, Endpoint
from web.office import OFFICE
from web.ports import Busy, FlowPort, IncidentPort, Refused, Unknown
from web.problems import Problem, not_found
from web.schemas import (
    AnswerHelped,
    AnswersHelped,
    AnswersQuery,
    Flow,
    FlowRollback,
    Incident,
    IncidentIn,
    Incidents,
)

_WEEK_MS = 7 * 24 * 3600 * 1000


# ------------------------------------------------------------------------------------------------- flow
async def show_flow(asked: Asked) -> Flow:
    return _flow(asked).versions()


async def reload_flow(asked: Asked) -> Flow:
    try:
        flow = await _flow(asked).reload()
    except Refused as error:
        raise _refused(error) from None
    except Busy:
        raise Problem(
            409, "busy", "The flow is being reloaded already", "nothing was changed; try again"
        ) from None
    await audited(asked, "reloaded", f"flow:{_current(flow)}", {})
    return flow


async def roll_back_flow(asked: Asked) -> Flow:
    try:
        flow = await _flow(asked).rollback(asked.sent(FlowRollback).version)
    except Unknown:
        raise not_found("version of the flow") from None
    await audited(asked, "rolled back", f"flow:{_current(flow)}", {})
    return flow


def _current(flow: Flow) -> str:
    return next((each.version for each in flow.items if each.current), "")


# -------------------------------------------------------------------------------------------- incidents
async def list_incidents(asked: Asked) -> Incidents:
    try:
        return Incidents(items=list(await _incidents(asked).list()))
    except Refused as error:
        raise _refused(error) from None


async def announce_incident(asked: Asked) -> Incident:
    try:
        incident = await _incidents(asked).announce(asked.sent(IncidentIn))
    except Refused as error:
        raise _refused(error) from None
    await audited(asked, "announced", f"incident:{incident.number}", {"topics": incident.topics})
    return incident


async def end_incident(asked: Asked) -> Incident:
    try:
        incident = await _incidents(asked).end(asked.path("number"))
    except Unknown:
        raise not_found("incident") from None
    except Refused as error:
        raise _refused(error) from None
    await audited(asked, "ended", f"incident:{incident.number}", {})
    return incident


# ---------------------------------------------------------------------------------------------- answers
async def show_answers(asked: Asked) -> AnswersHelped:
    wanted = asked.queried(AnswersQuery)
    now_ms = time.time_ns() // 1_000_000
    to_ms = now_ms + 1 if wanted.started_to_ms is None else wanted.started_to_ms
    from_ms = to_ms - _WEEK_MS if wanted.started_from_ms is None else wanted.started_from_ms
    desk = asked.request.app[OFFICE].desk
    counts = await answers_helped(desk.database, desk.vault, from_ms, to_ms)
    return AnswersHelped(
        items=[AnswerHelped.model_validate(each) for each in counts.answers],
        calls=counts.calls,
        complete=counts.complete,
    )


# ----------------------------------------------------------------------------------------------- inside
def _flow(asked: Asked) -> FlowPort:
    port = asked.request.app[OFFICE].flow
    if port is None:
        raise _absent("flow")
    return port


def _incidents(asked: Asked) -> IncidentPort:
    port = asked.request.app[OFFICE].incidents
    if port is None:
        raise _absent("incidents")
    return port


def _absent(what: str) -> Problem:
    return Problem(503, "not-here", f"This process has no {what}")


def _refused(error: Refused) -> Problem:
    return Problem(422, "refused", str(error), "what is in force stays", errors=error.faults)


ENDPOINTS = (
    Endpoint("GET", "/flow", show_flow, "supervisor", "Versions and the calls on each", "flow", returns=Flow),
    Endpoint(
        "POST",
        "/flow/reload",
        reload_flow,
        "admin",
        "Take texts and flow files as they are now, for new calls (audited)",
        "flow",
        returns=Flow,
        problems=(409,),
    ),
    Endpoint(
        "POST",
        "/flow/rollback",
        roll_back_flow,
        "admin",
        "Back to an earlier version for new calls, until the next reload (audited)",
        "flow",
        body=FlowRollback,
        returns=Flow,
        problems=(404,),
    ),
    Endpoint(
        "GET",
        "/incidents",
        list_incidents,
        "agent",
        "Faults that callers are told of now",
        "incidents",
        returns=Incidents,
    ),
    Endpoint(
        "POST",
        "/incidents",
        announce_incident,
        "supervisor",
        "Tell callers of a fault from now on (audited)",
        "incidents",
        body=IncidentIn,
        returns=Incident,
        status=201,
    ),
    Endpoint(
        "DELETE",
        "/incidents/{number}",
        end_incident,
        "supervisor",
        "Say no more of it (audited)",
        "incidents",
        returns=Incident,
        problems=(404,),
    ),
    Endpoint(
        "GET",
        "/answers",
        show_answers,
        "supervisor",
        "How often each answer to a common question helped",
        "answers",
        query=AnswersQuery,
        returns=AnswersHelped,
    ),
)
