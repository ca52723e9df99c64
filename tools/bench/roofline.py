"""What this machine can do: multiply-adds a second out of registers, and bytes a second copied.

Invariant: measured with code that does nothing else, so nothing can be faster. Entry point: `peaks`.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from graphtf.llvm.call import Gil, make_caller
from graphtf.llvm.engine import engine
from graphtf.llvm.target import Target, usable_cores

_CHAINS = 12  # independent accumulators: more than latency × ports of any processor in use, fewer than its registers
_REPEATS = 1 << 22
_COPIED = 1 << 26  # bytes, well beyond any cache


@dataclass(frozen=True)
class Peaks:
    """Operations a second in float32, and bytes a second that a copy reads and writes; on one core and on all."""

    flops_one: float
    flops_all: float
    copy_one: float
    copy_all: float
    cores: int


_MULTIPLY_ADDS = """
declare {v} @llvm.fma.v{lanes}f32({v}, {v}, {v})
define i32 @program(ptr %out) {{
entry:
  %seed = load float, ptr %out, align 4
  %one = insertelement {v} poison, float %seed, i64 0
  %x = shufflevector {v} %one, {v} poison, <{lanes} x i32> zeroinitializer
  br label %loop
loop:
  %i = phi i64 [ 0, %entry ], [ %next, %loop ]
{accumulators}
{steps}
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, {repeats}
  br i1 %more, label %loop, label %done
done:
  %s0 = fadd {v} %b0, %b0
{sums}
  store {v} %s{last}, ptr %out, align 4
  ret i32 0
}}
"""


def multiply_adds(target: Target) -> str:
    """LLVM IR of a loop of multiply-adds on registers: `_REPEATS` rounds of `_CHAINS` vectors."""
    lanes, chains = target.lanes(32), range(_CHAINS)
    v = f"<{lanes} x float>"
    accumulators = [f"  %a{k} = phi {v} [ %x, %entry ], [ %b{k}, %loop ]" for k in chains]
    steps = [f"  %b{k} = call {v} @llvm.fma.v{lanes}f32({v} %a{k}, {v} %x, {v} %x)" for k in chains]
    sums = [f"  %s{k} = fadd {v} %s{k - 1}, %b{k}" for k in chains[1:]]
    return _MULTIPLY_ADDS.format(
        v=v, lanes=lanes, repeats=_REPEATS, last=_CHAINS - 1,
        accumulators="\n".join(accumulators), steps="\n".join(steps), sums="\n".join(sums),
    )  # fmt: skip


def peaks(rounds: int = 7) -> Peaks:
    """The machine's peaks; medians."""
    target = engine().target
    run = make_caller(engine().compile(multiply_adds(target)), gil=Gil.RELEASED)
    cores = usable_cores()
    outs = [np.zeros(64, np.float32) for _ in range(cores)]
    work = 2.0 * _CHAINS * target.lanes(32) * _REPEATS
    tasks = [lambda out=out: run(out.ctypes.data) for out in outs]
    halves = [(np.ones(_COPIED // 4, np.float32), np.zeros(_COPIED // 4, np.float32)) for _ in range(cores)]
    copies = [lambda a=a, b=b: np.copyto(b, a) for a, b in halves]
    return Peaks(
        work / together(tasks[:1], rounds), cores * work / together(tasks, rounds),
        2.0 * _COPIED / together(copies[:1], rounds), cores * 2.0 * _COPIED / together(copies, rounds), cores,
    )  # fmt: skip


def together(tasks: list[Callable[[], object]], rounds: int) -> float:
    """The median time of running the tasks at once, a thread each."""
    found = []
    with ThreadPoolExecutor(len(tasks)) as pool:
        list(pool.map(lambda task: task(), tasks))
        for _ in range(rounds):
            start = time.perf_counter()
            list(pool.map(lambda task: task(), tasks))
            found.append(time.perf_counter() - start)
    return statistics.median(found)
