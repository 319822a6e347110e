"""One FastAGI connection at work: the codec between a wire and whoever gives the commands.

Rules
  * One command at a time, each with a time limit; a peer that does not reply within it is given up.
  * Cancelling ``run()`` leaves the command running in Asterisk; the next ``run()`` (or ``settle()``) stops
    it first, and hands what it had come to, a key perhaps, to ``on_leftover``.
  * A reader task takes bytes at any time, so a hang-up or a closed connection is known at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from ivr.agi import codec
from ivr.agi.codec import Command, Environment, Interrupted, Reply

SETTLE_TIMEOUT_S = 60.0  # for a command that cannot be interrupted to end by itself
# Asterisk answers an interruption within milliseconds, or (see ``codec``) when told again.
INTERRUPT_AGAIN_S = (0.05, 0.2, 0.75, 2.0, 7.0)


class Wire(Protocol):
    """A two-way stream of bytes."""

    async def read(self) -> bytes:
        """Some bytes, ``b""`` at the end; raises OSError when the connection broke."""
        ...

    async def write(self, data: bytes) -> None:
        """Raises OSError when the connection broke."""
        ...

    def close(self) -> None: ...


class SessionLost(Exception):
    """The connection to Asterisk is gone or no longer to be trusted."""


class Session:
    """Commands out, replies in. Open it first, close it last."""

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        self._conn = codec.Connection()
        self._reply: asyncio.Future[Reply | Interrupted] | None = None
        self._lock = asyncio.Lock()
        self._pump: asyncio.Task[None] | None = None
        self._lost: str | None = None
        self.hung_up = asyncio.Event()  # also set when the connection is gone
        self.on_leftover: Callable[[Reply], None] = lambda _reply: None

    @property
    def running(self) -> Command | None:
        """The command that Asterisk is busy with."""
        return self._conn.running

    @property
    def lost(self) -> str | None:
        """Why the connection is gone, None while it lives."""
        return self._lost

    async def open(self, timeout_s: float) -> Environment | None:
        """Reads the header; None when the peer closed without a byte (a health probe).

        Raises codec.RemoteProtocolError, TimeoutError, OSError.
        """
        async with asyncio.timeout(timeout_s):
            while True:
                event = self._conn.next_event()
                if isinstance(event, Environment):
                    break
                if isinstance(event, codec.ConnectionClosed):
                    return None
                self._conn.receive_data(await self._wire.read())
        self._pump = asyncio.create_task(self._read_on())
        return event

    async def close(self) -> None:
        self._wire.close()
        self._lose("closed here")
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)

    async def run(self, command: Command, timeout_s: float) -> Reply:
        """Gives a command and waits for its reply; raises SessionLost, LocalProtocolError."""
        async with self._lock:
            await self._settle()
            self._check()
            event = await self._exchange(self._conn.send(command), timeout_s, command.name)
            if isinstance(event, Interrupted):
                raise SessionLost("an interruption nobody asked for")
            return event

    async def settle(self) -> None:
        """Stops what a cancelled ``run()`` left running."""
        async with self._lock:
            await self._settle()

    async def _settle(self) -> None:
        left = self._conn.running
        if left is None:
            return
        self._check()
        if not left.interruptible:  # its own end is waited for
            event = await self._exchange(b"", SETTLE_TIMEOUT_S, left.name)
        else:
            event = await self._interrupt(left.name)
        self._take_leftover(event)

    async def _interrupt(self, name: str) -> Reply | Interrupted:
        for wait_s in INTERRUPT_AGAIN_S[:-1]:
            try:
                return await self._exchange(self._conn.interrupt(), wait_s, name, fatal=False)
            except TimeoutError:
                if self._conn.running is None:  # it came in that very moment, and was taken as a leftover
                    return Interrupted(codec.Command((name,)), None)
        return await self._exchange(self._conn.interrupt(), INTERRUPT_AGAIN_S[-1], name)

    def _take_leftover(self, event: Reply | Interrupted) -> None:
        reply = event.reply if isinstance(event, Interrupted) else event
        if reply is not None:
            self.on_leftover(reply)

    async def _exchange(
        self, data: bytes, timeout_s: float, name: str, *, fatal: bool = True
    ) -> Reply | Interrupted:
        """Sends, and waits for the next reply; when none comes that is the end, unless not ``fatal``."""
        reply: asyncio.Future[Reply | Interrupted] = asyncio.get_running_loop().create_future()
        self._reply = reply
        try:
            async with asyncio.timeout(timeout_s):
                if data:
                    await self._wire.write(data)
                return await reply
        except asyncio.CancelledError:
            if reply.done() and not reply.cancelled() and reply.exception() is None:
                self._take_leftover(reply.result())  # it came in the very moment of cancelling
            raise
        except TimeoutError:
            if not fatal:
                raise
            self._lose(f"no reply to {name} within {timeout_s:g} s")
            raise SessionLost(self._lost) from None
        except OSError as error:
            self._lose(f"cannot write: {error}")
            raise SessionLost(self._lost) from None
        finally:
            self._reply = None

    async def _read_on(self) -> None:
        try:
            while not isinstance(event := self._conn.next_event(), codec.ConnectionClosed):
                if event is codec.NEED_DATA:
                    self._conn.receive_data(await self._wire.read())
                else:
                    self._take(event)
            self._lose("Asterisk closed the connection")
        except codec.RemoteProtocolError as error:
            self._lose(str(error))
        except OSError as error:
            self._lose(f"cannot read: {error}")

    def _take(self, event: codec.AgiEvent | codec.NeedData) -> None:
        if isinstance(event, codec.HangupSeen):
            self.hung_up.set()
        elif isinstance(event, Reply | Interrupted):
            if self._reply is not None and not self._reply.done():
                self._reply.set_result(event)
            else:  # its command was cancelled and ended before anything else was sent
                self._take_leftover(event)

    def _check(self) -> None:
        if self._lost is not None:
            raise SessionLost(self._lost)

    def _lose(self, why: str) -> None:
        if self._lost is None:
            self._lost = why
        self.hung_up.set()
        self._wire.close()
        if self._reply is not None and not self._reply.done():
            self._reply.set_exception(SessionLost(self._lost))
