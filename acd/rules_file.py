"""The rules file: reads ``config/rules.yaml`` and says where it is wrong, by file and line."""

from __future__ import annotations

from pathlib import Path

import yaml

from acd.contract import RulesLoaded
from acd.core.rules import Rules, RulesError, parse

MAX_BYTES = 1_000_000


class RulesFileError(Exception):
    """The rules file cannot be used; the text begins with ``FILE:LINE:``."""


def load(file: Path) -> tuple[RulesLoaded, Rules]:
    """The file as an event for the journal and as a checked rule set; raises RulesFileError."""
    try:
        if file.stat().st_size > MAX_BYTES:
            raise RulesFileError(f"{file}:1: larger than {MAX_BYTES} bytes")
        text = file.read_text("utf-8")
        node = yaml.compose(text, Loader=yaml.SafeLoader)
        raw = yaml.safe_load(text)
    except OSError as error:
        raise RulesFileError(f"{file}:1: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise RulesFileError(f"{file}:1: not UTF-8 ({error.reason})") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = mark.line + 1 if mark else 1
        problem = getattr(error, "problem", None) or "not YAML"
        raise RulesFileError(f"{file}:{line}: {problem}") from None
    if raw is None:
        raw = {}
    if not isinstance(raw, dict):
        raise RulesFileError(f"{file}:1: a mapping is expected")
    raw = _with_text_keys(raw)
    try:
        rules = parse(raw)
    except RulesError as error:
        raise RulesFileError(f"{file}:{line_of(node, error.field)}: {error}") from None
    return RulesLoaded(str(raw.get("version", "")), raw), rules


def _with_text_keys(raw: object) -> dict[str, object]:
    """YAML's keys may be numbers (levels); JSON's, and so the journal's, are text."""

    def plain(value: object) -> object:
        if isinstance(value, dict):
            return {str(key): plain(each) for key, each in value.items()}
        if isinstance(value, list):
            return [plain(each) for each in value]
        return value

    done = plain(raw)
    assert isinstance(done, dict)
    return done


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
