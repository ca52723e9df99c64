"""Control flow: `if`, `while`, `call` and `custom_gradient`, whose regions are closed graphs that take the operands.

Invariant: a region's inputs fit the operands, in order; what it assumes of sizes is assumed outside too, but for a
branch, which assumes it only when it runs. A value whose shape differs from branch to branch, or from one iteration to
the next, has unknown rank. Entry point: `region_fits`.

`ref` of an op with regions takes `run(region, operands) -> outputs`; without it regions run in the interpreter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, Shape, nonnegative, same
from graphtf.ir.errors import InternalError
from graphtf.ir.graph import Graph
from graphtf.ir.op import Effect, Op, Sample, Structural, Unsupported
from graphtf.ir.types import RefType, TensorType, Type

Array = Any
Run = Callable[[Graph, Sequence[Any]], list[Any]]

_BY_REGIONS = Unsupported("its regions are differentiated by graphtf.passes.autodiff")
_FIT = "regions take the operands"


def in_interpreter(region: Graph, operands: Sequence[Any]) -> list[Any]:
    """Run a region by itself; its sizes follow from the operands."""
    from graphtf.ir.interpret import interpret  # runs these ops

    return interpret(region, operands)


# ---- what regions take and give --------------------------------------------------------------------------------------


def fits(given: Type, wanted: Type) -> bool:
    """May a `given` value stand where `wanted` is stated? Unknown rank takes any; sizes may be assumed equal."""
    if isinstance(given, RefType) or isinstance(wanted, RefType):
        both = isinstance(given, RefType) and isinstance(wanted, RefType)
        return both and fits(given.content, wanted.content)  # type: ignore[union-attr]
    if given.dtype is not wanted.dtype:
        return False
    if wanted.shape is None:
        return True
    return given.shape is not None and _same_shape(given.shape, wanted.shape)


def _same_shape(a: Shape, b: Shape) -> bool:
    return len(a) == len(b) and all(d == e or same(d, e) for d, e in zip(a, b))


def region_fits(
    op: Op, constraint: int, name: str, region: Any, types: Sequence[Type], conditional: bool = False
) -> None:
    """Raise Violation unless the region is a graph that takes operands of these types. What a `conditional` one assumes
    of sizes is not assumed outside."""
    if not isinstance(region, Graph):
        raise op.violated(constraint, f"region {name} is a {type(region).__name__}, expected a graph", "value")
    if len(region.inputs) != len(types):
        raise op.violated(constraint, f"region {name} takes {len(region.inputs)} operands, expected {len(types)}")
    for k, (v, t) in enumerate(zip(region.inputs, types)):
        if not fits(t, v.type):
            raise op.violated(constraint, f"operand {k} is {t}, but region {name} takes {v.type}", _kind(t, v.type))
    for a, b in () if conditional else region.guards:
        if not same(a, b):
            raise op.violated(constraint, f"region {name} assumes the sizes {a} and {b} to be equal")


def _kind(a: Type, b: Type) -> str:
    return "shape" if a.dtype is b.dtype else "dtype"


def _check_bool(op: Op, constraint: int, what: str, t: Type) -> None:
    if not isinstance(t, TensorType) or t.dtype is not dt.bool_ or t.shape not in ((), None):
        kind = "shape" if t.dtype is dt.bool_ else "dtype"
        raise op.violated(constraint, f"{what} is {t}, expected bool[]", kind)


def _result_types(region: Graph) -> tuple[TensorType, ...]:
    return tuple(v.ir_type for v in region.outputs)


def _shown(types: Sequence[Type]) -> str:
    return "(" + ", ".join(map(str, types)) + ")"


# ---- if --------------------------------------------------------------------------------------------------------------


def _if_infer(condition: Type, *types: Type, then: Graph, orelse: Graph) -> tuple[TensorType, ...]:
    _check_bool(if_, 1, "the condition", condition)
    region_fits(if_, 2, "then", then, types, conditional=True)
    region_fits(if_, 2, "orelse", orelse, types, conditional=True)
    left, right = _result_types(then), _result_types(orelse)
    if len(left) != len(right):
        raise if_.violated(3, f"the branches give {len(left)} and {len(right)} results")
    for k, (a, b) in enumerate(zip(left, right)):
        if a.dtype is not b.dtype:
            raise if_.violated(3, f"result {k} is {a} of one branch and {b} of the other", "dtype")
    return tuple(map(_join, left, right))


def _join(a: TensorType, b: TensorType) -> TensorType:
    """The type of what is either; sizes that only run time knows are assumed equal."""
    if a.shape is None or b.shape is None or len(a.shape) != len(b.shape):
        return a.with_shape(None)
    if any(isinstance(d, int) and isinstance(e, int) and d != e for d, e in zip(a.shape, b.shape)):
        return a.with_shape(None)
    if not _same_shape(a.shape, b.shape):
        return a.with_shape(None)
    return a.with_shape(tuple(d if isinstance(d, int) else e for d, e in zip(a.shape, b.shape)))


def _if_ref(
    condition: Array, *operands: Any, then: Graph, orelse: Graph, run: Run = in_interpreter
) -> tuple[Array, ...]:
    return tuple(run(then if condition else orelse, operands))


if_ = Op(
    "if", "the results of region `then` if the condition holds, else of region `orelse`", _if_infer, _if_ref,
    _BY_REGIONS, Structural(), arity=None, regions=("then", "orelse"),
    constraints=("the condition is a bool scalar", _FIT, "both branches give results of the same dtypes"),
    effect=Effect.REGIONS, results=None, samples=(Sample("bool[] f32[3]"),),
)  # fmt: skip


# ---- while -----------------------------------------------------------------------------------------------------------


def _while_infer(
    *types: Type, cond: Graph, body: Graph, carried: int, max_trips: Dim | None = None
) -> tuple[Type, ...]:
    if not 0 <= carried <= len(types) or any(isinstance(t, RefType) for t in types[:carried]):
        raise while_.violated(1, f"attribute carried is {carried} for operands {_shown(types)}")
    region_fits(while_, 2, "cond", cond, types)
    region_fits(while_, 2, "body", body, types)
    if len(cond.outputs) != 1:
        raise while_.violated(3, f"region cond gives {len(cond.outputs)} results, expected one")
    _check_bool(while_, 3, "the result of region cond", cond.outputs[0].type)
    state = tuple(v.type for v in body.inputs[:carried])
    if len(body.outputs) != carried:
        raise while_.violated(4, f"region body gives {len(body.outputs)} results, expected {carried}")
    for k, (v, t) in enumerate(zip(body.outputs, state)):
        if not fits(v.type, t):
            message = f"value {k} is {t} before an iteration and {v.type} after it"
            raise while_.violated(4, message, _kind(v.type, t))
    if max_trips is not None and not nonnegative(max_trips):
        raise while_.violated(5, f"attribute max_trips is {max_trips}, expected at least 0", "value")
    return state


def _while_ref(
    *operands: Any, cond: Graph, body: Graph, carried: int, max_trips: int | None = None,
    run: Run = in_interpreter,
) -> tuple[Array, ...]:  # fmt: skip
    state, captures = list(operands[:carried]), list(operands[carried:])
    trips = 0
    while run(cond, [*state, *captures])[0]:
        if trips == max_trips:
            raise InternalError(None, None, f"while: more than the {max_trips} iterations it was said to take at most")
        state = run(body, [*state, *captures])
        trips += 1
    return tuple(state)


while_ = Op(
    "while", "run region `body` on the first `carried` operands, which it replaces, as long as region `cond` gives "
    "true; the other operands stay. `max_trips`, a promise, bounds the number of iterations",
    _while_infer, _while_ref, _BY_REGIONS, Structural(), arity=None, attrs=("carried", "max_trips"),
    regions=("cond", "body"),
    constraints=(
        "carried operands are tensors", _FIT, "region cond gives a bool scalar",
        "the types of carried values do not change", "max_trips is not negative",
    ),
    effect=Effect.REGIONS, results=None, samples=(Sample("i32[] f32[3]"),),
)  # fmt: skip


# ---- call ------------------------------------------------------------------------------------------------------------


def _call_infer(*types: Type, body: Graph) -> tuple[TensorType, ...]:
    region_fits(call, 1, "body", body, types)
    return _result_types(body)


def _call_ref(*operands: Any, body: Graph, run: Run = in_interpreter) -> tuple[Array, ...]:
    return tuple(run(body, operands))


call = Op(
    "call", "the results of region `body`", _call_infer, _call_ref, _BY_REGIONS, Structural(), arity=None,
    regions=("body",), constraints=(_FIT,), effect=Effect.REGIONS, results=None, samples=(Sample("f32[3]"),),
)  # fmt: skip


# ---- custom_gradient -------------------------------------------------------------------------------------------------


def inexact(types: Sequence[Type]) -> list[TensorType]:
    """Those of the types that gradients flow through; a variable counts as what it holds."""
    contents = (t.content if isinstance(t, RefType) else t for t in types)
    return [t for t in contents if t.dtype.is_inexact]


def _custom_infer(*types: Type, body: Graph, vjp: Graph) -> tuple[TensorType, ...]:
    region_fits(custom_gradient, 1, "body", body, types)
    results = _result_types(body)
    region_fits(custom_gradient, 2, "vjp", vjp, [*types, *results, *inexact(results)])
    wanted = inexact(types)
    if len(vjp.outputs) != len(wanted):
        raise custom_gradient.violated(3, f"region vjp gives {len(vjp.outputs)} cotangents, expected {len(wanted)}")
    for k, (v, t) in enumerate(zip(vjp.outputs, wanted)):
        if not fits(v.type, t):
            raise custom_gradient.violated(3, f"cotangent {k} is {v.type}, expected {t}", _kind(v.type, t))
    return results


def _custom_ref(*operands: Any, body: Graph, vjp: Graph, run: Run = in_interpreter) -> tuple[Array, ...]:
    return tuple(run(body, operands))


custom_gradient = Op(
    "custom_gradient", "the results of region `body`, whose cotangents region `vjp` gives: it takes the operands, the "
    "results and a cotangent of each floating or complex result, and gives one of each such operand",
    _custom_infer, _custom_ref, _BY_REGIONS, Structural(), arity=None, regions=("body", "vjp"),
    constraints=(_FIT, "region vjp takes operands, results and cotangents", "region vjp gives cotangents of operands"),
    effect=Effect.REGIONS, results=None, samples=(Sample("f32[3]"),),
)  # fmt: skip

