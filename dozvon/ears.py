"""Who listens to callers: a speech server of the daemon's own, or several on other machines."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import aiohttp
import structlog

from dozvon.settings import Settings
from ivr.speech.contract import ENGINES

if TYPE_CHECKING:
    from ivr.speech.server import SpeechServer

log = structlog.get_logger()
LOOK_EVERY_S = 5.0
LOOK_TIMEOUT_S = 2.0


class Ears:
    """``engines`` for the calls, ``listen`` for as long as the daemon lives."""

    def __init__(self, settings: Settings, token: str) -> None:
        self._settings = settings
        self._token = token
        self._server: SpeechServer | None = None
        self._up: tuple[str, ...] = ()

    def engines(self) -> Sequence[str]:
        """Those that answered last, in another order each time: calls are spread over them."""
        return random.sample(self._up, len(self._up))

    async def listen(self, tell: Callable[[bool], None]) -> None:
        """Until cancelled; ``tell`` hears whether callers can be listened to, whenever that changes.

        Raises ivr.speech.recogniser.ModelFaulty, and OSError when the port is taken.
        """
        try:
            if self._settings.speech.servers:
                await self._watch(tell)
            else:
                await self._serve(tell)
        finally:
            self._up = ()
            tell(False)

    async def end_turn(self, call_id: str) -> bool:
        """Ends what is listened for in a call; False when another machine listens to it."""
        return self._server is not None and await self._server.end_turn(call_id)

    async def _serve(self, tell: Callable[[bool], None]) -> None:
        from dozvon import speech

        server = await asyncio.to_thread(speech.server, self._settings, self._token)
        await server.start(self._settings.speech.host, self._settings.speech.port)
        try:
            self._server, self._up = server, ENGINES[:1]
            tell(True)
            log.info("listening", action="speech_ready", port=server.port)
            await asyncio.Event().wait()
        finally:
            self._server = None
            await server.stop()

    async def _watch(self, tell: Callable[[bool], None]) -> None:
        servers = dict(zip(ENGINES, self._settings.speech.servers, strict=False))
        known: tuple[str, ...] | None = None
        timeout = aiohttp.ClientTimeout(total=LOOK_TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout) as session:
            while True:
                found = await asyncio.gather(*(_answers(session, each) for each in servers.values()))
                up = tuple(engine for engine, answers in zip(servers, found, strict=True) if answers)
                if up != known:
                    known = self._up = up
                    tell(bool(up))
                    there = [servers[engine] for engine in up]
                    action = "speech_ready" if up else "speech_no_server"
                    log.info("speech servers changed", action=action, there=there)
                await asyncio.sleep(LOOK_EVERY_S)


async def _answers(session: aiohttp.ClientSession, server: str) -> bool:
    try:
        async with session.get(f"http://{server}/health") as answer:
            return answer.status == 200
    except (aiohttp.ClientError, OSError, TimeoutError):
        return False
