"""Windows that slide over an array: sums and maxima of them, what pools are made of, and their gradients.

Invariant: attributes have one entry for each axis, batch and channels included; padding gives a window no elements.
float16 and bfloat16 accumulate in float32 and round once.
Entry points: `window_sum`, `window_max`; `counts` and `cuts`, the geometry that convolutions share.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import ir_type
from graphtf.ir.dims import Dim, Shape, floordiv, nonnegative, same
from graphtf.ir.op import Kernel, Op, Sample, Trait
from graphtf.ir.ops.elementwise import check_dtype
from graphtf.ir.ops.prims import full_like, p
from graphtf.ir.ops.reduce import lowest
from graphtf.ir.types import TensorType

Array = np.ndarray[Any, Any]
Ints = tuple[int, ...]
Pads = tuple[tuple[Dim, Dim], ...]


# ---- geometry --------------------------------------------------------------------------------------------------------


def counts(sizes: Shape, window: Shape, strides: Ints, padding: Pads, dilations: Ints) -> Shape:
    """How many windows fit along each axis; negative where the window is too large."""
    found = []
    for n, k, s, (low, high), d in zip(sizes, window, strides, padding, dilations):
        found.append(floordiv(n + low + high - ((k - 1) * d + 1), s) + 1)
    return tuple(found)


def cuts(count: Ints, window: Ints, strides: Ints, dilations: Ints) -> Iterator[tuple[Ints, tuple[slice, ...]]]:
    """Each offset in the window, in row-major order, and the part of a padded array that all windows have there."""
    for offset in itertools.product(*map(range, window)):
        starts = (k * d for k, d in zip(offset, dilations))
        yield offset, tuple(slice(a, a + max(0, (c - 1) * s + 1), s) for a, c, s in zip(starts, count, strides))


def padded(x: Array, padding: Sequence[tuple[int, int]], value: Any) -> Array:
    """x with a border of `value`."""
    return np.pad(x, padding, constant_values=value) if any(map(any, padding)) else x


def unpadded(x: Array, sizes: Sequence[int], padding: Sequence[tuple[int, int]]) -> Array:
    """x without its border."""
    key: Any = (*(slice(low, low + n) for n, (low, _) in zip(sizes, padding)), ...)  # so that a scalar stays an array
    return np.asarray(x[key])


def accumulator(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """The type sums are kept in."""
    return np.dtype(np.float32) if dtype.itemsize == 2 and dtype.kind not in "iu" else dtype


_ENTRIES, _STEPS, _FITS = "attributes have one entry for each axis", "steps are positive", "the window fits"
_CONSTRAINTS = ("the dtype is one the op is defined for", _ENTRIES, _STEPS, _FITS)


def check_steps(op: Op, constraint: int, padding: Pads, **steps: Shape) -> None:
    """Raise Violation for a window, stride or dilation that is no number of at least 1, or a negative padding."""
    for name, entries in steps.items():
        if not all(isinstance(k, int) and k >= 1 for k in entries):
            raise op.violated(constraint, f"attribute {name} is {list(entries)}, expected numbers of at least 1")
    if not all(nonnegative(k) for pair in padding for k in pair):
        raise op.violated(constraint, f"attribute padding is {list(padding)}, expected at least 0")


def check_counts(op: Op, constraint: int, found: Shape, sizes: Shape, window: Shape) -> None:
    """Raise Violation if there is less than no window."""
    for k, c in enumerate(found):
        if isinstance(c, int) and c < 0:
            raise op.violated(constraint, f"a window of {window[k]} is too large for {sizes[k]} elements (axis {k})")


def _windows(
    op: Op, shape: Shape, window: Ints, strides: Ints, padding: Pads, dilations: Ints | None, first: int = 2
) -> Shape:
    """The shape of the windows' results. Checks three constraints, numbered from `first`."""
    gaps = dilations or (1,) * len(shape)
    lengths = {len(window), len(strides), len(padding), len(gaps)}
    if lengths != {len(shape)}:
        message = f"window, strides, padding and dilations have {sorted(lengths)} entries, expected {len(shape)}"
        raise op.violated(first, message)
    check_steps(op, first + 1, padding, window=window, strides=strides, dilations=gaps)
    found = counts(shape, window, strides, padding, gaps)
    check_counts(op, first + 2, found, shape, window)
    return found


# ---- declaring -------------------------------------------------------------------------------------------------------

_ATTRS = ("window", "strides", "padding", "dilations")


