"""The other end of AEAP: what Asterisk does, for tests, for benches, and to try a server from afar."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from ivr.speech.server import PROTOCOL

FRAME_BYTES = 320  # 20 ms of 8 kHz, 16 bit
_ANSWER_TIMEOUT_S = 5.0
# Unpaced sound is sent this many times as fast as a telephone does.
_HURRY = 8


@dataclass(frozen=True, slots=True)
class Received:
    text: str
    score: int
    grammar: str
    at: float  # time.monotonic()
    others: tuple[tuple[str, int], ...] = ()  # texts and scores of the other results, as they came


class Client:
    """One call's connection; `close` it in the end."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url
        self._number = 0
        self._results: asyncio.Queue[Received] = asyncio.Queue()
        self._answers: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self._reader: asyncio.Task[None] | None = None
        self.socket: aiohttp.ClientWebSocketResponse | None = None
        self.ended = asyncio.Event()  # the connection is closed

    async def connect(self) -> aiohttp.ClientWebSocketResponse:
        self.socket = await self._session.ws_connect(self._url, protocols=(PROTOCOL,))
        self._reader = asyncio.create_task(self._read(self.socket))
        return self.socket

    async def create(self, token: str, language: str = "ru", codec: str = "slin") -> dict[str, Any]:
        """SPEECH CREATE; the answer has ``error_msg`` when the server will not."""
        await self.connect()
        params = {"language": language, "token": token}
        return await self.request("setup", version="0.1.0", codecs=[{"name": codec}], params=params)

    async def request(self, name: str, **fields: Any) -> dict[str, Any]:
        assert self.socket is not None
        self._number += 1
        await self.socket.send_str(json.dumps({"request": name, "id": f"id-{self._number}", **fields}))
        async with asyncio.timeout(_ANSWER_TIMEOUT_S):
            return await self._answers.get()

    async def begin(self, settings: Sequence[tuple[str, str]]) -> None:
        """SPEECH SET for each of `contract.turn_settings`."""
        for name, value in settings:
            await self.request("set", params={name: value})

    async def say(self, sound: bytes, paced: bool = True, hurry: int = _HURRY) -> None:
        """8 kHz 16-bit sound in frames of 20 ms; unpaced is ``hurry`` times as fast."""
        assert self.socket is not None
        began = time.monotonic()
        step_s = 0.02 if paced else 0.02 / hurry
        for index, start in enumerate(range(0, len(sound), FRAME_BYTES), 1):
            await self.socket.send_bytes(sound[start : start + FRAME_BYTES].ljust(FRAME_BYTES, b"\0"))
            await asyncio.sleep(max(0.0, began + step_s * index - time.monotonic()))

    async def result(self, timeout_s: float = 10.0) -> Received:
        """The next result; raises TimeoutError."""
        async with asyncio.timeout(timeout_s):
            return await self._results.get()

    async def close(self) -> None:
        if self.socket is not None:
            await self.socket.close()
        if self._reader is not None:
            self._reader.cancel()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            fields = json.loads(message.data)
            if "response" in fields:
                self._answers.put_nowait(fields)
                continue
            first, *more = fields["params"]["results"]
            await socket.send_str(json.dumps({"response": "set", "id": fields["id"]}))
            others = tuple((other["text"], other["score"]) for other in more)
            found = Received(first["text"], first["score"], first["grammar"], time.monotonic(), others)
            self._results.put_nowait(found)
        self.ended.set()
