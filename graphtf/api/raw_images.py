"""`tf.raw_ops` of images: by keyword, under the kernels' names.

Invariant: each is the public function of the same meaning; resizing samples where its two flags say. Follows
https://www.tensorflow.org/api_docs/python/tf/raw_ops.
"""

from __future__ import annotations

from collections import namedtuple
from typing import Any

import numpy as np

from graphtf.api import image_adjust, image_boxes, image_color, image_drawing, image_parts, image_suppression, selection
from graphtf.api.creation import cast
from graphtf.api.raw_naming import raw
from graphtf.convert import convert_to_tensor
from graphtf.files import images as files
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p
from graphtf.refusal import failed
from graphtf.sizes import as_integers
from graphtf.tensor import Tensor

CombinedResult = namedtuple(
    "CombinedNonMaxSuppression", ["nmsed_boxes", "nmsed_scores", "nmsed_classes", "valid_detections"]
)
PaddedResult = namedtuple("NonMaxSuppressionV4", ["selected_indices", "valid_outputs"])
Array = np.ndarray[Any, Any]

DecodePng = raw(
    "DecodePng", lambda *, contents, channels=0, dtype=dt.uint8, name=None: files.decode_png(contents, channels, dtype)
)
DecodeJpeg = raw(
    "DecodeJpeg",
    lambda *, contents, channels=0, ratio=1, fancy_upscaling=True, try_recover_truncated=False, acceptable_fraction=1,
    dct_method="", name=None: files.decode_jpeg(
        contents, channels, ratio, fancy_upscaling, try_recover_truncated, acceptable_fraction, dct_method
    ),
)  # fmt: skip
DecodeBmp = raw("DecodeBmp", lambda *, contents, channels=0, name=None: files.decode_bmp(contents, channels))
DecodeGif = raw("DecodeGif", lambda *, contents, name=None: files.decode_gif(contents))
DecodeImage = raw(
    "DecodeImage",
    lambda *, contents, channels=0, dtype=dt.uint8, expand_animations=True, name=None: files.decode_image(
        contents, channels, dtype, None, expand_animations
    ),
)
EncodePng = raw("EncodePng", lambda *, image, compression=-1, name=None: files.encode_png(image, compression))
EncodeJpeg = raw(
    "EncodeJpeg",
    lambda *, image, format="", quality=95, progressive=False, optimize_size=False, chroma_downsampling=True,
    density_unit="in", x_density=300, y_density=300, xmp_metadata="", name=None: files.encode_jpeg(
        image, format, quality, progressive, optimize_size, chroma_downsampling, density_unit, x_density, y_density,
        xmp_metadata,
    ),
)  # fmt: skip
ExtractJpegShape = raw(
    "ExtractJpegShape",
    lambda *, contents, output_type=dt.int32, name=None: files.extract_jpeg_shape(contents, output_type),
)
RGBToHSV = raw("RGBToHSV", lambda *, images, name=None: image_color.rgb_to_hsv(images))
HSVToRGB = raw("HSVToRGB", lambda *, images, name=None: image_color.hsv_to_rgb(images))
AdjustHue = raw("AdjustHue", lambda *, images, delta, name=None: image_adjust.adjust_hue(images, delta))
AdjustSaturation = raw(
    "AdjustSaturation", lambda *, images, scale, name=None: image_adjust.adjust_saturation(images, scale)
)
AdjustContrastv2 = raw(
    "AdjustContrastv2",
    lambda *, images, contrast_factor, name=None: image_adjust.adjust_contrast(images, contrast_factor),
)
DrawBoundingBoxesV2 = raw(
    "DrawBoundingBoxesV2",
    lambda *, images, boxes, colors, name=None: image_drawing.draw_bounding_boxes(images, boxes, colors),
)
ExtractGlimpse = raw(
    "ExtractGlimpse",
    lambda *, input, size, offsets, centered=True, normalized=True, uniform_noise=True, noise="uniform", name=None: (
        image_drawing.extract_glimpse(input, size, offsets, centered, normalized, noise)
    ),
)
ExtractImagePatches = raw(
    "ExtractImagePatches",
    lambda *, images, ksizes, strides, rates, padding, name=None: image_parts.extract_patches(
        images, ksizes, strides, rates, padding
    ),
)
CropAndResize = raw(
    "CropAndResize",
    lambda *, image, boxes, box_ind, crop_size, method="bilinear", extrapolation_value=0, name=None: (
        image_boxes.crop_and_resize(image, boxes, box_ind, crop_size, method, extrapolation_value)
    ),
)
NonMaxSuppression = raw(
    "NonMaxSuppression",
    lambda *, boxes, scores, max_output_size, iou_threshold=0.5, name=None: image_boxes.non_max_suppression(
        boxes, scores, max_output_size, iou_threshold
    ),
)
NonMaxSuppressionV2 = raw(
    "NonMaxSuppressionV2",
    lambda *, boxes, scores, max_output_size, iou_threshold, name=None: image_boxes.non_max_suppression(
        boxes, scores, max_output_size, iou_threshold
    ),
)
NonMaxSuppressionV3 = raw(
    "NonMaxSuppressionV3",
    lambda *, boxes, scores, max_output_size, iou_threshold, score_threshold, name=None: (
        image_boxes.non_max_suppression(boxes, scores, max_output_size, iou_threshold, score_threshold)
    ),
)


