"""Parallel loops: each iteration is a task, run by any thread.

Invariant: what a task uses from around it travels in a block of 8-byte words on the caller's stack, which outlives the
tasks; a single task is called directly. Entry point: `emit_parallel`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from graphtf.ir.dims import symbols
from graphtf.ir.loops.expr import Buffer, Size, Var
from graphtf.ir.loops.stmt import Alloc, For, Invoke, Let, While
from graphtf.llvm.codegen.function import FunctionWriter
from graphtf.llvm.codegen.names import register_type
from graphtf.llvm.codegen.shapes import buffers, expressions_of, is_nonnegative, stored, walk


def emit_parallel(w: FunctionWriter, s: For) -> None:
    if s.carries:
        raise ValueError(f"the parallel loop over {s.var.name} carries values")
    start, stop, step = w.scalar(s.start), w.scalar(s.stop), w.scalar(s.step)
    used, sizes, captured = buffers(s), sizes_of(s, w.sizes), captures(s)
    words = [("ptr", w.base(b)) for b in used] + [("i64", w.sizes[x]) for x in sizes]
    words += [(register_type(v.dtype), w.scalar(v)) for v in captured]
    words += [("ptr", "%status"), ("i64", start), ("i64", step)]
    block = w.fresh("task")
    w.entry.append(f"  {block} = alloca [{len(words)} x i64], align 8")
    for k, (t, x) in enumerate(words):
        at = w.ins(f"getelementptr inbounds i64, ptr {block}, i64 {k}")
        w.put(f"store {t} {x}, ptr {at}, align 8")
    name = write_task(w, s, used, sizes, captured)
    call_tasks(w, name, block, task_count(w, start, stop, step))
    if any(isinstance(x, While) for x in walk(s.body)):
        w.leave_if_interrupted()
    for b in stored(s.body):
        w.scopes.forget(b)


def task_count(w: FunctionWriter, start: str, stop: str, step: str) -> str:
    span = w.index("sub", [stop, start])
    if step == "1":
        return span
    less = w.index("sub", [step, "1"])
    return w.index("floordiv", [w.index("add", [span, less]), step])


def call_tasks(w: FunctionWriter, name: str, block: str, count: str) -> None:
    """Through the pool, unless there is only one."""
    one, none, several, after = w.labels("one", "none", "several", "joined")
    w.branch(w.ins(f"icmp sgt i64 {count}, 1"), several, none)
    w.start(none)
    w.branch(w.ins(f"icmp eq i64 {count}, 1"), one, after)
    w.start(one)
    w.put(f"call void @{name}(ptr {block}, i64 0)")
    w.jump(after)
    w.start(several)
    w.module.declare("gtf_parallel_for", "void", ["ptr", "ptr", "i64"])
    w.put(f"call void @gtf_parallel_for(ptr @{name}, ptr {block}, i64 {count})")
    w.jump(after)
    w.start(after)


def captures(s: For) -> list[Var]:
    """Variables of the surrounding scopes that the body uses."""
    inside = {s.var}
    for x in walk(s.body):
        if isinstance(x, (For, Let)):
            inside.add(x.var)
        if isinstance(x, (For, While)):
            inside.update(c.var for c in x.carries)
    used = dict.fromkeys(e for e in expressions_of(s) if isinstance(e, Var))
    return [v for v in used if v not in inside]


def sizes_of(s: For, known: Sequence[str] | dict[str, str]) -> list[str]:
    """The run-time sizes that the body uses."""
    if any(isinstance(x, Invoke) for x in walk(s.body)):
        return sorted(known)  # what kernels take is for them to say
    return sorted(set(_sizes_in(s)) & set(known))


def _sizes_in(s: For) -> Iterator[str]:
    for e in expressions_of(s):
        if isinstance(e, Size):
            yield from symbols(e.dim)
    for x in walk(s.body):
        if isinstance(x, Alloc):
            yield from symbols(x.buffer.size)


def write_task(w: FunctionWriter, s: For, used: list[Buffer], sizes: list[str], captured: list[Var]) -> str:
    """The task function; its name."""
    name = w.module.unique(f"{w.symbol}.task")
    t = w.task(sizes, name)
    t.nonnegative = w.nonnegative
    types = ["ptr"] * len(used) + ["i64"] * len(sizes) + [register_type(v.dtype) for v in captured]
    types += ["ptr", "i64", "i64"]
    with t.at(t.entry):
        words = [f"%c{k}" for k in range(len(types) - 3)] + ["%status", "%first", "%step"]
        for k, (kind, word) in enumerate(zip(types, words)):
            t.put(f"{word}.at = getelementptr inbounds i64, ptr %context, i64 {k}")
            t.put(f"{word} = load {kind}, ptr {word}.at, align 8")
        offset = t.ins(f"mul nsw i64 %number, {words[-1]}")
        index = t.ins(f"add nsw i64 {words[-2]}, {offset}")
    t.buffers = dict(zip(used, words))
    t.sizes = dict(zip(sizes, words[len(used) :]))
    for v, x in zip(captured, words[len(used) + len(sizes) :]):
        t.name(v, x)
    t.name(s.var, index)
    if is_nonnegative(s.start, w.nonnegative):
        t.nonnegative.add(id(s.var))
    t.run(s.body)
    w.module.add(t.text(f"internal void @{name}(ptr %context, i64 %number) #0"))
    return name
