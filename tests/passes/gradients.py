"""Gradients of graphs against differences. Entry point: `check(text, args, wanted)`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphtf.ir.graph import Graph
from graphtf.ir.interpret import interpret
from graphtf.ir.parse import parse
from graphtf.ir.verify import verify
from graphtf.passes.autodiff import backward
from graphtf.passes.autodiff.joint import joint
from graphtf.passes.pipeline import PIPELINE

STEP = 1e-6


def with_gradient(graph: Graph, wanted: Sequence[int]) -> tuple[Graph, list[int]]:
    """The graph that takes cotangents of its outputs too, and gives those of the inputs `wanted` that have some."""
    given = [k for k, v in enumerate(graph.outputs) if v.ir_type.dtype.is_inexact]
    j = joint(graph, wanted, given, backward)
    made = Graph((*j.inputs, *j.cts.values()), j.nodes, (*j.outputs, *j.found.values()), j.name, j.guards)
    verify(made)
    return made, list(j.found)


def check(graph: str | Graph, args: Sequence[Any], wanted: Sequence[int], orders: int = 2) -> Graph:
    """Derivatives up to an order are differences of those before, and survive the passes. The first order's graph."""
    graph = parse(graph) if isinstance(graph, str) else graph
    first: Graph | None = None
    rng = np.random.default_rng(5)
    for _ in range(orders):
        made, found = with_gradient(graph, wanted)
        assert found, "nothing depends on what is wanted"
        outs = interpret(graph, args)
        cts = [rng.uniform(0.5, 1.0, o.shape).astype(o.dtype) for o in outs if o.dtype.kind == "f"]
        compare(graph, made, found, list(args), cts, rng)
        first = first or made
        graph, args = made, [*args, *cts]
    assert first is not None
    return first


def compare(
    graph: Graph, made: Graph, found: Sequence[int], args: list[Any], cts: list[Any], rng: np.random.Generator
) -> None:
    results = interpret(made, [*args, *cts])
    outs, grads = results[: len(graph.outputs)], results[len(graph.outputs) :]
    for a, b in zip(interpret(graph, args), outs):
        np.testing.assert_array_equal(a, b)
    for k, g in zip(found, grads):
        assert g.shape == args[k].shape and g.dtype == args[k].dtype
        direction = rng.uniform(-1, 1, g.shape)
        ends = (value(graph, args, cts, k, by * direction) for by in (STEP, -STEP))
        slope = (next(ends) - next(ends)) / (2 * STEP)
        np.testing.assert_allclose(float(np.sum(g * direction)), slope, rtol=2e-5, atol=2e-7)
    optimised = made
    for step in PIPELINE:
        optimised = step.run(optimised)
        verify(optimised)
    for a, b in zip(results, interpret(optimised, [*args, *cts]), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def value(graph: Graph, args: list[Any], cts: list[Any], k: int, by: Any) -> float:
    moved = [np.asarray(a + by) if i == k else a for i, a in enumerate(args)]
    outs = [o for o in interpret(graph, moved) if o.dtype.kind == "f"]
    return float(sum(np.sum(c * o) for c, o in zip(cts, outs)))
