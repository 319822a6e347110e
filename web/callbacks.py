"""Callbacks over HTTP: asked for on behalf of a customer, listed, cancelled. The rules are those of calls:
who is called when is decided behind the port. Lists mask numbers."""

from __future__ import annotations

from web.audited import audited
from web.endpoint import Asked, Endpoint
from web.office import OFFICE
from web.ports import CallbackPort, Conflict, Refused, Unknown
from web.problems import Problem, not_found
from web.schemas import Callback, CallbackIn, CallbackPage, PageQuery

_MAX_ID = 100


async def request_callback(asked: Asked) -> Callback:
    given = asked.sent(CallbackIn)
    try:
        callback = await _port(asked).request(given)
    except Refused as error:
        raise Problem(422, "refused", str(error), "nobody will be called", errors=error.faults) from None
    except Conflict as error:
        raise Problem(409, error.code, str(error), error.detail) from None
    await audited(asked, "requested", f"callback:{callback.callback_id}", {"ticket": callback.ticket})
    return callback


async def list_callbacks(asked: Asked) -> CallbackPage:
    wanted = asked.queried(PageQuery)
    return await _port(asked).list(asked.actor, wanted.limit, wanted.cursor)


async def cancel_callback(asked: Asked) -> Callback:
    callback_id = asked.path("callback_id")
    if len(callback_id) > _MAX_ID:
        raise not_found("callback")
    try:
        callback = await _port(asked).cancel(callback_id)
    except Unknown:
        raise not_found("callback") from None
    await audited(asked, "cancelled", f"callback:{callback_id}", {"ticket": callback.ticket})
    return callback


def _port(asked: Asked) -> CallbackPort:
    port = asked.request.app[OFFICE].callbacks
    if port is None:
        raise Problem(503, "not-here", "This process makes no callbacks")
    return port


ENDPOINTS = (
    Endpoint(
        "POST",
        "/callbacks",
        request_callback,
        "agent",
        "Have a customer called, at his turn or from a time on (audited)",
        "callbacks",
        body=CallbackIn,
        returns=Callback,
        status=201,
        problems=(409,),
    ),
    Endpoint(
        "GET",
        "/callbacks",
        list_callbacks,
        "agent",
        "Callbacks that are to be made, the newest first",
        "callbacks",
        query=PageQuery,
        returns=CallbackPage,
    ),
    Endpoint(
        "DELETE",
        "/callbacks/{callback_id}",
        cancel_callback,
        "agent",
        "Do not call him any more (audited)",
        "callbacks",
        returns=Callback,
        problems=(404,),
        path_fields={"callback_id": "from the list"},
    ),
)
