"""Fake quantisation: floats rounded to what few bits can hold, with gradients that pass where nothing was cut off.

Invariant: the levels are placed so that zero is one of them, as in TensorFlow. Entry points: the `tf.quantization`
functions below.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import full_like, p, scalar_like, sum_to
from graphtf.refusal import failed, invalid, tracing
from graphtf.sizes import as_axis
from graphtf.tensor import Tensor

_MOST_BITS = 16
FakeQuantWithMinMaxVarsGradient = namedtuple(
    "FakeQuantWithMinMaxVarsGradient", ["backprops_wrt_input", "backprop_wrt_min", "backprop_wrt_max"]
)
FakeQuantWithMinMaxVarsPerChannelGradient = namedtuple(
    "FakeQuantWithMinMaxVarsPerChannelGradient", ["backprops_wrt_input", "backprop_wrt_min", "backprop_wrt_max"]
)


class Levels:
    """The quantised range of `bits` bits nearest to [low, high] that holds zero: its ends and its step."""

    def __init__(self, low: Tensor, high: Tensor, bits: int, narrow: bool) -> None:
        first, last = (scalar_like(low, x) for x in (1 if narrow else 0, 2**bits - 1))
        self.step = p.div(p.sub(high, low), p.sub(last, first))
        ideal = p.sub(first, p.div(low, self.step))
        rounded = p.floor(p.add(ideal, scalar_like(low, 0.5)))
        zero = p.select(p.lt(ideal, first), first, p.select(p.gt(ideal, last), last, rounded))
        self.low, self.high = (p.mul(p.sub(end, zero), self.step) for end in (first, last))
        self.empty = p.logical_and(p.eq(low, scalar_like(low, 0)), p.eq(high, scalar_like(low, 0)))

    def place(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Does each element lie below the range, above it?"""
        return p.lt(x, self.low), p.gt(x, self.high)

    def rounded(self, x: Tensor) -> Tensor:
        """x moved to the nearest level; 0 where the range is empty."""
        shifted = p.sub(p.minimum(p.maximum(x, self.low), self.high), self.low)
        count = p.floor(p.add(p.div(shifted, self.step), scalar_like(x, 0.5)))
        return p.select(self.empty, scalar_like(x, 0), p.add(p.mul(count, self.step), self.low))  # type: ignore[no-any-return]


def _inputs(x: Any, name: str) -> Tensor:
    t = convert_to_tensor(x)
    if t.dtype is not dt.float32:
        error = TypeError if tracing() else ValueError
        raise error(f"{name}: Tensor conversion requested dtype float32 for Tensor with dtype {t.dtype.name}")
    return t


def _checked(bits: Any, name: str) -> int:
    if not 2 <= int(bits) <= _MOST_BITS:
        raise invalid(name, f"num_bits must be between 2 and 16, inclusive; got {bits}")
    return int(bits)


def _bounds(low: Any, high: Any, shape: Any, name: str) -> tuple[Tensor, Tensor]:
    a, b = _inputs(low, name), _inputs(high, name)
    for what, t in (("min", a), ("max", b)):
        if t.ir_type.dims != shape:
            raise invalid(name, f"`{what}` must have shape {list(shape)}, got {t.shape}")
    return a, b


def _passing(value: Tensor, like: Tensor) -> Tensor:
    """`value`, with the gradient of `like`, which is finite wherever `value` is."""
    still = p.stop_gradient(like)
    return p.add(p.stop_gradient(value), p.sub(like, still))  # type: ignore[no-any-return]


def _fake(x: Tensor, low: Tensor, high: Tensor, bits: int, narrow: bool) -> Tensor:
    levels = Levels(*(p.stop_gradient(t) for t in (low, high)), bits, narrow)
    still = p.stop_gradient(x)
    below, above = levels.place(still)
    kept = p.select(below, low, p.select(above, high, x))
    return _passing(levels.rounded(still), p.select(levels.empty, x, kept))


