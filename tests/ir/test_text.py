"""The text of graphs, and reading it back: the same graph, bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

from graphtf.ir import dtypes as dt
from graphtf.ir.builder import Builder, build
from graphtf.ir.dims import sym
from graphtf.ir.graph import Graph, Source
from graphtf.ir.op import Op, Sample
from graphtf.ir.ops import OPS
from graphtf.ir.ops.prims import p
from graphtf.ir.parse import Parser, parse
from graphtf.ir.text import attr_text, graph_lines, print_node
from graphtf.ir.types import RefType, tensor

from .graphs import CASES, attributes, graphs, same_attr, same_graph, sizes
from .op_samples import operand_types


def reads_back(g: Graph) -> None:
    text = str(g)
    again = parse(text)
    assert str(again) == text
    assert same_graph(g, again)


# ---- whole graphs ----------------------------------------------------------------------------------------------------


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_graphs_read_back(g: Graph) -> None:
    reads_back(g)


@pytest.mark.parametrize(("op", "sample"), CASES, ids=lambda x: getattr(x, "name", ""))
def test_every_sample_of_every_op_reads_back(op: Op, sample: Sample) -> None:
    b = Builder()
    inputs = [b.input(t) for t in operand_types(sample)]
    node = b.append(op, inputs, dict(sample.attrs))
    reads_back(b.finish(node.outputs))


def test_a_graph_as_it_is_shown() -> None:
    n = sym("n")
    b = Builder("step")
    x, w = b.input(tensor("float32", n, 784), "x"), b.input(RefType(tensor("float32", 784, 10)), "w")
    weights = b.append(OPS["read"], (w,), {}, Source("train.py", 12)).out
    product = b.append(
        OPS["matmul"], (x, weights), {"transpose_a": False, "transpose_b": False}, Source("train.py", 12, "step")
    ).out
    assert str(b.finish([product])).splitlines() == [
        "graph @step(%x: f32[n, 784], %w: ref f32[784, 10]) {",
        "  %2 = read(%w) : f32[784, 10]  ; train.py:12",
        "  %3 = matmul(%x, %2) {transpose_a = false, transpose_b = false} : f32[n, 10]  ; train.py:12 \"step\"",
        "  return %3",
        "}",
    ]


def test_regions_are_indented_and_nested() -> None:
    t = tensor("float32", 2)
    inner = build([t], lambda x: p.neg(x), "inner")
    middle = build([t], lambda x: p.call(x, body=inner), "middle")
    g = build([t], lambda x: p.call(x, body=middle))
    reads_back(g)
    lines = str(g).splitlines()
    assert [len(line) - len(line.lstrip()) for line in lines] == [0, 2, 4, 6, 8, 10, 10, 8, 6, 6, 4, 2, 2, 0]


def test_guards_are_part_of_the_text() -> None:
    n, m = sym("n"), sym("m")
    g = build([tensor("float32", n), tensor("float32", m + 1)], lambda x, y: p.add(x, y))
    assert "guards(n == m + 1)" in str(g).splitlines()[0]
    reads_back(g)


def test_names_that_clash_or_are_no_words_are_replaced() -> None:
    b = Builder()
    values = [b.input(tensor("float32"), hint) for hint in ("x", "x", "a b", "0", "é", "x.1")]
    g = b.finish(values)
    names = str(g).splitlines()[0].split("(")[1].rstrip(") {").split(", ")
    assert [n.split(":")[0] for n in names] == ["%x", "%x.1", "%2", "%3", "%4", "%x.1.5"]
    reads_back(g)


def test_lines_know_their_nodes() -> None:
    t = tensor("float32", 2)
    inner = build([t], lambda x: p.exp(p.neg(x)))
    g = build([t], lambda x: p.sin(*p.call(x, body=inner)))
    lines = graph_lines(g)
    for n in g.walk():
        assert f"{n.op.name}(" in lines[lines.of[n]]


def test_a_large_graph_is_printed_and_read_in_one_go() -> None:
    b = Builder()
    x = b.input(tensor("float32", 2))
    for _ in range(3000):
        x = b.append(OPS["sin"], (x,), {}).out
    reads_back(b.finish([x]))


# ---- attributes ------------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(attributes())
def test_attributes_read_back(value: Any) -> None:
    text = attr_text(value)
    reader = Parser(text)
    again = reader.attr()
    assert reader.kind == "end"
    assert same_attr(value, again)
    assert attr_text(again) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "none"), (True, "true"), (np.bool_(False), "false"), (-3, "-3"), (np.int8(5), "5"), (1.0, "1.0"),
        (-0.0, "-0.0"), (1e300, "1e+300"), (float("nan"), "nan"), (-np.inf, "-inf"), ("a\n\"b", '"a\\n\\"b"'),
        (dt.bfloat16, "bf16"), ((), "()"), ((1,), "(1,)"), ([1, (2.5, None)], "(1, (2.5, none))"),
        ({"k": (1, 2)}, '{"k": (1, 2)}'), (2 * sym("n") - 1, "[2*n - 1]"),
        (np.float32([1.5, -0.0]), "dense<f32[2], (1.5, -0.0)>"), (np.array(3), "dense<i64[], (3,)>"),
        (np.array([b"a", b""], object), 'dense<str[2], ("YQ==", "")>'),
        (np.zeros((0, 2), bool), "dense<bool[0, 2], ()>"),
        (np.float32([np.nan]), 'dense<f32[1], "AADAfw==">'), (np.complex64([1]), 'dense<c64[1], "AACAPwAAAAA=">'),
    ],
)  # fmt: skip
def test_attributes_as_they_are_shown(value: Any, text: str) -> None:
    assert attr_text(value) == text


def test_arrays_of_other_byte_orders_and_layouts_are_written_by_value() -> None:
    x = np.arange(40, dtype=">i4").reshape(5, 8).T[::2]
    again = Parser(attr_text(x)).attr()
    assert again.dtype == np.dtype("<i4") and (again == x).all()


def test_what_is_no_attribute_is_refused() -> None:
    with pytest.raises(TypeError, match="an attribute of type object has no text form"):
        attr_text((1, object()))


# ---- sizes -----------------------------------------------------------------------------------------------------------


@settings(max_examples=300, deadline=None)
@given(sizes())
def test_sizes_read_back(d: Any) -> None:
    reader = Parser(str(d))
    assert reader.dim() == d
    assert reader.kind == "end"


def test_one_node() -> None:
    g = build([tensor("float32", 2)], lambda x: p.neg(x))
    assert print_node(g.nodes[0]) == "%1 = neg(%0) : f32[2]"
