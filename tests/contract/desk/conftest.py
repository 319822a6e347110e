"""The desk on both databases: SQLite in a file, and a PostgreSQL cluster of our own on a free port.

PostgreSQL refuses to run as root, so as root its programs run as ``postgres`` (or ``nobody``).
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg
import pytest

from desk.store import SqlDesk
from desk.vault import Vault

_BINARIES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))


class PostgresCluster:
    def __init__(self) -> None:
        assert _BINARIES, "PostgreSQL's server is not installed (Debian package postgresql)"
        self._bin = _BINARIES[-1]
        self.folder = Path(tempfile.mkdtemp(prefix="dozvon-pg-"))
        self._user = _unprivileged() if os.geteuid() == 0 else ""
        if self._user:
            owner = pwd.getpwnam(self._user)
            os.chown(self.folder, owner.pw_uid, owner.pw_gid)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self._run(
            "initdb", "-D", str(self.folder / "data"), "-A", "trust", "-U", "desk", "-E", "UTF8", "--no-sync"
        )
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -k {self.folder} -c fsync=off"
        self._run(
            "pg_ctl",
            "-D",
            str(self.folder / "data"),
            "-w",
            "-t",
            "30",
            "-l",
            f"{self.folder}/log",
            "-o",
            options,
            "start",
        )

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-w", "-m", "immediate", "stop")

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    async def new_database(self) -> str:
        name = f"desk_{uuid.uuid4().hex[:12]}"
        connection = await asyncpg.connect(f"postgresql://desk@127.0.0.1:{self.port}/postgres")
        try:
            await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()
        return f"postgresql+asyncpg://desk@127.0.0.1:{self.port}/{name}"

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self._bin / program), *arguments]
        if self._user:
            command = [
                "setpriv",
                f"--reuid={self._user}",
                f"--regid={self._user_group()}",
                "--clear-groups",
                *command,
            ]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.folder,
            env={"PATH": os.environ["PATH"]},
        )
        assert done.returncode == 0, f"{program}: {done.stderr or done.stdout}"

    def _user_group(self) -> str:
        return str(pwd.getpwnam(self._user).pw_gid)


def _unprivileged() -> str:
    for name in ("postgres", "nobody"):
        try:
            pwd.getpwnam(name)
        except KeyError:
            continue
        return name
    raise AssertionError("there is no user as whom PostgreSQL could run")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresCluster]:
    cluster = PostgresCluster()
    yield cluster
    cluster.remove()


@dataclass
class Clock:
    now_ms: int = 1_800_000_000_000

    def __call__(self) -> int:
        return self.now_ms


@dataclass
class Place:
    """Where a desk keeps its things; ``desk()`` opens one more on the same things."""

    url: str
    folder: Path
    clock: Clock = field(default_factory=Clock)
    opened: list[SqlDesk] = field(default_factory=list)

    def desk(self, **options: object) -> SqlDesk:
        desk = SqlDesk(
            self.url,
            Vault.open(self.folder / "keys.json"),
            self.folder / "kept",
            clock_ms=self.clock,
            **options,  # type: ignore[arg-type]
        )
        self.opened.append(desk)
        return desk

    async def close(self) -> None:
        for desk in self.opened:
            await desk.stop()


@pytest.fixture
async def sqlite_place(tmp_path: Path) -> AsyncIterator[Place]:
    place = Place(f"sqlite+aiosqlite:///{tmp_path}/desk.sqlite3", tmp_path)
    yield place
    await place.close()


@pytest.fixture
async def postgres_place(tmp_path: Path, postgres: PostgresCluster) -> AsyncIterator[Place]:
    place = Place(await postgres.new_database(), tmp_path)
    yield place
    await place.close()


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest) -> Place:
    found: Place = request.getfixturevalue(f"{request.param}_place")
    return found


@pytest.fixture
async def desk(place: Place) -> SqlDesk:
    desk = place.desk()
    await desk.start()
    return desk
