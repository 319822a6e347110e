"""What is trimmed from Redis goes to files first: one JSON object a line, one file a day (UTC).

``{"id": entry id, "e": the record}``. Entries are appended in order; after a crash in between, the archive's
own last id tells where to go on, so nothing is missing and nothing stands twice. A half-written last line is
cut off. ``shelving`` carries the files on to the database, where there is one, and removes them; until then
(and for ever without a database) they are read as they are by ``dozvon replay``.
"""

from __future__ import annotations

import contextlib
import datetime
import json
import os
import threading
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from acd.journal.codec import MAX_BYTES
from acd.journal.stream import Entry, id_pair

LINE_LIMIT: Final = MAX_BYTES + 200


class Archive:
    """One process writes a folder; its threads take turns."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._writing = threading.Lock()

    def files(self) -> list[Path]:
        return sorted(self.folder.glob("????-??-??.jsonl"))

    def last_id(self) -> str:
        """Id of the last whole line; "0-0" when there is none. Cuts off a line that was never finished."""
        with self._writing:
            for file in reversed(self.files()):
                _mend(file)
                with file.open("rb") as handle:
                    # The last whole line lies in the last two line lengths: a day's file may be large.
                    handle.seek(max(0, file.stat().st_size - 2 * LINE_LIMIT))
                    lines = handle.readlines()
                for line in reversed(lines):
                    entry = parse(line)
                    if entry is not None:
                        return entry.id
        return "0-0"

    def add(self, entries: Iterable[Entry]) -> int:
        """Appends entries (in order) and makes them durable; how many."""
        self.folder.mkdir(parents=True, exist_ok=True)
        by_day: dict[str, list[str]] = {}
        count = 0
        for entry in entries:
            day = datetime.datetime.fromtimestamp(entry.time_ms / 1000, datetime.UTC).date().isoformat()
            by_day.setdefault(day, []).append(line_of(entry))
            count += 1
        with self._writing:
            for day, lines in sorted(by_day.items()):
                with (self.folder / f"{day}.jsonl").open("a", encoding="utf-8") as file:
                    file.writelines(lines)
                    file.flush()
                    os.fsync(file.fileno())
        return count

    def remove(self, file: Path, size_bytes: int) -> bool:
        """Removes a file that is kept elsewhere up to ``size_bytes``; False when more was written since."""
        with self._writing:
            if file.stat().st_size != size_bytes:
                return False
            file.unlink()
            return True

    def between(self, first_ms: int, last_ms: int) -> Iterator[Entry]:
        """Entries of a period, both ends included."""
        first_day, last_day = (
            datetime.datetime.fromtimestamp(ms / 1000, datetime.UTC).date().isoformat()
            for ms in (first_ms, last_ms)
        )
        for file in self.files():
            if not first_day <= file.stem <= last_day:
                continue
            with contextlib.suppress(FileNotFoundError):  # removed meanwhile: its entries are elsewhere
                for entry in read(file):
                    if first_ms <= entry.time_ms <= last_ms:
                        yield entry


def line_of(entry: Entry) -> str:
    record = entry.data.decode("utf-8", "replace")
    try:
        known = json.loads(record)
    except ValueError:
        known = record  # a foreign record is kept as a text
    if known is record or "\n" in record or "\r" in record:
        record = json.dumps(known)  # only ASCII: a foreign record may hold what UTF-8 cannot write
    return f'{{"id":"{entry.id}","e":{record}}}\n'


def _mend(file: Path) -> None:
    size = file.stat().st_size
    with file.open("rb+") as handle:
        start = max(0, size - LINE_LIMIT)
        handle.seek(start)
        end = handle.read()
        if end and not end.endswith(b"\n"):
            handle.truncate(start + end.rfind(b"\n") + 1)


def read(file: Path) -> Iterator[Entry]:
    """Entries of a file; lines that cannot be read are passed over."""
    with file.open("rb") as handle:
        while line := handle.readline(LINE_LIMIT + 1):
            entry = parse(line)
            if entry is not None:
                yield entry


def parse(line: bytes) -> Entry | None:
    if len(line) > LINE_LIMIT or not line.endswith(b"\n"):
        return None
    try:
        raw = json.loads(line)
        entry_id = raw["id"]
        id_pair(entry_id)
        record = raw["e"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    text = json.dumps(record, ensure_ascii=False, separators=(",", ":"))
    try:
        return Entry(entry_id, text.encode())
    except (
        UnicodeEncodeError
    ):  # half of a character pair, in a foreign record: only its escape can be written
        return Entry(entry_id, json.dumps(record, separators=(",", ":")).encode())
