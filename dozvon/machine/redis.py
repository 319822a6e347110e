"""A Redis of our own: child process, folder in ``home``, loopback only, never the system's service."""

from __future__ import annotations

import asyncio
import shutil

from dozvon.machine.children import Child, ChildFailed
from dozvon.settings import Settings

_READY_TIMEOUT_S = 20.0
_REPLY_TIMEOUT_S = 1.0


class RedisChild:
    """Starts Redis, or adopts the one that a former daemon started. Its data are the callers' places in the
    queue, so every write is on disk within a second and nothing is ever evicted: a full Redis refuses."""

    def __init__(self, settings: Settings) -> None:
        program = shutil.which("redis-server") or "redis-server"
        self.port = settings.redis.port
        self.folder = settings.home.absolute() / "redis"
        self.config = self.folder / "redis.conf"
        self._maxmemory_mb = settings.redis.maxmemory_mb
        self.child = Child(
            "Redis",
            [program, str(self.config)],
            pid_file=self.folder / "child.pid",
            # Redis rewrites its command line to "redis-server 127.0.0.1:PORT".
            marker=f"127.0.0.1:{self.port}",
            log=self.folder / "redis.log",
        )

    async def start(self) -> None:
        """Raises ChildFailed: not installed, port taken, damaged files."""
        if shutil.which("redis-server") is None:
            raise ChildFailed("redis-server is not installed (Debian package redis-server)")
        if not self.child.running:
            if await self._answers():
                raise ChildFailed(f"port {self.port} is taken by another Redis; choose another redis.port")
            self._write_config()
        await self.child.start(self._answers, _READY_TIMEOUT_S)

    async def stop(self) -> None:
        await self.child.stop()

    def _write_config(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.config.write_text(
            "\n".join(
                (
                    "# Written by Dozvon at each start.",
                    "bind 127.0.0.1",
                    f"port {self.port}",
                    "protected-mode yes",
                    "daemonize no",
                    "supervised no",
                    f'dir "{self.folder}"',
                    "appendonly yes",
                    "appendfsync everysec",
                    'save ""',
                    f"maxmemory {self._maxmemory_mb}mb",
                    "maxmemory-policy noeviction",
                    "maxclients 500",
                    "timeout 0",
                    "tcp-keepalive 30",
                    "",
                )
            ),
            "utf-8",
        )

    async def _answers(self) -> bool:
        return await redis_answers("127.0.0.1", self.port)


async def redis_answers(host: str, port: int) -> bool:
    """PONG, and not while it still reads its files in."""
    try:
        async with asyncio.timeout(_REPLY_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write(b"PING\r\n")
                await writer.drain()
                return (await reader.readline()).strip() == b"+PONG"
            finally:
                writer.close()
    except (OSError, TimeoutError):
        return False
