"""Images of another size. Follows https://www.tensorflow.org/api_docs/python/tf/image/resize.

Invariant: every method but the nearest neighbour is a matrix along each axis, made of ops, so sizes may be known only
at run time and gradients flow. Entry points: `resize`, `resize_with_pad`, `ResizeMethod`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.api.creation import cast
from graphtf.api.padding import pad
from graphtf.api.selection import gather
from graphtf.convert import convert_to_tensor
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim
from graphtf.ir.errors import UnknownShapeError
from graphtf.ir.ops.prims import full_like, p, scalar_like
from graphtf.refusal import failed
from graphtf.run_time import named_size
from graphtf.sizes import as_sizes, shape_vector
from graphtf.tensor import Tensor


class ResizeMethod:
    """The names of methods. Follows https://www.tensorflow.org/api_docs/python/tf/image/ResizeMethod."""

    BILINEAR = "bilinear"
    NEAREST_NEIGHBOR = "nearest"
    BICUBIC = "bicubic"
    AREA = "area"
    LANCZOS3 = "lanczos3"
    LANCZOS5 = "lanczos5"
    GAUSSIAN = "gaussian"
    MITCHELLCUBIC = "mitchellcubic"


# ---- kernels: functions of the distance, in pixels, of a sample from what it stands for ------------------------------


def _constant(like: Tensor, value: float) -> Tensor:
    return full_like(like, value)  # type: ignore[no-any-return]


def _within(x: Tensor, limit: float, inside: Tensor, outside: Tensor | None = None) -> Tensor:
    """`inside` where x < limit, elsewhere 0 or `outside`."""
    rest = _constant(x, 0.0) if outside is None else outside
    return p.select(p.lt(x, _constant(x, limit)), inside, rest)  # type: ignore[no-any-return]


def _polynomial(x: Tensor, *coefficients: float) -> Tensor:
    """Horner's rule, the highest power first."""
    out = _constant(x, coefficients[0])
    for c in coefficients[1:]:
        out = p.add(p.mul(out, x), _constant(x, c))
    return out


def _triangle(x: Tensor) -> Tensor:
    return _within(x, 1.0, p.sub(_constant(x, 1.0), x))


def _keys(x: Tensor) -> Tensor:
    near = _polynomial(x, 1.5, -2.5, 0.0, 1.0)
    far = _polynomial(x, -0.5, 2.5, -4.0, 2.0)
    return _within(x, 1.0, near, _within(x, 2.0, far))


def _mitchell(x: Tensor) -> Tensor:
    near = _polynomial(x, 7 / 6, -2.0, 0.0, 8 / 9)
    far = _polynomial(x, -7 / 18, 2.0, -10 / 3, 16 / 9)
    return _within(x, 1.0, near, _within(x, 2.0, far))


def _gaussian(x: Tensor) -> Tensor:
    sigma = 0.5
    bell = p.exp(p.mul(p.mul(x, x), _constant(x, -1.0 / (2.0 * sigma * sigma))))
    return _within(x, 1.5, bell)


def _lanczos(radius: float) -> Callable[[Tensor], Tensor]:
    def kernel(x: Tensor) -> Tensor:
        at = p.mul(p.maximum(x, _constant(x, 1e-3)), _constant(x, np.pi))
        wave = p.mul(p.sin(at), p.sin(p.div(at, _constant(x, radius))))
        value = p.div(p.mul(wave, _constant(x, radius)), p.mul(at, at))
        return p.select(p.le(x, _constant(x, 1e-3)), _constant(x, 1.0), _within(x, radius + 1e-7, value))  # type: ignore[no-any-return]

    return kernel


