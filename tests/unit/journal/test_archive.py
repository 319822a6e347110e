"""The archive: in order, once each, after whatever crash."""

from __future__ import annotations

from pathlib import Path

from acd.contract import CallQueued
from acd.journal import archive
from acd.journal.archive import Archive
from acd.journal.codec import decode_event, encode
from acd.journal.stream import Entry

DAY_MS = 86_400_000


def entry(ms: int, call: str = "c") -> Entry:
    return Entry(f"{ms}-0", encode(CallQueued(call, "n", "q", "тема")))


def test_a_file_a_day_and_the_last_id(tmp_path: Path) -> None:
    kept = Archive(tmp_path / "journal")
    assert kept.last_id() == "0-0" and kept.files() == []
    assert kept.add([entry(DAY_MS - 1), entry(DAY_MS), entry(DAY_MS + 5)]) == 3
    assert [file.name for file in kept.files()] == ["1970-01-01.jsonl", "1970-01-02.jsonl"]
    assert kept.last_id() == f"{DAY_MS + 5}-0"
    found = list(kept.between(DAY_MS, DAY_MS + 4))
    assert [each.id for each in found] == [f"{DAY_MS}-0"]
    assert decode_event(found[0].data) == CallQueued("c", "n", "q", "тема")


def test_a_line_that_was_cut_off_is_cut_away(tmp_path: Path) -> None:
    kept = Archive(tmp_path)
    kept.add([entry(1), entry(2)])
    file = kept.files()[0]
    file.write_bytes(file.read_bytes()[:-9])
    assert kept.last_id() == "1-0"
    kept.add([entry(2), entry(3)])
    assert [each.id for each in archive.read(file)] == ["1-0", "2-0", "3-0"]


def test_foreign_records_and_lines_do_no_harm(tmp_path: Path) -> None:
    kept = Archive(tmp_path)
    kept.add([Entry("1-0", b"\xff not json"), Entry("2-0", b'{\n"a": 1}'), entry(3)])
    file = kept.files()[0]
    with file.open("ab") as handle:
        handle.write(b'nonsense\n{"id": "x", "e": 1}\n{"id": 5}\n')
    assert [each.id for each in archive.read(file)] == ["1-0", "2-0", "3-0"]
    assert kept.last_id() == "3-0"
