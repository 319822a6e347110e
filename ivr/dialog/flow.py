"""From ``config/flows/*.yaml`` to a Flow: every fault with its file and line, all of them at once.

A file::

    languages: [ru, en]        # in one file only: the hotline's languages,
    start: welcome             # where a call begins,
    resume: queue.wait         # and where a caller is put after a restart of the daemon
    defaults:                  # for the asking nodes of this file
      person: queue.enter
      else: queue.enter
    nodes:
      welcome: {kind: say, prompts: greeting, by: time_of_day, next: topics}

Values are read as written (a key ``1`` or ``*`` is a text, ``no`` is not false); anchors are refused, so a
small file stays small.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ivr.dialog.marks import Bad, Mapped, compose, flag, line_of, mapping, table, text, texts, whole
from ivr.dialog.model import KINDS, YAML_NAME, Asking, Flow, Leading, Menu, Node, Option

MAX_FILE_BYTES = 256 * 1024
MAX_FILES = 64
MAX_NODES = 2000
MENU_DEFAULTS = ("free", "intents", "tail")  # a file may give its menus these as well


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """A fault of a flow: where it is, what kind of fault, and what to do about it."""

    file: str
    line: int
    code: str
    text: str
    severity: str = "error"  # or "warning": the flow works, somebody should look

    def __str__(self) -> str:
        mark = "" if self.severity == "error" else "warning: "
        return f"{self.file}:{self.line}: {mark}{self.text} [{self.code}]"


class FlowError(Exception):
    """The flow files cannot be used; ``problems`` holds every fault."""

    def __init__(self, problems: list[Problem]) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = tuple(problems)


def _option(key: str, key_node: yaml.Node, node: yaml.Node) -> Option:
    # A list, not a mapping, may hold the same key twice: the checker shall find it.
    known = {"key", "say", "go", "topic", "value", "phrases", "intents"}
    fields = mapping(node)
    for name, (name_node, _) in fields.items():
        if name not in known:
            raise Bad(name_node, f"a choice has no field '{name}'; it has {', '.join(sorted(known))}")
    values: dict[str, Any] = {
        name: text(fields[name][1]) for name in ("say", "go", "topic", "value") if name in fields
    }
    if "intents" in fields:
        values["intents"] = texts(fields["intents"][1])
    if "phrases" in fields:
        values["phrases"] = {
            language: texts(value) for language, (_, value) in mapping(fields["phrases"][1]).items()
        }
    return Option(key=key, line=line_of(key_node), **values)


def _options(node: yaml.Node) -> tuple[Option, ...]:
    found = []
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            fields = mapping(item)
            if "key" not in fields:
                raise Bad(item, "this choice has no key")
            found.append((text(fields["key"][1]), item, item))
    else:
        found = [(name, key, value) for name, (key, value) in mapping(node).items()]
    for name, key_node, _ in found:
        if len(name) != 1 or name not in "0123456789*#":
            raise Bad(key_node, f"a key is one of 0-9 * #, not '{name}'")
    return tuple(_option(*item) for item in found)


READERS: Mapping[str, Callable[[yaml.Node], Any]] = {
    "str": text,
    "Ref": text,
    "Refs": table,
    "Prompts": texts,
    "Names": texts,
    "Options": _options,
    "int": whole,
    "bool": flag,
}


def _choices(annotation: str) -> tuple[str, ...]:
    """``Literal["", "snils"]`` as a tuple of texts."""
    inner = annotation.removeprefix("Literal[").removesuffix("]")
    return tuple(part.strip().strip("\"'") for part in inner.split(","))


def _read_field(annotation: str, node: yaml.Node) -> Any:
    if annotation.startswith("Literal["):
        value = text(node)
        allowed = _choices(annotation)
        if value not in allowed:
            raise Bad(node, f"'{value}' is not one of {', '.join(filter(None, allowed))}")
        return value
    return READERS[annotation](node)


class _Reader:
    def __init__(self) -> None:
        self.problems: list[Problem] = []
        self.nodes: dict[str, Node] = {}
        self.heads: dict[str, tuple[str, int, Any]] = {}

    def read(self, file: str, content: str) -> None:
        try:
            root = compose(content)
            if root is None:
                raise Bad(None, "the file is empty")
            self._file(file, mapping(root))
        except Bad as error:
            self.problems.append(Problem(file, error.line, "syntax", str(error)))

    def _file(self, file: str, root: Mapped) -> None:
        space = Path(file).stem
        for name, (key, value) in root.items():
            if name in ("start", "resume", "languages"):
                if name in self.heads:
                    raise Bad(key, f"'{name}' is already given in {self.heads[name][0]}")
                content: Any = texts(value) if name == "languages" else _full(space, text(value))
                self.heads[name] = (file, line_of(key), content)
            elif name not in ("defaults", "nodes"):
                raise Bad(key, f"unknown entry '{name}'; known are languages, start, resume, defaults, nodes")
        defaults = mapping(root["defaults"][1]) if "defaults" in root else {}
        self._check_defaults(defaults)
        for name, (key, value) in (mapping(root["nodes"][1]) if "nodes" in root else {}).items():
            try:
                if not name.replace("_", "a").isalnum() or not name.isascii():
                    raise Bad(key, f"a node's name is made of Latin letters, digits and _, not '{name}'")
                node_id = f"{space}.{name}"
                self.nodes[node_id] = self._node(file, space, node_id, key, mapping(value), defaults)
            except Bad as error:
                self.problems.append(Problem(file, error.line, "syntax", str(error)))

    @staticmethod
    def _check_defaults(defaults: Mapped) -> None:
        known = {YAML_NAME.get(item.name, item.name) for item in dataclasses.fields(Leading)}
        known = known - {"id", "file", "line", "prompts"} | set(MENU_DEFAULTS)
        for name, (key, _) in defaults.items():
            if name not in known:
                raise Bad(key, f"there is no default '{name}'; known are {', '.join(sorted(known))}")

    def _node(
        self, file: str, space: str, node_id: str, key: yaml.Node, given: Mapped, defaults: Mapped
    ) -> Node:
        if "kind" not in given:
            raise Bad(key, f"node '{node_id}' has no kind")
        kind = text(given["kind"][1])
        if kind not in KINDS:
            raise Bad(given["kind"][1], f"unknown kind '{kind}'; known are {', '.join(KINDS)}")
        cls = KINDS[kind]
        values: dict[str, Any] = {"id": node_id, "file": file, "line": line_of(key)}
        names = {"kind"}
        for item in dataclasses.fields(cls):
            if item.name in values:
                continue
            name = YAML_NAME.get(item.name, item.name)
            names.add(name)
            source = given.get(name)
            if source is None and self._inherits(cls, item.name):
                source = defaults.get(name)
            if source is not None:
                values[item.name] = _qualify(space, str(item.type), _read_field(str(item.type), source[1]))
            elif item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING:
                raise Bad(key, f"node '{node_id}' ({kind}) needs '{name}'")
        for name, (name_node, _) in given.items():
            if name not in names:
                raise Bad(
                    name_node, f"kind '{kind}' has no field '{name}'; it has {', '.join(sorted(names))}"
                )
        return cls(**values)

    @staticmethod
    def _inherits(cls: type[Node], field_name: str) -> bool:
        """Where a kind has its own default (a survey asks once), the file's default does not reach."""
        if not issubclass(cls, Asking):
            return False
        if issubclass(cls, Menu) and field_name in MENU_DEFAULTS:
            return True
        own = cls.__dataclass_fields__[field_name].default
        base = Leading.__dataclass_fields__.get(field_name)
        return base is not None and own == base.default


