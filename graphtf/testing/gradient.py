"""Gradients held to differences: `tf.test.compute_gradient`; and what else `tf.test` gives programs.

Invariant: of a function of several results, the gradients are those of the sum of all. Entry points: the functions
below.
"""

from __future__ import annotations

import functools
import os
import sys
import time
import unittest
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.tape import GradientTape
from graphtf.tensor import EagerTensor, Tensor

Array = np.ndarray[Any, Any]
_STEP = 1.0 / 1024


def compute_gradient(
    f: Callable[..., Any], x: Sequence[Any], delta: float | None = None
) -> tuple[tuple[Array, ...], tuple[Array, ...]]:
    """The Jacobian of f by each of its arguments x, by its gradient and by differences with step `delta`: [outs, ins].

    Raises ValueError unless x is a list of floating or complex tensors.
    Follows https://www.tensorflow.org/api_docs/python/tf/test/compute_gradient.

    >>> by_tape, by_differences = compute_gradient(lambda x: x * x, [np.float64([3.0])])
    >>> float(by_tape[0][0, 0]), round(float(by_differences[0][0, 0]), 6)
    (6.0, 6.0)
    """
    if not isinstance(x, (list, tuple)):
        raise ValueError("`x` must be a list of Tensors.")
    given = [convert_to_tensor(v) for v in x]
    wrong = [t.dtype.name for t in given if not t.dtype.is_inexact]
    if wrong:
        raise ValueError(f"compute_gradient: arguments must be floating or complex, got {wrong[0]}")
    step = _STEP if delta is None else delta
    return tuple(_by_tape(f, given, k) for k in range(len(given))), tuple(
        _by_differences(f, given, k, step) for k in range(len(given))
    )


def _parts(a: Array) -> Array:
    """Flat real numbers: of complex ones, real and imaginary parts in turn."""
    flat = np.ascontiguousarray(a).reshape(-1)
    return flat.view(flat.real.dtype) if flat.dtype.kind == "c" else flat


def _by_tape(f: Callable[..., Any], given: list[Tensor], k: int) -> Array:
    with GradientTape(persistent=True) as tape:
        tape.watch(given)
        y = convert_to_tensor(f(*given))
    rows = []
    for unit in _units(y):
        found = tape.gradient(y, given[k], unit)
        row = np.zeros(given[k].shape, given[k].dtype.np) if found is None else convert_to_tensor(found).numpy()
        rows.append(_parts(row))
    return np.stack(rows) if rows else np.zeros((0, _parts(given[k]._array).size))  # type: ignore[attr-defined]


def _units(y: Tensor) -> Any:
    """Cotangents that are 1 (then, of complex numbers, i) in one place."""
    whole = np.zeros(y.shape, y.dtype.np)
    for at in np.ndindex(whole.shape):
        for value in (1, 1j) if y.dtype.is_complex else (1,):
            unit = whole.copy()
            unit[at] = value
            yield EagerTensor(unit)


def _by_differences(f: Callable[..., Any], given: list[Tensor], k: int, step: float) -> Array:
    base = given[k]._array  # type: ignore[attr-defined]
    columns = []
    for at in np.ndindex(base.shape):
        for unit in (step, step * 1j) if base.dtype.kind == "c" else (step,):
            ends = []
            for sign in (1, -1):
                moved = base.copy()
                moved[at] += sign * unit
                args = [*given[:k], EagerTensor(moved), *given[k + 1 :]]
                ends.append(_parts(convert_to_tensor(f(*args)).numpy()))
            columns.append((ends[0] - ends[1]) / (2 * step))
    if columns:
        return np.stack(columns, 1).astype(columns[0].dtype)
    return np.zeros((_parts(convert_to_tensor(f(*given)).numpy()).size, 0))


# ---- running ---------------------------------------------------------------------------------------------------------


def main(argv: Sequence[str] | None = None) -> None:
    """Run the tests of the program that calls it. Follows https://www.tensorflow.org/api_docs/python/tf/test/main."""
    unittest.main(argv=list(sys.argv if argv is None else argv))


def is_cpu_target_available(target: str) -> bool:
    """Can code for this family of processors ("x86", "aarch64", …) be made?

    Follows https://www.tensorflow.org/api_docs/python/tf/test/is_cpu_target_available.

    >>> is_cpu_target_available("vax")
    False
    """
    from graphtf.llvm.target import names

    return any(name == target or name.startswith(f"{target}-") for name in names())


def disable_with_predicate(pred: Callable[[], bool], skip_message: str) -> Callable[..., Any]:
    """Decorate a test that is skipped where the predicate holds.

    Follows https://www.tensorflow.org/api_docs/python/tf/test/disable_with_predicate.
    """

    def decorate(test: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(test)
        def run(self: Any, *args: Any, **kwargs: Any) -> Any:
            if pred():
                self.skipTest(skip_message)
            return test(self, *args, **kwargs)

        return run

    return decorate


def with_eager_op_as_function(cls: Any = None, only_as_function: bool = False) -> Any:
    """Decorate a test case: it stays as it is, since eager ops are run as they are.

    Follows https://www.tensorflow.org/api_docs/python/tf/test/with_eager_op_as_function.
    """
    return cls if cls is not None else lambda inner: inner


class Benchmark:
    """A base for benchmarks. Follows https://www.tensorflow.org/api_docs/python/tf/test/Benchmark."""

    def report_benchmark(
        self, iters: int | None = None, cpu_time: float | None = None, wall_time: float | None = None,
        throughput: float | None = None, extras: Any = None, name: str | None = None, metrics: Any = None,
    ) -> None:  # fmt: skip
        """Print a result as a line."""
        given = {"iters": iters, "cpu_time": cpu_time, "wall_time": wall_time, "throughput": throughput}
        shown = " ".join(f"{k}={v}" for k, v in {**given, **(extras or {})}.items() if v is not None)
        print(f"{name or type(self).__name__}: {shown}")

    def evaluate(self, tensors: Any) -> Any:
        """The values of tensors."""
        from graphtf.nest import map_structure

        return map_structure(lambda t: t.numpy() if isinstance(t, Tensor) else t, tensors)

    def run_op_benchmark(self, op: Callable[[], Any], burn_iters: int = 2, min_iters: int = 10) -> dict[str, Any]:
        """Time calls of a function: the median in seconds."""
        for _ in range(burn_iters):
            op()
        found = []
        for _ in range(min_iters):
            start = time.perf_counter()
            op()
            found.append(time.perf_counter() - start)
        return {"iters": min_iters, "wall_time": float(np.median(found)), "pid": os.getpid()}
