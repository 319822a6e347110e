"""One log for all: structlog, a JSON line each in ``home/log``, ``action=`` on every line.

Personal data may stand only in fields named ``pii_*``; ``DOZVON_LOG_PII=1`` shows them, otherwise they are
replaced by their length.
"""

from __future__ import annotations

import logging
import logging.handlers
import os
from collections.abc import MutableMapping
from typing import Any

import structlog

from dozvon.settings import Settings

_MAX_BYTES = 50_000_000
_KEEP = 5


def configure(settings: Settings, name: str, console: bool = False) -> None:
    """Write to ``home/log/NAME.jsonl`` (rotated) and, with ``console``, to standard error as well."""
    folder = settings.home / "log"
    folder.mkdir(parents=True, exist_ok=True)
    handlers: list[logging.Handler] = [
        logging.handlers.RotatingFileHandler(
            folder / f"{name}.jsonl", maxBytes=_MAX_BYTES, backupCount=_KEEP, encoding="utf-8"
        )
    ]
    if console:
        handlers.append(logging.StreamHandler())
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=False),
        hide_personal_data,
        structlog.processors.format_exc_info,
    ]
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
    )
    for handler in handlers:
        handler.setFormatter(formatter)
    logging.basicConfig(handlers=handlers, level=logging.INFO, force=True)
    logging.getLogger("aiohttp.access").setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )


def hide_personal_data(
    _logger: object, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A marked field keeps only its length, unless the administrator asked to see it."""
    if os.environ.get("DOZVON_LOG_PII") != "1":
        for name in event:
            if name.startswith("pii_"):
                event[name] = f"({len(str(event[name]))})"
    return event
