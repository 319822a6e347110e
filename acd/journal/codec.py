"""Events and commands as bytes and back.

One record is one JSON object: ``{"type": class name, "v": 1, **fields}``.

Rules
  * Fields that this version does not know are ignored, fields that are missing take their default: a
    newer writer may add fields without a new version.
  * Everything else that cannot be read raises Undecodable with a reason out of a fixed list, so that the
    caller can count it and go on. A journal with a strange record must never stop the hotline.
"""

from __future__ import annotations

from typing import Final, Literal, TypeVar

import msgspec

from acd import contract
from acd.contract import Command, Event

VERSION: Final = 1
MAX_BYTES: Final = 262_144  # routing rules of a large centre need some 100 kB, calls about 300 bytes

Reason = Literal["too_long", "not_json", "unknown_version", "unknown_type", "wrong_fields"]
T = TypeVar("T")


class Undecodable(Exception):
    """A record of the journal cannot be read."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason: Reason = reason


class RecordTooLong(Exception):
    """A fact is longer than a journal record may be."""


class _Head(msgspec.Struct):
    type: str = ""
    v: int = 0


def _decoders(base: type[T]) -> dict[str, msgspec.json.Decoder[T]]:
    classes = [cls for cls in vars(contract).values() if isinstance(cls, type) and issubclass(cls, base)]
    return {cls.__name__: msgspec.json.Decoder(cls) for cls in classes if cls is not base}


_HEAD = msgspec.json.Decoder(_Head)
_EVENTS = _decoders(Event)
_COMMANDS = _decoders(Command)
_ENCODER = msgspec.json.Encoder()


def encode(record: Event | Command) -> bytes:
    """The record's bytes; raises RecordTooLong above MAX_BYTES."""
    fields = _ENCODER.encode(record)
    head = f'{{"type":"{type(record).__name__}","v":{VERSION}'.encode()
    # Splicing two JSON objects is several times cheaper than building a dictionary for each event.
    data = head + (b"}" if fields == b"{}" else b"," + fields[1:])
    if len(data) > MAX_BYTES:
        raise RecordTooLong(f"{type(record).__name__}: {len(data)} bytes, at most {MAX_BYTES}")
    return data


def decode_event(data: bytes) -> Event:
    """Raises Undecodable."""
    return _decode(data, _EVENTS)


def type_of(data: bytes) -> str:
    """The name of a record's type; "" when it cannot be told."""
    try:
        return _HEAD.decode(data).type
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""


def decode_command(data: bytes) -> Command:
    """Raises Undecodable."""
    return _decode(data, _COMMANDS)


def _decode(data: bytes, decoders: dict[str, msgspec.json.Decoder[T]]) -> T:
    if len(data) > MAX_BYTES:
        raise Undecodable("too_long", f"{len(data)} bytes")
    try:
        head = _HEAD.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Undecodable("not_json", str(error)) from None
    if head.v != VERSION:
        raise Undecodable("unknown_version", f"{head.type[:60]} v{head.v}")
    decoder = decoders.get(head.type)
    if decoder is None:
        raise Undecodable("unknown_type", head.type[:60])
    try:
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Undecodable("wrong_fields", f"{head.type}: {error}") from None
