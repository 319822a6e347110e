"""The spool: every request becomes one ticket, whatever happens in between."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from desk.contract import DeskUnavailable, Ticket, TicketDraft
from ivr import emergency, spool


class DeskByHand:
    """Keeps drafts by source id, as the real desk does; ``down`` makes it unavailable."""

    def __init__(self) -> None:
        self.drafts: dict[str, TicketDraft] = {}
        self.calls = 0
        self.down = False
        self.chokes_on = ""

    async def open_ticket(self, draft: TicketDraft) -> Ticket:
        self.calls += 1
        if self.down:
            raise DeskUnavailable("database is locked")
        if draft.source_id == self.chokes_on:
            raise RuntimeError("a fault of ours")
        self.drafts.setdefault(draft.source_id, draft)
        number = str(1000 + list(self.drafts).index(draft.source_id))
        return Ticket(
            number, draft.source_id, draft.topic, "ru", draft.kind, "new", "", "", False, "", {}, 1, 1
        )


def put(folder: Path, source_id: str, **changes: object) -> Path:
    facts = {
        "source_id": source_id,
        "topic": "other",
        "language": "ru",
        "kind": "request",
        "caller_number": "79161234567",
        "text": "",
        "recording": "",
        "fields": {},
        "created_ms": 1,
    }
    file = folder / f"{source_id}.json"
    file.write_text(json.dumps({**facts, **changes}), "utf-8")
    return file


async def test_each_request_becomes_one_ticket_and_is_not_kept(tmp_path):
    desk = DeskByHand()
    put(tmp_path, "a", recording="a.wav")
    (tmp_path / "a.wav").write_bytes(b"RIFF")
    put(tmp_path, "b")
    assert await spool.import_spool(tmp_path, desk) == spool.Imported(tickets=2)
    assert desk.drafts["a"].recording_path == str(tmp_path / "a.wav")
    assert desk.drafts["a"].caller_number == "79161234567"
    assert desk.drafts["b"].recording_path == ""
    assert (tmp_path / "a.wav").exists()  # the desk takes it, nobody else
    assert not list(tmp_path.glob("*.json"))
    remembered = "".join(f.read_text() for f in (tmp_path / "done").iterdir())
    assert "1000" in remembered
    assert "79161234567" not in remembered
    assert await spool.import_spool(tmp_path, desk) == spool.Imported()
    assert desk.calls == 2


async def test_a_crash_after_opening_opens_no_second_ticket(tmp_path):
    desk = DeskByHand()
    file = put(tmp_path, "a")
    before = file.read_bytes()
    await spool.import_spool(tmp_path, desk)
    file.write_bytes(before)  # as if the process had died before it removed the file
    assert (await spool.import_spool(tmp_path, desk)).tickets == 1
    assert len(desk.drafts) == 1


async def test_requests_wait_for_a_desk_that_is_away(tmp_path):
    desk = DeskByHand()
    desk.down = True
    put(tmp_path, "a")
    put(tmp_path, "b")
    assert await spool.import_spool(tmp_path, desk) == spool.Imported(left=2)
    assert desk.calls == 1
    desk.down = False
    assert (await spool.import_spool(tmp_path, desk)).tickets == 2


async def test_one_request_that_the_desk_chokes_on_keeps_no_other_away(tmp_path):
    desk = DeskByHand()
    desk.chokes_on = "a"
    put(tmp_path, "a")
    put(tmp_path, "b")
    assert await spool.import_spool(tmp_path, desk) == spool.Imported(tickets=1, left=1)
    assert (tmp_path / "a.json").exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"{", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "object"),
        (b'{"source_id": ""}', "source_id"),
        (b'{"source_id": "x", "topic": 5}', "topic"),
        (b'{"source_id": "x", "topic": "t", "kind": "bribe"}', "kind"),
        (b'{"source_id": "x", "topic": "t", "recording": "../../etc/passwd"}', "recording"),
        (b'{"source_id": "x", "topic": "t", "recording": ".x.wav"}', "recording"),
        (b'{"source_id": "x", "topic": "t", "fields": []}', "fields"),
        (b" " * (spool.FILE_BYTES_MAX + 1), "longer"),
    ],
)
async def test_a_bad_file_is_set_aside_with_its_reason(tmp_path, content, reason):
    desk = DeskByHand()
    (tmp_path / "x.json").write_bytes(content)
    put(tmp_path, "good")
    assert await spool.import_spool(tmp_path, desk) == spool.Imported(tickets=1, bad=1)
    assert (tmp_path / "bad" / "x.json").read_bytes() == content
    assert reason in (tmp_path / "bad" / "x.json.reason").read_text()


async def test_a_link_is_not_followed(tmp_path):
    secret = tmp_path / "elsewhere"
    secret.write_text("{}")
    inbox = tmp_path / "spool"
    inbox.mkdir()
    (inbox / "x.json").symlink_to(secret)
    (inbox / "y.wav").symlink_to(secret)
    put(inbox, "y", recording="y.wav")
    desk = DeskByHand()
    assert (await spool.import_spool(inbox, desk)).bad == 1
    assert desk.drafts["y"].recording_path == ""


async def test_an_interrupted_recording_is_taken_when_its_script_must_be_dead(tmp_path):
    desk = DeskByHand()
    request = emergency.Request(tmp_path, {"topic": "other", "caller_number": "79161234567"})
    request.sound.write_bytes(b"RIFF")
    assert await spool.import_spool(tmp_path, desk) == spool.Imported()
    draft = tmp_path / f"{request.source_id}.recording"
    later_s = draft.stat().st_mtime + spool.UNFINISHED_AFTER_S + 1
    assert (await spool.import_spool(tmp_path, desk, later_s)).tickets == 1
    assert desk.drafts[request.source_id].recording_path == str(request.sound)
    assert (await spool.import_spool(tmp_path, desk, later_s)).tickets == 0


async def test_what_is_done_is_forgotten_after_a_month(tmp_path):
    desk = DeskByHand()
    put(tmp_path, "a")
    await spool.import_spool(tmp_path, desk)
    (done,) = (tmp_path / "done").iterdir()
    os.utime(done, (1, 1))
    await spool.import_spool(tmp_path, desk)
    assert not done.exists()


async def test_no_spool_is_no_fault(tmp_path):
    assert await spool.import_spool(tmp_path / "none", DeskByHand()) == spool.Imported()
    assert spool.waiting(tmp_path / "none") == 0
