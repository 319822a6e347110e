"""Chats over HTTP, for a chat front outside and for agents' clients. The text of a chat never comes here: the
distributor only decides who gets it. Fronts poll their chats, which is also their sign of life; what an agent
does with a chat is not for them."""

from __future__ import annotations

from collections.abc import Awaitable

from web.chat_schemas import AgentChats, ByAgent, Chat, ChatIn
from web.endpoint import Asked, Endpoint
from web.office import OFFICE
from web.ports import Busy, ChatPort, Conflict, Refused, TooMany, Unknown
from web.problems import Problem, forbidden, not_found

_MAX_ID = 60
_CHAT_ID = {"chat_id": "from the answer to POST /chats"}


async def request_chat(asked: Asked) -> Chat:
    try:
        return await _port(asked).request(asked.sent(ChatIn))
    except Refused as error:
        raise Problem(422, "refused", str(error), errors=error.faults) from None
    except TooMany as error:
        raise Problem(429, "too-many-chats", str(error), headers={"Retry-After": "10"}) from None
    except Conflict as error:
        raise Problem(409, error.code, str(error), error.detail) from None


async def show_chat(asked: Asked) -> Chat:
    return await _answered(_port(asked).show(_chat_id(asked)))


async def leave_chat(asked: Asked) -> Chat:
    return await _answered(_port(asked).leave(_chat_id(asked)))


async def accept_chat(asked: Asked) -> Chat:
    return await _answered(_port(asked).accept(_chat_id(asked), _agent_id(asked)))


async def decline_chat(asked: Asked) -> Chat:
    return await _answered(_port(asked).decline(_chat_id(asked), _agent_id(asked)))


async def end_chat(asked: Asked) -> Chat:
    return await _answered(_port(asked).end(_chat_id(asked), _agent_id(asked)))


async def chats_of_agent(asked: Asked) -> AgentChats:
    agent_id = asked.path("agent_id")
    if not asked.token.may("supervisor") and asked.token.agent_id != agent_id:
        raise forbidden("an agent's token shows that agent's chats only")
    return await _port(asked).of_agent(agent_id)


async def _answered(answer: Awaitable[Chat]) -> Chat:
    try:
        return await answer
    except Unknown:
        raise not_found("chat") from None
    except Busy as error:
        raise Problem(503, "not-taken-in", str(error), headers={"Retry-After": "1"}) from None
    except Conflict as error:
        raise Problem(409, error.code, str(error), error.detail) from None


def _chat_id(asked: Asked) -> str:
    chat_id = asked.path("chat_id")
    if len(chat_id) > _MAX_ID:
        raise not_found("chat")
    return chat_id


def _agent_id(asked: Asked) -> str:
    """An agent speaks for himself; a desktop that serves many speaks for each with a supervisor's token."""
    wanted = asked.queried(ByAgent).agent_id or asked.token.agent_id
    if not wanted:
        raise Problem(422, "invalid", "Which agent? Give agent_id, or use an agent's own token")
    if wanted != asked.token.agent_id and not asked.token.may("supervisor"):
        raise forbidden("an agent's token speaks for that agent only")
    return wanted


def _port(asked: Asked) -> ChatPort:
    port = asked.request.app[OFFICE].chats
    if port is None:
        raise Problem(503, "not-here", "This process takes no chats")
    return port


ENDPOINTS = (
    Endpoint(
        "POST",
        "/chats",
        request_chat,
        "agent",
        "A customer wants to chat: find him an agent",
        "chats",
        body=ChatIn,
        returns=Chat,
        status=201,
        problems=(409,),
        fronts=True,
    ),
    Endpoint(
        "GET",
        "/chats/{chat_id}",
        show_chat,
        "agent",
        "One chat: place, wait, agent. Ask at least every `silence_s`, or the customer counts as gone",
        "chats",
        returns=Chat,
        problems=(404,),
        path_fields=_CHAT_ID,
        fronts=True,
    ),
    Endpoint(
        "DELETE",
        "/chats/{chat_id}",
        leave_chat,
        "agent",
        "The customer left",
        "chats",
        returns=Chat,
        problems=(404,),
        path_fields=_CHAT_ID,
        fronts=True,
    ),
    *(
        Endpoint(
            "POST",
            f"/chats/{{chat_id}}/{name}",
            handler,
            "agent",
            summary,
            "chats",
            query=ByAgent,
            returns=Chat,
            problems=(404, 409),
            path_fields=_CHAT_ID,
        )
        for name, handler, summary in (
            ("accept", accept_chat, "The agent takes up a chat that he is offered"),
            ("decline", decline_chat, "The agent does not; he gets nothing for a short while"),
            ("end", end_chat, "The chat is over; the agent wraps it up"),
        )
    ),
    Endpoint(
        "GET",
        "/agents/{agent_id}/chats",
        chats_of_agent,
        "agent",
        "What an agent is offered and which chats he has, the oldest first",
        "chats",
        returns=AgentChats,
    ),
)
