"""A picture of a graph: layers from inputs to outputs, one box per node, drawn as SVG with nothing but the standard
library.

Invariant: the same graph gives the same picture, byte for byte. Entry points: `svg(graph)`, `dot(graph)`.
"""

from __future__ import annotations

from dataclasses import dataclass
from html import escape

from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.op import Effect, Trait

CHAR, LINE, PAD, GAP_X, GAP_Y, MARGIN = 7.0, 15, 10, 18, 34, 20
_MAX_TEXT = 34
_COLOURS = {
    "input": ("#eef3ff", "#5b7bd5"), "variable": ("#fff4e0", "#d08a1d"), "loop": ("#e8f7ee", "#2e9e5b"),
    "reduce": ("#e6f6f8", "#1f93a5"), "rows": ("#e6f6f8", "#1f93a5"), "contract": ("#fdeaf0", "#cf3d6e"),
    "control": ("#f3ecfb", "#7d4cc0"), "host": ("#f6f6f6", "#8a8a8a"), "op": ("#ffffff", "#666f7a"),
    "output": ("#eef3ff", "#5b7bd5"),
}  # fmt: skip


@dataclass
class Box:
    """A node's box: its lines of text, its class, where it is."""

    lines: list[str]
    kind: str
    rank: int = 0
    x: float = 0.0
    y: float = 0.0
    width: float = 0.0
    height: float = 0.0


def short(text: str) -> str:
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def describe(n: Node) -> Box:
    """What is written in a node's box: the op, or for a kernel the ops it fused; the type; the line it came from."""
    types = ", ".join(str(v.type) for v in n.outputs)
    body = n.regions.get("body")
    kind = "op"
    if body is not None and "kind" in n.attrs:
        kind = str(n.attrs["kind"])
        ops = [m.op.name for m in body.nodes if not m.op.traits & Trait.GENERATOR]
        lines = [f"{kind} kernel, {len(ops)} ops", *wrapped(ops)]
    else:
        lines = [n.op.name]
        kind = {Effect.REGIONS: "control", Effect.IO: "host", Effect.READ: "variable", Effect.WRITE: "variable"}.get(
            n.op.effect, "op"
        )
    if types:
        lines.append(types)
    if n.source:
        lines.append(f"{n.source.file.rsplit('/', 1)[-1]}:{n.source.line}")
    return Box([short(t) for t in lines], kind)


def wrapped(words: list[str], width: int = _MAX_TEXT, most: int = 3) -> list[str]:
    """Words in lines."""
    lines = [""]
    for w in words:
        if len(lines[-1]) + len(w) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {w}".strip()
    return [*lines[: most - 1], "…"] if len(lines) > most else lines


@dataclass
class Drawing:
    """Boxes and arrows between them."""

    boxes: list[Box]
    edges: list[tuple[int, int]]


def layout(graph: Graph) -> Drawing:
    """A box for every input, node and output, each below everything it reads."""
    boxes: list[Box] = []
    edges: list[tuple[int, int]] = []
    at: dict[Value, int] = {}
    resource: dict[Value, int] = {}  # the last box that touched a variable
    for i, v in enumerate(graph.inputs):
        kind = "variable" if str(v.type).startswith("ref") else "input"
        at[v] = resource[v] = len(boxes)
        boxes.append(Box([short(v.hint or f"{kind} {i}"), short(str(v.type))], kind))
    for n in graph.nodes:
        here = len(boxes)
        boxes.append(describe(n))
        sources = {at[v] for v in n.inputs} | {resource[v] for v in n.inputs if v in resource}
        edges += [(s, here) for s in sorted(sources)]
        boxes[here].rank = 1 + max((boxes[s].rank for s in sources), default=0)
        if n.op.effect is Effect.WRITE:
            resource[n.inputs[0]] = here
        at.update((v, here) for v in n.outputs)
    for i, v in enumerate(graph.outputs):
        here = len(boxes)
        boxes.append(Box([f"output {i}", short(str(v.type))], "output", boxes[at[v]].rank + 1))
        edges.append((at[v], here))
    place(boxes, edges)
    return Drawing(boxes, edges)


