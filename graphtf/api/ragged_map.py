"""`tf.map_fn` where rows, or results, are ragged.

Invariant: each result is taken apart into its flat values and, for each level, the lengths of its rows; what comes from
all rows is joined, and put together again. Entry point: `map_rows`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from graphtf import nest
from graphtf.api.loops import staged_loop
from graphtf.composite_spec import RaggedTensorSpec
from graphtf.convert import convert_to_tensor
from graphtf.functions.region import trace_region
from graphtf.functions.trace import active_trace
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.errors import InvalidArgumentError
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.ragged_tensor import RaggedTensor, count_dim
from graphtf.refusal import invalid
from graphtf.spec import TypeSpec
from graphtf.tensor import Tensor
from graphtf.tensor_shape import TensorShape

Function = Callable[..., Any]


def map_rows(fn: Function, elems: Any, signature: Any) -> Any:
    """`fn` of each row of a structure of tensors, some of them ragged; results are as `signature` says, by default as
    `elems`.

    Raises ValueError for results of another structure or for rows that differ, InvalidArgumentError for another dtype.
    """
    leaves = [x if isinstance(x, RaggedTensor) else convert_to_tensor(x) for x in nest.flatten(elems)]
    like = nest.map_structure(_row_spec, elems) if signature is None else signature
    plans = [_plan(x) for x in nest.flatten(like)]

    def step(i: Any) -> list[Tensor]:
        result = fn(nest.pack_sequence_as(elems, [x[i] for x in leaves]))  # type: ignore[index]
        nest.assert_same_structure(like, result)
        return [part for plan, x in zip(plans, nest.flatten(result)) for part in plan.taken(x)]

    joined = _joined(step, leaves[0], [d for plan in plans for d in plan.dtypes])
    made = []
    for plan in plans:
        made.append(plan.built(joined[: len(plan.dtypes)], count_dim(leaves[0])))
        joined = joined[len(plan.dtypes) :]
    return nest.pack_sequence_as(like, made)


def _row_spec(x: Any) -> Any:
    if not isinstance(x, RaggedTensor):
        return convert_to_tensor(x).dtype
    return RaggedTensorSpec(x.shape[1:], x.dtype, x.ragged_rank - 1, x.row_splits.dtype)


def _plan(spec: Any) -> Any:
    if isinstance(spec, RaggedTensorSpec):
        return _Rows(spec)
    return _Dense(spec.dtype if isinstance(spec, TypeSpec) else as_dtype(spec))  # type: ignore[attr-defined]


class _Dense:
    """Results of one shape, which are stacked."""

    def __init__(self, dtype: DType) -> None:
        self.dtypes = [dtype]

    def taken(self, x: Any) -> list[Tensor]:
        t = _of_dtype(x, self.dtypes[0])
        return [p.reshape(t, shape=(1, *t.ir_type.dims))]

    def built(self, parts: Sequence[Tensor], count: Dim) -> Any:
        return p.reshape(parts[0], shape=(count, *parts[0].ir_type.dims[1:]))


class _Rows:
    """Results whose rows differ, `ragged_rank` levels deep themselves."""

    def __init__(self, spec: RaggedTensorSpec) -> None:
        self.spec = spec
        self.dtypes = [spec.dtype, *[dt.int64] * (spec.ragged_rank + 1)]

    def taken(self, x: Any) -> list[Tensor]:
        """The flat values, the number of rows, and the lengths of the rows of each level."""
        ragged = isinstance(x, RaggedTensor)
        if (x.ragged_rank if ragged else 0) != self.spec.ragged_rank:
            raise ValueError(f"map_fn: a result of type {x!r} is not what {self.spec!r} says")
        flat = _of_dtype(x.flat_values if ragged else x, self.dtypes[0])
        if flat.shape.rank == 0:
            raise invalid("map_fn", "Ragged values must have rank >= 1; give fn_output_signature for scalar results")
        if not ragged:
            return [flat, p.dims(dims=flat.ir_type.dims[:1], dtype=dt.int64)]
        lengths = [p.cast(n, dtype=dt.int64) for n in x.nested_row_lengths()]
        return [flat, p.reshape(x.nrows(dt.int64), shape=(1,)), *lengths]

    def built(self, parts: Sequence[Tensor], count: Dim) -> Any:
        flat, outer, *inner = parts
        lengths = [p.reshape(outer, shape=(count,)), *inner]
        kind = self.spec.row_splits_dtype
        made: Any = flat
        for level in reversed(lengths):
            made = RaggedTensor.from_row_lengths(made, p.cast(level, dtype=kind), validate=False)
        return _with_sizes(made, self.spec.shape.as_tuple())


def _with_sizes(x: RaggedTensor, dims: tuple[int | None, ...] | None) -> RaggedTensor:
    """The same, with the lengths that the spec of its rows fixes."""
    if not dims or not isinstance(x, RaggedTensor):
        return x
    return RaggedTensor(_with_sizes(x.values, dims[1:]), x.row_splits, dims[0])


def _of_dtype(x: Any, dtype: DType) -> Tensor:
    out = convert_to_tensor(x, None if hasattr(x, "dtype") else dtype)
    if out.dtype is not dtype:
        message = f"TensorArray dtype is {dtype.name} but Op is trying to write dtype {out.dtype.name} "
        raise InvalidArgumentError(None, None, message)
    return out


# ---- over all rows ---------------------------------------------------------------------------------------------------


def _joined(step: Function, first: Any, dtypes: Sequence[DType]) -> list[Tensor]:
    """The parts of step(0), step(1), …, each one after another."""
    trace = active_trace()
    if trace is None:
        rows = [step(i) for i in range(len(first))]
        return [_in_turn([r[k] for r in rows], d) for k, d in enumerate(dtypes)]
    count = p.reshape(p.dims(dims=(count_dim(first),), dtype=dt.int32), shape=())
    probe = trace_region("map_fn", trace, [count.ir_type], lambda xs: step(xs[0]))
    shapes = [x.ir_type.dims[1:] for x in probe.outputs]
    start = [_nothing(d, s) for d, s in zip(dtypes, shapes)]

    def body(i: Tensor, joined: Any) -> Any:
        return p.add(i, scalar_like(i, 1)), [p.concat(a, b, axis=0) for a, b in zip(joined, step(i))]

    open_sizes = [TensorShape([None, *x.shape[1:]]) for x in start]
    begin = (convert_to_tensor(0), start)
    _, made = staged_loop(trace, lambda i, _: p.lt(i, count), body, begin, (TensorShape([]), open_sizes))
    return list(made)


def _nothing(dtype: DType, rest: Any) -> Tensor:
    """No rows, each of the shape `rest`."""
    zero = convert_to_tensor("" if dtype is dt.string else False if dtype.is_bool else 0, dtype)
    return p.broadcast(zero, shape=(0, *rest))


def _in_turn(parts: list[Tensor], dtype: DType) -> Tensor:
    if not parts:
        return _nothing(dtype, ())
    if any(x.ir_type.dims[1:] != parts[0].ir_type.dims[1:] for x in parts):
        raise ValueError(f"map_fn: results differ in shape: {[str(x.shape[1:]) for x in parts]}")
    return p.concat(*parts, axis=0) if len(parts) > 1 else parts[0]
