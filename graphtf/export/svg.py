"""A picture of a graph: layers from inputs to outputs, a box for every node or kernel, drawn as SVG with nothing but
the standard library.

Invariant: the same graph gives the same picture, byte for byte. What only reads or stores is no box: a variable's reads
are its box, what is assigned is written where it is computed, and a constant of one element where it is used.
Entry points: `svg(graph)`, `dot(graph)`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape

from graphtf.export.layout import Arranged, Place, arrange
from graphtf.ir.graph import Graph, Node, Value
from graphtf.ir.op import Effect, Trait
from graphtf.ir.types import RefType

CHAR, LINE, PAD, GAP_X, GAP_Y, MARGIN = 6.7, 15, 10, 22, 30, 20
_MOST_TEXT = 36
_COLOURS = {
    "input": ("#eef3ff", "#5b7bd5"), "variable": ("#fff4e0", "#d08a1d"), "loop": ("#e8f7ee", "#2e9e5b"),
    "reduce": ("#e6f6f8", "#1f93a5"), "rows": ("#e6f6f8", "#1f93a5"), "contract": ("#fdeaf0", "#cf3d6e"),
    "control": ("#f3ecfb", "#7d4cc0"), "host": ("#f6f6f6", "#8a8a8a"), "op": ("#ffffff", "#666f7a"),
    "output": ("#eef3ff", "#5b7bd5"),
}  # fmt: skip
_EFFECTS = {Effect.REGIONS: "control", Effect.IO: "host", Effect.WRITE: "variable"}


@dataclass
class Box:
    """A box: what it is, its class, the variables its value is assigned to, and the user's lines it comes from."""

    head: list[str]
    kind: str
    origin: list[str] = field(default_factory=list)
    assigned: list[str] = field(default_factory=list)

    @property
    def lines(self) -> list[str]:
        """All that is written in it."""
        stored = [f"→ {line}" for line in wrapped(self.assigned)] if self.assigned else []
        return [short(line) for line in (*self.head, *stored, *self.origin)]

    @property
    def size(self) -> tuple[float, float]:
        lines = self.lines
        return max(map(len, lines)) * CHAR + 2 * PAD, len(lines) * LINE + 2 * PAD - 4.0


@dataclass
class Drawing:
    """Boxes, and arrows from box to box by number."""

    boxes: list[Box]
    edges: list[tuple[int, int]]


def draw(graph: Graph) -> Drawing:
    """A box for every input, node and output."""
    d = Drawing([], [])
    at: dict[Value, int] = {}
    literal: dict[Value, str] = {}
    touched: dict[Value, int] = {}  # the last box that read or wrote a variable's value: what is assigned comes after
    used = {v for n in graph.nodes for v in n.inputs} | set(graph.outputs)
    for k, v in enumerate(graph.inputs):
        if v in used:
            at[v] = touched[v] = len(d.boxes)
            d.boxes.append(input_box(v, k))
    for n in graph.nodes:
        if n.op.effect is Effect.READ and n.inputs[0] in touched:
            at[n.out] = touched[n.inputs[0]]
        elif Trait.GENERATOR in n.op.traits and "value" in n.attrs and n.attrs["value"].size == 1:
            literal[n.out] = number(n)
        else:
            add_node(d, n, at, literal, touched)
    leaving = set(graph.outputs)
    for v in leaving & set(literal):
        at[v] = len(d.boxes)
        d.boxes.append(Box([literal[v], str(v.type)], "op"))
    for k, v in enumerate(graph.outputs):
        d.edges.append((at[v], len(d.boxes)))
        d.boxes.append(Box([f"output {k}", str(v.type)], "output"))
    return d


def input_box(v: Value, k: int) -> Box:
    if isinstance(v.type, RefType):
        return Box([v.hint or f"variable {k}", f"variable {v.type.content}"], "variable")
    return Box([v.hint or f"input {k}", str(v.type)], "input")


def add_node(d: Drawing, n: Node, at: dict[Value, int], literal: dict[Value, str], touched: dict[Value, int]) -> None:
    here = len(d.boxes)
    sources = {at[v] for v in n.inputs if v in at}
    if n.op.effect is Effect.WRITE and n.inputs[0] in touched:
        ref, value = n.inputs
        maker = at.get(value)
        if maker is not None and d.boxes[maker].kind not in ("input", "variable"):
            d.boxes[maker].assigned.append(ref.hint or "a variable")
            touched[ref] = maker
            return
        sources = {touched[ref] if maker is None else maker}
        touched[ref] = here
    d.boxes.append(describe(n, [literal[v] for v in n.inputs if v in literal]))
    d.edges += [(s, here) for s in sorted(sources)]
    at.update((v, here) for v in n.outputs)


def describe(n: Node, literals: list[str]) -> Box:
    """What is written in a node's box: the op, or for a kernel the ops it fused; the type; the lines it came from."""
    body = n.regions.get("body")
    kind = _EFFECTS.get(n.op.effect, "op")
    if body is not None and "kind" in n.attrs:
        kind = str(n.attrs["kind"])
        ops = [m.op.name for m in body.nodes if not m.op.traits & Trait.GENERATOR]
        lines = [f"{kind} kernel", *wrapped(ops)]
    elif n.op.effect is Effect.WRITE:
        lines = [f"{n.op.name} {n.inputs[0].hint}", *literals]
    else:
        lines = [" ".join([n.op.name, *literals])]
    if n.outputs:
        lines.append(", ".join(str(v.type) for v in n.outputs))
    return Box(lines, kind, origin(n))


