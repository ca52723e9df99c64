"""`tf.compat.v1` where it differs from TensorFlow 2's functions of the same name: other names or orders of arguments.

Invariant: everything else of `tf.compat.v1` is TensorFlow 2's own (graphtf/names/__init__.py); there are no sessions,
and no graph of the process. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1. Entry points: the
functions below.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphtf.api import (
    arithmetic,
    blocks,
    categorical,
    control,
    creation,
    padding,
    random,
    random_state,
    reduce,
    segments,
    selection,
    shaping,
)
from graphtf.api import (
    norm as norms,
)
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.refusal import invalid
from graphtf.tensor import Tensor


def _either(new: Any, old: Any, names: str) -> Any:
    """The value of an argument that has two names. Raises ValueError if both are given."""
    if new is not None and old is not None:
        raise ValueError(f"Cannot specify both of {names}")
    return old if new is None else new


# ---- reductions ------------------------------------------------------------------------------------------------------


def _reduction(function: Callable[..., Tensor]) -> Callable[..., Tensor]:
    def reduced(
        input_tensor: Any, axis: Any = None, keepdims: Any = None, name: str | None = None,
        reduction_indices: Any = None, keep_dims: Any = None,
    ) -> Tensor:  # fmt: skip
        axes = _either(axis, reduction_indices, "'axis' and 'reduction_indices'")
        kept = _either(keepdims, keep_dims, "'keepdims' and 'keep_dims'")
        return function(input_tensor, axes, bool(kept))

    reduced.__name__ = reduced.__qualname__ = function.__name__
    page = f"https://www.tensorflow.org/api_docs/python/tf/compat/v1/{function.__name__}"
    reduced.__doc__ = f"As `tf.{function.__name__}`, whose arguments may have their old names. Follows {page}."
    return reduced


reduce_sum = _reduction(reduce.reduce_sum)
reduce_mean = _reduction(reduce.reduce_mean)
reduce_max = _reduction(reduce.reduce_max)
reduce_min = _reduction(reduce.reduce_min)
reduce_prod = _reduction(reduce.reduce_prod)
reduce_any = _reduction(reduce.reduce_any)
reduce_all = _reduction(reduce.reduce_all)
reduce_logsumexp = _reduction(reduce.reduce_logsumexp)


def argmax(
    input: Any, axis: Any = None, name: str | None = None, dimension: Any = None, output_type: Any = dt.int64
) -> Tensor:
    """As `tf.argmax`. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/argmax."""
    return reduce.argmax(input, _either(axis, dimension, "'axis' and 'dimension'"), output_type)


def argmin(
    input: Any, axis: Any = None, name: str | None = None, dimension: Any = None, output_type: Any = dt.int64
) -> Tensor:
    """As `tf.argmin`. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/argmin."""
    return reduce.argmin(input, _either(axis, dimension, "'axis' and 'dimension'"), output_type)


def count_nonzero(
    input_tensor: Any = None, axis: Any = None, keepdims: Any = None, dtype: Any = dt.int64, name: str | None = None,
    reduction_indices: Any = None, keep_dims: Any = None, input: Any = None,
) -> Tensor:  # fmt: skip
    """As `tf.math.count_nonzero`. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/count_nonzero."""
    x = _either(input_tensor, input, "'input_tensor' and 'input'")
    axes = _either(axis, reduction_indices, "'axis' and 'reduction_indices'")
    return reduce.count_nonzero(x, axes, bool(_either(keepdims, keep_dims, "'keepdims' and 'keep_dims'")), dtype)


def norm(
    tensor: Any, ord: Any = "euclidean", axis: Any = None, keepdims: Any = None, name: str | None = None,
    keep_dims: Any = None,
) -> Tensor:  # fmt: skip
    """As `tf.norm`. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/norm."""
    return norms.norm(tensor, ord, axis, bool(_either(keepdims, keep_dims, "'keepdims' and 'keep_dims'")))


# ---- shapes and choices ----------------------------------------------------------------------------------------------


def shape(input: Any, name: str | None = None, out_type: Any = dt.int32) -> Tensor:
    """As `tf.shape`. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/shape."""
    return shaping.shape(input, out_type)


def size(input: Any, name: str | None = None, out_type: Any = dt.int32) -> Tensor:
    """As `tf.size`. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/size."""
    return shaping.size(input, out_type)


def expand_dims(input: Any, axis: Any = None, name: str | None = None, dim: Any = None) -> Tensor:
    """As `tf.expand_dims`. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/expand_dims."""
    return shaping.expand_dims(input, _either(axis, dim, "'axis' and 'dim'"))


def squeeze(input: Any, axis: Any = None, name: str | None = None, squeeze_dims: Any = None) -> Tensor:
    """As `tf.squeeze`. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/squeeze."""
    return shaping.squeeze(input, _either(axis, squeeze_dims, "'axis' and 'squeeze_dims'"))


def transpose(a: Any, perm: Any = None, name: str = "transpose", conjugate: bool = False) -> Tensor:
    """As `tf.transpose`. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/transpose."""
    return shaping.transpose(a, perm, conjugate)


def gather(
    params: Any, indices: Any, validate_indices: Any = None, name: str | None = None, axis: Any = None,
    batch_dims: int = 0,
) -> Tensor:  # fmt: skip
    """As `tf.gather`. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/gather."""
    return selection.gather(params, indices, axis=axis, batch_dims=batch_dims)


def boolean_mask(tensor: Any, mask: Any, name: str = "boolean_mask", axis: Any = None) -> Tensor:
    """As `tf.boolean_mask`. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/boolean_mask."""
    return selection.boolean_mask(tensor, mask, axis)


def where(condition: Any, x: Any = None, y: Any = None, name: str | None = None) -> Tensor:
    """As `tf.where`, but x and y are of one shape, which the condition has too, or its first axis, or none.

    Raises InvalidArgumentError (tracing: ValueError) for others.
    Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/where.
    """
    if x is None and y is None:
        return selection.where(condition)
    c, a = convert_to_tensor(condition), convert_to_tensor(x)
    b = convert_to_tensor(y, a.dtype)
    if not a.shape.is_compatible_with(b.shape):
        raise invalid("where", f"x and y must have the same shape, got {a.shape} and {b.shape}")
    if c.shape.rank == 1 and (a.shape.rank or 0) > 1:
        c = shaping.reshape(c, [-1, *[1] * (a.shape.rank - 1)])
    elif not c.shape.is_compatible_with(a.shape) and c.shape.rank != 0:
        raise invalid("where", f"the condition has shape {c.shape}, expected {a.shape}, a vector or a scalar")
    return selection.where(c, a, b)


def pad(
    tensor: Any, paddings: Any, mode: str = "CONSTANT", name: str | None = None, constant_values: Any = 0
) -> Tensor:
    """As `tf.pad`. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/pad."""
    return padding.pad(tensor, paddings, mode, constant_values)


def batch_to_space(
    input: Any, crops: Any, block_size: Any, name: str | None = None, block_shape: Any = None
) -> Tensor:
    """As `tf.batch_to_space`, with one block size for both axes.

    Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/batch_to_space.
    """
    return blocks.batch_to_space(input, block_shape or [block_size, block_size], crops)


def space_to_batch(
    input: Any, paddings: Any, block_size: Any = None, name: str | None = None, block_shape: Any = None
) -> Tensor:
    """As `tf.space_to_batch`, with one block size for both axes.

    Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/space_to_batch.
    """
    return blocks.space_to_batch_nd(input, block_shape or [block_size, block_size], paddings)


def ones_like(tensor: Any, dtype: Any = None, name: str | None = None, optimize: bool = True) -> Tensor:
    """As `tf.ones_like`. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/ones_like."""
    return creation.ones_like(tensor, dtype)


def zeros_like(tensor: Any, dtype: Any = None, name: str | None = None, optimize: bool = True) -> Tensor:
    """As `tf.zeros_like`. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/zeros_like."""
    return creation.zeros_like(tensor, dtype)


def confusion_matrix(
    labels: Any, predictions: Any, num_classes: Any = None, dtype: Any = dt.int32, name: str | None = None,
    weights: Any = None,
) -> Tensor:  # fmt: skip
    """As `tf.math.confusion_matrix`. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/confusion_matrix."""
    return segments.confusion_matrix(labels, predictions, num_classes, weights, dtype)


def cond(
    pred: Any, true_fn: Any = None, false_fn: Any = None, strict: bool = False, name: str | None = None,
    fn1: Any = None, fn2: Any = None,
) -> Any:  # fmt: skip
    """As `tf.cond`. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/cond."""
    return control.cond(
        pred, _either(true_fn, fn1, "'true_fn' and 'fn1'"), _either(false_fn, fn2, "'false_fn' and 'fn2'")
    )


# ---- numbers ---------------------------------------------------------------------------------------------------------


def _to(name: str, dtype: dt.DType) -> Callable[..., Tensor]:
    def cast(x: Any, name: str | None = None) -> Tensor:
        return creation.cast(x, dtype)

    cast.__name__ = cast.__qualname__ = name
    cast.__doc__ = f"x as {dtype.name}. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/{name}."
    return cast


to_float = _to("to_float", dt.float32)
to_double = _to("to_double", dt.float64)
to_int32 = _to("to_int32", dt.int32)
to_int64 = _to("to_int64", dt.int64)
to_bfloat16 = _to("to_bfloat16", dt.bfloat16)
to_complex64 = _to("to_complex64", dt.complex64)
to_complex128 = _to("to_complex128", dt.complex128)


def div(x: Any, y: Any, name: str | None = None) -> Tensor:
    """x / y as Python 2 divides: integers are floored.

    Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/div.

    >>> div(7, 2).numpy().item(), div(7.0, 2.0).numpy().item()
    (3, 3.5)
    """
    a = convert_to_tensor(x)
    return arithmetic.floordiv(a, y) if a.dtype.is_integer else arithmetic.realdiv(a, y)


def multinomial(
    logits: Any, num_samples: Any, seed: Any = None, name: str | None = None, output_dtype: Any = None
) -> Tensor:
    """As `tf.random.categorical`. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/multinomial."""
    return categorical.categorical(logits, num_samples, output_dtype or dt.int64, seed)


random_uniform, random_normal, truncated_normal = random.uniform, random.normal, random.truncated_normal
random_shuffle, set_random_seed = random.shuffle, random_state.set_seed


# ---- variables, and the state of the process -------------------------------------------------------------------------


def assign(ref: Any, value: Any, validate_shape: Any = None, use_locking: Any = None, name: str | None = None) -> Any:
    """Set a variable. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/assign."""
    return ref.assign(value)


def assign_add(ref: Any, value: Any, use_locking: Any = None, name: str | None = None) -> Any:
    """Add to a variable. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/assign_add."""
    return ref.assign_add(value)


def assign_sub(ref: Any, value: Any, use_locking: Any = None, name: str | None = None) -> Any:
    """Subtract from a variable. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/assign_sub."""
    return ref.assign_sub(value)


def enable_eager_execution(config: Any = None, device_policy: Any = None, execution_mode: Any = None) -> None:
    """Nothing: execution is eager. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/enable_eager_execution."""


def enable_v2_behavior() -> None:
    """Nothing: it is. Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/enable_v2_behavior."""


enable_v2_tensorshape = enable_resource_variables = enable_control_flow_v2 = enable_tensor_equality = enable_v2_behavior


def disable_eager_execution() -> None:
    """Raises NotImplementedError: graphs are made by `tf.function` alone.

    Follows https://www.tensorflow.org/api_docs/python/tf/compat/v1/disable_eager_execution.
    """
    raise NotImplementedError("there are no sessions: use tf.function, which traces a graph and runs it")


disable_v2_behavior = disable_eager_execution