_KERNELS: dict[str, tuple[Callable[[Tensor], Tensor], float]] = {
    ResizeMethod.BILINEAR: (_triangle, 1.0), ResizeMethod.BICUBIC: (_keys, 2.0),
    ResizeMethod.LANCZOS3: (_lanczos(3.0), 3.0), ResizeMethod.LANCZOS5: (_lanczos(5.0), 5.0),
    ResizeMethod.GAUSSIAN: (_gaussian, 1.5), ResizeMethod.MITCHELLCUBIC: (_mitchell, 2.0),
}  # fmt: skip
_KEEPING = {*_KERNELS, "nearest", "area"} - {"gaussian", "mitchellcubic"}  # what leaves images of the same size alone


# ---- matrices --------------------------------------------------------------------------------------------------------


def _scalar(size: Dim) -> Tensor:
    if isinstance(size, int):
        return convert_to_tensor(np.float32(size))
    return cast(p.reshape(p.dims(dims=(size,), dtype=dt.int64), shape=()), dt.float32)


def _grid(rows: Dim, columns: Dim, axis: int) -> Tensor:
    return cast(p.iota(shape=(rows, columns), axis=axis, dtype=dt.int64), dt.float32)


def _spread(x: Tensor, like: Tensor) -> Tensor:
    return p.broadcast(x, shape=like.ir_type.dims)  # type: ignore[no-any-return]


def _normalised(weights: Tensor) -> Tensor:
    dims = weights.ir_type.dims
    total = p.reshape(p.reduce_sum(weights, axes=(1,)), shape=(dims[0], 1))
    nonzero = p.gt(p.abs(total), full_like(total, 1000 * float(np.finfo(np.float32).tiny)))
    return p.div(weights, _spread(p.select(nonzero, total, full_like(total, 1)), weights))  # type: ignore[no-any-return]


def _kernel_matrix(made: Dim, have: Dim, method: str, antialias: bool) -> Tensor:
    """Weights [made, have]: each row samples at the middle of a pixel, weighed by distance, and sums to 1."""
    kernel, radius = _KERNELS[method]
    ratio = p.div(_scalar(have), _scalar(made))
    places, pixels = _grid(made, have, 0), _grid(made, have, 1)
    half = full_like(places, 0.5)
    at = p.mul(p.add(places, half), _spread(ratio, places))
    wide = p.maximum(ratio, scalar_like(ratio, 1.0)) if antialias else scalar_like(ratio, 1.0)
    distance = p.abs(p.mul(p.sub(p.add(pixels, half), at), _spread(p.div(scalar_like(wide, 1.0), wide), places)))
    if not antialias and method == ResizeMethod.BICUBIC:
        distance = _to_table(distance)
    weights = _within(distance, radius, kernel(distance)) if method != ResizeMethod.LANCZOS3 else kernel(distance)
    if not antialias and method == ResizeMethod.BILINEAR:
        return _clamped(at, pixels, have)
    return _normalised(weights)


def _to_table(distance: Tensor) -> Tensor:
    """Distances rounded to the 1/1024 pixel that the weights are tabulated for."""
    steps = full_like(distance, 1024.0)
    return p.div(p.round(p.mul(distance, steps)), steps)  # type: ignore[no-any-return]


def _clamped(at: Tensor, pixels: Tensor, have: Dim) -> Tensor:
    """Linear weights where a sample beyond the middle of the outermost pixel takes that pixel."""
    last = p.sub(_scalar(have), convert_to_tensor(np.float32(1)))
    inside = p.minimum(p.maximum(p.sub(at, full_like(at, 0.5)), full_like(at, 0.0)), _spread(last, at))
    return _triangle(p.abs(p.sub(pixels, inside)))


def _area_matrix(made: Dim, have: Dim) -> Tensor:
    """The share of each pixel in the stretch that a new one covers."""
    ratio = p.div(_scalar(have), _scalar(made))
    places, pixels = _grid(made, have, 0), _grid(made, have, 1)
    scale = _spread(ratio, places)
    start = p.mul(places, scale)
    covered = p.sub(p.minimum(p.add(start, scale), p.add(pixels, full_like(pixels, 1.0))), p.maximum(start, pixels))
    return p.div(p.maximum(covered, full_like(covered, 0.0)), scale)  # type: ignore[no-any-return]


