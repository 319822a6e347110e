"""Connections, transactions and the schema. SQLite in WAL mode, or PostgreSQL through asyncpg.

On SQLite a writing transaction takes the write lock at its start (BEGIN IMMEDIATE): a transaction that
read first and wrote later could not wait for the lock and would fail at once. ``busy_timeout`` makes it
wait; it is shorter than the limit of a whole operation, so that the database's own word comes first.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, event, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, IntegrityError, ProgrammingError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from desk.contract import DeskUnavailable

_MIGRATIONS = Path(__file__).resolve().parent / "migrations"
_MIGRATION_LOCK = 0x445A56  # any number that is ours alone in this PostgreSQL database
_POOL_SIZE = 8


class BadUrl(ValueError):
    """The database's URL cannot be used; the text does not repeat it, as it may hold a password."""


class Database:
    def __init__(self, url: str, timeout_s: float) -> None:
        """Nothing is opened yet. Raises BadUrl."""
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):
            raise BadUrl("the database's URL cannot be read") from None
        if parsed.get_backend_name() not in {"sqlite", "postgresql"}:
            raise BadUrl(f"unknown kind of database: {parsed.get_backend_name()}")
        self.is_sqlite = parsed.get_backend_name() == "sqlite"
        if self.is_sqlite and parsed.database in (None, "", ":memory:"):
            raise BadUrl("the desk needs a database file")
        self._url = _with_async_driver(parsed)
        self._timeout_s = timeout_s
        self._engine: AsyncEngine | None = None
        self._usable = False  # the schema is known to be up to date

    async def start(self) -> None:
        """Connect and bring the schema up to date. Raises DeskUnavailable."""
        if self.is_sqlite:
            _make_private_file(self._url)
            await asyncio.to_thread(_use_wal, str(self._url.database), self._timeout_s)
        if self._engine is None:
            self._engine = self._make_engine()
        await self.migrate("head")
        self._usable = True

    async def stop(self) -> None:
        self._usable = False
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None

    async def migrate(self, revision: str) -> None:
        """``head``, ``base`` or a revision, up or down; two processes may call this at once."""
        async with self._guarded(timeout_s=60), self._writing() as connection:
            if not self.is_sqlite:
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            await connection.run_sync(_migrate, revision)

    @contextlib.asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncSession]:
        """A session for queries. Raises DeskUnavailable."""
        self._check_usable()
        async with (
            self._guarded(self._timeout_s),
            self._connected() as connection,
            AsyncSession(connection, expire_on_commit=False) as session,
        ):
            yield session

    @contextlib.asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncSession]:
        """A session whose changes are committed at the end. Raises DeskUnavailable."""
        self._check_usable()
        async with (
            self._guarded(self._timeout_s),
            self._writing() as connection,
            AsyncSession(connection, expire_on_commit=False) as session,
        ):
            yield session
            await session.flush()

    def _check_usable(self) -> None:
        """Without its tables a database would answer with faults of ours; it is simply not there yet."""
        if not self._usable:
            raise DeskUnavailable("the desk is not started")

    @contextlib.asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        if self._engine is None:
            raise DeskUnavailable("the desk is not started")
        async with self._engine.connect() as connection:
            yield connection

    @contextlib.asynccontextmanager
    async def _writing(self) -> AsyncIterator[AsyncConnection]:
        async with self._connected() as connection:
            await connection.execution_options(desk_writes=True)
            async with connection.begin():
                yield connection

    @contextlib.asynccontextmanager
    async def _guarded(self, timeout_s: float) -> AsyncIterator[None]:
        """Everything that means "not just now" becomes DeskUnavailable; a wrong statement stays a fault."""
        try:
            async with asyncio.timeout(timeout_s):
                yield
        except (IntegrityError, ProgrammingError):
            raise
        except (DBAPIError, PoolTimeout, sqlite3.Error) as error:
            raise DeskUnavailable(_first_line(error)) from error
        except TimeoutError as error:
            raise DeskUnavailable("the database did not answer in time") from error
        except OSError as error:  # asyncpg: connection refused, name not found
            raise DeskUnavailable(_first_line(error)) from error

    def _make_engine(self) -> AsyncEngine:
        if self.is_sqlite:
            busy_ms = int(self._timeout_s * 700)
            engine = create_async_engine(
                self._url, pool_size=_POOL_SIZE, max_overflow=0, pool_timeout=self._timeout_s
            )
            _prepare_sqlite(engine, busy_ms)
            return engine
        return create_async_engine(
            self._url,
            pool_size=_POOL_SIZE,
            max_overflow=0,
            pool_timeout=self._timeout_s,
            pool_pre_ping=True,
            connect_args={
                "timeout": self._timeout_s,
                "server_settings": {
                    "application_name": "dozvon",
                    "statement_timeout": str(int(self._timeout_s * 1000)),
                    "idle_in_transaction_session_timeout": "60000",
                },
            },
        )


def _prepare_sqlite(engine: AsyncEngine, busy_ms: int) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _on_connect(connection: Any, _record: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={busy_ms}")
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")  # a ticket that was read out to a caller is on disk
        cursor.execute("PRAGMA secure_delete=ON")  # a deleted record leaves no bytes in free pages
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _on_begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("desk_writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _migrate(connection: Connection, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    if revision == "base":
        command.downgrade(config, revision)
    else:
        command.upgrade(config, revision)


def _with_async_driver(url: URL) -> URL:
    driver = "sqlite+aiosqlite" if url.get_backend_name() == "sqlite" else "postgresql+asyncpg"
    return url.set(drivername=driver)


def _make_private_file(url: URL) -> None:
    """0600 before SQLite opens it; its WAL and shared-memory files take the same mode."""
    file = Path(str(url.database))
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, 0o600))
    except OSError as error:
        raise DeskUnavailable(f"{file}: {error.strerror}") from error


def _use_wal(file: str, timeout_s: float) -> None:
    """Once, before the pool does it for each connection: of two processes that switch a new file at the same
    moment SQLite turns one away at once, whatever its busy timeout. Raises DeskUnavailable."""
    deadline = time.monotonic() + timeout_s
    while True:
        try:
            with contextlib.closing(sqlite3.connect(file, timeout=timeout_s)) as connection:
                connection.execute("PRAGMA journal_mode=WAL")
                return
        except sqlite3.Error as error:
            if time.monotonic() > deadline:
                raise DeskUnavailable(_first_line(error)) from error
            time.sleep(0.02)


def _first_line(error: BaseException) -> str:
    cause = getattr(error, "orig", None) or error
    return (str(cause) or type(cause).__name__).splitlines()[0]
