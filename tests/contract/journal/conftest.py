"""A real redis-server of our own on a free port, that can be stopped, killed, frozen and brought back."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from redis import Redis

from acd.contract import AgentDefined, OfferCall
from acd.service import DistributorService
from acd.service.roster import Roster, RosterAgent


class RedisServer:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.url = f"redis://127.0.0.1:{self.port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *options: str) -> None:
        program = shutil.which("redis-server")
        assert program, "redis-server is not installed"
        self._process = subprocess.Popen(
            [
                *(program, "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(self.folder)),
                *("--save", "", "--maxmemory-policy", "noeviction", "--loglevel", "warning", *options),
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 10
        while True:
            try:
                with self.client() as client:
                    client.ping()
                return
            except Exception:
                assert time.monotonic() < deadline, "redis-server does not start"
                time.sleep(0.01)

    def client(self) -> Redis:
        return Redis(port=self.port, socket_timeout=5)

    def send(self, number: signal.Signals) -> None:
        assert self._process
        self._process.send_signal(number)

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)
            self._process.send_signal(number)
            self._process.wait(10)
            self._process = None


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    folder = tmp_path / "redis"
    folder.mkdir()
    server = RedisServer(folder)
    server.start()
    yield server
    server.stop(signal.SIGKILL)


Making = Callable[..., DistributorService]


@pytest.fixture
async def making(redis_server: RedisServer) -> AsyncIterator[Making]:
    """Makes services that are stopped at the end."""
    made: list[DistributorService] = []

    def make(**options: object) -> DistributorService:
        service = DistributorService(redis_server.url, **options)  # type: ignore[arg-type]
        made.append(service)
        return service

    yield make
    for service in made:
        with contextlib.suppress(Exception):
            await service.stop(drain_s=0.2)


def roster_of(count: int, status: str = "available") -> Roster:
    """Agents a1 … an, all good at topic ``t``, in Russian."""
    return Roster(
        tuple(
            RosterAgent(AgentDefined(f"a{n}", f"Agent {n}", f"PJSIP/a{n}", {"t": 2}), status)  # type: ignore[arg-type]
            for n in range(1, count + 1)
        )
    )


async def eventually(what: Callable[[], object], within_s: float = 8.0) -> None:
    """Polls until something holds."""
    deadline = time.monotonic() + within_s
    while not what():
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.005)


async def next_offer(commands: AsyncIterator[object], within_s: float = 5.0) -> OfferCall:
    async with asyncio.timeout(within_s):
        async for command in commands:
            if isinstance(command, OfferCall):
                return command
    raise AssertionError("the stream of commands ended")
