"""A program's code comes from the cache when all that decides it is the same, and only then."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from graphtf.ir import dtypes as dt
from graphtf.ir.loops.expr import Buffer, Lit, Load, Var, lit, prim, size
from graphtf.ir.loops.stmt import Check, For, LoopFunc, Module, Site, Store
from graphtf.llvm import load, objects
from graphtf.llvm.cache import ObjectCache
from graphtf.llvm.engine import Engine
from graphtf.llvm.target import host, named

from .native import Native, program


def scaled(factor: float, site: int = 0, source: str = "", name: str = "k", count: int = 20) -> LoopFunc:
    """x *= factor, with a check"""
    x, i = Buffer("x", dt.float32, count), Var("i")
    check = Check(prim("ge", i, lit(0)), site, i)
    body = (check, Store(x, i, prim("mul", Load(x, i), Lit(factor, dt.float32))))
    loop = For(i, lit(0), size(count), body, "vector")
    return LoopFunc(name, (x,), (), (loop,), doc=source, sites=(Site("mul", "no", source),))


def key(k: LoopFunc) -> str:
    return load.module_key(program(k), host())


def test_what_decides_the_code_decides_the_key() -> None:
    one = key(scaled(2.0))
    assert one == key(scaled(2.0))
    assert one == key(scaled(2.0, source="other.py:7"))
    different = [scaled(2.0, site=1), scaled(-2.0), scaled(2.5), scaled(2.0, count=21), scaled(2.0, name="other")]
    assert len({one, *map(key, different)}) == 6
    targets = [named(n) for n in ("x86-64-v2", "x86-64-v3", "aarch64")]
    assert len({load.module_key(program(scaled(2.0)), t) for t in targets}) == 3


def test_one_buffer_for_two_parameters_is_another_program() -> None:
    """What may lie in the same place is known from main alone."""
    a, b = (Buffer(n, dt.float32, 8) for n in "ab")
    x, y, i = Buffer("x", dt.float32, 8), Buffer("y", dt.float32, 8), Var("i")
    k = LoopFunc("k", (x, y), (), (For(i, lit(0), lit(8), (Store(y, i, Load(x, i)),)),))
    mains = [replace(program(k).main, params=(a, b), body=(replace(program(k).main.body[0], buffers=p),))
             for p in ((a, b), (a, a))]  # fmt: skip
    keys = {load.module_key(Module("m", (k,), m), host()) for m in mains}
    assert len(keys) == 2


def test_texts_known_before_are_taken_for_the_kernels_own() -> None:
    module = program(scaled(2.0))
    same = Module(module.name, module.kernels, module.main, tuple(map(str, module.kernels)))
    assert load.module_key(module, host()) == load.module_key(same, host())


def test_code_is_made_once_and_then_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = program(scaled(3.0))
    engine = Engine(host(), ObjectCache(tmp_path))
    load.load_module(engine, module)
    monkeypatch.setattr(load, "compile_objects", lambda *a: pytest.fail("compiled again"))
    data = np.ones(20, np.float32)
    native = Native.__new__(Native)
    native.module, native.loaded = module, load.load_module(engine, module)
    assert native.run([data]) == (0, 0)
    assert (data == 3).all()


def test_an_entry_that_is_no_code_is_made_again(tmp_path: Path) -> None:
    module = program(scaled(3.0))
    cache = ObjectCache(tmp_path)
    cache.put(load.module_key(module, host()), b"\x05" + bytes(20))
    load.load_module(Engine(host(), cache), module)
    assert objects.unpack(cache.get(load.module_key(module, host())) or b"")


@pytest.mark.parametrize("contents", [[], [b""], [b"one"], [b"a", b"", b"ccc" * 1000]])
def test_packing(contents: list[bytes]) -> None:
    packed = objects.pack(contents)
    assert objects.unpack(packed) == contents
    for damaged in (packed[:-1], packed + b"x", packed[1:], b"", b"\xff" * 8):
        with pytest.raises(ValueError, match="not packed objects"):
            objects.unpack(damaged)


def test_a_warm_start_loads_neither_llvm_nor_what_writes_its_text(tmp_path: Path) -> None:
    code = (
        "import sys; from tests.llvm.test_codegen_load import program, scaled; from graphtf.llvm import load;"
        "from graphtf.llvm.engine import engine; load.load_module(engine(), program(scaled(5.0)));"
        "print(sorted(m for m in sys.modules if m.startswith(('llvmlite.binding', 'graphtf.llvm.codegen.'))))"
    )
    env = {**os.environ, "GRAPHTF_CACHE_DIR": str(tmp_path)}
    root = Path(__file__).parents[2]
    cold, warm = (
        subprocess.run([sys.executable, "-c", code], env=env, cwd=root, capture_output=True, text=True, check=True)
        for _ in range(2)
    )
    assert "llvmlite.binding" in cold.stdout and "codegen.function" in cold.stdout
    assert warm.stdout.strip() == "[]"
