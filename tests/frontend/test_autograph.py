"""AutoGraph: a function rewritten and traced gives what Python gives for eager tensors, on every path through it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphtf as tf

from .converted import same

# ---- if --------------------------------------------------------------------------------------------------------------


def test_if_sets_variables_of_both_branches():
    def f(x):
        if x > 0:
            y = x * 2
            z = y + 1
        else:
            y = -x
            z = y - 1
        return y, z

    assert same(f, [1], [-1], [0]).experimental_get_tracing_count() == 1


def test_if_without_else_keeps_the_old_value():
    def f(x):
        y = x
        if x > 0:
            y = x * 2
        return y

    same(f, [3], [-3])


def test_elif_chain():
    def f(x):
        if x < 0:
            r = -1
        elif x == 0:
            r = 0
        elif x < 10:
            r = 1
        else:
            r = 2
        return r + 0 * x

    same(f, [-5], [0], [5], [50])


def test_a_branch_variable_that_is_not_read_need_not_be_in_the_other():
    def f(x):
        if x > 0:
            only_here = x + 1
            y = only_here * 2
        else:
            y = x
        return y

    same(f, [1], [-1])


def test_reading_what_one_branch_defines_says_so():
    @tf.function
    def f(x):
        if x > 0:
            y = x
        return y

    with pytest.raises(ValueError, match="'y' must also be initialized in the else branch"):
        f(tf.constant(1))


def test_branches_of_other_dtypes_are_refused():
    @tf.function
    def f(x):
        if x > 0:
            y = tf.constant(1)
        else:
            y = tf.constant(1.0)
        return y

    with pytest.raises(TypeError, match=r"'y' has dtype int32 in the main branch .* float32 in the else"):
        f(tf.constant(1))


def test_none_in_one_branch_is_refused():
    @tf.function
    def f(x):
        y = None
        if x > 0:
            y = x
        return y

    with pytest.raises(TypeError, match="'y' is None at the end of the else branch"):
        f(tf.constant(1))


def test_python_conditions_stay_python():
    def f(x, flag):
        if flag:
            return x + 1
        return x - 1

    traced = tf.function(f)
    assert int(traced(tf.constant(1), True)) == 2
    assert int(traced(tf.constant(1), False)) == 0
    assert traced.experimental_get_tracing_count() == 2


def test_structures_in_branches():
    def f(x):
        pair = (x, {"a": x})
        if x > 0:
            pair = (x + 1, {"a": x * 2})
        return pair

    same(f, [1], [-1])


def test_branches_of_other_shapes():
    @tf.function
    def f(x):
        if tf.reduce_sum(x) > 0:
            y = x
        else:
            y = x[:1]
        return y

    assert f(tf.constant([1.0, 2.0])).shape == [2]
    assert f(tf.constant([-1.0, 0.0])).shape == [1]


def test_objects_assigned_in_branches():
    class Box:
        pass

    @tf.function
    def f(x):
        box = Box()
        box.value = x
        if x > 0:
            label = "same"
        else:
            label = "same"
        return box.value + len(label)

    assert int(f(tf.constant(1))) == 5


# ---- return ----------------------------------------------------------------------------------------------------------


def test_return_in_branches():
    def f(x):
        if x > 0:
            return x * 2
        return -x

    same(f, [1], [-1])


def test_return_deep_inside():
    def f(x):
        if x > 0:
            if x > 10:
                return x * 100
            x = x + 1
        y = x * 2
        if y > 8:
            return y
        return y - 1

    same(f, [-1], [1], [5], [50])


def test_return_in_a_loop():
    def f(n):
        for i in tf.range(10):
            if i * i > n:
                return i
        return tf.constant(-1)

    same(f, [0], [10], [1000])


def test_return_in_a_while_loop():
    def f(n):
        i = tf.constant(0)
        while True:
            i += 1
            if i > n:
                return i * 10

    @tf.function
    def g(n):
        i = tf.constant(0)
        while i < 100:
            i += 1
            if i > n:
                return i * 10
        return i

    assert int(g(tf.constant(3))) == 40
    assert int(f(tf.constant(3))) == 40


def test_return_nothing():
    v = tf.Variable(0)

    @tf.function
    def f(x):
        if x > 0:
            v.assign(x)
            return
        v.assign(-1)

    assert f(tf.constant(5)) is None and int(v) == 5
    assert f(tf.constant(-5)) is None and int(v) == -1


def test_a_value_in_one_branch_only_is_refused():
    @tf.function
    def f(x):
        if x > 0:
            return x
        return None

    assert f.python_function(tf.constant(1)) is not None
    f(tf.constant(1))  # TensorFlow has a value here too: what is not returned is not defined


# ---- while -----------------------------------------------------------------------------------------------------------


def test_while():
    def f(n):
        a, b = tf.constant(0), tf.constant(1)
        while n > 0:
            a, b = b, a + b
            n -= 1
        return a

    assert same(f, [0], [1], [10], [30]).experimental_get_tracing_count() == 1


def test_while_with_break_and_continue():
    def f(n):
        total, i = tf.constant(0), tf.constant(0)
        while i < n:
            i += 1
            if i % 2 == 0:
                continue
            if i > 7:
                break
            total += i
        return total, i

    same(f, [0], [3], [100])


def test_while_else():
    def f(n):
        i = tf.constant(0)
        while i < n:
            i += 1
            if i == 5:
                break
        else:
            i = i + 100
        return i

    same(f, [3], [10])


def test_a_variable_of_the_body_read_after_the_loop():
    @tf.function
    def f(n):
        i = tf.constant(0)
        while i < n:
            last = i * 10
            i += 1
        return last

    assert int(f(tf.constant(4))) == 30


def test_while_keeps_dtypes():
    @tf.function
    def f(n):
        x = 0
        while n > 0:
            x = tf.cast(x, tf.float32) + 0.5
            n -= 1
        return x

    with pytest.raises(TypeError, match="'x' has dtype int32 before the loop"):
        f(tf.constant(2))


def test_while_keeps_shapes():
    @tf.function
    def f(n):
        x = tf.zeros([1])
        while n > 0:
            x = tf.concat([x, x], 0)
            n -= 1
        return x

    with pytest.raises(ValueError, match="'x' enters the loop with shape \\(1,\\)"):
        f(tf.constant(2))


def test_shapes_that_vary_by_option():
    @tf.function
    def f(n):
        x = tf.zeros([1])
        for _ in tf.range(n):
            tf.autograph.experimental.set_loop_options(shape_invariants=[(x, tf.TensorShape([None]))])
            x = tf.concat([x, x], 0)
        return x

    assert f(tf.constant(3)).shape == [8]


def test_nested_loops():
    def f(n):
        total = tf.constant(0)
        for i in tf.range(n):
            j = tf.constant(0)
            while j < i:
                if j == 3:
                    break
                total += i * j
                j += 1
        return total

    same(f, [0], [4], [9])


def test_python_loops_are_unrolled():
    def f(x):
        for i in range(3):
            x = x + i
        return x

    traced = same(f, [1])
    assert "while" not in str(traced.get_concrete_function(tf.constant(1)).ir)


def test_a_python_loop_left_by_a_tensor():
    def f(x):
        for i in range(5):
            if x > 10:
                break
            x = x + i
        return x

    same(f, [0], [8], [50])


def test_range_of_a_tensor():
    def f(n):
        total = tf.constant(0)
        for i in range(n):
            total += i
        for i in range(2, n, 3):
            total += i
        for i in range(n, 0, -2):
            total += 100 * i
        return total

    same(f, [0], [7])


def test_for_over_rows():
    def f(x):
        total = tf.zeros([2])
        for row in x:
            if tf.reduce_sum(row) < 0:
                continue
            total += row
        return total

    same(f, [np.float32([[1, 2], [-3, 1], [4, 5]])])


def test_for_over_rows_of_open_number():
    @tf.function(input_signature=[tf.TensorSpec([None, 2])])
    def f(x):
        total = tf.zeros([2])
        for row in x:
            total += row
        return total

    np.testing.assert_array_equal(f(np.ones([3, 2], np.float32)), [3, 3])
    np.testing.assert_array_equal(f(np.ones([0, 2], np.float32)), [0, 0])


def test_tensor_array_in_a_loop():
    @tf.function
    def f(n):
        ta = tf.TensorArray(tf.int32, size=n)
        for i in tf.range(n):
            if i % 2 == 0:
                ta = ta.write(i, i * i)
            else:
                ta = ta.write(i, -i)
        return ta.stack()

    np.testing.assert_array_equal(f(tf.constant(5)), [0, -1, 4, -3, 16])


def test_tensor_array_of_dynamic_size():
    @tf.function
    def f(n):
        ta = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
        for i in tf.range(n):
            ta = ta.write(i, tf.fill([2], tf.cast(i, tf.float32)))
        return ta.stack()

    np.testing.assert_array_equal(f(tf.constant(3)), [[0, 0], [1, 1], [2, 2]])


# ---- expressions -----------------------------------------------------------------------------------------------------


def test_logic():
    def f(x, y):
        a = x > 0 and y > 0
        b = x > 0 or y > 0
        c = not x > 0
        d = 0 < x < 5
        return a, b, c, d

    same(f, [1, 1], [1, -1], [-1, 1], [-1, -1], [9, 0])


def test_logic_is_lazy():
    def f(x, y):
        return (x != 0 and y // x > 1) or y == 7

    same(f, [0, 5], [2, 5], [5, 2], [0, 7])


def test_conditional_expression():
    def f(x):
        return x + 1 if x > 0 else x - 1 if x < -5 else x

    same(f, [1], [-1], [-9])


def test_conditions_of_mixed_kinds():
    def f(x, flag=True):
        if flag and x > 0:
            return x
        return -x

    same(f, [1], [-1])


def test_assert_statement():
    @tf.function
    def f(x):
        assert x > 0, "must be positive"
        return x

    assert int(f(tf.constant(1))) == 1
    with pytest.raises(tf.errors.InvalidArgumentError, match="must be positive"):
        f(tf.constant(-1))


def test_builtins():
    def f(x):
        n = len(x)
        return n, max(x[0], 2), min(x[1], x[2]), abs(x[0]), int(x[0] > 0), sum(x)

    same(f, [np.int32([-4, 5, 1])])


def test_print_runs_while_tracing(capfd):
    @tf.function
    def f(x):
        print("traced", x)
        return x

    f(tf.constant(1))
    f(tf.constant(2))
    assert capfd.readouterr().out == 'traced Tensor("x:0", shape=(), dtype=int32)\n'


def test_print_of_tensors_runs_each_time_if_asked_for(capfd):
    @tf.function(experimental_autograph_options=tf.autograph.experimental.Feature.BUILTIN_FUNCTIONS)
    def f(x):
        print("value", x)
        print("traced")
        return x

    f(tf.constant(1))
    f(tf.constant(2))
    out = capfd.readouterr().out
    assert out.count("traced") == 1 and "value 1" in out and "value 2" in out
    with pytest.raises(TypeError, match="Feature"):
        tf.function(experimental_autograph_options="BUILTIN_FUNCTIONS")(f)


def test_what_only_the_body_defines_may_vary_in_shape() -> None:
    @tf.function(input_signature=[tf.TensorSpec([None, None], tf.float32), tf.TensorSpec([], tf.int32)])
    def parts(x: Any, n: Any) -> Any:
        total = tf.constant(0.0)
        for i in tf.range(2):
            for j in tf.range(n):
                part = x[i : i + n, j : j + n]
                total += tf.reduce_sum(part)
        return total, part

    total, part = parts(tf.ones([3, 3]), 2)
    assert float(total) == 16 and part.shape == [2, 2]

    @tf.function
    def rows(n: Any) -> Any:
        i = 0
        while i < n:
            made = tf.ones([i + 1])
            i += 1
        return made

    assert rows(tf.constant(3)).shape == [3] and rows(tf.constant(1)).shape == [1]


def test_a_name_of_a_variable_may_become_a_tensor_in_a_loop() -> None:
    x = tf.Variable(2.0)

    @tf.function
    def power() -> tf.Tensor:
        y = x
        for i in tf.range(3):
            y = y * x if i > 0 else y + x
        return y

    with tf.GradientTape() as tape:
        y = power()
    assert float(y) == 16.0
    assert float(tape.gradient(y, x)) == 24.0
