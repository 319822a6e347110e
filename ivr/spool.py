"""Requests that waited on disk become tickets: each exactly once.

Who writes: ``ivr.emergency`` (no daemon answered) and ``ivr.agi.tickets`` (the desk could not be reached).
One request is ``ID.json``, put in place by a rename, with its recording beside it. Fields: source_id, topic,
language, kind, caller_number, text, recording (a file name in the spool, or ""), fields, created_ms.

* The ticket is opened under the request's ``source_id``: opening it again after a crash opens no second one.
* ``ID.json`` is removed only when the desk has confirmed; ``done/ID.json`` remembers it without any personal
  data, for a month. The recording is the desk's business from then on.
* What cannot be read goes to ``bad/`` with a reason beside it, for a person to look at.
* ``ID.recording`` without ``ID.json`` is a caller whose script died while he spoke, or whose daemon did while
  it moved his recording: imported after a while.
"""

from __future__ import annotations

import asyncio
import json
import os
import stat
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog

from desk.contract import Desk, DeskUnavailable, TicketDraft

log = structlog.get_logger(__name__)

FILES_AT_ONCE = 500
FILE_BYTES_MAX = 64 * 1024
UNFINISHED_AFTER_S = 600  # a recording lasts two minutes at most
FORGET_AFTER_S = 30 * 86400
_KINDS = ("request", "callback", "complaint")


class BadRequest(Exception):
    """A file of the spool is not a request; the text says why."""


@dataclass(frozen=True, slots=True)
class Imported:
    """What one round did; ``left`` are requests that wait because the desk cannot be used."""

    tickets: int = 0
    bad: int = 0
    left: int = 0


def waiting(folder: Path) -> int:
    """How many requests wait in the spool."""
    return sum(1 for _ in folder.glob("*.json")) if folder.is_dir() else 0


async def import_spool(folder: Path, desk: Desk, now_s: float = 0.0) -> Imported:
    """Open a ticket for every request in ``folder``, oldest first, at most FILES_AT_ONCE of them.

    Never raises for what lies in the folder. Stops at the first DeskUnavailable: the rest waits.
    """
    files = await asyncio.to_thread(_pending, folder, now_s or time.time())
    tickets = bad = 0
    for file in files:
        try:
            draft = await asyncio.to_thread(read_request, file)
        except (BadRequest, OSError) as error:
            bad += 1
            await asyncio.to_thread(set_aside, file, str(error))
            continue
        try:
            ticket = await desk.open_ticket(draft)
        except DeskUnavailable as error:
            log.warning("spool waits for the desk", action="spool_waits", why=str(error))
            break
        except Exception:  # one request that the desk chokes on must not keep the others from it
            log.exception("the desk failed", action="spool_failed", source_id=draft.source_id)
            continue
        await asyncio.to_thread(_remember, file, draft, ticket.number)
        log.info("spooled request", action="spool_imported", source_id=draft.source_id, ticket=ticket.number)
        tickets += 1
    return Imported(tickets, bad, await asyncio.to_thread(waiting, folder))


def _pending(folder: Path, now_s: float) -> list[Path]:
    if not folder.is_dir():
        return []
    _finish_abandoned(folder, now_s)
    _forget(folder / "done", now_s)
    return sorted(folder.glob("*.json"), key=_age)[:FILES_AT_ONCE]


def read_request(file: Path) -> TicketDraft:
    """Raises BadRequest: a spool is a door, and what comes through it is checked."""
    about = file.lstat()
    if not stat.S_ISREG(about.st_mode):
        raise BadRequest("not a plain file")
    if about.st_size > FILE_BYTES_MAX:
        raise BadRequest(f"longer than {FILE_BYTES_MAX} bytes")
    try:
        data = json.loads(file.read_text("utf-8"))
    except (UnicodeDecodeError, ValueError) as error:
        raise BadRequest(f"not JSON: {error}") from None
    if not isinstance(data, dict):
        raise BadRequest("not a JSON object")
    kind = data.get("kind", "request")
    if kind not in _KINDS:
        raise BadRequest(f"unknown kind {kind!r}")
    fields = data.get("fields", {})
    created_ms = data.get("created_ms", 0)
    if not isinstance(fields, dict) or not isinstance(created_ms, int):
        raise BadRequest("fields or created_ms of a wrong type")
    return TicketDraft(
        source_id=_text(data, "source_id", 1, 120),
        topic=_text(data, "topic", 0, 64),  # who asked for nothing but a person has none
        language=_text(data, "language", 0, 16) or "ru",
        kind=kind,
        caller_number=_text(data, "caller_number", 0, 40),
        text=_text(data, "text", 0, 8000),
        recording_path=_recording(file.parent, _text(data, "recording", 0, 200)),
        fields=fields,
        created_ms=created_ms,
    )


