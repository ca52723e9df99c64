"""One implementation, one workload, one process: prints one line of JSON.

usage: python -m peers IMPLEMENTATION WORK    (graphtf tensorflow xla jax torch torch.compile numpy; see inputs.py)
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from peers.inputs import EAGER, SHAPES, arrays, split

COMPILERS = ("xla", "torch.compile")
ROUNDS, ROUND_SECONDS, MOST = 7, 0.2, 5000


def prepared(implementation: str, work: str) -> tuple[Callable[[], Any], Callable[[Any], Any]]:
    """The step, and what waits for its result."""
    name, data = work.split(":")[0], arrays(work)
    if name in EAGER and implementation in COMPILERS:
        raise SystemExit(f"{implementation} has no {name}: it is not compiled")
    if implementation in ("tensorflow", "xla", "graphtf"):
        from peers import tensorflow_shapes, tensorflow_works

        tf = importlib.import_module("graphtf" if implementation == "graphtf" else "tensorflow")
        options = {"jit_compile": True} if implementation == "xla" else {}
        compiled = lambda f: tf.function(f, **options)  # noqa: E731
        if name in SHAPES:
            return tensorflow_shapes.step(name, tf, compiled, data), lambda r: r.numpy()
        return tensorflow_works.WORKS[name](tf, compiled, data), lambda r: r.numpy()
    if implementation == "jax":
        from peers import jax_shapes, jax_works

        step = jax_shapes.step(name, data) if name in SHAPES else jax_works.WORKS[name](data)
        return step, lambda r: r.block_until_ready()
    if implementation in ("torch", "torch.compile"):
        import torch
        from peers import torch_shapes, torch_works

        compiled = torch.compile if implementation == "torch.compile" else lambda f: f
        if name in SHAPES:
            return torch_shapes.step(name, compiled, data), lambda r: r
        return torch_works.WORKS[name](compiled, data), lambda r: r
    if implementation == "numpy":
        from peers import numpy_works

        if name not in numpy_works.WORKS:  # among them all of SHAPES: others are compared with compilers
            raise SystemExit(f"numpy has no {name}")
        return numpy_works.WORKS[name](data), lambda r: r
    raise SystemExit(f"no implementation {implementation!r}")


def main(implementation: str, work: str) -> None:
    chosen, size = split(work)
    step, wait = prepared(implementation, work)
    start = time.perf_counter()
    result = np.asarray(wait(step()))
    first = time.perf_counter() - start
    for _ in range(3):
        wait(step())
    start = time.perf_counter()
    wait(step())
    each = time.perf_counter() - start
    repeats = max(1, min(MOST, int(ROUND_SECONDS / max(each, 1e-7))))
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(repeats):
            last = step()
        wait(last)
        rounds.append((time.perf_counter() - start) / repeats)
    found = {
        "implementation": implementation, "work": work, "first": first, "median": statistics.median(rounds),
        "least": min(rounds), "rate": chosen.amount(size) / statistics.median(rounds), "unit": chosen.unit,
        "check": float(result.astype(np.float64).mean()), "repeats": repeats,
    }  # fmt: skip
    print(json.dumps(found))


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
