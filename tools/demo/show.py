"""What the demo shows of the compiler: passes and kernels, speed and exactness, and the files it writes.

Invariant: every figure is measured here and now, on the function that was just trained.
Entry points: `compiler`, `speed`, `files`.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

import graphtf as tf
from graphtf.export.portable import bound_inputs, save
from graphtf.export.svg import svg
from graphtf.flags import flags
from graphtf.functions.concrete import ConcreteFunction
from graphtf.ir.graph import Graph
from graphtf.ir.interpret import interpret
from graphtf.ir.ops.composite import fusion
from graphtf.passes.pipeline import Pipeline
from graphtf.tools.compare import compare
from graphtf.tools.demo import data
from graphtf.tools.terminal import Terminal, aligned, count, digits, duration

if TYPE_CHECKING:
    from graphtf.tools.demo.model import Training

_PARTS = {
    "contract": "matrix products and convolutions, with what follows them",
    "reduce": "reductions, with what leads up to them",
    "rows": "statistics of rows, with what uses them",
    "loop": "chains of elementwise operations",
}


def compiler(terminal: Terminal, concrete: ConcreteFunction, traced: float) -> None:
    """The way of the graph from the trace to machine code."""
    pipeline = Pipeline()
    graph = pipeline(concrete.ir)
    terminal.heading("What the compiler made of it", f"traced in {duration(traced)}: {len(concrete.ir)} nodes")
    trail = [f"{len(concrete.ir)} as traced"]
    for r in pipeline.reports:
        if r.nodes_after != r.nodes_before:
            trail.append(f"{r.name} {r.nodes_after}")
    for line in folded(trail, terminal.width - 14):
        terminal.write(f"  nodes  {line}")
    kernels = Counter(str(n.attrs["kind"]) for n in graph.nodes if n.op is fusion)
    inside = sum(len(n.regions["body"]) for n in graph.nodes if n.op is fusion)
    terminal.write(f"  fused  {count(inside, 'operation')} became {count(kernels.total(), 'kernel')}:")
    rows = [["", str(k), _PARTS.get(kind, kind)] for kind, k in kernels.most_common()]
    for line in aligned(rows, "<>"):
        terminal.write(f"       {line}")
    passes = sum(r.seconds for r in pipeline.reports)
    terminal.write(f"  time   passes {duration(passes)}, {code_generation(graph)}")


def folded(words: Sequence[str], width: int) -> list[str]:
    """Words joined by arrows, in lines of at most `width`."""
    lines = [words[0]]
    for w in words[1:]:
        if len(lines[-1]) + len(w) + 3 > width:
            lines.append("→ " + w)
        else:
            lines[-1] += f" → {w}"
    return lines


def code_generation(graph: Graph) -> str:
    """How long machine code takes, from nothing and from the disk cache."""
    from graphtf.llvm.cache import ObjectCache
    from graphtf.llvm.engine import Engine
    from graphtf.llvm.load import load_module
    from graphtf.llvm.target import host
    from graphtf.runtime.assemble import NativeStep, assemble
    from graphtf.runtime.compiler import build, host_caps

    start = time.perf_counter()
    modules = [s.module for s in assemble(graph, host_caps()).steps if isinstance(s, NativeStep)]
    lowered = time.perf_counter()
    for m in modules:
        load_module(Engine(host(), ObjectCache(None)), m)
    done = time.perf_counter()
    build(graph)
    again = time.perf_counter() - done
    return (
        f"loops {duration(lowered - start)}, machine code {duration(done - lowered)} "
        f"(from the disk cache, loops included, {duration(again)})"
    )


# ---- speed and exactness ---------------------------------------------------------------------------------------------


def median(run: Callable[[], Any], budget: float = 0.5, most: int = 300) -> float:
    """The median time of a call, over as many as fit in `budget` seconds (three at least)."""
    times: list[float] = []
    stop = time.perf_counter() + budget
    while len(times) < 3 or (len(times) < most and time.perf_counter() < stop):
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def speed(terminal: Terminal, training: Training, batch: Sequence[Any]) -> None:
    """A step on native code, as single eager operations, and on the interpreter; and how far apart the results are."""
    concrete = training.train_step.get_concrete_function()
    args = [*batch, *bound_inputs(concrete)[len(batch) :]]
    kept = [v.numpy() for v in concrete.variables]
    found = compare(concrete.ir, args)
    tensors = [tf.constant(x) for x in batch]
    ways = {
        "compiled": partial(training.train_step, *tensors),
        "eager": partial(training._train_step, *tensors),
        "interpreter": partial(interpret, concrete.ir, args),
    }
    taken = {name: median(run) for name, run in ways.items()}
    for v, value in zip(concrete.variables, kept):
        v.assign(value)
    remarks = {
        "compiled": "the reference (GRAPHTF_INTERPRET is set)" if flags.interpret else "one call of native code",
        "eager": "the same Python function without @tf.function, each operation on its own",
        "interpreter": "the graph, node by node, in NumPy: it defines what is right",
    }
    terminal.heading("How fast one step is", f"{count(len(batch[0]), 'image')}: forward, backward, Adam; medians")
    rows = [[name, duration(s), f"{digits(s / taken['compiled'])} ×", remarks[name]] for name, s in taken.items()]
    rows[0][2] = ""
    terminal.table(rows, "<>><")
    wrong = any(d.matters for d in found)
    verdict = terminal.style("DIFFERENT", "red", "bold") if wrong else terminal.style("equal up to rounding", "green")
    terminal.write(
        f"  native against interpreter, loss and all {len(found) - 1} variables after a step: largest difference "
        f"{max(d.largest for d in found):.2g} ({verdict})"
    )


# ---- files -----------------------------------------------------------------------------------------------------------


def files(terminal: Terminal, training: Training, held_out: data.Part, folder: Path) -> None:
    """The graph as text, picture and portable file, and digits to try it on."""
    folder.mkdir(parents=True, exist_ok=True)
    step = training.train_step.get_concrete_function()
    predict = training.predict.get_concrete_function()
    (folder / "train_step.ir").write_text(f"{step.ir}\n")
    (folder / "train_step.svg").write_text(svg(Pipeline()(step.ir), "train_step"))
    save(step.ir, bound_inputs(step), folder / "train_step.gtf")
    save(predict.ir, bound_inputs(predict), folder / "classifier.gtf")
    np.save(folder / "digits.npy", held_out.images[:8])
    terminal.heading("Look at it", "graphtf --help lists more")
    rows = [
        [f"{folder}/train_step.ir", "the graph as text, a line for each node with its type and your line"],
        [f"{folder}/train_step.svg", "a picture of the compiled step"],
        [f"{folder}/train_step.gtf", f"the step with its weights, in one file: graphtf opt {folder}/train_step.gtf"],
        [f"{folder}/classifier.gtf", f"the trained network: graphtf run {folder}/classifier.gtf {folder}/digits.npy"],
    ]
    terminal.table(rows)
