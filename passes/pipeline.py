"""The pipeline: the passes in their order, as a list one can read, with verification, dumps, times and bisection.

Invariant: each pass takes a valid graph and leaves a valid one. Entry points: `optimise`, `PIPELINE`, `Pipeline`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from graphtf.ir.errors import VerifyError
from graphtf.ir.graph import Graph
from graphtf.ir.verify import verify
from graphtf.passes.cse import cse
from graphtf.passes.dce import dce
from graphtf.passes.decompose import decompose
from graphtf.passes.fold import fold
from graphtf.passes.functionalise import functionalise
from graphtf.passes.fusion import fuse, recompute
from graphtf.passes.hoist import hoist
from graphtf.passes.inline import inline
from graphtf.passes.partition import gather, partition
from graphtf.passes.rules import simplify
from graphtf.passes.settle import settle
from graphtf.passes.sizes import unify_sizes

Pass = Callable[[Graph], Graph]


@dataclass(frozen=True)
class Step:
    """A named pass."""

    name: str
    run: Pass


PIPELINE: tuple[Step, ...] = (
    Step("inline", inline),
    Step("sizes", unify_sizes),
    Step("functionalise", functionalise),
    Step("dce", dce),
    Step("decompose", decompose),
    Step("fold", fold),
    Step("simplify", simplify),
    Step("cse", cse),
    Step("hoist", hoist),
    Step("simplify again", simplify),
    Step("settle", settle),
    Step("dce again", dce),
    Step("partition", partition),
    Step("fuse", fuse),
    Step("recompute", recompute),
    Step("gather", gather),
)


@dataclass(frozen=True)
class Report:
    """What one pass did."""

    name: str
    nodes_before: int
    nodes_after: int
    seconds: float


@dataclass
class Pipeline:
    """A sequence of passes and what to do between them."""

    steps: Sequence[Step] = PIPELINE
    verify_each: bool = False
    on_step: Callable[[str, Graph], None] | None = None
    reports: list[Report] = field(default_factory=list)

    def __call__(self, graph: Graph) -> Graph:
        """Run every step. Raises VerifyError naming the pass that left an invalid graph."""
        for step in self.steps:
            before, start = len(graph.nodes), time.perf_counter()
            graph = step.run(graph)
            self.reports.append(Report(step.name, before, len(graph.nodes), time.perf_counter() - start))
            if self.verify_each:
                self.check(step, graph)
            if self.on_step is not None:
                self.on_step(step.name, graph)
        return graph

    def check(self, step: Step, graph: Graph) -> None:
        try:
            verify(graph)
        except VerifyError as e:
            raise VerifyError(f"after pass {step.name!r}: {e}") from None

    def with_pass(self, name: str, run: Pass, *, before: str | None = None, after: str | None = None) -> Pipeline:
        """A pipeline with one more pass, before or after the named one (else at the end). Raises KeyError."""
        steps = list(self.steps)
        anchor = before or after
        at = len(steps)
        if anchor is not None:
            names = [s.name for s in steps]
            if anchor not in names:
                raise KeyError(f"no pass is called {anchor!r}; there are {', '.join(names)}")
            at = names.index(anchor) + (after is not None)
        steps.insert(at, Step(name, run))
        return Pipeline(tuple(steps), self.verify_each, self.on_step)


def bisect(graph: Graph, is_good: Callable[[Graph], bool], steps: Sequence[Step] = PIPELINE) -> str | None:
    """The first pass after which `is_good` no longer holds; None if it holds to the end."""
    for step in steps:
        graph = step.run(graph)
        if not is_good(graph):
            return step.name
    return None


def optimise(graph: Graph) -> Graph:
    """The standard pipeline."""
    return Pipeline()(graph)
