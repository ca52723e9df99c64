"""Programs that the tests of exporters share."""

from __future__ import annotations

from typing import Any

import numpy as np

import graphtf as tf
from graphtf.export.portable import bound_inputs
from graphtf.functions.concrete import ConcreteFunction
from graphtf.ir.builder import build
from graphtf.ir.dims import sym
from graphtf.ir.graph import Graph
from graphtf.ir.ops.prims import p
from graphtf.ir.types import tensor


def chain() -> Graph:
    """Two inputs of an open size, three nodes."""
    return build([tensor("float32", sym("n"), 3)] * 2, lambda x, y: p.tanh(p.mul(p.add(x, y), y)), "chain")


class Counter:
    """A program with a variable, a tensor from outside, and an open size."""

    def __init__(self) -> None:
        self.total = tf.Variable([1.0, 2.0, 3.0], name="total")
        self.table = tf.constant(np.arange(60, dtype=np.float32).reshape(20, 3))

    @tf.function(input_signature=[tf.TensorSpec([None, 3], tf.float32)])
    def step(self, x: Any) -> Any:
        self.total.assign_add(tf.reduce_sum(x, axis=0))
        return tf.nn.relu(x * self.total), tf.reduce_sum(self.table, axis=0) + self.total


def counter() -> tuple[ConcreteFunction, list[Any]]:
    """The trace of a new Counter, and what its inputs stand for."""
    c = Counter()
    concrete = c.step.get_concrete_function()
    return concrete, bound_inputs(concrete)