def place(boxes: list[Box], edges: list[tuple[int, int]]) -> None:
    """Coordinates: ranks from top to bottom; in a rank, boxes ordered by where their sources are."""
    for b in boxes:
        b.width = max(len(t) for t in b.lines) * CHAR + 2 * PAD
        b.height = len(b.lines) * LINE + 2 * PAD - 4
    sources: dict[int, list[int]] = {}
    readers: dict[int, list[int]] = {}
    for a, b in edges:
        sources.setdefault(b, []).append(a)
        readers.setdefault(a, []).append(b)
    for i, b in enumerate(boxes):
        if b.kind in ("input", "variable") and i in readers and i not in sources:
            b.rank = max(0, min(boxes[r].rank for r in readers[i]) - 1)  # inputs stand next to their first reader
    ranks: dict[int, list[int]] = {}
    for i, b in enumerate(boxes):
        ranks.setdefault(b.rank, []).append(i)
    y = float(MARGIN)
    for rank in sorted(ranks):
        row = ranks[rank]
        row.sort(key=lambda i: (centre(boxes, sources.get(i, [])), i))
        x = float(MARGIN)
        for i in row:
            boxes[i].x, boxes[i].y = x, y
            x += boxes[i].width + GAP_X
        y += max(boxes[i].height for i in row) + GAP_Y
    full = max((b.x + b.width for b in boxes), default=0.0)
    for row in ranks.values():
        last = boxes[row[-1]]
        shift = (full - (last.x + last.width)) / 2
        for i in row:
            boxes[i].x += shift


def centre(boxes: list[Box], sources: list[int]) -> float:
    return sum(boxes[s].x + boxes[s].width / 2 for s in sources) / len(sources) if sources else 1e9


def svg(graph: Graph, title: str = "") -> str:
    """The picture of a graph as SVG text.

    >>> from graphtf.ir.builder import build
    >>> from graphtf.ir.ops import add
    >>> from graphtf.ir.types import tensor
    >>> svg(build([tensor("float32", 2)], lambda x: add(x, x))).startswith("<svg")
    True
    """
    d = layout(graph)
    width = max((b.x + b.width for b in d.boxes), default=0.0) + MARGIN
    height = max((b.y + b.height for b in d.boxes), default=0.0) + MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="ui-monospace, Menlo, monospace" font-size="11">',
        f"<title>{escape(title or graph.name)}</title>",
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#9aa3ad"/></marker></defs>',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
    ]
    out += [arrow(d.boxes[a], d.boxes[b]) for a, b in d.edges]
    for b in d.boxes:
        out += box(b)
    return "\n".join([*out, "</svg>\n"])


def arrow(a: Box, b: Box) -> str:
    x1, y1, x2, y2 = a.x + a.width / 2, a.y + a.height, b.x + b.width / 2, b.y
    bend = max(14.0, (y2 - y1) / 2)
    path = f"M{x1:.0f} {y1:.0f}C{x1:.0f} {y1 + bend:.0f} {x2:.0f} {y2 - bend:.0f} {x2:.0f} {y2:.0f}"
    return f'<path d="{path}" fill="none" stroke="#9aa3ad" stroke-width="1.2" marker-end="url(#a)"/>'


def box(b: Box) -> list[str]:
    fill, stroke = _COLOURS.get(b.kind, _COLOURS["op"])
    lines = [
        f'<rect x="{b.x:.0f}" y="{b.y:.0f}" width="{b.width:.0f}" height="{b.height:.0f}" rx="6" fill="{fill}" '
        f'stroke="{stroke}"/>'
    ]
    for k, text in enumerate(b.lines):
        weight = ' font-weight="bold"' if k == 0 else ""
        x, y = b.x + b.width / 2, b.y + PAD + (k + 0.75) * LINE - 4
        lines.append(f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="middle"{weight} fill="#222">{escape(text)}</text>')
    return lines


def dot(graph: Graph) -> str:
    """The same picture in Graphviz' language, for its tools."""
    import graphviz

    d = layout(graph)
    g = graphviz.Digraph(graph.name, node_attr={"shape": "box", "style": "rounded,filled", "fontname": "monospace"})
    for i, b in enumerate(d.boxes):
        fill, stroke = _COLOURS.get(b.kind, _COLOURS["op"])
        g.node(f"n{i}", "\n".join(b.lines), fillcolor=fill, color=stroke)
    for a, b in d.edges:
        g.edge(f"n{a}", f"n{b}")
    return str(g.source)
