"""Changes that are audited after they are done: a desk that is away does not hold them up."""

from __future__ import annotations

from collections.abc import Mapping

import structlog

from desk import trail
from desk.contract import DeskUnavailable
from web.endpoint import Asked
from web.office import OFFICE

log = structlog.get_logger(__name__)


async def audited(asked: Asked, action: str, subject: str, details: Mapping[str, object]) -> None:
    try:
        await trail.note(asked.request.app[OFFICE].desk.database, asked.actor, action, subject, details)
    except DeskUnavailable as error:
        log.error(
            "done, but not in the audit",
            action="audit_missed",
            actor=asked.actor.name,
            act=action,
            subject=subject,
            why=str(error),
        )
