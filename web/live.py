"""Live updates as Server-Sent Events (HTML Living Standard, section 9.2).

The floor is looked at twice a second, and only while somebody watches. A state that differs from the last
one is serialised once and handed to all viewers. A viewer has room for one state: whoever reads slowly
skips states, holds no memory and delays nobody. Between states a beat tells the page that the line lives
and until when the last state is known to hold. Before anything is sent the viewer's token is looked at again:
who may no longer look sees no more.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

import structlog
from aiohttp import web

from acd.contract import Snapshot
from web.problems import Problem
from web.schemas import Agent, Beat, Call, Live, Today
from web.tokens import TokensError

log = structlog.get_logger(__name__)
MAX_CALLS = 300
MAX_AGENTS = 1_000
_BEAT_S = 5.0
_WRITE_TIMEOUT_S = 10.0


def live_of(snapshot: Snapshot) -> Live:
    """The state for pages: calls that wait first, the oldest first."""
    calls = sorted(snapshot.calls, key=lambda call: (call.state == "connected", call.first_queued_ms))
    agents = sorted(snapshot.agents, key=lambda agent: agent.agent_id)
    return Live(
        now_ms=snapshot.now_ms,
        known_ms=snapshot.known_ms,
        connected=snapshot.connected,
        calls=[Call.model_validate(call) for call in calls[:MAX_CALLS] if call.state != "ended"],
        calls_total=sum(call.state != "ended" for call in calls),
        agents=[Agent.model_validate(agent) for agent in agents[:MAX_AGENTS]],
        agents_total=len(agents),
        today=today_of(snapshot),
    )


def today_of(snapshot: Snapshot) -> Today:
    today = Today.model_validate(snapshot.today)
    return today.model_copy(update={"connected": snapshot.connected})


class LiveFeed:
    def __init__(
        self, snapshot: Callable[[], Snapshot], *, interval_s: float = 0.5, max_viewers: int = 100
    ) -> None:
        self._snapshot = snapshot
        self._interval_s = interval_s
        self._max_viewers = max_viewers
        self._viewers: set[_Viewer] = set()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    @property
    def viewers(self) -> int:
        return len(self._viewers)

    async def stream(self, request: web.Request, may: Callable[[], bool]) -> web.StreamResponse:
        """Serve one viewer until he leaves or ``may`` no more. Raises Problem when there are too many."""
        if len(self._viewers) >= self._max_viewers or self._closing:
            raise Problem(503, "too-many-viewers", "Too many pages are open", headers={"Retry-After": "30"})
        viewer = _Viewer()
        self._viewers.add(viewer)
        try:
            response = web.StreamResponse(
                headers={"Content-Type": "text/event-stream; charset=utf-8", "X-Accel-Buffering": "no"}
            )
            await response.prepare(request)
            viewer.show(_event("state", live_of(self._snapshot()).model_dump_json()))
            if self._task is None or self._task.done():
                self._task = asyncio.create_task(self._look())
            await self._serve(viewer, response, may)
            return response
        finally:
            self._viewers.discard(viewer)

    async def close(self) -> None:
        """Let all viewers go; the server stops."""
        self._closing = True
        for viewer in self._viewers:
            viewer.leave()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _serve(self, viewer: _Viewer, response: web.StreamResponse, may: Callable[[], bool]) -> None:
        # Tokens that cannot be read let nobody in; the page hears of it when it comes again.
        with contextlib.suppress(ConnectionError, TimeoutError, TokensError):
            while (data := await viewer.next(_BEAT_S)) is not None and may():
                async with asyncio.timeout(_WRITE_TIMEOUT_S):
                    await response.write(data or self._beat())

    def _beat(self) -> bytes:
        seen = self._snapshot()
        return _event("beat", Beat(now_ms=seen.now_ms, known_ms=seen.known_ms).model_dump_json())

    async def _look(self) -> None:
        """Runs while there are viewers; a fault in one look is logged and does not end the feed."""
        shown: Live | None = None
        while self._viewers:
            await asyncio.sleep(self._interval_s)
            try:
                state = live_of(self._snapshot())
            except Exception:
                log.exception("live state not made", action="live_state_failed")
                continue
            if shown is None or _differs(shown, state):
                shown = state
                data = _event("state", state.model_dump_json())
                for viewer in self._viewers:
                    viewer.show(data)


class _Viewer:
    """A box for one state: a newer one replaces what was not yet sent."""

    def __init__(self) -> None:
        self._box: bytes | None = None
        self._filled = asyncio.Event()
        self._left = False

    def show(self, data: bytes) -> None:
        self._box = data
        self._filled.set()

    def leave(self) -> None:
        self._left = True
        self._filled.set()

    async def next(self, timeout_s: float) -> bytes | None:
        """What to send: a state, b"" for a beat, None when it is over."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._filled.wait()
        except TimeoutError:
            return b""
        if self._left:
            return None
        self._filled.clear()
        data, self._box = self._box, None
        return data or b""


def _differs(one: Live, other: Live) -> bool:
    """Time alone is no difference: the page counts by itself."""
    return _timeless(one) != _timeless(other)


def _timeless(state: Live) -> Live:
    today = state.today.model_copy(update={"longest_wait_ms": 0})
    return state.model_copy(update={"now_ms": 0, "known_ms": 0, "today": today})


def _event(name: str, data: str) -> bytes:
    return f"event: {name}\ndata: {data}\n\n".encode()
