"""A fault that kills a task of the distributor: it goes on; faults without end make the daemon end."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from acd import tasks
from acd.contract import CallQueued
from dozvon.machine.children import free_port
from dozvon.settings import ROOT

from .conftest import Making, RedisServer, eventually, next_offer, roster_of


def failing(real: Callable[..., Any], times: int) -> Callable[..., Any]:
    """Raises what nobody has thought of, so many times, and works then."""
    left = [times]

    def call(*arguments: Any) -> Any:
        if left[0]:
            left[0] -= 1
            raise LookupError("a fault of ours")
        return real(*arguments)

    return call


@pytest.mark.parametrize(
    "where",
    ["_follower._take", "_leadership._on_pulse", "_sender._outbox.confirm", "_chores._sweep"],
)
async def test_a_task_that_dies_begins_again_and_loses_nothing(
    making: Making, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr(tasks, "FIRST_PAUSE_S", 0.02)
    node = making(node="n1", leads=True, roster=roster_of(3))
    await node.start()
    await eventually(lambda: node.leading and len(node.snapshot().agents) == 3)
    orders = node.commands("n1")
    part: Any = node
    *path, method = where.split(".")
    for name in path:
        part = getattr(part, name)
    monkeypatch.setattr(part, method, failing(getattr(part, method), 2))
    for number in range(3):
        await node.report(CallQueued(f"c{number}", "n1", "hotline", "t"))
    offers = [await next_offer(orders) for _ in range(3)]
    assert {offer.call_id for offer in offers} == {"c0", "c1", "c2"}
    await eventually(lambda: node.counts()["task_deaths"] == 2 and node.connected)
    assert not node.broken.is_set()


async def test_faults_without_end_are_told(making: Making, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "FIRST_PAUSE_S", 0.01)
    node = making(node="n1", leads=True)
    monkeypatch.setattr(node._leadership, "_beat", failing(lambda: None, 1_000))
    await node.start()
    async with asyncio.timeout(5):
        await node.broken.wait()
    assert not node.connected


BROKEN_DAEMON = """
from acd.service.leadership import Leadership

def beat(self):
    raise LookupError("a fault of ours")

Leadership._beat = beat
from dozvon.commands.serve import cli
cli(["--console"])
"""


def test_the_daemon_ends_so_that_it_is_started_anew(redis_server: RedisServer, tmp_path: Path) -> None:
    config = tmp_path / "config"
    config.mkdir()
    for source in (ROOT / "config").iterdir():
        (config / source.name).symlink_to(source)
    (config / "dozvon.yaml").unlink()
    own = {
        "home": str(tmp_path / "home"),
        "redis": {"url": redis_server.url},
        "agi": {"port": free_port()},
        "web": {"port": free_port()},
        "asterisk": {"ami_port": free_port(), "manage": False},
        "speech": {"enabled": False},
    }
    (config / "dozvon.yaml").write_text(yaml.safe_dump(own), "utf-8")
    done = subprocess.run(
        [sys.executable, "-c", BROKEN_DAEMON],
        env={**os.environ, "DOZVON_CONFIG": str(config), "DOZVON_HOME": str(tmp_path / "home")},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1, done.stderr[-2000:]
    assert "daemon_broken" in done.stdout + done.stderr
