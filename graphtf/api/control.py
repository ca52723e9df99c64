"""Choosing what runs: cond, case, switch_case, and the small change of graphs (group, tuple, no_op).

Invariant: eagerly the chosen function is simply called; while tracing every branch is traced, and all give the same
structure and dtypes. Entry points: the `tf` functions below, and `branch` for AutoGraph.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from graphtf import nest
from graphtf.convert import convert_to_tensor
from graphtf.functions.region import Region, as_local, close_regions, common_sizes, forget_shape, trace_region
from graphtf.functions.trace import Trace, active_trace, tracing
from graphtf.indexed_slices import IndexedSlices
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import TraceTypeError
from graphtf.ir.ops.control import if_
from graphtf.ir.ops.io import assert_
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.tensor import Tensor
from graphtf.tensor_array import TensorArray

Branch = Callable[[], Any]


def cond(pred: Any, true_fn: Any = None, false_fn: Any = None, name: str | None = None) -> Any:
    """What `true_fn()` gives if `pred` holds, else what `false_fn()` gives.

    Raises TypeError if a branch cannot be called, or (while tracing) `pred` is a Python bool or the branches differ in
    structure or dtype. Follows https://www.tensorflow.org/api_docs/python/tf/cond.

    >>> cond(convert_to_tensor(True), lambda: convert_to_tensor(1), lambda: convert_to_tensor(2))
    <tf.Tensor: shape=(), dtype=int32, numpy=1>
    """
    for label, fn in (("true_fn", true_fn), ("false_fn", false_fn)):
        if not callable(fn):
            raise TypeError(f"'{label}' must be callable.")
    trace = active_trace()
    if trace is None:
        return true_fn() if pred else false_fn()
    if isinstance(pred, bool):
        raise TypeError("pred must not be a Python bool", pred)
    return branch(trace, predicate(pred, "cond"), true_fn, false_fn)


def predicate(pred: Any, name: str) -> Tensor:
    """A condition as a bool scalar. Raises TypeError for another dtype; another shape fails when the function runs."""
    t = convert_to_tensor(pred)
    if not t.dtype.is_bool:
        raise TraceTypeError(f"{name}: the condition has dtype {t.dtype.name}, expected bool")
    if t.ir_type.shape is None:
        out: Tensor = p.reshape_to(t, convert_to_tensor([], dt.int32), shape=())
        return out
    if t.shape.num_elements() not in (None, 1):
        assert_(convert_to_tensor(False), message=f"{name}: the condition must be a scalar, but it has shape {t.shape}")
        return p.reduce_all(t, axes=tuple(range(len(t.ir_type.dims))))
    return t if t.ir_type.shape == () else p.reshape(t, shape=())


# ---- branches in a trace ---------------------------------------------------------------------------------------------


def branch(trace: Trace, condition: Tensor, true_fn: Branch, false_fn: Branch, name: str = "cond") -> Any:
    """An `if` node whose regions are traced from the functions."""
    then = trace_region(f"{name}_true", trace, (), lambda _: true_fn())
    orelse = trace_region(f"{name}_false", trace, (), lambda _: false_fn())
    settle_arrays(then, orelse)
    settle_arrays(orelse, then)
    settle_indices(then, orelse)
    settle_indices(orelse, then)
    _check_alike(then, orelse)
    return finished(trace, condition, then, orelse, fit_outputs(then, orelse))


def finished(
    trace: Trace, condition: Tensor, then: Region, orelse: Region, sizes: Sequence[tuple[int | None, ...] | None]
) -> Any:
    """The node of two traced regions whose outputs have the same types; its results in the structure of the regions."""
    extra, (first, second) = close_regions(trace, [then, orelse], branches=True)
    outs = list(if_(condition, *extra, then=first, orelse=second))
    for out, known in zip(outs, sizes):
        if known is not None:
            trace.refine(out, known)
    return packed(then.structure, outs)


def fit_outputs(then: Region, orelse: Region) -> list[tuple[int | None, ...] | None]:
    """Let the outputs of two regions have one type each; the sizes that are known of them where shapes differ."""
    return [_fit(then, orelse, k) for k in range(len(then.outputs))]


def packed(structure: Any, outs: Sequence[Any]) -> Any:
    """The structure with `outs` as its tensors, in order; None stays None."""
    rest = iter(outs)
    leaves = [None if x is None else next(rest) for x in nest.flatten(structure, expand_composites=True)]
    return nest.pack_sequence_as(structure, leaves, expand_composites=True)


def _check_alike(then: Region, orelse: Region) -> None:
    """Raise TypeError unless the branches have one structure and one dtype for each tensor."""
    lead = "true_fn and false_fn arguments to tf.cond must have the same number, type, and overall structure of return "
    try:
        nest.assert_same_structure(then.structure, orelse.structure, expand_composites=True)
    except (ValueError, TypeError) as e:
        raise TypeError(f"{lead}values.\n{e}") from None
    absent = [[x is None for x in nest.flatten(r.structure, expand_composites=True)] for r in (then, orelse)]
    if absent[0] != absent[1]:
        raise ValueError(f"{lead}values: one gives None where the other gives a tensor")
    for a, b in zip(then.outputs, orelse.outputs):
        if a.dtype is not b.dtype:
            raise TypeError(f"{lead}values.\n\ntrue_fn output: {a}\nfalse_fn output: {b}")


def _fit(then: Region, orelse: Region, k: int) -> tuple[int | None, ...] | None:
    """Let output k of both branches have one type; the sizes that are known of it where their shapes differ."""
    a, b = then.outputs[k].ir_type.shape, orelse.outputs[k].ir_type.shape
    if a == b or a is None or b is None:
        return None
    forget_shape(then, k)
    return common_sizes(a, b)


def settle_arrays(region: Region, other: Region) -> None:
    """Give a TensorArray to which this branch wrote nothing the rows that it has in the other branch, all zero."""
    mine, theirs = nest.flatten(region.structure), nest.flatten(other.structure)
    if len(mine) != len(theirs) or not any(isinstance(x, TensorArray) for x in mine):
        return
    with tracing(region.trace):
        for x, y in zip(mine, theirs):
            if isinstance(x, TensorArray) and x._rows is None and isinstance(y, TensorArray) and y._rows is not None:
                x._rows = as_local(region.trace, x._settled(y._rows.ir_type.dims[1:]))
    region.outputs = [x for x in nest.flatten(region.structure, expand_composites=True) if x is not None]


def settle_indices(region: Region, other: Region) -> None:
    """Let `tf.IndexedSlices` have indices of int64 where they have in the other branch."""
    mine, theirs = nest.flatten(region.structure), nest.flatten(other.structure)
    if len(mine) != len(theirs) or not any(map(_is_narrower, mine, theirs)):
        return
    with tracing(region.trace):
        leaves = [
            IndexedSlices(x.values, p.cast(x.indices, dtype=dt.int64), x.dense_shape) if _is_narrower(x, y) else x
            for x, y in zip(mine, theirs)
        ]
    region.structure = nest.pack_sequence_as(region.structure, leaves)
    region.outputs = [x for x in nest.flatten(region.structure, expand_composites=True) if x is not None]


def _is_narrower(x: Any, y: Any) -> bool:
    slices = isinstance(x, IndexedSlices) and isinstance(y, IndexedSlices)
    return slices and (x.indices.dtype, y.indices.dtype) == (dt.int32, dt.int64)


# ---- more than two ---------------------------------------------------------------------------------------------------


def case(
    pred_fn_pairs: Any, default: Any = None, exclusive: bool = False, strict: bool = False, name: str = "case"
) -> Any:
    """What the first function gives whose condition holds, else what `default` gives.

    With `exclusive`, InvalidArgumentError if several conditions hold; also if none does and there is no default. Raises
    TypeError for what is no list of pairs. Follows https://www.tensorflow.org/api_docs/python/tf/case.

    >>> yes = convert_to_tensor(True)
    >>> case([(yes, lambda: convert_to_tensor(1))], default=lambda: convert_to_tensor(2))
    <tf.Tensor: shape=(), dtype=int32, numpy=1>
    """
    pairs = [_pair(x) for x in _items(pred_fn_pairs)]
    if default is not None and not callable(default):
        raise TypeError("The argument 'default' must be callable.")
    conditions = [pred for pred, _ in pairs]
    if exclusive and default is not None:
        _require(_at_most_one(conditions), "exclusive=True: more than 1 conditions evaluated as True", conditions)
    if default is None:
        _require(_any(conditions), "None of conditions evaluated as True", conditions)
        default = pairs.pop()[1]
    chain = default
    for pred, fn in reversed(pairs):
        chain = _link(pred, fn, chain)
    return chain()


def _link(pred: Any, fn: Branch, rest: Branch) -> Branch:
    return lambda: cond(pred, fn, rest)


def _items(pred_fn_pairs: Any) -> list[Any]:
    if isinstance(pred_fn_pairs, Mapping):
        return [(key.deref() if hasattr(key, "deref") else key, fn) for key, fn in pred_fn_pairs.items()]
    if not isinstance(pred_fn_pairs, (list, tuple)):
        raise TypeError(f"'pred_fn_pairs' must be a list, tuple, or dict. Received {type(pred_fn_pairs)}")
    return list(pred_fn_pairs)


def _pair(x: Any) -> tuple[Any, Branch]:
    if not isinstance(x, tuple) or len(x) != 2:
        raise TypeError(f"Each entry in 'pred_fn_pairs' must be a 2-tuple. Received {x}.")
    pred, fn = x
    if isinstance(pred, bool) or not hasattr(pred, "dtype") or not convert_to_tensor(pred).dtype.is_bool:
        raise TypeError(f"pred must be Tensor of type bool: {pred}")
    if not callable(fn):
        raise TypeError(f"'fn' for pred {pred} must be callable.")
    return convert_to_tensor(pred), fn


def _any(conditions: Sequence[Any]) -> Tensor:
    total = conditions[0]
    for c in conditions[1:]:
        total = p.logical_or(total, c)
    return total  # type: ignore[no-any-return]


def _at_most_one(conditions: Sequence[Any]) -> Tensor:
    count = p.cast(conditions[0], dtype=dt.int32)
    for c in conditions[1:]:
        count = p.add(count, p.cast(c, dtype=dt.int32))
    return p.lt(count, scalar_like(count, 2))


def _require(condition: Any, what: str, data: Sequence[Any]) -> None:
    assert_(condition, *data, message=f"assertion failed: [Input error: {what}:]")


def switch_case(branch_index: Any, branch_fns: Any, default: Any = None, name: str = "switch_case") -> Any:
    """What function number `branch_index` gives; `default`, or else the last one, for an index out of range.

    `branch_fns` lists functions, or pairs of number and function. Raises TypeError for an index that is no integer
    tensor, ValueError for numbers with gaps. Follows https://www.tensorflow.org/api_docs/python/tf/switch_case.

    >>> switch_case(convert_to_tensor(1), [lambda: convert_to_tensor(10), lambda: convert_to_tensor(20)])
    <tf.Tensor: shape=(), dtype=int32, numpy=20>
    """
    if not hasattr(branch_index, "dtype") or not hasattr(branch_index, "shape"):
        raise TypeError(f"'branch_index' must be a Tensor, got {type(branch_index)}")
    index = convert_to_tensor(branch_index)
    if not index.dtype.is_integer:
        raise TypeError(f"'branch_index' must be an integer Tensor, got {index.dtype}")
    functions = _numbered(branch_fns)
    if default is not None and not callable(default):
        raise TypeError("'default' must be callable.")
    last = default or functions.pop()
    if active_trace() is None:
        k = int(index)  # type: ignore[call-overload]
        return functions[k]() if 0 <= k < len(functions) else last()
    chain = last
    for k, fn in reversed(list(enumerate(functions))):
        chain = _link(p.eq(index, scalar_like(index, k)), fn, chain)
    return chain()


def _numbered(branch_fns: Any) -> list[Branch]:
    """The functions in order."""
    if isinstance(branch_fns, Mapping):
        pairs = list(branch_fns.items())
    elif isinstance(branch_fns, (list, tuple)):
        pairs = list(enumerate(branch_fns)) if all(map(callable, branch_fns)) else list(branch_fns)
    else:
        raise TypeError(f"'branch_fns' must be a list, tuple, or dict, got {type(branch_fns)}")
    if not pairs:
        raise ValueError("Must provide at least one item in 'branch_fns'")
    for entry in pairs:
        if not isinstance(entry, tuple) or len(entry) != 2:
            raise TypeError(f"Each entry in 'branch_fns' must be a 2-tuple. Received {entry}.")
        if not isinstance(entry[0], int):
            raise TypeError(f"Key must be a Python `int`, got {type(entry[0])}")
        if not callable(entry[1]):
            raise TypeError(f"fn for key {entry[0]} must be callable.")
    keys = sorted(k for k, _ in pairs)
    if keys != list(range(len(pairs))):
        found = "{" + ",".join(map(str, keys)) + "}"
        raise ValueError(f"branch indices (keys) must form contiguous range of [0 to {len(pairs)}) but found {found}")
    return [fn for _, fn in sorted(pairs, key=lambda pair: pair[0])]


# ---- order -----------------------------------------------------------------------------------------------------------


def group(*inputs: Any, **kwargs: Any) -> None:
    """Nothing: what was given has run, or will in program order. Follows https://www.tensorflow.org/api_docs/python/tf/group.

    >>> group(convert_to_tensor(1))
    """
    kwargs.pop("name", None)
    if kwargs:
        raise ValueError(f"Unknown keyword arguments: {', '.join(kwargs)}")


def no_op(name: str | None = None) -> None:
    """Nothing. Follows https://www.tensorflow.org/api_docs/python/tf/no_op.

    >>> no_op()
    """


def tuple_(tensors: Any, control_inputs: Any = None, name: str | None = None) -> list[Any]:
    """The tensors, each computed when all of them are; None stays None.

    Raises ValueError if there is no tensor. Follows https://www.tensorflow.org/api_docs/python/tf/tuple.

    >>> [t.numpy().item() for t in tuple_([convert_to_tensor(1), convert_to_tensor(2)])]
    [1, 2]
    """
    found = [x if x is None or isinstance(x, nest.CompositeTensor) else convert_to_tensor(x) for x in tensors]
    if all(x is None for x in found):
        raise ValueError(f"Must have at least one Tensor: {tensors}")
    return [p.reshape(x, shape=x.ir_type.dims) if isinstance(x, Tensor) else x for x in found]


def guarantee_const(input: Any, name: str | None = None) -> Tensor:
    """The tensor itself. Follows https://www.tensorflow.org/api_docs/python/tf/guarantee_const.

    >>> guarantee_const(1)
    <tf.Tensor: shape=(), dtype=int32, numpy=1>
    """
    return convert_to_tensor(input)
