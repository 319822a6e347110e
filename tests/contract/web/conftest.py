"""The web over real sockets, with the real desk on SQLite and the real engine behind it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from acd.contract import (
    AgentDefined,
    AgentReachabilityChanged,
    AgentStatusDeclared,
    CallQueued,
    ChatView,
    Event,
    KeptPlace,
    RulesLoaded,
    Snapshot,
)
from acd.core.engine import Engine
from acd.service import chats
from desk.store import SqlDesk
from desk.vault import Vault
from web.app import WebServer, make_app
from web.schemas import About
from web.tokens import Tokens

START_MS = 1_800_000_000_000


class Floor:
    """A distributor in one process: the engine and a clock that tests set."""

    def __init__(self) -> None:
        self.engine = Engine()
        self.now_ms = START_MS
        self.connected = True
        self.known_ms = 0
        self.reported: list[Event] = []
        self.looks = 0
        self.engine.step(RulesLoaded("test", {}), self.now_ms)

    async def report(self, event: Event) -> None:
        self.reported.append(event)
        self.engine.step(event, self.now_ms)

    def snapshot(self) -> Snapshot:
        self.looks += 1
        state = self.engine.snapshot(self.now_ms)
        if self.connected:
            self.known_ms = self.now_ms
        return replace(state, connected=self.connected, known_ms=self.known_ms)

    def chat(self, chat_id: str) -> ChatView | None:
        return self.engine.chat(chat_id)

    def chats_of(self, agent_id: str) -> tuple[ChatView, ...]:
        return self.engine.chats_of(agent_id)

    def chats_at(self, node: str) -> tuple[ChatView, ...]:
        return chats.at_node(self.engine, node)

    def hold_chat(self, chat_id: str) -> None:
        for fact in chats.facts_of(self.engine, chat_id, "n1"):
            if isinstance(fact, CallQueued):
                self.reported.append(fact)
                self.engine.step(fact, self.now_ms)

    def kept_place(self, caller_ref: str) -> KeptPlace | None:
        return self.engine.kept_for(caller_ref, self.now_ms)

    def why(self, call_id: str) -> tuple[str, ...]:
        return self.engine.why(call_id)

    async def agent(self, agent_id: str = "2001", topic: str = "status") -> None:
        await self.report(AgentDefined(agent_id, "Анна", f"PJSIP/{agent_id}", {topic: 2}))
        await self.report(AgentReachabilityChanged(agent_id, True))
        await self.report(AgentStatusDeclared(agent_id, "available"))


@dataclass
class Site:
    base: str
    floor: Floor
    desk: SqlDesk
    tokens: Tokens
    client: aiohttp.ClientSession
    faults: dict[str, str] = field(default_factory=dict)  # of /readyz
    secrets: dict[str, str] = field(default_factory=dict)

    async def ask(
        self, method: str, path: str, role: str | None = "admin", **options: Any
    ) -> tuple[int, Any, aiohttp.ClientResponse]:
        headers = dict(options.pop("headers", {}))
        if role:
            headers["Authorization"] = f"Bearer {self.secrets[role]}"
        async with self.client.request(method, self.base + path, headers=headers, **options) as response:
            body = await response.read()
            is_json = response.content_type in {"application/json", "application/problem+json"}
            return response.status, await response.json(content_type=None) if is_json else body, response

    async def get(self, path: str, role: str | None = "admin", **options: Any) -> tuple[int, Any]:
        status, body, _ = await self.ask("GET", path, role, **options)
        return status, body


@contextlib.asynccontextmanager
async def open_site(tmp_path: Path, **parts: Any) -> AsyncIterator[Site]:
    """``parts`` go to make_app; ``callbacks`` and ``chats`` are made of desk and floor."""
    desk = SqlDesk(
        f"sqlite+aiosqlite:///{tmp_path}/desk.sqlite3", Vault.open(tmp_path / "keys.json"), tmp_path / "kept"
    )
    await desk.start()
    tokens = Tokens(tmp_path / "tokens.json")
    floor = Floor()
    if make_callbacks := parts.pop("callbacks", None):
        parts["callbacks"] = make_callbacks(desk, floor)
    if make_chats := parts.pop("chats", None):
        parts["chats"] = make_chats(desk, floor)
    faults: dict[str, str] = {}

    def manager() -> None:
        if "manager" in faults:
            raise ConnectionError(faults["manager"])

    app = make_app(
        floor,  # type: ignore[arg-type]
        desk,
        tokens,
        about=About(name="Проба", number="88005553535", timezone="Europe/Moscow", target_s=120, topics={}),
        registry=CollectorRegistry(),
        checks={"manager": manager},
        max_body_bytes=20_000,
        live_interval_s=0.02,
        max_viewers=3,
        **parts,
    )
    server = WebServer(app, "127.0.0.1", 0)
    port = await server.start()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10)) as client:
        site = Site(f"http://127.0.0.1:{port}", floor, desk, tokens, client, faults)
        for role in ("agent", "supervisor", "admin", "front"):
            agent_id = "2001" if role == "agent" else ""
            site.secrets[role] = tokens.create(role, role, agent_id=agent_id)  # type: ignore[arg-type]
        yield site
    await server.stop()
    await desk.stop()


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    async with open_site(tmp_path) as opened:
        yield opened
