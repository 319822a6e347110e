"""baresip's control port: JSON in netstrings over TCP (module ctrl_tcp).

We send  ``{"command": …, "params": …, "token": …}``; it answers with the token, and tells events between.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import Callable
from typing import Any

_MAX_MESSAGE_BYTES = 1_000_000


class ControlError(Exception):
    """baresip refused a command, or the connection to it is gone."""


def pack(message: dict[str, Any]) -> bytes:
    body = json.dumps(message).encode()
    return b"%d:%b," % (len(body), body)


async def unpack(reader: asyncio.StreamReader) -> dict[str, Any]:
    """The next message; raises IncompleteReadError at the end, ControlError when it is no netstring."""
    head = await reader.readuntil(b":")
    if not head[:-1].isdigit() or int(head[:-1]) > _MAX_MESSAGE_BYTES:
        raise ControlError(f"not a netstring: {head[:20]!r}")
    body = await reader.readexactly(int(head[:-1]) + 1)
    message = json.loads(body[:-1].decode("utf-8", "replace"))
    if body[-1:] != b"," or not isinstance(message, dict):
        raise ControlError(f"not a netstring: {body[-20:]!r}")
    return message


class Control:
    """One connection. ``on_event`` is called with every event, in order."""

    def __init__(self, on_event: Callable[[dict[str, Any]], None]) -> None:
        self._on_event = on_event
        self._waiting: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._tokens = itertools.count(1)
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    async def connect(self, port: int, timeout_s: float = 10.0) -> None:
        """Raises ControlError when nobody listens within the time."""
        deadline = time.monotonic() + timeout_s
        while True:
            try:
                reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except OSError as error:
                if time.monotonic() > deadline:
                    raise ControlError(f"baresip did not open its control port: {error}") from None
                await asyncio.sleep(0.02)
        self._task = asyncio.create_task(self._read(reader))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        try:
            while True:
                message = await unpack(reader)
                if message.get("event"):
                    self._on_event(message)
                    continue
                future = self._waiting.pop(str(message.get("token")), None)
                if future is not None and not future.done():
                    future.set_result(message)
        except (asyncio.IncompleteReadError, OSError, ControlError, ValueError):
            for future in self._waiting.values():
                if not future.done():
                    future.set_exception(ControlError("baresip closed its control port"))
            self._waiting.clear()

    async def command(self, name: str, params: str = "", timeout_s: float = 5.0) -> str:
        """What baresip says to it; raises ControlError when it refuses or says nothing."""
        if self._writer is None or self._task is None or self._task.done():
            raise ControlError("not connected to baresip")
        token = str(next(self._tokens))
        future: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[token] = future
        self._writer.write(pack({"command": name, "params": params, "token": token}))
        try:
            async with asyncio.timeout(timeout_s):
                await self._writer.drain()
                answer = await future
        except (TimeoutError, OSError):
            raise ControlError(f"baresip did not answer {name!r} within {timeout_s:g} s") from None
        finally:
            self._waiting.pop(token, None)
        said = str(answer.get("data", "")).strip()
        if not answer.get("ok"):
            raise ControlError(f"{name}: {said}")
        return said

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
            with contextlib.suppress(OSError):
                await self._writer.wait_closed()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        self._writer = self._task = None
