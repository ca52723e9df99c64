"""The interpreter: values, regions, variables, sizes that only run time knows, errors."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import numpy as np
import pytest

from graphtf.ir.binding import binding
from graphtf.ir.builder import Builder, build
from graphtf.ir.dims import sym
from graphtf.ir.errors import InternalError, InvalidArgumentError, NotFoundError
from graphtf.ir.graph import Graph, Node, Source
from graphtf.ir.interpret import interpret, run_node
from graphtf.ir.ops.control import while_
from graphtf.ir.ops.io import host_call, register
from graphtf.ir.ops.prims import p
from graphtf.ir.parse import parse
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType, tensor
from graphtf.ir.verify import verify

F, I, B = tensor("float32"), tensor("int32"), tensor("bool")
LINE = Source("train.py", 12)


def run(g: Graph, *args: Any) -> list[Any]:
    verify(g)
    assert str(parse(str(g))) == str(g)
    return [x.tolist() for x in interpret(g, [np.asarray(a) if not isinstance(a, Cell) else a for a in args])]


def f32(*x: Any) -> Any:
    return np.float32(x[0] if len(x) == 1 else x)


def test_values_and_symbolic_attributes() -> None:
    n = sym("n")

    def f(x: Any) -> Any:
        return p.add(p.reshape(x, shape=(2 * n,)), 1.0), p.dims(dims=(n, 2), dtype=I.dtype)

    g = build([tensor("float32", n, 2)], f)
    assert run(g, f32([[1, 2], [3, 4]])) == [[2, 3, 4, 5], [2, 2]]
    assert run(g, np.zeros((0, 2), np.float32)) == [[], [0, 2]]


def test_if_takes_one_branch() -> None:
    then = build([F, F], lambda x, y: p.add(x, y))
    orelse = build([F, F], lambda x, y: p.sub(x, y))
    g = build([B, F, F], lambda c, x, y: getattr(p, "if")(c, x, y, then=then, orelse=orelse))
    assert run(g, True, f32(3), f32(2)) == [5]
    assert run(g, False, f32(3), f32(2)) == [1]


def test_branches_of_other_shapes_give_unknown_rank() -> None:
    then = build([tensor("float32", 2)], lambda x: x)
    orelse = build([tensor("float32", 2)], lambda x: p.concat(x, x, axis=0))
    g = build([B, tensor("float32", 2)], lambda c, x: getattr(p, "if")(c, x, then=then, orelse=orelse))
    assert g.outputs[0].ir_type.shape is None
    assert run(g, True, f32(1, 2)) == [[1, 2]]
    assert run(g, False, f32(1, 2)) == [[1, 2, 1, 2]]


def counted(limit: int = 10) -> Graph:
    """x ← x·k while i < limit."""
    cond = build([I, F, F], lambda i, x, k: p.lt(i, limit))
    body = build([I, F, F], lambda i, x, k: (p.add(i, 1), p.mul(x, k)))
    return build([I, F, F], lambda i, x, k: while_(i, x, k, cond=cond, body=body, carried=2))


def test_while_carries_and_captures() -> None:
    assert run(counted(), np.int32(0), f32(1), f32(2)) == [10, 1024]
    assert run(counted(), np.int32(10), f32(1), f32(2)) == [10, 1]


def test_while_keeps_its_promise() -> None:
    cond = build([I], lambda i: p.lt(i, 10))
    body = build([I], lambda i: p.add(i, 1))
    g = build([I], lambda i: while_(i, cond=cond, body=body, carried=1, max_trips=5))
    assert run(g, np.int32(6)) == [10]
    with pytest.raises(InternalError, match="more than the 5 iterations"):
        run(g, np.int32(0))


def test_regions_know_the_sizes_outside() -> None:
    n = sym("n")
    t = tensor("float32", n)
    body = build([t], lambda x: p.add(x, p.cast(p.iota(shape=(n,), axis=0, dtype=I.dtype), dtype=F.dtype)))
    g = build([t], lambda x: p.call(x, body=body))
    assert run(g, f32([1, 1, 1])) == [[1, 2, 3]]


def test_variables_are_read_and_assigned() -> None:
    def step(v: Any, x: Any) -> Any:
        before = p.read(v)
        p.assign(v, p.add(before, x))
        return before, p.read(v)

    g = build([RefType(tensor("float32", 2)), tensor("float32", 2)], step)
    cell = Cell(f32(1, 2), tensor("float32", 2))
    assert run(g, cell, f32(10, 20)) == [[1, 2], [11, 22]]
    assert cell.array.tolist() == [11, 22]


def test_a_view_is_not_kept_by_a_cell() -> None:
    g = build([RefType(tensor("float32", 4)), F], lambda v, x: (p.assign(v, p.broadcast(x, shape=(4,))), x)[1])
    cell = Cell(np.zeros(4, np.float32), tensor("float32", 4))
    run(g, cell, f32(3))
    assert cell.array.base is None and cell.array.flags.writeable and cell.array.strides == (4,)


def host(function: Any, *operands: Any, dtypes: Any, shapes: Any) -> Any:
    return host_call(*operands, function=function, dtypes=dtypes, shapes=shapes)


def test_host_results_make_sizes_known() -> None:
    u = sym("u")
    positive = register(lambda x: [x[x > 0]])

    def f(x: Any) -> Any:
        (y,) = host(positive, x, dtypes=(F.dtype,), shapes=((u,),))
        return p.mul(y, p.cast(p.iota(shape=(u,), axis=0, dtype=I.dtype), dtype=F.dtype))

    g = build([tensor("float32", 4)], f)
    assert run(g, f32(-1, 2, 3, -1)) == [[0, 3]]
    assert run(g, f32(4, 2, 3, 1)) == [[0, 2, 6, 3]]


def test_sizes_assumed_equal_are_checked_when_known() -> None:
    positive = register(lambda x: [x[x > 0]])

    def f(x: Any, y: Any) -> Any:
        (a,) = host(positive, x, dtypes=(F.dtype,), shapes=((sym("u"),),))
        (b,) = host(positive, y, dtypes=(F.dtype,), shapes=((sym("w"),),))
        return p.add(a, b)

    g = build([tensor("float32", 3)] * 2, f)
    assert run(g, f32(1, -1, 2), f32(5, 6, -1)) == [[6, 8]]
    with pytest.raises(InvalidArgumentError, match="the sizes u and w must be equal, got 1 and 3"):
        run(g, f32(1, -1, -1), f32(5, 6, 7))


def test_host_results_must_be_as_declared() -> None:
    for made, message in ((np.zeros(3), "dtype float64"), (f32(1, 2), "shape"), (None, "0 results")):
        key = register(lambda made=made: [] if made is None else [made])
        g = build([], lambda key=key: host(key, dtypes=(F.dtype,), shapes=((3,),)))
        with pytest.raises(InvalidArgumentError, match=message):
            interpret(g, [])


def test_a_python_function_ends_with_its_owner() -> None:
    class Owner:
        pass

    owner = Owner()
    key = register(lambda: [f32(1)], owner)
    g = build([], lambda: host(key, dtypes=(F.dtype,), shapes=((),)))
    assert interpret(g, []) == [1]
    del owner
    gc.collect()
    with pytest.raises(NotFoundError):
        interpret(g, [])


def placed(fn: Any, *types: Any) -> Graph:
    b = Builder("step", source=LINE)
    inputs = [b.input(t, f"x{k}") for k, t in enumerate(types)]
    with binding(b):
        out = fn(*inputs)
        return b.finish(out if isinstance(out, (tuple, list)) else [out])


def test_errors_name_the_line_once_and_keep_their_class() -> None:
    body = placed(lambda x: p.floordiv(x, 0), I)
    g = placed(lambda x: p.call(x, body=body), I)
    with pytest.raises(InvalidArgumentError) as caught:
        interpret(g, [np.int32(1).reshape(())])
    assert str(caught.value) == "Integer division by zero (defined at train.py:12)"


def test_errors_of_python_functions_get_a_note() -> None:
    def fail() -> Any:
        raise KeyError("mine")

    g = placed(lambda: host(register(fail), dtypes=(F.dtype,), shapes=((),)))
    with pytest.raises(KeyError, match="mine") as caught:
        interpret(g, [])
    assert caught.value.__notes__ == ["defined at train.py:12"]


def test_ops_on_values_of_unknown_rank_check_their_types() -> None:
    key = register(lambda: [np.zeros((2, 3), np.float32)])
    g = placed(lambda x: p.add(host(key, dtypes=(F.dtype,), shapes=(None,))[0], x), tensor("float32", 5))
    with pytest.raises(InvalidArgumentError, match=r"add: shapes .* do not broadcast together .*train.py:12"):
        interpret(g, [np.zeros(5, np.float32)])


def test_a_debugger_sees_every_node() -> None:
    seen: list[str] = []

    def on_node(node: Node, inputs: Any, outputs: Any) -> None:
        seen.append(node.op.name)
        assert len(inputs) == len(node.inputs) and len(outputs) == len(node.outputs)

    interpret(counted(2), [np.int32(0).reshape(()), f32(1).reshape(()), f32(2).reshape(())], on_node=on_node)
    once = ["constant", "lt"]
    trip = ["constant", "add", "mul"]
    assert seen == [*once, *trip, *once, *trip, *once, "while"]


def test_values_are_released_after_their_last_use() -> None:
    g = build([tensor("float32", 8)], lambda x: p.neg(p.exp(p.add(x, 1.0))))
    alive: list[Any] = []

    def on_node(node: Node, inputs: Any, outputs: Any) -> None:
        if node.op.name == "neg":
            gc.collect()
            assert alive[0]() is None, "the sum is still held"
        elif node.op.name == "add":
            alive.append(weakref.ref(outputs[0]))

    interpret(g, [np.zeros(8, np.float32)], on_node=on_node)


def test_run_node_gives_all_outputs() -> None:
    g = build([tensor("float32", 3)], lambda x: p.add(x, x))
    (out,) = run_node(g.nodes[0], [f32(1, 2, 3), f32(1, 2, 3)], {})
    assert out.tolist() == [2, 4, 6]


def test_arguments_in_another_byte_order() -> None:
    g = build([tensor("float32", 3)], lambda x: p.add(x, x))
    (out,) = interpret(g, [np.array([1, 2, 3], ">f4")])
    assert out.dtype == np.float32 and out.dtype.isnative and out.tolist() == [2, 4, 6]
