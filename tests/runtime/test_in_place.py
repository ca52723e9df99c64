"""An optimiser's update in the kernel of the gradient: each element of the variables is read once and written once."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphtf.ir.builder import build
from graphtf.ir.dims import sym
from graphtf.ir.graph import Graph
from graphtf.ir.interpret import interpret
from graphtf.ir.loops.stmt import Copy
from graphtf.ir.ops.prims import p
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType, tensor
from graphtf.passes.pipeline import Pipeline
from graphtf.runtime import compile
from graphtf.runtime.program import Native

K = 32


def update(m: Any, n: Any) -> Graph:
    """A variable and its mean gradient, updated by the product of two matrices."""
    wanted = tensor("float32", m, n)

    def f(w: Any, mean: Any, x: Any, ct: Any) -> Any:
        gradient = p.matmul(x, ct, transpose_a=True, transpose_b=False)
        p.assign(mean, p.add(p.mul(p.read(mean), np.float32(0.5)), gradient))
        p.assign(w, p.sub(p.read(w), p.mul(p.read(mean), p.sqrt(p.abs(p.read(w))))))
        return p.read(mean)

    return build([RefType(wanted), RefType(wanted), tensor("float32", K, m), tensor("float32", K, n)], f)


def arguments(m: int, n: int) -> list[Any]:
    rng = np.random.default_rng([m, n])
    draw = lambda *shape: rng.standard_normal(shape).astype(np.float32)  # noqa: E731
    t = tensor("float32", m, n)
    return [Cell(draw(m, n), t), Cell(draw(m, n), t), draw(K, m), draw(K, n)]


@pytest.mark.parametrize("n", [1, 2, 15, 16, 17, 40, 64, 100])
@pytest.mark.parametrize("m", [1, 5, 16, 33, 100])
def test_each_element_is_updated_once(m: int, n: int) -> None:
    """Also where tiles of the result overlap."""
    program = compile(update(m, n), Pipeline(verify_each=True))
    wanted, found = arguments(m, n), arguments(m, n)
    for _ in range(2):
        interpret(update(m, n), wanted)
        program.run(found)
    for a, b in zip(wanted[:2], found[:2]):
        np.testing.assert_allclose(a.array, b.array, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("rows", [3, 64, 101])
def test_a_size_known_at_run_time(rows: int) -> None:
    program = compile(update(sym("m"), 40), Pipeline(verify_each=True))
    wanted, found = arguments(rows, 40), arguments(rows, 40)
    interpret(update(sym("m"), 40), wanted)
    program.run(found)
    for a, b in zip(wanted[:2], found[:2]):
        np.testing.assert_allclose(a.array, b.array, rtol=1e-4, atol=1e-4)


def test_nothing_is_copied() -> None:
    """One kernel, which writes the variables where they lie; what is returned is a copy."""
    program = compile(update(100, 300), Pipeline(verify_each=True))
    (step,) = program.steps
    assert isinstance(step, Native)
    copies = [s for s in step.step.module.main.body if isinstance(s, Copy)]
    assert len(step.step.module.kernels) == 1
    assert len(copies) == 1


def test_what_is_read_elsewhere_is_not_overwritten() -> None:
    """The old value is an operand of the product, too."""
    t = tensor("float32", 64, 64)

    def f(w: Any, x: Any) -> Any:
        old = p.read(w)
        p.assign(w, p.add(old, p.matmul(old, x, transpose_a=False, transpose_b=False)))
        return p.read(w)

    graph = build([RefType(t), t], f)
    rng = np.random.default_rng(0)
    w, x = rng.standard_normal((2, 64, 64)).astype(np.float32)
    (found,) = compile(graph, Pipeline(verify_each=True)).run([Cell(w.copy(), t), x])
    np.testing.assert_allclose(found, w + w @ x, rtol=1e-4, atol=1e-4)
