"""Functions applied along the first axis: map_fn, vectorized_map, scan, foldl, foldr.

Invariant: eagerly they are Python loops over rows; while tracing each is one `while` loop whose results are
TensorArrays. Entry points: the `tf` functions below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf import nest
from graphtf.api.loops import staged_loop
from graphtf.api.ragged_map import map_rows
from graphtf.composite import RaggedTensor, RaggedTensorSpec, SparseTensor
from graphtf.convert import convert_to_tensor, stack_rows
from graphtf.functions.region import trace_region
from graphtf.functions.trace import active_trace
from graphtf.ir.dims import Dim
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.errors import InvalidArgumentError, OutOfRangeError
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.run_time import stated
from graphtf.sizes import shape_vector
from graphtf.spec import TypeSpec
from graphtf.tensor import Tensor
from graphtf.tensor_array import TensorArray


def _leaves(elems: Any) -> list[Tensor]:
    """The tensors mapped over. Raises ValueError if there is none, or a scalar among them."""
    found = [convert_to_tensor(x) for x in nest.flatten(elems, expand_composites=True)]
    if not found:
        raise ValueError(
            f"elems must be a Tensor or (possibly nested) sequence of Tensors. Got {elems}, which does not contain any "
            "Tensors."
        )
    return found


def _row(x: Tensor, i: Any) -> Tensor:
    """Row i, a Python number or a scalar tensor."""
    if isinstance(i, int):
        dims = x.ir_type.dims
        limits, strides = (i + 1, *dims[1:]), (1,) * len(dims)
        return p.reshape(
            p.slice(x, starts=(i, *(0,) * (len(dims) - 1)), limits=limits, strides=strides), shape=dims[1:]
        )
    out: Tensor = p.gather(x, i, axis=0, batch_dims=0)
    return out


def _rows(elems: Any, tensors: Sequence[Tensor], i: Any) -> Any:
    """The structure of elems with row i of each tensor."""
    rows = [_row(x, i) for x in tensors]
    return nest.pack_sequence_as(elems, rows, expand_composites=True)


def _count(tensors: Sequence[Tensor]) -> Dim:
    """How many rows there are: known of one tensor at least, if of any."""
    sizes = [x.ir_type.dims[0] for x in tensors]
    return next((d for d in sizes if isinstance(d, int)), sizes[0])


# ---- map -------------------------------------------------------------------------------------------------------------


def map_fn(
    fn: Callable[..., Any], elems: Any, dtype: Any = None, parallel_iterations: int | None = None,
    back_prop: bool = True,
    swap_memory: bool = False, infer_shape: bool = True, name: str | None = None, fn_output_signature: Any = None,
) -> Any:  # fmt: skip
    """`fn` of each row of `elems` (a tensor or structure of tensors), the results stacked.

    `fn_output_signature` gives the structure and dtypes of the results where they are not those of elems. Raises
    ValueError for elems that cannot be mapped over or another structure, InvalidArgumentError for another dtype.
    Follows https://www.tensorflow.org/api_docs/python/tf/map_fn.

    >>> map_fn(lambda x: x * 2, tf.constant([1, 2, 3]))
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([2, 4, 6], dtype=int32)>
    """
    if not callable(fn):
        raise TypeError(f"The provided function {fn!r} is not callable. fn must be callable.")
    wanted = fn_output_signature if fn_output_signature is not None else dtype
    if any(isinstance(x, RaggedTensor) for x in nest.flatten(elems)) or any(
        isinstance(x, RaggedTensorSpec) for x in nest.flatten(wanted)
    ):
        return map_rows(fn, elems, wanted)
    if any(isinstance(x, SparseTensor) for x in nest.flatten(elems)):
        return _over_sparse(fn, elems, wanted)
    tensors = _leaves(elems)
    if any(x.shape.rank == 0 for x in tensors):
        raise ValueError("Elements in elems must be 1+ dimensional Tensors, not scalars")
    like = _tensors_like(elems, tensors) if wanted is None else nest.map_structure(_made_of, wanted)
    dtypes = [_dtype_of(x) for x in nest.flatten(like, expand_composites=True)]

    def step(i: Any) -> list[Tensor]:
        result = fn(_rows(elems, tensors, i))
        nest.assert_same_structure(nest.map_structure(_opaque, like), nest.map_structure(_opaque, result))
        return [_result(x, d) for x, d in zip(nest.flatten(result, expand_composites=True), dtypes)]

    outs = _collected(step, _count(tensors), dtypes)
    return nest.pack_sequence_as(like, outs, expand_composites=True)


def _over_sparse(fn: Callable[..., Any], elems: Any, signature: Any) -> Any:
    """`fn` of each row of a structure with sparse tensors, of which row i is a sparse tensor too."""
    from graphtf.api import sparse  # which is many functions, of which this needs two

    leaves = nest.flatten(elems)
    first = next(x for x in leaves if isinstance(x, SparseTensor))

    def row(x: Any, i: Tensor) -> Any:
        if not isinstance(x, SparseTensor):
            return _row(convert_to_tensor(x), i)
        rank = x.dense_shape.shape[0]
        start = p.concat(p.reshape(i, shape=(1,)), convert_to_tensor(np.zeros(rank - 1, np.int64)), axis=0)
        rest = x.dense_shape[1:]
        size = p.concat(convert_to_tensor(np.ones(1, np.int64)), rest, axis=0)
        out = sparse.reshape(sparse.slice(x, start, size), rest)
        out.set_shape(x.shape[1:])
        return out

    count = first.dense_shape[0]
    numbers = p.arange(scalar_like(count, 0), count, scalar_like(count, 1), shape=stated((first.shape[0],)))
    kind = signature if signature is not None else first.dtype
    each = lambda i: fn(nest.pack_sequence_as(elems, [row(x, i) for x in leaves]))  # noqa: E731 - of the row's number
    return map_fn(each, numbers, fn_output_signature=kind)


def _tensors_like(elems: Any, tensors: Sequence[Tensor]) -> Any:
    return nest.pack_sequence_as(elems, tensors, expand_composites=True)


def _made_of(spec: Any) -> Any:
    """The composite that a spec describes, with specs for its tensors; another spec or dtype as it is."""
    return spec.from_components(spec.component_specs) if hasattr(spec, "from_components") else spec


def _opaque(x: Any) -> Any:
    return 0


def _dtype_of(x: Any) -> DType:
    return x.dtype if isinstance(x, (Tensor, TypeSpec)) else as_dtype(x)  # type: ignore[union-attr]


def _result(x: Any, dtype: DType) -> Tensor:
    out = convert_to_tensor(x) if isinstance(x, Tensor) or hasattr(x, "dtype") else convert_to_tensor(x, dtype)
    if out.dtype is not dtype:
        message = f"TensorArray dtype is {dtype.name} but Op is trying to write dtype {out.dtype.name} "
        raise InvalidArgumentError(None, None, message)
    return out


def _collected(step: Callable[[Any], list[Tensor]], count: Dim, dtypes: Sequence[DType]) -> list[Tensor]:
    """The results of step(0), step(1), …, stacked."""
    trace = active_trace()
    if trace is None:
        rows = [step(i) for i in range(int(count))]  # type: ignore[arg-type]
        return [_stacked([r[k] for r in rows], d) for k, d in enumerate(dtypes)]
    size = p.reshape(shape_vector((count,)), shape=())
    arrays = tuple(TensorArray(d, size=size) for d in dtypes)

    def body(i: Tensor, arrays: Any) -> Any:
        return p.add(i, scalar_like(i, 1)), tuple(a.write(i, x) for a, x in zip(arrays, step(i)))

    start = (convert_to_tensor(0), arrays)
    _, arrays = staged_loop(trace, lambda i, _: p.lt(i, size), body, start, max_trips=count)
    return [a.stack() for a in arrays]


def _stacked(rows: list[Tensor], dtype: DType) -> Tensor:
    if not rows:
        return p.broadcast(convert_to_tensor(False if dtype.is_bool else 0, dtype), shape=(0,))
    for x in rows:
        if x.ir_type.dims != rows[0].ir_type.dims:
            raise ValueError(f"Incompatible shape for value ({x.shape}), expected ({rows[0].shape})")
    return stack_rows(rows)


def vectorized_map(
    fn: Callable[..., Any], elems: Any, fallback_to_while_loop: bool = True, warn: bool = True
) -> Any:
    """`fn` of each row of `elems`, the results stacked; results need not have the structure of elems.

    First axes of size 1 are repeated. Raises InvalidArgumentError where first axes differ otherwise. Follows
    https://www.tensorflow.org/api_docs/python/tf/vectorized_map.

    >>> vectorized_map(lambda x: (x, x * 2), tf.constant([1, 2]))[1]
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([2, 4], dtype=int32)>
    """
    tensors = [convert_to_tensor(x) for x in nest.flatten(elems)]
    sizes = [x.ir_type.dims[0] for x in tensors]
    count: Dim = next((d for d in sizes if d != 1), 1)
    for d in sizes:
        if isinstance(d, int) and isinstance(count, int) and d not in (1, count):
            raise InvalidArgumentError(None, None, f"vectorized_map: first axes of sizes {sizes} do not fit")
    structure: list[Any] = []

    def step(i: Any) -> list[Tensor]:
        rows = [_row(x, 0 if d == 1 else i) for x, d in zip(tensors, sizes)]
        result = fn(nest.pack_sequence_as(elems, rows) if nest.is_nested(elems) else rows[0])
        structure[:] = [result]
        return [convert_to_tensor(x) for x in nest.flatten(result)]

    outs = _vectorized(step, count)
    return nest.pack_sequence_as(structure[0], outs) if nest.is_nested(structure[0]) else outs[0]


def _vectorized(step: Callable[[Any], list[Tensor]], count: Dim) -> list[Tensor]:
    """As `_collected`, for dtypes that the first call tells."""
    trace = active_trace()
    if trace is None:
        rows = [step(i) for i in range(max(int(count), 1))]  # type: ignore[arg-type]
        outs = [_stacked([r[k] for r in rows], x.dtype) for k, x in enumerate(rows[0])]
        return outs if count else [_row_range(x, 0) for x in outs]
    probe = trace_region("vectorized_map", trace, [convert_to_tensor(0).ir_type], lambda xs: step(xs[0]))
    return _collected(step, count, [x.dtype for x in probe.outputs])


def _row_range(x: Tensor, limit: int) -> Tensor:
    dims = x.ir_type.dims
    return p.slice(x, starts=(0,) * len(dims), limits=(limit, *dims[1:]), strides=(1,) * len(dims))


# ---- folds and scans -------------------------------------------------------------------------------------------------


class _Walk:
    """Rows of elems in order, or from the last to the first, and what is accumulated over them."""

    def __init__(self, fn: Callable[..., Any], elems: Any, initializer: Any, backwards: bool, name: str) -> None:
        if not callable(fn):
            raise TypeError(f"{name}: {fn!r} is not callable.")
        self.fn, self.elems, self.backwards = fn, elems, backwards
        self.tensors = _leaves(elems)
        self.count = self._first_size()
        self.first = 0
        if initializer is None:
            if isinstance(self.count, int) and self.count < 1:
                raise OutOfRangeError(None, None, f"Tried to read from index 0 but array size is: {self.count} ")
            self.start = _rows(elems, self.tensors, self._first_place())
            self.first = 1
        else:
            self.start = nest.map_structure(convert_to_tensor, initializer)

    def _first_size(self) -> Dim:
        dims = self.tensors[0].ir_type.dims
        if not dims:
            raise IndexError("tuple index out of range")
        return _count(self.tensors)

    def _first_place(self) -> Any:
        """The row of the first step, whose index is checked at run time where the number of rows is known only then."""
        return self._place(0 if isinstance(self.count, int) else convert_to_tensor(0))

    def _place(self, k: Any) -> Any:
        """The row of step k."""
        if not self.backwards:
            return k
        if isinstance(k, int) and isinstance(self.count, int):
            return self.count - 1 - k
        last = p.reshape(shape_vector((self.count - 1,)), shape=())
        return p.sub(last, convert_to_tensor(k))

    def step(self, total: Any, k: Any) -> Any:
        result = self.fn(total, _rows(self.elems, self.tensors, self._place(k)))
        nest.assert_same_structure(nest.map_structure(_opaque, self.start), nest.map_structure(_opaque, result))
        like = nest.flatten(self.start)
        return nest.pack_sequence_as(self.start, [_result(x, s.dtype) for x, s in zip(nest.flatten(result), like)])

    def fold(self) -> Any:
        """What is left at the end."""
        trace = active_trace()
        if trace is None:
            total = self.start
            for k in range(self.first, int(self.count)):
                total = self.step(total, k)
            return total
        start = (convert_to_tensor(self.first), self.start)
        return staged_loop(trace, self._goes_on, self._advance, start, max_trips=self._trips())[1]

    def _trips(self) -> Dim | None:
        return max(self.count - self.first, 0) if isinstance(self.count, int) else self.count

    def _goes_on(self, k: Tensor, *_: Any) -> Tensor:
        return p.lt(k, p.reshape(shape_vector((self.count,)), shape=()))

    def _advance(self, k: Tensor, total: Any) -> Any:
        return p.add(k, scalar_like(k, 1)), self.step(total, k)

    def scan(self) -> Any:
        """What there is after each row, stacked in the order of the rows."""
        trace = active_trace()
        flat = nest.flatten(self.start)
        if trace is None:
            kept = [flat] if self.first else []
            total = self.start
            for k in range(self.first, int(self.count)):
                total = self.step(total, k)
                kept.append(nest.flatten(total))
            ordered = kept[::-1] if self.backwards else kept
            outs = [_stacked([r[j] for r in ordered], x.dtype) for j, x in enumerate(flat)]
            return nest.pack_sequence_as(self.start, outs)
        arrays = tuple(TensorArray(x.dtype, size=shape_vector((self.count,))[0]) for x in flat)  # type: ignore[index]
        if self.first:
            arrays = tuple(a.write(self._place(0), x) for a, x in zip(arrays, flat))

        def body(k: Tensor, total: Any, arrays: Any) -> Any:
            following, total = self._advance(k, total)
            at = self._place(k)
            return following, total, tuple(a.write(at, x) for a, x in zip(arrays, nest.flatten(total)))

        start = (convert_to_tensor(self.first), self.start, arrays)
        _, _, arrays = staged_loop(trace, self._goes_on, body, start, max_trips=self._trips())
        return nest.pack_sequence_as(self.start, [a.stack() for a in arrays])


def scan(
    fn: Callable[..., Any], elems: Any, initializer: Any = None, parallel_iterations: int = 10, back_prop: bool = True,
    swap_memory: bool = False, infer_shape: bool = True, reverse: bool = False, name: str | None = None,
) -> Any:  # fmt: skip
    """What `fn(so far, row)` gives after each row of `elems`, stacked; it starts from `initializer`, or the first row.

    Raises TypeError, ValueError for results of another structure, dtype or shape. Follows
    https://www.tensorflow.org/api_docs/python/tf/scan.

    >>> scan(lambda a, x: a + x, tf.constant([1, 2, 3]))
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([1, 3, 6], dtype=int32)>
    """
    return _Walk(fn, elems, initializer, reverse, "scan").scan()


def foldl(
    fn: Callable[..., Any], elems: Any, initializer: Any = None, parallel_iterations: int = 10, back_prop: bool = True,
    swap_memory: bool = False, name: str | None = None,
) -> Any:  # fmt: skip
    """What `fn(so far, row)` gives after the last row of `elems`; it starts from `initializer`, or the first row.

    Follows https://www.tensorflow.org/api_docs/python/tf/foldl.

    >>> foldl(lambda a, x: a - x, tf.constant([1, 2, 3]))
    <tf.Tensor: shape=(), dtype=int32, numpy=-4>
    """
    return _Walk(fn, elems, initializer, False, "foldl").fold()


def foldr(
    fn: Callable[..., Any], elems: Any, initializer: Any = None, parallel_iterations: int = 10, back_prop: bool = True,
    swap_memory: bool = False, name: str | None = None,
) -> Any:  # fmt: skip
    """As `foldl`, from the last row to the first. Follows https://www.tensorflow.org/api_docs/python/tf/foldr.

    >>> foldr(lambda a, x: a - x, tf.constant([1, 2, 3]))
    <tf.Tensor: shape=(), dtype=int32, numpy=0>
    """
    return _Walk(fn, elems, initializer, True, "foldr").fold()
