"""Tensors as DLPack capsules, which other libraries read without a copy.

Entry points: `to_dlpack`, `from_dlpack`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.tensor import EagerTensor, Tensor

_CPU = (1, 0)


class _Held:
    """A capsule as an object that `numpy.from_dlpack` reads."""

    def __init__(self, capsule: Any) -> None:
        self._capsule = capsule

    def __dlpack__(self, **options: Any) -> Any:
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return _CPU


def to_dlpack(tf_tensor: Any) -> Any:
    """A capsule of a copy of an eager tensor. Raises TypeError for other things.

    Follows https://www.tensorflow.org/api_docs/python/tf/experimental/dlpack/to_dlpack.

    >>> from_dlpack(to_dlpack(convert_to_tensor([1, 2]))).numpy().tolist()
    [1, 2]
    """
    if not isinstance(tf_tensor, EagerTensor):
        raise TypeError(f"The argument to `to_dlpack` must be a TF tensor, not Python object {type(tf_tensor)}")
    return np.array(tf_tensor._array).__dlpack__()


def from_dlpack(dlcapsule: Any) -> Tensor:
    """The tensor of a capsule, or of an object with `__dlpack__`, on the CPU.

    Follows https://www.tensorflow.org/api_docs/python/tf/experimental/dlpack/from_dlpack.
    """
    source = dlcapsule if hasattr(dlcapsule, "__dlpack__") else _Held(dlcapsule)
    return convert_to_tensor(np.array(np.from_dlpack(source)))
