"""AEAP ``speech_to_text``: what stock Asterisk says over its websocket, as a pure codec without I/O.

Asterisk (res_speech_aeap) sends requests ``setup``, ``set`` and ``get``, and binary frames of signed linear
audio; the server answers each request and may send ``set`` requests of its own with results, which Asterisk
answers in turn. Every message has an id; a response carries the id of its request.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_MESSAGE = 16_384  # characters of one JSON message
MAX_FRAME = 6_400  # bytes of one audio frame: 400 ms, Asterisk sends 20 ms
MAX_PARAMS = 32
CODEC = "slin"  # 8 kHz, 16 bit


class PeerError(Exception):
    """The other side broke the protocol; the text says how."""


@dataclass(frozen=True, slots=True)
class Setup:
    request_id: str
    codecs: tuple[str, ...]
    params: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Set:
    request_id: str
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Get:
    request_id: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unknown:
    """A request of a newer Asterisk: answered with an error, otherwise harmless."""

    request_id: str
    name: str


@dataclass(frozen=True, slots=True)
class Answered:
    """Asterisk took (or refused) one of our results."""

    request_id: str
    error: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """``score`` 0-100; ``grammar`` tells what kind of result it is."""

    text: str
    score: int
    grammar: str = "speech"


Message = Setup | Set | Get | Unknown | Answered


def parse(raw: str) -> Message:
    """Raises PeerError."""
    if len(raw) > MAX_MESSAGE:
        raise PeerError(f"a message of {len(raw)} characters")
    try:
        fields = json.loads(raw)
    except (ValueError, RecursionError):
        raise PeerError("no JSON") from None
    if not isinstance(fields, dict):
        raise PeerError("a JSON object is expected")
    request_id = fields.get("id")
    if not isinstance(request_id, str) or not 0 < len(request_id) <= 128:
        raise PeerError("no id")
    if isinstance(fields.get("response"), str):
        error = fields.get("error_msg", "")
        return Answered(request_id, error if isinstance(error, str) else "unreadable error")
    name = fields.get("request")
    if not isinstance(name, str):
        raise PeerError("neither a request nor a response")
    if name == "setup":
        return Setup(request_id, _codecs(fields.get("codecs")), _params(fields.get("params")))
    if name == "set":
        return Set(request_id, _params(fields.get("params")))
    if name == "get":
        names = fields.get("params")
        return Get(request_id, tuple(str(item) for item in names) if isinstance(names, list) else ())
    return Unknown(request_id, name[:64])


def _codecs(raw: Any) -> tuple[str, ...]:
    if not isinstance(raw, list) or not all(isinstance(item, dict) for item in raw):
        raise PeerError("setup without codecs")
    return tuple(str(item.get("name", "")) for item in raw[:MAX_PARAMS])


def _params(raw: Any) -> dict[str, str]:
    """Values as text; Asterisk itself sends texts only."""
    if raw is None:
        return {}
    if not isinstance(raw, dict) or len(raw) > MAX_PARAMS:
        raise PeerError("params are not a small object")
    return {str(name): value if isinstance(value, str) else json.dumps(value) for name, value in raw.items()}


def _text(fields: Mapping[str, Any]) -> str:
    return json.dumps(fields, ensure_ascii=False)


def accept(setup: Setup) -> str:
    return _text({"response": "setup", "id": setup.request_id, "codecs": [{"name": CODEC}]})


def refuse(name: str, request_id: str, reason: str) -> str:
    """Asterisk takes an answer with ``error_msg`` for a failure: SPEECH CREATE then gives 0."""
    return _text({"response": name, "id": request_id, "error_msg": reason})


def done(request_id: str) -> str:
    return _text({"response": "set", "id": request_id})


def values(request_id: str, params: Mapping[str, Any]) -> str:
    return _text({"response": "get", "id": request_id, "params": params})


def results(request_id: str, found: Sequence[Result]) -> str:
    """Ends the turn on Asterisk's side: SPEECH RECOGNIZE returns with these."""
    listed = [
        {"text": result.text, "score": result.score, "grammar": result.grammar, "best": index}
        for index, result in enumerate(found)
    ]
    return _text({"request": "set", "id": request_id, "params": {"results": listed}})
