"""Running graphs of one kernel: natively, for this machine or one with fewer instructions, and on the reference, with
operands that are exact where that is meant."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from graphtf.ir.builder import build
from graphtf.ir.dims import evaluate
from graphtf.ir.graph import Graph
from graphtf.ir.interpret import interpret
from graphtf.ir.types import Type
from graphtf.llvm.cache import default_cache
from graphtf.llvm.engine import Engine
from graphtf.llvm.target import host, named
from graphtf.llvm.threads import num_threads, set_num_threads
from graphtf.runtime import compiler
from graphtf.runtime.compiler import Program, compile

Array = np.ndarray[Any, Any]


@contextmanager
def compiling_for(target: str) -> Iterator[None]:
    """Within, programs are made for the target of that name."""
    before, capabilities = compiler.engine, compiler.host_caps
    there = Engine(named(target), default_cache())
    compiler.engine, compiler.host_caps = lambda: there, lambda: compiler.caps_of(there.target)
    try:
        yield
    finally:
        compiler.engine, compiler.host_caps = before, capabilities


def targets() -> list[str]:
    """Names of targets whose code this machine can run."""
    here = host()
    known = [named(n) for n in ("x86-64-v2", "x86-64-v3", "x86-64-v4")]
    return [t.name for t in known if t.triple == here.triple and t.vector_bits <= here.vector_bits]


def program(types: Sequence[Type], fn: Callable[..., Any]) -> Program:
    """The compiled graph of `fn`, all of it native."""
    made = compile(build(types, fn))
    assert not made.host_steps, [(s.node.op.name, s.why) for s in made.host_steps]
    return made


def draw(graph: Graph, sizes: dict[str, int], seed: int = 0, whole: bool = False) -> list[Array]:
    """Random arguments: standard normal, or small whole numbers, whose products and sums are exact in any float."""
    rng = np.random.default_rng(seed)
    args = []
    for v in graph.inputs:
        shape = tuple(evaluate(d, sizes) for d in v.ir_type.dims)
        dtype = v.ir_type.dtype
        if dtype.kind in "iu" or whole:
            low = 0 if dtype.kind == "u" else -3
            args.append(rng.integers(low, 4, shape).astype(dtype.np))
        else:
            args.append(rng.standard_normal(shape).astype(dtype.np))
    return args


def plain(a: Array) -> Array:
    return a if a.dtype.kind in "biu" else a.astype(np.float64)


def agree_exactly(made: Program, args: Sequence[Array]) -> None:
    """Native results are the reference's, bit for bit."""
    for got, want in zip(made.run(args), interpret(made.graph, args), strict=True):
        assert (got.dtype, got.shape) == (want.dtype, want.shape)
        np.testing.assert_array_equal(plain(got), plain(want))


def results_of_threads(made: Program, args: Sequence[Array]) -> list[list[Array]]:
    """The results with one thread, and with two."""
    before = num_threads()
    found = []
    try:
        for count in (1, 2):
            set_num_threads(count)
            found.append([a.copy() for a in made.run(args)])
    finally:
        set_num_threads(before)
    return found
