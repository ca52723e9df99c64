"""`tf.test`: the test case's assertions, and gradients by differences."""

from __future__ import annotations

import unittest
from typing import Any

import numpy as np
import pytest

import graphtf as tf


class Case(tf.test.TestCase):
    __test__ = False

    def runTest(self) -> None:
        """Nothing: it is here to be asked."""


case = Case()

GOOD: list[tuple[str, tuple[Any, ...]]] = [
    ("assertAllEqual", (tf.constant([1, 2]), [1, 2])),
    ("assertAllEqual", ([float("nan")], tf.constant([float("nan")]))),
    ("assertAllEqual", (tf.constant(["a", "b"]), ["a", b"b"])),
    ("assertNotAllEqual", ([1], [2])),
    ("assertAllClose", ({"a": [1.0, (2.0, [3.0, 4.0])]}, {"a": [tf.constant(1.0), (2.0 + 1e-9, np.float32([3, 4]))]})),
    ("assertNotAllClose", ([1.0], [1.1])),
    ("assertAllCloseAccordingToType", (np.float16([1.0]), np.float16([1.001]))),
    ("assertNear", (1.0, 1.05, 0.1)),
    ("assertArrayNear", ([1.0, 2.0], [1.05, 2.05], 0.1)),
    ("assertAllGreater", (tf.constant([2, 3]), 1)),
    ("assertAllInRange", ([0.0, 1.0], 0, 1)),
    ("assertAllInSet", ([1, 2], {1, 2, 3})),
    ("assertDTypeEqual", (tf.constant(1), tf.int32)),
    ("assertShapeEqual", (tf.zeros([2, 3]), np.ones([2, 3]))),
    ("assertDeviceEqual", ("/cpu:0", "/device:CPU:0")),
    ("assertLen", ([1, 2], 2)),
    ("assertEmpty", ([],)),
    ("assertBetween", (1, 0, 2)),
    ("assertContainsSubset", ([1], [1, 2])),
    ("assertContainsSubsequence", ([1, 2, 3], [1, 3])),
    ("assertContainsExactSubsequence", ([1, 2, 3], [2, 3])),
    ("assertContainsInOrder", (["a", "c"], "abc")),
    ("assertSameElements", ([1, 2, 2], [2, 1])),
    ("assertStartsWith", ("abc", "ab")),
    ("assertSequenceAlmostEqual", ([1.0], [1.0 + 1e-9])),
    ("assertTotallyOrdered", ([1, 1.0], [2])),
]
BAD: list[tuple[str, tuple[Any, ...]]] = [
    ("assertAllEqual", (tf.constant([1, 2]), [1, 3])),
    ("assertAllEqual", (tf.constant([1, 2]), [[1, 2]])),
    ("assertNotAllEqual", ([1], tf.constant([1]))),
    ("assertAllClose", ({"a": 1.0}, {"b": 1.0})),
    ("assertAllClose", ([1.0, [2.0, 3.0]], [1.0, [2.0, 3.1]])),
    ("assertAllClose", ([float("nan")], [1.0])),
    ("assertAllCloseAccordingToType", (np.float32([1.0]), np.float32([1.001]))),
    ("assertAllInRange", ([0.0, float("nan")], 0, 1)),
    ("assertAllLess", ([1, 2], 2)),
    ("assertDTypeEqual", (tf.constant(1.0), tf.int32)),
    ("assertLen", ([1, 2], 3)),
    ("assertContainsSubsequence", ([1, 2, 3], [3, 1])),
    ("assertContainsExactSubsequence", ([1, 2, 3], [1, 3])),
    ("assertNoCommonElements", ([1, 2], [2])),
    ("assertTotallyOrdered", ([2], [1])),
]


@pytest.mark.parametrize(("name", "args"), GOOD)
def test_what_holds(name: str, args: tuple[Any, ...]) -> None:
    getattr(case, name)(*args)


@pytest.mark.parametrize(("name", "args"), BAD)
def test_what_does_not_hold(name: str, args: tuple[Any, ...]) -> None:
    with pytest.raises(AssertionError):
        getattr(case, name)(*args)


def test_errors_are_matched() -> None:
    with case.assertRaisesOpError("negative"):
        raise tf.errors.InvalidArgumentError(None, None, "a negative number")
    with case.assertRaisesWithPredicateMatch(ValueError, lambda e: "x" in str(e)):
        raise ValueError("x")
    with pytest.raises(AssertionError), case.assertRaisesWithPredicateMatch(ValueError, "y"):
        raise ValueError("x")
    case.assertRaisesWithLiteralMatch(ValueError, "a.b", lambda: (_ for _ in ()).throw(ValueError("a.b")))


def test_cases_are_found_and_random_numbers_are_seeded() -> None:
    drawn = []

    class Drawing(tf.test.TestCase):
        def test_draw(self) -> None:
            drawn.append(tf.random.uniform([]).numpy())

    loaded = unittest.defaultTestLoader.loadTestsFromTestCase(Drawing)
    assert loaded.countTestCases() == 1 and Drawing.__test__
    for _ in range(2):
        assert loaded.run(unittest.TestResult()).wasSuccessful()
        loaded = unittest.defaultTestLoader.loadTestsFromTestCase(Drawing)
    assert drawn[0] == drawn[1]


def test_gradients_by_differences() -> None:
    xs = [np.array([[1.0, 2.0]]), np.array([[3.0], [4.0]])]
    by_tape, by_differences = tf.test.compute_gradient(tf.matmul, xs)
    assert by_tape[0].tolist() == [[3.0, 4.0]] and by_tape[1].tolist() == [[1.0, 2.0]]
    case.assertAllClose(by_tape, by_differences)
    by_tape, by_differences = tf.test.compute_gradient(tf.abs, [np.complex128([3 + 4j])])
    case.assertAllClose(by_tape, by_differences)
    with pytest.raises(ValueError, match="list"):
        tf.test.compute_gradient(tf.square, 1.0)
    with pytest.raises(ValueError, match="int32"):
        tf.test.compute_gradient(tf.square, [1])
