"""Recordings of tickets on their way into the desk's keeping: at the opening, at an import, and later.

A lost answer to a COMMIT leaves two possibilities, and a recording must survive both: the original is removed
only when a ticket names a sealed file that is there.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

import structlog
from sqlalchemy import select, update

from desk.database import Database
from desk.keeping import Keeping, Kept, RecordingRefused, remove_original, remove_orphans
from desk.models import TicketRow

log = structlog.get_logger(__name__)
_BATCH = 200
CONVERSATION = ".talk.wav"  # ivr.agi.waiting names them so


@dataclass(frozen=True, slots=True)
class Taken:
    """``kept`` when it was taken; else ``problem``: why not, and ``pending``: where it lies, if anywhere."""

    kept: Kept | None = None
    pending: str = ""
    problem: str = ""


async def take(keeping: Keeping, path: str) -> Taken:
    """Never raises for a recording or a disk that fails; an empty original is removed."""
    try:
        return Taken(await keeping.take(Path(path)))
    except RecordingRefused as refused:
        log.warning("recording refused", action="recording_refused", reason=refused.reason)
        if refused.reason == "empty":
            await remove_original(path)
        return Taken(None, "" if refused.reason in {"empty", "missing"} else path, refused.reason)
    except OSError as error:
        log.error("recording not taken", action="recording_not_taken", error=error.strerror)
        return Taken(None, path, "not_stored")


async def take_again(database: Database, keeping: Keeping, row: TicketRow, path: str) -> None:
    """The ticket is there already: a leftover original of a recording that is kept is removed, any other is
    taken now, or waits under ``path``: the spool may have moved it. Raises DeskUnavailable."""
    if row.recording_id and keeping.holds(row.recording_id):
        await remove_original(path)
        return
    taken = await take(keeping, path)
    if taken.kept or taken.pending not in {"", row.recording_pending}:
        await _note(database, keeping, (row.number, row.recording_id, row.recording_pending), path, taken)


async def take_pending(database: Database, keeping: Keeping) -> int:
    """Take the recordings that could not be taken when their tickets were opened."""
    count = 0
    async with database.read() as session:
        waiting = (
            await session.execute(
                select(TicketRow.number, TicketRow.recording_id, TicketRow.recording_pending)
                .where(TicketRow.recording_pending != "")
                .limit(_BATCH)
            )
        ).all()
    for row in waiting:
        try:
            taken = Taken(await keeping.take(Path(row.recording_pending)))
        except (RecordingRefused, OSError):
            continue
        count += await _note(
            database,
            keeping,
            (row.number, row.recording_id, row.recording_pending),
            row.recording_pending,
            taken,
        )
    return count


async def sweep_strays(database: Database, folder: Path, now_s: float) -> int:
    """Remove callers' recordings in ``folder`` that no ticket waits for, a day old or older: their daemon was
    killed before they became a request or were thrown away. Recorded conversations are not the desk's.
    ``folder`` is absolute, as the tickets' paths are.
    """
    async with database.read() as session:
        pending = await session.scalars(
            select(TicketRow.recording_pending).where(TicketRow.recording_pending != "")
        )
        wanted = set(pending.all())
    removed = await asyncio.to_thread(_sweep, folder, wanted, now_s)
    if removed:
        log.warning("stray recordings removed", action="recordings_swept", removed=removed)
    return removed


def _sweep(folder: Path, wanted: set[str], now_s: float) -> int:
    files = folder.glob("*.wav")
    strays = (f for f in files if not f.name.endswith(CONVERSATION) and str(f) not in wanted)
    return remove_orphans(strays, now_s)


async def _note(
    database: Database, keeping: Keeping, seen: tuple[str, str, str], path: str, taken: Taken
) -> bool:
    """Write into the ticket what became of the recording at ``path``; the original of one taken goes.
    ``seen``: number, recording_id and recording_pending; False when they are no longer so."""
    values: dict[str, object] = {"recording_pending": taken.pending}
    if taken.kept:
        values |= {
            "recording_id": taken.kept.recording_id,
            "recording_type": taken.kept.media_type,
            "recording_bytes": taken.kept.size_bytes,
        }
    number, recording_id, pending = seen
    async with database.write() as session:
        done = await session.execute(
            update(TicketRow)
            .where(
                TicketRow.number == number,
                TicketRow.recording_id == recording_id,
                TicketRow.recording_pending == pending,
            )
            .values(version=TicketRow.version + 1, **values)
            .returning(TicketRow.number)
        )
        won = done.first() is not None
    if taken.kept:
        await (remove_original(path) if won else keeping.remove(taken.kept.recording_id))
    return won
