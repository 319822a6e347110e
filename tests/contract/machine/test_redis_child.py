"""A real Redis of our own: it outlives us, is found again, keeps what it was told, and refuses when full."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
import redis.asyncio

from dozvon.machine.children import ChildFailed, free_port
from dozvon.machine.redis import RedisChild
from dozvon.settings import Redis, Settings


@pytest.fixture
async def child(tmp_path: Path):
    made = RedisChild(Settings(home=tmp_path, redis=Redis(port=free_port(), maxmemory_mb=16)))
    yield made
    await made.stop()


async def test_it_is_adopted_by_the_next_daemon(child, tmp_path):
    await child.start()
    pid = child.child.pid
    again = RedisChild(Settings(home=tmp_path, redis=Redis(port=child.port)))
    await again.start()
    assert again.child.adopted
    assert again.child.pid == pid


async def test_a_kill_of_redis_loses_nothing(child):
    await child.start()
    async with redis.asyncio.Redis(port=child.port) as client:
        await client.xadd("journal", {"e": "x"})
    os.kill(child.child.pid, signal.SIGKILL)
    await child.start()
    async with redis.asyncio.Redis(port=child.port) as client:
        assert await client.xlen("journal") == 1


async def test_a_full_redis_refuses_instead_of_forgetting(child):
    await child.start()
    async with redis.asyncio.Redis(port=child.port) as client:
        await client.set("first", "kept")
        with pytest.raises(redis.ResponseError, match="maxmemory"):
            for number in range(40):
                await client.set(f"big-{number}", b"x" * 1_000_000)
        assert await client.get("first") == b"kept"


async def test_it_listens_to_this_machine_only(child):
    await child.start()
    async with redis.asyncio.Redis(port=child.port) as client:
        assert (await client.config_get("bind"))["bind"] == "127.0.0.1"
        assert (await client.config_get("appendonly"))["appendonly"] == "yes"


async def test_a_foreign_redis_on_the_port_is_not_taken_over(child, tmp_path):
    await child.start()
    stranger = RedisChild(Settings(home=tmp_path / "other", redis=Redis(port=child.port)))
    with pytest.raises(ChildFailed, match="taken by another"):
        await stranger.start()
    assert child.child.running


async def test_a_redis_that_cannot_start_says_why(child):
    child.folder.mkdir(parents=True)
    (child.folder / "appendonlydir").write_text("in the way")
    with pytest.raises(ChildFailed, match="Redis ended at once"):
        await child.start()
