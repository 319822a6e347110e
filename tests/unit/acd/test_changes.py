"""A rules file that cannot be used while the daemon runs: said with file and line, the old one stays."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from structlog.testing import capture_logs

from acd.contract import Event
from dozvon import changes
from dozvon.settings import load

ROOT = Path(__file__).resolve().parents[3]


async def soon(condition: Callable[[], bool]) -> None:
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    pytest.fail("it did not come about")


async def test_the_old_rules_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(ROOT / "config", tmp_path / "config")
    monkeypatch.setenv("DOZVON_CONFIG", str(tmp_path / "config"))
    monkeypatch.setattr(changes, "EVERY_S", 0.01)
    told: list[Event] = []

    async def report(event: Event) -> None:
        told.append(event)

    nobody = cast(Any, None)
    watch = changes.Changes(load(), nobody, nobody, cast(Any, SimpleNamespace(report=report)))
    file = tmp_path / "config/rules.yaml"
    good = file.read_text("utf-8")
    with capture_logs() as logs:
        running = asyncio.create_task(watch.run())
        try:
            for text, fault in (
                ("queues: &q {main: {overflow: *q}}\n", "1: anchors"),
                (good.replace('version: "1"', f'version: "{"1" * 300_000}"'), "1: the journal cannot hold"),
            ):
                file.write_text(text, "utf-8")
                await soon(lambda: any(f"{file}:{fault}" in str(line.get("why")) for line in logs))  # noqa: B023
            assert told == [] and not any(line["action"] == "reloaded" for line in logs)
            file.write_text(good.replace("target_s: 120", "target_s: 90"), "utf-8")
            await soon(lambda: bool(told))
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
