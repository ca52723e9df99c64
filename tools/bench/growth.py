"""How compile time grows with a program: a network of n nodes is traced, optimised, lowered, and compiled from nothing.

Invariant: no cache takes part, and no two blocks of the program are the same. Entry point: `grown`.
"""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass

import graphtf as tf
from graphtf.llvm.cache import ObjectCache
from graphtf.llvm.engine import Engine
from graphtf.llvm.load import load_module
from graphtf.llvm.target import host
from graphtf.passes.pipeline import Pipeline
from graphtf.runtime.assemble import NativeStep, assemble
from graphtf.runtime.compiler import host_caps

_SIDE = 8


@dataclass(frozen=True)
class Grown:
    """Seconds for a graph of so many nodes."""

    nodes: int
    kernels: int
    trace: float
    passes: float
    loops: float
    code: float

    @property
    def total(self) -> float:
        return self.trace + self.passes + self.loops + self.code


def network(blocks: int) -> tf.types.experimental.GenericFunction:
    """A function of `blocks` blocks: elementwise chains, a reduction, and a product in every eighth."""

    def run(x: tf.Tensor) -> tf.Tensor:
        for k in range(blocks):
            y = tf.tanh(x * (1.0 + k / 1024) + 0.5 / (k + 1))
            scale = tf.reduce_max(tf.abs(y), axis=1, keepdims=True)
            x = y / (scale + 1.0) - 0.25 * x
            if k % 8 == 7:
                x = tf.matmul(x, y)
        return x

    return tf.function(run)


def grown(nodes: int) -> Grown:
    """Compile a graph of about that many nodes."""
    probe = network(8).get_concrete_function(tf.TensorSpec([_SIDE, _SIDE], tf.float32))
    function = network(max(1, round(8 * nodes / len(probe.ir))))
    marks = [time.perf_counter()]
    concrete = function.get_concrete_function(tf.TensorSpec([_SIDE, _SIDE], tf.float32))
    marks.append(time.perf_counter())
    graph = Pipeline()(concrete.ir)
    marks.append(time.perf_counter())
    modules = [s.module for s in assemble(graph, host_caps()).steps if isinstance(s, NativeStep)]
    marks.append(time.perf_counter())
    engine = Engine(host(), ObjectCache(None))
    for m in modules:
        load_module(engine, m)
    marks.append(time.perf_counter())
    trace, passes, loops, code = (b - a for a, b in itertools.pairwise(marks))
    return Grown(len(concrete.ir), sum(len(m.kernels) for m in modules), trace, passes, loops, code)
