"""What the handlers share: one object, made in web.app."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from aiohttp import web

from acd.contract import Distributor
from desk.store import SqlDesk
from web.glance import Glance
from web.live import LiveFeed
from web.ports import CallbackPort, ChatPort, FlowPort, IncidentPort
from web.schemas import About
from web.tokens import Tokens

Check = Callable[[], Awaitable[None] | None]  # raises, with a reason, while its part is not there


@dataclass(frozen=True, slots=True)
class Office:
    distributor: Distributor
    floor: Glance
    desk: SqlDesk
    tokens: Tokens
    live: LiveFeed
    about: About
    checks: Mapping[str, Check]
    flow: FlowPort | None = None
    incidents: IncidentPort | None = None
    callbacks: CallbackPort | None = None
    chats: ChatPort | None = None


OFFICE: web.AppKey[Office] = web.AppKey("office", Office)
