"""One trace: its type as text, and what may be given to it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphtf as tf


@tf.function
def scaled(x: Any, factors: Any, *rest: Any, flag: bool = False, **more: Any) -> Any:
    return {"y": x * factors[1], "n": [x]}, None


@tf.function
def difference(a: Any, b: Any) -> Any:
    return a - b


def test_the_type_of_a_trace_as_text() -> None:
    c = scaled.get_concrete_function(tf.constant(1.0), (2, tf.constant(3.0)), "s", extra=[tf.constant(True)])
    assert c.pretty_printed_signature() == """\
Input Parameters:
  x (POSITIONAL_ONLY): TensorSpec(shape=(), dtype=tf.float32, name=None)
  factors (POSITIONAL_ONLY): Tuple[Literal[2], TensorSpec(shape=(), dtype=tf.float32, name=None)]
  rest_0 (POSITIONAL_ONLY): Literal['s']
  flag (KEYWORD_ONLY): Literal[False]
  extra (KEYWORD_ONLY): List[TensorSpec(shape=(), dtype=tf.bool, name=None)]
Output Type:
  Tuple[Dict[['y', TensorSpec(shape=(), dtype=tf.float32, name=None)], \
['n', List[TensorSpec(shape=(), dtype=tf.float32, name=None)]]], Literal[None]]
Captures:
  None"""
    d = difference.get_concrete_function(tf.TensorSpec([None]), tf.TensorSpec(None))
    text = (
        "(a: TensorSpec(shape=(None,), dtype=tf.float32, name=None), b: TensorSpec(shape=<unknown>, dtype=tf.float32, "
        "name=None)) -> TensorSpec(shape=<unknown>, dtype=tf.float32, name=None)"
    )
    assert d.pretty_printed_signature(verbose=False) == text
    assert repr(d).startswith(f"<ConcreteFunction {text} at 0x") and str(d).startswith("ConcreteFunction Input Para")


def test_variables_are_told_as_captures() -> None:
    v = tf.Variable(1.0)
    c = tf.function(lambda x: x * v).get_concrete_function(tf.constant(1.0))
    assert c.pretty_printed_signature().endswith(": TensorSpec(shape=(), dtype=tf.resource, name=None)")


def test_specs_bear_names() -> None:
    c = scaled.get_concrete_function(tf.TensorSpec([2], name="first"), (2, tf.constant(3.0)))
    args, kwargs = c.structured_input_signature
    assert args == (tf.TensorSpec([2], name="first"), (2, tf.TensorSpec([], name="factors_1"))) and not kwargs["flag"]


def test_what_fits_a_trace() -> None:
    x, y = tf.constant([1.0, 2.0]), tf.constant(3.0)
    c = scaled.get_concrete_function(tf.TensorSpec([None]), (2, y))
    for found in (c(x, (2, y)), c(x=x, factors=(2, y)), c([1.0, 2.0], (2, 3)), c(x, y)):
        assert found[0]["y"].numpy().tolist() == [3.0, 6.0]
    d = difference.get_concrete_function(tf.TensorSpec([], name="first"), tf.TensorSpec([]))
    assert d(first=y, b=y).numpy() == d(a=y, b=y).numpy() == d(3.0, y).numpy() == 0.0
    assert d(tf.constant([1.0, 2.0]), y).shape == (2,)


@pytest.mark.parametrize(("args", "kwargs", "why"), [
    (([1.0], (3, 3.0)), {}, r"Can not cast 3 to Literal\[2\]"),
    (([1.0],), {}, "missing a required argument: 'factors'"),
    (([[1.0]], (2, 3.0)), {}, r"Can not cast TensorSpec\(shape=\(1, 1\)"),
    (([1.0], (2, 3.0)), {"flag": True}, r"Can not cast True to Literal\[False\]"),
    (([1.0], (2, 3.0)), {"other": 1}, "unexpected keyword argument 'other'"),
    (("text", (2, 3.0)), {}, "Can not cast 'text'"),
])  # fmt: skip
def test_what_does_not_fit(args: Any, kwargs: Any, why: str) -> None:
    c = scaled.get_concrete_function(tf.TensorSpec([None]), (2, tf.constant(3.0)))
    with pytest.raises(TypeError, match=f"Binding inputs to tf.function failed due to `.*{why}"):
        c(*args, **kwargs)


def test_another_dtype_is_refused() -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="#1"):
        difference.get_concrete_function(tf.TensorSpec([]), tf.TensorSpec([]))(1.0, tf.constant(1))


def test_a_trace_says_its_type_and_gives_its_graph() -> None:
    @tf.function
    def f(x: Any, y: int = 3) -> Any:
        return tf.nn.relu(x) + y

    concrete = f.get_concrete_function(tf.TensorSpec([None], tf.int32))
    kind = concrete.function_type
    shown = "TensorSpec(shape=(None,), dtype=tf.int32, name=None)"
    assert str(kind) == f"(x: {shown}, y: Literal[3]) -> {shown}"
    assert repr(kind).splitlines()[-2:] == ["Captures:", "  None"]
    assert kind == f.get_concrete_function(tf.TensorSpec([None], tf.int32)).function_type
    assert isinstance(kind, tf.types.experimental.FunctionType)
    assert concrete.inference_fn(tf.constant([-1, 2])).numpy().tolist() == [3, 5]
    nodes = concrete.graph.as_graph_def().node
    assert [(n.op, list(n.input)) for n in nodes[:1]] == [("Placeholder", [])]
    assert nodes[0].name in [name for n in nodes for name in n.input]


@pytest.mark.parametrize(
    ("values", "count"),
    [
        ((1, 1.0, True), 1), ((0.0, -0.0), 1), ((float("nan"), float("nan")), 1), ((1, 2, 1), 2), ((1j, 1 + 0j), 2),
        (((1, 2), (1.0, 2.0), [1, 2]), 2), (("a", b"a"), 2), ((np.int64(1), 1), 2),
    ],
)  # fmt: skip
def test_equal_numbers_share_a_trace(values: tuple[Any, ...], count: int) -> None:
    f = tf.function(lambda x: x)
    for value in values:
        f(value)
    assert f.experimental_get_tracing_count() == count
    if values[0] == 1:
        assert f(1.0).dtype == tf.int32  # as TensorFlow has it: the trace is the first call's
