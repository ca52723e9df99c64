"""Programs kept on disk: a graph compiled before runs without the compiler being loaded.

Invariant: what is kept is data, under a hash of the graph's text, the machine, and the compiler's own files; whatever
does not read as it was written is compiled anew. Entry point: `compile`.
"""

from __future__ import annotations

import functools
import json
import os
import struct
from collections.abc import Iterator
from typing import Any

import numpy as np

from graphtf import ir, llvm, passes, runtime
from graphtf.flags import flags
from graphtf.ir.dims import Atom, Dim, SymDim
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.graph import Graph
from graphtf.ir.loops.expr import Buffer
from graphtf.ir.loops.stmt import Site
from graphtf.llvm.cache import cache_key
from graphtf.llvm.engine import engine
from graphtf.llvm.load import cached_objects_of, module_key
from graphtf.llvm.target import usable_cores
from graphtf.runtime.program import Native, Program, native
from graphtf.runtime.slots import Slot
from graphtf.runtime.steps import Assembly, NativeStep, Plan

_LARGEST = 1 << 20  # bytes of constants up to which a program is kept
_MADE_BY = (ir, llvm, passes, runtime)  # the packages that decide what a graph becomes
_BAD = (ValueError, KeyError, TypeError, IndexError, struct.error)  # what reading an entry of another kind raises


def compile(graph: Graph, pipeline: Any = None, debug: bool = False) -> Program:
    """The program that runs `graph` on this machine; with the usual pipeline, from the cache where it has it.

    `debug`: every load and store is checked against its buffer.
    """
    if pipeline is not None or debug or flags.debug or engine().cache.directory is None or _constants(graph) > _LARGEST:
        return _compiled(graph, pipeline, debug)
    key = program_key(graph)
    found = _recalled(key, graph)
    if found is None:
        found = _compiled(graph)
        _keep(key, graph, found)
    return found


def _compiled(graph: Graph, pipeline: Any = None, debug: bool = False) -> Program:
    from graphtf.runtime import compiler  # and with it passes, lowerings and what writes code

    return compiler.compile(graph, pipeline, debug)


def _constants(graph: Graph) -> int:
    return sum(a.nbytes for n in graph.walk() for a in n.attrs.values() if isinstance(a, np.ndarray))


def program_key(graph: Graph) -> str:
    """The cache key of a graph's program."""
    target = engine().target
    made_for = (target.key, str(target.vector_bits), *sorted(target.capabilities), str(usable_cores()))
    return cache_key("program", compiler_version(), *made_for, str(graph))


@functools.cache
def compiler_version() -> str:
    """Tells one state of the compiler's files from another: their sizes and times."""
    return cache_key(*(line for package in _MADE_BY for root in package.__path__ for line in _files(root)))


def _files(root: str) -> Iterator[str]:
    with os.scandir(root) as listing:
        for entry in sorted(listing, key=lambda e: e.name):
            if entry.name.endswith(".py"):
                status = entry.stat()
                yield f"{entry.path} {status.st_size} {status.st_mtime_ns}"
            elif entry.is_dir() and entry.name != "__pycache__":
                yield from _files(entry.path)


# ---- keeping ---------------------------------------------------------------------------------------------------------


def _keep(key: str, graph: Graph, program: Program) -> None:
    """Keep a program that is native code alone, and takes what the graph takes."""
    assembly, plan = program.assembly, program.plan
    alone = all(isinstance(s, Native) for s in program.steps)
    if not alone or not _takes_the_same(graph, assembly.graph):
        return
    arrays = [s.array for s in plan.slots if s.array is not None]
    if sum(a.nbytes for a in arrays) > _LARGEST or any(a.dtype.hasobject for a in arrays):
        return
    head = {
        "name": plan.name,
        "slots": [_slot_out(s) for s in plan.slots],
        "outputs": [[s.number, _shape_out(dims)] for s, dims in plan.outputs],
        "results": [[s.number, None if dims is None else _shape_out(dims)] for s, dims in plan.results],
        "written": list(plan.written),
        "sites": [[s.op, s.message, s.source] for s in plan.sites],
        "doubtful": _shape_out(plan.doubtful),
        "shown": sorted(plan.shown),
        "natives": [
            [list(made.sizes), made.loops, module_key(step.module, engine().target)]
            for made, step in zip(program.steps, assembly.steps)
            if isinstance(made, Native) and isinstance(step, NativeStep)
        ],
    }  # fmt: skip
    text = json.dumps(head, separators=(",", ":")).encode()
    engine().cache.put(key, b"".join([struct.pack("<Q", len(text)), text, *(a.tobytes() for a in arrays)]))


