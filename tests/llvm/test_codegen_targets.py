"""The same loops for every target: LLVM takes the text, the code calls nothing foreign, and what runs here agrees."""

from __future__ import annotations

import random
import re
from dataclasses import replace

import numpy as np
import pytest

from graphtf.ir import dtypes as dt
from graphtf.ir.loops import expr as e
from graphtf.ir.loops.stmt import LoopFunc
from graphtf.llvm import toolchain
from graphtf.llvm.cache import ObjectCache
from graphtf.llvm.emit import emit_module
from graphtf.llvm.engine import Engine
from graphtf.llvm.link import ALLOWED_LIBRARY_SYMBOLS
from graphtf.llvm.runtime_ir import GENERATED_CODE_SYMBOLS
from graphtf.llvm.target import host, named, names

from .loop_eval import evaluate
from .loop_gen import Gen
from .native import Native, assert_same, program
from .test_codegen_prims import kernel, pairs, primitives

DTYPES = (dt.float16, dt.bfloat16, dt.float32, dt.int64, dt.uint8, dt.bool_)
KNOWN = {*ALLOWED_LIBRARY_SYMBOLS, *GENERATED_CODE_SYMBOLS, "__multi3"}  # the last: products of 128 bits, wherever C is
CALLS = {"x86_64": r"(?:callq|jmp)\s+(\w[\w.]*)", "aarch64": r"\bbl?\s+([a-z_]\w+)$", "wasm32": r"\bcall\s+([\w.]+)"}


def every_primitive() -> list[LoopFunc]:
    found = []
    for d in DTYPES:
        for name in primitives(d):
            result = dt.bool_ if name in e.COMPARISON else d
            found.append(kernel(f"k{len(found)}", name, (d,) * e.PRIMS[name], result, 37))
        found += [kernel(f"k_{d.short}_{to.short}", "cast", (d,), to, 37) for to in DTYPES]
    return found


def random_programs(count: int) -> list[LoopFunc]:
    return [replace(Gen(random.Random(seed)).program()[0], name=f"r{seed}") for seed in range(count)]


@pytest.mark.parametrize("name", [n for n in names() if n != "host"])
def test_every_target_takes_the_text(name: str) -> None:
    target = named(name)
    calls = next((p for arch, p in CALLS.items() if target.triple.startswith(arch)), "(?!)")
    for text in emit_module(program(*every_primitive(), *random_programs(10)), target):
        assembly = toolchain.assembly(text, target.machine, toolchain.pipeline("default"))
        assert len(assembly) > 1000
        called = set(re.findall(calls, assembly, re.M)) - {s for s in re.findall(r"@([\w.]+)\(", text)}
        assert called <= KNOWN


def older() -> list[str]:
    """Names of targets with less than this machine has, which it can run."""
    found = [n for n in ("x86-64", "x86-64-v2", "x86-64-v3") if host().triple.startswith("x86_64")]
    return [n for n in found if named(n).capabilities <= host().capabilities]


@pytest.mark.parametrize("name", older())
def test_code_for_older_processors_agrees(name: str) -> None:
    target = replace(named(name), triple=host().triple)
    engine = Engine(target, ObjectCache(None))
    kernels, arrays, sizes = [], [], {"n": 9, "m": 8}
    for d in DTYPES:
        for prim in primitives(d):
            if prim == "fma":  # rounded twice where the target has no such instruction
                continue
            inputs = [a[:401] for a in pairs(d, e.PRIMS[prim])]
            result = dt.bool_ if prim in e.COMPARISON else d
            kernels.append(kernel(f"k{len(kernels)}", prim, (d,) * len(inputs), result, inputs[0].size))
            arrays += [*inputs, np.zeros(inputs[0].size, result.np)]
        for to in DTYPES:
            (values,) = pairs(d, 1)
            kernels.append(kernel(f"k{len(kernels)}", "cast", (d,), to, values.size))
            arrays += [values, np.zeros(values.size, to.np)]
    module = program(*kernels)
    wanted = [a.copy() for a in arrays]
    evaluate(module, wanted, sizes, target.vector_bits // 8)
    assert Native(module, engine).run(arrays, sizes) == (0, 0)
    for b, got, want in zip(module.main.params, arrays, wanted):
        assert_same(got, want, str(b))
