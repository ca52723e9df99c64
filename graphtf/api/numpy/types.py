"""NumPy's scalar types under the names that `tf.experimental.numpy` has for them, and what turns NumPy's behaviour on.

Invariant: until it is turned on, tensors behave as TensorFlow's. Entry points: the types, and
`experimental_enable_numpy_behavior`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.api.numpy import elementwise, indexing, linear, reduction, shaping
from graphtf.api.numpy.arrays import asarray
from graphtf.promotion import MODES, enable
from graphtf.tensor import Tensor
from graphtf.variable import Variable

bool_, object_, inexact = np.bool_, np.object_, np.inexact
int8, int16, int32, int64, int_ = np.int8, np.int16, np.int32, np.int64, np.int64
uint8, uint16, uint32, uint64 = np.uint8, np.uint16, np.uint32, np.uint64
float16, float32, float64, float_ = np.float16, np.float32, np.float64, np.float64
complex64, complex128, complex_ = np.complex64, np.complex128, np.complex128
string_, unicode_ = np.bytes_, np.str_


def _reduces(function: Any) -> Any:
    """A reduction as the method that NumPy's own function of that name calls, with `out=None` always."""

    def method(self: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = None) -> Any:
        if out is not None:
            raise ValueError("tensors are never written to: `out` must be None")
        found = function(self, axis=axis, keepdims=keepdims)
        return found if dtype is None else asarray(found, dtype)

    return method


_METHODS = {
    "reshape": lambda self, *shape: shaping.reshape(self, shape[0] if len(shape) == 1 else shape),
    "transpose": lambda self, *axes: shaping.transpose(self, (axes[0] if len(axes) == 1 else axes) or None),
    "ravel": shaping.ravel, "flatten": shaping.flatten, "clip": elementwise.clip, "max": _reduces(reduction.max),
    "min": _reduces(reduction.min), "mean": _reduces(reduction.mean),
    "data": property(lambda self: self), "__pos__": lambda self: self,
    "tolist": lambda self: self.numpy().tolist(), "astype": lambda self, dtype: asarray(self, dtype),
}  # fmt: skip
_OPERATORS = {
    "add": elementwise.add, "sub": elementwise.subtract, "mul": elementwise.multiply,
    "truediv": elementwise.true_divide,
    "floordiv": elementwise.floor_divide, "mod": elementwise.mod, "pow": elementwise.power, "matmul": linear.matmul,
    "and": elementwise.bitwise_and, "or": elementwise.bitwise_or, "xor": elementwise.bitwise_xor,
}  # fmt: skip


_COMPARISONS = {
    "lt": elementwise.less, "le": elementwise.less_equal, "gt": elementwise.greater, "ge": elementwise.greater_equal,
    "eq": elementwise.equal, "ne": elementwise.not_equal,
}  # fmt: skip


def experimental_enable_numpy_behavior(
    prefer_float32: bool = False, dtype_conversion_mode: str = "legacy"
) -> None:
    """Give tensors NumPy's methods (`T`, `astype`, `reshape`, …) and indexing, and let operators promote dtypes.

    In the mode "legacy" operators promote as NumPy does; in "all" and "safe" functions of two tensors do, by the tables
    of https://www.tensorflow.org/guide/tf_numpy_type_promotion, where Python numbers are weak; in "off" nothing does.
    Raises ValueError for another mode, and for `prefer_float32`, which is not supported. Follows
    https://www.tensorflow.org/api_docs/python/tf/experimental/numpy/experimental_enable_numpy_behavior.
    """
    if dtype_conversion_mode not in MODES:
        raise ValueError(
            f"The provided promotion mode {dtype_conversion_mode} does not exist. Make sure the provided dtype "
            "conversion mode is one of the followings: 'off', 'legacy', 'safe' or 'all'."
        )
    if prefer_float32:
        raise ValueError("prefer_float32=True is not supported")
    Tensor.__getitem__ = indexing.getitem
    if dtype_conversion_mode in ("all", "safe"):
        enable(dtype_conversion_mode)
    for cls in (Tensor, Variable):
        for name, function in _METHODS.items():
            setattr(cls, name, function)
        cls.T = property(lambda self: shaping.transpose(self))
        cls.size = property(lambda self: self.shape.num_elements())
        if dtype_conversion_mode != "legacy":
            continue
        for name, comparison in _COMPARISONS.items():
            setattr(cls, f"__{name}__", comparison)
        for name, operator in _OPERATORS.items():
            setattr(cls, f"__{name}__", operator)
            setattr(cls, f"__r{name}__", _reflected(operator))


def _reflected(operator: Any) -> Any:
    return lambda self, other: operator(other, self)
