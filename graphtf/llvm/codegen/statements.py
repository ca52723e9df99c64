"""Statements of the loop IR as LLVM text: stores, branches, checks, memory; loops lie beside it.

Invariant: statements take effect in order; a failed check leaves the first failure's number and value in the status,
and the text that follows runs all the same. Entry point: `BodyWriter.run`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphtf.ir.loops.expr import Buffer
from graphtf.ir.loops.stmt import Alloc, Check, Copy, For, If, Invoke, Let, Prefetch, Stmt, Store, While
from graphtf.llvm.codegen.function import FunctionWriter, Lanes
from graphtf.llvm.codegen.loops import emit_for, emit_while
from graphtf.llvm.codegen.names import memory_type, register_type, vector
from graphtf.llvm.codegen.shapes import is_nonnegative

STACK_LIMIT = 64 << 10  # bytes for a function: what goes beyond, or has a size known only then, comes from the heap
OUT_OF_MEMORY = -2  # the status of a program that the system gave no memory
ALIGNMENT = 64


class BodyWriter(FunctionWriter):
    """A function whose text is statements."""

    def run(self, body: Sequence[Stmt]) -> None:
        for s in body:
            _STATEMENTS[type(s)](self, s)

    def task(self, sizes: Sequence[str], name: str) -> BodyWriter:
        return BodyWriter(self.module, sizes, self.canon.mutable, name)


def emit_let(w: FunctionWriter, s: Let) -> None:
    wide = w.varies(s.value)
    if is_nonnegative(s.value, w.nonnegative):
        w.nonnegative.add(id(s.var))
    w.name(s.var, w.vec(s.value) if wide else w.scalar(s.value), wide)


def emit_store(w: FunctionWriter, s: Store) -> None:
    lanes = w.lanes
    index = w.canon(s.index)
    if lanes is not None and lanes.varying(index):
        w.store_lanes(s.buffer, index, w.vec(s.value), lanes)
    elif lanes is not None and w.varies(s.value):  # one place: the last lane's value stays
        v = vector(register_type(s.value.dtype), lanes.count)
        last = w.ins(f"extractelement {v} {w.vec(s.value)}, i64 {lanes.count - 1}")
        w.store(s.buffer, w.scalar(index), last)
    else:
        value = w.scalar(s.value)
        w.store(s.buffer, w.scalar(index), value)
    w.scopes.forget(s.buffer)


# ---- memory ----------------------------------------------------------------------------------------------------------


def emit_alloc(w: FunctionWriter, s: Alloc) -> None:
    """Reserved once for each call of the function, however often the statement runs."""
    if s.buffer in w.buffers:
        return
    size = s.buffer.size
    name = w.fresh("buf")
    tile = s.buffer.space == "register"
    if isinstance(size, int) and (tile or w.on_stack + size * s.buffer.dtype.size <= STACK_LIMIT):
        w.on_stack += 0 if tile else size * s.buffer.dtype.size
        w.entry.append(f"  {name} = alloca [{max(1, size)} x {memory_type(s.buffer.dtype)}], align {ALIGNMENT}")
    else:
        with w.at(w.entry):
            _from_heap(w, s.buffer, name)
    w.buffers[s.buffer] = name


def _from_heap(w: FunctionWriter, b: Buffer, name: str) -> None:
    """Memory that the function's end gives back; without it the function does nothing but say so."""
    w.module.declare("malloc", "ptr", ["i64"])
    w.module.declare("free", "void", ["ptr"])
    nbytes = w.index("add", [w.index("mul", [w.dim(b.size), str(b.dtype.size)]), str(ALIGNMENT)])
    raw = w.ins(f"call ptr @malloc(i64 {nbytes})")
    missing, had = w.labels("missing", "had")
    w.branch(w.ins(f"icmp eq ptr {raw}, null"), missing, had)
    w.lines.append(f"{missing[1:]}:")
    w.ins(f"cmpxchg ptr %status, i64 0, i64 {OUT_OF_MEMORY} seq_cst seq_cst")
    w.lines += [*w.exit, f"  {w.returns}", f"{had[1:]}:"]
    address = w.ins(f"ptrtoint ptr {raw} to i64")
    gap = w.ins(f"and i64 {w.ins(f'sub i64 0, {address}')}, {ALIGNMENT - 1}")
    w.put(f"{name} = getelementptr i8, ptr {raw}, i64 {gap}")
    w.exit.append(f"  call void @free(ptr {raw})")


