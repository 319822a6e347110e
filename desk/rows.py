"""Between the contract's records and the tables: sealing, opening, limits on what a call may bring."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import cast

from desk.contract import Interaction, Ticket, TicketDraft, TicketKind, TicketStatus
from desk.models import AuditRow, InteractionRow, TicketRow
from desk.numbers import normal_telephone
from desk.office import AuditEntry
from desk.vault import Vault

MAX_TEXT = 8_000  # characters
MAX_FIELDS_BYTES = 32_000
MAX_PATH_NODES = 2_000
_MAX_SOURCE_ID = 128


def clean(text: str, limit: int) -> str:
    """One line of at most ``limit`` characters, without NUL and half surrogates, which databases refuse."""
    return " ".join(text.replace("\0", " ").encode("utf-8", "replace").decode().split())[:limit]


def source_key(source_id: str) -> str:
    """``source_id`` as it is stored: a very long one by its hash."""
    if not source_id:
        raise ValueError("a ticket draft needs a source_id")
    if len(source_id) <= _MAX_SOURCE_ID and "\0" not in source_id:
        return source_id
    return "sha256:" + hashlib.sha256(source_id.encode("utf-8", "replace")).hexdigest()


def bounded_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """Fields as JSON would give them back; too much of them is replaced by their names.

    A caller's request is taken in any case: a flow that collects too much must not lose it.
    """
    text = json.dumps(dict(fields), ensure_ascii=False, default=str)
    if len(text.encode("utf-8", "replace")) > MAX_FIELDS_BYTES:
        return {"dropped_fields": [str(name)[:64] for name in list(fields)[:50]]}
    return cast("dict[str, object]", json.loads(text))


def new_ticket_row(vault: Vault, draft: TicketDraft, number: str, now_ms: int) -> TicketRow:
    key = source_key(draft.source_id)
    return TicketRow(
        number=number,
        source_id=key,
        topic=clean(draft.topic, 64),
        language=clean(draft.language, 16),
        kind=draft.kind,
        status="new",
        assignee="",
        caller_ref=vault.caller_ref(draft.caller_number),
        personal=seal_ticket(vault, key, draft.caller_number, draft.text, draft.fields),
        recording_id="",
        recording_type="",
        recording_bytes=0,
        recording_pending="",
        created_ms=draft.created_ms or now_ms,
        updated_ms=now_ms,
        closed_ms=0,
        version=1,
    )


def seal_ticket(vault: Vault, key: str, number: str, text: str, fields: Mapping[str, object]) -> bytes:
    content = {"number": clean(number, 64), "text": text[:MAX_TEXT], "fields": bounded_fields(fields)}
    return vault.seal(_json(content), f"ticket:{key}")


def ticket_of(vault: Vault, row: TicketRow) -> Ticket:
    content = json.loads(vault.unseal(row.personal, f"ticket:{row.source_id}"))
    return Ticket(
        number=row.number,
        source_id=row.source_id,
        topic=row.topic,
        language=row.language,
        kind=cast("TicketKind", row.kind),
        status=cast("TicketStatus", row.status),
        caller_number=content["number"],
        text=content["text"],
        has_recording=bool(row.recording_id),
        assignee=row.assignee,
        fields=content["fields"],
        created_ms=row.created_ms,
        updated_ms=row.updated_ms,
        closed_ms=row.closed_ms,
        version=row.version,
    )


def interaction_values(vault: Vault, call: Interaction) -> dict[str, object]:
    """Columns of an interaction; a number that is no telephone number is still kept, sealed."""
    content = {"number": clean(call.caller_number, 64), "notes": bounded_fields(call.notes)}
    call_id = clean(call.call_id, 128)
    return {
        "call_id": call_id,
        "node": clean(call.node, 64),
        "caller_ref": vault.caller_ref(call.caller_number),
        "dialled": normal_telephone(call.dialled) or clean(call.dialled, 64),
        "topic": clean(call.topic, 64),
        "language": clean(call.language, 16),
        "outcome": clean(call.outcome, 32),
        "agent_id": clean(call.agent_id, 64),
        "mark": call.mark,
        "started_ms": call.started_ms,
        "queued_ms": call.queued_ms,
        "answered_ms": call.answered_ms,
        "ended_ms": call.ended_ms,
        "flow_version": clean(call.flow_version, 64),
        "path": json.dumps([clean(node, 64) for node in list(call.path)[:MAX_PATH_NODES]]),
        "personal": vault.seal(_json(content), f"call:{call_id}"),
    }


def interaction_of(vault: Vault, row: InteractionRow) -> Interaction:
    """An interaction; number and notes are empty once they were forgotten."""
    content: dict[str, object] = {"number": "", "notes": {}}
    if row.personal is not None:
        content = json.loads(vault.unseal(row.personal, f"call:{row.call_id}"))
    return Interaction(
        call_id=row.call_id,
        node=row.node,
        caller_number=cast("str", content["number"]),
        dialled=row.dialled,
        topic=row.topic,
        language=row.language,
        outcome=row.outcome,
        agent_id=row.agent_id,
        mark=row.mark,
        started_ms=row.started_ms,
        queued_ms=row.queued_ms,
        answered_ms=row.answered_ms,
        ended_ms=row.ended_ms,
        path=tuple(json.loads(row.path)),
        notes=cast("dict[str, object]", content["notes"]),
        flow_version=row.flow_version,
    )


def audit_entry_of(row: AuditRow) -> AuditEntry:
    return AuditEntry(
        row.id, row.at_ms, row.actor, row.role, row.action, row.subject, json.loads(row.details)
    )


def merged(old: Mapping[str, object], change: Mapping[str, object] | None) -> dict[str, object]:
    if change is None:
        return dict(old)
    merged = {**old, **change}
    return bounded_fields({name: value for name, value in merged.items() if value is not None})


def _json(content: object) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode("utf-8", "replace")