def _full(space: str, name: str) -> str:
    return name if "." in name or not name else f"{space}.{name}"


def _qualify(space: str, annotation: str, value: Any) -> Any:
    if annotation == "Ref":
        return _full(space, value)
    if annotation == "Refs":
        return {label: _full(space, target) for label, target in value.items()}
    if annotation == "Options":
        return tuple(dataclasses.replace(option, go=_full(space, option.go)) for option in value)
    return value


def parse(files: Mapping[str, str]) -> Flow:
    """A flow from file names and texts; raises FlowError with every fault of form.

    What only shows in the whole (unknown nodes, loops, missing prompts) is ``ivr.dialog.check``'s business.
    """
    reader = _Reader()
    for file in sorted(files):
        reader.read(file, files[file])
    first = min(files, default="flows")
    for name, what in (("start", "where a call begins"), ("resume", "the queue to come back to")):
        if name not in reader.heads and not reader.problems:
            reader.problems.append(Problem(first, 1, "syntax", f"no file says '{name}': {what}"))
    if len(reader.nodes) > MAX_NODES:
        reader.problems.append(Problem(first, 1, "syntax", f"more than {MAX_NODES} nodes"))
    if reader.problems:
        raise FlowError(sorted(reader.problems))
    digest = hashlib.sha256()
    for file in sorted(files):
        digest.update(f"{file}\0{files[file]}\0".encode())
    languages = reader.heads.get("languages", ("", 0, ("ru",)))[2]
    return Flow(
        version=digest.hexdigest()[:12],
        nodes=reader.nodes,
        start=reader.heads["start"][2],
        resume=reader.heads["resume"][2],
        languages=tuple(languages),
        files=dict(files),
    )


def read_folder(folder: Path) -> dict[str, str]:
    """File names and texts of ``*.yaml`` in a folder; raises FlowError for what cannot be read."""
    problems = []
    files: dict[str, str] = {}
    try:
        paths = sorted(folder.glob("*.yaml"))
    except OSError as error:
        raise FlowError([Problem(str(folder), 1, "unreadable", str(error.strerror))]) from None
    if not paths:
        raise FlowError([Problem(str(folder), 1, "unreadable", "there is no flow file (*.yaml) here")])
    if len(paths) > MAX_FILES:
        raise FlowError([Problem(str(folder), 1, "unreadable", f"more than {MAX_FILES} flow files")])
    for path in paths:
        try:
            content = path.read_bytes()
            if len(content) > MAX_FILE_BYTES:
                problems.append(Problem(path.name, 1, "unreadable", f"longer than {MAX_FILE_BYTES} bytes"))
                continue
            files[path.name] = content.decode("utf-8")
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            problems.append(Problem(path.name, line, "unreadable", "not UTF-8"))
        except OSError as error:
            problems.append(Problem(path.name, 1, "unreadable", str(error.strerror)))
    if problems:
        raise FlowError(problems)
    return files


def load(folder: Path) -> Flow:
    """The flow in a folder; raises FlowError with every fault, each with file and line."""
    return parse(read_folder(folder))
