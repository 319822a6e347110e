"""Take the README's picture of the wallboard: python tests/browser/picture.py docs/images/wallboard.png"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from playwright.async_api import async_playwright
from rehearsal import ABOUT, busy_morning

from desk.store import SqlDesk
from desk.vault import Vault
from web.app import WebServer, make_app
from web.tokens import Tokens

CHROMIUM = "/usr/bin/chromium"
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


async def take(target: Path, width: int, height: int, scheme: str, language: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        desk = SqlDesk(
            f"sqlite+aiosqlite:///{home}/desk.sqlite3", Vault.open(home / "keys.json"), home / "kept"
        )
        await desk.start()
        tokens = Tokens(home / "tokens.json")
        secret = tokens.create("picture", "supervisor")
        floor = busy_morning()
        floor.go_on()
        server = WebServer(make_app(floor, desk, tokens, about=ABOUT), "127.0.0.1", 0)
        port = await server.start()
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
                page = await browser.new_page(
                    viewport={"width": width, "height": height},
                    color_scheme=scheme,  # type: ignore[arg-type]
                )
                await page.goto(f"http://127.0.0.1:{port}/#token={secret}")
                await page.wait_for_selector("#agents li")
                if language == "en":
                    await page.click("#language")
                await page.wait_for_timeout(1_500)  # the ring's transition
                await page.screenshot(path=target)
                await browser.close()
        finally:
            await server.stop()
            await desk.stop()


if __name__ == "__main__":
    wanted = [*sys.argv[1:], *["docs/images/wallboard.png", "1280", "800", "dark", "ru"][len(sys.argv) - 1 :]]
    asyncio.run(take(Path(wanted[0]), int(wanted[1]), int(wanted[2]), wanted[3], wanted[4]))
