"""Cases of what Keras asks with sizes that only run time knows, and of mixed kinds of tensors."""

from __future__ import annotations

from typing import Any

from tests.recorded.cases import Family

FAMILY = Family("late sizes")
MATRIX = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]


def _open(run: Any) -> Any:
    """A case that runs in a function of tensors whose sizes are open."""

    def call(tf: Any, x: Any) -> Any:
        return tf.function(lambda t: run(tf, t), input_signature=[tf.TensorSpec([None] * x.shape.rank, x.dtype)])(x)

    return call


for _mode in ("REFLECT", "SYMMETRIC"):
    FAMILY.add(f"pad {_mode}", _open(lambda tf, x, mode=_mode: tf.pad(x, [[1, 1], [2, 1]], mode)), MATRIX, grad=True)
FAMILY.add("pad too wide", _open(lambda tf, x: tf.pad(x, [[3, 0], [0, 0]], "REFLECT")), MATRIX)
FAMILY.add("slices", _open(lambda tf, x: x[:, tf.shape(x)[0] - 1 :]), MATRIX)
FAMILY.add("ones", _open(lambda tf, x: tf.ones((1, tf.shape(x)[1], 2))), MATRIX)
FAMILY.add("resize_with_pad", _open(lambda tf, x: tf.image.resize_with_pad(x[..., None], 5, 4)), MATRIX)
FAMILY.add("range counts in its dtype", lambda tf: [tf.range(0.1, 1.1, 0.1), tf.range(0.0, 1.0, 0.1)])
FAMILY.add("linspace of nothing", lambda tf: tf.linspace([0.0, 1.0], [2.0, 3.0], 0))
FAMILY.add("scatter_nd of booleans", lambda tf: tf.scatter_nd([[1], [1]], [True, True], [3]))
FAMILY.add("bincount of floats", lambda tf, x: tf.math.bincount(x, axis=-1, minlength=4, maxlength=4), MATRIX)
FAMILY.add("sparse bincount of a vector", lambda tf: tf.sparse.bincount(tf.constant([1, 2, 2]), axis=-1, minlength=4))
FAMILY.add(
    "map_fn over sparse rows",
    lambda tf, x: tf.map_fn(
        lambda r: tf.sparse.to_dense(r) * 2.0, tf.sparse.from_dense(x), fn_output_signature=tf.float32
    ),
    MATRIX,
)
FAMILY.add(
    "sizes of sparse tensors",
    lambda tf, x: [f(tf.sparse.from_dense(x)) for f in (tf.size, tf.rank)] + [tf.shape(tf.sparse.from_dense(x))],
    MATRIX,
)
FAMILY.add(
    "row partition",
    lambda tf: [
        tf.experimental.RowPartition.from_value_rowids([0, 0, 2], nrows=4).row_splits(),
        tf.experimental.RowPartition.from_row_lengths([2, 0, 1]).value_rowids(),
        tf.experimental.RowPartition.from_uniform_row_length(2, nvals=6).row_lengths(),
    ],
)
FAMILY.add(
    "strides and dilations", lambda tf: tf.nn.convolution(tf.ones([1, 9, 1]), tf.ones([3, 1, 1]), [2], dilations=[2])
)
FAMILY.add(
    "gather of ragged indices along an axis",
    lambda tf, x: [
        tf.gather(x, tf.ragged.constant([[2], [0, 1, 1]]), axis=1).to_tensor(),
        tf.gather(tf.stack([x, x + 1.0]), tf.ragged.constant([[2], [0, 1]]), axis=2).to_list(),
    ],
    MATRIX,
    staged=False,
)
