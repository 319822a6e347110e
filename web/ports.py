"""What the web asks of the dialogue: made by the wiring, so that the web knows nothing of flows or files."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from acd.contract import KeptPlace
from desk.office import Actor
from web.chat_schemas import AgentChats, Chat, ChatIn
from web.problems import FieldFault
from web.schemas import Callback, CallbackIn, CallbackPage, Flow, Incident, IncidentIn


class Refused(Exception):
    """Nothing was changed. ``faults`` say where (file:line, or a field) and what."""

    def __init__(self, title: str, faults: Sequence[FieldFault] = ()) -> None:
        super().__init__(title)
        self.faults = tuple(faults)


class Busy(Exception):
    """The same is being done already; nothing was changed."""


class Unknown(Exception):
    """There is no such version, incident or callback."""


class Conflict(Exception):
    """It contradicts what is there; nothing was changed. ``code`` is the problem's type."""

    def __init__(self, code: str, title: str, detail: str = "") -> None:
        super().__init__(title)
        self.code, self.detail = code, detail


class TooMany(Exception):
    """A bound is reached; later perhaps."""


class ChatPort(Protocol):
    """The methods with ``chat_id`` raise Unknown, those with ``agent_id`` also Conflict and Busy."""

    async def request(self, given: ChatIn) -> Chat:
        """Raises Refused, Conflict, TooMany."""
        ...

    async def show(self, chat_id: str) -> Chat: ...

    async def leave(self, chat_id: str) -> Chat: ...

    async def accept(self, chat_id: str, agent_id: str) -> Chat: ...

    async def decline(self, chat_id: str, agent_id: str) -> Chat: ...

    async def end(self, chat_id: str, agent_id: str) -> Chat: ...

    async def of_agent(self, agent_id: str) -> AgentChats: ...


class FlowPort(Protocol):
    def versions(self) -> Flow: ...

    async def reload(self) -> Flow:
        """Read texts and flow files now. Raises Refused, Busy."""
        ...

    async def rollback(self, version: str) -> Flow:
        """To ``version``, "" for the one before. Raises Unknown."""
        ...


class IncidentPort(Protocol):
    async def list(self) -> Sequence[Incident]:
        """Those that are not over. Raises Refused when their file is faulty."""
        ...

    async def announce(self, incident: IncidentIn) -> Incident:
        """Callers hear of it from now on. Raises Refused."""
        ...

    async def end(self, number: str) -> Incident:
        """Callers hear no more of it. Raises Unknown, Refused."""
        ...


class KeptPlaces(Protocol):
    """The distributor, as far as it is asked for callers who are on no line."""

    def kept_place(self, caller_ref: str) -> KeptPlace | None: ...


class CallbackPort(Protocol):
    async def request(self, given: CallbackIn) -> Callback:
        """The same ``request_id`` a second time gives the same callback. Raises Refused, Conflict."""
        ...

    async def list(self, by: Actor, limit: int, cursor: str) -> CallbackPage:
        """Those that are to be made."""
        ...

    async def cancel(self, callback_id: str) -> Callback:
        """Raises Unknown, also for one that is over or that a person has taken up."""
        ...