def _attrs(window: Ints, strides: Ints = (), padding: Pads = (), dilations: Ints = ()) -> dict[str, Any]:
    n = len(window)
    found = {"window": window, "strides": strides or (1,) * n, "padding": padding or ((0, 0),) * n}
    return found | ({"dilations": dilations} if dilations else {})


_GEOMETRIES: tuple[tuple[Ints, Ints, dict[str, Any]], ...] = (  # array, windows, attributes
    ((2, 4, 6, 3), (2, 2, 3, 3), _attrs((1, 2, 2, 1), (1, 2, 2, 1))),
    ((1, 5, 4, 2), (1, 3, 2, 2), _attrs((1, 3, 2, 1), (1, 2, 2, 1), ((0, 0), (1, 1), (0, 0), (0, 0)))),
    ((1, 5, 5, 2), (1, 5, 5, 2), _attrs((1, 3, 3, 1), (), ((0, 0), (1, 1), (1, 1), (0, 0)))),
    ((7,), (3,), _attrs((3,), (1,), (), (2,))), ((6,), (2,), _attrs((2,), (3,), ((0, 1),))),
    ((2, 3), (2, 1), _attrs((1, 3))), ((0, 4), (0, 2), _attrs((1, 2), (1, 2))), ((2, 2), (2, 0), _attrs((1, 3))),
)  # fmt: skip


def _typed(*shapes: Ints, short: str = "f32") -> str:
    return " ".join(f"{short}[{', '.join(map(str, shape))}]" for shape in shapes)


def _windowed(
    name: str, doc: str, dtypes: Sequence[dt.DType], ufunc: np.ufunc, start: Callable[[dt.DType], Any],
    vjp: Callable[..., Any],
) -> Op:  # fmt: skip
    def infer(
        x: TensorType, window: Ints, strides: Ints, padding: Pads, dilations: Ints | None = None
    ) -> TensorType:
        check_dtype(op, x.dtype, dtypes, 1)
        return x if x.shape is None else x.with_shape(_windows(op, x.shape, window, strides, padding, dilations))

    def run(x: Array, window: Ints, strides: Ints, padding: Any, dilations: Ints | None = None) -> Array:
        gaps, neutral = dilations or (1,) * x.ndim, start(dt.as_dtype(x.dtype))
        count: Any = counts(x.shape, window, strides, padding, gaps)
        wide = accumulator(x.dtype)
        array = padded(x.astype(wide, copy=False), padding, neutral)
        out = np.full(count, neutral, wide)
        with np.errstate(all="ignore"):
            for _, cut in cuts(count, window, strides, gaps):
                ufunc(out, array[cut], out=out)
        return out.astype(x.dtype, copy=False)

    samples = tuple(Sample(_typed(shape), attrs) for shape, _, attrs in _GEOMETRIES)
    op = Op(
        name, doc, infer, run, vjp, Kernel(name), attrs=_ATTRS, constraints=_CONSTRAINTS, samples=samples
    )
    return op


# ---- sums ------------------------------------------------------------------------------------------------------------


window_sum = _windowed(
    "window_sum", "the sum of each window", dt.NUMERIC, np.add, lambda d: 0,
    lambda ct, out, x, **attrs: (p.window_sum_grad(ct, shape=ir_type(x).dims, **attrs),),
)  # fmt: skip


def _sum_grad_infer(
    ct: TensorType, shape: Shape, window: Ints, strides: Ints, padding: Pads, dilations: Ints | None = None
) -> TensorType:
    check_dtype(window_sum_grad, ct.dtype, dt.NUMERIC, 1)
    found = _windows(window_sum_grad, shape, window, strides, padding, dilations)
    _has_shape(window_sum_grad, 5, "the values", ct, found)
    return ct.with_shape(shape)


def _has_shape(op: Op, constraint: int, what: str, t: TensorType, shape: Shape) -> None:
    if t.shape is not None and not (len(t.shape) == len(shape) and all(map(same, t.shape, shape))):
        raise op.violated(constraint, f"{what} are {t}, expected the shape {list(shape)}")


def _sum_grad_ref(
    ct: Array, shape: Ints, window: Ints, strides: Ints, padding: Any, dilations: Ints | None = None
) -> Array:
    out = np.zeros([n + a + b for n, (a, b) in zip(shape, padding)], accumulator(ct.dtype))
    for _, cut in cuts(ct.shape, window, strides, dilations or (1,) * ct.ndim):
        out[cut] += ct
    return unpadded(out, shape, padding).astype(ct.dtype)


