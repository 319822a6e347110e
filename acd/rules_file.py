"""The rules file: reads ``config/rules.yaml`` and says where it is wrong, by file and line."""

from __future__ import annotations

from pathlib import Path

import yaml

from acd.contract import RulesLoaded
from acd.core.rules import Rules, RulesError, parse
from acd.journal.codec import RecordTooLong, encode
from acd.marked import Bad, compose, plain

MAX_BYTES = 1_000_000


class RulesFileError(Exception):
    """The rules file cannot be used; the text begins with ``FILE:LINE:``."""


def load(file: Path) -> tuple[RulesLoaded, Rules]:
    """The file as an event that the journal takes and as a checked rule set; raises RulesFileError."""
    node = _tree(file)
    try:
        raw = plain(node) if node is not None else {}
        if raw is None:
            raw = {}
        if not isinstance(raw, dict):
            raise Bad(1, "a mapping is expected")
        rules = parse(raw)
        loaded = RulesLoaded(str(raw.get("version", "")), raw)
        encode(loaded)
    except Bad as error:
        raise RulesFileError(f"{file}:{error.line}: {error}") from None
    except RulesError as error:
        raise RulesFileError(f"{file}:{line_of(node, error.field)}: {error}") from None
    except RecordTooLong as error:
        raise RulesFileError(f"{file}:1: the journal cannot hold these rules: {error}") from None
    return loaded, rules


def where(file: Path, field: str) -> str:
    """``FILE:LINE`` of a field such as ``queues.vip``; raises RulesFileError."""
    return f"{file}:{line_of(_tree(file), field)}"


def _tree(file: Path) -> yaml.Node | None:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise RulesFileError(f"{file}:1: larger than {MAX_BYTES} bytes")
        return compose(file.read_text("utf-8"), anchors=False)
    except OSError as error:
        raise RulesFileError(f"{file}:1: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise RulesFileError(f"{file}:1: not UTF-8 ({error.reason})") from None
    except Bad as error:
        raise RulesFileError(f"{file}:{error.line}: {error}") from None


def line_of(node: yaml.Node | None, field: str) -> int:
    """The line of ``queues.vip.overflow`` or ``relax[1].level``: of the deepest part that is there."""
    line = 1
    for part in field.replace("[", ".").replace("]", "").split("."):
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if str(getattr(key, "value", "")) == part:
                    line, node = key.start_mark.line + 1, value
                    break
            else:
                break
        elif isinstance(node, yaml.SequenceNode) and part.isdigit() and int(part) < len(node.value):
            node = node.value[int(part)]
            line = node.start_mark.line + 1
        else:
            break
    return line
