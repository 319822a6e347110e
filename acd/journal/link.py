"""The connection to Redis: addresses, time limits, and what its refusals mean to us.

``redis://[user:password@]host:port/db``, ``rediss://…`` (TLS), ``unix:///path`` or
``redis+sentinel://[user:password@]host:port,host:port/master[/db]``.

Redis is asked with a time limit on everything. No request is repeated here: only the caller knows whether
it may be (appending a fact may, under its sequence number; see ``stream``).
"""

from __future__ import annotations

import random
from typing import Any
from urllib.parse import unquote, urlsplit

from redis import exceptions
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff

CONNECT_TIMEOUT_S = 2.0
REPLY_TIMEOUT_S = 2.0
BLOCK_MS = 500  # longest blocking read; well below REPLY_TIMEOUT_S, or an idle stream looks like a dead one


class JournalError(Exception):
    """The journal refused."""


class JournalDown(JournalError):
    """The journal cannot be reached, or does not answer in time."""


class JournalFull(JournalError):
    """Redis takes no more writing: its memory or its disk is full, or it is a read-only replica."""


class BadAddress(Exception):
    """The address of Redis cannot be understood."""


def connect(url: str) -> tuple[Redis, list[Redis]]:
    """A client with a pool of connections, and all clients that have to be closed in the end.

    Nothing is opened before the first request. Raises BadAddress.
    """
    limits: dict[str, Any] = {
        "socket_timeout": REPLY_TIMEOUT_S,
        "socket_connect_timeout": CONNECT_TIMEOUT_S,
        "socket_keepalive": True,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        "max_connections": 64,
    }
    try:
        if url.startswith("redis+sentinel://"):
            return _from_sentinel(url, limits)
        client = Redis.from_url(url, **limits)
        return client, [client]
    except (ValueError, exceptions.RedisError) as error:
        raise BadAddress(f"{_without_password(url)}: {error}") from None


def _from_sentinel(url: str, limits: dict[str, Any]) -> tuple[Redis, list[Redis]]:
    parts = urlsplit(url)
    hosts = []
    for item in parts.netloc.rpartition("@")[2].split(","):
        host, _, port = item.rpartition(":")
        hosts.append((host or item, int(port) if host else 26379))
    master, _, db = parts.path.strip("/").partition("/")
    if not master:
        raise ValueError("the master's name is missing: redis+sentinel://host:26379/mymaster")
    login: dict[str, Any] = {"db": int(db or 0)}
    if "@" in parts.netloc:
        user, _, password = parts.netloc.rpartition("@")[0].partition(":")
        login |= {"username": unquote(user) or None, "password": unquote(password) or None}
    watchers: Any = Sentinel(  # type: ignore[no-untyped-call]
        hosts, sentinel_kwargs={**limits, "max_connections": 4}, **limits, **login
    )
    client: Redis = watchers.master_for(master)
    return client, [client, *watchers.sentinels]


def _without_password(url: str) -> str:
    scheme, mark, rest = url.partition("://")
    return f"{scheme}{mark}{rest.rpartition('@')[2]}"


def meaning_of(error: Exception) -> JournalError:
    """Which of our refusals an error of the client library is."""
    text = str(error)
    if isinstance(error, (exceptions.OutOfMemoryError, exceptions.ReadOnlyError)):
        return JournalFull(text)
    if isinstance(error, exceptions.ResponseError) and text.startswith(
        ("OOM", "MISCONF", "READONLY", "NOREPLICAS", "ERR OOM")
    ):
        return JournalFull(text)
    if isinstance(error, exceptions.ResponseError) and "OOM command not allowed" in text:
        return JournalFull(text)
    return JournalDown(f"{type(error).__name__}: {text}")


ERRORS = (exceptions.RedisError, OSError, TimeoutError)


class Backoff:
    """Pauses between attempts: 50 ms, doubling up to 1 s, each varied by a quarter so that nodes spread.

    The upper bound is small on purpose: callers are waiting, and asking a local Redis once a second costs
    nothing.
    """

    def __init__(self, first_s: float = 0.05, most_s: float = 1.0) -> None:
        self.first_s = first_s
        self.most_s = most_s
        self._next_s = first_s

    def pause_s(self) -> float:
        pause, self._next_s = self._next_s, min(self._next_s * 2, self.most_s)
        return pause * random.uniform(0.75, 1.25)

    def reset(self) -> None:
        self._next_s = self.first_s
