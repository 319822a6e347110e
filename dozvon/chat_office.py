"""Wiring: chats as the API asks for them (web.ports). The text of a chat never comes here.

Rules
  * A chat's id is made of the front's own ``request_id``: asked for twice it is the same chat, and a front
    that was restarted finds it again.
  * Each look of the front at a chat is its sign of life. Without one for ``silence_s`` the customer is gone.
  * The node that was last asked looks after a chat. It takes over those of a lost node, and its own after a
    restart, and then gives their fronts the whole time again.
  * What the caller of the API is told is what the distributor made of it, not what it was asked: two agents
    who take up the same chat do not both hear yes.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Callable, Collection
from typing import Final, Protocol

import structlog

from acd.contract import (
    CallEnded,
    CallLeft,
    CallQueued,
    ChatView,
    Event,
    OfferAccepted,
    OfferDeclined,
)
from dozvon.settings import Chats
from web.chat_schemas import AgentChats, Chat, ChatIn
from web.ports import Busy, Conflict, Refused, TooMany, Unknown
from web.problems import FieldFault
from web.schemas import Wait

REVIEW_S: Final = 1.0
TAKEN_IN_S: Final = 2.0  # the way of a fact through the journal is some milliseconds
LOOK_S: Final = 0.01

log = structlog.get_logger(__name__)


class ChatDistributor(Protocol):
    """``acd.service.DistributorService``, as far as chats need it."""

    @property
    def connected(self) -> bool: ...

    async def report(self, event: Event) -> None: ...

    def chat(self, chat_id: str) -> ChatView | None: ...

    def chats_of(self, agent_id: str) -> tuple[ChatView, ...]: ...

    def chats_at(self, node: str) -> tuple[ChatView, ...]:
        """All chats that are not over and that this node looks after."""
        ...

    def hold_chat(self, chat_id: str) -> None:
        """This node looks after the chat from now on."""
        ...


class ChatOffice:
    """Implements web.ports.ChatPort. ``queue`` names the callers' queue, ``reference`` makes of a customer's
    name at the front one that says nothing; ``clock_s`` runs evenly."""

    def __init__(
        self,
        settings: Chats,
        node: str,
        distributor: ChatDistributor,
        *,
        topics: Callable[[], Collection[str]],
        languages: Collection[str],
        queue: Callable[[], str],
        reference: Callable[[str], str],
        clock_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._settings = settings
        self._node = node
        self._distributor = distributor
        self._topics = topics
        self._languages = languages
        self._queue = queue
        self._reference = reference
        self._clock_s = clock_s
        self._seen_s: dict[str, float] = {}  # chats of this node, and when their fronts last asked

    # ------------------------------------------------------------------------------------ the front's side
    async def request(self, given: ChatIn) -> Chat:
        chat_id = f"chat-{hashlib.sha256(given.request_id.encode()).hexdigest()[:20]}"
        known = self._distributor.chat(chat_id)
        first_ms = 0
        if known is not None:
            if known.topic and known.topic != given.topic:
                raise Conflict("request-used", "This request_id was used for another chat")
            if known.reason != "node_lost":
                return await self.show(chat_id)
            first_ms = known.first_queued_ms  # nobody ended it: he has his place again
        self._check(given)
        await self._distributor.report(
            CallQueued(
                chat_id,
                self._node,
                self._queue(),
                given.topic,
                given.language,
                first_queued_ms=first_ms,
                caller_ref=self._reference(given.customer) if given.customer else "",
                channel="chat",
            )
        )
        self._seen_s[chat_id] = self._clock_s()
        found = await self._when(chat_id, lambda chat: chat.state != "ended")
        if found is not None:
            return self._shown(found)
        queued = ChatView(chat_id, self._node, "", given.topic, given.language, "queued", first_ms)
        return self._shown(queued)

    def _check(self, given: ChatIn) -> None:
        faults = []
        if given.topic not in self._topics():
            faults.append(FieldFault(where="topic", what=f"there is no topic '{given.topic}'"))
        if given.language not in self._languages:
            faults.append(FieldFault(where="language", what="customers are not served in this language"))
        if faults:
            raise Refused("This chat cannot be taken", faults)
        if len(self._seen_s) >= self._settings.max_chats:
            raise TooMany("Too many chats at once")

    async def show(self, chat_id: str) -> Chat:
        found = self._found(chat_id)
        if found.state != "ended":
            self._hold(found)
        return self._shown(found)

    async def leave(self, chat_id: str) -> Chat:
        found = self._found(chat_id)
        if found.state == "connected":
            await self._distributor.report(CallEnded(chat_id, found.agent_id))
        elif found.state != "ended":
            await self._distributor.report(CallLeft(chat_id, "abandoned", "left"))
        return await self._after(chat_id, lambda chat: chat.state == "ended")

    # ------------------------------------------------------------------------------------ the agent's side
    async def of_agent(self, agent_id: str) -> AgentChats:
        chats = self._distributor.chats_of(agent_id)
        return AgentChats(items=[self._shown(chat) for chat in chats], connected=self._distributor.connected)

    async def accept(self, chat_id: str, agent_id: str) -> Chat:
        found = self._found(chat_id)
        if not self._is_his(found, agent_id, "connected"):
            self._must_be_offered(found, agent_id)
            self._hold(found)
            await self._distributor.report(OfferAccepted(found.offer_id, chat_id, agent_id, "chat"))
        taken = await self._after(chat_id, lambda chat: chat.offer_id != found.offer_id or not chat.offer_id)
        if taken.state == "offered" and taken.agent_id == agent_id:
            raise Busy("The distributor has not taken it in yet")
        if (taken.state, taken.agent_id) != ("connected", agent_id):
            raise Conflict("offer-over", "This chat is no longer offered to this agent")
        return taken

    async def decline(self, chat_id: str, agent_id: str) -> Chat:
        found = self._found(chat_id)
        self._must_be_offered(found, agent_id)
        await self._distributor.report(OfferDeclined(found.offer_id, chat_id, agent_id))
        return await self._after(chat_id, lambda chat: chat.offer_id != found.offer_id)

    async def end(self, chat_id: str, agent_id: str) -> Chat:
        found = self._found(chat_id)
        if found.state != "ended":
            if not self._is_his(found, agent_id, "connected"):
                raise Conflict("not-his", "This agent does not have this chat")
            await self._distributor.report(CallEnded(chat_id, agent_id))
        return await self._after(chat_id, lambda chat: chat.state == "ended")

    @staticmethod
    def _is_his(chat: ChatView, agent_id: str, state: str) -> bool:
        return (chat.state, chat.agent_id) == (state, agent_id)

    def _must_be_offered(self, chat: ChatView, agent_id: str) -> None:
        if not self._is_his(chat, agent_id, "offered"):
            raise Conflict("offer-over", "This chat is not offered to this agent")

    # ------------------------------------------------------------------------------------------ life signs
    async def run(self) -> None:
        """Ends chats whose fronts are silent; for ever."""
        while True:
            await asyncio.sleep(REVIEW_S)
            await self.review()

    async def review(self) -> None:
        if not self._distributor.connected:  # nobody could be told, and the fronts may fare alike
            self._seen_s = dict.fromkeys(self._seen_s, self._clock_s())
            return
        now_s = self._clock_s()
        here = {chat.chat_id for chat in self._distributor.chats_at(self._node)}
        for chat_id in here - self._seen_s.keys():  # of a lost node, or ours from before a restart
            self._distributor.hold_chat(chat_id)
            self._seen_s[chat_id] = now_s
        for chat_id, seen_s in list(self._seen_s.items()):
            silent_s = now_s - seen_s
            if chat_id not in here and silent_s >= TAKEN_IN_S:
                del self._seen_s[chat_id]  # over, or asked for at another node
            elif silent_s >= self._settings.silence_s:
                log.info("a chat's front is silent", action="chat_silent", chat=chat_id)
                del self._seen_s[chat_id]
                await self._distributor.report(CallLeft(chat_id, "abandoned", "front_silent"))

    def _hold(self, chat: ChatView) -> None:
        if chat.node != self._node:
            self._distributor.hold_chat(chat.chat_id)
        self._seen_s[chat.chat_id] = self._clock_s()

    # ---------------------------------------------------------------------------------------------- inside
    def _found(self, chat_id: str) -> ChatView:
        found = self._distributor.chat(chat_id)
        if found is None:
            raise Unknown
        return found

    async def _when(self, chat_id: str, done: Callable[[ChatView], bool]) -> ChatView | None:
        """The chat as soon as the distributor has taken the last fact in; None: not in time."""
        until_s = time.monotonic() + (TAKEN_IN_S if self._distributor.connected else 0.0)
        while True:
            found = self._distributor.chat(chat_id)
            if found is not None and done(found):
                return found
            if time.monotonic() >= until_s:
                return None
            await asyncio.sleep(LOOK_S)

    async def _after(self, chat_id: str, done: Callable[[ChatView], bool]) -> Chat:
        found = await self._when(chat_id, done)
        return self._shown(found if found is not None else self._found(chat_id))

    def _shown(self, chat: ChatView) -> Chat:
        return Chat(
            chat_id=chat.chat_id,
            topic=chat.topic,
            language=chat.language,
            state=chat.state,
            first_queued_ms=chat.first_queued_ms,
            agent_id=chat.agent_id,
            offer_ends_ms=chat.offer_ends_ms,
            released=chat.released,
            wait=Wait.model_validate(chat.wait) if chat.wait is not None else None,
            outcome=chat.outcome,
            reason=chat.reason,
            silence_s=self._settings.silence_s,
            connected=self._distributor.connected,
        )
