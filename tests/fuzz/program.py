"""A random program: a graph, the domains of its arguments, and the sizes it is to be run with.

Invariant: a program is the function of its seed; arguments are the function of program and sizes, and a call never
sees what another left in its variables. Entry points: `Program`, `Program.arguments`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphtf.ir.dims import evaluate
from graphtf.ir.graph import Graph
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType, Type

from .domain import Domain, draw

Array = np.ndarray[Any, Any]
Sizes = dict[str, int]

BASE = 7  # the value of every run-time size while a program is made
RUN_TIME_SIZES = ("n", "m")  # always equal, so that what is assumed of them holds
BATCHES = (BASE, 1, 32)


def sizes_of(n: int) -> Sizes:
    """What the names of sizes stand for."""
    return dict.fromkeys(RUN_TIME_SIZES, n)


def argument(t: Type, domain: Domain, sizes: Sizes, rng: np.random.Generator) -> Any:
    """An array, or for a reference a Cell with one."""
    content = t.content if isinstance(t, RefType) else t
    array = draw(content.dtype, tuple(evaluate(d, sizes) for d in content.dims), domain, rng)
    return Cell(array, content) if isinstance(t, RefType) else array


@dataclass
class Program:
    """`domains` has one entry for each input of the graph. `fails`: the generator saw it raise for the base sizes."""

    seed: int
    graph: Graph
    domains: Sequence[Domain]
    fails: bool = False
    ops: set[str] = field(default_factory=set)

    @property
    def symbolic(self) -> bool:
        """Does it take any number of rows?"""
        return any(not _content(v.type).is_static for v in self.graph.inputs)

    def batches(self) -> tuple[int, ...]:
        """The values of its run-time size to run it with."""
        return BATCHES if self.symbolic else (BASE,)

    def arguments(self, n: int = BASE) -> list[Any]:
        """Fresh arguments; the same ones for the same n."""
        return [
            argument(v.type, d, sizes_of(n), np.random.default_rng([self.seed, k, n]))
            for k, (v, d) in enumerate(zip(self.graph.inputs, self.domains, strict=True))
        ]

    def __str__(self) -> str:
        return f"seed {self.seed}\n{self.graph}"


def _content(t: Type) -> Any:
    return t.content if isinstance(t, RefType) else t