def NonMaxSuppressionV4(
    *, boxes: Any, scores: Any, max_output_size: Any, iou_threshold: Any, score_threshold: Any,
    pad_to_max_output_size: bool = False, name: str | None = None,
) -> Any:  # fmt: skip
    """The boxes kept, and how many. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/NonMaxSuppressionV4."""
    found = image_suppression.non_max_suppression_padded(
        boxes, scores, max_output_size, iou_threshold, score_threshold, pad_to_max_output_size
    )
    return PaddedResult(*found)


def CombinedNonMaxSuppression(
    *, boxes: Any, scores: Any, max_output_size_per_class: Any, max_total_size: Any, iou_threshold: Any,
    score_threshold: Any, pad_per_class: bool = False, clip_boxes: bool = True, name: str | None = None,
) -> Any:  # fmt: skip
    """The boxes kept of each class and image.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/CombinedNonMaxSuppression.
    """
    found = image_suppression.combined_non_max_suppression(
        boxes, scores, max_output_size_per_class, max_total_size, iou_threshold, score_threshold, pad_per_class,
        clip_boxes,
    )  # fmt: skip
    return CombinedResult(*found)


# ---- resizing --------------------------------------------------------------------------------------------------------


def _places(size: int, wanted: int, corners: bool, half: bool) -> Array:
    """Where each new pixel lies among the old ones: at corners, at half pixels, or at their upper left ends."""
    scale = (size - 1) / (wanted - 1) if corners and wanted > 1 else size / wanted
    at = np.arange(wanted, dtype=np.float32)
    return ((at + np.float32(0.5)) * np.float32(scale)) - np.float32(0.5) if half else at * np.float32(scale)


def _checked(images: Any, size: Any, corners: bool, half: bool, name: str) -> tuple[Tensor, list[int]]:
    x, wanted = convert_to_tensor(images), list(as_integers(size, "size"))
    if corners and half:
        raise failed(name, "If half_pixel_centers is True, align_corners must be False.")
    if x.shape.rank != 4 or len(wanted) != 2 or min(wanted) < 1 or not all(x.shape[1:3].as_list()):
        raise failed(name, f"expected images [batch, height, width, channels] and a size, got {x.shape} and {wanted}")
    return x, wanted


def ResizeBilinear(
    *, images: Any, size: Any, align_corners: bool = False, half_pixel_centers: bool = False, name: str | None = None
) -> Tensor:
    """Images in another size, float32. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ResizeBilinear."""
    x, wanted = _checked(images, size, align_corners, half_pixel_centers, "ResizeBilinear")
    out = cast(x, dt.float32)
    for axis, target in zip((1, 2), wanted):
        have = x.shape[axis]
        at = _places(have, target, align_corners, half_pixel_centers)
        below = np.floor(at)
        share = (at - below).astype(np.float32).reshape([-1 if k == axis else 1 for k in range(4)])
        low, high = (np.clip(n, 0, have - 1).astype(np.int64) for n in (below, below + 1))
        first, second = (selection.gather(out, n, axis=axis) for n in (low, high))
        weight = p.broadcast(convert_to_tensor(share), shape=first.ir_type.dims)
        out = p.add(first, p.mul(p.sub(second, first), weight))
    return out  # type: ignore[no-any-return]


def ResizeNearestNeighbor(
    *, images: Any, size: Any, align_corners: bool = False, half_pixel_centers: bool = False, name: str | None = None
) -> Tensor:
    """Images in another size. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ResizeNearestNeighbor."""
    x, wanted = _checked(images, size, align_corners, half_pixel_centers, "ResizeNearestNeighbor")
    for axis, target in zip((1, 2), wanted):
        at = _places(x.shape[axis], target, align_corners, half_pixel_centers)
        whole = np.floor(at + 0.5) if align_corners or half_pixel_centers else np.floor(at)
        x = selection.gather(x, np.clip(whole, 0, x.shape[axis] - 1).astype(np.int64), axis=axis)
    return x
