"""The speech server: AEAP over websockets for Asterisk, in the daemon or as a process of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict

import structlog
from aiohttp import WSMsgType, web

from ivr.speech import aeap
from ivr.speech.recogniser import Model
from ivr.speech.session import Counters, Means, Places, Session, SessionRefused
from ivr.speech.voice import Detector, Silero

log = structlog.get_logger()
SETUP_TIMEOUT_S = 5.0
IDLE_TIMEOUT_S = 4 * 3600.0  # a call lasts as long as its conversation; then nothing comes from Asterisk
CLOSE_TIMEOUT_S = 0.5  # Asterisk may stand still, and its caller in silence, while a closing is awaited
MAX_MALFORMED = 20  # messages of one connection
PROTOCOL = "speech_to_text"


class SpeechServer:
    """``max_sessions`` connections (calls) and ``max_turns`` callers that speak at the same moment."""

    def __init__(
        self,
        models: Mapping[str, Model],
        *,
        token: str,
        max_turns: int = 40,
        max_sessions: int = 600,
        workers: int = 0,
        detector: Callable[[], Detector] = Silero,
    ) -> None:
        if not token:
            raise ValueError("the speech server needs a token")
        self.counters = Counters()
        self._max_sessions = max_sessions
        self._pool = ThreadPoolExecutor(workers or 2 * (os.cpu_count() or 2), "speech")
        self._lookers = ThreadPoolExecutor(os.cpu_count() or 2, "voice")
        self._places = Places(max_turns)
        self._means = Means(models, detector, self._pool, self._lookers, self.counters, self._places, token)
        self._open: dict[Session, web.WebSocketResponse] = {}
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def start(self, host: str, port: int) -> None:
        """Listens; port 0 takes a free one, see ``port``. The detector's network is loaded first: a call that
        had to wait for it would go on with keys."""
        await asyncio.get_running_loop().run_in_executor(self._lookers, self._means.detector)
        app = web.Application()
        app.router.add_get("/health", self._health)
        app.router.add_get("/{path:.*}", self._connection)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        log.info("speech is heard", action="speech_started", host=host, port=self.port)

    async def stop(self) -> None:
        for socket in list(self._open.values()):
            await socket.close(code=1001)
        if self._runner is not None:
            await self._runner.cleanup()
        for pool in (self._pool, self._lookers):
            pool.shutdown(wait=False, cancel_futures=True)

    async def end_turn(self, call_id: str) -> bool:
        """Ends what is listened for in this call, at once; False when the call is not connected here."""
        found = next((session for session in self._open if session.call_id == call_id), None)
        if found is not None:
            await found.end_turn()
        return found is not None

    async def _health(self, _request: web.Request) -> web.Response:
        figures = asdict(self.counters)
        figures["languages"] = sorted(self._means.models)
        figures |= {
            "open": len(self._open),
            "turns_now": self._places.taken,
            "turns_most": self._places.most_taken,
        }
        return web.json_response(figures)

    async def _connection(self, request: web.Request) -> web.StreamResponse:
        if len(self._open) >= self._max_sessions:
            self.counters.refused += 1
            return web.Response(status=503, text="too many calls")
        socket = web.WebSocketResponse(
            protocols=(PROTOCOL,),
            max_msg_size=aeap.MAX_MESSAGE * 4,
            heartbeat=60,
            compress=False,
            timeout=CLOSE_TIMEOUT_S,
        )
        if not socket.can_prepare(request):
            return web.Response(status=426, text="this is a websocket of AEAP")
        await socket.prepare(request)

        async def send(text: str) -> None:
            with contextlib.suppress(ConnectionError):  # the caller has hung up meanwhile
                await socket.send_str(text)

        session = Session(self._means, send)
        self._open[session] = socket
        self.counters.sessions += 1
        work = asyncio.create_task(session.work(), name="speech-session")
        try:
            await self._serve(session, socket)
        except SessionRefused as refused:
            self.counters.refused += 1
            log.warning("a connection was refused", action="speech_refused", reason=str(refused))
        finally:
            work.cancel()
            session.stop_turn()
            del self._open[session]
            await socket.close()
        return socket

    async def _serve(self, session: Session, socket: web.WebSocketResponse) -> None:
        timeout, malformed = SETUP_TIMEOUT_S, 0
        while True:
            try:
                raw = await socket.receive(timeout)
            except TimeoutError:
                log.warning("a connection said nothing", action="speech_idle", call_id=session.call_id)
                return
            if raw.type is WSMsgType.BINARY and len(raw.data) <= aeap.MAX_FRAME and not len(raw.data) % 2:
                await session.hear(raw.data)
                continue
            if raw.type is WSMsgType.TEXT:
                try:
                    message = aeap.parse(raw.data)
                except aeap.PeerError as error:
                    fault = str(error)
                else:
                    await session.receive(message)
                    timeout = IDLE_TIMEOUT_S
                    await self._only_one(session)
                    continue
            elif raw.type is WSMsgType.BINARY:
                fault = f"an audio frame of {len(raw.data)} bytes"
            else:  # closed, or broken beyond reading
                return
            malformed += 1
            self.counters.malformed += 1
            log.warning("a malformed message", action="speech_malformed", reason=fault)
            if malformed >= MAX_MALFORMED:
                return

    async def _only_one(self, session: Session) -> None:
        """A call has one connection; the newer one is the true one."""
        if not session.call_id:
            return
        for other, socket in list(self._open.items()):
            if other is not session and other.call_id == session.call_id:
                log.warning("a call connected twice", action="speech_twice", call_id=session.call_id)
                other.stop_turn()
                await socket.close(code=1008)
