"""Random programs, gradients among them: native code gives what the interpreter gives, and text reads back the same.

GRAPHTF_FUZZ_PROGRAMS sets how many (3,200 unless set), GRAPHTF_FUZZ_SEED where their seeds begin; a failure names its
seed and shows the program reduced to the nodes that fail.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence

import numpy as np
import pytest

from graphtf.ir.builder import build
from graphtf.ir.dims import sym
from graphtf.ir.ops import OPS
from graphtf.ir.ops.prims import p
from graphtf.ir.types import tensor
from graphtf.llvm.cache import ObjectCache
from graphtf.llvm.codegen import prims
from graphtf.llvm.engine import Engine
from graphtf.llvm.target import host
from graphtf.runtime import compile
from graphtf.runtime.frame import Layout

from .diagnose import reduced
from .generate import EXCLUDED, generate
from .guard import overruns
from .harness import examine, prepared
from .program import Program

PROGRAMS = int(os.environ.get("GRAPHTF_FUZZ_PROGRAMS", "3200"))
FIRST = int(os.environ.get("GRAPHTF_FUZZ_SEED", "0"))
CHUNK = 40  # programs to a test, so that workers share them
FEW = 4  # nodes that a failing sum is reduced to, at most
ENOUGH = 1500  # programs in which every op has occurred by then


def complaints(programs: Sequence[Program]) -> Iterator[str]:
    """What is wrong with programs, each reduced."""
    for program, (graph, native) in zip(programs, prepared(programs)):
        failure = examine(program, graph, native)
        if failure:
            why = f"seed {program.seed}, {failure.n} rows: {failure.problem.kind}: {failure.problem.message}"
            yield f"{why}\n{reduced(program)}"


@pytest.mark.parametrize("first", range(FIRST, FIRST + PROGRAMS, CHUNK))
def test_native_code_is_the_interpreter(first: int) -> None:
    seeds = range(first, min(first + CHUNK, FIRST + PROGRAMS))
    failed = list(complaints([generate(seed) for seed in seeds]))
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
    """The comparison can fail: with addition compiled as subtraction, programs differ; few nodes are left of one."""
    monkeypatch.setitem(prims._FLOAT, "add", prims._FLOAT["sub"])
    uncached = Engine(host(), ObjectCache(None))
    monkeypatch.setattr("graphtf.runtime.compiler.engine", lambda: uncached)
    found = next(complaints([generate(seed) for seed in range(FIRST, FIRST + CHUNK)]))
    assert "native: " in found
    _, _, text = found.partition("graph @")
    nodes = [line for line in text.splitlines() if " = " in line]
    assert any("add" in line for line in nodes)
    assert len(nodes) <= FEW


def test_a_write_outside_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """The guard can fail: with half the memory for temporaries, the other half is written all the same."""
    bytes_of = Layout.bytes_of
    halved = lambda layout, slot, env: bytes_of(layout, slot, env) // (2 if slot.kind == "arena" else 1)  # noqa: E731
    twice = lambda x: p.sort(p.sort(x, axis=0, descending=False), axis=1, descending=False)  # noqa: E731
    native = compile(build([tensor("float32", sym("n"), 8)], twice))
    arguments = [np.ones((4, 8), np.float32)]
    assert not overruns(native, arguments)
    monkeypatch.setattr(Layout, "bytes_of", halved)
    assert any("past its end" in found for found in overruns(native, arguments))
