"""A guarded connection to Asterisk's manager, over panoramisk.

What panoramisk does by itself and must not do here
  * It keeps actions that were sent while disconnected and sends them after Asterisk's restart: a stale
    Originate would ring an agent for nobody. Here nothing is sent unless logged in, and nothing is kept.
  * Its actions and pings wait for ever. Here each has a time limit, and a ping that is not answered ends the
    connection.
  * An exception in a callback ends the connection. Here callbacks are wrapped.
  * It puts values on the wire as they are: a line break in a value would be a second header. Here refused.
  * It decodes each chunk by itself and loses a letter that lies across two. Here the tail waits.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import structlog
from panoramisk.actions import Action
from panoramisk.ami_protocol import AMIProtocol
from panoramisk.manager import Manager

CONNECT_TIMEOUT_S: Final = 5.0
ACTION_TIMEOUT_S: Final = 5.0
PING_EVERY_S: Final = 5.0
PING_TIMEOUT_S: Final = 3.0
MAX_VALUE: Final = 1_000
MAX_BUFFER: Final = 1_000_000
MAX_WAITING: Final = 500

Message = Mapping[str, Any]  # panoramisk's Message: case-insensitive

log = structlog.get_logger(__name__)


class SwitchError(Exception):
    """Asterisk did not do what was asked."""


class SwitchDown(SwitchError):
    """There is no connection to Asterisk's manager."""


class SwitchTimeout(SwitchError):
    """Asterisk did not answer in time."""


class SwitchRefused(SwitchError):
    """Asterisk answered with an error."""


class BadValue(SwitchError):
    """A value cannot be sent: it is too long or has characters that would change the request."""


class _Protocol(AMIProtocol):  # type: ignore[misc]
    """Letters across chunk borders are kept together; a message without an end ends the connection."""

    _tail = b""

    def data_received(self, data: bytes) -> None:
        data = self._tail + data
        cut = _incomplete(data)
        data, self._tail = data[: len(data) - cut], data[len(data) - cut :]
        super().data_received(data)
        if self.queue and len(self.queue[0]) > MAX_BUFFER:
            log.error("message without end", action="ami_overflow")
            self.transport.abort()


