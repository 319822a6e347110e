"""Bearer tokens: who may call the API, and as what.

A token is ``dzv_`` and 256 random bits; only its SHA-256 is kept (``tokens.json``, mode 0600). A slow hash
would protect guessable secrets; these cannot be guessed. The file is read again when it changes, so that
``dozvon tokens revoke`` acts on a running daemon.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

Rank = Literal["agent", "supervisor", "admin"]
TokenRole = Rank | Literal["front"]
RANKS: tuple[Rank, ...] = ("agent", "supervisor", "admin")  # each may do what those before it may
# A chat front is a program in the open: it stands beside the ranks and may do only what names it.
ROLES: tuple[TokenRole, ...] = (*RANKS, "front")
_LOOK_EVERY_S = 1.0
_MAX_TOKENS = 10_000
_NAME = re.compile(r"[\w .@-]{1,64}")


class TokensError(Exception):
    """The token file is wrong, or a token cannot be made so."""


@dataclass(frozen=True, slots=True)
class Token:
    """``agent_id``: the agent who owns it; with the role ``agent`` it may set this agent's status."""

    id: str
    name: str
    role: TokenRole
    sha256: str
    agent_id: str = ""
    created_ms: int = 0
    expires_ms: int = 0  # 0: never

    def may(self, rank: Rank) -> bool:
        return self.role != "front" and RANKS.index(self.role) >= RANKS.index(rank)


class Tokens:
    def __init__(self, file: Path, clock_s: Callable[[], float] = time.time) -> None:
        self._file = file
        self._clock_s = clock_s
        self._by_hash: dict[str, Token] = {}
        self._stamp: tuple[int, int] | None = None
        self._looked_s = float("-inf")

    def owner(self, secret: str) -> Token | None:
        """Who holds this token; None for an unknown or expired one. Raises TokensError."""
        return self._still(hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest())

    def stands(self, token: Token) -> bool:
        """Whether ``owner`` would still give it: an answer that takes long asks again. Raises TokensError."""
        return self._still(token.sha256) == token

    def _still(self, sha256: str) -> Token | None:
        self._refresh()
        token = self._by_hash.get(sha256)
        if token is None or (token.expires_ms and token.expires_ms <= self._clock_s() * 1000):
            return None
        return token

    def all(self) -> tuple[Token, ...]:
        return tuple(_read(self._file))

    def create(self, name: str, role: TokenRole, *, agent_id: str = "", days: int = 0) -> str:
        """A new token, shown this once. ``days`` 0: it does not expire. Raises TokensError."""
        if not _NAME.fullmatch(name):
            raise TokensError("a token's name has 1 to 64 letters, digits, spaces or . @ - _")
        if role not in ROLES:
            raise TokensError(f"a role is one of {', '.join(ROLES)}")
        if role == "front" and agent_id:
            raise TokensError("a front is no agent: its token has no agent's id")
        secret = "dzv_" + secrets.token_urlsafe(32)
        now_ms = int(self._clock_s() * 1000)
        token = Token(
            id=secrets.token_hex(4),
            name=name,
            role=role,
            sha256=hashlib.sha256(secret.encode()).hexdigest(),
            agent_id=agent_id,
            created_ms=now_ms,
            expires_ms=now_ms + days * 86_400_000 if days else 0,
        )
        with _locked(self._file):
            tokens = _read(self._file)
            if len(tokens) >= _MAX_TOKENS:
                raise TokensError(f"there are {_MAX_TOKENS} tokens already: revoke some")
            _write(self._file, [*tokens, token])
        self._looked_s = float("-inf")
        return secret

    def revoke(self, token_id: str) -> bool:
        """False when there is no such token."""
        with _locked(self._file):
            tokens = _read(self._file)
            left = [token for token in tokens if token.id != token_id]
            if len(left) == len(tokens):
                return False
            _write(self._file, left)
        self._looked_s = float("-inf")
        return True

    def _refresh(self) -> None:
        now = time.monotonic()
        if now - self._looked_s < _LOOK_EVERY_S:
            return
        try:
            status = self._file.stat()
            stamp = (status.st_mtime_ns, status.st_ino)
        except FileNotFoundError:
            stamp = None
        if stamp != self._stamp or stamp is None:
            self._by_hash = {token.sha256: token for token in _read(self._file)}
            self._stamp = stamp
        self._looked_s = now


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    """One writer at a time, over processes."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(file.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read(file: Path) -> list[Token]:
    try:
        entries = json.loads(file.read_text("utf-8"))["tokens"]
        tokens = [Token(**entry) for entry in entries]
        if any(token.role not in ROLES for token in tokens):
            raise ValueError
    except FileNotFoundError:
        return []
    except OSError as error:
        raise TokensError(f"{file}: {error.strerror}") from None
    except (ValueError, TypeError, KeyError):
        raise TokensError(f"{file}: not a file of tokens") from None
    return tokens


def _write(file: Path, tokens: list[Token]) -> None:
    fresh = file.with_suffix(".new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump({"tokens": [asdict(token) for token in tokens]}, out, ensure_ascii=False, indent=1)
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)


def role_of(text: str) -> TokenRole:
    if text not in ROLES:
        raise TokensError(f"a role is one of {', '.join(ROLES)}")
    return text
