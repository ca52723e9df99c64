"""`tf.raw_ops` that change parts of variables: rows, and elements at index vectors.

Invariant: `resource` is a variable or its handle; there is no result. Follows
https://www.tensorflow.org/api_docs/python/tf/raw_ops. Entry points: the kernels below.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphtf.api import selection
from graphtf.api.raw_more import _assign, _value
from graphtf.api.raw_naming import raw
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.ops.prims import p
from graphtf.sizes import shape_vector
from graphtf.tensor import Tensor


def _rows(name: str, combine: str, change: Callable[[Tensor], Tensor] = lambda x: x) -> Callable[..., None]:
    """A kernel that combines rows of a variable with others."""

    def kernel(*, resource: Any, indices: Any, updates: Any, name: str | None = None) -> None:
        old, at = _value(resource, None), convert_to_tensor(indices)
        rows = change(convert_to_tensor(updates, old.dtype))
        shape = (*at.ir_type.dims, *old.ir_type.dims[1:])
        rows = p.broadcast(rows, shape=shape) if rows.ir_type.dims != shape else rows
        column = p.reshape(at, shape=(*at.ir_type.dims, 1))
        _assign(resource, p.scatter(old, column, rows, combine=combine))

    return raw(name, kernel)


ResourceScatterAdd = _rows("ResourceScatterAdd", "add")
ResourceScatterSub = _rows("ResourceScatterSub", "add", lambda x: p.neg(x))
ResourceScatterMul = _rows("ResourceScatterMul", "mul")
ResourceScatterMin = _rows("ResourceScatterMin", "min")
ResourceScatterMax = _rows("ResourceScatterMax", "max")
ResourceScatterUpdate = _rows("ResourceScatterUpdate", "update")


def _elements(name: str, combine: str, negate: bool = False) -> Callable[..., None]:
    """A kernel that combines what stands at index vectors with other values."""

    def kernel(
        *, ref: Any, indices: Any, updates: Any, use_locking: bool = True, bad_indices_policy: str = "",
        name: str | None = None,
    ) -> None:  # fmt: skip
        old = _value(ref, None)
        values = convert_to_tensor(updates, old.dtype)
        values = p.neg(values) if negate else values
        _assign(ref, p.scatter(old, convert_to_tensor(indices), values, combine=combine))

    return raw(name, kernel)


ResourceScatterNdAdd = _elements("ResourceScatterNdAdd", "add")
ResourceScatterNdSub = _elements("ResourceScatterNdSub", "add", negate=True)
ResourceScatterNdMin = _elements("ResourceScatterNdMin", "min")
ResourceScatterNdMax = _elements("ResourceScatterNdMax", "max")
ResourceScatterNdUpdate = _elements("ResourceScatterNdUpdate", "update")


def ResourceGatherNd(*, resource: Any, indices: Any, dtype: Any, name: str | None = None) -> Tensor:
    """What stands at index vectors of a variable.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ResourceGatherNd.
    """
    return selection.gather_nd(_value(resource, dtype), indices)


def VariableShape(*, input: Any, out_type: Any = dt.int32, name: str | None = None) -> Tensor:
    """The sizes of a variable. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/VariableShape."""
    return shape_vector(_value(input, None).ir_type.dims, as_dtype(out_type))


def VarIsInitializedOp(*, resource: Any, name: str | None = None) -> Tensor:
    """True: variables are initialized when they are made.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/VarIsInitializedOp.
    """
    _value(resource, None)
    return convert_to_tensor(True)
