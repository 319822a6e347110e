"""Acts that are not the desk's own (a flow rolled back, an incident announced) in the same audit."""

from __future__ import annotations

import json
from collections.abc import Mapping

from desk.clock import wall_clock_ms
from desk.database import Database
from desk.models import AuditRow
from desk.office import Actor
from desk.rows import clean


async def note(
    database: Database, by: Actor, action: str, subject: str, details: Mapping[str, object]
) -> None:
    """One line in the audit. ``details`` hold no personal data. Raises DeskUnavailable."""
    async with database.write() as session:
        session.add(
            AuditRow(
                at_ms=wall_clock_ms(),
                actor=clean(by.name, 64),
                role=by.role,
                action=clean(action, 32),
                subject=clean(subject, 160),
                details=json.dumps(dict(details), ensure_ascii=False),
            )
        )
