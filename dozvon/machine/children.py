"""A program that outlives us: started in a session of its own, found again by its pid file.

Calls must not end because the daemon did. So Asterisk and Redis are not tied to the process that started
them; a new daemon adopts what is running, if it is really what the pid file says.
"""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path

POLL_S = 0.05
LOG_BYTES_MAX = 10_000_000


class ChildFailed(Exception):
    """A program did not start, did not become ready or ended by itself; the text says which and why."""


def free_port(host: str = "127.0.0.1", kind: int = socket.SOCK_STREAM) -> int:
    """A port that was free a moment ago."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])


def alive(pid: int, marker: str) -> bool:
    """Is ``pid`` running, not a zombie, and started with ``marker`` in its command line?"""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return False
    return state != "Z" and marker.encode() in command


class Child:
    """One program. ``marker`` is a text of its command line that no other program has."""

    def __init__(self, name: str, command: Sequence[str], pid_file: Path, marker: str, log: Path) -> None:
        self.name = name
        self.command = list(command)
        self.pid_file = pid_file
        self.marker = marker
        self.log = log
        self.environment: Mapping[str, str] | None = None
        self.adopted = False
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """0 when it is not running."""
        if self._process is not None:
            return self._process.pid if self._process.poll() is None else 0
        try:
            pid = int(self.pid_file.read_text())
        except (OSError, ValueError):
            return 0
        return pid if pid > 0 and alive(pid, self.marker) else 0

    @property
    def running(self) -> bool:
        return self.pid != 0

    async def start(self, ready: Callable[[], Awaitable[bool]], timeout_s: float) -> None:
        """Start it, or adopt the one that runs already, and wait until ``ready()``; raises ChildFailed."""
        self.adopted = self.running
        if not self.adopted:
            self._spawn()
        deadline = time.monotonic() + timeout_s
        while True:
            if await ready():
                return
            if not self.running and self.adopted:  # it was just dying when it looked alive
                self.adopted = False
                self._spawn()
            elif not self.running:
                raise ChildFailed(f"{self.name} ended at once; its last words: {self.last_words()}")
            if time.monotonic() > deadline:
                raise ChildFailed(f"{self.name} was not ready after {timeout_s:g} s: {self.last_words()}")
            await asyncio.sleep(POLL_S)

    def _spawn(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        self.pid_file.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_BYTES_MAX:
            self.log.replace(self.log.with_suffix(".old.log"))
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                close_fds=True,
                env=None if self.environment is None else dict(self.environment),
            )
        self.pid_file.write_text(f"{self._process.pid}\n")

    async def stop(self, timeout_s: float = 10.0) -> None:
        """Ask it to end; kill it when it has not after ``timeout_s``."""
        for number, patience_s in ((signal.SIGTERM, timeout_s), (signal.SIGKILL, 5.0)):
            pid = self.pid
            if not pid:
                break
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                break
            deadline = time.monotonic() + patience_s
            while self.running and time.monotonic() < deadline:  # noqa: ASYNC110 - a process ends
                await asyncio.sleep(POLL_S)
        self._process = None
        self.pid_file.unlink(missing_ok=True)

    def last_words(self) -> str:
        try:
            with self.log.open("rb") as handle:
                handle.seek(max(0, self.log.stat().st_size - 600))
                return " / ".join(handle.read().decode("utf-8", "replace").split("\n")[-4:]).strip(" /")
        except OSError:
            return "(no log)"
