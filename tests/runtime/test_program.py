"""Programs against the interpreter: host steps, sizes, control flow, variables in place, memory, threads."""

from __future__ import annotations

import sys
import threading
from typing import Any

import numpy as np
import pytest

from graphtf.ir.binding import binding
from graphtf.ir.builder import Builder, build
from graphtf.ir.dims import sym
from graphtf.ir.errors import InvalidArgumentError, ResourceExhaustedError
from graphtf.ir.graph import Graph, Source
from graphtf.ir.interpret import interpret
from graphtf.ir.ops.control import while_
from graphtf.ir.ops.io import host_call, register
from graphtf.ir.ops.prims import p
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType, tensor
from graphtf.passes.pipeline import Pipeline
from graphtf.runtime import Program, compile

F, I, B = tensor("float32"), tensor("int32"), tensor("bool")
N = sym("n")


def f32(*x: Any) -> Any:
    return np.array(x[0] if len(x) == 1 else x, np.float32)


def native(g: Graph) -> Program:
    return compile(g, Pipeline(verify_each=True))


def copied(args: Any) -> list[Any]:
    return [Cell(a.array.copy(), a.type, a.name) if isinstance(a, Cell) else a for a in args]


def agree(g: Graph, *args: Any, program: Program | None = None) -> list[Any]:
    """The results, the same from the interpreter and from native code; variables too."""
    args = tuple(a if isinstance(a, Cell) else np.asarray(a) for a in args)
    left, right = copied(args), copied(args)
    want, got = interpret(g, left), (program or native(g)).run(right)
    for a, b in zip(want, got, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        np.testing.assert_array_equal(a, b)
    for a, b in zip(left, right):
        if isinstance(a, Cell):
            np.testing.assert_array_equal(a.array, b.array)
    return got


def host(function: Any, *operands: Any, dtypes: Any, shapes: Any) -> Any:
    return host_call(*operands, function=function, dtypes=dtypes, shapes=shapes)


# ---- outputs ---------------------------------------------------------------------------------------------------------


def test_an_output_may_be_an_input_a_constant_or_come_twice() -> None:
    def f(x: Any) -> Any:
        y = p.add(x, x)
        return x, y, y, p.reshape(y, shape=(2, 2)), p.constant(value=f32(7)), p.reshape(x, shape=(4, 1))

    agree(build([tensor("float32", 4)], f), f32(1, 2, 3, 4))


def test_no_inputs_and_no_outputs() -> None:
    assert agree(build([], lambda: [])) == []
    agree(build([], lambda: p.constant(value=f32([[1, 2], [3, 4]]))))
    agree(build([tensor("float32", 3)], lambda x: []), f32(1, 2, 3))


def test_one_compilation_serves_every_size() -> None:
    def f(x: Any) -> Any:
        return p.mul(p.exp(p.sub(x, x)), 3.0), p.reduce_sum(x, axes=(0,)), p.dims(dims=(N, 2 * N), dtype=I.dtype)

    g = build([tensor("float32", N, 3)], f)
    program = native(g)
    for n in (1, 7, 32, 1000, 0, 7):
        agree(g, np.arange(n * 3, dtype=np.float32).reshape(n, 3), program=program)


def test_results_of_a_call_stay_as_they_are() -> None:
    """Memory of large outputs is used again, but not while anyone has it, or a view of it."""
    program = native(build([tensor("float32", N)], lambda x: p.add(x, 1.0)))
    first = program.run([np.zeros(1 << 16, np.float32)])[0]
    tail = program.run([np.full(1 << 16, 5, np.float32)])[0][10:]
    for k in range(8):
        program.run([np.full(1 << 16, k, np.float32)])
    assert (first == 1).all() and (tail == 6).all()
    where = first.ctypes.data
    del first
    assert any(program.run([np.zeros(1 << 16, np.float32)])[0].ctypes.data == where for _ in range(3))


# ---- host steps ------------------------------------------------------------------------------------------------------


def test_host_steps_between_native_segments() -> None:
    double = register(lambda x: [x * 2])

    def f(x: Any) -> Any:
        (y,) = host(double, p.add(x, 1.0), dtypes=(F.dtype,), shapes=((3,),))
        return p.mul(y, x), y, p.reshape(y, shape=(3, 1))

    agree(build([tensor("float32", 3)], f), f32(1, 2, 3))


def test_sizes_that_become_known_while_running() -> None:
    def f(x: Any) -> Any:
        u = sym("u")
        at = p.nonzero(p.gt(x, 0.0), shape=(u, 1))
        where = p.cast(p.reshape(at, shape=(u,)), dtype=F.dtype)
        return where, p.reduce_sum(p.mul(where, 2.0), axes=(0,))

    g = build([tensor("float32", N)], f)
    program = native(g)
    for x in (f32(1, -1, 3), f32(-1, -1), f32(4, 5, 6, 7), np.arange(3000, dtype=np.float32)):
        agree(g, x, program=program)


def test_values_that_have_no_machine_representation() -> None:
    def f(x: Any, y: Any) -> Any:
        return p.reshape(p.complex(p.add(x, y), y), shape=(2, 1)), p.real(p.mul(p.complex(x, y), p.complex(y, x)))

    agree(build([tensor("float32", 2)] * 2, f), f32(1, 2), f32(3, 4))
    text = tensor("string", 2)
    agree(build([text], lambda s: (s, p.reshape(s, shape=(2, 1)))), np.array([b"a", b"bc"], object))


def test_unknown_rank() -> None:
    then = build([tensor("float32", 2)], lambda x: x)
    orelse = build([tensor("float32", 2)], lambda x: p.concat(x, x, axis=0))
    g = build([B, tensor("float32", 2)], lambda c, x: p.add(getattr(p, "if")(c, x, then=then, orelse=orelse)[0], 1.0))
    agree(g, True, f32(1, 2))
    agree(g, False, f32(1, 2))


def test_control_flow_with_a_host_step_inside_runs_its_regions_natively() -> None:
    seen: list[float] = []
    key = register(lambda x: [seen.append(float(x)), x][1:])
    cond = build([I, tensor("float32", 4)], lambda i, x: p.lt(i, 3))

    def step(i: Any, x: Any) -> Any:
        (s,) = host(key, p.reduce_sum(x, axes=(0,)), dtypes=(F.dtype,), shapes=((),))
        return p.add(i, 1), p.add(p.mul(x, 2.0), s)

    body = build([I, tensor("float32", 4)], step)
    g = build([I, tensor("float32", 4)], lambda i, x: while_(i, x, cond=cond, body=body, carried=2))
    agree(g, np.int32(0), f32(1, 2, 3, 4))
    assert len(seen) == 6 and seen[:3] == seen[3:]


# ---- control flow ----------------------------------------------------------------------------------------------------


def test_if_and_while_are_native() -> None:
    then = build([tensor("float32", N)] * 2, lambda x, y: p.add(x, y))
    orelse = build([tensor("float32", N)] * 2, lambda x, y: p.sub(x, y))
    g = build([B, *[tensor("float32", N)] * 2], lambda c, x, y: getattr(p, "if")(c, x, y, then=then, orelse=orelse))
    program = native(g)
    assert not program.host_steps
    for c in (True, False):
        agree(g, c, f32(1, 2, 3), f32(4, 5, 6), program=program)


def swap_loop(limit: int) -> Graph:
    """(x, y) ← (y, x + y), so that a careless move of the state loses one of them."""
    t = tensor("float32", N)
    cond = build([I, t, t], lambda i, x, y: p.lt(i, limit))
    body = build([I, t, t], lambda i, x, y: (p.add(i, 1), y, p.add(x, y)))
    return build([I, t, t], lambda i, x, y: while_(i, x, y, cond=cond, body=body, carried=3))


def test_state_of_a_loop_moves_as_if_at_once() -> None:
    g = swap_loop(7)
    program = native(g)
    assert not program.host_steps
    agree(g, np.int32(0), f32(1, 2), f32(3, 5), program=program)
    agree(g, np.int32(9), f32(1, 2), f32(3, 5), program=program)


def test_loops_inside_loops() -> None:
    inner_cond = build([I, F], lambda j, x: p.lt(j, 4))
    inner_body = build([I, F], lambda j, x: (p.add(j, 1), p.add(x, 1.5)))

    def outer(i: Any, x: Any) -> Any:
        _, y = while_(p.constant(value=np.array(0, np.int32)), x, cond=inner_cond, body=inner_body, carried=2)
        return p.add(i, 1), p.mul(y, 0.5)

    cond = build([I, F], lambda i, x: p.lt(i, 5))
    g = build([I, F], lambda i, x: while_(i, x, cond=cond, body=build([I, F], outer), carried=2))
    program = native(g)
    assert not program.host_steps
    agree(g, np.int32(0), f32(1), program=program)


def test_a_loop_collects_rows_in_place() -> None:
    """The stack of a recurrent layer: one row an iteration, no copy of the rest."""
    rows = tensor("float32", 16, 3)
    cond = build([I, rows], lambda i, s: p.lt(i, 16))

    def step(i: Any, s: Any) -> Any:
        row = p.broadcast(p.cast(i, dtype=F.dtype), shape=(1, 3))
        start = p.concat(p.reshape(i, shape=(1,)), p.constant(value=np.array([0], np.int32)), axis=0)
        return p.add(i, 1), p.dynamic_update_slice(s, row, start)

    g = build([I, rows], lambda i, s: while_(i, s, cond=cond, body=build([I, rows], step), carried=2))
    agree(g, np.int32(0), np.zeros((16, 3), np.float32))


# ---- variables -------------------------------------------------------------------------------------------------------

V3 = tensor("float32", 3)
R3 = RefType(V3)


def cell(*x: float) -> Cell:
    return Cell(f32(*x), tensor("float32", len(x)), "v")


def test_a_variable_is_updated_in_its_own_memory() -> None:
    g = build([R3, V3], lambda v, x: [p.assign(v, p.add(p.read(v), x))][:0])
    program, c = native(g), cell(1, 2, 3)
    before = c.array.ctypes.data
    program.run([c, f32(1, 1, 1)])
    assert c.array.ctypes.data == before and c.array.tolist() == [2, 3, 4]


def test_whoever_holds_the_old_value_keeps_it() -> None:
    program = native(build([R3, V3], lambda v, x: [p.assign(v, p.add(p.read(v), x))][:0]))
    c = cell(1, 2, 3)
    held, view = c.array, c.array[1:]
    program.run([c, f32(1, 1, 1)])
    assert held.tolist() == [1, 2, 3] and view.tolist() == [2, 3] and c.array.tolist() == [2, 3, 4]


def test_a_variable_is_found_where_it_lies_now() -> None:
    """Its array may be replaced between calls, by one at the same place or another, kept by somebody or nobody."""
    program = native(build([R3, V3], lambda v, x: [p.assign(v, p.add(p.read(v), x)), p.read(v)][1:]))
    c, kept = cell(1, 2, 3), []
    for k in range(40):
        if k % 3 == 1:
            c.array = f32(k, k, k)
        if k % 5 == 2:
            kept.append(c.array)
        want = c.array + 1
        (got,) = program.run([c, f32(1, 1, 1)])
        assert got.tolist() == want.tolist() == c.array.tolist()
        if k % 7 == 3:
            kept.clear()


def test_variables_swap() -> None:
    def f(v: Any, w: Any) -> Any:
        a, b = p.read(v), p.read(w)
        p.assign(v, b)
        p.assign(w, a)
        return p.read(v), a

    agree(build([R3, R3], f), cell(1, 2, 3), cell(4, 5, 6))


def test_the_old_value_is_read_after_the_new_one_is_stored() -> None:
    def f(v: Any, x: Any) -> Any:
        old = p.read(v)
        p.assign(v, p.mul(old, x))
        p.assign(v, p.add(p.read(v), old))
        return old, p.read(v), p.reverse(old, axes=(0,))

    agree(build([R3, V3], f), cell(1, 2, 3), f32(4, 5, 6))


def test_updates_that_read_each_other() -> None:
    """One kernel writes three variables over their old values, which the others still need."""

    def f(w: Any, m: Any, s: Any, g: Any) -> Any:
        a, b, c = p.read(w), p.read(m), p.read(s)
        p.assign(m, g)
        p.assign(s, p.add(c, b))
        p.assign(w, p.sub(a, p.mul(b, c)))
        return []

    agree(build([R3, R3, R3, V3], f), cell(1, 2, 3), cell(4, 5, 6), cell(7, 8, 9), f32(1, 1, 2))


def test_a_reversed_variable_is_not_updated_in_place() -> None:
    agree(build([R3], lambda v: [p.assign(v, p.reverse(p.read(v), axes=(0,)))][:0]), cell(1, 2, 3))


def test_a_variable_may_change_its_size() -> None:
    ref = RefType(tensor("float32", sym("a")))

    def f(v: Any, x: Any) -> Any:
        p.assign(v, p.concat(p.read(v), x, axis=0))
        return p.reduce_sum(x, axes=(0,))

    g = build([ref, tensor("float32", sym("b"))], f)
    program = native(g)
    c = Cell(f32(1, 2), ref.content, "v")
    for k in (3, 1, 4):
        agree(g, c, np.arange(k, dtype=np.float32), program=program)
        program.run([c, np.arange(k, dtype=np.float32)])
    assert c.array.shape == (10,)


def test_a_python_function_sees_and_sets_variables() -> None:
    c = cell(1, 2, 3)

    def touch() -> list[Any]:
        c.array = c.array * 10
        return [c.array[0].copy()]

    key = register(touch)

    def f(v: Any) -> Any:
        p.assign(v, p.add(p.read(v), 1.0))
        (x,) = host(key, dtypes=(F.dtype,), shapes=((),))
        p.assign(v, p.add(p.read(v), x))
        return p.read(v)

    got = native(build([R3], f)).run([c])[0]
    assert got.tolist() == [40, 50, 60] and c.array.tolist() == [40, 50, 60]


def test_conditional_assignment() -> None:
    keep = build([R3, V3], lambda v, x: [])
    change = build([R3, V3], lambda v, x: [p.assign(v, x)][:0])
    g = build([B, R3, V3], lambda c, v, x: [getattr(p, "if")(c, v, x, then=change, orelse=keep)][:0] or p.read(v))
    agree(g, True, cell(1, 2, 3), f32(4, 5, 6))
    agree(g, False, cell(1, 2, 3), f32(4, 5, 6))


# ---- arguments -------------------------------------------------------------------------------------------------------


def odd_arrays() -> dict[str, Any]:
    raw = np.zeros(4 * 6 + 1, np.uint8)
    misaligned = raw[1:].view(np.float32).reshape(2, 3)
    misaligned[...] = np.arange(6).reshape(2, 3)
    plain = np.arange(6, dtype=np.float32).reshape(2, 3)
    readonly = plain.copy()
    readonly.flags.writeable = False
    return {
        "transposed": plain.reshape(3, 2).T, "strided": np.arange(24, dtype=np.float32).reshape(4, 6)[::2, ::2],
        "negative": plain[::-1, ::-1], "swapped": plain.astype(">f4"), "readonly": readonly, "misaligned": misaligned,
        "broadcast": np.broadcast_to(f32(1, 2, 3), (2, 3)), "fortran": np.asfortranarray(plain),
    }  # fmt: skip


@pytest.mark.parametrize("kind", sorted(odd_arrays()))
def test_arrays_of_any_layout(kind: str) -> None:
    g = build([tensor("float32", N, 3)], lambda x: (p.mul(x, 2.0), p.reduce_sum(x, axes=(1,)), x))
    agree(g, odd_arrays()[kind])


def test_a_numpy_scalar_is_an_array_without_axes() -> None:
    g = build([I, F], lambda i, x: (p.add(i, 1), p.mul(x, 2.0)))
    assert [x.tolist() for x in native(g).run([np.int32(5), np.float32(1.5)])] == [6, 3.0]


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.zeros((2, 4), np.float32), r"argument 0 has shape \[2, 4\], expected f32\[n, 3\]"),
        (np.zeros(3, np.float32), "shape"),
        (np.zeros((2, 3), np.float64), "dtype float64"),
        ([1.0], "list, expected a NumPy array"),
    ],
)
def test_arguments_that_do_not_fit(bad: Any, message: str) -> None:
    program = native(build([tensor("float32", N, 3)], lambda x: p.neg(x)))
    with pytest.raises(InvalidArgumentError, match=message):
        program.run([bad])


