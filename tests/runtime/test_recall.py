"""Programs kept on disk: the same results, errors and sizes without the compiler; what does not fit is made anew."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given

from graphtf.flags import flags
from graphtf.ir.builder import build
from graphtf.ir.dims import sym
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.graph import Graph
from graphtf.ir.ops.prims import p
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType, tensor
from graphtf.llvm.cache import ObjectCache
from graphtf.llvm.engine import engine
from graphtf.runtime import recall
from tests.ir.graphs import sizes

N = sym("n")
ROWS = tensor("float32", N, 3)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A cache of its own; notes how each program was come by."""
    monkeypatch.setattr(engine(), "cache", ObjectCache(tmp_path))
    notes: list[str] = []
    compiled, recalled = recall._compiled, recall._recalled

    def compile(*args: Any) -> Any:
        notes.append("compiled")
        return compiled(*args)

    def find(*args: Any) -> Any:
        found = recalled(*args)
        notes.extend(["recalled"] if found is not None else [])
        return found

    monkeypatch.setattr(recall, "_compiled", compile)
    monkeypatch.setattr(recall, "_recalled", find)
    return notes


def twice(graph: Graph, notes: list[str]) -> Any:
    """The program from disk, after it has been compiled once."""
    recall.compile(graph)
    program = recall.compile(graph)
    assert notes == ["compiled", "recalled"]
    return program


def test_sizes_of_run_time(kept: list[str]) -> None:
    def f(x: Any) -> Any:
        y = p.concat(x, p.reverse(x, axes=(0,)), axis=0)
        return p.tanh(y), p.reduce_sum(y, axes=(0,)), p.reshape(x, shape=(N * 3,))

    graph = build([ROWS], f)
    program = twice(graph, kept)
    for n in (4, 1, 0, 33):
        x = np.random.default_rng(n).standard_normal((n, 3)).astype(np.float32)
        y, total, flat = program.run([x])
        np.testing.assert_allclose(y, np.tanh(np.concatenate([x, x[::-1]])), rtol=1e-6)
        np.testing.assert_allclose(total, 2 * x.sum(0), rtol=1e-5, atol=1e-5)
        assert flat.shape == (3 * n,) and flat.tolist() == x.reshape(-1).tolist()


def test_variables_are_updated(kept: list[str]) -> None:
    graph = build([RefType(tensor("float32", 3)), ROWS], lambda v, x: [p.assign(v, p.reduce_sum(x, axes=(0,)))][:0])
    program = twice(graph, kept)
    c = Cell(np.zeros(3, np.float32), tensor("float32", 3), "v")
    program.run([c, np.ones((5, 3), np.float32)])
    assert c.array.tolist() == [5, 5, 5]


@pytest.mark.parametrize("dtype", ["float32", "float64", "bfloat16", "int8", "bool"])
def test_constants(kept: list[str], dtype: str) -> None:
    value = np.array([[1, 0, 3]]).astype(tensor(dtype).dtype.np)

    def f(x: Any) -> Any:
        c = p.constant(value=value)
        return p.select(x, p.broadcast(c, shape=(4, 3)), p.broadcast(c, shape=(4, 3))), c

    program = twice(build([tensor("bool", 4, 3)], f), kept)
    y, c = program.run([np.ones((4, 3), np.bool_)])
    assert y.dtype == c.dtype == value.dtype and c.tolist() == value.tolist() and y.tolist() == value.tolist() * 4


def test_a_failed_check_says_the_same(kept: list[str]) -> None:
    graph = build([tensor("float32", 4), tensor("int32", 2)], lambda x, i: p.gather(x, i, axis=0, batch_dims=0))
    fresh = recall.compile(graph)
    program = recall.compile(graph)
    assert kept == ["compiled", "recalled"]
    messages = []
    for made in (fresh, program):
        with pytest.raises(InvalidArgumentError) as caught:
            made.run([np.zeros(4, np.float32), np.array([1, 9], np.int32)])
        messages.append(str(caught.value))
    assert messages[0] == messages[1] and "9" in messages[0]


