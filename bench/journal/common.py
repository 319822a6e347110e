"""A Redis of the bench's own, and a process that leads."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

LEADER = """
import asyncio, sys
from acd.service import DistributorService

async def main():
    service = DistributorService(sys.argv[1], leads=True)
    await service.start()
    while not service.leading:
        await asyncio.sleep(0.005)
    print("leading", flush=True)
    await asyncio.sleep(3600)

asyncio.run(main())
"""


@contextlib.contextmanager
def redis_server() -> Iterator[str]:
    """Durable as the hotline's own (append-only file, every second); its address."""
    folder = Path(tempfile.mkdtemp(prefix="dozvon-bench-"))
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [
            *("redis-server", "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder)),
            *("--save", "", "--appendonly", "yes", "--appendfsync", "everysec", "--loglevel", "warning"),
        ],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 0.2).close()
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        process.wait(10)
        shutil.rmtree(folder, ignore_errors=True)


class LeaderProcess:
    """Leads in a process of its own, as a second daemon would."""

    def __init__(self, url: str) -> None:
        self.process = subprocess.Popen([sys.executable, "-c", LEADER, url], stdout=subprocess.PIPE)
        assert self.process.stdout
        for line in self.process.stdout:
            if line.strip() == b"leading":
                return
        raise RuntimeError("the leader did not start")

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)
        assert self.process.stdout
        self.process.stdout.close()


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile; ``share`` 0..1."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, max(0, -int(-share * len(ordered) // 1) - 1))]


def row(name: str, values: Sequence[float]) -> str:
    p50, p95, p99 = (percentile(values, share) * 1000 for share in (0.5, 0.95, 0.99))
    return f"{name:<34}{len(values):>7}{p50:>9.2f}{p95:>9.2f}{p99:>9.2f}{max(values) * 1000:>9.2f}"


HEADER = f"{'milliseconds':<34}{'n':>7}{'p50':>9}{'p95':>9}{'p99':>9}{'max':>9}"