def _along(x: Tensor, matrix: Tensor, axis: int) -> Tensor:
    """The product with a matrix along axis 1 or 2 of four."""
    n, h, w, c = x.ir_type.dims
    made = matrix.ir_type.dims[0]
    if axis == 1:
        lines = p.reshape(x, shape=(n, h, w * c))
        weights = p.broadcast(p.reshape(matrix, shape=(1, made, h)), shape=(n, made, h))
        return p.reshape(p.matmul(weights, lines), shape=(n, made, w, c))  # type: ignore[no-any-return]
    lines = p.reshape(x, shape=(n * h, w, c))
    weights = p.broadcast(p.reshape(matrix, shape=(1, made, w)), shape=(n * h, made, w))
    return p.reshape(p.matmul(weights, lines), shape=(n, h, made, c))  # type: ignore[no-any-return]


# ---- resize ----------------------------------------------------------------------------------------------------------


def _nearest(x: Tensor, sizes: tuple[Dim, Dim]) -> Tensor:
    for axis, made in zip((1, 2), sizes):
        have = x.ir_type.dims[axis]
        ratio = p.div(_scalar(have), _scalar(made))
        places = cast(p.iota(shape=(made,), axis=0, dtype=dt.int64), dt.float32)
        at = p.floor(p.mul(p.add(places, full_like(places, 0.5)), _spread(ratio, places)))
        last = _spread(p.sub(_scalar(have), convert_to_tensor(np.float32(1))), at)
        x = gather(x, cast(p.minimum(at, last), dt.int64), axis=axis)
    return x


def _target(size: Any) -> tuple[Dim, Dim]:
    """The new height and width. Raises ValueError unless there are two."""
    given = as_sizes(size, "resize") if not isinstance(size, Tensor) else None
    if given is None:
        vector = convert_to_tensor(size)
        if not vector.shape.is_compatible_with([2]):
            raise ValueError("'size' must be a 1-D Tensor of 2 elements: new_height, new_width")
        given = as_sizes(vector, "resize") or tuple(named_size(vector[k]) for k in (0, 1))  # type: ignore[index]
    if len(given) != 2:
        raise ValueError("'size' must be a 1-D Tensor of 2 elements: new_height, new_width")
    return given[0], given[1]


def _same_aspect(x: Tensor, sizes: tuple[Dim, Dim]) -> tuple[Dim, Dim]:
    """The largest sizes within those given that keep the shape of the image."""
    have = x.ir_type.dims[1:3]
    if all(isinstance(d, int) for d in (*have, *sizes)):
        scale = min(np.float32(s) / np.float32(h) for s, h in zip(sizes, have))
        height, width = (int(np.rint(np.float32(h) * scale)) for h in have)
        return height, width
    scale_by = p.minimum(*(p.div(_scalar(s), _scalar(h)) for s, h in zip(sizes, have)))
    height, width = (named_size(cast(p.round(p.mul(_scalar(h), scale_by)), dt.int64)) for h in have)
    return height, width


def resize(
    images: Any, size: Any, method: str = ResizeMethod.BILINEAR, preserve_aspect_ratio: bool = False,
    antialias: bool = False, name: str | None = None,
) -> Tensor:  # fmt: skip
    """Images [batch, height, width, channels], or one without batch, in another size; float32 but for 'nearest'.

    With `antialias` each new pixel averages all that it covers where images shrink. Raises ValueError for another rank,
    for a size that is not (height, width), and for an unknown method.
    Follows https://www.tensorflow.org/api_docs/python/tf/image/resize.

    >>> resize([[[0.0], [2.0]]], [1, 4]).numpy().ravel().tolist()
    [0.0, 0.5, 1.5, 2.0]
    """
    x = convert_to_tensor(images)
    rank = x.shape.rank
    if rank not in (3, 4):
        raise ValueError(
            "'images' contains no shape." if rank is None else "'images' must have either 3 or 4 dimensions."
        )
    sizes = _target(size)
    if any(isinstance(d, int) and d <= 0 for d in sizes):
        raise failed("resize", f"output dimensions must be positive, got {list(sizes)}")
    if 0 in x.ir_type.dims_or_none[-3:-1]:
        raise failed("resize", f"input image must be of non-zero size, got shape {x.shape}")
    if rank == 3:
        x = p.reshape(x, shape=(1, *x.ir_type.dims))
    if preserve_aspect_ratio:
        sizes = _same_aspect(x, sizes)
    out = _resized(x, sizes, method, antialias)
    return p.reshape(out, shape=out.ir_type.dims[1:]) if rank == 3 else out


