"""`tf.print` of everything, as TensorFlow prints it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphtf as tf

CASES: dict[str, tuple[Any, str]] = {
    "python": (("a", 1, 2.5, True, None, b"x"), "a 1 2.5 True None b'x'"),
    "vector": (tf.constant([1.5, 2.0, 3.0]), "[1.5 2 3]"),
    "matrix": (tf.constant([[1, 2], [3, 4]]), "[[1 2]\n [3 4]]"),
    "text": (tf.constant(["a", "b"]), '["a" "b"]'),
    "many": (tf.range(20), "[0 1 2 ... 17 18 19]"),
    "structure": ({"a": tf.constant(1), "b": [tf.constant(2.0), (3,)]}, "{'a': 1, 'b': [2, (3,)]}"),
    "not a number": (tf.constant([float("nan"), float("inf")]), "[nan inf]"),
    "sparse": (tf.SparseTensor([[0, 1]], [5], [2, 2]), "'SparseTensor(indices=[[0 1]], values=[5], shape=[2 2])'"),
    "ragged": (tf.RaggedTensor.from_row_lengths([1, 2, 3], [1, 2]), "[[1], [2, 3]]"),
}


@pytest.mark.parametrize("case", CASES)
def test_text(case: str, tmp_path: Any) -> None:
    given, wanted = CASES[case]
    file = tmp_path / "printed"
    tf.print(*(given if case == "python" else (given,)), output_stream=f"file://{file}")
    assert file.read_text() == wanted + "\n"


def test_rows_of_a_ragged_tensor_are_left_out_in_the_middle(tmp_path: Any) -> None:
    rows = tf.RaggedTensor.from_row_lengths(np.arange(9.0), [1] * 9)
    for summarize, wanted in ((1, "[[0], ..., [8]]"), (-1, str([[k] for k in range(9)]))):
        tf.print(rows, output_stream=f"file://{tmp_path}/{summarize}", summarize=summarize)
        assert (tmp_path / str(summarize)).read_text() == wanted + "\n"


def test_ragged_tensors_in_functions(tmp_path: Any) -> None:
    rows = tf.RaggedTensor.from_row_lengths([1, 2, 3], [1, 2])
    tf.function(lambda x: tf.print("x", x, output_stream=f"file://{tmp_path}/f"))(rows)
    assert "[[1], [2, 3]]" in (tmp_path / "f").read_text()
