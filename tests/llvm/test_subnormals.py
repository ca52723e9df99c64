"""Subnormal numbers are zero in native code, on every thread, and nowhere else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from graphtf.flags import flags
from graphtf.ir.builder import build
from graphtf.ir.ops.prims import p
from graphtf.ir.types import tensor
from graphtf.llvm.threads import keep_subnormals, subnormals_kept
from graphtf.runtime import compile

LONG = 1 << 20  # elements for more than one thread


@pytest.fixture(autouse=True)
def flushing() -> Iterator[None]:
    """The mode that programs start with, unless told otherwise."""
    before = flags.subnormals
    keep_subnormals(False)
    yield
    keep_subnormals(before)


def halved(dtype: str) -> Any:
    return compile(build([tensor(dtype, LONG)], lambda x: p.mul(x, np.dtype(dtype).type(0.5)))).run


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_results_and_operands_are_zero(dtype: str) -> None:
    """TensorFlow gives 0 for both."""
    least = np.finfo(dtype).tiny
    run = halved(dtype)
    for x in (np.full(LONG, least, dtype), np.full(LONG, least / 4, dtype)):
        assert not run([x])[0].any()
    (normal,) = run([np.full(LONG, least * 2, dtype)])
    assert (normal == least).all()


def test_they_are_kept_where_asked() -> None:
    x = np.full(LONG, np.finfo(np.float32).tiny, np.float32)
    run = halved("float32")
    with subnormals_kept():
        assert (run([x])[0] == x / 2).all()
    assert not run([x])[0].any()


def test_python_computes_with_them() -> None:
    """The caller's mode is as it was, in the main thread and in others."""
    run = halved("float32")
    found: list[bool] = []

    def compute() -> None:
        run([np.ones(LONG, np.float32)])
        found.append(bool(np.float32(1e-38) * np.float32(0.5) > 0) and 1e-308 * 0.5 > 0)

    compute()
    other = threading.Thread(target=compute)
    other.start()
    other.join()
    assert found == [True, True]
