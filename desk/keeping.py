"""Recordings in the desk's keeping: sealed files, two folders deep, named by a random id.

Taking a file in: sealed copy written and synced under a temporary name, renamed, and only after the
database knows it is the original removed. A crash or a lost answer of the database in between leaves a sealed
file without a ticket, which ``sweep`` removes after a day, or an original that the next import finds to be
taken already (desk.taking).
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from desk.vault import CHUNK_BYTES, SEALED_CHUNK_BYTES, STREAM_HEAD_BYTES, Vault

log = structlog.get_logger(__name__)
MEDIA_TYPES = {
    ".wav": "audio/wav",
    ".alaw": "audio/x-alaw-basic",  # raw 8 kHz A-law, as Asterisk names it
    ".ulaw": "audio/basic",
    ".ogg": "audio/ogg",
}
_ID = re.compile(r"[0-9a-f]{32}")
_ORPHAN_AGE_S = 24 * 3600


class RecordingRefused(Exception):
    """The recording cannot be taken: ``empty``, ``too_large``, ``missing`` or ``unreadable``."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Kept:
    recording_id: str
    media_type: str
    size_bytes: int


class Keeping:
    def __init__(self, folder: Path, vault: Vault, max_bytes: int) -> None:
        self.folder = folder
        self._vault = vault
        self._max_bytes = max_bytes

    async def take(self, original: Path) -> Kept:
        """Seal a copy. Raises RecordingRefused, or OSError when it cannot be written (disk full)."""
        return await asyncio.to_thread(self._take, original)

    def _take(self, original: Path) -> Kept:
        try:
            with original.open("rb") as source:
                size = os.fstat(source.fileno()).st_size
                if size == 0:
                    raise RecordingRefused("empty")
                if size > self._max_bytes:
                    raise RecordingRefused("too_large")
                recording_id = secrets.token_hex(16)
                return Kept(
                    recording_id,
                    MEDIA_TYPES.get(original.suffix.lower(), "application/octet-stream"),
                    self._write_sealed(iter(partial(source.read, CHUNK_BYTES), b""), recording_id),
                )
        except FileNotFoundError:
            raise RecordingRefused("missing") from None
        except (PermissionError, IsADirectoryError):
            raise RecordingRefused("unreadable") from None

    def _write_sealed(self, chunks: Iterator[bytes], recording_id: str) -> int:
        final = self.path(recording_id)
        final.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        fresh = final.with_suffix(".part")
        sealer = self._vault.sealer(f"recording:{recording_id}")
        written = 0
        try:
            descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "wb") as out:
                out.write(sealer.head)
                chunk = next(chunks, b"")
                while chunk:
                    following = next(chunks, b"")
                    out.write(sealer.chunk(chunk, last=not following))
                    written += len(chunk)
                    if written > self._max_bytes:  # the file is still growing
                        raise RecordingRefused("too_large")
                    chunk = following
                out.flush()
                os.fsync(out.fileno())
            fresh.replace(final)
            folder = os.open(final.parent, os.O_RDONLY)
            try:
                os.fsync(folder)  # the name, too, before the original goes
            finally:
                os.close(folder)
        except BaseException:
            fresh.unlink(missing_ok=True)
            raise
        return written

    def holds(self, recording_id: str) -> bool:
        return self.path(recording_id).is_file()

    async def read(self, recording_id: str) -> AsyncIterator[bytes]:
        """The recording in pieces of at most CHUNK_BYTES. Raises VaultError, FileNotFoundError."""
        sealed = await asyncio.to_thread(self.path(recording_id).open, "rb")
        try:
            head = await asyncio.to_thread(sealed.read, STREAM_HEAD_BYTES)
            opener = self._vault.opener(head, f"recording:{recording_id}")
            chunk = await asyncio.to_thread(sealed.read, SEALED_CHUNK_BYTES)
            while chunk:
                following = await asyncio.to_thread(sealed.read, SEALED_CHUNK_BYTES)
                yield opener.chunk(chunk, last=not following)
                chunk = following
        finally:
            sealed.close()

    async def reseal(self, recording_id: str) -> bool:
        """Rewrite a file under the current key; False when it already is, or is gone."""
        return await asyncio.to_thread(self._reseal, recording_id)

    def _reseal(self, recording_id: str) -> bool:
        path = self.path(recording_id)
        try:
            with path.open("rb") as sealed:
                head = sealed.read(STREAM_HEAD_BYTES)
        except FileNotFoundError:
            return False
        if self._vault.key_id_of(head) == self._vault.current_key_id:
            return False
        self._write_sealed(self._opened(recording_id), recording_id)
        return True

    def _opened(self, recording_id: str) -> Iterator[bytes]:
        with self.path(recording_id).open("rb") as sealed:
            opener = self._vault.opener(sealed.read(STREAM_HEAD_BYTES), f"recording:{recording_id}")
            chunk = sealed.read(SEALED_CHUNK_BYTES)
            while chunk:
                following = sealed.read(SEALED_CHUNK_BYTES)
                yield opener.chunk(chunk, last=not following)
                chunk = following

    async def remove(self, recording_id: str) -> bool:
        return await asyncio.to_thread(self._remove, recording_id)

    def _remove(self, recording_id: str) -> bool:
        try:
            self.path(recording_id).unlink()
        except FileNotFoundError:
            return False
        return True

    async def sweep(self, known: frozenset[str], now_s: float | None = None) -> int:
        """Remove sealed files of no ticket, a day old or older (a younger one may be on its way)."""
        return await asyncio.to_thread(self._sweep, known, time.time() if now_s is None else now_s)

    def _sweep(self, known: frozenset[str], now_s: float) -> int:
        files = self.folder.glob("??/*")
        return remove_orphans((f for f in files if f.suffix != ".sealed" or f.stem not in known), now_s)

    def path(self, recording_id: str) -> Path:
        if not _ID.fullmatch(recording_id):
            raise ValueError(f"not a recording's id: {recording_id!r}")
        return self.folder / recording_id[:2] / f"{recording_id}.sealed"


def remove_orphans(files: Iterable[Path], now_s: float) -> int:
    """Remove those that are a day old or older; how many were."""
    removed = 0
    for path in files:
        try:
            if now_s - path.stat().st_mtime >= _ORPHAN_AGE_S:
                path.unlink()
                removed += 1
        except FileNotFoundError:
            continue
    return removed


async def remove_original(path: str) -> None:
    try:
        await asyncio.to_thread(Path(path).unlink, missing_ok=True)
    except OSError as error:
        log.warning("original not removed", action="original_not_removed", error=error.strerror)
