"""A flow as a picture that can be read: SVG made here, nothing needs installing. Pure text.

One frame a file, one box a node: its name and kind, what the caller hears first, and every exit with where
it leads. Lines are drawn only along the tree in which a file's nodes are reached first: a line for each of
four hundred exits would hide them all. The way of a given call is red, boxes, exits and lines.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from html import escape

from ivr.dialog.model import KIND_OF, Asking, Flow, Node, Say, edges, prompts_of

COLOURS: Mapping[str, str] = {
    "menu": "#dbe9ff", "question": "#e8f0ff", "ask_number": "#e8f0ff", "confirm": "#e8f0ff",
    "queue": "#ffe2c4", "callback": "#fff0dc", "transfer": "#ffe2c4", "record": "#ffdce6",
    "answer": "#dcf5dc", "hours": "#fff8c9", "survey": "#efe2ff", "goodbye": "#e5e5e5",
}  # fmt: skip
WAY = "#c00030"
ASIDE = ("else", "person", "skip", "failed", "refused")  # ways out that are not the main way
BOX_W, GAP_X, GAP_Y, MARGIN, ROW, HEAD = 250, 60, 18, 24, 14, 22
WORDS_WIDTH, WORDS_ROWS = 40, 2
TextOf = Callable[[str], str]  # prompt id -> its words, "" when unknown


@dataclass(slots=True)
class Box:
    node: Node
    words: list[str]
    exits: list[tuple[str, str, bool]]  # labels, target, on the call's way
    parent: str = ""
    x: int = 0
    y: int = 0

    @property
    def height(self) -> int:
        return HEAD + ROW * (len(self.words) + len(self.exits)) + 8


@dataclass(slots=True)
class Frame:
    file: str
    boxes: dict[str, Box] = field(default_factory=dict)
    y: int = 0
    height: int = 0


def first_words(node: Node, text_of: TextOf) -> str:
    """What a caller hears first at this node, in short."""
    named = getattr(node, "prompts", ())
    if isinstance(node, Say) and node.by:
        named = prompts_of(node)
    if isinstance(node, Asking) and not named:
        named = prompts_of(node)[-1:]  # an answer node: the answer itself
    return next((text for prompt in named if (text := text_of(prompt).strip(" |"))), "")


def svg(flow: Flow, text_of: TextOf, way: Collection[str] = ()) -> str:
    """The picture; ``way`` holds ``node>label`` for the edges that a call took."""
    frames = list(_frames(flow, text_of, way))
    depth = 0
    top = MARGIN
    for frame in frames:
        frame.y = top
        depth = max(depth, _place(flow, frame))
        top += frame.height + MARGIN
    width = 2 * MARGIN + (depth + 1) * (BOX_W + GAP_X)
    walked = {step.partition(">")[0] for step in way}
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {top}" width="{width}" height="{top}" '
        'font-family="DejaVu Sans, sans-serif"><rect width="100%" height="100%" fill="white"/>'
    ]
    for frame in frames:
        parts.append(
            f'<rect x="{MARGIN // 2}" y="{frame.y}" width="{width - MARGIN}" height="{frame.height}" rx="8" '
            f'fill="#fafafa" stroke="#cccccc"/><text x="{MARGIN}" y="{frame.y + 20}" font-size="15" '
            f'font-weight="bold" fill="#555555">{escape(frame.file)}</text>'
        )
        parts += [_line(frame, box, way) for box in frame.boxes.values() if box.parent]
        parts += [_drawn(box, walked=box.node.id in walked) for box in frame.boxes.values()]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _frames(flow: Flow, text_of: TextOf, way: Collection[str]) -> Iterator[Frame]:
    start = flow.nodes[flow.start].file if flow.start in flow.nodes else ""
    files = sorted({node.file for node in flow.nodes.values()}, key=lambda file: (file != start, file))
    for file in files:
        frame = Frame(file)
        for node in flow.nodes.values():
            if node.file == file:
                words = _folded(first_words(node, text_of))
                frame.boxes[node.id] = Box(node, words, list(_exits(node, way)))
        yield frame


def _exits(node: Node, way: Collection[str]) -> Iterator[tuple[str, str, bool]]:
    """Labels that lead to the same node share a row."""
    labels: dict[str, list[str]] = {}
    for label, target in edges(node):
        labels.setdefault(target, []).append(label)
    for target, names in labels.items():
        yield ", ".join(names), target, any(f"{node.id}>{name}" in way for name in names)


def _folded(words: str) -> list[str]:
    lines: list[str] = []
    line = ""
    for word in words.split():
        if line and len(line) + len(word) >= WORDS_WIDTH:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    lines = [*lines, line] if line else lines
    if len(lines) > WORDS_ROWS:
        lines = [*lines[: WORDS_ROWS - 1], lines[WORDS_ROWS - 1][: WORDS_WIDTH - 1] + "…"]
    return lines


def _place(flow: Flow, frame: Frame) -> int:
    """Gives every box its column and row; the deepest column."""
    placed: dict[str, int] = {}
    entered = [
        target
        for node in flow.nodes.values()
        if node.id not in frame.boxes
        for _, target in edges(node)
        if target in frame.boxes
    ]
    order = [name for name in (flow.start, *dict.fromkeys(entered)) if name in frame.boxes]
    # What other files enter begins a row, unless this file leads there itself; then what nothing reaches.
    inside = {target for box in frame.boxes.values() for _, target, _ in box.exits}
    roots = [name for name in frame.boxes if name in order and (name not in inside or name == flow.start)]
    bottom = frame.y + 32
    tree = _branches(frame, [*roots, *(name for name in frame.boxes if name not in inside)])
    for name, box in frame.boxes.items():
        if not box.parent:
            bottom = _tree(frame, tree, name, 0, bottom, placed)
    frame.height = bottom - frame.y + 4
    return max(placed.values(), default=0)


def _branches(frame: Frame, roots: list[str]) -> Mapping[str, list[str]]:
    """What each box reaches before any other does: breadth first, nothing deeper than it must be."""
    seen: set[str] = set()
    tree: dict[str, list[str]] = {name: [] for name in frame.boxes}
    for first in [*roots, *frame.boxes]:
        todo = [] if first in seen else [first]
        if first in roots and not seen:
            todo = list(dict.fromkeys(roots))
        seen.update(todo)
        while todo:
            name = todo.pop(0)
            for labels, target, _ in frame.boxes[name].exits:
                if target in tree and target not in seen and labels.split(", ")[0] not in ASIDE:
                    seen.add(target)
                    frame.boxes[target].parent = name
                    tree[name].append(target)
                    todo.append(target)
    return tree


def _tree(
    frame: Frame, tree: Mapping[str, list[str]], name: str, column: int, top: int, placed: dict[str, int]
) -> int:
    """Places a box and its branches to its right; the bottom of all of it."""
    placed[name] = column
    box = frame.boxes[name]
    box.x, box.y = MARGIN + column * (BOX_W + GAP_X), top
    bottom = top
    for target in tree[name]:
        bottom = _tree(frame, tree, target, column + 1, bottom, placed)
    return max(bottom, top + box.height + GAP_Y)


def _line(frame: Frame, box: Box, way: Collection[str]) -> str:
    parent = frame.boxes[box.parent]
    row = next(i for i, (_, target, _) in enumerate(parent.exits) if target == box.node.id)
    on_way = parent.exits[row][2]
    colour, width = (WAY, 2.5) if on_way else ("#aaaaaa", 1.2)
    x1, y1 = parent.x + BOX_W, parent.y + HEAD + ROW * (len(parent.words) + row) + 4
    x2, y2 = box.x, box.y + HEAD // 2
    return (
        f'<path d="M{x1} {y1} C{x1 + GAP_X // 2} {y1} {x2 - GAP_X // 2} {y2} {x2} {y2}" fill="none" '
        f'stroke="{colour}" stroke-width="{width}"/>'
    )


def _drawn(box: Box, *, walked: bool) -> str:
    kind = KIND_OF[type(box.node)]
    line, width = (WAY, 2.5) if walked else ("#666666", 1)
    parts = [
        f'<rect x="{box.x}" y="{box.y}" width="{BOX_W}" height="{box.height}" rx="6" '
        f'fill="{COLOURS.get(kind, "#ffffff")}" stroke="{line}" stroke-width="{width}"/>',
        f'<text x="{box.x + 8}" y="{box.y + 16}" font-size="12" font-weight="bold">'
        f"{escape(box.node.id)}</text>",
        f'<text x="{box.x + BOX_W - 8}" y="{box.y + 16}" font-size="10" text-anchor="end">{kind}</text>',
    ]
    y = box.y + HEAD + 10
    for words in box.words:
        parts.append(
            f'<text x="{box.x + 8}" y="{y}" font-size="10" font-style="italic">{escape(words)}</text>'
        )
        y += ROW
    for labels, target, taken in box.exits:
        colour, weight = (WAY, "bold") if taken else ("#333333", "normal")
        shown = labels if len(labels) <= 24 else labels[:23] + "…"
        parts.append(
            f'<text x="{box.x + 8}" y="{y}" font-size="10" fill="{colour}" font-weight="{weight}">'
            f"{escape(shown)} → {escape(target)}</text>"
        )
        y += ROW
    return "".join(parts)


def html(flow: Flow, text_of: TextOf, way: Collection[str] = ()) -> str:
    """A page with the picture and, below it, every node with all its words, the call's way marked."""
    walked = {step.partition(">")[0] for step in way}
    rows = []
    for node in flow.nodes.values():
        leads = "<br>".join(f"{escape(label)} → {escape(target)}" for label, target in edges(node))
        words = "<br>".join(escape(text_of(prompt) or f"({prompt})") for prompt in prompts_of(node))
        mark = ' class="way"' if node.id in walked else ""
        rows.append(
            f"<tr{mark}><td>{escape(node.id)}<br><small>{escape(node.file)}:{node.line}</small></td>"
            f"<td>{KIND_OF[type(node)]}</td><td>{words}</td><td>{leads}</td></tr>"
        )
    return (
        '<!doctype html><html lang="ru"><meta charset="utf-8"><title>Dozvon: flow</title><style>'
        "body{font:14px sans-serif;margin:1em}.picture{overflow:auto;border:1px solid #ccc}"
        "td{vertical-align:top;padding:.3em .6em;border-top:1px solid #ddd}.way td{background:#ffeef1}"
        f"</style><h1>Flow {escape(flow.version)}</h1><div class=picture>{svg(flow, text_of, way)}</div>"
        f"<table>{''.join(rows)}</table></html>\n"
    )