window_sum_grad = Op(
    "window_sum_grad", "an array of `shape`, each element the sum of the values of the windows that cover it",
    _sum_grad_infer, _sum_grad_ref, lambda ct, out, x, shape, **attrs: (p.window_sum(ct, **attrs),),
    Kernel("window_sum_grad"), attrs=("shape", *_ATTRS), constraints=(*_CONSTRAINTS, "there is one value a window"),
    samples=tuple(Sample(_typed(found), {"shape": shape, **attrs}) for shape, found, attrs in _GEOMETRIES),
)  # fmt: skip


# ---- maxima ----------------------------------------------------------------------------------------------------------

window_max = _windowed(
    "window_max", "the largest element of each window; NaN if it has one", dt.REAL, np.maximum, lowest,
    lambda ct, out, x, **attrs: (p.max_pool_grad(x, out, ct, **attrs),),
)  # fmt: skip


def _firsts(
    x: Array, y: Array, window: Ints, strides: Ints, padding: Any, dilations: Ints | None
) -> Iterator[tuple[tuple[slice, ...], Array]]:
    """For each offset in the window: where it lies in the padded array, and which windows have their first maximum
    there."""
    inside = padded(np.ones(x.shape, bool), padding, False)
    array = padded(x, padding, 0)
    found = np.zeros(y.shape, bool)
    for _, cut in cuts(y.shape, window, strides, dilations or (1,) * x.ndim):
        here = (array[cut] == y) & inside[cut] & ~found
        found |= here
        yield cut, here


def _max_grad_ref(
    x: Array, y: Array, ct: Array, window: Ints, strides: Ints, padding: Any, dilations: Ints | None = None
) -> Array:
    out = np.zeros([n + a + b for n, (a, b) in zip(x.shape, padding)], accumulator(ct.dtype))
    for cut, here in _firsts(x, y, window, strides, padding, dilations):
        out[cut] += np.where(here, ct, 0)
    return unpadded(out, x.shape, padding).astype(ct.dtype)


def _pick_ref(
    x: Array, y: Array, values: Array, window: Ints, strides: Ints, padding: Any, dilations: Ints | None = None
) -> Array:
    array, out = padded(values, padding, 0), np.zeros(y.shape, values.dtype)
    for cut, here in _firsts(x, y, window, strides, padding, dilations):
        out = np.where(here, array[cut], out)
    return np.asarray(out)


def _at_maximum(name: str, doc: str, ref: Callable[..., Array], vjp: Callable[..., Any], of_windows: bool) -> Op:
    """An op of an array, its windows' maxima, and values: one a window (`of_windows`) or one an element."""

    def infer(
        x: TensorType, y: TensorType, values: TensorType, window: Ints, strides: Ints, padding: Pads,
        dilations: Ints | None = None,
    ) -> TensorType:  # fmt: skip
        check_dtype(op, x.dtype, dt.REAL, 1)
        for k, t in ((1, y), (2, values)):
            if t.dtype is not x.dtype:
                message = dt.mismatch(k, t.dtype, 0, x.dtype)
                raise op.violated(5, message, "dtype")
        if x.shape is None:
            return x if of_windows else y
        found = _windows(op, x.shape, window, strides, padding, dilations)
        _has_shape(op, 6, "the maxima", y, found)
        _has_shape(op, 6, "the values", values, found if of_windows else x.shape)
        return x if of_windows else x.with_shape(found)

    samples = []
    for shape, found, attrs in _GEOMETRIES:
        x, last = np.sin(np.arange(math.prod(shape)) ** 2.0).reshape(shape), found if of_windows else shape
        y, values = window_max.ref(x, **attrs), np.cos(np.arange(math.prod(last)) ** 2.0).reshape(last)
        samples.append(Sample(_typed(shape, found, last), attrs, values=(x, y, values)))
    op = Op(
        name, doc, infer, ref, vjp, Kernel(name), arity=3, attrs=_ATTRS,
        constraints=(*_CONSTRAINTS, "all operands have the same dtype", "values are as many as windows or elements"),
        traits=Trait.NONE, samples=tuple(samples),
    )  # fmt: skip
    return op


max_pool_grad = _at_maximum(
    "max_pool_grad", "each window's value, added where the window has its first maximum", _max_grad_ref,
    lambda ct, out, x, y, values, **attrs: (full_like(x, 0), None, p.max_pool_pick(x, y, ct, **attrs)), True,
)  # fmt: skip
max_pool_pick = _at_maximum(
    "max_pool_pick", "for each window, the value of the element that is its first maximum", _pick_ref,
    lambda ct, out, x, y, values, **attrs: (full_like(x, 0), None, p.max_pool_grad(x, y, ct, **attrs)), False,
)  # fmt: skip
