"""Parts of matrices: diagonals, bands, traces; matrices made of them.

Invariant: several diagonals are rows of a matrix, aligned as `align` says ("RIGHT_LEFT": those above the main one to
the right, those below to the left). Entry points: the `tf.linalg` functions below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, product
from graphtf.ir.errors import FailedPreconditionError, UnknownShapeError
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import failed, invalid, tracing, wrong_dtype
from graphtf.sizes import as_integers, as_size
from graphtf.tensor import Tensor

_ALIGNMENTS = ("RIGHT_LEFT", "LEFT_RIGHT", "LEFT_LEFT", "RIGHT_RIGHT")


class _Band:
    """Which places of a matrix the rows of a table of diagonals lie on."""

    def __init__(self, rows: int, columns: int, low: int, high: int, align: str) -> None:
        above, below = (side == "LEFT" for side in align.split("_"))
        self.lengths = {k: max(min(rows + min(k, 0), columns - max(k, 0)), 0) for k in range(low, high + 1)}
        self.width = max(self.lengths.values())
        self.rows, self.columns, self.low, self.high = rows, columns, low, high
        lefts = {k: (k >= 0 and above) or (k <= 0 and below) for k in self.lengths}
        self.starts = {k: 0 if lefts[k] else self.width - n for k, n in self.lengths.items()}

    def places(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """For each entry of the table its place in the flat matrix (0 if it has none), and whether it has one."""
        at = np.zeros((self.high - self.low + 1, self.width), np.int64)
        inside = np.zeros(at.shape, bool)
        for row, k in enumerate(range(self.high, self.low - 1, -1)):
            for j in range(self.lengths[k]):
                at[row, self.starts[k] + j] = (j + max(-k, 0)) * self.columns + j + max(k, 0)
                inside[row, self.starts[k] + j] = True
        return at, inside

    def sources(self) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
        """The inverse: for each place of the matrix the entry of the flat table (0 if none), and whether there is
        one."""
        at, inside = self.places()
        back = np.zeros(self.rows * self.columns, np.int64)
        covered = np.zeros(back.shape, bool)
        back[at[inside]] = np.flatnonzero(inside)
        covered[at[inside]] = True
        return back.reshape(self.rows, self.columns), covered.reshape(self.rows, self.columns)


def _offsets(k: Any, name: str) -> tuple[int, int]:
    found = as_integers(k, name)
    low, high = (found[0], found[-1])
    if len(found) > 2 or low > high:
        raise invalid(name, f"lower_diag_index must not be larger than upper_diag_index: got {list(found)}")
    return low, high


def _aligned(align: str) -> str:
    if align not in _ALIGNMENTS:
        raise ValueError(f"align must be one of {', '.join(_ALIGNMENTS)}, got {align!r}")
    return align


def _gathered(x: Tensor, at: np.ndarray[Any, Any], inside: np.ndarray[Any, Any], rank: int, filler: Any) -> Tensor:
    """The entries of the last `rank` axes, taken as one, at flat places; `filler` where there are none."""
    lead = x.ir_type.dims[: len(x.ir_type.dims) - rank]
    flat = p.reshape(x, shape=(*lead, product(x.ir_type.dims[len(lead) :])))
    if at.size == 0 or 0 in flat.ir_type.dims[-1:]:
        return p.broadcast(filler, shape=(*lead, *at.shape))
    found = p.gather(flat, convert_to_tensor(at), axis=len(lead), batch_dims=0)
    return found if inside.all() else p.select(convert_to_tensor(inside), found, filler)


def _filler(x: Tensor, value: Any) -> Tensor:
    if not is_tensor_like(value) and value == 0 and x.dtype.kind in "bs":
        value = False if x.dtype.is_bool else ""
    return p.stop_gradient(p.reshape(convert_to_tensor(value, x.dtype), shape=()))


def _known(sizes: Any, name: str) -> tuple[int, ...]:
    if not all(isinstance(d, int) for d in sizes):
        raise UnknownShapeError(f"{name}: sizes of matrices must be known while it is traced, got {list(sizes)}")
    return tuple(sizes)


# ---- diagonals -------------------------------------------------------------------------------------------------------


def diag(
    diagonal: Any, name: str = "diag", k: Any = 0, num_rows: Any = -1, num_cols: Any = -1, padding_value: Any = 0,
    align: str = "RIGHT_LEFT",
) -> Tensor:  # fmt: skip
    """Matrices with the given diagonals (number k, or from k[0] to k[1]), `padding_value` elsewhere.

    Raises InvalidArgumentError (tracing: ValueError) for sizes that do not fit. Follows
    https://www.tensorflow.org/api_docs/python/tf/linalg/diag.

    >>> diag([1, 2])
    <tf.Tensor: shape=(2, 2), dtype=int32, numpy=
    array([[1, 0],
           [0, 2]], dtype=int32)>
    """
    x = convert_to_tensor(diagonal)
    low, high = _offsets(k, "diag")
    several = low != high
    dims = x.ir_type.dims
    if len(dims) < 1 + several:
        raise invalid("diag", f"diagonal must be at least {1 + several}-dim, received shape: {x.shape}")
    wanted = [as_size(n, "diag") for n in (num_rows, num_cols)]
    if not several and wanted == [-1, -1]:
        return _square(x, low, _filler(x, padding_value))
    (width,) = _known(dims[-1:], "diag")
    if several and dims[-2] != high - low + 1:
        raise invalid(
            "diag", f"The number of diagonals provided ({dims[-2]}) is not consistent with k = [{low}, {high}]"
        )
    rows, columns = _matrix_sizes(width, low, high, wanted)
    band = _Band(rows, columns, low, high, _aligned(align))
    return _gathered(x, *band.sources(), 1 + several, _filler(x, padding_value))


def _square(x: Tensor, k: int, filler: Tensor) -> Tensor:
    """The square matrices with one diagonal, whatever its length."""
    *lead, n = x.ir_type.dims
    size = n + abs(k)
    rank = len(lead)
    wide = p.pad(
        x,
        scalar_like(x, 0) if x.dtype.kind in "iufc" else filler,
        low=(*(0,) * rank, max(-k, 0)),
        high=(*(0,) * rank, max(k, 0)),
    )
    at = [p.iota(shape=(size, size), axis=axis, dtype=dt.int64) for axis in (0, 1)]
    on = p.eq(p.add(at[0], scalar_like(at[0], k)), at[1])
    return p.select(on, p.reshape(wide, shape=(*lead, size, 1)), filler)


def _matrix_sizes(width: int, low: int, high: int, wanted: list[Any]) -> tuple[int, int]:
    least_rows, least_columns = width - min(high, 0), width + max(low, 0)
    rows, columns = wanted
    if rows == -1 and columns == -1:
        rows = columns = max(least_rows, least_columns)
    rows = least_rows if rows == -1 else rows
    columns = least_columns if columns == -1 else columns
    if rows < least_rows or columns < least_columns or (rows != least_rows and columns != least_columns):
        raise invalid("diag", f"num_rows = {rows} and num_cols = {columns} do not fit diagonals of length {width}")
    return rows, columns


def diag_part(
    input: Any, name: str = "diag_part", k: Any = 0, padding_value: Any = 0, align: str = "RIGHT_LEFT"
) -> Tensor:
    """The diagonals of matrices: number k, or from k[0] to k[1].

    Raises InvalidArgumentError (tracing: ValueError) for a diagonal that there is not. Follows
    https://www.tensorflow.org/api_docs/python/tf/linalg/diag_part.

    >>> diag_part([[1, 2], [3, 4]])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([1, 4], dtype=int32)>
    """
    x = convert_to_tensor(input)
    dims = x.ir_type.dims
    if len(dims) < 2:
        raise invalid("diag_part", f"input must be at least 2-dim, received shape: {x.shape}")
    low, high = _offsets(k, "diag_part")
    if (low, high) == (0, 0) and dims[-2] == dims[-1] and not isinstance(dims[-1], int):
        return _main_diagonal(x)
    rows, columns = _known(dims[-2:], "diag_part")
    if not (-rows < low < columns and -rows < high < columns) and (low, high) != (0, 0):
        raise invalid(
            "diag_part", f"k = [{low}, {high}] is out of bounds for matrices of {rows} rows and {columns} columns"
        )
    band = _Band(rows, columns, low, high, _aligned(align))
    out = _gathered(x, *band.places(), 2, _filler(x, padding_value))
    return out if low != high else p.reshape(out, shape=(*dims[:-2], band.width))


def _main_diagonal(x: Tensor) -> Tensor:
    """The diagonal of square matrices of a size that only run time knows."""
    *lead, n, _ = x.ir_type.dims
    at = [p.iota(shape=(n, n), axis=axis, dtype=dt.int64) for axis in (0, 1)]
    return p.reduce_sum(p.select(p.eq(*at), x, scalar_like(x, 0)), axes=(len(lead) + 1,))


def set_diag(
    input: Any, diagonal: Any, name: str = "set_diag", k: Any = 0, align: str = "RIGHT_LEFT"
) -> Tensor:
    """Matrices with diagonals (number k, or from k[0] to k[1]) replaced.

    Raises InvalidArgumentError (tracing: ValueError, TypeError) for what does not fit. Follows
    https://www.tensorflow.org/api_docs/python/tf/linalg/set_diag.

    >>> set_diag([[1, 2], [3, 4]], [7, 8])
    <tf.Tensor: shape=(2, 2), dtype=int32, numpy=
    array([[7, 2],
           [3, 8]], dtype=int32)>
    """
    x = convert_to_tensor(input)
    d = convert_to_tensor(diagonal, None if is_tensor_like(diagonal) else x.dtype)
    if d.dtype is not x.dtype:
        raise wrong_dtype("set_diag", f"diagonal has dtype {d.dtype.name}, expected {x.dtype.name}")
    low, high = _offsets(k, "set_diag")
    if len(x.ir_type.dims) < 2:
        raise invalid("set_diag", f"input must be at least 2-dim, received shape: {x.shape}")
    rows, columns = _known(x.ir_type.dims[-2:], "set_diag")
    band = _Band(rows, columns, low, high, _aligned(align))
    several = low != high
    shape = (*x.ir_type.dims[:-2], *((high - low + 1,) if several else ()), band.width)
    if d.ir_type.dims != shape and not d.shape.is_compatible_with([e if isinstance(e, int) else None for e in shape]):
        raise failed("set_diag", f"diagonal must have shape {list(shape)}, got {d.shape}")
    at, covered = band.sources()
    if not covered.any():
        return x
    moved = _gathered(d, at, np.ones(at.shape, bool), 1 + several, x)
    return p.select(convert_to_tensor(covered), moved, x)


def tensor_diag(diagonal: Any, name: str | None = None) -> Tensor:
    """A tensor of twice the rank with the given one on its diagonal.

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/tensor_diag.

    >>> tensor_diag([1, 2])
    <tf.Tensor: shape=(2, 2), dtype=int32, numpy=
    array([[1, 0],
           [0, 2]], dtype=int32)>
    """
    x = convert_to_tensor(diagonal)
    dims = x.ir_type.dims
    if not dims:
        raise invalid("tensor_diag", "Input must be at least rank 1, got 0")
    count = product(dims)
    square = _square(p.reshape(x, shape=(count,)), 0, _filler(x, 0))
    return p.reshape(square, shape=(*dims, *dims))


def tensor_diag_part(input: Any, name: str | None = None) -> Tensor:
    """The diagonal of a tensor of even rank whose second half of sizes is the first.

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/tensor_diag_part.

    >>> tensor_diag_part([[1, 2], [3, 4]])
    <tf.Tensor: shape=(2,), dtype=int32, numpy=array([1, 4], dtype=int32)>
    """
    x = convert_to_tensor(input)
    dims = x.ir_type.dims
    half = len(dims) // 2
    if len(dims) % 2 or not dims or dims[:half] != dims[half:]:
        raise invalid("tensor_diag_part", f"the shape must be some sizes twice, got {x.shape}")
    count: Dim = product(dims[:half])
    return p.reshape(diag_part(p.reshape(x, shape=(count, count))), shape=dims[:half])


# ---- bands -----------------------------------------------------------------------------------------------------------


def band_part(input: Any, num_lower: Any, num_upper: Any, name: str | None = None) -> Tensor:
    """Matrices without what lies more than num_lower below or num_upper above the diagonal; -1 keeps all.

    Raises InvalidArgumentError for more than there are. Follows
    https://www.tensorflow.org/api_docs/python/tf/linalg/band_part.

    >>> band_part([[1, 2], [3, 4]], 0, -1)
    <tf.Tensor: shape=(2, 2), dtype=int32, numpy=
    array([[1, 2],
           [0, 4]], dtype=int32)>
    """
    x = convert_to_tensor(input)
    if len(x.ir_type.dims) < 2:
        raise invalid("band_part", f"input must be at least 2-dim, have {x.shape}")
    rows, columns = x.ir_type.dims[-2:]
    at = [p.iota(shape=(rows, columns), axis=axis, dtype=dt.int64) for axis in (0, 1)]
    keep = None
    for count, size, gap in ((num_lower, rows, p.sub(*at)), (num_upper, columns, p.sub(at[1], at[0]))):
        n = as_size(count, "band_part")
        if isinstance(n, int) and isinstance(size, int) and n > size:
            raise failed(
                "band_part", f"num_lower and num_upper must be at most the number of rows and columns, got {n}"
            )
        if isinstance(n, int) and n < 0:
            continue
        limit = scalar_like(gap, n) if isinstance(n, int) else p.cast(convert_to_tensor(count), dtype=dt.int64)
        near = p.le(gap, limit)
        near = near if isinstance(n, int) else p.logical_or(near, p.lt(limit, scalar_like(limit, 0)))
        keep = near if keep is None else p.logical_and(keep, near)
    return x if keep is None else p.select(keep, x, _filler(x, 0))


def trace(x: Any, name: str | None = None) -> Tensor:
    """The sum of the main diagonal of matrices. Follows https://www.tensorflow.org/api_docs/python/tf/linalg/trace.

    >>> trace([[1, 2], [3, 4]])
    <tf.Tensor: shape=(), dtype=int32, numpy=5>
    """
    d = diag_part(x)
    return p.reduce_sum(d, axes=(len(d.ir_type.dims) - 1,))


def cross(a: Any, b: Any, name: str | None = None) -> Tensor:
    """The cross product of vectors of three, along the last axis. Raises InvalidArgumentError for other sizes.

    Follows https://www.tensorflow.org/api_docs/python/tf/linalg/cross.

    >>> cross([1, 0, 0], [0, 1, 0])
    <tf.Tensor: shape=(3,), dtype=int32, numpy=array([0, 0, 1], dtype=int32)>
    """
    x, y = convert_to_tensor(a), convert_to_tensor(b)
    if x.dtype is not y.dtype:
        raise wrong_dtype("cross", f"b has dtype {y.dtype.name}, expected {x.dtype.name}")
    if not x.shape.is_compatible_with(y.shape):
        raise invalid("cross", f"Both inputs must be of same shape: {x.shape} vs. {y.shape}")
    if not x.ir_type.dims or as_integers((x.ir_type.dims[-1],), "cross") != (3,):
        kind = ValueError if tracing() else lambda text: FailedPreconditionError(None, None, text)
        raise kind(f"cross: Cross-products are only defined for 3-element vectors, got shape {x.shape}")
    return p.sub(p.mul(_turned(x, 1), _turned(y, 2)), p.mul(_turned(x, 2), _turned(y, 1)))


def _turned(x: Tensor, by: int) -> Tensor:
    """The elements of the last axis, those `by` places on first."""
    dims = x.ir_type.dims
    zeros, ones = (0,) * (len(dims) - 1), (1,) * len(dims)
    head = p.slice(x, starts=(*zeros, 0), limits=(*dims[:-1], by), strides=ones)
    tail = p.slice(x, starts=(*zeros, by), limits=dims, strides=ones)
    return p.concat(tail, head, axis=len(dims) - 1)
