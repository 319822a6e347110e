"""The whole hotline for a test: the daemon as ``dozvon up`` starts it, its log, its API, its figures."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import redis
import yaml

from dozvon.client import ask
from dozvon.commands.closures import declare
from dozvon.settings import ROOT, Settings
from dozvon.supervisor import DaemonChild

NUMBER = "88005553535"
OPEN, CLOSED = True, False


class Hotline:
    """``dozvon serve`` on a copy of config/ with a test's ports. ``lines``: the log since ``mark``."""

    def __init__(self, settings: Settings) -> None:
        self.config = settings.home / "config"
        shutil.rmtree(self.config, ignore_errors=True)
        shutil.copytree(ROOT / "config", self.config)
        raw = json.loads(settings.model_dump_json())
        (self.config / "dozvon.yaml").write_text(yaml.safe_dump(raw), "utf-8")
        # Tests do not wait for an agent's notes, nor for long rings.
        rules_file = self.config / "rules.yaml"
        rules = yaml.safe_load(rules_file.read_text("utf-8")) if rules_file.exists() else {}
        rules |= {"wrap_up_s": 1, "ring_s": 4, "declined_pause_s": 2, "no_answer_pause_s": 2}
        rules["unreachable_pause_s"] = 2
        for topic in rules.get("topics", {}).values():
            topic.pop("wrap_up_s", None)
        rules_file.write_text(yaml.safe_dump(rules, allow_unicode=True), "utf-8")
        self.settings = settings.model_copy(update={"config": self.config})
        self.log_file = settings.home / "log" / "dozvon.jsonl"
        # What an earlier hotline of this run wrote, and learnt about waiting, is not this one's.
        self.log_file.unlink(missing_ok=True)
        with closing(redis.Redis(port=settings.redis.port)) as journal:
            journal.flushall()
        self.daemon = DaemonChild(self.settings)
        self._position = 0
        self._open: bool | None = None

    # ------------------------------------------------------------------------------------- the daemon
    async def start(self) -> None:
        await self.daemon.start()

    async def stop(self) -> None:
        await self.daemon.stop()

    def kill(self) -> None:
        """As by the kernel's out-of-memory killer."""
        os.kill(self.daemon.child.pid, signal.SIGKILL)
        self.daemon.child._process.wait()  # reaped: it is really gone
        self.daemon = DaemonChild(self.settings)

    async def hours(self, open_: bool, until: str = "2099-01-01T00:00") -> None:
        """Open or closed from now on, whatever the clock says; returns when the daemon has taken it."""
        if open_ == self._open:
            return
        self._open = open_
        seen = len(self._taken())
        (self.settings.home / "hours-extra.yaml").unlink(missing_ok=True)
        declare(self.settings, open_, "2020-01-01T00:00", until, {})
        deadline = time.monotonic() + 10
        while self.daemon.child.running and len(self._taken()) == seen:
            assert time.monotonic() < deadline, "the daemon does not look at its hours"
            await asyncio.sleep(0.05)

    def _taken(self) -> list[dict[str, Any]]:
        if not self.log_file.exists():
            return []
        lines = self.log_file.read_text("utf-8").splitlines()
        return [line for line in lines if '"what": "hours"' in line]

    # ------------------------------------------------------------------------------------- what it says
    def mark(self) -> None:
        """Forget the log so far."""
        self._position = self.log_file.stat().st_size if self.log_file.exists() else 0

    @property
    def lines(self) -> list[dict[str, Any]]:
        with self.log_file.open("rb") as handle:
            handle.seek(self._position)
            return [json.loads(raw) for raw in handle if raw.endswith(b"\n")]

    def said(self, prompt: str) -> dict[str, Any] | None:
        """The first time that a prompt with this beginning was said since ``mark``."""
        for line in self.lines:
            if line.get("action") == "said" and any(p.startswith(prompt) for p in line["prompts"]):
                return line
        return None

    def ended(self) -> dict[str, Any] | None:
        """The summary line of the call that ended since ``mark``."""
        return self.of("call_ended")

    def of(self, action: str) -> dict[str, Any] | None:
        """The first line of this kind since ``mark``."""
        return next((line for line in self.lines if line.get("action") == action), None)

    async def api(self, path: str, method: str = "GET", body: object = None) -> Any:
        return await asyncio.to_thread(ask, self.settings, path, method, body)

    async def calls(self) -> list[dict[str, Any]]:
        return list((await self.api("/calls"))["items"])

    async def agent(self, agent_id: str) -> dict[str, Any]:
        return dict(await self.api(f"/agents/{agent_id}"))

    async def ready(self) -> bool:
        """The journal is reached, the agents are known, nobody is in a call."""
        try:
            agents = await self.api("/agents")
            return bool(agents["connected"] and agents["items"] and not await self.calls())
        except Exception:
            return False

    async def cancel_callbacks(self) -> None:
        """Those that a test has left; who was on a line is not any more, phones end with their test."""
        for each in (await self.api("/callbacks"))["items"]:
            if each["status"] == "waiting":
                await self.api(f"/callbacks/{each['callback_id']}", "DELETE")

    def show(self, count: int = 30) -> None:
        """The last lines of the log, for a test that failed."""
        for line in self.lines[-count:]:
            shown = (f"{k}={v}" for k, v in line.items() if k not in ("level", "event", "path"))
            print(" ".join(shown)[:300])

    async def status(self, agent_id: str, status: str) -> None:
        await self.api(f"/agents/{agent_id}", "PATCH", {"status": status})

    async def spooled(self) -> list[Path]:
        return list(self.settings.spool.glob("*.json"))
