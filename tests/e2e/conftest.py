"""A real Asterisk and a real Redis for the whole session, on ports of their own, in a temporary home.

Fixtures
  settings          as the daemon would have them, every port free, ``home`` temporary
  asterisk          running; ``await asterisk.console("core show channels")``
  asterisk_secrets  passwords of the phones, the manager's secret, the FastAGI token
  redis_child       running, on ``settings.redis.port``
  agent_phone       ``phone = await agent_phone("2001")`` registers; ends with the test
  caller_phone      ``phone = await caller_phone()`` at the carrier's address; ends with the test
  capture           ``async with capture() as wire:`` what goes over SIP and RTP
  until             ``await until(lambda: …, 5)`` polls a condition
  hotline           the module's ``whole_hotline`` (tests/e2e/hotline.py), open, ready, nobody in a call
Nothing here is skipped when a part is missing: the tests then fail and say which.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import random
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from dozvon.machine import secrets
from dozvon.machine.asterisk import CONFIG, AsteriskChild
from dozvon.machine.asterisk_root import AsteriskMissing, fetch, locate
from dozvon.machine.children import free_port
from dozvon.machine.redis import RedisChild
from dozvon.phones import AgentPhone, CallerPhone
from dozvon.phones.capture import Capture
from dozvon.settings import Agi, Asterisk, Redis, Settings, Speech, Web

_RTP_PORTS = 400


@pytest.fixture(scope="session")
def settings() -> Iterator[Settings]:
    home = Path(tempfile.mkdtemp(prefix="dozvon-e2e-"))  # short: a Unix socket's path has a limit
    rtp_start = random.randrange(12_000, 19_000, 2)
    yield Settings(
        home=home,
        redis=Redis(port=free_port()),
        agi=Agi(port=free_port()),
        speech=Speech(port=free_port()),
        web=Web(port=free_port()),
        asterisk=Asterisk(
            ami_port=free_port(),
            sip_port=free_port(kind=socket.SOCK_DGRAM),
            rtp_start=rtp_start,
            rtp_end=rtp_start + _RTP_PORTS,
            trunk_port=free_port(kind=socket.SOCK_DGRAM),
        ),
    )
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture(scope="session")
def asterisk(settings: Settings) -> Iterator[AsteriskChild]:
    try:
        toolbox = locate()
    except AsteriskMissing:
        toolbox = fetch()
    child = AsteriskChild(settings, toolbox)
    asyncio.run(child.start())
    yield child
    asyncio.run(child.stop())


@pytest.fixture(scope="session")
def asterisk_secrets(settings: Settings) -> secrets.AsteriskSecrets:
    return secrets.ensure(settings.secrets, CONFIG)


@pytest.fixture(scope="session")
def redis_child(settings: Settings) -> Iterator[RedisChild]:
    child = RedisChild(settings)
    asyncio.run(child.start())
    yield child
    asyncio.run(child.stop())


@pytest.fixture(scope="session")
def server(settings: Settings) -> str:
    """Where phones send to."""
    return f"{settings.asterisk.sip_bind}:{settings.asterisk.sip_port}"


@pytest.fixture
async def phones() -> AsyncIterator[AsyncExitStack]:
    async with AsyncExitStack() as stack:
        yield stack


@pytest.fixture
def agent_phone(
    asterisk: AsteriskChild, asterisk_secrets: secrets.AsteriskSecrets, server: str, phones: AsyncExitStack
) -> Callable[..., Awaitable[AgentPhone]]:
    async def make(user: str = "2001", **options: Any) -> AgentPhone:
        password = options.pop("password", asterisk_secrets.agents.get(user, "none"))
        return await phones.enter_async_context(AgentPhone(user, password, server, **options))

    return make


@pytest.fixture
def caller_phone(
    asterisk: AsteriskChild, server: str, phones: AsyncExitStack
) -> Callable[..., Awaitable[CallerPhone]]:
    async def make(**options: Any) -> CallerPhone:
        return await phones.enter_async_context(CallerPhone(server, **options))

    return make


@pytest.fixture
def capture(
    asterisk: AsteriskChild, settings: Settings, tmp_path: Path
) -> Callable[[], AbstractAsyncContextManager[Capture]]:
    return lambda: Capture(tmp_path / "wire.pcap", settings.asterisk.sip_port)


@pytest.fixture
def until() -> Callable[..., Awaitable[Any]]:
    async def wait(condition: Callable[[], Any], timeout_s: float = 10.0, what: str = "") -> Any:
        """Polls; the condition may be a coroutine function. Returns its first true value."""
        deadline = time.monotonic() + timeout_s
        while True:
            value = condition()
            if inspect.isawaitable(value):
                value = await value
            if value:
                return value
            if time.monotonic() > deadline:
                pytest.fail(f"did not happen within {timeout_s:g} s: {what or inspect.getsource(condition)}")
            await asyncio.sleep(0.03)

    return wait


@pytest.fixture
async def hotline(whole_hotline: Any, until: Callable[..., Awaitable[Any]]) -> AsyncIterator[Any]:
    """Running, open, the journal reached, nobody in a call; its log is shown when the test failed."""
    await whole_hotline.start()
    await whole_hotline.hours(True)
    await until(whole_hotline.ready, 30)
    whole_hotline.mark()
    yield whole_hotline
    whole_hotline.show()
    if whole_hotline.daemon.child.running:  # the next test, or this one once more, finds nothing of it
        with contextlib.suppress(Exception):  # shown by that test, if it matters
            await whole_hotline.cancel_callbacks()
