"""Installing ``asterisk-config/`` over a stock Asterisk: files, secrets, the emergency script."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from dozvon.machine import secrets
from dozvon.machine.asterisk import (
    CONFIG,
    LOCAL_FILE,
    aeap_conf,
    emergency_script,
    local_conf,
    write_private,
)
from dozvon.settings import Settings

BACKUP = ".before-dozvon"


class InstallFailed(Exception):
    """The files could not be installed; the text says what is missing."""


def install_files(settings: Settings, to: Path, group: str, *, dry_run: bool = False) -> Iterator[str]:
    """Yields a line for each file written. Repeating it changes nothing but our own files.

    ``dozvon-local.conf`` is the administrator's after the first time: it is not overwritten.
    """
    if not to.is_dir():
        raise InstallFailed(
            f"{to} is not there: install Asterisk 20 or newer first, or name its folder with --to"
        )
    if not dry_run and not os.access(to, os.W_OK):
        raise InstallFailed(f"{to} cannot be written to: run this as root")
    script = to / "dozvon-emergency"
    for source in sorted(CONFIG.glob("*.conf")):
        target = to / source.name
        if source.name == LOCAL_FILE:
            if not target.exists():
                yield f"{target}  this machine's addresses: yours from now on"
                if not dry_run:
                    target.write_text(local_conf(settings, script), "utf-8")
            continue
        text = aeap_conf(settings) if source.name == "aeap.conf" else source.read_text("utf-8")
        if target.exists() and target.read_text("utf-8", "replace") == text:
            continue
        backup = target.with_name(target.name + BACKUP)
        kept = target.exists() and not backup.exists()
        yield f"{target}{'  (the old one: ' + backup.name + ')' if kept else ''}"
        if not dry_run:
            if kept:
                shutil.copy2(target, backup)
            target.write_text(text, "utf-8")
    yield f"{to / secrets.FILE_NAME}  secrets, readable by root and group {group}"
    yield f"{script}  what Asterisk runs when no daemon answers"
    if not dry_run:
        _private_files(settings, to, script, group)


def _private_files(settings: Settings, to: Path, script: Path, group: str) -> None:
    secrets.ensure(settings.secrets, CONFIG)
    text = (settings.secrets / secrets.FILE_NAME).read_text("utf-8")
    write_private(to / secrets.FILE_NAME, text, mode=0o640)
    write_private(script, emergency_script(), mode=0o755)
    try:
        shutil.chown(to / secrets.FILE_NAME, group=group)
    except (LookupError, PermissionError):
        raise InstallFailed(
            f"{to / secrets.FILE_NAME} could not be given to group {group!r}; name another with --group"
        ) from None
