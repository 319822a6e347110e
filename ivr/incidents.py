"""Known incidents: faults that are being worked on, told to the callers whom they concern.

They live in one small file of the installation, written by ``dozvon incidents`` and the API (or by hand),
looked at again within a second of a change, and end by themselves. A file that cannot be read changes
nothing.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import yaml

from ivr.config_file import read
from ivr.dialog.marks import Bad, compose, items, line_of, mapping, table, text, texts
from ivr.dialog.ports import KnownIncident

MAX_BYTES = 64 * 1024
MAX_INCIDENTS = 20
MAX_TEXT = 600  # characters of an announcement
LOOK_EVERY_MS = 1000


class IncidentsError(Exception):
    """The incidents file cannot be used; the text is ``file:line: fault``."""


@dataclass(frozen=True, slots=True)
class Incident:
    """``until`` and ``expected`` are wall-clock times of the centre, None when not known."""

    number: str  # digits, told to the caller
    topics: tuple[str, ...]  # () concerns everybody
    text: Mapping[str, str]
    until: datetime | None = None
    expected: datetime | None = None


def load(file: Path) -> tuple[Incident, ...]:
    """All incidents of a file, () when there is none. Raises IncidentsError."""
    try:
        file.stat()
    except FileNotFoundError:
        return ()
    except OSError:
        pass  # ``read`` says what is wrong
    return read(file, parse, IncidentsError, MAX_BYTES)


Edit = Callable[[tuple[Incident, ...]], Iterable[Incident]]


def change(file: Path, now: datetime, edit: Edit) -> tuple[Incident, ...]:
    """Write what ``edit`` makes of those that are not over at ``now`` (the centre's wall clock).

    Two who change at the same time do so one after the other. Raises IncidentsError when the file is faulty
    or what ``edit`` made would be; then the file stays as it was. Whatever ``edit`` raises goes through.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.with_suffix(".lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        after = tuple(edit(tuple(incident for incident in load(file) if not over(incident, now))))
        content = written(after)
        try:
            parse(content)  # what the daemon would refuse is refused here
        except Bad as error:
            raise IncidentsError(str(error)) from None
        part = file.with_suffix(".part")
        part.write_text(content, "utf-8")
        part.replace(file)
    return after


def over(incident: Incident, now: datetime) -> bool:
    return incident.until is not None and now >= incident.until


def written(incidents: Iterable[Incident]) -> str:
    """The file's content."""
    entries = [
        {
            "number": incident.number,
            **({"topics": list(incident.topics)} if incident.topics else {}),
            "text": dict(incident.text),
            **({"until": incident.until.isoformat()} if incident.until else {}),
            **({"expected": incident.expected.isoformat()} if incident.expected else {}),
        }
        for incident in incidents
    ]
    return yaml.safe_dump({"incidents": entries}, allow_unicode=True, sort_keys=False)


def parse(content: str) -> tuple[Incident, ...]:
    """Raises ivr.dialog.marks.Bad."""
    root = compose(content)
    if root is None:
        return ()
    fields = mapping(root)
    for name, (key, _) in fields.items():
        if name != "incidents":
            raise Bad(key, f"unknown entry '{name}'; only incidents belong here")
    found = [_incident(node) for node in items(fields["incidents"][1])] if fields else []
    if len(found) > MAX_INCIDENTS:
        raise Bad(root, f"more than {MAX_INCIDENTS} incidents at once: nobody would listen to them")
    return tuple(found)


def _incident(node: yaml.Node) -> Incident:
    fields = mapping(node)
    known = ("number", "topics", "text", "until", "expected")
    for name, (key, _) in fields.items():
        if name not in known:
            raise Bad(key, f"an incident has no '{name}'; known are {', '.join(known)}")
    for name in ("number", "text"):
        if name not in fields:
            raise Bad(node, f"'{name}' is missing")
    number = text(fields["number"][1])
    if not (number.isascii() and number.isdigit() and len(number) <= 12):
        raise Bad(fields["number"][1], f"a number is digits only, not '{number}'")
    words = table(fields["text"][1])
    for language, said in words.items():
        if not said or len(said) > MAX_TEXT:
            raise Bad(
                fields["text"][1], f"the text in '{language}' is empty or longer than {MAX_TEXT} letters"
            )
    return Incident(
        number,
        texts(fields["topics"][1]) if "topics" in fields else (),
        words,
        _moment(fields["until"][1]) if "until" in fields else None,
        _moment(fields["expected"][1]) if "expected" in fields else None,
    )


def _moment(node: yaml.Node) -> datetime:
    try:
        moment = datetime.fromisoformat(text(node))
    except ValueError:
        raise Bad(
            node, f"line {line_of(node)}: '{text(node)}' is no moment; write 2026-12-01T15:00"
        ) from None
    if moment.tzinfo is not None:
        raise Bad(node, "moments are the centre's wall-clock time, without a zone")
    return moment


class IncidentBoard:
    """What a hotline asks: ``board(topic, now_ms)``. Reads the file again when it has changed."""

    def __init__(
        self, file: Path, timezone: str, complain: Callable[[str], None] = lambda _text: None
    ) -> None:
        self._file = file
        self._zone = ZoneInfo(timezone)
        self._complain = complain
        self._stamp: tuple[int, int] | None = None
        self._looked_ms = 0
        self._incidents: tuple[Incident, ...] = ()

    def __call__(self, topic: str, now_ms: int) -> tuple[KnownIncident, ...]:
        """Those that concern this topic now; with topic "" only those that concern everybody."""
        self._look(now_ms)
        now = datetime.fromtimestamp(now_ms / 1000, self._zone).replace(tzinfo=None)
        return tuple(
            self._known(incident, now)
            for incident in self._incidents
            if not over(incident, now) and (topic in incident.topics or not incident.topics)
        )

    def _known(self, incident: Incident, now: datetime) -> KnownIncident:
        # A time that has passed, or lies on another day, would only confuse.
        expected = incident.expected
        told = expected is not None and now < expected and expected.date() == now.date()
        return KnownIncident(
            incident.number,
            incident.topics,
            incident.text,
            expected=f"{expected:%H:%M}" if told else "",
        )

    def _look(self, now_ms: int) -> None:
        if now_ms - self._looked_ms < LOOK_EVERY_MS and now_ms >= self._looked_ms:
            return
        self._looked_ms = now_ms
        try:
            status = os.stat(self._file)
            stamp = (status.st_mtime_ns, status.st_size)
        except OSError:
            stamp = (0, 0)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._incidents = load(self._file)
        except IncidentsError as error:
            self._complain(str(error))
