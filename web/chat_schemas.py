"""Shapes of chats in the API; see web.schemas."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from acd.contract import CallState
from web.schemas import AgentId, In, Language, Out, TopicId, Wait


class ChatIn(In):
    """What the distributor needs to know of a chat; its text stays with the front."""

    request_id: str = Field(
        pattern=r"^[A-Za-z0-9._:-]{1,64}$", description="yours; the same a second time is the same chat"
    )
    topic: TopicId
    language: Language = "ru"
    customer: str = Field(
        "",
        max_length=200,
        description="your name for this customer, no personal data: who served him last is asked first",
    )


class Chat(Out):
    chat_id: str
    topic: str
    language: str
    state: CallState
    first_queued_ms: int
    agent_id: str = Field(description="who is offered it, or has it")
    offer_ends_ms: int = Field(description="while it is offered: until then")
    released: str = Field(description="why nobody will come: nobody_can_serve, waited_too_long; or empty")
    wait: Wait | None = None
    outcome: str
    reason: str
    silence_s: int = Field(description="without a GET for so long the chat ends")
    connected: bool = Field(description="false: the journal cannot be reached, this is old")


class ByAgent(In):
    agent_id: AgentId | Literal[""] = Field("", description="for whom; default: the token's own agent")


class AgentChats(Out):
    items: list[Chat]
    connected: bool