# ---- a range given as numbers ----------------------------------------------------------------------------------------


def fake_quant_with_min_max_args(
    inputs: Any, min: float = -6, max: float = 6, num_bits: int = 8, narrow_range: bool = False, name: str | None = None
) -> Tensor:
    """float32 `inputs` rounded to the 2^num_bits levels (one less if `narrow_range`) of [min, max].

    Raises InvalidArgumentError (tracing: ValueError) for an empty range, ValueError for another dtype. Follows
    https://www.tensorflow.org/api_docs/python/tf/quantization/fake_quant_with_min_max_args.

    >>> fake_quant_with_min_max_args([-7., 0.51, 3.], min=-1, max=1, num_bits=2)
    <tf.Tensor: shape=(3,), dtype=float32, numpy=array([-1.3333334,  0.6666667,  0.6666667], dtype=float32)>
    """
    what = "fake_quant_with_min_max_args"
    x, (low, high) = _inputs(inputs, what), _range(min, max, what)
    return _fake(x, low, high, _checked(num_bits, what), narrow_range)


def _range(low: float, high: float, name: str) -> tuple[Tensor, Tensor]:
    if not low < high:
        raise failed(name, f"min has to be smaller than max, was: {low} >= {high}")
    return convert_to_tensor(low, dt.float32), convert_to_tensor(high, dt.float32)


