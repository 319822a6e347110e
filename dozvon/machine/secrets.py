"""Secrets of Asterisk: made once, kept in one file that only its owner may read.

The file is Asterisk's own format, so that ``pjsip.conf``, ``manager.conf`` and ``extensions.conf`` can all
include it. Every section is a template (``(!)``): modules do not see templates, only what is made of them.
"""

from __future__ import annotations

import os
import re
import secrets as random_secrets
from dataclasses import dataclass, field
from pathlib import Path

FILE_NAME = "dozvon-secrets.conf"
_REFERENCE = re.compile(r"^\s*\[[^\]]+\]\([^)]*?secret-([\w.-]+)", re.MULTILINE)
_SECTION = re.compile(r"^\[secret-([\w.-]+)\]\(!\)\s*\n\s*([@\w]+)\s*=\s*(\S+)\s*$", re.MULTILINE)
_FIELDS = {"agi": "DOZVON_TOKEN", "ami": "secret", "speech": "@token"}
_BYTES = 24
_MAX_FILE_BYTES = 1_000_000


@dataclass(frozen=True, slots=True)
class AsteriskSecrets:
    """What the daemon needs to know of them."""

    agi_token: str = field(repr=False)
    ami_secret: str = field(repr=False)
    speech_token: str = field(repr=False)
    trunk_password: str = field(repr=False)
    agents: dict[str, str] = field(repr=False)  # user name of a phone -> its password


def ensure(folder: Path, config: Path) -> AsteriskSecrets:
    """The secrets in ``folder``; what ``config`` (the Asterisk files) refers to and is not there yet is made.

    Existing secrets are never changed. The folder is 0700, the file 0600, replaced atomically.
    """
    wanted = {"agi", "ami", "speech", "trunk"} | referenced(config)
    file = folder / FILE_NAME
    known = read(file)
    missing = wanted - known.keys()
    if missing:
        known |= {name: random_secrets.token_urlsafe(_BYTES) for name in missing}
        _write(file, known)
    elif file.stat().st_mode & 0o077:
        file.chmod(0o600)
    return AsteriskSecrets(
        agi_token=known["agi"],
        ami_secret=known["ami"],
        speech_token=known["speech"],
        trunk_password=known["trunk"],
        agents={name: value for name, value in sorted(known.items()) if name.isdigit()},
    )


def referenced(config: Path) -> set[str]:
    """Names of the secrets that the Asterisk files in ``config`` use: ``[x](…,secret-NAME)``."""
    return {
        name
        for file in sorted(config.glob("*.conf"))
        if file.name != FILE_NAME
        for name in _REFERENCE.findall(file.read_text("utf-8"))
    }


def read(file: Path) -> dict[str, str]:
    """Secrets by name; an absent file has none."""
    try:
        if file.stat().st_size > _MAX_FILE_BYTES:
            raise ValueError(f"{file}: too large for a file of secrets")
        return {name: value for name, _, value in _SECTION.findall(file.read_text("utf-8"))}
    except FileNotFoundError:
        return {}


def _write(file: Path, known: dict[str, str]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.parent.chmod(0o700)
    lines = ["; Made by `dozvon asterisk secrets`. Keep it out of every repository.", ""]
    for name, value in sorted(known.items()):
        lines += [f"[secret-{name}](!)", f"{_FIELDS.get(name, 'password')} = {value}", ""]
    scratch = file.with_suffix(f".{os.getpid()}.new")
    handle = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as out:
        out.write("\n".join(lines))
        out.flush()
        os.fsync(out.fileno())
    os.replace(scratch, file)
