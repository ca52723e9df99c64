"""Images turned, mirrored and cut. Follows https://www.tensorflow.org/api_docs/python/tf/image.

Invariant: pixels move, and are never changed. Images are [height, width, channels], or a batch of them. Entry points:
the `tf.image` functions below.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.api.image_parts import pad_to_bounding_box
from graphtf.api.random import stateless_uniform, uniform
from graphtf.api.shaping import reverse
from graphtf.api.shaping import transpose as transposed
from graphtf.convert import convert_to_tensor
from graphtf.indexing import getitem
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim, maximum, minimum
from graphtf.ir.errors import UnknownShapeError
from graphtf.ir.ops.io import assert_
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.refusal import invalid
from graphtf.sizes import as_integers, as_size, shape_vector
from graphtf.tensor import Tensor

Draw = Callable[[Any], Tensor]  # numbers in [0, 1) of a shape


def _images(image: Any, name: str) -> tuple[Tensor, int]:
    """The images, and whether there is a batch axis before theirs. Raises ValueError for another rank."""
    x = convert_to_tensor(image)
    if x.shape.rank is None:
        raise UnknownShapeError(f"{name}: the rank of the image is known only at run time")
    if x.shape.rank not in (3, 4):
        raise ValueError(f"{name}: image (shape {x.shape}) must have either 3 or 4 dimensions.")
    return x, x.shape.rank - 3


def flip_left_right(image: Any) -> Tensor:
    """Mirrored from left to right. Follows https://www.tensorflow.org/api_docs/python/tf/image/flip_left_right.

    >>> flip_left_right([[[1], [2]]]).numpy().ravel().tolist()
    [2, 1]
    """
    x, batch = _images(image, "flip_left_right")
    return reverse(x, [batch + 1])


def flip_up_down(image: Any) -> Tensor:
    """Mirrored from top to bottom. Follows https://www.tensorflow.org/api_docs/python/tf/image/flip_up_down.

    >>> flip_up_down([[[1]], [[2]]]).numpy().ravel().tolist()
    [2, 1]
    """
    x, batch = _images(image, "flip_up_down")
    return reverse(x, [batch])


def transpose(image: Any, name: str | None = None) -> Tensor:
    """Rows as columns. Follows https://www.tensorflow.org/api_docs/python/tf/image/transpose.

    >>> transpose([[[1], [2]]]).shape
    TensorShape([2, 1, 1])
    """
    x, batch = _images(image, "transpose")
    return transposed(x, [*range(batch), batch + 1, batch, batch + 2])


def rot90(image: Any, k: Any = 1, name: str | None = None) -> Tensor:
    """Turned counter-clockwise k times by a right angle. Raises ValueError for a k that is not known.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/rot90.

    >>> rot90([[[1], [2]]]).numpy().ravel().tolist()
    [2, 1]
    """
    x, batch = _images(image, "rot90")
    times = as_size(k, "rot90")
    if not isinstance(times, int):
        raise ValueError(f"rot90: k must be known while the function is traced, got {k!r}")
    if times % 4 == 1:
        return transpose(reverse(x, [batch + 1]))
    if times % 4 == 2:
        return reverse(x, [batch, batch + 1])
    return reverse(transpose(x), [batch + 1]) if times % 4 == 3 else x


# ---- cutting ---------------------------------------------------------------------------------------------------------


def central_crop(image: Any, central_fraction: Any) -> Tensor:
    """The middle of images, of a fraction of their height and width.

    Raises ValueError for a fraction outside (0, 1]. Follows
    https://www.tensorflow.org/api_docs/python/tf/image/central_crop.

    >>> central_crop(np.zeros([4, 8, 1]), 0.5).shape
    TensorShape([2, 4, 1])
    """
    if convert_to_tensor(image).shape.rank is None:
        raise ValueError("'image' must have either 3 or 4 dimensions.")
    x, batch = _images(image, "central_crop")
    fraction = float(central_fraction)
    if not 0.0 < fraction <= 1.0:
        raise ValueError(f"central_fraction must be within (0, 1], got {central_fraction}")
    if fraction == 1.0:
        return x
    return getitem(x, (*[slice(None)] * batch, *(_middle(x, batch + k, fraction) for k in (0, 1))))


def _middle(x: Tensor, axis: int, fraction: float) -> slice:
    size = x.ir_type.dims[axis]
    if isinstance(size, int):
        start = int((size - size * fraction) / 2)
        return slice(start, size - start)
    count = p.cast(p.reshape(p.dims(dims=(size,), dtype=dt.int64), shape=()), dtype=dt.float64)
    inside = p.mul(count, scalar_like(count, fraction))
    begin = p.cast(p.div(p.sub(count, inside), scalar_like(count, 2)), dtype=dt.int32)
    return slice(begin, p.sub(p.cast(count, dtype=dt.int32), begin))


def resize_with_crop_or_pad(image: Any, target_height: Any, target_width: Any) -> Tensor:
    """Cut, or bordered by zeros, evenly on both sides, to a height and width.

    Raises ValueError for sizes that are not positive or not known. Follows
    https://www.tensorflow.org/api_docs/python/tf/image/resize_with_crop_or_pad.

    >>> resize_with_crop_or_pad(np.ones([4, 2, 1]), 2, 4).numpy()[..., 0].tolist()
    [[0.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 0.0]]
    """
    x, batch = _images(image, "resize_with_crop_or_pad")
    wanted = [as_size(n, "resize_with_crop_or_pad") for n in (target_height, target_width)]
    if any(n is None for n in wanted):
        raise UnknownShapeError("resize_with_crop_or_pad: the sizes asked for must be known")
    if any(isinstance(n, int) and n <= 0 for n in wanted):
        raise ValueError(f"target_height and target_width must be > 0, got {wanted}")
    dims = list(x.ir_type.dims)
    sizes = dims[batch : batch + 2]
    grow = [w - s for w, s in zip(wanted, sizes)]  # type: ignore[operator]
    corner: list[Dim] = [0] * len(dims)
    corner[batch : batch + 2] = [maximum(-g // 2, 0) for g in grow]
    dims[batch : batch + 2] = [minimum(w, s) for w, s in zip(wanted, sizes)]  # type: ignore[arg-type]
    x = p.dynamic_slice(x, shape_vector(tuple(corner), dt.int64), sizes=tuple(dims))
    return pad_to_bounding_box(x, *(maximum(g // 2, 0) for g in grow), *wanted)


# ---- by chance -------------------------------------------------------------------------------------------------------


def _flipped(image: Any, flip: Callable[[Any], Tensor], draw: Draw) -> Tensor:
    """Each image flipped or not."""
    x, batch = _images(image, "random_flip")
    if not batch:
        return p.select(p.lt(draw([]), convert_to_tensor(0.5)), flip(x), x)
    count = x.ir_type.dims[0]
    chance = draw(p.dims(dims=(count,), dtype=dt.int32))
    chosen = p.ge(p.reshape(chance, shape=(count, 1, 1, 1)), convert_to_tensor(0.5))
    return p.select(p.broadcast(chosen, shape=x.ir_type.dims), flip(x), x)


def _stateful(seed: Any) -> Draw:
    return lambda shape: uniform(shape, seed=seed)


def _stateless(seed: Any) -> Draw:
    return lambda shape: stateless_uniform(shape, seed)


def random_flip_left_right(image: Any, seed: int | None = None) -> Tensor:
    """Mirrored from left to right or not, by chance, each image of a batch by itself.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/random_flip_left_right.
    """
    return _flipped(image, flip_left_right, _stateful(seed))


def random_flip_up_down(image: Any, seed: int | None = None) -> Tensor:
    """Mirrored from top to bottom or not, by chance.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/random_flip_up_down.
    """
    return _flipped(image, flip_up_down, _stateful(seed))


def stateless_random_flip_left_right(image: Any, seed: Any) -> Tensor:
    """`random_flip_left_right`, decided by a seed of two integers.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/stateless_random_flip_left_right.
    """
    return _flipped(image, flip_left_right, _stateless(seed))


def stateless_random_flip_up_down(image: Any, seed: Any) -> Tensor:
    """`random_flip_up_down`, decided by a seed of two integers.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/stateless_random_flip_up_down.
    """
    return _flipped(image, flip_up_down, _stateless(seed))


def _cropped(value: Any, size: Any, draw: Callable[[int, int], Tensor]) -> Tensor:
    x, sizes = convert_to_tensor(value), as_integers(size, "random_crop")
    if x.shape.rank is None:
        raise UnknownShapeError(f"random_crop: size {list(sizes)} for a tensor of unknown rank")
    if len(sizes) != x.shape.rank:
        raise ValueError(f"random_crop: size {list(sizes)} for a tensor of shape {x.shape}, expected one for each axis")
    have = x.shape.as_list()
    if any(d is not None and want > d for want, d in zip(sizes, have)):
        raise invalid("random_crop", f"Need value.shape >= size, got {have} and {list(sizes)}")
    wanted, found = convert_to_tensor(np.array(sizes, np.int32)), shape_vector(x.ir_type.dims)
    if None in have:
        assert_(p.ge(found, wanted), found, message=f"random_crop: Need value.shape >= size, {list(sizes)}")
    limit = p.add(p.sub(found, wanted), scalar_like(wanted, 1))
    offset = p.floormod(draw(len(have), np.iinfo(np.int32).max), limit)
    starts = [getitem(offset, k) for k in range(len(have))]
    out = getitem(x, tuple(slice(a, p.add(a, scalar_like(a, n))) for a, n in zip(starts, sizes)))
    out.set_shape(list(sizes))
    return out


def random_crop(value: Any, size: Any, seed: int | None = None, name: str | None = None) -> Tensor:
    """A box of a size, cut out by chance. Raises ValueError for a size of another rank.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/random_crop.
    """
    return _cropped(value, size, lambda rank, most: uniform([rank], maxval=most, dtype=dt.int32, seed=seed))


def stateless_random_crop(value: Any, size: Any, seed: Any, name: str | None = None) -> Tensor:
    """`random_crop`, decided by a seed of two integers.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/stateless_random_crop.
    """

    def draw(rank: int, most: int) -> Tensor:
        return stateless_uniform([rank], seed, minval=0, maxval=most, dtype=dt.int32)

    return _cropped(value, size, draw)