def _resized(x: Tensor, sizes: tuple[Dim, Dim], method: str, antialias: bool) -> Tensor:
    if method not in _KERNELS and method not in (ResizeMethod.AREA, ResizeMethod.NEAREST_NEIGHBOR):
        raise ValueError(f"Resize method is not implemented: {method}")
    have = x.ir_type.dims[1:3]
    if method in _KEEPING and all(isinstance(d, int) for d in sizes) and tuple(have) == sizes:
        return x if method == ResizeMethod.NEAREST_NEIGHBOR else cast(x, dt.float32)
    if method == ResizeMethod.NEAREST_NEIGHBOR:
        return _nearest(x, sizes)
    x = cast(x, dt.float32)
    for axis, made in zip((1, 2), sizes):
        size = x.ir_type.dims[axis]
        matrix = (
            _area_matrix(made, size) if method == ResizeMethod.AREA else _kernel_matrix(made, size, method, antialias)
        )
        x = _along(x, matrix, axis)
    return x


def resize_with_pad(
    image: Any, target_height: int, target_width: int, method: str = ResizeMethod.BILINEAR, antialias: bool = False
) -> Tensor:
    """Images as large as fit into a size without being distorted, with zeros around.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/resize_with_pad.

    >>> resize_with_pad([[[1.0]]], 1, 3).numpy().ravel().tolist()
    [0.0, 1.0, 0.0]
    """
    x = convert_to_tensor(image)
    if x.shape.rank is None:
        raise UnknownShapeError("resize_with_pad: the rank of the image is known only at run time")
    if x.shape.rank not in (3, 4):
        raise ValueError("'image' must have either 3 or 4 dimensions.")
    target = (int(target_height), int(target_width))
    if min(target) <= 0:
        raise ValueError(f"target_height and target_width must be > 0, got {target}")
    have = [cast(p.reshape(p.dims(dims=(d,), dtype=dt.int64), shape=()), dt.float64) for d in x.ir_type.dims[-3:-1]]
    shrink = p.maximum(*(p.div(h, full_like(h, t)) for h, t in zip(have, target)))
    fitted = [p.div(h, shrink) for h in have]
    rooms = [p.floor(p.mul(p.sub(full_like(f, t), f), full_like(f, 0.5))) for f, t in zip(fitted, target)]
    sizes = tuple(named_size(cast(p.floor(f), dt.int64)) for f in fitted)
    before = [named_size(cast(p.maximum(r, full_like(r, 0.0)), dt.int64)) for r in rooms]
    scaled = resize(x, shape_vector(sizes), method, antialias=antialias)
    around = [(b, _rest(t, b + s)) for b, t, s in zip(before, target, sizes)]
    out = pad(scaled, [(0, 0)] * (scaled.shape.rank - 3) + [*around, (0, 0)])  # type: ignore[operator]
    out.set_shape([*x.shape[:-3], *target, x.shape[-1]])
    return out


def _rest(whole: int, part: Dim) -> Dim:
    """What a part that is no larger leaves of the whole."""
    if isinstance(part, int):
        return whole - part
    size = p.reshape(p.dims(dims=(part,), dtype=dt.int64), shape=())
    return named_size(p.maximum(p.sub(scalar_like(size, whole), size), scalar_like(size, 0)))
