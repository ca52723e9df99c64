"""Convolution over any number of axes, and the two products that are its gradients.

Invariant: arrays are [batch, *sizes, channels], filters [*window, channels / groups, filters], and attributes have one
entry for each axis of the window. The three ops are one trilinear form seen from its three sides: the gradients of each
are the other two. Entry point: `conv`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import ir_type
from graphtf.ir.dims import Shape, same
from graphtf.ir.op import Kernel, Op, Sample, Trait
from graphtf.ir.ops.elementwise import check_dtype, conj
from graphtf.ir.ops.prims import p
from graphtf.ir.ops.window import Ints, Pads, accumulator, check_counts, check_steps, counts, cuts, padded, unpadded
from graphtf.ir.types import TensorType

Array = Any

_ATTRS = ("strides", "padding", "dilations", "groups")
_CONSTRAINTS = (
    "the dtype is one of numbers", "both operands have the same dtype",
    "arrays are [batch, *sizes, channels] and filters [*window, channels, filters] with as many axes, at least 3",
    "strides, padding and dilations have one entry for each axis of the window",
    "strides, dilations and groups are at least 1, padding is not negative",
    "filters have the channels of one group, and there are as many filters in each group", "the window fits",
)  # fmt: skip


# ---- types -----------------------------------------------------------------------------------------------------------


def _result(
    op: Op, x: TensorType, w: TensorType, strides: Ints, padding: Pads, dilations: Ints, groups: int
) -> TensorType:
    """The type of x convolved with w. Checks C3 to C7."""
    if x.shape is None or w.shape is None:
        return x.with_shape(None)
    if len(x.shape) != len(w.shape) or len(x.shape) < 3:
        raise op.violated(3, f"an array {x} and filters {w}, expected as many axes, at least 3")
    window, sizes, (channels, filters) = w.shape[:-2], x.shape[1:-1], w.shape[-2:]
    lengths = {len(strides), len(padding), len(dilations)}
    if lengths != {len(window)}:
        message = f"strides, padding and dilations have {sorted(lengths)} entries, expected {len(window)}"
        raise op.violated(4, message)
    check_steps(op, 5, padding, strides=strides, dilations=dilations, groups=(groups,))
    if not same(x.shape[-1], channels * groups) or (isinstance(filters, int) and filters % groups):
        raise op.violated(6, f"{x.shape[-1]} channels meet filters {w} in {groups} groups")
    found = counts(sizes, window, strides, padding, dilations)
    check_counts(op, 7, found, sizes, window)
    return x.with_shape((x.shape[0], *found, filters))


def _check_dtypes(op: Op, a: TensorType, b: TensorType) -> None:
    check_dtype(op, a.dtype, dt.NUMERIC, 1)
    if b.dtype is not a.dtype:
        raise op.violated(2, dt.mismatch(1, b.dtype, 0, a.dtype), "dtype")


def _infer(x: TensorType, w: TensorType, **attrs: Any) -> TensorType:
    _check_dtypes(conv, x, w)
    return _result(conv, x, w, **attrs)


def _check_result(op: Op, ct: TensorType, x: TensorType, w: TensorType, attrs: Any) -> None:
    want = _result(op, x, w, **attrs).shape
    if want is None or ct.shape is None:
        return
    if len(ct.shape) != len(want) or not all(map(same, ct.shape, want)):
        raise op.violated(8, f"the result of a convolution is {ct}, expected the shape {list(want)}")


def _infer_input(ct: TensorType, w: TensorType, input_shape: Shape, **attrs: Any) -> TensorType:
    _check_dtypes(conv_grad_input, ct, w)
    x = ct.with_shape(input_shape)
    _check_result(conv_grad_input, ct, x, w, attrs)
    return x


def _infer_filter(x: TensorType, ct: TensorType, filter_shape: Shape, **attrs: Any) -> TensorType:
    _check_dtypes(conv_grad_filter, x, ct)
    w = ct.with_shape(filter_shape)
    _check_result(conv_grad_filter, ct, x, w, attrs)
    return w


# ---- references: one product of the matrix whose rows are what windows hold ------------------------------------------

_MOST = 1 << 22  # elements of these rows that are held at once


def _wide(a: Array) -> Array:
    """What sums are made of."""
    return np.ascontiguousarray(a, accumulator(a.dtype))


def _outer(padding: Pads) -> Any:
    return ((0, 0), *padding, (0, 0))


def _grouped(a: Array, groups: int) -> Array:
    """The last axis as [groups, members]."""
    return a.reshape(*a.shape[:-1], groups, a.shape[-1] // groups)


def _rows(a: Array, axis: int) -> Array:
    """[groups, all axes before that of groups, all axes behind it] of an array whose axis `axis` is that of groups."""
    groups, width = a.shape[axis], math.prod(a.shape[axis + 1 :])
    return np.moveaxis(a, axis, 0).reshape(groups, math.prod(a.shape[:axis]), width)


def _filters(w: Array, groups: int) -> Array:
    """Filters as matrices [groups, window · channels, filters of a group]."""
    split = np.moveaxis(_grouped(_wide(w), groups), -2, 0)
    return split.reshape(groups, math.prod(w.shape[:-1]), split.shape[-1])


def _windows(array: Array, count: Ints, window: Ints, strides: Ints, dilations: Ints, groups: int) -> Array:
    """What each window of a padded array holds, as a view: [batch, *count, groups, *window, channels of a group]."""
    split = _grouped(array, groups)
    batch, *steps, group, channel = split.strides
    between, within = ([a * b for a, b in zip(steps, by)] for by in (strides, dilations))
    shape = (len(split), *count, groups, *window, split.shape[-1])
    return as_strided(split, shape, (batch, *between, group, *within, channel), writeable=False)


def _parts(windows: Array) -> Iterator[tuple[slice, slice]]:
    """Batches and lines of windows that hold no more elements than `_MOST`, or one line of one batch."""
    batch, lines = windows.shape[:2]
    of_line = max(1, math.prod(windows.shape[2:]))
    some = max(1, _MOST // of_line)
    step = max(1, some // max(1, lines))
    for k in range(0, batch, step):
        for i in range(0, lines, some):
            yield slice(k, k + step), slice(i, i + some)


def _ref(x: Array, w: Array, strides: Ints, padding: Any, dilations: Ints, groups: int) -> Array:
    window = w.shape[:-2]
    count: Any = counts(x.shape[1:-1], window, strides, padding, dilations)
    array = padded(_wide(x), _outer(padding), 0)
    if groups > 1 and w.shape[-2] == 1:
        return _ref_by_channel(array, _wide(w), count, strides, dilations).astype(x.dtype)
    filters, axis = _filters(w, groups), 1 + len(window)
    windows = _windows(array, count, window, strides, dilations, groups)
    out = np.empty((len(x), *count, groups, filters.shape[-1]), filters.dtype)
    with np.errstate(all="ignore"):
        for at in _parts(windows):
            part = windows[at]
            found = _rows(part, axis) @ filters
            out[at] = np.moveaxis(found.reshape(groups, *part.shape[:axis], filters.shape[-1]), 0, -2)
    return out.reshape(*out.shape[:-2], w.shape[-1]).astype(x.dtype)


def _ref_by_channel(array: Array, w: Array, count: Ints, strides: Ints, dilations: Ints) -> Array:
    """Where each channel has its own filters, the products are of numbers: a sum over the places in the window."""
    channels = array.shape[-1]
    out = np.zeros((len(array), *count, channels, w.shape[-1] // channels), array.dtype)
    with np.errstate(all="ignore"):
        for offset, cut in cuts(count, w.shape[:-2], strides, dilations):
            out += np.einsum("...g,go->...go", array[(slice(None), *cut)], w[offset].reshape(out.shape[-2:]))
    return out.reshape(*out.shape[:-2], w.shape[-1])


def _ref_input(
    ct: Array, w: Array, input_shape: Ints, strides: Ints, padding: Any, dilations: Ints, groups: int
) -> Array:
    window, outer = w.shape[:-2], _outer(padding)
    out = np.zeros([n + a + b for n, (a, b) in zip(input_shape, outer)], accumulator(ct.dtype))
    cts = _rows(_grouped(_wide(ct), groups), ct.ndim - 1)
    filters = np.moveaxis(_grouped(_wide(w), groups), -2, -3)  # [*window, groups, channels, filters of a group]
    with np.errstate(all="ignore"):
        for offset, cut in cuts(ct.shape[1:-1], window, strides, dilations):
            part = out[(slice(None), *cut)]
            if w.shape[-2] == 1:
                rows = np.einsum("gno,gco->gnc", cts, filters[offset])
            else:
                rows = cts @ filters[offset].swapaxes(-1, -2)
            part += np.moveaxis(rows, 0, -2).reshape(part.shape)
    return unpadded(out, input_shape, outer).astype(ct.dtype)


def _ref_filter(
    x: Array, ct: Array, filter_shape: Ints, strides: Ints, padding: Any, dilations: Ints, groups: int
) -> Array:
    *window, channels, filters = filter_shape
    array, cts = padded(_wide(x), _outer(padding), 0), _grouped(_wide(ct), groups)
    if groups > 1 and channels == 1:
        return _filter_by_channel(array, cts, filter_shape, strides, dilations).astype(x.dtype)
    windows, axis = _windows(array, ct.shape[1:-1], tuple(window), strides, dilations, groups), ct.ndim - 1
    out = np.zeros((groups, math.prod(filter_shape[:-1]), filters // groups), array.dtype)
    with np.errstate(all="ignore"):
        for at in _parts(windows):
            out += _rows(windows[at], axis).swapaxes(-1, -2) @ _rows(cts[at], axis)
    split = np.moveaxis(out.reshape(groups, *window, channels, filters // groups), 0, -2)
    return split.reshape(filter_shape).astype(x.dtype)


def _filter_by_channel(array: Array, cts: Array, filter_shape: Ints, strides: Ints, dilations: Ints) -> Array:
    out = np.zeros(filter_shape, array.dtype)
    with np.errstate(all="ignore"):
        for offset, cut in cuts(cts.shape[1:-2], filter_shape[:-2], strides, dilations):
            part = array[(slice(None), *cut)]
            lines = part.reshape(-1, part.shape[-1]), cts.reshape(-1, *cts.shape[-2:])
            out[offset] = np.einsum("ng,ngo->go", *lines).reshape(filter_shape[-2:])
    return out


# ---- the three ops ---------------------------------------------------------------------------------------------------


def _vjp(ct: Any, out: Any, x: Any, w: Any, **attrs: Any) -> tuple[Any, Any]:
    return (
        p.conv_grad_input(ct, conj(w), input_shape=ir_type(x).dims, **attrs),
        p.conv_grad_filter(conj(x), ct, filter_shape=ir_type(w).dims, **attrs),
    )


def _vjp_input(g: Any, out: Any, ct: Any, w: Any, input_shape: Shape, **attrs: Any) -> tuple[Any, Any]:
    return p.conv(g, conj(w), **attrs), p.conv_grad_filter(g, conj(ct), filter_shape=ir_type(w).dims, **attrs)


def _vjp_filter(g: Any, out: Any, x: Any, ct: Any, filter_shape: Shape, **attrs: Any) -> tuple[Any, Any]:
    return p.conv_grad_input(conj(ct), g, input_shape=ir_type(x).dims, **attrs), p.conv(conj(x), g, **attrs)


def _attrs(strides: Ints, padding: Any = None, dilations: Ints | None = None, groups: int = 1) -> dict[str, Any]:
    n = len(strides)
    pads = padding or ((0, 0),) * n
    return {"strides": strides, "padding": pads, "dilations": dilations or (1,) * n, "groups": groups}


_GEOMETRIES: tuple[tuple[str, Ints, Ints, Ints, dict[str, Any]], ...] = (  # dtype, array, filters, result, attributes
    ("f32", (2, 5, 4, 3), (3, 2, 3, 4), (2, 3, 3, 4), _attrs((1, 1))),
    ("f32", (1, 6, 6, 2), (3, 3, 2, 2), (1, 3, 3, 2), _attrs((2, 2), ((0, 1), (1, 1)))),
    ("f32", (1, 7, 5, 2), (2, 2, 2, 3), (1, 4, 4, 3), _attrs((1, 1), None, (3, 1))),
    ("f32", (1, 5, 5, 4), (3, 3, 2, 6), (1, 3, 3, 6), _attrs((1, 1), None, None, 2)),
    ("f32", (2, 4, 4, 3), (2, 2, 1, 6), (2, 2, 2, 6), _attrs((2, 2), None, None, 3)),
    ("f32", (2, 8, 3), (3, 3, 2), (2, 4, 2), _attrs((2,), ((1, 1),))),
    ("f32", (1, 3, 4, 3, 2), (2, 2, 2, 2, 1), (1, 2, 3, 2, 1), _attrs((1, 1, 1))),
    ("f32", (1, 7, 2), (2, 2, 2), (1, 3, 2), _attrs((3,), ((0, 1),))),
    ("c64", (1, 4, 2), (2, 2, 2), (1, 3, 2), _attrs((1,))), ("i32", (1, 4, 2), (2, 2, 2), (1, 3, 2), _attrs((1,))),
    ("f32", (0, 4, 4, 1), (3, 3, 1, 2), (0, 2, 2, 2), _attrs((1, 1))),
    ("f32", (2, 2, 1), (3, 1, 2), (2, 0, 2), _attrs((1,))),
)  # fmt: skip


def _declare(
    name: str, doc: str, kind: str, infer: Callable[..., TensorType], ref: Callable[..., Array],
    vjp: Callable[..., tuple[Any, Any]], operands: tuple[int, int], states: tuple[str, int] | None = None,
) -> Op:  # fmt: skip
    """One side of the form: `operands` are numbers of array (0), filters (1), result (2); `states` names the attribute
    that gives the shape of the third."""
    samples = []
    for short, *shapes, attrs in _GEOMETRIES:
        types = " ".join(f"{short}[{', '.join(map(str, shapes[k]))}]" for k in operands)
        stated = {states[0]: shapes[states[1]]} if states else {}
        samples.append(Sample(types, {**stated, **attrs}))
    names = (states[0], *_ATTRS) if states else _ATTRS
    last = ("the result has the type of the convolution",) if states else ()
    return Op(
        name, doc, infer, ref, vjp, Kernel(kind), arity=2, attrs=names, constraints=(*_CONSTRAINTS, *last),
        traits=Trait.CONTRACTION, samples=tuple(samples),
    )  # fmt: skip


conv = _declare(
    "conv", "for each window of an array, the sums of its products with filters", "convolve", _infer, _ref, _vjp, (0, 1)
)
conv_grad_input = _declare(
    "conv_grad_input", "from the result's side and the filters, the array's: a transposed convolution",
    "convolve_grad_input", _infer_input, _ref_input, _vjp_input, (2, 1), ("input_shape", 0),
)  # fmt: skip
conv_grad_filter = _declare(
    "conv_grad_filter", "from the array and the result's side, the filters'", "convolve_grad_filter", _infer_filter,
    _ref_filter, _vjp_filter, (0, 2), ("filter_shape", 1),
)  # fmt: skip
