"""Summaries of calls that the desk could not take when the calls ended: on disk until it can.

One call is ``spool/interactions/CALL_ID.json``, written whole or not at all, readable by the owner only: it
holds the caller's number. It is removed when the desk has confirmed. The desk knows a call by its id and
keeps the newer of two summaries, so handing one over again after a crash does no harm.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from pathlib import Path

import msgspec
import structlog

from desk.contract import Desk, DeskUnavailable, Interaction
from ivr.spool import FILE_BYTES_MAX, FILES_AT_ONCE, put_in_place, set_aside

FOLDER = "interactions"
_PLAIN = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,119}")

log = structlog.get_logger(__name__)


def waiting(spool: Path) -> int:
    """How many summaries wait."""
    folder = spool / FOLDER
    return sum(1 for _ in folder.glob("*.json")) if folder.is_dir() else 0


def write(spool: Path, interaction: Interaction) -> Path:
    """Raises OSError."""
    name = interaction.call_id
    if not _PLAIN.fullmatch(name):
        name = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
    file = spool / FOLDER / f"{name}.json"
    put_in_place(file, msgspec.json.encode(interaction))
    return file


async def hand_over(spool: Path, desk: Desk) -> int:
    """Gives the desk what waits, at most FILES_AT_ONCE; how many it took. Never raises for what lies there.

    Stops at the first DeskUnavailable: the rest waits.
    """
    taken = 0
    for file in await asyncio.to_thread(_pending, spool / FOLDER):
        try:
            interaction = await asyncio.to_thread(read, file)
        except (OSError, ValueError) as error:
            await asyncio.to_thread(set_aside, file, str(error))
            continue
        try:
            await desk.record_interaction(interaction)
        except DeskUnavailable as error:
            log.warning("summaries wait for the desk", action="interactions_wait", why=str(error))
            break
        except Exception:  # one that the desk chokes on must not keep the others from it
            log.exception("the desk failed", action="interaction_failed", call_id=interaction.call_id)
            continue
        await asyncio.to_thread(file.unlink, missing_ok=True)
        log.info("summary handed over", action="interaction_kept", call_id=interaction.call_id)
        taken += 1
    return taken


def _pending(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.json"), key=os.path.getmtime)[:FILES_AT_ONCE] if folder.is_dir() else []


def read(file: Path) -> Interaction:
    """Raises OSError, ValueError."""
    if file.lstat().st_size > FILE_BYTES_MAX:
        raise ValueError(f"longer than {FILE_BYTES_MAX} bytes")
    return msgspec.json.decode(file.read_bytes(), type=Interaction)
