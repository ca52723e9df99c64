"""Kernels of `tf.raw_ops`, by keyword, against the values that TensorFlow gives."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import graphtf as tf

R = tf.raw_ops
AT, VALUES, SHAPE = [[0, 0], [1, 2]], [1.0, 2.0], [2, 3]
RAMP = np.arange(6, dtype=np.float32).reshape(1, 2, 3, 1)

CASES: dict[str, tuple[Callable[[], Any], Any]] = {
    "StringUpper": (lambda: R.StringUpper(input="a"), b"A"),
    "StringJoin": (lambda: R.StringJoin(inputs=["a", "b"], separator="-"), b"a-b"),
    "ReduceJoin": (lambda: R.ReduceJoin(inputs=["a", "b"], reduction_indices=0), b"ab"),
    "StringSplitV2": (
        lambda: R.StringSplitV2(input=["a b", "c"], sep=""),
        [[[0, 0], [0, 1], [1, 0]], [b"a", b"b", b"c"], [2, 2]],
    ),
    "UnicodeDecode": (lambda: R.UnicodeDecode(input=["ab", "c"], input_encoding="UTF-8"), [[0, 2, 3], [97, 98, 99]]),
    "DecodeRaw": (lambda: R.DecodeRaw(bytes=b"ab", out_type=tf.uint8), [97, 98]),
    "SparseToDense": (
        lambda: R.SparseToDense(sparse_indices=[[0], [2]], output_shape=[4], sparse_values=[5, 6], default_value=-1),
        [5, -1, 6, -1],
    ),
    "SparseReduceSum": (
        lambda: R.SparseReduceSum(input_indices=AT, input_values=VALUES, input_shape=SHAPE, reduction_axes=[0]),
        [1.0, 0.0, 2.0],
    ),
    "SparseReshape": (
        lambda: R.SparseReshape(input_indices=AT, input_shape=SHAPE, new_shape=[3, 2]),
        [[[0, 0], [2, 1]], [3, 2]],
    ),
    "Bincount": (lambda: R.Bincount(arr=[1, 1, 5], size=4, weights=[1.0, 2.0, 3.0]), [0.0, 3.0, 0.0, 0.0]),
    "ListDiff": (lambda: R.ListDiff(x=[1, 2, 3, 2], y=[2]), [[1, 3], [0, 2]]),
    "RaggedRange": (lambda: R.RaggedRange(starts=[0], limits=[3], deltas=[1]), [[0, 3], [0, 1, 2]]),
    "InplaceUpdate": (lambda: R.InplaceUpdate(x=[[1, 2], [3, 4]], i=[1], v=[[7, 8]]), [[1, 2], [7, 8]]),
    "ResizeBilinear": (lambda: R.ResizeBilinear(images=RAMP, size=[1, 2]), [[[[0.0], [1.5]]]]),
    "ResizeBilinear at corners": (
        lambda: R.ResizeBilinear(images=RAMP, size=[2, 2], align_corners=True),
        [[[[0.0], [2.0]], [[3.0], [5.0]]]],
    ),
    "ResizeNearestNeighbor": (
        lambda: R.ResizeNearestNeighbor(images=RAMP, size=[1, 2], half_pixel_centers=True),
        [[[[3.0], [5.0]]]],
    ),
    "AssignAddVariableOp": (lambda: _added(tf.Variable([1.0, 2.0])), [2.0, 3.0]),
    "ResourceGather": (
        lambda: R.ResourceGather(resource=tf.Variable([1.0, 2.0]).handle, indices=[1], dtype=tf.float32),
        [2.0],
    ),
}  # fmt: skip


def _added(v: tf.Variable) -> tf.Tensor:
    R.AssignAddVariableOp(resource=v.handle, value=1.0)
    return R.ReadVariableOp(resource=v.handle, dtype=tf.float32)


def _plain(x: Any) -> Any:
    return [_plain(y) for y in x] if isinstance(x, (list, tuple)) else x.numpy().tolist() if x.shape.rank else x.numpy()


@pytest.mark.parametrize("name", CASES)
def test_raw_op(name: str) -> None:
    run, want = CASES[name]
    assert _plain(run()) == want


def test_seeds_of_kernels_stand_for_themselves() -> None:
    def draw() -> Any:
        tf.random.set_seed(9)
        return R.RandomUniform(shape=[3], dtype=tf.float32, seed=3, seed2=5).numpy().tolist()

    assert draw() == draw()
    tf.random.set_seed(9)
    other = R.RandomUniform(shape=[3], dtype=tf.float32, seed=3, seed2=6).numpy().tolist()
    assert other != draw()


def test_positional_arguments_are_refused() -> None:
    with pytest.raises(TypeError):
        R.StringUpper("a")


def test_results_are_named_after_kernels() -> None:
    found = R.SoftmaxCrossEntropyWithLogits(features=[[1.0, 2.0]], labels=[[0.0, 1.0]])
    assert repr(found).startswith("SoftmaxCrossEntropyWithLogits(loss=")
