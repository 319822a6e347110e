"""A configuration file as text for its parser: size, encoding and faults handled alike for all of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from ivr.dialog.marks import Bad

T = TypeVar("T")


def read(file: Path, parser: Callable[[str], T], fault: type[Exception], max_bytes: int) -> T:
    """What ``parser`` makes of the file; raises ``fault`` with ``file:line: …`` for whatever is wrong."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise fault(f"{file}:1: {error.strerror}") from None
    if len(raw) > max_bytes:
        raise fault(f"{file}:1: longer than {max_bytes} bytes")
    try:
        return parser(raw.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise fault(f"{file}:{raw[: error.start].count(10) + 1}: not UTF-8") from None
    except Bad as error:
        raise fault(f"{file}:{error.line}: {error}") from None