def origin(n: Node) -> list[str]:
    """The user's lines a node comes from, those of one file as a range."""
    body = n.regions.get("body")
    nodes = [n] if body is None else [n, *body.nodes]
    sources = [m.source for m in nodes if m.source]
    if not sources:
        return []
    file = sources[0].file
    lines = sorted({s.line for s in sources if s.file == file})
    last = f"–{lines[-1]}" if lines[-1] != lines[0] else ""
    return [f"{file.rsplit('/', 1)[-1]}:{lines[0]}{last}"]


def number(n: Node) -> str:
    """A constant of one element in a few characters."""
    (x,) = n.attrs["value"].reshape(-1)
    if n.out.ir_type.dtype.kind == "f":
        return f"{float(x):.4g}"
    return str(x)


def short(text: str) -> str:
    return text if len(text) <= _MOST_TEXT else text[: _MOST_TEXT - 1] + "…"


def wrapped(words: list[str], width: int = 30, most: int = 3) -> list[str]:
    """Words in lines; repeated ones with their number.

    >>> wrapped(["mul", "mul", "add"])
    ['mul×2 add']
    """
    runs: dict[str, int] = {}
    for w in words:
        runs[w] = runs.get(w, 0) + 1
    lines = [""]
    for w, k in runs.items():
        text = f"{w}×{k}" if k > 1 else w
        if lines[-1] and len(lines[-1]) + len(text) + 1 > width:
            lines.append("")
        lines[-1] = f"{lines[-1]} {text}".strip()
    return [*lines[: most - 1], "…"] if len(lines) > most else lines


# ---- drawing ---------------------------------------------------------------------------------------------------------


def svg(graph: Graph, title: str = "") -> str:
    """The picture of a graph as SVG text.

    >>> from graphtf.ir.builder import build
    >>> from graphtf.ir.ops import add
    >>> from graphtf.ir.types import tensor
    >>> svg(build([tensor("float32", 2)], lambda x: add(x, x))).startswith("<svg")
    True
    """
    d = draw(graph)
    late = frozenset(k for k, b in enumerate(d.boxes) if b.kind in ("input", "variable"))
    arranged = arrange([b.size for b in d.boxes], d.edges, late, GAP_X, GAP_Y)
    width, height = arranged.width + 2 * MARGIN, arranged.height + 2 * MARGIN
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" '
        f'viewBox="0 0 {width:.0f} {height:.0f}" font-family="Menlo, Consolas, monospace" font-size="11">',
        f"<title>{escape(title or graph.name)}</title>",
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#9aa3ad"/></marker></defs>',
        f'<rect width="{width:.0f}" height="{height:.0f}" fill="#ffffff"/>',
        f'<g transform="translate({MARGIN} {MARGIN})">',
        '<g fill="none" stroke="#9aa3ad" stroke-width="1.2" marker-end="url(#a)">',
        *arrows(arranged),
        "</g>",
    ]
    for b, p in zip(d.boxes, arranged.places):
        out += box(b, p)
    return "\n".join([*out, "</g>", "</svg>\n"])


def arrows(arranged: Arranged) -> list[str]:
    """A path for every edge: curves between layers, straight down through a layer."""
    layer_height: dict[float, float] = {}
    for p in arranged.places:
        layer_height[p.rank] = max(layer_height.get(p.rank, 0.0), p.height)
    paths = []
    for route in arranged.routes:
        x, y = route[0].x, route[0].y + route[0].height
        steps = [f"M{x:.0f} {y:.0f}"]
        for p in route[1:]:
            middle = (y + p.y) / 2
            steps.append(f"C{x:.0f} {middle:.0f} {p.x:.0f} {middle:.0f} {p.x:.0f} {p.y:.0f}")
            x, y = p.x, p.y + (layer_height.get(p.rank, 0.0) if p.is_bend else p.height)
            if p.is_bend:
                steps.append(f"V{y:.0f}")
        paths.append(f'<path d="{"".join(steps)}"/>')
    return paths


def box(b: Box, p: Place) -> list[str]:
    fill, stroke = _COLOURS.get(b.kind, _COLOURS["op"])
    lines = [
        f'<rect x="{p.x - p.width / 2:.0f}" y="{p.y:.0f}" width="{p.width:.0f}" height="{p.height:.0f}" rx="6" '
        f'fill="{fill}" stroke="{stroke}"/>'
    ]
    for k, text in enumerate(b.lines):
        weight = ' font-weight="bold"' if k == 0 else ""
        y = p.y + PAD + (k + 0.75) * LINE - 4
        lines.append(f'<text x="{p.x:.0f}" y="{y:.0f}" text-anchor="middle"{weight} fill="#222">{escape(text)}</text>')
    return lines


def dot(graph: Graph) -> str:
    """The same picture in Graphviz' language, for its tools.

    >>> from graphtf.ir.builder import build
    >>> from graphtf.ir.ops import add
    >>> from graphtf.ir.types import tensor
    >>> dot(build([tensor("float32", 2)], lambda x: add(x, x), "double")).splitlines()[0]
    'digraph double {'
    """
    import graphviz

    d = draw(graph)
    style = {"shape": "box", "style": "rounded,filled", "fontname": "monospace"}
    g = graphviz.Digraph(graph.name, node_attr=style)
    for i, b in enumerate(d.boxes):
        fill, stroke = _COLOURS.get(b.kind, _COLOURS["op"])
        g.node(f"n{i}", graphviz.escape("\n".join(b.lines)), fillcolor=fill, color=stroke)
    for a, b in d.edges:
        g.edge(f"n{a}", f"n{b}")
    return str(g.source)
