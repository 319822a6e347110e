"""A snapshot: the state at an entry, so that a start need not replay the whole day.

Bytes: one line of JSON (version, entry id, generation, CRC-32 of the rest), then the state as JSON,
compressed. A snapshot that cannot be read is passed over: the one before it and the entries since then
give the same state.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

import msgspec

VERSION: Final = 1
MAX_STATE_BYTES: Final = 256_000_000  # unpacked; 20,000 agents and 5,000 calls are about 10 MB


class BadSnapshot(Exception):
    """The snapshot is damaged or of an unknown version."""


class _Head(msgspec.Struct):
    v: int
    id: str
    generation: str
    crc: int


@dataclass(frozen=True, slots=True)
class Snapshot:
    entry_id: str  # the last entry that the state has taken in
    generation: str
    state: dict[str, Any]


def pack(snapshot: Snapshot) -> bytes:
    body = zlib.compress(msgspec.json.encode(snapshot.state), level=1)
    head = _Head(VERSION, snapshot.entry_id, snapshot.generation, zlib.crc32(body))
    return msgspec.json.encode(head) + b"\n" + body


def unpack(data: bytes) -> Snapshot:
    """Raises BadSnapshot."""
    line, _, body = data.partition(b"\n")
    try:
        head = msgspec.json.decode(line, type=_Head)
        if head.v != VERSION:
            raise BadSnapshot(f"version {head.v}")
        if zlib.crc32(body) != head.crc:
            raise BadSnapshot("checksum")
        unpacker = zlib.decompressobj()
        raw = unpacker.decompress(body, MAX_STATE_BYTES)
        if unpacker.unconsumed_tail:
            raise BadSnapshot("too long")
        state = msgspec.json.decode(raw, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, zlib.error) as error:
        raise BadSnapshot(str(error)) from None
    return Snapshot(head.id, head.generation, state)


def entry_id_of(data: bytes) -> str:
    """The entry of a packed snapshot; "" when it cannot be read."""
    try:
        return msgspec.json.decode(data.partition(b"\n")[0], type=_Head).id
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def newest(found: Iterable[bytes]) -> tuple[Snapshot | None, int]:
    """The first readable one and how many unreadable ones were passed over."""
    bad = 0
    for data in found:
        try:
            return unpack(data), bad
        except BadSnapshot:
            bad += 1
    return None, bad
