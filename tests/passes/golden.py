"""Golden files: what a pass makes of a graph, as text. `GRAPHTF_BLESS=1 pytest tests/passes` writes them anew.

A file has comment lines (`# passes: cse dce` names the passes in order), a graph, and after a line of dashes what they
make of it. Invariant: the second part is written by the program, never by hand. Entry points: `files`, `check`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from graphtf.ir.dims import evaluate
from graphtf.ir.graph import Graph
from graphtf.ir.interpret import interpret
from graphtf.ir.parse import parse
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType, TensorType
from graphtf.ir.verify import verify

FOLDER = Path(__file__).parent / "golden"
RULE = "-" * 40
SIZE = 3  # of every named size
Pass = Callable[[Graph], Graph]


def files() -> list[Path]:
    return sorted(FOLDER.glob("*.txt"))


def check(path: Path, passes: dict[str, Pass]) -> tuple[Graph, Graph]:
    """The graph before and after; the text of the latter is that of the file. Writes it if told to bless."""
    head, _, wanted = path.read_text(encoding="utf-8").partition(RULE + "\n")
    comments = [line for line in head.splitlines() if line.startswith("#")]
    before = parse("\n".join(line for line in head.splitlines() if not line.startswith("#")))
    after = before
    for name in comments[0].removeprefix("# passes:").split():
        after = passes[name](after)
        verify(after)
    made = f"{after}\n"
    if os.environ.get("GRAPHTF_BLESS"):
        path.write_text(f"{head.rstrip()}\n{RULE}\n{made}", encoding="utf-8")
        wanted = made
    assert made == wanted, f"{path.name} differs; GRAPHTF_BLESS=1 accepts what follows\n{made}"
    return before, after


# ---- running both ----------------------------------------------------------------------------------------------------


def arguments(graph: Graph, seed: int = 0) -> list[Any]:
    """An array, or a cell, for each input."""
    rng = np.random.default_rng(seed)
    return [_argument(v.type, rng, v.hint) for v in graph.inputs]


def _argument(t: Any, rng: np.random.Generator, name: str) -> Any:
    if isinstance(t, RefType):
        return Cell(_array(t.content, rng), t.content, name)
    return _array(t, rng)


def _array(t: TensorType, rng: np.random.Generator) -> Any:
    names = {s for d in t.dims if not isinstance(d, int) for s in str(d).replace("*", " ").split() if s.isidentifier()}
    shape = [evaluate(d, dict.fromkeys(names, SIZE)) for d in t.dims]
    if t.dtype.kind == "b":
        return np.ones(shape, bool)
    if t.dtype.is_integer:
        return rng.integers(1, 5, shape).astype(t.dtype.np)
    return rng.uniform(-1, 1, shape).astype(t.dtype.np)


def run(graph: Graph, seed: int = 0) -> list[Any]:
    """The outputs, and then what the cells hold, for arguments that depend on the seed alone."""
    args = arguments(graph, seed)
    return [*interpret(graph, args), *(a.array for a in args if isinstance(a, Cell))]


def assert_same(before: Sequence[Any], after: Sequence[Any], rtol: float = 0.0) -> None:
    """Equal, bit for bit but for which NaN, unless a tolerance is given."""
    assert len(before) == len(after)
    for a, b in zip(before, after):
        assert a.dtype == b.dtype and a.shape == b.shape
        if rtol:
            np.testing.assert_allclose(a, b, rtol=rtol)
        else:
            np.testing.assert_array_equal(a, b)
