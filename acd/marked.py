"""YAML as a tree that knows its lines, for the distributor's files; every fault says where it is.

What a scalar is follows from how it is written: tags (``!!int``) are refused, and deep files are mistakes.
"""

from __future__ import annotations

from typing import Any, Final

import yaml

MAX_DEPTH: Final = 20


class Bad(Exception):
    """A value that cannot be used; ``line`` counts from 1."""

    def __init__(self, line: int, text: str) -> None:
        super().__init__(text)
        self.line = line


class _Composer(yaml.SafeLoader):
    shares = True
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if not self.shares and (isinstance(event, yaml.AliasEvent) or event.anchor is not None):
            raise Bad(line, "anchors (&, *) are not used here; put a * in quotes")
        if getattr(event, "tag", None) is not None:
            raise Bad(line, f"tags are not used here, such as {event.tag!r}; put a ! in quotes")
        if self.depth == MAX_DEPTH:
            raise Bad(line, "nested too deeply")
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


class _WithoutAnchors(_Composer):
    shares = False


def line_of(node: yaml.Node) -> int:
    return node.start_mark.line + 1


def compose(text: str, *, anchors: bool) -> yaml.Node | None:
    """The tree of a document, None of an empty one; raises Bad. With ``anchors`` a tree may hold itself."""
    try:
        return yaml.compose(text, Loader=_Composer if anchors else _WithoutAnchors)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        raise Bad(mark.line + 1 if mark else 1, error.problem or "not YAML") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise Bad(line, f"a character that no text has: {error.character:#04x}") from None


def scalar(node: yaml.Node) -> Any:
    """A single value as YAML means it: text, number, yes or no, date, nothing. Raises Bad."""
    try:
        node.value.encode("utf-8")
        return yaml.constructor.SafeConstructor().construct_object(node)
    except (yaml.YAMLError, ValueError):  # 2026-13-45 looks like a date, "\ud800" like a character
        what = node.value[:40].encode("ascii", "backslashreplace").decode()
        raise Bad(line_of(node), f"'{what}' is not what it looks like; put it in quotes") from None


def plain(node: yaml.Node) -> Any:
    """A tree without anchors as data. Names stay as they are written; one that stands twice is a fault."""
    if isinstance(node, yaml.SequenceNode):
        return [plain(item) for item in node.value]
    if not isinstance(node, yaml.MappingNode):
        return scalar(node)
    found: dict[str, Any] = {}
    for key, value in node.value:
        line = line_of(key)
        if not isinstance(key, yaml.ScalarNode):
            raise Bad(line, "a name is expected, not a list or mapping")
        scalar(key)  # for its faults
        if key.value in found:
            raise Bad(line, f"'{key.value}' is given twice")
        found[key.value] = plain(value)
    return found
