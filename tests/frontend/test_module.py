"""`tf.Module`: what it finds, in which order, and the names it gives. Orders and names are TensorFlow 2.21's."""

from __future__ import annotations

from typing import Any

import pytest

import graphtf as tf


class Layer(tf.Module):
    """Variables in an attribute, a list, a dict and a tuple."""

    def __init__(self, name: str | None = None) -> None:
        super().__init__(name=name)
        self.w = tf.Variable(1.0, name="w")
        self.l = [
            tf.Variable(2.0, name="l"),
            {"z": tf.Variable(3.0, name="z", trainable=False), "a": tf.Variable(4.0, name="a")},
        ]
        self.t = (self.w, 3)

    @tf.Module.with_name_scope
    def late(self) -> Any:
        self.q = tf.Variable(1.0, name="q")
        return self.q


class MyDense2D(tf.Module):
    pass


class HTTPNet(tf.Module):
    pass


def names(variables: Any) -> list[str]:
    return [v.name for v in variables]


def test_variables_come_by_the_names_of_attributes() -> None:
    m = Layer()
    m.late()
    assert names(m.variables) == ["l:0", "a:0", "z:0", "layer/q:0", "w:0"]
    assert names(m.trainable_variables) == ["l:0", "a:0", "layer/q:0", "w:0"]
    assert names(m.non_trainable_variables) == ["z:0"]


def test_own_variables_come_before_those_of_submodules() -> None:
    outer, inner = tf.Module("outer"), Layer()
    outer.a, outer.z = inner, tf.Variable(0.0, name="own")
    assert names(outer.variables) == ["own:0", "l:0", "a:0", "z:0", "w:0"]


def test_submodules_and_cycles() -> None:
    o = MyDense2D()
    o.b, o.a = Layer("m"), {"j": Layer("j"), "k": Layer("k")}
    o.c = [Layer("x"), {"k": o}]
    o.b.inner = Layer("deep")
    o.b.back = o
    assert [s.name for s in o.submodules] == ["j", "k", "m", "x", "deep"]
    assert len(o.variables) == 5 * 4
    assert o not in o.submodules


def test_what_is_held_twice_counts_once() -> None:
    m = Layer()
    m.again, m.me, m.list_of_me = m.w, m, [m]
    assert names(m.variables) == ["w:0", "l:0", "a:0", "z:0"]
    assert m.submodules == ()


@pytest.mark.parametrize(
    ("cls", "name"), [(MyDense2D, "my_dense2_d"), (HTTPNet, "http_net"), (Layer, "layer"), (tf.Module, "module")]
)
def test_names_are_the_class_in_snake_case(cls: Any, name: str) -> None:
    assert cls().name == name


@pytest.mark.parametrize("bad", ["1a", "a b", ""])
def test_names_must_be_identifiers(bad: str) -> None:
    with pytest.raises(ValueError, match=f"'{bad}' is not a valid module name"):
        tf.Module(bad)


def test_the_scope_is_that_of_the_place_it_was_made_in() -> None:
    with tf.name_scope("out"):
        m = Layer("inner")
    assert (m.name, m.name_scope.name) == ("inner", "out/inner/")
    with tf.name_scope("elsewhere"):
        assert m.late().name == "out/inner/q:0"


def test_ignored_attributes_and_paths() -> None:
    class Part(tf.Module):
        _TF_MODULE_IGNORED_PROPERTIES = frozenset(["hidden", *tf.Module._TF_MODULE_IGNORED_PROPERTIES])

    m = Part()
    m.hidden, m.seen = tf.Variable(0.0), {"k": [tf.Variable(1.0, name="k")]}
    assert names(m.variables) == ["k:0"]
    found = list(m._flatten(predicate=lambda x: isinstance(x, tf.Variable), with_path=True))
    assert [path for path, _ in found] == [("seen", "k", 0)]


def test_what_cannot_be_flattened_is_named() -> None:
    m = tf.Module()
    m.mixed = {1: 0, "k": 0}
    with pytest.raises(ValueError, match="Error processing property 'mixed'"):
        _ = m.variables


def test_a_scoped_method_is_converted_when_traced() -> None:
    class Net(tf.Module):
        w: Any = None

        @tf.Module.with_name_scope
        def __call__(self, x: Any) -> Any:
            if self.w is None:
                self.w = tf.Variable(2.0, name="w")
            if tf.reduce_sum(x) > 0:
                return x * self.w
            else:
                return -x

    net = Net()
    f = tf.function(lambda x: net(x))
    assert f(tf.constant([1.5])).numpy().tolist() == [3.0]
    assert f(tf.constant([-1.5])).numpy().tolist() == [1.5]
    assert net.w.name == "net/w:0"


def test_gradients_of_a_module_are_by_its_variables() -> None:
    class Affine(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.w, self.b = tf.Variable([[2.0], [3.0]]), tf.Variable([1.0])

        @tf.function
        def __call__(self, x: Any) -> Any:
            return x @ self.w + self.b

    m = Affine()
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(m(tf.constant([[1.0, 10.0]])))
    by_b, by_w = tape.gradient(y, m.trainable_variables)
    assert (by_b.numpy().tolist(), by_w.numpy().tolist()) == ([1.0], [[1.0], [10.0]])
