"""`Function.explain`: the argument that caused each trace, and what of it ran where."""

from __future__ import annotations

from typing import Any

import pytest

import graphtf as tf
from graphtf.flags import flags


def explained(f: Any, capsys: pytest.CaptureFixture[str]) -> list[str]:
    f.explain()
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


def test_the_argument_that_caused_a_trace_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    f = tf.function(lambda x, n: x["a"] * tf.cast(n, x["a"].dtype))
    f({"a": tf.ones([2])}, 1)
    f({"a": tf.ones([3])}, 1)
    f({"a": tf.ones([3])}, 2)
    lines = explained(f, capsys)
    assert lines[0] == "<lambda>: 3 traces"
    assert [line for line in lines if line.startswith("because")] == [
        "because: first call",
        "because: x['a'] is float32[3], was float32[2]",
        "because: n is 2, was 1; each value of a Python number is traced anew: pass a tensor",
    ]


def test_what_ran_natively_and_what_on_the_host(capsys: pytest.CaptureFixture[str]) -> None:
    @tf.function
    def f(x: Any) -> Any:
        return tf.unique(x * 2)[0] + 1

    f(tf.constant([1.0, 1.0]))
    lines = explained(f, capsys)
    (host,) = (line for line in lines if line.startswith("on the host"))
    assert host.startswith("on the host: unique at ") and host.endswith("the result depends on values")
    assert "test_explain.py:" in host
    (native,) = (line for line in lines if line.startswith("native"))
    assert native.startswith("native: 2 calls, 2 kernels: ") and "mul" in native and "add" in native


def test_gradients_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    f = tf.function(lambda x: tf.reduce_sum(x * x))
    x = tf.ones([3])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = f(x)
    tape.gradient(y, x)
    lines = explained(f, capsys)
    assert [line.split(": ")[0] for line in lines[4:]] == ["forward", "backward"]


def test_what_has_not_run_says_so(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    f = tf.function(lambda x: x + 1)
    f.get_concrete_function(tf.TensorSpec([None]))
    assert explained(f, capsys)[-1] == "has not run"
    monkeypatch.setattr(flags, "interpret", True)
    f(tf.constant([1.0]))
    assert explained(f, capsys)[-1] == "on the reference interpreter"