def test_sizes_that_no_memory_holds() -> None:
    big = 1 << 40
    program = native(build([tensor("float32", N)], lambda x: p.broadcast(x, shape=(big, N))))
    with pytest.raises(ResourceExhaustedError):
        program.run([np.zeros(1 << 10, np.float32)])
    assert program.run([np.zeros(0, np.float32)])[0].shape == (big, 0)


# ---- errors ----------------------------------------------------------------------------------------------------------


def test_a_failed_check_names_op_value_and_line() -> None:
    b = Builder("step", source=Source("train.py", 12))
    x, i = b.input(tensor("float32", 5), "x"), b.input(tensor("int32", 3), "i")
    with binding(b):
        g = b.finish([p.gather(x, i, axis=0, batch_dims=0)])
    program = native(g)
    assert not program.host_steps
    agree(g, np.arange(5, dtype=np.float32), np.int32([4, 0, 2]), program=program)
    for bad in (7, -1, 2**31 - 1, -(2**31)):
        with pytest.raises(InvalidArgumentError, match=r"train\.py:12"):
            program.run([np.arange(5, dtype=np.float32), np.int32([0, bad, 1])])
    agree(g, np.arange(5, dtype=np.float32), np.int32([4, 0, 2]), program=program)


def test_division_of_integers_by_zero() -> None:
    program = native(build([tensor("int32", 3)] * 2, lambda x, y: p.floordiv(x, y)))
    assert program.run([np.int32([7, -7, 7]), np.int32([2, 2, -2])])[0].tolist() == [3, -4, -4]
    with pytest.raises(InvalidArgumentError, match="zero"):
        program.run([np.int32([1, 2, 3]), np.int32([1, 0, 1])])


# ---- threads ---------------------------------------------------------------------------------------------------------


def test_many_threads_run_one_program() -> None:
    program = native(build([tensor("float32", N)], lambda x: p.add(p.mul(x, x), p.reduce_sum(x, axes=(0,)))))
    failed: list[Any] = []

    def work(k: int) -> None:
        for n in (3, 1000, 100_000):
            x = np.full(n, k, np.float32)
            (got,) = program.run([x])
            if not (got == k * k + k * n).all():
                failed.append((k, n))

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join(60)
    assert not failed


def test_a_program_ends_with_its_last_user() -> None:
    import gc
    import weakref

    g = build([tensor("float32", 3)], lambda x: p.neg(x))
    program = native(g)
    seen = weakref.ref(program)
    program.run([f32(1, 2, 3)])
    assert sys.getrefcount(program) == 2
    del program
    gc.collect()
    assert seen() is None
