"""Small YAML files written by people, read so that every fault can name its file and line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from ivr.dialog.marks import Bad, plain, quick

MAX_BYTES = 1_000_000


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    """What is wrong, and where: prints as ``file:line: text``."""

    file: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


class FilesFaulty(Exception):
    """Files cannot be used; ``faults`` lists everything found."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__("\n".join(map(str, faults)))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class Field:
    """A value and the line it stands on; ``value`` is plain data."""

    value: object
    line: int
    fields: dict[str, Field]  # of a mapping, else empty


def read(file: Path) -> tuple[Field, list[Fault]]:
    """The file's mapping with the lines of its fields. Never raises for the file's content."""
    empty = Field({}, 1, {})
    try:
        if file.stat().st_size > MAX_BYTES:
            return empty, [Fault(file, 1, f"longer than {MAX_BYTES} bytes")]
        node = quick(file.read_text("utf-8"))
    except OSError as error:
        return empty, [Fault(file, 1, str(error.strerror))]
    except UnicodeDecodeError:
        return empty, [Fault(file, 1, "is not UTF-8")]
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        return empty, [Fault(file, line, f"{error.problem or 'not readable as YAML'}")]
    except yaml.YAMLError as error:
        return empty, [Fault(file, 1, " ".join(str(error).split()))]
    if node is None:
        return empty, []
    if not isinstance(node, yaml.MappingNode):
        return empty, [Fault(file, node.start_mark.line + 1, "a mapping is expected")]
    faults: list[Fault] = []
    return _field(node, file, faults), faults


def _field(node: yaml.Node, file: Path, faults: list[Fault]) -> Field:
    line = node.start_mark.line + 1
    if not isinstance(node, yaml.MappingNode):
        try:
            return Field(plain(node), line, {})
        except Bad as error:
            faults.append(Fault(file, error.line, str(error)))
            return Field(None, line, {})
    fields: dict[str, Field] = {}
    for key_node, value_node in node.value:
        key, at = str(key_node.value), key_node.start_mark.line + 1
        if key in fields:
            faults.append(Fault(file, at, f"{key} stands here twice, first in line {fields[key].line}"))
            continue
        inner = _field(value_node, file, faults)
        fields[key] = Field(inner.value, at, inner.fields)
    return Field({key: field.value for key, field in fields.items()}, line, fields)
