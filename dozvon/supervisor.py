"""``dozvon up``: Redis, Asterisk and the daemon on one machine, started in order and kept running.

The supervisor holds no state of the hotline and talks to nobody: it only starts, watches and stops
(docs/adr/0004-supervisor-and-daemon.md). Children outlive it and are adopted by the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Protocol

import structlog

from dozvon.machine.asterisk import AsteriskChild
from dozvon.machine.children import Child, ChildFailed
from dozvon.machine.redis import RedisChild
from dozvon.settings import Settings

WATCH_S = 0.1
FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 10.0
STEADY_S = 30.0  # who ran this long has recovered: the delay starts anew
DAEMON_READY_S = 60.0
STOP_S = 45.0
HEALTH_EVERY_S = 2.0
UNWELL_LIMIT = 3  # misses in a row, each at most 2 s long: killed after 6 to 12 s of silence

log = structlog.get_logger()


class Part(Protocol):
    """One of the three programs. One with ``healthy`` is killed when that stays False: callers whose daemon
    hangs would hear nothing for ever, callers whose daemon is dead are taken back by the next one."""

    @property
    def child(self) -> Child: ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class DaemonChild:
    """``dozvon serve``: ready when its web server answers."""

    def __init__(self, settings: Settings) -> None:
        self._web = settings.web
        marker = f"--home={settings.home.absolute()}"
        self.child = Child(
            "daemon",
            [sys.executable, "-m", "dozvon", "serve", marker],
            pid_file=settings.home / "daemon.pid",
            marker=marker,
            log=settings.home / "log" / "daemon.log",
        )
        self.child.environment = {
            **os.environ,
            "DOZVON_CONFIG": str(settings.config),
            "DOZVON_HOME": str(settings.home.absolute()),
        }

    async def start(self) -> None:
        await self.child.start(self.healthy, DAEMON_READY_S)

    async def stop(self) -> None:
        await self.child.stop()

    async def healthy(self) -> bool:
        """It answers within two seconds; a stopped or spinning process does not."""
        try:
            async with asyncio.timeout(2):
                reader, writer = await asyncio.open_connection(self._web.host, self._web.port)
                try:
                    writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
                    return b" 200 " in await reader.readline()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False


def parts_of(settings: Settings) -> dict[str, Part]:
    """What this machine has to run, in the order of starting."""
    parts: dict[str, Part] = {}
    if not settings.redis.url:
        parts["redis"] = RedisChild(settings)
    if settings.asterisk.manage:
        parts["asterisk"] = AsteriskChild(settings)
    parts["daemon"] = DaemonChild(settings)
    return parts


class AlreadyUp(Exception):
    """Another supervisor looks after this installation."""


@contextlib.contextmanager
def alone(settings: Settings) -> Iterator[None]:
    """One supervisor an installation: its pid file is locked while it lives. Raises AlreadyUp."""
    settings.home.mkdir(parents=True, exist_ok=True)
    with _pid_file(settings).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyUp(f"{AlreadyUp.__doc__} ({settings.home})") from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


async def end_other(settings: Settings) -> None:
    """Ask the supervisor that runs, if one does, to stop everything, and wait for it."""
    try:
        pid = int(_pid_file(settings).read_text())
        with _pid_file(settings).open() as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return  # nobody holds it: the number is an old one
    except (FileNotFoundError, ValueError):
        return
    except OSError:
        os.kill(pid, signal.SIGTERM)
    async with asyncio.timeout(STOP_S):
        while _held(settings):  # noqa: ASYNC110 - another process ends
            await asyncio.sleep(WATCH_S)


def _held(settings: Settings) -> bool:
    with _pid_file(settings).open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def _pid_file(settings: Settings) -> Path:
    return settings.home / "supervisor.pid"


class Supervisor:
    def __init__(self, parts: dict[str, Part], say: Callable[[str], None] = print) -> None:
        self._parts = parts
        self._say = say
        self._stopping = asyncio.Event()

    async def start(self) -> None:
        """Start or adopt everything; raises ChildFailed with the reason, having stopped nothing."""
        for name, part in self._parts.items():
            began = asyncio.get_running_loop().time()
            await part.start()
            took_s = asyncio.get_running_loop().time() - began
            self._say(f"  {name:<9} {'was running' if part.child.adopted else f'started in {took_s:.1f} s'}")

    async def watch(self) -> None:
        """Until ``stop`` or a signal: whoever ends is started again."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        async with asyncio.TaskGroup() as group:
            for name, part in self._parts.items():
                group.create_task(self._keep(name, part))

    async def stop(self) -> None:
        """The daemon first: it says good-bye to Asterisk and Redis."""
        for part in reversed(self._parts.values()):
            await part.stop()

    async def _keep(self, name: str, part: Part) -> None:
        loop = asyncio.get_running_loop()
        delay_s, started = FIRST_DELAY_S, loop.time()
        healthy, asked, unwell = getattr(part, "healthy", None), loop.time(), 0
        while not await self._stopped_within(WATCH_S):
            if part.child.running:
                if healthy is not None and loop.time() - asked > HEALTH_EVERY_S:
                    unwell = 0 if await healthy() else unwell + 1
                    asked = loop.time()
                if unwell >= UNWELL_LIMIT:
                    unwell = 0
                    log.error("a part hangs and is killed", action="part_hangs", part=name)
                    os.kill(part.child.pid, signal.SIGKILL)
                continue
            delay_s = FIRST_DELAY_S if loop.time() - started > STEADY_S else delay_s
            log.warning("a part ended", action="part_ended", part=name, words=part.child.last_words()[-300:])
            if await self._stopped_within(delay_s):
                return
            delay_s = min(delay_s * 2, LONGEST_DELAY_S)
            started = loop.time()
            await self._try(name, part.start)

    async def _try(self, name: str, start: Callable[[], Awaitable[None]]) -> None:
        try:
            await start()
            log.info("a part was started again", action="part_restarted", part=name)
        except ChildFailed as error:
            log.error("a part does not start", action="part_failed", part=name, reason=str(error)[-300:])

    async def _stopped_within(self, seconds: float) -> bool:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopping.wait()
        return self._stopping.is_set()
