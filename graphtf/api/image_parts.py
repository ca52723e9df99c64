"""Parts of images: boxes cut out, borders, patches. Follows https://www.tensorflow.org/api_docs/python/tf/image.

Entry points: the `tf.image` functions below. Invariant: an image is [height, width, channels], or a batch of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from graphtf.api.padding import pad
from graphtf.api.shaping import concat
from graphtf.api.windows import fits, layout, paddings
from graphtf.convert import convert_to_tensor
from graphtf.indexing import getitem
from graphtf.ir.dims import Dim, maximum
from graphtf.ir.errors import UnimplementedError, UnknownShapeError
from graphtf.ir.ops.prims import p
from graphtf.refusal import invalid
from graphtf.tensor import Tensor


def _known(size: Any) -> int | None:
    return size if isinstance(size, int) else None


def _image(image: Any) -> Tensor:
    x = convert_to_tensor(image)
    if x.shape.rank is None:
        raise UnknownShapeError("the rank of 'image' is known only at run time")
    if x.shape.rank not in (3, 4):
        raise ValueError(f"'image' (shape {x.shape}) must have either 3 or 4 dimensions.")
    return x


def crop_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Tensor:
    """The box of a size from a corner on. Raises ValueError where it sticks out.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/crop_to_bounding_box.

    >>> crop_to_bounding_box([[[1], [2], [3]]], 0, 1, 1, 2).numpy().ravel()
    array([2, 3], dtype=int32)
    """
    x = _image(image)
    height, width = x.shape[-3], x.shape[-2]
    for at, size, have, what in (
        (offset_height, target_height, height, "height"), (offset_width, target_width, width, "width"),
    ):  # fmt: skip
        if isinstance(at, int) and at < 0:
            raise ValueError(f"offset_{what} must be >= 0.")
        if isinstance(size, int) and size <= 0:
            raise ValueError(f"target_{what} must be > 0.")
        if isinstance(at, int) and isinstance(size, int) and have is not None and at + size > have:
            raise ValueError(f"{what} must be >= target + offset.")
    box = (slice(offset_height, offset_height + target_height), slice(offset_width, offset_width + target_width))
    out = getitem(x, (Ellipsis, *box, slice(None)))
    out.set_shape([*[None] * (x.shape.rank - 3), _known(target_height), _known(target_width), None])  # type: ignore[operator]
    return out


def pad_to_bounding_box(
    image: Any, offset_height: Any, offset_width: Any, target_height: Any, target_width: Any
) -> Tensor:
    """The image at a corner of a larger one of zeros. Raises ValueError where it does not fit.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/pad_to_bounding_box.

    >>> pad_to_bounding_box([[[1]]], 0, 1, 1, 3).numpy().ravel()
    array([0, 1, 0], dtype=int32)
    """
    x = _image(image)
    height, width, _ = x.ir_type.dims[-3:]
    below, right = target_height - offset_height - height, target_width - offset_width - width
    for before, after, what in ((offset_height, below, "height"), (offset_width, right, "width")):
        if isinstance(before, int) and before < 0:
            raise ValueError(f"offset_{what} must be >= 0")
        if isinstance(after, int) and after < 0:
            raise ValueError(f"{what} must be <= target - offset")
    none = (0, 0)
    lead = [none] * (x.shape.rank - 3)  # type: ignore[operator]
    return pad(x, [*lead, (offset_height, below), (offset_width, right), none])


def extract_patches(
    images: Any, sizes: Sequence[int], strides: Sequence[int], rates: Sequence[int], padding: str,
    name: str | None = None,
) -> Tensor:  # fmt: skip
    """The patches of images, each flat along the last axis: [batch, rows, columns, height * width * channels].

    Raises InvalidArgumentError (tracing: ValueError) where the attributes do not have the form [1, height, width, 1].
    Follows https://www.tensorflow.org/api_docs/python/tf/image/extract_patches.

    >>> extract_patches(np.arange(4).reshape(1, 2, 2, 1), [1, 1, 2, 1], [1] * 4, [1] * 4, "VALID").numpy().ravel()
    array([0, 1, 2, 3])
    """
    x = convert_to_tensor(images)
    for given, what in ((sizes, "ksizes"), (strides, "strides"), (rates, "rates")):
        if len(given) == 4 and (given[0] != 1 or given[3] != 1):
            raise UnimplementedError(None, None, f"extract_patches: {what} must be across space, got {list(given)}")
        if len(given) != 4:
            raise invalid("extract_patches", f"{what} must be [1, height, width, 1], got {list(given)}")
    window, steps, gaps = (tuple(int(v) for v in given[1:3]) for given in (sizes, strides, rates))
    place = layout("NHWC", 2, "extract_patches")
    have = x.ir_type.dims[1:3]
    pads = paddings(padding, have, window, steps, gaps, place, "extract_patches")
    fits(have, window, steps, gaps, pads, "extract_patches")
    sizes_in = [d + low + high for d, (low, high) in zip(have, pads)]
    reach = [(k - 1) * g + 1 for k, g in zip(window, gaps)]
    rows, columns = (maximum((d - r) // s + 1, 0) for d, r, s in zip(sizes_in, reach, steps))
    spare = [0 if isinstance(d, int) else r + s for d, r, s in zip(sizes_in, reach, steps)]  # so that parts lie inside
    x = pad(x, [(0, 0), *((low, high + more) for (low, high), more in zip(pads, spare)), (0, 0)])
    batch, _, _, channels = x.ir_type.dims
    parts = []
    for i in range(window[0]):
        for j in range(window[1]):
            top, left = i * gaps[0], j * gaps[1]
            parts.append(
                p.slice(
                    x, starts=(0, top, left, 0),
                    limits=(batch, _end(top, rows, steps[0]), _end(left, columns, steps[1]), channels),
                    strides=(1, *steps, 1),
                )
            )  # fmt: skip
    return concat(parts, -1)


def _end(start: int, count: Dim, step: int) -> Dim:
    """The end of a slice of so many entries."""
    if isinstance(count, int):
        return start + max((count - 1) * step + 1, 0)
    return start + count * step


_SOBEL = np.array([[[-1, -2, -1], [0, 0, 0], [1, 2, 1]], [[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]], np.float32)


def sobel_edges(image: Any) -> Tensor:
    """The vertical and horizontal slopes [batch, height, width, channels, 2].

    Follows https://www.tensorflow.org/api_docs/python/tf/image/sobel_edges.

    >>> sobel_edges([[[[0.0], [1.0], [2.0]]]]).shape
    TensorShape([1, 1, 3, 1, 2])
    """
    from graphtf.api.conv import depthwise_conv2d  # a large family, of which this needs one

    x = convert_to_tensor(image)
    channels = x.ir_type.dims[-1]
    around = pad(x, [(0, 0), (1, 1), (1, 1), (0, 0)], "REFLECT" if min(_known_sizes(x)) > 1 else "SYMMETRIC")
    kernel = convert_to_tensor(_SOBEL.transpose(1, 2, 0)[:, :, None, :], x.dtype)
    kernels = p.broadcast(kernel, shape=(3, 3, channels, 2))
    out = depthwise_conv2d(around, kernels, [1, 1, 1, 1], "VALID")
    return p.reshape(out, shape=(*x.ir_type.dims, 2))  # type: ignore[no-any-return]


def _known_sizes(x: Tensor) -> list[int]:
    return [d for d in x.shape[1:3] if d is not None] or [2]


def image_gradients(image: Any) -> tuple[Tensor, Tensor]:
    """The differences of neighbours (vertical, horizontal), zero at the end.

    Raises ValueError unless there are four axes. Follows https://www.tensorflow.org/api_docs/python/tf/image/image_gradients.
    """
    x = convert_to_tensor(image)
    if x.shape.rank != 4:
        raise ValueError(f"image_gradients expects a 4D tensor [batch_size, h, w, d], not {x.shape}.")
    down = p.sub(getitem(x, (slice(None), slice(1, None))), getitem(x, (slice(None), slice(None, -1))))
    right = p.sub(
        getitem(x, (slice(None), slice(None), slice(1, None))), getitem(x, (slice(None), slice(None), slice(None, -1)))
    )
    none = (0, 0)
    return pad(down, [none, (0, 1), none, none]), pad(right, [none, none, (0, 1), none])


def total_variation(images: Any, name: str | None = None) -> Tensor:
    """The sum of the sizes of differences of neighbours, for each image.

    Follows https://www.tensorflow.org/api_docs/python/tf/image/total_variation.

    >>> float(total_variation([[[0.0], [1.0], [3.0]]]))
    3.0
    """
    x = _image(images)
    batched = x if x.shape.rank == 4 else p.reshape(x, shape=(1, *x.ir_type.dims))
    slopes = [p.reduce_sum(p.abs(g), axes=(1, 2, 3)) for g in image_gradients(batched)]
    total = p.add(*slopes)
    return total if x.shape.rank == 4 else p.reshape(total, shape=())  # type: ignore[no-any-return]
