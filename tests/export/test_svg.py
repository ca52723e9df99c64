"""Pictures: valid, the same every time, every box below what it reads, no two boxes on each other, no arrow through a
box."""

from __future__ import annotations

import itertools
import random
from xml.etree import ElementTree

import pytest

import graphtf as tf
from graphtf.export.layout import arrange
from graphtf.export.svg import describe, dot, draw, svg, wrapped
from graphtf.ir.builder import build
from graphtf.ir.graph import Graph
from graphtf.ir.ops.prims import p
from graphtf.ir.types import tensor
from graphtf.passes.pipeline import Pipeline

from .programs import chain, counter

SVG = "{http://www.w3.org/2000/svg}"


def deep(n: int) -> Graph:
    """n blocks that each read the one before and an early value."""

    def run(x: object) -> object:
        first = x
        for _ in range(n):
            x = p.add(p.tanh(x), first)
        return x

    return build([tensor("float32", 4)], run, "deep")


GRAPHS = {"chain": chain(), "counter": counter()[0].ir, "fused": Pipeline()(counter()[0].ir), "deep": deep(40)}


@pytest.mark.parametrize("name", GRAPHS)
def test_it_is_xml_and_the_same_every_time(name: str) -> None:
    text = svg(GRAPHS[name])
    root = ElementTree.fromstring(text)
    assert root.tag == f"{SVG}svg"
    assert svg(GRAPHS[name]) == text
    boxes = [r for r in root.iter(f"{SVG}rect") if r.get("rx")]
    assert len(boxes) == len(draw(GRAPHS[name]).boxes)
    width, height = (float(root.get(k, "0")) for k in ("width", "height"))
    for r in boxes:
        x, y, w, h = (float(r.get(k, "nan")) for k in ("x", "y", "width", "height"))
        assert x >= 0 and y >= 0 and x + w <= width and y + h <= height


def test_names_are_escaped() -> None:
    v = tf.Variable([1.0, 2.0], name="<w&>")
    g = tf.function(lambda: v + 1.0).get_concrete_function().ir
    assert "&lt;w&amp;&gt;" in svg(g, title="<title>")
    ElementTree.fromstring(svg(g, title="<title>"))


def test_reads_and_small_constants_are_not_boxes() -> None:
    d = draw(counter()[0].ir)
    heads = [b.lines[0] for b in d.boxes]
    assert not any(h.startswith(("read", "constant")) for h in heads)
    assert heads.count("total") == 1
    assert any("→ total" in b.lines for b in d.boxes)
    assert not any(h.startswith("assign") for h in heads)


def test_a_variable_or_input_that_is_assigned_has_a_box_for_it() -> None:
    v = tf.Variable([1.0, 2.0], name="v")
    w = tf.Variable([3.0, 4.0], name="w")

    def swap(x: tf.Tensor) -> None:
        old = v.read_value()
        v.assign(w)
        w.assign(x)
        v.assign(old + v)

    g = tf.function(swap).get_concrete_function(tf.TensorSpec([2], tf.float32)).ir
    heads = [b.lines[0] for b in draw(g).boxes]
    assert heads.count("assign v") == heads.count("assign w") == 1
    (sum_,) = [b for b in draw(g).boxes if b.lines[0] == "add"]
    assert "→ v" in sum_.lines


def test_what_is_returned_unchanged_is_drawn() -> None:
    g = tf.function(lambda x: (x, tf.constant(2.0))).get_concrete_function(tf.TensorSpec([3], tf.float32)).ir
    heads = [b.lines[0] for b in draw(g).boxes]
    assert {"2", "output 0", "output 1"} <= set(heads)


def test_a_kernel_lists_what_it_fused_and_where_it_is_from() -> None:
    fused = Pipeline()(counter()[0].ir)
    kernels = [describe(n, []) for n in fused.nodes if "kind" in n.attrs]
    assert kernels
    for b in kernels:
        assert b.lines[0].endswith("kernel")
        assert b.lines[-1].startswith("programs.py:")
    assert any("reduce_sum" in b.lines[1] for b in kernels)


def test_words_are_counted_and_wrapped() -> None:
    assert wrapped(["a", "b", "a"]) == ["a×2 b"]
    assert all(len(line) <= 30 for line in wrapped([f"operation{k}" for k in range(9)]))
    assert len(wrapped([f"operation{k}" for k in range(90)])) == 3


def test_dot_has_the_same_boxes_and_arrows() -> None:
    text = dot(GRAPHS["counter"])
    d = draw(GRAPHS["counter"])
    assert text.count("fillcolor") == len(d.boxes)
    assert text.count("->") == len(d.edges)


# ---- layout ----------------------------------------------------------------------------------------------------------


def tangle(n: int, seed: int) -> tuple[list[tuple[float, float]], list[tuple[int, int]]]:
    """Boxes of random sizes with random arrows."""
    draw_ = random.Random(seed)
    sizes = [(draw_.uniform(20, 200), draw_.uniform(20, 90)) for _ in range(n)]
    edges = {(draw_.randrange(k), k) for k in range(1, n) for _ in range(draw_.randrange(4))}
    return sizes, sorted(edges)


@pytest.mark.parametrize("seed", range(12))
def test_boxes_stand_apart_and_below_their_sources(seed: int) -> None:
    sizes, edges = tangle(60, seed)
    arranged = arrange(sizes, edges, frozenset({0, 1, 2}), 20, 30)
    places = arranged.places
    for a, b in edges:
        assert places[a].rank < places[b].rank
        assert places[a].y + places[a].height < places[b].y
    for p1, p2 in itertools.combinations(places, 2):
        if p1.rank == p2.rank:
            assert abs(p1.x - p2.x) >= (p1.width + p2.width) / 2 + 20 - 1e-6
    bends = [q for route in arranged.routes for q in route[1:-1]]
    for q in bends:
        for b in places:
            assert q.rank != b.rank or abs(q.x - b.x) > b.width / 2
    for route in arranged.routes:
        assert [q.rank for q in route] == list(range(route[0].rank, route[-1].rank + 1))
    assert min(q.x - q.width / 2 for q in [*places, *bends]) == pytest.approx(0)
    assert max(q.x + q.width / 2 for q in [*places, *bends]) == pytest.approx(arranged.width)


def test_a_chain_is_a_straight_line() -> None:
    arranged = arrange([(50, 20)] * 9, list(itertools.pairwise(range(9))), frozenset(), 20, 30)
    assert {round(q.x, 6) for q in arranged.places} == {25.0}


def test_nothing_and_one() -> None:
    assert arrange([], [], frozenset(), 20, 30).places == []
    (only,) = arrange([(10, 10)], [], frozenset({0}), 20, 30).places
    assert (only.x, only.y) == (5.0, 0.0)
    ElementTree.fromstring(svg(Graph((), (), ())))


def test_a_thousand_nodes() -> None:
    d = draw(deep(500))
    ElementTree.fromstring(svg(deep(500)))
    assert len(d.boxes) == 1002