def _text(data: Mapping[str, Any], name: str, shortest: int, longest: int) -> str:
    value = data.get(name, "")
    if not isinstance(value, str) or not shortest <= len(value) <= longest:
        raise BadRequest(f"{name} is missing, too long or no text")
    return value


def _recording(folder: Path, name: str) -> str:
    """Its path; "" when there is none (the desk has taken it already, or nothing was recorded)."""
    if not name:
        return ""
    if Path(name).name != name or name.startswith(".") or Path(name).suffix not in (".wav", ".alaw"):
        raise BadRequest(f"recording {name!r} is no name of a sound in the spool")
    path = folder / name
    try:
        return str(path) if stat.S_ISREG(path.lstat().st_mode) else ""
    except FileNotFoundError:
        return ""


def _finish_abandoned(folder: Path, now_s: float) -> None:
    """Drafts of callers whose script died: the request is as good as what was recorded."""
    for draft in sorted(folder.glob("*.recording"))[:FILES_AT_ONCE]:
        try:
            if now_s - draft.lstat().st_mtime < UNFINISHED_AFTER_S:
                continue
            final = draft.with_suffix(".json")
            if final.exists() or (folder / "done" / final.name).exists():
                draft.unlink()
            else:
                draft.rename(final)
                log.warning(
                    "an interrupted request is taken", action="spool_interrupted", source_id=draft.stem
                )
        except OSError as error:
            log.error("spool", action="spool_interrupted", source_id=draft.stem, why=str(error))


def _remember(file: Path, draft: TicketDraft, ticket: str) -> None:
    done = file.parent / "done"
    done.mkdir(mode=0o700, exist_ok=True)
    partial = done / f".{file.name}.part"
    partial.write_text(json.dumps({"source_id": draft.source_id, "ticket": ticket}), "utf-8")
    partial.rename(done / file.name)
    file.unlink(missing_ok=True)
    file.with_suffix(".recording").unlink(missing_ok=True)


def put_in_place(file: Path, data: bytes) -> None:
    """Writes a file for its owner only, whole or not at all; it survives a power cut. Raises OSError."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    partial = file.parent / f".{file.stem}.part"
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as out:
            out.write(data)
            out.flush()
            os.fsync(out.fileno())
        rename_for_good(partial, file)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def rename_for_good(file: Path, name: Path) -> None:
    """A rename within a folder that survives a power cut. Raises OSError."""
    file.rename(name)
    folder = os.open(name.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def set_aside(file: Path, reason: str) -> None:
    """Into ``bad/`` beside it, with the reason, for a person to look at."""
    log.error("a file of the spool is bad", action="spool_bad", file=file.name, why=reason)
    bad = file.parent / "bad"
    try:
        bad.mkdir(mode=0o700, exist_ok=True)
        os.replace(file, bad / file.name)
        (bad / f"{file.name}.reason").write_text(reason + "\n", "utf-8")
    except OSError as error:
        log.error("a bad file stays", action="spool_bad", file=file.name, why=str(error))


def _forget(done: Path, now_s: float) -> None:
    if not done.is_dir():
        return
    for file in done.iterdir():
        if now_s - _age(file) > FORGET_AFTER_S:
            file.unlink(missing_ok=True)


def _age(file: Path) -> float:
    try:
        return file.lstat().st_mtime
    except OSError:
        return 0.0
