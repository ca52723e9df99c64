"""`tf.Graph`, and the graphs of concrete functions."""

from __future__ import annotations

import pytest

import graphtf as tf


def test_a_graph_lists_what_is_staged_in_it() -> None:
    g = tf.Graph()
    with g.as_default():
        assert not tf.executing_eagerly()
        a = tf.constant([1.0, 2.0])
        y = tf.reduce_sum(a * 2.0)
        assert tf.compat.v1.get_default_graph() is g
    assert a.graph is g and y.graph is g
    assert [op.type for op in g.get_operations()] == ["Const", "Const", "Mul", "Sum"]
    assert y.op.name == "Sum" and y.op.inputs[0].name == "mul:0"
    assert g.get_tensor_by_name("Const_1:0").shape == []
    assert g.as_graph_element("mul").outputs[0].shape == [2]
    assert tf.executing_eagerly()


def test_the_graph_of_a_concrete_function_is_one() -> None:
    double = tf.function(lambda x: tf.nn.relu(x) * 2.0, autograph=False)
    made = double.get_concrete_function(tf.TensorSpec([2], name="x"))
    g = made.graph
    assert isinstance(g, tf.Graph) and g.building_function
    assert [op.name for op in g.get_operations()] == ["x", "Relu", "Const", "mul"]
    assert g.get_tensor_by_name("x:0") is made.inputs[0]
    assert made.structured_outputs.op.type == "Mul"
    assert len(g.as_graph_def().node) >= 4


_BAD = [("mul:9", KeyError), ("no:0", KeyError), ("mul", ValueError), (3, TypeError)]


@pytest.mark.parametrize(("name", "error"), _BAD)
def test_names_that_are_not_there(name: object, error: type[Exception]) -> None:
    g = tf.Graph()
    with g.as_default():
        tf.constant(1.0) * 2.0
    with pytest.raises(error):
        g.get_tensor_by_name(name)


def test_a_finalized_graph_takes_no_more() -> None:
    g = tf.Graph()
    g.finalize()
    with pytest.raises(RuntimeError), g.as_default():
        pass
