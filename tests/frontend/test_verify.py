"""`verify=True`: native code against the reference, and what is said where they differ."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import graphtf as tf
from graphtf.functions.verified import agree
from graphtf.ir.graph import Graph, map_regions
from graphtf.ir.ops import OPS
from graphtf.passes import pipeline


def test_agreement_is_silent() -> None:
    x = tf.random.stateless_normal([2, 2], seed=[1, 2])
    y, order, _ = tf.function(lambda x: (tf.tanh(x) @ x, tf.argsort(x), x > 0), verify=True)(x)
    np.testing.assert_allclose(y, np.tanh(x.numpy()) @ x.numpy(), rtol=1e-5)
    assert order.numpy().tolist() == np.argsort(x.numpy(), kind="stable").tolist()


def test_variables_are_assigned_once() -> None:
    v = tf.Variable(1.0)

    @tf.function(verify=True)
    def f(x: Any) -> Any:
        return v.assign_add(x) * 2

    assert [float(f(tf.constant(2.0))) for _ in range(2)] == [6.0, 10.0]
    assert float(v) == 5.0


def broken(graph: Graph) -> Graph:
    """A pass that takes differences for sums."""
    nodes = (map_regions(n, broken) for n in graph.nodes)
    return graph.with_nodes(replace(n, op=OPS["add"]) if n.op.name == "sub" else n for n in nodes)


def test_a_wrong_pass_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    steps = list(pipeline.PIPELINE)
    at = [s.name for s in steps].index("cse")
    steps.insert(at, pipeline.Step("mistake", broken))
    _, *others = pipeline.Pipeline.__init__.__defaults__ or ()
    monkeypatch.setattr(pipeline.Pipeline.__init__, "__defaults__", (tuple(steps), *others))
    monkeypatch.setattr(pipeline.bisect, "__defaults__", (tuple(steps),))

    @tf.function(verify=True)
    def f(x: Any, y: Any) -> Any:
        z = x * y
        w = z - y
        return tf.exp(w)

    with pytest.raises(tf.errors.InternalError) as caught:
        f(tf.constant([1.0, 2.0]), tf.constant([0.5, 0.25]))
    said = str(caught.value)
    assert "the first node that differs is sub" in said
    assert "pass 'mistake' introduced it" in said
    assert "test_verify.py" in said


def test_agree() -> None:
    one = np.float32([1.0, np.nan, np.inf])
    assert agree(one, one)
    assert not agree(np.float32([1.0, 0.0, np.inf]), one)
    assert not agree(np.float32([1.0]), np.float64([1.0]))
    assert agree(np.float32([1.0, 1e-7]), np.float32([1.0, 0.0]))
    assert not agree(np.float32([1.0, 1e-2]), np.float32([1.0, 0.0]))
    assert not agree(np.int32([1]), np.int32([2]))
