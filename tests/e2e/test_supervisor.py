"""The supervisor and its children: real programs, a real hang."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time

import pytest

from dozvon import supervisor as module
from dozvon.machine.children import Child
from dozvon.supervisor import AlreadyUp, Supervisor, alone

pytestmark = pytest.mark.e2e
SERVER = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers()
    def log_message(self, *args): pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""


@pytest.fixture
async def part(settings, tmp_path, monkeypatch):
    """A daemon that only answers /healthz, under the supervisor."""
    monkeypatch.setattr(module, "HEALTH_EVERY_S", 0.2)
    daemon = module.DaemonChild(settings.model_copy(update={"home": tmp_path}))
    command = [sys.executable, "-c", SERVER, str(settings.web.port), str(tmp_path)]
    daemon.child = Child("daemon", command, tmp_path / "pid", str(tmp_path), tmp_path / "log")
    watched = Supervisor({"daemon": daemon}, lambda _line: None)
    await watched.start()
    watching = asyncio.create_task(watched.watch())
    yield daemon.child
    watched._stopping.set()
    await watching
    await watched.stop()


async def started_anew(child, old, timeout_s):
    deadline = time.monotonic() + timeout_s
    while child.pid in (0, old):
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


async def test_who_is_killed_is_started_again(part):
    old = part.pid
    os.kill(old, signal.SIGKILL)
    await started_anew(part, old, 5)


async def test_who_hangs_is_killed_and_started_again(part):
    old = part.pid
    os.kill(old, signal.SIGSTOP)
    try:
        await started_anew(part, old, 20)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(old, signal.SIGKILL)


def test_one_supervisor_an_installation(settings, tmp_path):
    mine = settings.model_copy(update={"home": tmp_path})
    with alone(mine), pytest.raises(AlreadyUp), alone(mine):
        pass
