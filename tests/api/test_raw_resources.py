"""`tf.raw_ops` on variables: optimisers' steps, rows and elements; the numbers are TensorFlow's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import graphtf as tf

GRADIENT = np.float32([0.5, -1.0, 2.0])
# After two steps from 1, 2, 3 with slots of 0.1, 0.2, 0.3: the variable and its slots.
STEPS: list[tuple[str, str, dict[str, Any], list[list[float]]]] = [
    (
        "ResourceApplyMomentum",
        "accum",
        {"lr": 0.1, "momentum": 0.9, "use_nesterov": False},
        [[0.8379, 2.2558, 2.3687], [1.031, -1.738, 4.043]],
    ),
    (
        "ResourceApplyMomentum",
        "accum",
        {"lr": 0.1, "momentum": 0.9, "use_nesterov": True},
        [[0.75411, 2.43022, 2.03183], [1.031, -1.738, 4.043]],
    ),
    (
        "ResourceApplyKerasMomentum",
        "accum",
        {"lr": 0.1, "momentum": 0.9, "use_nesterov": False},
        [[1.026, 2.632, 2.933], [-0.014, 0.352, -0.137]],
    ),
    (
        "ResourceApplyKerasMomentum",
        "accum",
        {"lr": 0.1, "momentum": 0.9, "use_nesterov": True},
        [[0.9234, 2.7688, 2.5397], [-0.014, 0.352, -0.137]],
    ),
    (
        "ResourceApplyAdam",
        "m v",
        {
            "beta1_power": 0.9,
            "beta2_power": 0.99,
            "lr": 0.1,
            "beta1": 0.9,
            "beta2": 0.99,
            "epsilon": 0.001,
            "use_nesterov": False,
        },
        [[0.90152, 1.98851, 2.81742], [0.176, -0.028, 0.623], [0.10298, 0.21592, 0.37363]],
    ),
    (
        "ResourceApplyAdam",
        "m v",
        {
            "beta1_power": 0.9,
            "beta2_power": 0.99,
            "lr": 0.1,
            "beta1": 0.9,
            "beta2": 0.99,
            "epsilon": 0.001,
            "use_nesterov": True,
        },
        [[0.88019, 2.03301, 2.76862], [0.176, -0.028, 0.623], [0.10298, 0.21592, 0.37363]],
    ),
    (
        "ResourceApplyAdamWithAmsgrad",
        "m v vhat",
        {"beta1_power": 0.9, "beta2_power": 0.99, "lr": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 0.001},
        [[0.90152, 1.98851, 2.81742], [0.176, -0.028, 0.623], [0.10298, 0.21592, 0.37363], [0.10298, 0.21592, 0.37363]],
    ),
    (
        "ResourceApplyAdaMax",
        "m v",
        {"beta1_power": 0.9, "lr": 0.1, "beta1": 0.9, "beta2": 0.99, "epsilon": 0.001},
        [[0.36926, 1.94805, 2.45377], [0.176, -0.028, 0.623], [0.5, 1.0, 2.0]],
    ),
    (
        "ResourceApplyRMSProp",
        "ms mom",
        {"lr": 0.1, "rho": 0.9, "momentum": 0.5, "epsilon": 0.001},
        [[0.56585, 2.30128, 2.20916], [0.1285, 0.352, 1.003], [0.23735, -0.21263, 0.39668]],
    ),
    (
        "ResourceApplyCenteredRMSProp",
        "mg ms mom",
        {"lr": 0.1, "rho": 0.9, "momentum": 0.5, "epsilon": 0.5},
        [[0.76312, 2.12893, 2.27764], [0.176, -0.028, 0.623], [0.1285, 0.352, 1.003], [0.12208, -0.11524, 0.36706]],
    ),
    ("ResourceApplyAdagrad", "accum", {"lr": 0.1}, [[0.85093, 2.15871, 2.83413], [0.6, 2.2, 8.3]]),
    ("ResourceApplyAdagradV2", "accum", {"lr": 0.1, "epsilon": 0.01}, [[0.85316, 2.15743, 2.83483], [0.6, 2.2, 8.3]]),
    (
        "ResourceApplyAdadelta",
        "accum accum_update",
        {"lr": 0.1, "rho": 0.9, "epsilon": 0.001},
        [[0.90669, 2.16916, 2.73209], [0.1285, 0.352, 1.003], [0.12236, 0.29792, 0.58395]],
    ),
]


@pytest.mark.parametrize(("name", "slots", "options", "wanted"), STEPS)
@pytest.mark.parametrize("handles", [False, True])
def test_steps(name: str, slots: str, options: dict[str, Any], wanted: Any, handles: bool) -> None:
    var = tf.Variable([1.0, 2.0, 3.0])
    held = {slot: tf.Variable([0.1, 0.2, 0.3]) for slot in slots.split()}

    def step() -> None:
        given = {k: v.handle if handles else v for k, v in {"var": var, **held}.items()}
        getattr(tf.raw_ops, name)(**given, grad=GRADIENT, **options)

    step()
    tf.function(step)()
    np.testing.assert_allclose([v.numpy() for v in (var, *held.values())], wanted, rtol=1e-4, atol=2e-5)


def changed(name: str, **operands: Any) -> Any:
    variable = tf.Variable(np.arange(6.0).reshape(3, 2))
    getattr(tf.raw_ops, name)(**{"ref" if "Nd" in name else "resource": variable.handle}, **operands)
    return variable.numpy().tolist()


def test_gradient_descent() -> None:
    variable = tf.Variable([1.0, 2.0, 3.0])
    tf.raw_ops.ResourceApplyGradientDescent(var=variable.handle, alpha=0.1, delta=GRADIENT)
    np.testing.assert_allclose(variable, [0.95, 2.1, 2.8], rtol=1e-6)


def test_rows() -> None:
    twice = {"indices": [0, 2, 0], "updates": np.full([3, 2], 2.0)}
    assert changed("ResourceScatterAdd", **twice) == [[4, 5], [2, 3], [6, 7]]
    assert changed("ResourceScatterSub", **twice) == [[-4, -3], [2, 3], [2, 3]]
    once = {"indices": [0, 2], "updates": np.full([2, 2], 2.0)}
    assert changed("ResourceScatterMul", **once) == [[0, 2], [2, 3], [8, 10]]
    assert changed("ResourceScatterMin", **once) == [[0, 1], [2, 3], [2, 2]]
    assert changed("ResourceScatterMax", **once) == [[2, 2], [2, 3], [4, 5]]
    assert changed("ResourceScatterUpdate", **once) == [[2, 2], [2, 3], [2, 2]]
    assert changed("ResourceScatterAdd", indices=1, updates=np.float64(5.0)) == [[0, 1], [7, 8], [4, 5]]


def test_elements() -> None:
    at = {"indices": [[0, 1], [2, 0]], "updates": np.array([2.0, 3.0])}
    assert changed("ResourceScatterNdAdd", **at) == [[0, 3], [2, 3], [7, 5]]
    assert changed("ResourceScatterNdSub", **at) == [[0, -1], [2, 3], [1, 5]]
    assert changed("ResourceScatterNdMin", **at) == [[0, 1], [2, 3], [3, 5]]
    assert changed("ResourceScatterNdMax", **at) == [[0, 2], [2, 3], [4, 5]]
    assert changed("ResourceScatterNdUpdate", **at) == [[0, 2], [2, 3], [3, 5]]


def test_what_is_read() -> None:
    variable = tf.Variable(np.arange(6.0).reshape(3, 2))
    found = tf.raw_ops.ResourceGatherNd(resource=variable.handle, indices=[[0, 1]], dtype=tf.float64)
    assert found.numpy().tolist() == [1.0]
    assert tf.raw_ops.VariableShape(input=variable.handle, out_type=tf.int64).numpy().tolist() == [3, 2]
    assert bool(tf.raw_ops.VarIsInitializedOp(resource=variable.handle))
    with pytest.raises(TypeError):
        tf.raw_ops.ResourceGatherNd(variable.handle, [[0, 1]], tf.float64)
