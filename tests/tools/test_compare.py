"""Native beside reference: what is the same, what is rounding, what is wrong, and who is to blame."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import graphtf as tf
from graphtf.export.portable import bound_inputs
from graphtf.ir.graph import Graph
from graphtf.ir.ops import OPS
from graphtf.ir.state import Cell
from graphtf.passes import pipeline
from graphtf.tools.compare import compare, distance
from graphtf.tools.debug import blame

INF, NAN = np.inf, np.nan


@pytest.mark.parametrize(
    "a, b, apart",
    [
        ([1.0, 2.0], [1.0, 2.5], 0.5), ([NAN, INF], [NAN, INF], 0.0), ([NAN], [1.0], INF), ([INF], [-INF], INF),
        ([INF], [1e30], INF), ([0.0], [-0.0], 0.0), ([], [], 0.0), ([1.0], [1.0, 1.0], INF),
    ],
)  # fmt: skip
def test_distances(a: list[float], b: list[float], apart: float) -> None:
    assert distance(np.array(a), np.array(b)) == distance(np.array(b), np.array(a)) == apart


def test_distances_of_other_types() -> None:
    assert distance(np.int32([1, 2]), np.int32([1, 3])) == INF
    assert distance(np.int32([1]), np.int64([1])) == INF
    assert distance(np.complex64([1 + 1j]), np.complex64([1 + 2j])) == 1.0
    assert distance(np.array([True]), np.array([True])) == 0.0


def counting() -> tuple[Graph, list[Any]]:
    v = tf.Variable([1.0, 2.0], name="v")

    def f(x: Any) -> Any:
        z = x * v - v
        v.assign(z)
        return tf.exp(z)

    concrete = tf.function(f).get_concrete_function(tf.TensorSpec([2], tf.float32))
    return concrete.ir, [np.float32([0.5, 0.25]), *bound_inputs(concrete)[1:]]


def test_variables_are_compared_and_left_alone() -> None:
    graph, args = counting()
    found = compare(graph, args)
    assert [d.what for d in found] == ["output 0", "variable v"]
    assert not any(d.matters for d in found)
    (cell,) = (a for a in args if isinstance(a, Cell))
    np.testing.assert_array_equal(cell.array, [1.0, 2.0])


def test_a_wrong_pass_is_to_blame(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(graph: Graph) -> Graph:
        return graph.with_nodes(replace(n, op=OPS["add"]) if n.op.name == "sub" else n for n in graph.nodes)

    steps = (*pipeline.PIPELINE[:3], pipeline.Step("mistake", broken), *pipeline.PIPELINE[3:])
    _, *others = pipeline.Pipeline.__init__.__defaults__
    monkeypatch.setattr(pipeline.Pipeline.__init__, "__defaults__", (steps, *others))
    monkeypatch.setattr(pipeline.bisect, "__defaults__", (steps,))
    graph, args = counting()
    assert all(d.matters for d in compare(graph, args))
    said = blame(graph, args)
    assert "pass 'mistake' introduced it" in said and "the first node that differs is sub" in said
