"""Tickets that a call opens: at the desk, or into the spool when the desk cannot take them.

A spooled request is one JSON file beside its recording; it becomes a ticket, exactly once, when the desk is
back. It is written whole or not at all, and survives a power cut: ``ID.recording`` says what is to become of
the recording while it is moved (``ivr.spool``).
"""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path

import structlog

from desk.contract import Desk, DeskUnavailable, TicketDraft
from ivr.dialog.contract import TicketFailed, TicketOpened
from ivr.spool import put_in_place, rename_for_good

log = structlog.get_logger(__name__)


async def open_ticket(
    desk: Desk, draft: TicketDraft, spool: Path, timeout_s: float
) -> TicketOpened | TicketFailed:
    """Never raises for a desk or disk that fails; ``TicketFailed`` with reason ``lost`` if both did."""
    try:
        async with asyncio.timeout(timeout_s):
            return TicketOpened((await desk.open_ticket(draft)).number)
    except (DeskUnavailable, TimeoutError) as error:
        log.warning(
            "the desk takes no ticket", action="ticket_spooled", source_id=draft.source_id, why=str(error)
        )
    except Exception:
        log.exception("the desk failed", action="ticket_spooled", source_id=draft.source_id)
    try:
        await asyncio.to_thread(write_to_spool, spool, draft)
    except OSError as error:
        log.error(
            "a request could not be spooled", action="ticket_lost", source_id=draft.source_id, why=str(error)
        )
        return TicketFailed("lost")
    return TicketFailed("spooled")


def write_to_spool(spool: Path, draft: TicketDraft) -> Path:
    """Writes ``SOURCE_ID.json``, moving the recording beside it; raises OSError, having moved nothing."""
    spool.mkdir(mode=0o700, parents=True, exist_ok=True)
    source = Path(draft.recording_path) if draft.recording_path else None
    if source is not None and not source.exists():
        source = None  # the desk has it: only its answer was lost, and the ticket is found by its source_id
    target = spool / f"{draft.source_id}{source.suffix}" if source is not None else None
    fields = {
        "source_id": draft.source_id,
        "topic": draft.topic,
        "language": draft.language,
        "kind": draft.kind,
        "caller_number": draft.caller_number,
        "text": draft.text,
        "recording": target.name if target is not None else "",
        "fields": dict(draft.fields),
        "created_ms": draft.created_ms,
    }
    final = spool / f"{draft.source_id}.json"
    body = json.dumps(fields, ensure_ascii=False).encode()
    if source is None or target is None:
        put_in_place(final, body)
        return final
    unfinished = final.with_suffix(".recording")
    put_in_place(unfinished, body)
    try:
        shutil.move(source, target)
    except OSError:
        unfinished.unlink(missing_ok=True)
        if source.exists():  # a copy to another disk that ended half way
            target.unlink(missing_ok=True)
        raise
    rename_for_good(unfinished, final)
    return final
