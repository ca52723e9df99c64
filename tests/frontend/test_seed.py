"""TensorFlow as NumPy: a tour of tensors, operations, NumPy, conversions and variables, and what it prints."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import graphtf as tf
from graphtf.flags import flags


@pytest.fixture
def t() -> Any:
    return tf.constant([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])


@pytest.fixture(params=["native", "reference"])
def staged(request: pytest.FixtureRequest) -> Iterator[Any]:
    """`tf.function`, run as native code and on the interpreter."""
    before, flags.interpret = flags.interpret, request.param == "reference"
    yield tf.function
    flags.interpret = before


MATRIX = """\
<tf.Tensor: shape=(2, 3), dtype=float32, numpy=
array([[1., 2., 3.],
       [4., 5., 6.]], dtype=float32)>"""


def test_constants(t: Any) -> None:
    assert repr(t) == MATRIX
    assert repr(tf.constant(42)) == "<tf.Tensor: shape=(), dtype=int32, numpy=42>"
    assert repr(t.shape) == "TensorShape([2, 3])"
    assert repr(t.dtype) == "tf.float32"


INDEXED = {
    "rows": (lambda t: t[:, 1:], """\
<tf.Tensor: shape=(2, 2), dtype=float32, numpy=
array([[2., 3.],
       [5., 6.]], dtype=float32)>"""),
    "new axis": (lambda t: t[..., 1, tf.newaxis], """\
<tf.Tensor: shape=(2, 1), dtype=float32, numpy=
array([[2.],
       [5.]], dtype=float32)>"""),
    "plus": (lambda t: t + 10, """\
<tf.Tensor: shape=(2, 3), dtype=float32, numpy=
array([[11., 12., 13.],
       [14., 15., 16.]], dtype=float32)>"""),
    "add": (lambda t: tf.add(t, 10), """\
<tf.Tensor: shape=(2, 3), dtype=float32, numpy=
array([[11., 12., 13.],
       [14., 15., 16.]], dtype=float32)>"""),
    "square": (lambda t: tf.square(t), """\
<tf.Tensor: shape=(2, 3), dtype=float32, numpy=
array([[ 1.,  4.,  9.],
       [16., 25., 36.]], dtype=float32)>"""),
    "product": (lambda t: t @ tf.transpose(t), """\
<tf.Tensor: shape=(2, 2), dtype=float32, numpy=
array([[14., 32.],
       [32., 77.]], dtype=float32)>"""),
    "matmul": (lambda t: tf.matmul(t, tf.transpose(t)), """\
<tf.Tensor: shape=(2, 2), dtype=float32, numpy=
array([[14., 32.],
       [32., 77.]], dtype=float32)>"""),
}  # fmt: skip


@pytest.mark.parametrize("case", INDEXED)
def test_indexing_and_operations(t: Any, case: str) -> None:
    function, text = INDEXED[case]
    assert repr(function(t)) == text


@pytest.mark.parametrize("case", INDEXED)
def test_the_same_in_a_function(t: Any, staged: Any, case: str) -> None:
    function, text = INDEXED[case]
    assert repr(staged(function)(t)) == text


def test_tensors_and_numpy(t: Any) -> None:
    a = np.array([2.0, 4.0, 5.0])
    assert repr(tf.constant(a)) == "<tf.Tensor: shape=(3,), dtype=float64, numpy=array([2., 4., 5.])>"
    assert repr(np.array(t)) == "array([[1., 2., 3.],\n       [4., 5., 6.]], dtype=float32)"
    assert repr(t.numpy()) == "array([[1., 2., 3.],\n       [4., 5., 6.]], dtype=float32)"
    assert repr(tf.square(a)) == "<tf.Tensor: shape=(3,), dtype=float64, numpy=array([ 4., 16., 25.])>"
    assert repr(np.square(t)) == "array([[ 1.,  4.,  9.],\n       [16., 25., 36.]], dtype=float32)"


def test_no_type_is_converted_by_itself(staged: Any) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected to be a float"):
        tf.constant(2.0) + tf.constant(40)
    with pytest.raises(tf.errors.InvalidArgumentError, match="expected to be a double"):
        tf.constant(2.0) + tf.constant(40, dtype=tf.float64)
    with pytest.raises(TypeError, match="expected to be a float"):
        staged(lambda: tf.constant(2.0) + tf.constant(40))()
    t2 = tf.constant(40.0, dtype=tf.float64)
    assert repr(tf.constant(2.0) + tf.cast(t2, tf.float32)) == "<tf.Tensor: shape=(), dtype=float32, numpy=42.0>"


def unread(*rows: str) -> str:
    return "<tf.Variable 'UnreadVariable' shape=(2, 3) dtype=float32, numpy=\narray([" + ",\n       ".join(rows) + \
        "], dtype=float32)>"  # fmt: skip


def test_variables() -> None:
    v = tf.Variable([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
    assert repr(v) == (
        "<tf.Variable 'Variable:0' shape=(2, 3) dtype=float32, numpy=\n"
        "array([[1., 2., 3.],\n       [4., 5., 6.]], dtype=float32)>"
    )
    assert repr(v.assign(2 * v)) == unread("[ 2.,  4.,  6.]", "[ 8., 10., 12.]")
    assert repr(v[0, 1].assign(42)) == unread("[ 2., 42.,  6.]", "[ 8., 10., 12.]")
    assert repr(v[:, 2].assign([0.0, 1.0])) == unread("[ 2., 42.,  0.]", "[ 8., 10.,  1.]")
    changed = v.scatter_nd_update(indices=[[0, 0], [1, 2]], updates=[100.0, 200.0])
    assert repr(changed) == unread("[100.,  42.,   0.]", "[  8.,  10., 200.]")
    v.assign_add([[1.0, 1.0, 1.0]] * 2)
    v.assign_sub([[0.0, 2.0, 0.0]] * 2)
    sparse = tf.IndexedSlices(tf.constant([[7.0, 7.0, 7.0]]), tf.constant([1]))
    v.scatter_update(sparse)
    assert v.numpy().tolist() == [[101.0, 41.0, 1.0], [7.0, 7.0, 7.0]]


def test_variables_in_a_function(staged: Any) -> None:
    v = tf.Variable([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])

    @staged
    def change() -> Any:
        v.assign(2 * v)
        v[0, 1].assign(42)
        v[:, 2].assign([0.0, 1.0])
        v.scatter_nd_update(indices=[[0, 0], [1, 2]], updates=[100.0, 200.0])
        v.assign_add(v)
        return v.read_value()

    assert change().numpy().tolist() == [[200.0, 84.0, 0.0], [16.0, 20.0, 400.0]]
    assert v.numpy().tolist() == [[200.0, 84.0, 0.0], [16.0, 20.0, 400.0]]
