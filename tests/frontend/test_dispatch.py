"""Functions of the API that do something else for classes of the user's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Union

import numpy as np
import pytest

import graphtf as tf


class Masked(tf.experimental.ExtensionType):
    values: tf.Tensor
    mask: tf.Tensor


def as_masked(x: Any) -> Masked:
    return x if isinstance(x, Masked) else Masked(x, tf.ones_like(x, tf.bool))


@pytest.fixture
def handlers() -> Iterator[dict[str, Any]]:
    either = Union[Masked, tf.Tensor]  # noqa: UP007 - as programs write it

    @tf.experimental.dispatch_for_unary_elementwise_apis(Masked)
    def unary(api: Any, x: Any) -> Any:
        return Masked(api(x.values), x.mask)

    @tf.experimental.dispatch_for_binary_elementwise_apis(either, either)
    def binary(api: Any, x: Any, y: Any) -> Any:
        x, y = as_masked(x), as_masked(y)
        return Masked(api(x.values, y.values), x.mask & y.mask)

    @tf.experimental.dispatch_for_api(tf.stack)
    def stacked(values: list[Masked], axis: int = 0) -> Any:
        return Masked(tf.stack([v.values for v in values], axis), tf.stack([v.mask for v in values], axis))

    @tf.experimental.dispatch_for_api(tf.reduce_sum, {"input_tensor": Masked})
    def summed(input_tensor: Any, axis: Any = None, keepdims: bool = False, name: Any = None) -> Any:
        return tf.reduce_sum(tf.where(input_tensor.mask, input_tensor.values, 0.0), axis, keepdims)

    found = {"unary": unary, "binary": binary, "stacked": stacked, "summed": summed}
    yield found
    for target in found.values():
        try:
            tf.experimental.unregister_dispatch_for(target)
        except ValueError:
            assert target is summed  # a test has done so


@pytest.fixture
def x() -> Any:
    return Masked([1.0, -2.0, 3.0], [True, False, True])


def same(found: Any, values: Any, mask: Any) -> None:
    assert isinstance(found, Masked)
    np.testing.assert_allclose(found.values, values)
    assert found.mask.numpy().tolist() == mask


def test_elementwise_functions(handlers: Any, x: Any) -> None:
    y = Masked([4.0, 5.0, 6.0], [True, True, False])
    same(tf.abs(x), [1, 2, 3], [True, False, True])
    same(tf.math.negative(x=x), [-1, 2, -3], [True, False, True])
    same(tf.cast(x, tf.int32), [1, -2, 3], [True, False, True])
    same(tf.clip_by_value(x, 0.0, 2.0), [1, 0, 2], [True, False, True])
    same(tf.add(x, y), [5, 3, 9], [True, False, False])
    same(tf.maximum(x, tf.zeros([3])), [1, 0, 3], [True, False, True])


def test_single_functions(handlers: Any, x: Any) -> None:
    same(tf.stack([x, x]), [[1, -2, 3]] * 2, [[True, False, True]] * 2)
    assert tf.reduce_sum(x).numpy() == 4.0


def test_tensors_go_the_usual_way(handlers: Any) -> None:
    assert tf.add(1, 2).numpy() == 3 and tf.stack([1, 2]).shape == (2,)
    assert tf.maximum(tf.constant(1), tf.constant(2)).numpy() == 2
    assert tf.reduce_sum([1.0, 2.0]).numpy() == 3.0


def test_in_functions(handlers: Any, x: Any) -> None:
    same(tf.function(lambda a: tf.add(tf.abs(a), a))(x), [2, 0, 6], [True, False, True])


def test_what_is_forgotten_or_ambiguous(handlers: Any, x: Any) -> None:
    tf.experimental.unregister_dispatch_for(handlers["summed"])
    with pytest.raises((ValueError, TypeError)):
        tf.reduce_sum(x)
    with pytest.raises(ValueError, match="not registered"):
        tf.experimental.unregister_dispatch_for(handlers["summed"])
    again = tf.experimental.dispatch_for_unary_elementwise_apis(Masked)(lambda api, x: x)
    with pytest.raises(ValueError, match="Multiple dispatch targets"):
        tf.abs(x)
    tf.experimental.unregister_dispatch_for(again)


def test_bad_signatures() -> None:
    with pytest.raises(ValueError, match="no parameter 'nope'"):
        tf.experimental.dispatch_for_api(tf.add, {"nope": Masked})(lambda x, y: x)
    with pytest.raises(ValueError, match="at least one"):
        tf.experimental.dispatch_for_api(tf.add)(lambda x, y: x)
