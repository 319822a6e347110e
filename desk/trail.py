"""Acts that are not the desk's own (a flow rolled back, an incident announced) in the same audit."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping

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
                at_ms=time.time_ns() // 1_000_000,
                actor=clean(by.name, 64),
                role=by.role,
                action=clean(action, 32),
                subject=clean(subject, 160),
                details=json.dumps(dict(details), ensure_ascii=False),
            )
        )
