"""For each op and each of its constraints, a call that breaks that constraint and no earlier one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.builder import build
from graphtf.ir.dims import sym
from graphtf.ir.errors import Violation
from graphtf.ir.op import Op, Trait
from graphtf.ir.ops import OPS
from graphtf.ir.ops.elementwise import CONSTRAINTS
from graphtf.ir.types import RefType, TensorType, Type, tensor

Call = tuple[tuple[Type, ...], Mapping[str, Any]]


def f32(*dims: Any) -> TensorType:
    return tensor("float32", *dims)


def i32(*dims: Any) -> TensorType:
    return tensor("int32", *dims)


def call(*types: Type, **attrs: Any) -> Call:
    return types, attrs


# ---- elementwise: the same three constraints for all -----------------------------------------------------------------


def _takes(op: Op, d: dt.DType) -> bool:
    try:
        op.infer(*[TensorType(d, ())] * (op.arity or 1))
    except Violation:
        return False
    return True


def _of_elementwise(op: Op) -> dict[tuple[str, int], Call]:
    good = next(d for d in dt.ALL if _takes(op, d))
    bad = next(d for d in dt.ALL if not _takes(op, d))
    other = dt.uint8 if good is not dt.uint8 else dt.int8
    n = op.arity or 1
    found = {(op.name, 1): call(*[TensorType(bad, ())] * n)}
    if n > 1:
        rest = [TensorType(good, ())] * (n - 2)
        found[op.name, 2] = call(TensorType(good, ()), TensorType(other, ()), *rest)
        found[op.name, 3] = call(TensorType(good, (2,)), TensorType(good, (3,)), *rest)
    return found


VIOLATIONS: dict[tuple[str, int], Call] = {}
for _op in OPS.values():
    if _op.traits & Trait.ELEMENTWISE and not _op.attrs and _op.constraints and _op.constraints[0] == CONSTRAINTS[0]:
        VIOLATIONS |= _of_elementwise(_op)

VIOLATIONS |= {
    ("select", 1): call(i32(), f32(), f32()),
    ("select", 2): call(tensor("bool"), f32(), i32()),
    ("select", 3): call(tensor("bool", 2), f32(3), f32()),
    ("cast", 1): call(tensor("string"), dtype=dt.float32),
    ("cast", 2): call(f32(), dtype=dt.string),
    ("bitcast", 1): call(tensor("bool"), dtype=dt.uint8),
    ("bitcast", 2): call(f32(), dtype=dt.int64),
}

# ---- generators, views -----------------------------------------------------------------------------------------------

_ONE = {"starts": (0,), "limits": (2,), "strides": (1,)}

VIOLATIONS |= {
    ("constant", 1): call(value=[1, 2]),
    ("dims", 1): call(dims=(2,), dtype=dt.uint8),
    ("iota", 1): call(shape=(2,), axis=0, dtype=dt.bool_),
    ("iota", 2): call(shape=(2,), axis=1, dtype=dt.int32),
    ("iota", 3): call(shape=(-1,), axis=0, dtype=dt.int32),
    ("reshape", 1): call(f32(2, 3), shape=(5,)),
    ("reshape", 2): call(f32(2, 3), shape=(-2, -3)),
    ("transpose", 1): call(f32(2, 3), perm=(0,)),
    ("transpose", 2): call(f32(2, 3), perm=(0, 0)),
    ("broadcast", 1): call(f32(2), shape=(3,)),
    ("broadcast", 2): call(f32(1), shape=(-1,)),
    ("slice", 1): call(f32(2, 3), **_ONE),
    ("slice", 2): call(f32(2), **{**_ONE, "strides": (0,)}),
    ("slice", 3): call(f32(sym("n")), **_ONE),
    ("pad", 1): call(f32(2), f32(1), low=(0,), high=(0,)),
    ("pad", 2): call(f32(2), f32(), low=(0, 0), high=(0,)),
    ("pad", 3): call(f32(2), f32(), low=(-1,), high=(0,)),
    ("concat", 1): call(axis=0),
    ("concat", 2): call(f32(2), i32(2), axis=0),
    ("concat", 3): call(f32(2), f32(2), axis=1),
    ("concat", 4): call(f32(2, 3), f32(2, 4), axis=0),
    ("reverse", 1): call(f32(2), axes=(0, 0)),
    ("dynamic_slice", 1): call(f32(2, 3), i32(1), sizes=(1, 1)),
    ("dynamic_slice", 2): call(f32(2), i32(1), sizes=(3,)),
    ("dynamic_update_slice", 1): call(f32(2), f32(1), f32(1)),
    ("dynamic_update_slice", 2): call(f32(2), f32(3), i32(1)),
    ("dynamic_update_slice", 3): call(f32(2), i32(1), i32(1)),
}

# ---- reductions, random bits -----------------------------------------------------------------------------------------

for _name in ("reduce_sum", "reduce_prod", "reduce_max", "reduce_min", "reduce_any", "reduce_all"):
    VIOLATIONS[_name, 1] = call(f32(2), axes=(1,))
    VIOLATIONS[_name, 2] = call(tensor("string", 2), axes=(0,))
for _name in ("argmax", "argmin"):
    VIOLATIONS[_name, 1] = call(tensor("complex64", 2), axis=0, dtype=dt.int64)
    VIOLATIONS[_name, 2] = call(f32(2), axis=0, dtype=dt.float32)
    VIOLATIONS[_name, 3] = call(f32(2), axis=1, dtype=dt.int64)
    VIOLATIONS[_name, 4] = call(f32(2, 0), axis=1, dtype=dt.int64)

_KEY, _COUNTER = tensor("uint64", 1), tensor("uint64", 2)
VIOLATIONS |= {
    ("philox", 1): call(_KEY, _KEY, shape=(), dtype=dt.uint32),
    ("philox", 2): call(_KEY, _COUNTER, shape=(), dtype=dt.int32),
    ("philox", 3): call(_KEY, _COUNTER, shape=(-1,), dtype=dt.uint32),
}

# ---- shapes that depend on data --------------------------------------------------------------------------------------

VIOLATIONS |= {
    ("repeated", 1): call(f32(2), shape=None),
    ("arange", 1): call(*[tensor("complex64")] * 3, shape=None),
    ("arange", 2): call(i32(), i32(), f32(), shape=None),
    ("unique", 1): call(f32(2), size=None, dtype=dt.float32),
    ("unique", 2): call(f32(2, 2), size=None, dtype=dt.int32),
    ("rebits", 1): call(tensor("bool", 2), shape=None, dtype=dt.int32),
    ("rebits", 2): call(f32(2), shape=None, dtype=dt.int32),
    ("rebits", 3): call(tensor("uint8", 3), shape=None, dtype=dt.float32),
}
for _name in ("reshape_to", "broadcast_to", "tile"):
    VIOLATIONS[_name, 1] = call(f32(2), f32(1), shape=None)
VIOLATIONS["strided_slice", 1] = call(f32(2), i32(1), i32(1, 1), shape=None)
VIOLATIONS["strided_spread", 1] = call(f32(2), f32(1), i32(1), i32(1), shape=None)

# ---- variables, regions, input and output ----------------------------------------------------------------------------

_BOOL = tensor("bool")
_SAME = build([f32(2)], lambda x: x)  # gives what it takes
_OTHER = build([i32(2)], lambda x: x)
_TEST = build([f32(2)], lambda x: OPS["constant"](value=np.array(True)))
_READS = build([RefType(f32(2))], lambda v: OPS["read"](v))
_LOOP = {"cond": _TEST, "body": _SAME, "carried": 1}

VIOLATIONS |= {
    ("read", 1): call(f32()),
    ("assign", 1): call(f32(), f32()),
    ("assign", 2): call(RefType(f32()), i32()),
    ("assign", 3): call(RefType(f32(2)), f32(3)),
    ("if", 1): call(i32(), f32(2), then=_SAME, orelse=_SAME),
    ("if", 2): call(_BOOL, f32(2), then=_SAME, orelse=_OTHER),
    ("if", 3): call(_BOOL, f32(2), then=_SAME, orelse=_TEST),
    ("while", 1): call(f32(2), **{**_LOOP, "carried": 2}),
    ("while", 2): call(f32(2), **{**_LOOP, "body": _OTHER}),
    ("while", 3): call(f32(2), **{**_LOOP, "cond": _SAME}),
    ("while", 4): call(f32(2), **{**_LOOP, "body": _TEST}),
    ("while", 5): call(f32(2), **_LOOP, max_trips=-1),
    ("call", 1): call(i32(2), body=_SAME),
    ("custom_gradient", 1): call(i32(2), body=_SAME, vjp=_SAME),
    ("custom_gradient", 2): call(f32(2), body=_SAME, vjp=_SAME),
    ("custom_gradient", 3): call(f32(2), body=_SAME, vjp=build([f32(2)] * 3, lambda x, y, ct: [])),
    ("print", 1): call(RefType(f32()), template="{}"),
    ("print", 2): call(f32(), template="{} {}"),
    ("print", 3): call(template="", stream="nowhere"),
    ("assert", 1): call(_BOOL, RefType(f32())),
    ("assert", 2): call(f32()),
    ("check_numerics", 1): call(RefType(f32())),
    ("check_numerics", 2): call(i32()),
    ("host_call", 1): call(function=0, dtypes=(dt.float32,), shapes=()),
    ("fusion", 1): call(f32(2), kind="other", body=_SAME),
    ("fusion", 2): call(i32(2), kind="loop", body=_SAME),
    ("fusion", 3): call(RefType(f32(2)), kind="loop", body=_READS),
}
