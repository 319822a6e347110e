"""Asterisk's configuration files, read so that every fault can name its file and line.

The ``key = value`` lines are read by pyst2 (``asterisk.config.Item``); sections with templates
(``[name](!,template)``) and ``#include`` it does not know, so those are read here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from asterisk.config import Item, ParseError

MAX_BYTES = 2_000_000
MAX_DEPTH = 5
_SECTION = re.compile(r"^\[([^\[\]]+)\]\s*(?:\(([^()]*)\))?$")
_INCLUDE = re.compile(r'^#(include|tryinclude|exec)\s+"?<?([^">]+)"?>?$')


@dataclass(frozen=True, slots=True, order=True)
class Fault:
    file: Path
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}"


@dataclass(frozen=True, slots=True)
class Value:
    name: str
    value: str
    file: Path
    line: int


@dataclass(slots=True)
class Section:
    name: str
    file: Path
    line: int
    is_template: bool = False
    templates: tuple[str, ...] = ()
    own: list[Value] = field(default_factory=list)
    all: list[Value] = field(default_factory=list)  # of its templates, then its own

    def get(self, name: str) -> str:
        """The last value, as most modules take it; "" when there is none."""
        return next((v.value for v in reversed(self.all) if v.name == name), "")


@dataclass(slots=True)
class Parsed:
    """One file with everything that it includes."""

    file: Path
    sections: list[Section] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)

    def real(self) -> Iterator[Section]:
        """Sections that Asterisk's modules see."""
        return (s for s in self.sections if not s.is_template)

    def named(self, name: str, type_: str = "") -> Section | None:
        return next(
            (s for s in self.real() if s.name == name and (not type_ or s.get("type") == type_)), None
        )


def read(file: Path, elsewhere: dict[str, Path] | None = None) -> Parsed:
    """``elsewhere``: included files that do not lie beside it, by name. Never raises for the content."""
    parsed = Parsed(file)
    _read_into(parsed, file, elsewhere or {}, 0)
    templates: dict[str, Section] = {}
    for section in parsed.sections:
        for name in section.templates:
            if name not in templates:
                parsed.faults.append(Fault(section.file, section.line, f"there is no template [{name}](!)"))
            else:
                section.all += templates[name].all
        section.all += section.own
        templates[section.name] = section
    return parsed


def _read_into(parsed: Parsed, file: Path, elsewhere: dict[str, Path], depth: int) -> None:
    try:
        if file.stat().st_size > MAX_BYTES:
            raise OSError(0, f"longer than {MAX_BYTES} bytes")
        lines = file.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        parsed.faults.append(Fault(file, 1, str(getattr(error, "strerror", "") or error)))
        return
    in_comment = False
    for number, raw in enumerate(lines, 1):
        line = raw.strip()
        if in_comment or line.startswith(";--"):
            in_comment = "--;" not in line
            continue
        line = re.split(r"(?<!\\);", line, maxsplit=1)[0].strip()
        if line.startswith("#"):
            _include(parsed, file, number, line, elsewhere, depth)
        elif line.startswith("["):
            _section(parsed, file, number, line)
        elif line:
            _item(parsed, file, number, line)


def _section(parsed: Parsed, file: Path, number: int, line: str) -> None:
    found = _SECTION.match(line)
    if found is None:
        parsed.faults.append(Fault(file, number, f"not a section: {line[:60]}"))
        return
    flags = [f.strip() for f in (found[2] or "").split(",") if f.strip()]
    names = tuple(f for f in flags if f not in ("!", "+"))
    parsed.sections.append(Section(found[1].strip(), file, number, "!" in flags, names))


def _item(parsed: Parsed, file: Path, number: int, line: str) -> None:
    try:
        item = Item(line, number)
    except (ParseError, IndexError):
        parsed.faults.append(Fault(file, number, f"neither a section nor name = value: {line[:60]}"))
        return
    if not parsed.sections:
        parsed.faults.append(Fault(file, number, f"{item.name!r} stands before the first [section]"))
        return
    parsed.sections[-1].own.append(Value(item.name, item.value.strip(), file, number))


def _include(
    parsed: Parsed, file: Path, number: int, line: str, elsewhere: dict[str, Path], depth: int
) -> None:
    found = _INCLUDE.match(line)
    if found is None or found[1] == "exec":
        parsed.faults.append(Fault(file, number, f"not an #include: {line[:60]}"))
        return
    if "*" in found[2]:
        for each in sorted(file.parent.glob(found[2].strip())):
            _read_into(parsed, each, elsewhere, depth + 1)
        return
    target = file.parent / found[2].strip()
    if not target.exists():
        target = elsewhere.get(target.name, target)
    if target.exists():
        if depth >= MAX_DEPTH:
            parsed.faults.append(Fault(file, number, "files include each other"))
            return
        _read_into(parsed, target, elsewhere, depth + 1)
    elif found[1] == "include":
        parsed.faults.append(Fault(file, number, f"{found[2].strip()} does not exist"))
