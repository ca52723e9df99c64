"""The bench measures what it says: every workload computes the same numbers in every implementation that is here,
tables tell what failed, and the loop that finds the machine's peak does its multiply-adds."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphtf as tf
from graphtf.llvm.call import make_caller
from graphtf.llvm.engine import engine
from graphtf.llvm.target import named
from graphtf.tools.bench.command import SECTIONS, SHAPES, doubts, ratio
from graphtf.tools.bench.growth import grown
from graphtf.tools.bench.measure import OURS, Figure, child, environment, work
from graphtf.tools.bench.roofline import _CHAINS, multiply_adds, together

FOLDER = Path(__file__).resolve().parent.parent.parent / "tools" / "bench"


@pytest.fixture
def peers(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The workloads as they are imported in other environments."""
    monkeypatch.syspath_prepend(str(FOLDER))
    import peers.inputs
    import peers.numpy_works
    import peers.tensorflow_shapes
    import peers.tensorflow_works

    return peers


SMALL = {"huber": 300, "gelu": 300, "softmax": 3, "layernorm": 3, "matmul": 9, "add": 3, "tape": 3, "call": 3,
         "mlpfwd": 2, "mlp": 3, "cnn": 2, "attn": 1, "lstm": 2}  # fmt: skip


def test_every_work_is_tried(peers: Any) -> None:
    assert {*SMALL, *peers.shapes.SHAPES} == set(peers.inputs.WORKS)
    assert set(SMALL) == set(peers.tensorflow_works.WORKS)
    assert set(peers.tensorflow_shapes.OPS) == set(peers.shapes.SHAPES) == {w.split(":")[0] for w in SHAPES}


@pytest.mark.parametrize("name", [w.split(":")[0] for w in SHAPES])
def test_shapes_agree(name: str, peers: Any) -> None:
    """Compiled and eager."""
    images = name.startswith("conv") or name in ("strided", "dilated", "depthwise", "maxpool")
    arrays = peers.inputs.arrays(f"{name}:{1 if images else 13}")
    compiled = peers.tensorflow_shapes.step(name, tf, tf.function, arrays)().numpy()
    eager = peers.tensorflow_shapes.step(name, tf, lambda f: f, arrays)().numpy()
    close = 2e-2 if name == "half" else 2e-4
    np.testing.assert_allclose(compiled, eager, rtol=close, atol=10 * close if name == "half" else 1e-3)


@pytest.mark.parametrize("name", SMALL)
def test_works_agree(name: str, peers: Any) -> None:
    """Compiled, eager, and in NumPy where it is there; a training step moves its loss."""
    arrays = peers.inputs.arrays(f"{name}:{SMALL[name]}")
    compiled = peers.tensorflow_works.WORKS[name](tf, tf.function, arrays)
    eager = peers.tensorflow_works.WORKS[name](tf, lambda f: f, arrays)
    first = compiled().numpy()
    np.testing.assert_allclose(first, eager().numpy(), rtol=2e-4, atol=1e-5)
    np.testing.assert_allclose(compiled().numpy(), eager().numpy(), rtol=2e-4, atol=1e-5)
    if name in peers.numpy_works.WORKS:
        np.testing.assert_allclose(first, peers.numpy_works.WORKS[name](arrays)(), rtol=2e-4, atol=1e-5)
    if name in ("mlp", "cnn", "attn", "lstm"):
        for _ in range(20):
            last = compiled().numpy()
        assert last < first


def test_unknown_works_are_refused(peers: Any) -> None:
    for bad in ("huber", "huber:", "huber:-1", "huber:0", "rank:5"):
        with pytest.raises(ValueError, match="no workload"):
            peers.inputs.split(bad)


def test_a_work_in_a_process_of_its_own() -> None:
    found = work("numpy", "huber:100", sys.executable)
    assert not found.error and found.median > 0 and found.rate == pytest.approx(800 / found.median)
    assert "numpy has no mlp" in work("numpy", "mlp:1", sys.executable).error
    assert "no implementation" in work("abacus", "huber:1", sys.executable).error
    assert work("numpy", "huber:1", "/no/python").error


def test_the_peers_need_nothing_of_ours() -> None:
    code = "import json, sys; import peers.__main__; print(json.dumps(list(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=FOLDER)
    assert not [m for m in json.loads(done.stdout) if m.startswith("graphtf")]


def test_children_do_not_inherit_what_slows_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Prescott")
    assert "OPENBLAS_CORETYPE" not in environment()
    assert child("import json, os; print(json.dumps(os.environ.get('GIVEN')))", GIVEN="x") == "x"
    with pytest.raises(RuntimeError, match="ZeroDivisionError"):
        child("1 / 0")


def figure(name: str, median: float = 1.0, check: float = 1.0, error: str = "") -> Figure:
    return Figure(name, "w:1", median=median, check=check, error=error)


def test_ratios_are_the_best_of_the_others_to_us() -> None:
    assert ratio({OURS: figure(OURS, 2.0), "a": figure("a", 3.0), "b": figure("b", 5.0)}) == "1.50"
    assert ratio({OURS: figure(OURS, error="x"), "a": figure("a")}) == "–"
    assert ratio({OURS: figure(OURS), "a": figure("a", error="x")}) == "–"


def test_what_tables_do_not_say_is_said_below() -> None:
    assert doubts("w", {OURS: figure(OURS), "a": figure("a", check=1.0005)}) == []
    (said,) = doubts("w", {OURS: figure(OURS, check=1.1), "a": figure("a"), "b": figure("b")})
    assert said == "w: graphtf computes another number than the rest"
    assert doubts("w", {OURS: figure(OURS, error="broke")}) == ["w: graphtf: broke"]
    assert doubts("w", {OURS: figure(OURS), "numpy": figure("numpy", error="numpy has no w")}) == []


def test_the_peak_loop_multiplies_and_adds() -> None:
    target = engine().target
    out = np.zeros(64, np.float32)
    run = make_caller(engine().compile(multiply_adds(target)))
    assert run(out.ctypes.data) == 0
    assert not out.any()
    assert multiply_adds(target).count("@llvm.fma") == _CHAINS + 1
    assert "<4 x float>" in multiply_adds(named("aarch64"))


def test_tasks_run_at_once() -> None:
    import threading

    barrier = threading.Barrier(2, timeout=30)
    assert together([barrier.wait, barrier.wait], 2) >= 0


def test_growth_counts_nodes() -> None:
    small, large = grown(200), grown(800)
    assert 150 <= small.nodes <= 250 and 700 <= large.nodes <= 900
    assert small.kernels < large.kernels
    assert small.total == small.trace + small.passes + small.loops + small.code > 0


def test_there_is_a_section_for_everything() -> None:
    assert list(SECTIONS) == ["machine", "start", "small", "kernels", "training", "shapes", "first", "growth"]