def fake_quant_with_min_max_args_gradient(
    gradients: Any, inputs: Any, min: float = -6, max: float = 6, num_bits: int = 8, narrow_range: bool = False,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """The cotangent of the inputs of `fake_quant_with_min_max_args`: `gradients` where inputs lie in the range.

    Follows https://www.tensorflow.org/api_docs/python/tf/quantization/fake_quant_with_min_max_args_gradient.
    """
    what = "fake_quant_with_min_max_args_gradient"
    ct, x, (low, high) = _inputs(gradients, what), _inputs(inputs, what), _range(min, max, what)
    return _pulled(ct, x, low, high, _checked(num_bits, what), narrow_range, what)[0]


def _pulled(
    ct: Tensor, x: Tensor, low: Tensor, high: Tensor, bits: int, narrow: bool, name: str
) -> tuple[Tensor, Tensor, Tensor]:
    """The cotangents of inputs, low and high."""
    if ct.ir_type.dims != x.ir_type.dims:
        raise invalid(name, f"gradient and input must be the same size, got {ct.shape} and {x.shape}")
    levels = Levels(low, high, bits, narrow)
    below, above = levels.place(x)
    zero = full_like(ct, 0)
    inside = p.select(p.logical_or(below, above), zero, ct)
    empty = levels.empty

    def ends(outside: Tensor) -> Tensor:
        found = p.select(outside, ct, zero)
        return sum_to(p.select(p.broadcast(empty, shape=ct.ir_type.dims), zero, found), low.ir_type.dims)  # type: ignore[no-any-return]

    return p.select(p.broadcast(empty, shape=ct.ir_type.dims), ct, inside), ends(below), ends(above)


# ---- a range given as tensors ----------------------------------------------------------------------------------------


def fake_quant_with_min_max_vars(
    inputs: Any, min: Any, max: Any, num_bits: int = 8, narrow_range: bool = False, name: str | None = None
) -> Tensor:
    """As `fake_quant_with_min_max_args`, for a range of two float32 scalars, which have gradients.

    Follows https://www.tensorflow.org/api_docs/python/tf/quantization/fake_quant_with_min_max_vars.
    """
    what = "fake_quant_with_min_max_vars"
    x, (low, high) = _inputs(inputs, what), _bounds(min, max, (), what)
    return _fake(x, low, high, _checked(num_bits, what), narrow_range)


def fake_quant_with_min_max_vars_gradient(
    gradients: Any, inputs: Any, min: Any, max: Any, num_bits: int = 8, narrow_range: bool = False,
    name: str | None = None,
) -> Any:  # fmt: skip
    """The cotangents of inputs, min and max of `fake_quant_with_min_max_vars`.

    Follows https://www.tensorflow.org/api_docs/python/tf/quantization/fake_quant_with_min_max_vars_gradient.
    """
    what = "fake_quant_with_min_max_vars_gradient"
    ct, x, (low, high) = _inputs(gradients, what), _inputs(inputs, what), _bounds(min, max, (), what)
    return FakeQuantWithMinMaxVarsGradient(*_pulled(ct, x, low, high, _checked(num_bits, what), narrow_range, what))


def fake_quant_with_min_max_vars_per_channel(
    inputs: Any, min: Any, max: Any, num_bits: int = 8, narrow_range: bool = False, name: str | None = None
) -> Tensor:
    """As `fake_quant_with_min_max_vars`, with a range for each element of the last axis.

    Follows https://www.tensorflow.org/api_docs/python/tf/quantization/fake_quant_with_min_max_vars_per_channel.
    """
    what = "fake_quant_with_min_max_vars_per_channel"
    x = _inputs(inputs, what)
    low, high = _bounds(min, max, x.ir_type.dims[-1:], what)
    return _fake(x, low, high, _checked(num_bits, what), narrow_range)


def fake_quant_with_min_max_vars_per_channel_gradient(
    gradients: Any, inputs: Any, min: Any, max: Any, num_bits: int = 8, narrow_range: bool = False,
    name: str | None = None,
) -> Any:  # fmt: skip
    """The cotangents of inputs, min and max of `fake_quant_with_min_max_vars_per_channel`.

    Follows
    https://www.tensorflow.org/api_docs/python/tf/quantization/fake_quant_with_min_max_vars_per_channel_gradient.
    """
    what = "fake_quant_with_min_max_vars_per_channel_gradient"
    ct, x = _inputs(gradients, what), _inputs(inputs, what)
    low, high = _bounds(min, max, x.ir_type.dims[-1:], what)
    found = _pulled(ct, x, low, high, _checked(num_bits, what), narrow_range, what)
    return FakeQuantWithMinMaxVarsPerChannelGradient(*found)


# ---- symmetric levels ------------------------------------------------------------------------------------------------


def quantize_and_dequantize_v2(
    input: Any, input_min: Any, input_max: Any, signed_input: bool = True, num_bits: int = 8, range_given: bool = False,
    round_mode: str = "HALF_TO_EVEN", name: str | None = None, narrow_range: bool = False, axis: int | None = None,
) -> Tensor:  # fmt: skip
    """Floats rounded to multiples of one step, which puts the larger end of the range on the last level.

    The range is that of the input (of each slice along `axis`), or [input_min, input_max] if `range_given`, and then
    what lies outside is cut off. `round_mode` is HALF_TO_EVEN or HALF_UP. Raises InvalidArgumentError for an empty
    range. Follows https://www.tensorflow.org/api_docs/python/tf/quantization/quantize_and_dequantize_v2.

    >>> quantize_and_dequantize_v2([0.4, 1.], -1., 1., num_bits=3, range_given=True)
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0.33333334, 1.        ], dtype=float32)>
    """
    what = "quantize_and_dequantize_v2"
    if round_mode not in ("HALF_TO_EVEN", "HALF_UP"):
        raise invalid(what, f"Round mode string must be 'HALF_TO_EVEN' or 'HALF_UP', is '{round_mode}'")
    x = convert_to_tensor(input)
    still = p.stop_gradient(x)
    # The bounds given decide the gradient even where they are not the range.
    floor, ceiling = _aligned(x, input_min, input_max, axis, what)
    low, high = (floor, ceiling) if range_given else _extremes(still, axis, what)
    if range_given:
        ordered = p.reduce_all(p.le(floor, ceiling), axes=tuple(range(len(floor.ir_type.dims))))
        _require(ordered, failed(what, f"Invalid range: input_min {input_min!r} > input_max {input_max!r}"))
    last = 2 ** (int(num_bits) - bool(signed_input)) - 1
    first = (-last if narrow_range else -last - 1) if signed_input else 0
    scale, step, low, high = _step(low, high, first, last)
    cut = p.minimum(p.maximum(still, low), high) if range_given else still
    scaled = p.mul(cut, scale)
    count = p.round(scaled) if round_mode == "HALF_TO_EVEN" else p.floor(p.add(scaled, scalar_like(x, 0.5)))
    inside = p.logical_and(p.ge(still, floor), p.le(still, ceiling))
    return _passing(p.mul(count, step), p.select(inside, x, still))


def quantize_and_dequantize(
    input: Any, input_min: Any, input_max: Any, signed_input: bool = True, num_bits: int = 8, range_given: bool = False,
    round_mode: str = "HALF_TO_EVEN", name: str | None = None, narrow_range: bool = False, axis: int | None = None,
) -> Tensor:  # fmt: skip
    """As `quantize_and_dequantize_v2`, but gradients pass as if it did nothing.

    Follows https://www.tensorflow.org/api_docs/python/tf/quantization/quantize_and_dequantize.

    >>> quantize_and_dequantize([0.4, 1.], -1., 1., num_bits=3, range_given=True)
    <tf.Tensor: shape=(2,), dtype=float32, numpy=array([0.33333334, 1.        ], dtype=float32)>
    """
    x = convert_to_tensor(input)
    levels = quantize_and_dequantize_v2(
        p.stop_gradient(x), input_min, input_max, signed_input, num_bits, range_given, round_mode, None, narrow_range,
        axis,
    )  # fmt: skip
    return _passing(levels, x)


def _kept(x: Tensor, axis: int | None, name: str) -> tuple[int, ...]:
    return () if axis in (None, -1) else (as_axis(axis, len(x.ir_type.dims), name),)


def _aligned(x: Tensor, low: Any, high: Any, axis: int | None, name: str) -> tuple[Tensor, Tensor]:
    """The bounds given, in a shape that broadcasts against x."""
    kept = _kept(x, axis, name)
    shape = tuple(d if k in kept else 1 for k, d in enumerate(x.ir_type.dims))
    a, b = (p.stop_gradient(convert_to_tensor(t, x.dtype)) for t in (low, high))
    found = tuple(p.reshape(t, shape=shape) if kept and t.ir_type.dims else t for t in (a, b))
    return found[0], found[1]


def _extremes(x: Tensor, axis: int | None, name: str) -> tuple[Tensor, Tensor]:
    """The least and largest elements, of each slice along the axis."""
    dims, kept = x.ir_type.dims, _kept(x, axis, name)
    axes = tuple(k for k in range(len(dims)) if k not in kept)
    shape = tuple(d if k in kept else 1 for k, d in enumerate(dims))
    return p.reshape(p.reduce_min(x, axes=axes), shape=shape), p.reshape(p.reduce_max(x, axes=axes), shape=shape)


def _require(condition: Tensor, error: Exception) -> None:
    if hasattr(condition, "numpy") and not hasattr(condition, "value"):
        if not bool(condition):
            raise error
        return
    getattr(p, "assert")(condition, message=str(error))


def _step(low: Tensor, high: Tensor, first: int, last: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """How many steps there are to 1, the step, and the range that the levels cover with it."""
    zero = scalar_like(low, 0)
    most = scalar_like(low, low.dtype.max)
    a, b = scalar_like(low, first), scalar_like(low, last)
    by_low = p.select(p.gt(p.mul(a, low), zero), p.div(a, low), most)
    by_high = p.select(p.gt(p.mul(b, high), zero), p.div(b, high), most)
    lower = p.lt(by_low, by_high)
    step = p.select(lower, p.div(low, scalar_like(low, first or 1)), p.div(high, b))
    scale = p.select(lower, by_low, by_high)
    return scale, step, p.select(lower, low, p.mul(a, step)), p.select(lower, p.mul(b, step), high)
