"""Where baresip and sipp are: in the private Asterisk's folder, else on the machine."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from dozvon.machine.asterisk_root import Toolbox, cache_root, multiarch, private


class PhoneMissing(Exception):
    """A SIP program is not there; the text says which Debian package brings it."""


@dataclass(frozen=True, slots=True)
class Baresip:
    command: tuple[str, ...]
    modules: Path


def _root() -> Toolbox | None:
    return private(cache_root())


def baresip() -> Baresip:
    """Raises PhoneMissing."""
    if (box := _root()) and (program := box.root / "usr/bin/baresip").exists():
        return Baresip(tuple(box.command(program)), box.root / "usr/lib/baresip/modules")
    if found := shutil.which("baresip"):
        for folder in (
            Path("/usr/lib/baresip/modules"),
            Path("/usr/lib") / multiarch()[0] / "baresip/modules",
        ):
            if (folder / "ctrl_tcp.so").exists():
                return Baresip((found,), folder)
    raise PhoneMissing("baresip is not installed (Debian package baresip-core)")


def sipp() -> tuple[str, ...]:
    """Raises PhoneMissing."""
    if (box := _root()) and (program := box.root / "usr/bin/sipp").exists():
        return tuple(box.command(program))
    if found := shutil.which("sipp"):
        return (found,)
    raise PhoneMissing("sipp is not installed (Debian package sip-tester)")
