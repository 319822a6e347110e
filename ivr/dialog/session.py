"""Where a call stands: one small frozen value that JSON can carry."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ivr.dialog.contract import KeptBefore, Value

MAX_PATH = 400  # steps that are remembered; a call that takes more keeps the first ones


@dataclass(frozen=True, slots=True)
class Session:
    """A call's place in its flow.

    ``step`` is the part of the node that waits for an answer; ``path`` holds ``node>label`` for every edge
    taken; ``menus`` the menus that key # can go back to; ``queued`` while the caller holds a place.
    """

    flow_version: str
    call_id: str
    caller_number: str
    dialled: str
    language: str
    node: str
    step: str = ""
    topic: str = ""
    attempt: int = 0
    repeats: int = 0
    speech: bool = False
    speech_at_start: bool = False  # what a change of the language goes back to
    typed_ahead: str = ""
    menus: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    slots: Mapping[str, Value] = field(default_factory=dict)
    matter: Mapping[str, Value] = field(default_factory=dict)  # laid out for the specialist
    notes: Mapping[str, Value] = field(default_factory=dict)  # everything noted, for the call's summary
    heard: tuple[str, ...] = ()  # incidents and talks, each once a call
    recording: str = ""
    first_queued_ms: int = 0
    queued: bool = False
    queue_node: str = ""
    kept: KeptBefore | None = None  # until he has been told of it
    announced: int = 0  # announcements in this queue so far
    place: int = 0  # announced last
    wait: tuple[int, int] = (0, 0)
    ended: bool = False


def dump(session: Session) -> dict[str, Any]:
    """JSON-able fields."""
    return dataclasses.asdict(session)


def load(fields: Mapping[str, Any]) -> Session:
    """The inverse of ``dump``, also after JSON made lists of tuples; unknown fields are ignored."""
    values: dict[str, Any] = {}
    for item in dataclasses.fields(Session):
        if item.name in fields:
            value = fields[item.name]
            values[item.name] = tuple(value) if isinstance(value, list) else value
    return Session(**values)
