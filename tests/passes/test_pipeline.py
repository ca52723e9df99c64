"""The pipeline: what it reports, how passes of a user's own go in, and how it finds the pass that broke a graph."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from graphtf.ir.builder import build
from graphtf.ir.errors import VerifyError
from graphtf.ir.graph import Graph, Node, Source
from graphtf.ir.interpret import interpret
from graphtf.ir.ops.prims import p
from graphtf.ir.types import tensor
from graphtf.passes.pipeline import PIPELINE, Pipeline, Step, bisect, optimise

from .golden import assert_same, run
from .growth import program

VEC = tensor("float32", 4)
NAMES = [s.name for s in PIPELINE]


def sample() -> Graph:
    one = np.ones((), np.float32)
    return build([VEC, VEC], lambda x, y: p.add(p.mul(x, p.constant(value=one)), p.exp(p.neg(p.neg(y)))))


def wrong(g: Graph) -> Graph:
    """A pass that takes exp for neg."""
    nodes = [replace(n, op=p.neg) if n.op is p.exp else n for n in g.nodes]
    return g.with_nodes(nodes)


def invalid(g: Graph) -> Graph:
    """A pass that puts the nodes in the wrong order."""
    return g.with_nodes(tuple(reversed(g.nodes)))


def test_every_step_is_reported() -> None:
    seen: list[str] = []
    pipeline = Pipeline(on_step=lambda name, graph: seen.append(name))
    out = pipeline(sample())
    assert seen == NAMES == [r.name for r in pipeline.reports]
    assert pipeline.reports[0].nodes_before == len(sample()) and pipeline.reports[-1].nodes_after == len(out)
    assert all(r.seconds >= 0 for r in pipeline.reports)


def test_the_pass_that_leaves_an_invalid_graph_is_named() -> None:
    pipeline = Pipeline(verify_each=True).with_pass("mixed up", invalid, after="fold")
    with pytest.raises(VerifyError, match="after pass 'mixed up'"):
        pipeline(sample())


@pytest.mark.parametrize(("where", "at"), [({"before": "fold"}, "fold"), ({"after": "fold"}, "simplify"), ({}, None)])
def test_passes_of_ones_own_go_where_they_are_told(where: dict[str, str], at: str | None) -> None:
    names = [s.name for s in Pipeline().with_pass("mine", lambda g: g, **where).steps]
    assert set(names) == {*NAMES, "mine"}
    assert names.index("mine") == (len(NAMES) if at is None else names.index(at) - 1)


def test_a_place_that_there_is_not_is_refused() -> None:
    with pytest.raises(KeyError, match="no pass is called 'cleverness'"):
        Pipeline().with_pass("mine", lambda g: g, before="cleverness")


def test_bisection_finds_the_pass() -> None:
    steps = [*PIPELINE[:6], Step("wrong", wrong), *PIPELINE[6:]]
    args = [np.arange(4, dtype=np.float32), np.ones(4, np.float32)]
    (want,) = interpret(sample(), args)

    def is_good(g: Graph) -> bool:
        return bool(np.array_equal(interpret(g, args)[0], want))

    assert bisect(sample(), is_good, steps) == "wrong"
    assert bisect(sample(), is_good) is None


def test_the_standard_pipeline_computes_the_same_on_a_long_program() -> None:
    g = program(600)
    h = optimise(g)
    assert len(h) < len(g)
    assert_same(run(g), run(h), rtol=1e-4)


def test_sources_survive() -> None:
    line = Source("model.py", 7, "f")
    g = sample()
    g = g.with_nodes([replace(n, source=line) for n in g.nodes])

    def sources(graph: Graph) -> set[object]:
        found: set[object] = set()
        for n in graph.walk():
            assert isinstance(n, Node)
            found.add(n.source)
        return found

    assert sources(optimise(g)) <= {line, None} and line in sources(optimise(g))