def test_arguments_are_checked(kept: list[str]) -> None:
    program = twice(build([ROWS], lambda x: p.neg(x)), kept)
    with pytest.raises(InvalidArgumentError):
        program.run([np.zeros((2, 4), np.float32)])


def test_what_it_was_made_of_can_be_asked_for(kept: list[str]) -> None:
    graph = build([ROWS], lambda x: p.neg(p.exp(x)))
    program = twice(graph, kept)
    assert [n.op.name for n in program.graph.nodes] == ["fusion"]
    assert kept == ["compiled", "recalled", "compiled"]


def test_programs_with_host_steps_are_compiled(kept: list[str]) -> None:
    graph = build([tensor("float32", N)], lambda x: p.nonzero(p.gt(x, np.float32(0)), shape=(sym("k"), 1)))
    for _ in range(2):
        (found,) = recall.compile(graph).run([np.array([1, -1, 2], np.float32)])
        assert found.tolist() == [[0], [2]]
    assert kept == ["compiled"] * 2


def test_a_changed_compiler_does_not_use_old_programs(kept: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    graph = build([ROWS], lambda x: p.neg(x))
    recall.compile(graph)
    monkeypatch.setattr(recall, "compiler_version", lambda: "another")
    recall.compile(graph)
    assert kept == ["compiled"] * 2


def test_debugging_is_not_recalled(kept: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    graph = build([ROWS], lambda x: p.neg(x))
    recall.compile(graph)
    monkeypatch.setattr(flags, "debug", True)
    recall.compile(graph)
    assert kept == ["compiled"] * 2


@pytest.mark.parametrize("what", ["nothing", "cut", "text", "fields", "code"])
def test_an_entry_that_does_not_read_is_compiled_anew(kept: list[str], what: str) -> None:
    graph = build([ROWS], lambda x: p.mul(x, np.float32(3)))
    recall.compile(graph)
    key, cache = recall.program_key(graph), engine().cache
    entry = cache.get(key)
    assert entry is not None
    if what == "code":
        head = json.loads(entry[8 : 8 + int.from_bytes(entry[:8], "little")])
        assert cache.directory is not None
        (cache.directory / f"{head['natives'][0][2]}.gtf").unlink()
    else:
        changed = {"nothing": b"", "cut": entry[:-40], "text": entry[:8] + b"#" + entry[9:],
                   "fields": (2).to_bytes(8, "little") + b"{}"}[what]  # fmt: skip
        cache.put(key, changed)
    program = recall.compile(graph)
    assert kept == ["compiled"] * 2
    assert program.run([np.ones((1, 3), np.float32)])[0].tolist() == [[3, 3, 3]]


@given(sizes())
def test_sizes_come_back_as_they_were(d: Any) -> None:
    assert recall._dim_in(json.loads(json.dumps(recall._dim_out(d)))) == d


PROGRAM = """
import sys
import graphtf as tf
v = tf.Variable([1.0, 2.0])

@tf.function
def step(x):
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(tf.square(x * v))
    v.assign_sub(0.1 * tape.gradient(loss, v))
    return loss

print(step(tf.ones([3, 2])).numpy(), v.numpy().tolist(), "graphtf.passes.pipeline" in sys.modules)
"""


def test_a_second_process_does_not_load_the_compiler(tmp_path: Path) -> None:
    import os

    said = []
    for _ in range(2):
        settings = {**os.environ, "GRAPHTF_CACHE_DIR": str(tmp_path), "GRAPHTF_DEBUG": "", "GRAPHTF_VERIFY": ""}
        done = subprocess.run([sys.executable, "-c", PROGRAM], env=settings, capture_output=True, text=True, check=True)
        said.append(done.stdout.split())
    assert said[0][:-1] == said[1][:-1]
    assert [line[-1] for line in said] == ["True", "False"]