def emit_copy(w: FunctionWriter, s: Copy) -> None:
    nbytes = w.index("mul", [w.scalar(s.count), str(s.target.dtype.size)])
    to = w.pointer(s.target, w.scalar(s.target_index))
    if s.source is None or s.source_index is None:
        w.module.declare("llvm.memset.p0.i64", "void", ["ptr", "i8", "i64", "i1"])
        w.put(f"call void @llvm.memset.p0.i64(ptr {to}, i8 0, i64 {nbytes}, i1 false)")
    else:
        origin = w.pointer(s.source, w.scalar(s.source_index))
        w.module.declare("llvm.memcpy.p0.p0.i64", "void", ["ptr", "ptr", "i64", "i1"])
        w.put(f"call void @llvm.memcpy.p0.p0.i64(ptr {to}, ptr {origin}, i64 {nbytes}, i1 false)")
    w.scopes.forget(s.target)


def emit_prefetch(w: FunctionWriter, s: Prefetch) -> None:
    w.module.declare("llvm.prefetch.p0", "void", ["ptr", "i32", "i32", "i32"])
    at = w.ins(f"getelementptr {memory_type(s.buffer.dtype)}, ptr {w.base(s.buffer)}, i64 {w.scalar(s.index)}")
    w.put(f"call void @llvm.prefetch.p0(ptr {at}, i32 {int(s.write)}, i32 {3 if s.near else 2}, i32 1)")


# ---- checks ----------------------------------------------------------------------------------------------------------


def emit_check(w: FunctionWriter, s: Check) -> None:
    if w.lanes is not None and w.varies(s.condition):
        _check_lanes(w, s, w.lanes)
        return
    failed, after = w.labels("failed", "passed")
    w.branch(w.scalar(s.condition), after, failed)
    w.start(failed)
    w.scopes.open_block()
    if w.lanes is not None and w.varies(s.value):
        t = vector("i64", w.lanes.count)
        value = w.ins(f"extractelement {t} {w.vec(s.value)}, i64 0")
    else:
        value = w.scalar(s.value)
    _report(w, s.site, value)
    w.scopes.close()
    w.jump(after)
    w.start(after)


def _check_lanes(w: FunctionWriter, s: Check, lanes: Lanes) -> None:
    n = lanes.count
    mask = w.ins(f"bitcast <{n} x i1> {w.vec(s.condition)} to i{n}")
    failed, after = w.labels("failed", "passed")
    w.branch(w.ins(f"icmp eq i{n} {mask}, -1"), after, failed)
    w.start(failed)
    w.scopes.open_block()
    lane = w.intrinsic(f"llvm.cttz.i{n}", f"i{n}", [w.ins(f"xor i{n} {mask}, -1"), "true"], [f"i{n}", "i1"])
    where = w.ins(f"zext i{n} {lane} to i64") if n < 64 else lane
    _report(w, s.site, w.ins(f"extractelement <{n} x i64> {w.vec(s.value)}, i64 {where}"))
    w.scopes.close()
    w.jump(after)
    w.start(after)


def _report(w: FunctionWriter, site: int, value: str) -> None:
    """The first failure goes into an empty status."""
    first, rest = w.labels("first", "noted")
    pair = w.ins(f"cmpxchg ptr %status, i64 0, i64 {site + 1} seq_cst seq_cst")
    w.branch(w.ins(f"extractvalue {{ i64, i1 }} {pair}, 1"), first, rest)
    w.start(first)
    at = w.ins("getelementptr i64, ptr %status, i64 1")
    w.put(f"store i64 {value}, ptr {at}, align 8")
    w.jump(rest)
    w.start(rest)


# ---- branches and calls ----------------------------------------------------------------------------------------------


def emit_if(w: FunctionWriter, s: If) -> None:
    then, orelse, after = w.labels("then", "else", "endif")
    w.branch(w.scalar(s.condition), then, orelse if s.orelse else after)
    for label, body in ((then, s.then), (orelse, s.orelse)):
        if body or label == then:
            w.start(label)
            w.scopes.open_block()
            w.run(body)
            w.scopes.close()
            w.jump(after)
    w.start(after)


def emit_invoke(w: FunctionWriter, s: Invoke) -> None:
    w.put(w.module.invocation(s, [w.base(b) for b in s.buffers], w.sizes))
    for b in s.buffers:
        w.scopes.forget(b)


_STATEMENTS: dict[type, Callable[[Any, Any], None]] = {
    Let: emit_let, Store: emit_store, For: emit_for, While: emit_while, If: emit_if, Alloc: emit_alloc,
    Copy: emit_copy, Prefetch: emit_prefetch, Check: emit_check, Invoke: emit_invoke,
}  # fmt: skip