def _incomplete(data: bytes) -> int:
    """How many bytes at the end are the beginning of a letter."""
    for back in range(1, min(3, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if needed > back else 0
        if byte < 0x80:
            return 0
    return 0


class _Manager(Manager):  # type: ignore[misc]
    """Without own reconnection, own pings, and memory for unsent actions."""

    lost: Callable[[], None]

    async def send_awaiting_actions(self, *_: object) -> None:
        self.awaiting_actions.clear()

    def ping(self) -> None:
        self.pinger = None

    def login(self, future: asyncio.Future[Any]) -> bool:
        self.authenticated_future = None
        if future.cancelled() or future.exception() is not None:
            return False
        self.authenticated = bool(future.result().success)
        return bool(self.authenticated)

    def connection_lost(self, exc: object) -> None:
        self._connected = False
        self.awaiting_actions.clear()
        if self.pinger is not None:
            self.pinger.cancel()
            self.pinger = None
        self.lost()


class Link:
    """Stays connected to the manager. ``on_up`` runs after each login (list what you need there)."""

    def __init__(
        self,
        host: str,
        port: int,
        user: str,
        secret: str,
        on_up: Callable[[], Awaitable[None]] | None = None,
        on_down: Callable[[], None] | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._on_up = on_up
        self._on_down = on_down
        quiet = logging.getLogger("panoramisk.quiet")
        quiet.setLevel(logging.CRITICAL)  # its lines would show what is sent, secrets too
        self._manager = _Manager(
            host=host, port=port, username=user, secret=secret, encoding="utf-8", log=quiet
        )
        self._manager.lost = self._lost
        self._waiting: set[asyncio.Future[Any]] = set()
        self._gone = asyncio.Event()
        self._gone.set()
        self.up = False

    def on_event(self, pattern: str, callback: Callable[[Message], None]) -> None:
        """Calls ``callback`` with each event whose name matches (``Contact*``); it may raise, not block."""

        def guarded(_: object, message: Message) -> None:
            try:
                callback(message)
            except Exception:
                log.exception("event not taken in", action="ami_event_failed", event_name=pattern)

        self._manager.register_event(pattern, guarded)

    # ------------------------------------------------------------------------------------------ life
    async def run(self) -> None:
        """Connects, watches, connects again; for ever."""
        pause_s = 0.2
        try:
            while True:
                try:
                    await self._connect()
                    pause_s = 0.2
                    await self._watch()
                except (SwitchError, OSError, TimeoutError) as error:
                    if self.up or pause_s < 0.3:
                        log.warning("manager not there", action="ami_down", error=str(error))
                self._drop()
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, 3.0)
        finally:
            self._drop()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        manager = self._manager
        manager.loop = loop
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            made = await loop.create_connection(_Protocol, self._host, self._port)
            future: asyncio.Future[Any] = loop.create_future()
            future.set_result(made)
            self._gone.clear()
            manager.connection_made(future)
            answer = manager.authenticated_future
            assert answer is not None
            reply = await self._unless_gone(answer)
        if not reply.success:
            raise SwitchRefused(f"login refused: {reply.message}")
        self.up = True
        log.info("manager connected", action="ami_up", port=self._port)
        if self._on_up is not None:
            await self._on_up()

    async def _watch(self) -> None:
        """Returns or raises when the connection is no more."""
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PING_EVERY_S):
                    await self._gone.wait()
                    raise SwitchDown("connection closed")
            await self.action("Ping", timeout_s=PING_TIMEOUT_S)

    def _lost(self) -> None:
        self._gone.set()
        for future in list(self._waiting):
            if not future.done():
                future.set_exception(SwitchDown("connection closed"))

    def _drop(self) -> None:
        was_up, self.up = self.up, False
        self._lost()
        self._manager.close()
        self._manager.awaiting_actions.clear()
        if was_up and self._on_down is not None:
            self._on_down()

    # --------------------------------------------------------------------------------------- actions
    async def action(
        self,
        name: str,
        fields: Mapping[str, str | Sequence[str]] | None = None,
        *,
        timeout_s: float = ACTION_TIMEOUT_S,
        as_list: bool | None = None,
    ) -> list[Message]:
        """Sends an action; its answer and, of a list, all that followed.

        Raises SwitchDown, SwitchTimeout, SwitchRefused, BadValue.
        """
        if not self.up or self._gone.is_set():
            raise SwitchDown("not connected")
        if len(self._waiting) >= MAX_WAITING:
            raise SwitchDown("too many requests are waiting")
        words: dict[str, Any] = {"Action": name}
        for key, value in (fields or {}).items():
            words[key] = checked(value) if isinstance(value, str) else [checked(each) for each in value]
        action = Action(words, as_list=as_list)
        protocol = self._manager.protocol
        answer = protocol.send(action, as_list=as_list)
        try:
            async with asyncio.timeout(timeout_s):
                reply = await self._unless_gone(answer)
        except TimeoutError:
            raise SwitchTimeout(f"{name}: no answer within {timeout_s:g} s") from None
        finally:
            protocol.responses.pop(action.id, None)
        messages = list(reply) if isinstance(reply, list) else [reply]
        if not messages[0].success:
            raise SwitchRefused(f"{name}: {messages[0].message}")
        return messages

    async def _unless_gone(self, answer: asyncio.Future[Any]) -> Any:
        """The answer, or SwitchDown as soon as the connection is lost."""
        own: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

        def pass_on(done: asyncio.Future[Any]) -> None:
            if not own.done() and not done.cancelled():
                own.set_result(done.result())

        answer.add_done_callback(pass_on)
        self._waiting.add(own)
        try:
            return await own
        finally:
            self._waiting.discard(own)
            own.cancel()


def checked(value: str) -> str:
    """The value; raises BadValue when it would change the request."""
    if len(value) > MAX_VALUE or any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
        raise BadValue(f"cannot be sent: {value[:40]!r}")
    return value
