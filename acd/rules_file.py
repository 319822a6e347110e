"""``config/rules.yaml`` as a fact for the engine: every fault with file and line."""

from __future__ import annotations

import hashlib
from pathlib import Path

import yaml

from acd.contract import RulesLoaded
from acd.core.rules import RulesError, parse

MAX_BYTES = 1_000_000


class RulesFileError(Exception):
    """The rules cannot be used; the text is ``file:line: fault``. Rules in force stay in force."""


def load(file: Path) -> RulesLoaded:
    """Reads and checks the rules; their version is the hash of the file. Raises RulesFileError."""
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise RulesFileError(f"{file}:1: {error.strerror}") from None
    if len(raw) > MAX_BYTES:
        raise RulesFileError(f"{file}:1: longer than {MAX_BYTES} bytes")
    try:
        root = yaml.compose(raw, Loader=yaml.SafeLoader)
        mapping = yaml.safe_load(raw) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        raise RulesFileError(f"{file}:{line}: {getattr(error, 'problem', None) or 'no YAML'}") from None
    if not isinstance(mapping, dict):
        raise RulesFileError(f"{file}:1: a mapping is expected")
    try:
        parse(mapping)
    except RulesError as error:
        raise RulesFileError(f"{file}:{_line(root, error.field)}: {error}") from None
    return RulesLoaded(hashlib.sha256(raw).hexdigest()[:12], mapping)


def _line(node: yaml.Node | None, field: str) -> int:
    """The line of a dotted field, or of the deepest part of it that is written down."""
    line = 1
    for part in field.replace("[", ".").replace("]", "").split("."):
        found = None
        if isinstance(node, yaml.MappingNode):
            found = next(((key, value) for key, value in node.value if key.value == part), None)
        elif isinstance(node, yaml.SequenceNode) and part.isdecimal() and int(part) < len(node.value):
            found = (node.value[int(part)], node.value[int(part)])
        if found is None:
            break
        line, node = found[0].start_mark.line + 1, found[1]
    return line
