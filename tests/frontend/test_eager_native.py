"""Convolutions with much arithmetic run as native code eagerly too."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphtf as tf
from graphtf import eager_native
from graphtf.flags import flags


@pytest.mark.parametrize("groups", [1, 2])
def test_native_and_reference_agree_with_gradients(groups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    x = tf.constant(np.random.default_rng(1).normal(size=(2, 9, 8, 4)), tf.float32)
    w = tf.constant(np.random.default_rng(2).normal(size=(3, 3, 4 // groups, 6)), tf.float32)

    def run() -> list[Any]:
        with tf.GradientTape() as tape:
            tape.watch([x, w])
            y = tf.nn.conv2d(x, w, 1, "SAME")
        return [y.numpy(), *(g.numpy() for g in tape.gradient(y, [x, w]))]

    want = run()
    monkeypatch.setattr(eager_native, "_ENOUGH", 0)
    monkeypatch.setattr("graphtf.eager._checked", {})
    compiled: list[str] = []
    real = eager_native.build

    def building(types: Any, fn: Any, name: str) -> Any:
        compiled.append(name)
        return real(types, fn, name)

    monkeypatch.setattr(eager_native, "build", building)
    for found, wanted in zip(run(), want):
        np.testing.assert_allclose(found, wanted, rtol=1e-5, atol=1e-5)
    assert compiled == ["conv", "conv_grad_input", "conv_grad_filter"]
    monkeypatch.setattr(flags, "interpret", True)
    for found, wanted in zip(run(), want):
        np.testing.assert_array_equal(found, wanted)


def test_little_work_is_left_to_the_reference() -> None:
    assert eager_native._WINDOWED
    op = next(iter(eager_native._WINDOWED))
    small = tf.constant(np.ones((1, 4, 4, 1), np.float32)).ir_type
    assert eager_native.native_for(op, [small, small], small, {"groups": 1}) is None
