"""YAML with line numbers: values as they are written, every fault knows where it is.

Scalars stay texts (a key ``1`` or ``*``, a word ``no``, a time ``08:00`` mean what they look like); anchors
are refused, so a small file stays small in memory.
"""

from __future__ import annotations

from typing import Any

import yaml

# Ten times faster where PyYAML was built with libyaml; both give the same marks.
LOADER = yaml.CSafeLoader if yaml.__with_libyaml__ else yaml.SafeLoader
MAX_DEPTH = 20  # deeper files are mistakes, and readers of YAML are slow in them
Mapped = dict[str, tuple[yaml.Node, yaml.Node]]  # name -> (node of the name, node of the value)


class Bad(Exception):
    """A value that cannot be used; ``line`` counts from 1."""

    def __init__(self, node: yaml.Node | None, text: str, line: int = 1) -> None:
        super().__init__(text)
        self.line = line_of(node) if node is not None else line


def line_of(node: yaml.Node) -> int:
    return node.start_mark.line + 1 if node.start_mark is not None else 1


def compose(text: str) -> yaml.Node | None:
    """The tree of a document; raises Bad with the line."""
    try:
        return _compose(text, LOADER)
    except yaml.YAMLError:
        pass  # read again below: the slow reader's messages and lines are the better ones
    except RecursionError:
        raise Bad(None, "not YAML: nested too deeply") from None
    try:
        return _compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Bad(None, f"not YAML: {error.problem or error.context}", mark.line + 1 if mark else 1) from None
    except (yaml.YAMLError, RecursionError) as error:
        raise Bad(None, f"not YAML: {' '.join(str(error).split())[:200]}") from None


def _compose(text: str, loader: Any) -> yaml.Node | None:
    depth = 0
    for event in yaml.parse(text, Loader=loader):
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if isinstance(event, yaml.AliasEvent):
            raise Bad(None, "anchors (&, *) are not used here; put a * in quotes", line)
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > MAX_DEPTH:
            raise Bad(None, "nested too deeply", line)
    return yaml.compose(text, Loader=loader)


def quick(text: str) -> yaml.Node | None:
    """The tree of a document, by the fast reader when it finds no fault: the slow one words faults better.

    Raises yaml.YAMLError.
    """
    try:
        return yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader)


def mapping(node: yaml.Node) -> Mapped:
    if isinstance(node, yaml.ScalarNode) and not node.value:
        return {}
    if not isinstance(node, yaml.MappingNode):
        raise Bad(node, "a mapping (name: value) is expected here")
    found: Mapped = {}
    for key, value in node.value:
        name = text(key)
        if name in found:
            raise Bad(key, f"'{name}' is given twice")
        found[name] = (key, value)
    return found


def text(node: yaml.Node) -> str:
    if not isinstance(node, yaml.ScalarNode):
        raise Bad(node, "a single value is expected here")
    return str(node.value).strip()


def texts(node: yaml.Node) -> tuple[str, ...]:
    if isinstance(node, yaml.SequenceNode):
        return tuple(text(item) for item in node.value)
    value = text(node)
    return (value,) if value else ()


def items(node: yaml.Node) -> list[yaml.Node]:
    if isinstance(node, yaml.ScalarNode) and not node.value:
        return []
    if not isinstance(node, yaml.SequenceNode):
        raise Bad(node, "a list is expected here")
    return list(node.value)


def plain(node: yaml.Node) -> Any:
    """The tree as data, numbers and flags as YAML means them; names stay texts."""
    if isinstance(node, yaml.MappingNode):
        return {name: plain(value) for name, (_, value) in mapping(node).items()}
    if isinstance(node, yaml.SequenceNode):
        return [plain(item) for item in node.value]
    try:
        return yaml.constructor.SafeConstructor().construct_object(node)
    except (yaml.YAMLError, ValueError):  # 2026-13-45 looks like a date
        raise Bad(node, f"'{text(node)}' is not what it looks like; put it in quotes") from None


def whole(node: yaml.Node) -> int:
    value = text(node)
    if not value.isascii() or not value.isdigit() or len(value) > 7:
        raise Bad(node, f"a whole number is expected, not '{value}'")
    return int(value)


def flag(node: yaml.Node) -> bool:
    value = text(node).lower()
    if value not in ("true", "false", "yes", "no"):
        raise Bad(node, f"yes or no is expected, not '{value}'")
    return value in ("true", "yes")


def table(node: yaml.Node) -> dict[str, str]:
    return {name: text(value) for name, (_, value) in mapping(node).items()}