def _takes_the_same(a: Graph, b: Graph) -> bool:
    types = [v.type for v in a.inputs] == [v.type for v in b.inputs]
    return types and a.guards == b.guards and len(a.outputs) == len(b.outputs)


def _slot_out(s: Slot) -> list[Any]:
    shape = None if s.array is None else list(s.array.shape)
    return [s.kind, s.dtype.name, _dim_out(s.size), s.position, s.first, s.last, s.phase,
            list(s.lane), _dim_out(s.reach), shape]  # fmt: skip


def _shape_out(dims: Any) -> list[Any]:
    return [_dim_out(d) for d in dims]


def _dim_out(d: Dim) -> Any:
    """A size: a number, or its terms, each a factor and atoms, an atom its kind, name and sizes."""
    if not isinstance(d, SymDim):
        return int(d)
    return [[c, [[a.kind, a.name, _shape_out(a.args)] for a in m]] for m, c in d.terms]


# ---- recalling -------------------------------------------------------------------------------------------------------


def _recalled(key: str, graph: Graph) -> Program | None:
    """The program under a key; None unless all of it is there."""
    found = engine().cache.get(key)
    if found is None:
        return None
    try:
        (length,) = struct.unpack_from("<Q", found)
        head = json.loads(found[8 : 8 + length])
        plan = _plan(head, memoryview(found)[8 + length :])
        steps = [_native(*step) for step in head["natives"]]
    except _BAD:
        return None
    if None in steps:
        return None
    return Program(plan, graph, [s for s in steps if s is not None], lambda: _assembled(graph), _of_a_region)


def _native(sizes: list[str], loops: bool, key: str) -> Native | None:
    objects = cached_objects_of(engine().cache, key)
    return None if objects is None else native(engine().load(objects), tuple(sizes), loops)


def _assembled(graph: Graph) -> Assembly:
    """What a program on disk was made of, for those who ask."""
    return _compiled(graph).assembly


def _of_a_region(*args: Any, **kwargs: Any) -> Program:
    raise AssertionError("programs with host steps are not kept")


def _plan(head: dict[str, Any], arrays: memoryview) -> Plan:
    slots: list[Slot] = []
    start = 0
    for number, (kind, name, size, position, first, last, phase, lane, reach, shape) in enumerate(head["slots"]):
        dtype, size = as_dtype(name), _dim_in(size)
        slot = Slot(number, kind, dtype, size, Buffer(f"b{number}", dtype, size), position, None, first, last, phase,
                    tuple(lane), _dim_in(reach))  # fmt: skip
        if shape is not None:
            count = int(np.prod(shape, dtype=np.int64))
            flat = np.frombuffer(arrays, dtype.np, count, start) if count else np.empty(0, dtype.np)
            slot.array = flat.reshape(shape).copy()
            start += count * dtype.np.itemsize
        slots.append(slot)
    return Plan(
        head["name"], slots,
        [(slots[k], _shape_in(dims)) for k, dims in head["outputs"]],
        [(slots[k], None if dims is None else _shape_in(dims)) for k, dims in head["results"]],
        tuple(head["written"]), tuple(Site(*s) for s in head["sites"]), list(_shape_in(head["doubtful"])),
        frozenset(head["shown"]),
    )  # fmt: skip


def _shape_in(dims: list[Any]) -> tuple[Dim, ...]:
    return tuple(map(_dim_in, dims))


def _dim_in(d: Any) -> Dim:
    if isinstance(d, int):
        return d
    terms = [(tuple(Atom(kind, name, _shape_in(args)) for kind, name, args in m), c) for c, m in d]
    return SymDim(tuple(terms))
