"""`tf.config`, the numbers of `tf.errors`, `tf.version` and `tf.autograph`: what programs ask at their start."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import graphtf as tf
from graphtf import devices
from graphtf.devices import forget_devices


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(devices._settings, "logical", None)  # an example of another test may have set it
    return tf.config.list_physical_devices("CPU")[0]


@pytest.fixture
def threads() -> Iterator[Any]:
    yield tf.config.threading
    tf.config.threading.set_intra_op_parallelism_threads(0)
    tf.config.threading.set_inter_op_parallelism_threads(0)


def test_there_is_one_device(cpu: Any) -> None:
    assert repr(tf.config.list_physical_devices()) == (
        "[PhysicalDevice(name='/physical_device:CPU:0', device_type='CPU')]"
    )
    assert repr(tf.config.list_logical_devices()) == "[LogicalDevice(name='/device:CPU:0', device_type='CPU')]"
    assert tf.config.list_physical_devices("GPU") == tf.config.list_physical_devices("cpu") == []
    assert tf.config.get_visible_devices() == [cpu]
    assert tf.config.experimental.get_device_details(cpu) == {}
    assert tf.config.get_logical_device_configuration(cpu) is None


def test_visible_devices(cpu: Any) -> None:
    tf.config.set_visible_devices([], "GPU")
    tf.config.set_visible_devices([cpu])
    tf.config.set_visible_devices(cpu, "CPU")
    with pytest.raises(RuntimeError, match="Visible devices cannot be modified"):
        tf.config.set_visible_devices([], "CPU")
    with pytest.raises(ValueError, match="Unrecognized device: 'CPU:0'"):
        tf.config.set_visible_devices("CPU:0")
    with pytest.raises(ValueError, match="Unrecognized device"):
        tf.config.set_visible_devices([cpu], "GPU")


@pytest.fixture
def unsplit() -> Iterator[None]:
    """The CPU is one device before and after."""
    forget_devices()
    yield
    forget_devices()


def test_the_cpu_can_be_split(cpu: Any, unsplit: None) -> None:
    part = tf.config.LogicalDeviceConfiguration()
    tf.config.set_logical_device_configuration(cpu, [part])
    assert tf.config.get_logical_device_configuration(cpu) == [part]
    tf.config.set_logical_device_configuration(cpu, None)
    assert tf.config.get_logical_device_configuration(cpu) is None
    tf.config.set_logical_device_configuration(cpu, [part, part])
    assert [d.name for d in tf.config.list_logical_devices("CPU")] == ["/device:CPU:0", "/device:CPU:1"]
    assert tf.config.list_logical_devices("GPU") == []
    tf.config.set_logical_device_configuration(cpu, [part, part])
    with pytest.raises(RuntimeError, match="cannot be modified after being initialized"):
        tf.config.set_logical_device_configuration(cpu, [part])
    for limit in ("memory_limit", "experimental_priority", "experimental_device_ordinal"):
        with pytest.raises(ValueError, match="on CPU virtual devices is currently not supported"):
            tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration(**{limit: 1})])
    with pytest.raises(ValueError, match="Cannot set memory growth"):
        tf.config.experimental.set_memory_growth(cpu, True)


def test_what_is_made_says_on_which_device(cpu: Any, unsplit: None) -> None:
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    first, second = (f"/job:localhost/replica:0/task:0/device:CPU:{k}" for k in (0, 1))
    x = tf.constant(1.0)
    with tf.device("CPU:1"):
        made = [tf.constant(1.0), x + 1, tf.identity(x), tf.zeros([2]), tf.Variable(1.0), tf.function(lambda: x * 2)()]
        assert tf.convert_to_tensor(x).device == first
        with tf.device(None):
            assert tf.constant(1.0).device == first
    assert {y.device for y in made} == {second}
    assert (made[0] + 1).device == first
    for absent in ("GPU:0", "CPU:7"):  # soft placement
        with tf.device(absent):
            assert (x + 1).device == first


def test_devices_that_there_are_not(unsplit: None) -> None:
    with pytest.raises(tf.errors.InvalidArgumentError, match="unknown device"), tf.device("/job:worker/CPU:0"):
        pass
    with pytest.raises(ValueError, match="Unknown attribute 'foo'"), tf.device("foo"):
        pass
    with pytest.raises(ValueError, match="Expecting a string device name"), tf.device(3):
        pass
    with pytest.raises(RuntimeError, match="does not support functions"), tf.device(lambda op: "CPU:0"):
        pass
    tf.config.set_soft_device_placement(False)
    try:
        with pytest.raises(tf.errors.InvalidArgumentError, match="Could not satisfy"), tf.device("CPU:7"):
            pass
    finally:
        tf.config.set_soft_device_placement(True)


def test_threads_are_those_of_parallel_loops(threads: Any) -> None:
    from graphtf.llvm.target import usable_cores
    from graphtf.llvm.threads import num_threads

    assert threads.get_intra_op_parallelism_threads() == threads.get_inter_op_parallelism_threads() == 0
    threads.set_intra_op_parallelism_threads(3)
    threads.set_inter_op_parallelism_threads(5)
    assert (threads.get_intra_op_parallelism_threads(), num_threads()) == (3, 3)
    assert threads.get_inter_op_parallelism_threads() == 5
    threads.set_intra_op_parallelism_threads(0)
    assert (threads.get_intra_op_parallelism_threads(), num_threads()) == (0, usable_cores())
    for bad in (-1, True, 1.5):
        with pytest.raises(ValueError, match="argument 'num_threads'"):
            threads.set_intra_op_parallelism_threads(bad)


def test_policies_and_placement() -> None:
    assert tf.config.get_soft_device_placement() is True
    assert tf.config.experimental.get_synchronous_execution() is True
    assert tf.config.experimental.get_device_policy() == "silent"
    with pytest.raises(ValueError, match="Invalid argument `device_policy`: 'x'"):
        tf.config.experimental.set_device_policy("x")


def test_there_is_no_gpu() -> None:
    assert tf.test.gpu_device_name() == ""
    assert not (tf.test.is_gpu_available() or tf.test.is_built_with_cuda() or tf.test.is_built_with_xla())


def test_running_functions_eagerly_under_both_names() -> None:
    seen: list[bool] = []

    @tf.function
    def f(x: Any) -> Any:
        seen.append(tf.executing_eagerly() if hasattr(tf, "executing_eagerly") else hasattr(x, "numpy"))
        return x

    tf.config.experimental_run_functions_eagerly(True)
    try:
        assert tf.config.experimental_functions_run_eagerly() and tf.config.functions_run_eagerly()
        f(tf.constant(1))
    finally:
        tf.config.run_functions_eagerly(False)
    f(tf.constant(1))
    assert seen == [True, False]


CODES = {
    "OK": 0, "CANCELLED": 1, "UNKNOWN": 2, "INVALID_ARGUMENT": 3, "DEADLINE_EXCEEDED": 4, "NOT_FOUND": 5,
    "ALREADY_EXISTS": 6, "PERMISSION_DENIED": 7, "RESOURCE_EXHAUSTED": 8, "FAILED_PRECONDITION": 9, "ABORTED": 10,
    "OUT_OF_RANGE": 11, "UNIMPLEMENTED": 12, "INTERNAL": 13, "UNAVAILABLE": 14, "DATA_LOSS": 15, "UNAUTHENTICATED": 16,
}  # fmt: skip


def test_error_codes() -> None:
    assert {name: getattr(tf.errors, name) for name in CODES} == CODES
    with pytest.raises(tf.errors.InvalidArgumentError) as caught:
        tf.debugging.assert_equal(1, 2)
    assert caught.value.error_code == tf.errors.INVALID_ARGUMENT


FRESH = """
import sys
import graphtf as tf
assert tf.version.VERSION == tf.__version__
tf.config.list_physical_devices(), tf.errors.OK, tf.Module(), tf.config.threading.get_intra_op_parallelism_threads()
assert tf.autograph.to_code and tf.autograph.experimental.Feature.ALL and tf.autograph.experimental.do_not_convert
import graphtf.autograph.convert
assert "llvmlite" not in sys.modules
assert tf.version.COMPILER_VERSION.startswith("LLVM ") and tf.__compiler_version__ == tf.version.COMPILER_VERSION
assert tf.__git_version__ == tf.version.GIT_VERSION
"""


def test_asking_loads_no_compiler() -> None:
    subprocess.run([sys.executable, "-c", FRESH], check=True)


@pytest.mark.parametrize("name", ["GPU:0", "/device:TPU:0", "cpu", "/gpu:5", "CPU:3", None])
def test_the_cpu_stands_for_any_device(name: str | None) -> None:
    with tf.device(name):
        assert float(tf.constant(1.0) + 1.0) == 2.0


def test_what_is_no_device_is_refused() -> None:
    with pytest.raises(ValueError, match="Unknown attribute 'foo'"), tf.device("foo"):
        pass
