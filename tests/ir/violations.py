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

VIOLATIONS |= {
    ("philox_rows", 1): call(_KEY, _KEY, shape=(2, 2), skip=1),
    ("philox_rows", 2): call(_KEY, _COUNTER, shape=(2,), skip=1),
    ("truncated_normal", 1): call(_KEY, _KEY, shape=(2, 2), dtype=dt.float32, skip=1),
    ("truncated_normal", 2): call(_KEY, _COUNTER, shape=(2,), dtype=dt.float16, skip=1),
    ("truncated_normal", 3): call(_KEY, _COUNTER, shape=(2, -1), dtype=dt.float32, skip=1),
    ("philox_rows", 3): call(_KEY, _COUNTER, shape=(2, -1), skip=1),
    ("fisher_yates", 1): call(i32(3)),
    ("fisher_yates", 2): call(tensor("uint32", 3, 3)),
}

# ---- indices, order, running totals ----------------------------------------------------------------------------------

_SCAN = {"axis": 0, "combine": "add", "exclusive": False, "reverse": False}

VIOLATIONS |= {
    ("gather", 1): call(f32(3), f32(2), axis=0, batch_dims=0),
    ("gather", 2): call(f32(3), i32(2), axis=1, batch_dims=0),
    ("gather", 3): call(f32(2, 3), i32(3, 2), axis=1, batch_dims=1),
    ("gather_nd", 1): call(f32(3), f32(2, 1), batch_dims=0),
    ("gather_nd", 2): call(f32(2, 3), i32(3, 1), batch_dims=1),
    ("gather_nd", 3): call(f32(3), i32(2, 2), batch_dims=0),
    ("scatter", 1): call(f32(3), f32(2, 1), f32(2), combine="add"),
    ("scatter", 2): call(f32(3), i32(2, 1), i32(2), combine="add"),
    ("scatter", 3): call(tensor("bool", 3), i32(2, 1), tensor("bool", 2), combine="add"),
    ("scatter", 4): call(f32(3), i32(2, sym("n")), f32(2), combine="add"),
    ("scatter", 5): call(f32(3, 4), i32(2, 1), f32(2, 3), combine="add"),
    ("cumulate", 1): call(f32(3), **{**_SCAN, "combine": "or"}),
    ("cumulate", 2): call(i32(3), **{**_SCAN, "combine": "logaddexp"}),
    ("cumulate", 3): call(f32(3), **{**_SCAN, "axis": 1}),
    ("recurrence", 1): call(tensor("bool", 3), tensor("bool", 3), axis=0, reverse=False),
    ("recurrence", 2): call(f32(3), i32(3), axis=0, reverse=False),
    ("recurrence", 3): call(f32(3), f32(3), axis=-1, reverse=False),
    ("recurrence", 4): call(f32(3), f32(4), axis=0, reverse=False),
    ("sort", 1): call(tensor("complex64", 3), axis=0, descending=False),
    ("sort", 2): call(f32(3), axis=1, descending=False),
    ("argsort", 1): call(tensor("complex64", 3), axis=0, descending=False, stable=True),
    ("argsort", 2): call(f32(3), axis=1, descending=False, stable=True),
    ("top_k", 1): call(tensor("complex64", 3), k=1, sorted=True),
    ("top_k", 2): call(f32(), k=0, sorted=True),
    ("top_k", 3): call(f32(2, 3), k=4, sorted=True),
}

# ---- products of matrices, windows -----------------------------------------------------------------------------------

_PLAIN = {"transpose_a": False, "transpose_b": False}
_STEP = {"strides": (1,), "padding": ((0, 0),), "dilations": (1,), "groups": 1}
_POOL = {"window": (2,), "strides": (1,), "padding": ((0, 0),)}

VIOLATIONS |= {
    ("matmul", 1): call(tensor("bool", 2, 2), tensor("bool", 2, 2), **_PLAIN),
    ("matmul", 2): call(f32(2, 2), i32(2, 2), **_PLAIN),
    ("matmul", 3): call(f32(2, 2), f32(2, 2), **_PLAIN, dtype=dt.int64),
    ("matmul", 4): call(f32(2), f32(2, 2), **_PLAIN),
    ("matmul", 5): call(f32(2, 3), f32(2, 3), **_PLAIN),
    ("matmul", 6): call(f32(2, 1, 1), f32(3, 1, 1), **_PLAIN),
}


def _of_conv(name: str, first: Any, second: Any, **states: Any) -> dict[tuple[str, int], Call]:
    """A convolution of array[1, 5, 4] with filters[3, 2, 2], broken in each way; `states` gives the third shape."""

    def broken(number: int, **attrs: Any) -> None:
        found[name, number] = call(first, second, **{**states, **_STEP, "groups": 2, **attrs})

    found: dict[tuple[str, int], Call] = {}
    found[name, 1] = call(tensor("bool", 1, 5, 4), tensor("bool", 3, 2, 2), **states, **_STEP)
    found[name, 2] = call(first, TensorType(dt.int32, second.shape), **states, **_STEP)
    broken(4, strides=(1, 1))
    broken(5, dilations=(0,))
    broken(6, groups=1)
    broken(7, dilations=(9,))
    if states:
        broken(8, padding=((1, 0),))
    return found


