"""A flow as a picture: Graphviz source, or an SVG of our own when Graphviz is not there. Pure text.

One box a node, a frame a file; the way of a given call is drawn thick. Layout of our own: a column for each
step from the start, boxes in the order of the files, edges as curves. Plain, but nothing needs installing.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from html import escape

from ivr.dialog.model import KIND_OF, Flow, Node, edges, prompts_of

COLOURS: Mapping[str, str] = {
    "menu": "#dbe9ff", "question": "#e8f0ff", "ask_number": "#e8f0ff", "confirm": "#e8f0ff",
    "queue": "#ffe2c4", "callback": "#fff0dc", "transfer": "#ffe2c4", "record": "#ffdce6",
    "answer": "#dcf5dc", "hours": "#fff8c9", "survey": "#efe2ff", "goodbye": "#e5e5e5",
}  # fmt: skip
WAY = "#c00030"
MAX_WORDS = 60
TextOf = Callable[[str], str]  # prompt id -> its words, "" when unknown


def caption(node: Node, text_of: TextOf) -> tuple[str, str, str]:
    """Name, kind, and the first words that a caller hears at this node."""
    words = next((text for prompt in prompts_of(node) if (text := text_of(prompt))), "")
    words = words if len(words) <= MAX_WORDS else words[: MAX_WORDS - 1].rstrip() + "…"
    return node.id, KIND_OF[type(node)], words


def dot(flow: Flow, text_of: TextOf, way: Collection[str] = ()) -> str:
    """Graphviz source; ``way`` holds ``node>label`` for the edges that a call took."""
    walked = {step.partition(">")[0] for step in way}
    lines = [
        "digraph flow {",
        'graph [rankdir=LR, fontname="DejaVu Sans", nodesep=0.25, ranksep=0.9]',
        'node [shape=box, style="rounded,filled", fontname="DejaVu Sans", fontsize=11, margin="0.15,0.08"]',
        'edge [fontname="DejaVu Sans", fontsize=9, color="#777777", arrowsize=0.7]',
    ]
    spaces: dict[str, list[Node]] = {}
    for node in flow.nodes.values():
        spaces.setdefault(node.file, []).append(node)
    for number, (file, nodes) in enumerate(spaces.items()):
        lines.append(f'subgraph cluster_{number} {{ label={_quoted(file)}; color="#bbbbbb"; fontsize=12')
        for node in nodes:
            name, kind, words = caption(node, text_of)
            colour = COLOURS.get(kind, "#ffffff")
            extra = f', color="{WAY}", penwidth=3' if node.id in walked else ""
            label = f"{name}\n{kind}\n{_folded(words)}".rstrip()
            lines.append(f'{_quoted(name)} [label={_quoted(label)}, fillcolor="{colour}"{extra}]')
        lines.append("}")
    for node in flow.nodes.values():
        for label, target in edges(node):
            extra = f', color="{WAY}", penwidth=3' if f"{node.id}>{label}" in way else ""
            lines.append(f"{_quoted(node.id)} -> {_quoted(target)} [label={_quoted(label)}{extra}]")
    lines.append("}")
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _folded(words: str, width: int = 30) -> str:
    lines, line = [], ""
    for word in words.split():
        if line and len(line) + len(word) >= width:
            lines.append(line)
            line = word
        else:
            line = f"{line} {word}".strip()
    return "\n".join([*lines, line])


# --------------------------------------------------------------------------------- a layout of our own
BOX_W, BOX_H, GAP_X, GAP_Y, MARGIN = 230, 64, 110, 26, 20


def _columns(flow: Flow) -> list[list[str]]:
    depth: dict[str, int] = {}
    todo = [(flow.start, 0), (flow.resume, 0)]
    while todo:
        name, column = todo.pop(0)
        if name in depth or name not in flow.nodes:
            continue
        depth[name] = column
        todo += [(target, column + 1) for _, target in edges(flow.nodes[name])]
    columns: list[list[str]] = [[] for _ in range(max(depth.values(), default=0) + 2)]
    for name in flow.nodes:
        columns[depth.get(name, len(columns) - 1)].append(name)
    return [column for column in columns if column]


def svg(flow: Flow, text_of: TextOf, way: Collection[str] = ()) -> str:
    """The picture without Graphviz."""
    columns = _columns(flow)
    place = {
        name: (MARGIN + i * (BOX_W + GAP_X), MARGIN + j * (BOX_H + GAP_Y))
        for i, column in enumerate(columns)
        for j, name in enumerate(column)
    }
    width = MARGIN * 2 + len(columns) * (BOX_W + GAP_X)
    height = MARGIN * 2 + max(len(column) for column in columns) * (BOX_H + GAP_Y)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" font-family="DejaVu Sans, sans-serif">'
    ]
    for node in flow.nodes.values():
        for label, target in edges(node):
            if target in place:
                thick = f"{node.id}>{label}" in way
                parts.append(_curve(place[node.id], place[target], label, thick=thick))
    walked = {step.partition(">")[0] for step in way}
    for name, (x, y) in place.items():
        parts.append(_box(flow.nodes[name], text_of, x, y, thick=name in walked))
    return "\n".join([*parts, "</svg>"]) + "\n"


def _curve(start: tuple[int, int], end: tuple[int, int], label: str, *, thick: bool) -> str:
    x1, y1, x2, y2 = start[0] + BOX_W, start[1] + BOX_H // 2, end[0], end[1] + BOX_H // 2
    colour, width = (WAY, 3) if thick else ("#999999", 1)
    path = f"M{x1} {y1} C{x1 + GAP_X // 2} {y1} {x2 - GAP_X // 2} {y2} {x2} {y2}"
    return (
        f'<path d="{path}" fill="none" stroke="{colour}" stroke-width="{width}"/>'
        f'<text x="{x1 + 4}" y="{y1 - 3 + (y2 > y1) * 12}" font-size="9" fill="{colour}">'
        f"{escape(label)}</text>"
    )


def _box(node: Node, text_of: TextOf, x: int, y: int, *, thick: bool) -> str:
    name, kind, words = caption(node, text_of)
    colour, line, width = COLOURS.get(kind, "#ffffff"), WAY if thick else "#555555", 3 if thick else 1
    rows = [
        f'<rect x="{x}" y="{y}" width="{BOX_W}" height="{BOX_H}" rx="6" fill="{colour}" stroke="{line}" '
        f'stroke-width="{width}"/>',
        f'<text x="{x + 8}" y="{y + 16}" font-size="12" font-weight="bold">{escape(name)}</text>',
        f'<text x="{x + BOX_W - 8}" y="{y + 16}" font-size="10" text-anchor="end">{escape(kind)}</text>',
    ]
    for number, row in enumerate(_folded(words, 36).split("\n")[:3]):
        rows.append(f'<text x="{x + 8}" y="{y + 32 + number * 13}" font-size="10">{escape(row)}</text>')
    return "".join(rows)


def html(picture: str, flow: Flow, text_of: TextOf, way: Collection[str] = ()) -> str:
    """A page with the picture and, below it, every node with its words, the call's way marked."""
    walked = {step.partition(">")[0] for step in way}
    rows = []
    for node in flow.nodes.values():
        leads = ", ".join(f"{escape(label)} → {escape(target)}" for label, target in edges(node))
        words = "<br>".join(escape(text_of(prompt) or f"({prompt})") for prompt in prompts_of(node))
        mark = ' class="way"' if node.id in walked else ""
        rows.append(
            f"<tr{mark}><td>{escape(node.id)}<br><small>{escape(node.file)}:{node.line}</small></td>"
            f"<td>{KIND_OF[type(node)]}</td><td>{words}</td><td>{leads}</td></tr>"
        )
    body = picture[picture.index("<svg") :]
    return (
        '<!doctype html><html lang="ru"><meta charset="utf-8"><title>Dozvon: flow</title><style>'
        "body{font:14px sans-serif;margin:1em}.picture{overflow:auto;border:1px solid #ccc}"
        "td{vertical-align:top;padding:.3em .6em;border-top:1px solid #ddd}.way td{background:#ffeef1}"
        f"</style><h1>Flow {escape(flow.version)}</h1><div class=picture>{body}</div>"
        f"<table>{''.join(rows)}</table></html>\n"
    )
