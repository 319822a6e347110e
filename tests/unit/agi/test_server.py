"""Who gets in, and what it costs when somebody should not."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from agi_hall import SmallDesk
from prometheus_client import CollectorRegistry

from ivr.agi.codec import Environment
from ivr.agi.server import AgiServer, Limits, Metrics
from ivr.agi.session import Session
from ivr.agi.tickets import write_to_spool
from ivr.spool import UNFINISHED_AFTER_S, import_spool, read_request

TOKEN = "0123456789abcdef-token"


class Wire:
    """A peer that says these chunks and then is silent, or closes at ``b""``."""

    def __init__(self, *chunks: bytes) -> None:
        self.chunks = list(chunks)
        self.written = b""
        self.closed = False

    async def read(self) -> bytes:
        if not self.chunks:
            await asyncio.sleep(9)
        return self.chunks.pop(0)

    async def write(self, data: bytes) -> None:
        self.written += data

    def close(self) -> None:
        self.closed = True


def header(token: str = TOKEN, path: str = "call") -> bytes:
    return f"agi_network: yes\nagi_network_script: {path}\nagi_arg_1: {token}\n\n".encode()


@pytest.mark.parametrize(
    ("chunks", "outcome"),
    [
        ((b"",), "probe"),
        ((b"agi_network: yes\n", b""), "garbage"),
        ((b"\x16\x03\x01" * 100 + b"\n",), "garbage"),
        (tuple([b"agi_x: " + b"y" * 4000] * 5), "garbage"),
        ((b"agi_network: yes\n",), "slow_header"),
        ((header("wrong-token-0123456789"),), "bad_token"),
        ((header(""),), "bad_token"),
        ((header("токен"),), "bad_token"),
        ((header(path="nowhere"),), "unknown_path"),
        ((header(),), "served"),
        ((header(path="broken"),), "failed"),
    ],
)
async def test_each_kind_of_visitor_is_counted(chunks: tuple[bytes, ...], outcome: str) -> None:
    async def serve(session: Session, environment: Environment) -> None:
        assert environment.args == (TOKEN,)

    async def broken(session: Session, environment: Environment) -> None:
        raise RuntimeError("ours")

    registry = CollectorRegistry()
    server = AgiServer(
        {"call": serve, "broken": broken}, TOKEN, Limits(header_timeout_s=0.03), Metrics(registry)
    )
    wire = Wire(*chunks)
    await server.serve(Session(wire))
    assert server.metrics.counts == {outcome: 1}
    assert registry.get_sample_value("dozvon_agi_connections_total", {"outcome": outcome}) == 1
    assert wire.closed
    assert wire.written == b""
    assert server.sessions == 0


async def test_no_more_calls_than_allowed() -> None:
    hold = asyncio.Event()

    async def serve(session: Session, environment: Environment) -> None:
        await hold.wait()

    server = AgiServer({"call": serve, "connected": serve}, TOKEN, Limits(max_sessions=1))
    first = asyncio.create_task(server.serve(Session(Wire(header()))))
    await asyncio.sleep(0.01)
    await server.serve(Session(Wire(header())))
    assert server.metrics.counts == {"too_many": 1}
    second = asyncio.create_task(server.serve(Session(Wire(header(path="connected")))))
    await asyncio.sleep(0.01)
    assert server.sessions == 2  # an agent's answer is let in all the same
    hold.set()
    await asyncio.gather(first, second)


def test_a_short_token_is_refused() -> None:
    with pytest.raises(ValueError, match="16"):
        AgiServer({}, "short")


def test_a_spooled_request_is_whole_or_not_there(tmp_path: Path) -> None:
    from desk.contract import TicketDraft

    not_a_folder = tmp_path / "file"
    not_a_folder.touch()
    with pytest.raises(OSError):
        write_to_spool(not_a_folder / "spool", TicketDraft("id.1", "access"))
    file = write_to_spool(tmp_path / "spool", TicketDraft("id.2", "access", fields={"a": "б"}))
    assert file.stat().st_mode & 0o777 == 0o600
    assert "б" in file.read_text("utf-8")


def test_a_request_whose_recording_the_desk_took_already_is_spooled_without(tmp_path: Path) -> None:
    """The answer of the desk was lost, not the request: it must not be called lost."""
    from desk.contract import TicketDraft

    draft = TicketDraft("id.1", "access", recording_path=str(tmp_path / "taken.wav"))
    assert read_request(write_to_spool(tmp_path / "spool", draft)) == replace(draft, recording_path="")


@pytest.mark.parametrize("full_at", ["put_in_place", "shutil.move", "none"])
def test_a_recording_is_moved_with_its_request_or_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, full_at: str
) -> None:
    from desk.contract import TicketDraft

    def full(_from: Any, to: Any) -> None:
        if full_at == "shutil.move":
            Path(to).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    if full_at != "none":
        monkeypatch.setattr(f"ivr.agi.tickets.{full_at}", full)
    spool, recording = tmp_path / "spool", tmp_path / "said.wav"
    recording.write_bytes(b"sound")
    draft = TicketDraft("n1-a.1", "access", recording_path=str(recording))
    if full_at == "none":
        write_to_spool(spool, draft)
        assert {each.name for each in spool.iterdir()} == {"n1-a.1.json", "n1-a.1.wav"}
        assert read_request(spool / "n1-a.1.json").recording_path == str(spool / "n1-a.1.wav")
        assert not recording.exists()
        return
    with pytest.raises(OSError):
        write_to_spool(spool, draft)
    assert list(spool.iterdir()) == [] and recording.read_bytes() == b"sound"


async def test_a_request_whose_daemon_died_while_the_recording_moved_is_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from desk.contract import TicketDraft

    def dies(_from: Path, _to: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("ivr.agi.tickets.rename_for_good", dies)
    recording = tmp_path / "said.wav"
    recording.write_bytes(b"sound")
    with pytest.raises(KeyboardInterrupt):
        write_to_spool(tmp_path, TicketDraft("n1-a.1", "access", recording_path=str(recording)))
    desk: Any = SmallDesk()
    assert (await import_spool(tmp_path, desk)).tickets == 0
    assert (await import_spool(tmp_path, desk, time.time() + UNFINISHED_AFTER_S + 1)).tickets == 1
    assert desk.tickets[0].recording_path == str(tmp_path / "n1-a.1.wav")


async def test_cancelled_connections_are_closed(soon: Any) -> None:
    async def serve(session: Session, environment: Environment) -> None:
        await asyncio.sleep(9)

    server = AgiServer({"call": serve}, TOKEN)
    wire = Wire(header())
    task = asyncio.create_task(server.serve(Session(wire)))
    await soon(lambda: server.sessions == 1)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert wire.closed and server.sessions == 0
