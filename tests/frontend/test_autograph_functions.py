"""AutoGraph: which functions are rewritten, what is said of those that are not, and where errors in them point."""

from __future__ import annotations

import functools
import inspect
import traceback

import pytest

import graphtf as tf

from .converted import same

# ---- functions -------------------------------------------------------------------------------------------------------


def _sign(x):
    if x > 0:
        return tf.constant(1)
    return tf.constant(-1)


def test_called_functions_are_converted():
    def f(x):
        return _sign(x) * 10

    same(f, [3], [-3])


def test_inner_functions_and_closures():
    def f(x):
        scale = 3

        def inner(y):
            nonlocal scale
            if y > 0:
                scale = 5
            return y * scale

        return inner(x) + scale

    same(f, [1], [-1])


def test_lambdas():
    pick = lambda x: x if x > 0 else -x  # noqa: E731
    same(lambda x: pick(x) + 1, [2], [-2])


def test_methods_and_partials():
    class Model:
        def __init__(self):
            self.__bias = 10

        def call(self, x, scale):
            if x > 0:
                return x * scale + self.__bias
            return x

        @tf.function
        def run(self, x):
            return functools.partial(self.call, scale=3)(x)

    class Child(Model):
        @tf.function
        def run(self, x):
            if x > 100:
                return super().call(x, 1)
            return super().call(x, 2)

    m, c = Model(), Child()
    assert int(m.run(tf.constant(2))) == 16 and int(m.run(tf.constant(-2))) == -2
    assert int(c.run(tf.constant(200))) == 210 and int(c.run(tf.constant(2))) == 14


def test_callable_objects():
    class Layer:
        def __call__(self, x):
            if x > 0:
                return x
            return -x

    layer = Layer()
    same(lambda x: layer(x), [2], [-2])


def test_recursion_over_python_values():
    def power(x, n):
        if n == 0:
            return tf.ones_like(x)
        return x * power(x, n - 1)

    same(lambda x: power(x, 3), [2])


def test_do_not_convert():
    @tf.autograph.experimental.do_not_convert
    def plain(x):
        return x if x > 0 else -x

    @tf.function
    def f(x):
        return plain(x)

    with pytest.raises(tf.errors.OperatorNotAllowedInGraphError):
        f(tf.constant(1))
    with pytest.raises(tf.errors.OperatorNotAllowedInGraphError):
        tf.function(lambda x: 1 if x > 0 else 2, autograph=False)(tf.constant(1))


def test_source_that_is_missing_is_named():
    space = {"tf": tf}
    exec("def f(x):\n    if x > 0:\n        return x\n    return -x", space)
    with pytest.raises(tf.errors.OperatorNotAllowedInGraphError, match="source is not available"):
        tf.function(space["f"])(tf.constant(1))
    with pytest.raises(ValueError, match="source is not available"):
        tf.autograph.to_graph(space["f"])


def test_to_code_is_python():
    def f(x):
        while x > 0:
            x -= 1
        return x

    code = tf.autograph.to_code(f)
    compile(code, "f", "exec")
    assert "while_stmt" in code and code.startswith("def f(x):")


def test_to_graph_runs_eagerly_as_before():
    def f(x):
        return x if x > 0 else -x

    g = tf.autograph.to_graph(f)
    assert g(3) == 3 and g(-3) == 3


# ---- positions -------------------------------------------------------------------------------------------------------


def test_errors_point_to_the_users_line():
    @tf.function
    def f(x):
        if tf.reduce_all(x > 0):
            y = tf.matmul(x, x)  # the line
        else:
            y = x
        return y

    with pytest.raises(ValueError) as e:
        f(tf.ones([2, 3]))
    frames = traceback.extract_tb(e.value.__traceback__)
    mine = [fr for fr in frames if fr.filename == __file__]
    assert "the line" in mine[-1].line
    assert mine[-1].name == "f"


def test_nodes_carry_the_users_line():
    @tf.function
    def f(n):
        while n > 3:
            n = n * 2 - 9
        return n

    ir = f.get_concrete_function(tf.TensorSpec([], tf.int32)).ir
    first = inspect.getsourcelines(f.python_function)[1]
    lines = {n.op.name: n.source.line for n in ir.walk() if n.source}
    assert lines["mul"] == lines["sub"] == first + 3
    assert lines["while"] == first + 2


# ---- gradients -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("x", [2.0, -3.0])
def test_gradients_through_converted_code(x):
    def f(x):
        y = x
        for i in tf.range(3):
            if y > 0:
                y = y * x + tf.cast(i, tf.float32)
            else:
                y = y - x * x
        return y

    def gradient(g):
        v = tf.constant(x)
        with tf.GradientTape() as tape:
            tape.watch(v)
            out = g(v)
        return float(tape.gradient(out, v))

    assert gradient(tf.function(f)) == pytest.approx(gradient(f))


def test_a_librarys_function_is_converted_where_it_is_asked_for():
    def inner(x):
        if x > 0:
            return x
        return -x

    def outer(x):
        if x > 0:
            x += 1
        return x

    inner.__module__ = outer.__module__ = "keras.somewhere"
    assert int(tf.function(outer)(tf.constant(2))) == 3
    with pytest.raises(TypeError, match="bool"):  # but not what it calls
        tf.function(lambda x: inner(x))(tf.constant(2))
