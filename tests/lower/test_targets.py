"""Kernels for targets with fewer or narrower registers, and what their innermost loops look like."""

from __future__ import annotations

import re
from typing import Any

import pytest

from graphtf.ir.loops.stmt import Module
from graphtf.ir.ops.prims import p
from graphtf.ir.types import tensor
from graphtf.llvm import toolchain
from graphtf.llvm.emit import emit_module
from graphtf.llvm.target import Target, named
from graphtf.runtime.assemble import NativeStep

from .native import agree_exactly, compiling_for, draw, program, targets
from .test_contract import matmul, operands
from .test_convolve import GEOMETRIES, IDS, three

SIZES = ((13, 9, 31), (129, 70, 33), (1, 300, 784), (200, 64, 2100), (40, 1, 33))


@pytest.mark.parametrize("target", targets())
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_products(target: str, size: Any) -> None:
    with compiling_for(target):
        for ta, tb in ((False, False), (True, True)):
            made = program(operands(*size, ta, tb), matmul(ta, tb))
            agree_exactly(made, draw(made.graph, {}, whole=True))


@pytest.mark.parametrize("target", targets())
@pytest.mark.parametrize("x,w,attrs", GEOMETRIES[::2], ids=IDS[::2])
def test_convolutions(target: str, x: Any, w: Any, attrs: Any) -> None:
    with compiling_for(target):
        for made in three(x, w, attrs, "float32"):
            agree_exactly(made, draw(made.graph, {}, whole=True))


# ---- innermost loops -------------------------------------------------------------------------------------------------


def innermost_loops(assembly: str) -> list[list[str]]:
    """The instructions of loops that multiply and add and hold no other loop."""
    found = []
    lines = [line.strip() for line in assembly.splitlines()]
    at = {line[:-1]: k for k, line in enumerate(lines) if re.fullmatch(r"\.L\w+:", line)}
    for k, line in enumerate(lines):
        jump = re.fullmatch(r"j\w+\s+(\.L\w+)", line)
        if jump and jump.group(1) in at and at[jump.group(1)] < k:
            body = lines[at[jump.group(1)] + 1 : k]
            if any("vfmadd" in x for x in body) and not any(re.match(r"\.L\w+:", x) for x in body):
                found.append(body)
    return found


def loops_of(module: Module, target: Target) -> list[list[str]]:
    pipeline = toolchain.pipeline("default")
    texts = [toolchain.assembly(t, target.machine, pipeline) for t in emit_module(module, target)]
    return [loop for text in texts for loop in innermost_loops(text)]


@pytest.mark.parametrize("target,width", [("x86-64-v3", 32), ("x86-64-v4", 64)])
@pytest.mark.parametrize("which", ["product", "transposed", "convolution", "input", "filter"])
def test_tiles_stay_in_registers(which: str, target: str, width: int) -> None:
    """A turn of a tile's loop loads no sum from the stack and stores none, and copies no vector."""
    if target not in targets():
        pytest.skip("this machine cannot compile for the target")
    x, w = tensor("float32", 8, 20, 20, 32), tensor("float32", 3, 3, 32, 64)
    attrs: dict[str, Any] = {"strides": (1, 1), "padding": ((1, 1), (1, 1)), "dilations": (1, 1), "groups": 1}
    y = tensor("float32", 8, 20, 20, 64)
    square = [tensor("float32", 256, 256)] * 2
    with compiling_for(target):
        made = {
            "product": lambda: program(square, matmul(False, False)),
            "transposed": lambda: program(square, matmul(True, True)),
            "convolution": lambda: program([x, w], lambda a, b: p.conv(a, b, **attrs)),
            "input": lambda: program([y, w], lambda c, b: p.conv_grad_input(c, b, input_shape=x.dims, **attrs)),
            "filter": lambda: program([x, y], lambda a, c: p.conv_grad_filter(a, c, filter_shape=w.dims, **attrs)),
        }[which]()
        (step,) = [s for s in made.assembly.steps if isinstance(s, NativeStep)]
        loops = [x for x in loops_of(step.module, named(target)) if sum("vfmadd" in y for y in x) >= 8]
    assert loops
    for loop in loops:
        vectors = [y for y in loop if re.search(r"%[yz]mm", y)]
        assert not [y for y in vectors if "(%rsp)" in y], loop
        assert not [y for y in vectors if re.match(r"vmovap[sd]\s+%\wmm\d+, %\wmm", y)], loop
