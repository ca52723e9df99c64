"""Random programs: every pass leaves a valid graph that computes the same, gradients included."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from fuzz.compare import Expected, observe, reference
from fuzz.generate import generate
from fuzz.program import Program

from graphtf.ir.errors import MissingGradient, Violation
from graphtf.ir.graph import Graph
from graphtf.ir.interpret import interpret
from graphtf.ir.parse import parse
from graphtf.ir.types import RefType
from graphtf.ir.verify import verify
from graphtf.passes.autodiff import backward
from graphtf.passes.autodiff.joint import joint
from graphtf.passes.autodiff.pair import pair, prepared
from graphtf.passes.pipeline import PIPELINE

PROGRAMS = 150
GRADIENTS = 100


@pytest.mark.parametrize("seed", range(PROGRAMS))
def test_each_pass_leaves_a_valid_graph_that_computes_the_same(seed: int) -> None:
    program = generate(seed)
    expected = Expected(program.graph, program.arguments)
    graph = program.graph
    for step in PIPELINE:
        graph = step.run(graph)
        verify(graph)
        wrong = expected.differences(observe(reference(graph), program.arguments()))
        assert not wrong, f"{step.name}: {wrong}\n{program}\n{graph}"
    assert str(parse(str(graph))) == str(graph)


def gradient(graph: Graph) -> tuple[Graph, list[int]] | None:
    """The graph with cotangents of its inexact inputs besides, given those of its inexact outputs."""
    given = [k for k, v in enumerate(graph.outputs) if v.ir_type.dtype.is_inexact]
    wanted = [k for k, v in enumerate(graph.inputs) if v.type.dtype.is_inexact and not isinstance(v.type, RefType)]
    if not given or not wanted:
        return None
    try:
        j = joint(graph, wanted, given, backward)
    except (MissingGradient, ValueError, Violation) as e:
        # what rules cannot do without
        reasons = ("no gradient", "the rank of a value", "whatever the sizes", "widths of at least 0")
        assert any(text in str(e) for text in reasons), str(e)
        return None
    outputs = (*j.outputs, *j.found.values())
    return Graph((*j.inputs, *j.cts.values()), j.nodes, outputs, j.name, j.guards), list(j.found)


def differentiable(seed: int) -> tuple[Program, Graph, list[int], list[Any]]:
    """A program with its gradient, the inputs that has, and cotangents: ones and halves."""
    program = generate(seed)
    ran = observe(reference(program.graph), program.arguments())
    made = None if ran.error else gradient(program.graph)
    if made is None:
        pytest.skip("nothing to differentiate")
    outs = [a for a in ran.outputs if a.dtype.kind not in "biuO"]
    cts = [np.where(np.arange(a.size).reshape(a.shape) % 2, 1, 0.5).astype(a.dtype) for a in outs]
    return program, *made, cts


@pytest.mark.parametrize("seed", range(GRADIENTS))
def test_gradients_are_valid_and_survive_the_passes(seed: int) -> None:
    program, graph, _, cts = differentiable(seed)
    verify(graph)
    expected = Expected(graph, lambda: [*program.arguments(), *cts])
    for step in PIPELINE[:-1]:
        graph = step.run(graph)
        verify(graph)
        wrong = expected.differences(observe(reference(graph), [*program.arguments(), *cts]))
        assert not wrong, f"{step.name}: {wrong}\n{program}\n{graph}"


@pytest.mark.parametrize("seed", range(GRADIENTS))
def test_a_pair_computes_what_the_joint_graph_does(seed: int) -> None:
    program, graph, found, cts = differentiable(seed)
    ready = prepared(program.graph)
    expected = Expected(graph, lambda: [*program.arguments(), *cts])
    parts = pair(ready.graph, found)
    verify(parts.forward)
    verify(parts.backward)

    def run(args: Any) -> list[Any]:
        own = [a.array if k in ready.valued else a for k, a in enumerate(args[: len(args) - len(cts)])]
        outs = interpret(parts.forward, own)
        takes = [*(own[k] for k in parts.taken), *(outs[k] for k in parts.saved), *args[len(own) :]]
        by_input = dict(zip(parts.found, interpret(parts.backward, takes)))
        return [*outs[: len(program.graph.outputs)], *(by_input[k] for k in found)]

    wrong = expected.differences(observe(run, [*program.arguments(), *cts]))
    assert not wrong, f"{wrong}\n{program}\n{parts.forward}\n{parts.backward}"
