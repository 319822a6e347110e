"""More than one machine: the master dies, Sentinel promotes its replica, the hotline goes on."""

from __future__ import annotations

import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from acd.contract import AgentStatusDeclared, CallQueued
from acd.journal.link import BadAddress, connect
from acd.service import DistributorService

from .conftest import RedisServer, eventually, next_offer, roster_of


@pytest.fixture
def sentinel(redis_server: RedisServer, tmp_path: Path) -> Iterator[tuple[str, RedisServer, RedisServer]]:
    folder = tmp_path / "replica"
    folder.mkdir()
    replica = RedisServer(folder)
    replica.start("--replicaof", "127.0.0.1", str(redis_server.port))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = tmp_path / "sentinel.conf"
    config.write_text(
        f"port {port}\nbind 127.0.0.1\ndir {tmp_path}\n"
        f"sentinel monitor hotline 127.0.0.1 {redis_server.port} 1\n"
        "sentinel down-after-milliseconds hotline 800\nsentinel failover-timeout hotline 5000\n"
    )
    process = subprocess.Popen(
        ["redis-server", str(config), "--sentinel"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    yield f"redis+sentinel://127.0.0.1:{port}/hotline", redis_server, replica
    process.kill()
    process.wait()
    replica.stop(signal.SIGKILL)


async def test_the_replica_takes_over(sentinel: tuple[str, RedisServer, RedisServer]) -> None:
    url, master, replica = sentinel
    node = DistributorService(url, node="n1", leads=True, roster=roster_of(1, "logged_out"))
    await node.start()
    try:
        orders = node.commands("n1")
        await node.report(CallQueued("c1", "n1", "hotline", "t"))
        await eventually(lambda: node.connected and node.snapshot().calls)
        place = node.snapshot().calls[0].first_queued_ms
        with replica.client() as client:
            await eventually(lambda: client.xlen("dozvon:journal") >= 4, 15)
        master.stop(signal.SIGKILL)
        await eventually(lambda: not node.connected)
        await node.report(AgentStatusDeclared("a1", "available"))
        offer = await next_offer(orders, 30)
        assert offer.call_id == "c1"
        assert node.snapshot().calls[0].first_queued_ms == place
        with replica.client() as client:
            assert client.info("replication")["role"] == "master"
    finally:
        await node.stop()


@pytest.mark.parametrize(
    "url", ["http://x", "redis+sentinel://h:1", "redis+sentinel://h:x/m", "redis://u:secret@h:port/0"]
)
def test_an_address_that_cannot_be_understood(url: str) -> None:
    with pytest.raises(BadAddress) as caught:
        connect(url)
    assert "secret" not in str(caught.value)
