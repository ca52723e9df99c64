"""How long each pass takes on graphs of 2,500, 5,000 and 10,000 nodes: `python -m tests.passes.growth`.

Invariant: the graphs hold what programs hold (layers, loops, calls, variables, views, constants, repeated work), so
that each pass has something to do everywhere. Entry point: `program(nodes)`.
"""

from __future__ import annotations

import gc
import sys
import time

import numpy as np

from graphtf.ir.binding import binding
from graphtf.ir.builder import Builder, build
from graphtf.ir.graph import Graph, Value
from graphtf.ir.ops.control import while_
from graphtf.ir.ops.prims import p
from graphtf.ir.types import RefType, TensorType, tensor
from graphtf.passes.pipeline import PIPELINE

SIZES = (2500, 5000, 10000)
ROW = tensor("float32", 8, 16)


def program(nodes: int) -> Graph:
    """A graph of about so many nodes."""
    b = Builder("program")
    x, v = b.input(ROW, "x"), b.input(RefType(ROW), "v")
    w = b.input(tensor("float32", 16, 16), "w")
    with binding(b):
        k = 0
        while len(b.nodes) < nodes:
            x = layer(x, w, v, k)
            k += 1
        return b.finish([x])


def layer(x: Value, w: Value, v: Value, k: int) -> Value:
    """A few dozen nodes."""
    h = p.matmul(x, w, transpose_a=False, transpose_b=False, dtype=None)
    zero, two = (p.constant(value=np.array(c, np.float32)) for c in (0.0, 2.0))
    h = p.maximum(h, zero)
    mean = p.reduce_sum(h, axes=(1,))
    h = p.sub(h, p.broadcast(p.reshape(mean, shape=(8, 1)), shape=(8, 16)))
    h = p.add(p.mul(h, p.constant(value=np.ones((), np.float32))), p.neg(p.neg(x)))
    h = p.transpose(p.transpose(h, perm=(1, 0)), perm=(1, 0))
    h = p.div(h, two)
    same = p.add(p.exp(p.neg(p.abs(h))), p.exp(p.neg(p.abs(h))))
    h = p.select(p.gt(h, zero), same, p.tanh(h))
    h = p.reshape(p.reshape(h, shape=(128,)), shape=(8, 16))
    h = p.add(h, p.read(v))
    p.assign(v, h)
    if k % 8 == 0:
        h = p.call(h, body=build([ROW], lambda y: p.mul(p.sin(y), y), "body"))[0]
    return looped(h) if k % 16 == 0 else h


def looped(h: Value) -> Value:
    count = TensorType(tensor("int32").dtype, ())
    types = [count, ROW, ROW]
    cond = build(types, lambda i, y, c: p.lt(i, p.constant(value=np.array(3, np.int32))), "cond")
    one = np.array(1, np.int32)
    body = build(types, lambda i, y, c: [p.add(i, p.constant(value=one)), p.add(y, p.cos(c))], "body")
    start = p.constant(value=np.array(0, np.int32))
    return while_(start, h, h, cond=cond, body=body, carried=2)[1]  # type: ignore[no-any-return]


def times(nodes: int, repeats: int = 3) -> dict[str, float]:
    """The least seconds of each pass."""
    best: dict[str, float] = {}
    for _ in range(repeats):
        graph = program(nodes)
        for step in PIPELINE:
            gc.collect()
            start = time.perf_counter()
            graph = step.run(graph)
            best[step.name] = min(best.get(step.name, 1e9), time.perf_counter() - start)
    return best


def main() -> None:
    found = {n: times(n) for n in SIZES}
    out = sys.stdout.write
    out(f"{'pass':16}" + "".join(f"{n:>10}" for n in SIZES) + f"{'10k / 2.5k':>14}\n")
    for step in PIPELINE:
        row = [found[n][step.name] for n in SIZES]
        out(f"{step.name:16}" + "".join(f"{1e3 * t:9.1f} " for t in row) + f"{row[-1] / row[0]:13.1f}\n")
    totals = [sum(found[n].values()) for n in SIZES]
    out(f"{'all (ms)':16}" + "".join(f"{1e3 * t:9.1f} " for t in totals) + f"{totals[-1] / totals[0]:13.1f}\n")


if __name__ == "__main__":
    main()