_ARRAY, _FILTERS, _RESULT = (1, 5, 4), (3, 2, 2), (1, 3, 2)
VIOLATIONS |= _of_conv("conv", f32(*_ARRAY), f32(*_FILTERS))
VIOLATIONS |= _of_conv("conv_grad_input", f32(*_RESULT), f32(*_FILTERS), input_shape=_ARRAY)
VIOLATIONS |= _of_conv("conv_grad_filter", f32(*_ARRAY), f32(*_RESULT), filter_shape=_FILTERS)
VIOLATIONS |= {
    ("conv", 3): call(f32(1, 5, 5, 4), f32(3, 2, 2), **_STEP),
    ("conv_grad_input", 3): call(f32(1, 3, 2), f32(3, 2, 2), input_shape=(1, 5, 5, 4), **_STEP),
    ("conv_grad_filter", 3): call(f32(1, 5, 4), f32(1, 3, 2), filter_shape=(3, 3, 2, 2), **_STEP),
}


def _of_windows(name: str, *operands: TensorType, **states: Any) -> dict[tuple[str, int], Call]:
    bad = tuple(TensorType(dt.string, t.shape) for t in operands)
    return {
        (name, 1): call(*bad, **states, **_POOL),
        (name, 2): call(*operands, **states, **{**_POOL, "strides": (1, 1)}),
        (name, 3): call(*operands, **states, **{**_POOL, "padding": ((0, -1),)}),
        (name, 4): call(*operands, **states, **{**_POOL, "window": (9,)}),
    }


VIOLATIONS |= _of_windows("window_sum", f32(5)) | _of_windows("window_max", f32(5))
VIOLATIONS |= _of_windows("window_sum_grad", f32(4), shape=(5,))
VIOLATIONS |= _of_windows("max_pool_grad", f32(5), f32(4), f32(4))
VIOLATIONS |= _of_windows("max_pool_pick", f32(5), f32(4), f32(5))
VIOLATIONS |= {
    ("window_sum_grad", 5): call(f32(5), shape=(5,), **_POOL),
    ("max_pool_grad", 5): call(f32(5), i32(4), f32(4), **_POOL),
    ("max_pool_grad", 6): call(f32(5), f32(4), f32(5), **_POOL),
    ("max_pool_pick", 5): call(f32(5), f32(4), i32(5), **_POOL),
    ("max_pool_pick", 6): call(f32(5), f32(5), f32(5), **_POOL),
}

# ---- Fourier transforms, linear algebra ------------------------------------------------------------------------------

_C = tensor("complex64", 3)
VIOLATIONS |= {
    ("fft", 1): call(f32(3), rank=1),
    ("fft", 2): call(_C, rank=2),
    ("ifft", 1): call(f32(3), rank=1),
    ("ifft", 2): call(_C, rank=0),
    ("rfft", 1): call(_C, rank=1),
    ("rfft", 2): call(f32(3), rank=2),
    ("irfft", 1): call(f32(3), rank=1, length=5),
    ("irfft", 2): call(_C, rank=2, length=5),
    ("irfft", 3): call(_C, rank=1, length=6),
}
_MATRICES: dict[str, dict[str, Any]] = {
    "inv": {}, "det": {}, "slogdet": {}, "expm": {}, "logm": {}, "sqrtm": {}, "cholesky": {}, "lu": {"dtype": dt.int32},
    "qr": {"full_matrices": False}, "svd": {"full_matrices": False, "compute_uv": True}, "eigh": {"vectors": True},
    "eig": {"vectors": True}, "solve": {"adjoint": False}, "triangular_solve": {"adjoint": False, "lower": True},
}  # fmt: skip
for _name, _attrs in _MATRICES.items():
    _more = [tensor("complex64", 2, 1)] * ((OPS[_name].arity or 1) - 1)
    VIOLATIONS[_name, 1] = call(i32(2, 2), *_more, **_attrs)
    VIOLATIONS[_name, 2] = call(tensor("complex64", 2), *_more, **_attrs)
    if "square" in " ".join(OPS[_name].constraints):
        VIOLATIONS[_name, 3] = call(tensor("complex64", 2, 3), *_more, **_attrs)
for _name in ("solve", "triangular_solve"):
    VIOLATIONS[_name, 4] = call(f32(2, 2), i32(2, 1), **_MATRICES[_name])
    VIOLATIONS[_name, 5] = call(f32(2, 2), f32(3, 1), **_MATRICES[_name])
    VIOLATIONS[_name, 6] = call(f32(2, 2, 2), f32(3, 2, 1), **_MATRICES[_name])

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
