"""Chromium looks at the wallboard; behind it are the real web, the real desk and the production engine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import Browser, Page, async_playwright

from desk.store import SqlDesk
from desk.vault import Vault
from web.app import WebServer, make_app
from web.tokens import Tokens

from .picture import CHROMIUM, QUIET
from .rehearsal import ABOUT, Rehearsal


@dataclass
class Board:
    page: Page
    floor: Rehearsal
    server: WebServer
    address: str
    secret: str
    complaints: list[str]  # errors of the page

    async def open(self) -> None:
        await self.page.goto(f"{self.address}/#token={self.secret}")
        await self.page.wait_for_selector("#board:not([hidden])")

    async def text(self, selector: str) -> str:
        return (await self.page.inner_text(selector)).strip()


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        await browser.close()


@pytest.fixture
async def board(tmp_path: Path, browser: Browser) -> AsyncIterator[Board]:
    desk = SqlDesk(
        f"sqlite+aiosqlite:///{tmp_path}/desk.sqlite3", Vault.open(tmp_path / "keys.json"), tmp_path / "kept"
    )
    await desk.start()
    tokens = Tokens(tmp_path / "tokens.json")
    floor = Rehearsal(agents=3)
    floor.go_on()
    server = WebServer(make_app(floor, desk, tokens, about=ABOUT, live_interval_s=0.1), "127.0.0.1", 0)
    address = f"http://127.0.0.1:{await server.start()}"
    page = await browser.new_page(viewport={"width": 1280, "height": 800}, color_scheme="dark")
    page.set_default_timeout(15_000)
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "console",
        lambda line: complaints.append(line.text) if "Content Security" in line.text else None,
    )
    yield Board(page, floor, server, address, tokens.create("board", "supervisor"), complaints)
    assert complaints == []
    await server.stop()
    await desk.stop()
