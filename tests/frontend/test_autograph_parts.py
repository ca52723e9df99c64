"""Items and attributes that staged control flow sets: each is a variable of its own, as in TensorFlow."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphtf as tf


def numbers(x: Any) -> Any:
    return tf.nest.map_structure(lambda t: np.asarray(t).tolist(), x)


@tf.function
def doubled(x: Any) -> Any:
    found = {}
    for k in ("a", "b"):
        if x[k] > 1:
            found[k] = x[k] * 2
        else:
            found[k] = x[k]
    return found


@tf.function
def one_item(x: Any) -> Any:
    found = {"a": x, "b": x}
    if x > 0:
        found["a"] = x + 1
    return found


@tf.function
def other_items(x: Any) -> Any:
    found = [x, x]
    if x > 0:
        found[0] = x + 1
    else:
        found[-1] = x - 1
    return found


@tf.function
def nested(x: Any) -> Any:
    found = {"a": {"b": x}}
    same = found["a"]
    if x > 0:
        found["a"]["b"] = x * 7
    return same


@tf.function
def sums(n: Any) -> Any:
    found = {"sum": 0, "product": 1}
    for i in tf.range(1, n):
        found["sum"] += i
        found["product"] = found["product"] * i
    return found


@tf.function
def doubling(x: Any) -> Any:
    found, k = [1.0, 0], 0
    while x > 0.0:
        found[k] *= 2.0
        x -= 1.0
    return found[k]


def test_items_in_branches() -> None:
    assert numbers(doubled({"a": tf.constant(1), "b": tf.constant(2)})) == {"a": 1, "b": 4}
    assert numbers(one_item(tf.constant(1))) == {"a": 2, "b": 1} and numbers(one_item(tf.constant(-1))) == {
        "a": -1, "b": -1
    }  # fmt: skip
    assert numbers(other_items(tf.constant(1))) == [2, 1] and numbers(other_items(tf.constant(-1))) == [-1, -2]
    assert numbers(nested(tf.constant(1))) == {"b": 7} and numbers(nested(tf.constant(-1))) == {"b": -1}


def test_items_in_loops() -> None:
    assert numbers(sums(tf.constant(5))) == {"sum": 10, "product": 24}
    assert float(doubling(tf.constant(3.0))) == 8.0


def test_an_item_of_one_branch_alone() -> None:
    @tf.function
    def f(x: Any) -> Any:
        found = {}
        if x > 0:
            found["a"] = x
        return found

    with pytest.raises(ValueError, match=r"found\['a'\]"):
        f(tf.constant(1))


class Thing:
    def __init__(self) -> None:
        self.kept, self.__own, self.made = tf.constant(0.0), 1, Thing

    @tf.function
    def branch(self, x: Any) -> Any:
        if x > 0:
            self.kept = x * 2.0
            self.__own = 5
            self.made = object
        return self.kept, self.__own

    @tf.function
    def loop(self, n: Any) -> Any:
        self.kept = tf.constant(0)
        for i in tf.range(n):
            self.kept = self.kept + i
        return self.kept

    @tf.function
    def counting(self, n: Any) -> Any:
        self.count = 0
        while self.count < n:
            self.count = self.count + 1
        return self.count


def test_attributes() -> None:
    thing = Thing()
    assert numbers(thing.branch(tf.constant(3.0))) == (6.0, 5)
    assert thing.made is object  # what no graph carries is what tracing left
    assert int(thing.loop(tf.constant(4))) == 6
    assert int(thing.counting(tf.constant(4))) == 4
    other = Thing()
    assert numbers(other.branch(tf.constant(-3.0))) == (0.0, 1)


def test_what_python_decides_sets_objects_as_ever() -> None:
    class Slots:
        __slots__ = ("x",)

    thing, seen = Slots(), {}

    @tf.function
    def f(x: Any, flag: bool) -> Any:
        if flag:
            thing.x = 3
            seen["flag"] = True
        for k in range(2):
            seen[k] = k
        return x

    f(tf.constant(1), True)
    assert thing.x == 3 and seen == {"flag": True, 0: 0, 1: 1}


@pytest.mark.parametrize(("word", "wanted"), [("a", b"is a"), ("b", b"no")])
def test_texts_that_branches_give(word: str, wanted: bytes) -> None:
    @tf.function
    def f(s: Any) -> Any:
        if s == "a":
            found = "is a"
        else:
            found = "no"
        return found

    assert f(tf.constant(word)).numpy() == wanted
