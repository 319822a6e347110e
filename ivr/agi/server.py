"""The FastAGI server: takes connections, lets in what is Asterisk's, hands each to its handler, and counts.

Whatever comes to the port is limited: header size and time, line length, connections. The first byte that
is not FastAGI's ends a connection, and only the holder of the secret token gets to a handler. A refused
Asterisk goes on in its dialplan, to the next node or to the emergency script.
"""

from __future__ import annotations

import asyncio
import hmac
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge

from ivr.agi.codec import Environment, RemoteProtocolError
from ivr.agi.session import Session, SessionLost

QUICK_ACK = getattr(socket, "TCP_QUICKACK", None)  # Linux only
CALL_PATH = "call"  # a session that lasts as long as its call; all others are short
READ_BYTES = 4_096
WRITE_TIMEOUT_S = 5.0
SPARE_CONNECTIONS = 64  # for short sessions (``connected``) and headers under way, over ``max_sessions``

Handler = Callable[[Session, Environment], Awaitable[None]]
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    max_sessions: int = 600
    header_timeout_s: float = 5.0
    close_timeout_s: float = 5.0


class Metrics:
    """``dozvon_agi_connections_total{outcome}`` and ``dozvon_agi_sessions``.

    Outcomes: served, failed (the handler raised), lost (Asterisk went away), probe (not a byte), garbage,
    slow_header, bad_token, unknown_path, too_many, stopped (we ended while it lasted).
    """

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        registry = registry or CollectorRegistry()
        self._connections = Counter(
            "dozvon_agi_connections", "Connections to the FastAGI port", ["outcome"], registry=registry
        )
        self._sessions = Gauge("dozvon_agi_sessions", "FastAGI sessions open now", registry=registry)
        self.counts: dict[str, int] = {}

    def ended(self, outcome: str) -> None:
        self._connections.labels(outcome).inc()
        self.counts[outcome] = self.counts.get(outcome, 0) + 1

    def open_now(self, sessions: int) -> None:
        self._sessions.set(sessions)


class StreamWire:
    """An asyncio stream as a session's wire."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def read(self) -> bytes:
        # Asterisk leaves Nagle's algorithm on: the second of two replies waits for our acknowledgement of
        # the first, which the kernel would delay by 40 ms. It forgets this option, so it is set each time.
        if QUICK_ACK is not None:
            self._writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, QUICK_ACK, 1)
        return await self._reader.read(READ_BYTES)

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        async with asyncio.timeout(WRITE_TIMEOUT_S):
            await self._writer.drain()

    def close(self) -> None:
        self._writer.close()


class AgiServer:
    """Listens; ``handlers`` by path, the word after ``agi://host:port/``. Argument 1 must be the token."""

    def __init__(
        self,
        handlers: Mapping[str, Handler],
        token: str,
        limits: Limits | None = None,
        metrics: Metrics | None = None,
    ) -> None:
        if len(token) < 16:
            raise ValueError("the token must have at least 16 characters")
        self._handlers = dict(handlers)
        self._token = token.encode()
        self._limits = limits or Limits()
        self.metrics = metrics or Metrics()
        self._tasks: set[asyncio.Task[None]] = set()
        self._sessions = 0
        self._server: asyncio.Server | None = None

    @property
    def sessions(self) -> int:
        """Sessions inside a handler now."""
        return self._sessions

    @property
    def port(self) -> int:
        """The port bound, useful after ``start(host, 0)``."""
        assert self._server is not None
        return int(self._server.sockets[0].getsockname()[1])

    async def start(self, host: str, port: int) -> None:
        """Raises OSError when the address cannot be bound."""
        self._server = await asyncio.start_server(self._connected, host, port, limit=READ_BYTES * 2)

    async def stop(self, drain_s: float = 0.0) -> None:
        """No new connections; waits for the calls under way at most ``drain_s``, then lets them go.

        A call let go is not lost: its dialplan goes on to the next node or to the emergency script.
        """
        if self._server is not None:
            self._server.close()
        if self._tasks and drain_s > 0:
            await asyncio.wait(self._tasks, timeout=drain_s)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=self._limits.close_timeout_s)
        log.info("agi server stopped", action="agi_stopped", counts=dict(self.metrics.counts))

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) >= self._limits.max_sessions + SPARE_CONNECTIONS:
            self.metrics.ended("too_many")
            writer.close()
            return
        task = asyncio.get_running_loop().create_task(self.serve(Session(StreamWire(reader, writer))))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def serve(self, session: Session) -> None:
        """One connection from its first byte to its last; never raises but for being cancelled."""
        outcome = "failed"
        try:
            outcome = await self._serve(session)
        except asyncio.CancelledError:
            outcome = "stopped"
            raise
        except SessionLost:
            outcome = "lost"
        except Exception:
            log.exception("a session's handler failed", action="agi_handler_failed")
        finally:
            self.metrics.ended(outcome)
            await session.close()

    async def _serve(self, session: Session) -> str:
        try:
            environment = await session.open(self._limits.header_timeout_s)
        except RemoteProtocolError:
            return "garbage"
        except TimeoutError:
            return "slow_header"
        except OSError:
            return "probe"
        if environment is None:
            return "probe"
        token = environment.args[0] if environment.args else ""
        if not hmac.compare_digest(token.encode("utf-8", "replace"), self._token):
            log.warning("a FastAGI session with a wrong token", action="agi_bad_token")
            return "bad_token"
        path = environment.fields.get("network_script", "")
        handler = self._handlers.get(path)
        if handler is None:
            log.warning("a FastAGI session for an unknown path", action="agi_unknown_path", path=path[:64])
            return "unknown_path"
        if self._sessions >= self._limits.max_sessions + (0 if path == CALL_PATH else SPARE_CONNECTIONS // 2):
            return "too_many"
        self._sessions += 1
        self.metrics.open_now(self._sessions)
        try:
            await handler(session, environment)
        finally:
            self._sessions -= 1
            self.metrics.open_now(self._sessions)
        return "served"
