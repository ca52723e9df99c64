"""Random programs, gradients among them: native code gives what the interpreter gives, and text reads back the same.

GRAPHTF_FUZZ_PROGRAMS sets how many (400 unless set), GRAPHTF_FUZZ_SEED where their seeds begin; a failure names its
seed and shows the program reduced to the nodes that fail.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from graphtf.ir.graph import Graph
from graphtf.ir.ops import OPS
from graphtf.ir.parse import parse
from graphtf.llvm.cache import ObjectCache
from graphtf.llvm.codegen import prims
from graphtf.llvm.engine import Engine
from graphtf.llvm.target import host
from graphtf.passes.pipeline import Pipeline
from graphtf.runtime import Program as Native
from graphtf.runtime import build

from . import reduce
from .compare import Expected, observe
from .generate import EXCLUDED, generate
from .program import Program

PROGRAMS = int(os.environ.get("GRAPHTF_FUZZ_PROGRAMS", "400"))
FIRST = int(os.environ.get("GRAPHTF_FUZZ_SEED", "0"))
CHUNK = 40  # programs to a test, so that workers share them
OPEN = {  # seeds of programs that are known to fail, and how: bugs to be mended
    1731: "a sum of infinities of both signs is -inf in native code, NaN in the interpreter",
    1978: "a size that a host step makes known is asked for before it",
}
ENOUGH = 1500  # programs in which every op has occurred by then


def compiled(graph: Graph) -> tuple[Graph, Native]:
    optimised = Pipeline()(graph)
    return optimised, build(optimised)


def wrong(graph: Graph, arguments: Any, optimised: Graph, native: Native) -> list[str]:
    """What native code does otherwise than the interpreter."""
    expected = Expected(graph, arguments, optimised)
    return expected.differences(observe(native.run, arguments()))


def check(program: Program) -> str | None:
    """What is wrong with a program, with its reduced text."""
    text = str(program.graph)
    if str(parse(text)) != text:
        return f"seed {program.seed}: the text reads back as another graph\n{text}"
    optimised, native = compiled(program.graph)
    for n in program.batches():
        found = wrong(program.graph, lambda n=n: program.arguments(n), optimised, native)
        if found:
            return f"seed {program.seed}, {n} rows: {found}\n{reduced(program, n)}"
    return None


def reduced(program: Program, n: int) -> str:
    """The text of the least part of a program that fails."""

    def fails(graph: Graph, arguments: Any) -> bool:
        return bool(wrong(graph, arguments, *compiled(graph)))

    return reduce.report(reduce.reduce(reduce.case(program.graph, program.arguments(n)), fails), program.seed)


@pytest.mark.parametrize("first", range(FIRST, FIRST + PROGRAMS, CHUNK))
def test_native_code_is_the_interpreter(first: int) -> None:
    seeds = [s for s in range(first, min(first + CHUNK, FIRST + PROGRAMS)) if s not in OPEN]
    failed = [why for seed in seeds if (why := check(generate(seed)))]
    assert not failed, "\n\n".join(failed)


def test_every_op_occurs() -> None:
    """Or is excluded, with the reason; no exclusion is stale."""
    missing = set(OPS)
    for seed in range(ENOUGH):
        missing -= generate(seed).ops
        if missing <= set(EXCLUDED):
            break
    assert missing == set(EXCLUDED)


def test_a_wrong_kernel_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The comparison can fail: with addition compiled as subtraction, programs differ."""
    monkeypatch.setitem(prims._FLOAT, "add", prims._FLOAT["sub"])
    uncached = Engine(host(), ObjectCache(None))
    monkeypatch.setattr("graphtf.runtime.compiler.engine", lambda: uncached)
    graphs = [generate(seed) for seed in range(FIRST, FIRST + CHUNK)]
    found = []
    for program in graphs:
        optimised, native = compiled(program.graph)
        found += wrong(program.graph, program.arguments, optimised, native)
    assert found
