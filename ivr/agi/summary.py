"""What remains of a call: one record for the desk, one line for the log."""

from __future__ import annotations

from typing import Any

import structlog

from desk.contract import Interaction
from ivr.agi.live import LiveCall

log = structlog.get_logger(__name__)


def interaction(
    call: LiveCall, call_id: str, node: str, dialogue: Any, ended_ms: int, complete: bool
) -> Interaction:
    """The desk's record. ``dialogue`` is the session, None when the call never got one.

    Outcomes of a call that never waited: ``self_served`` (the dialogue ended it), ``left`` (the caller did),
    ``failed``.
    """
    notes = dict(getattr(dialogue, "notes", {}))
    if call.recording:
        notes["recording"] = call.recording
    return Interaction(
        call_id=call_id,
        node=node,
        caller_number=call.caller_number,
        dialled=call.dialled,
        topic=call.topic,
        language=call.language,
        outcome=call.outcome or ("self_served" if complete else "failed"),
        agent_id=call.agent_id,
        mark=call.mark,
        started_ms=call.started_ms,
        queued_ms=call.queued_ms,
        answered_ms=call.answered_ms,
        ended_ms=ended_ms,
        path=tuple(getattr(dialogue, "path", ())),
        notes=notes,
        flow_version=getattr(dialogue, "flow_version", ""),
    )


def log_summary(it: Interaction, call: LiveCall, *, missing: int, complete: bool) -> None:
    """The one line of a call; times in ms after its beginning."""
    log.info(
        "a call ended",
        action="call_ended",
        call_id=it.call_id,
        outcome=it.outcome,
        path=list(it.path),
        topic=it.topic,
        language=it.language,
        agent_id=it.agent_id,
        mark=it.mark,
        lasted_ms=it.ended_ms - it.started_ms,
        queued_after_ms=max(0, it.queued_ms - it.started_ms) if it.queued_ms else None,
        answered_after_ms=max(0, it.answered_ms - it.started_ms) if it.answered_ms else None,
        tickets=call.tickets,
        prompts_missing=missing,
        resumed=call.resumed,
        complete=complete,
        flow_version=it.flow_version,
        pii_caller=it.caller_number,
    )
