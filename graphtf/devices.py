"""What `tf.config` says of devices: there is one, the CPU, which may be taken for several logical ones.

Invariant: asking loads no compiler; setting the number of threads does, since its pool is native code. What would need
another device is refused with the reason. Follows https://www.tensorflow.org/api_docs/python/tf/config. Entry points:
the functions below.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from graphtf.placement import devices


class PhysicalDevice(NamedTuple):
    """A device of the machine. Follows https://www.tensorflow.org/api_docs/python/tf/config/PhysicalDevice."""

    name: str
    device_type: str


class LogicalDevice(NamedTuple):
    """A device that ops run on. Follows https://www.tensorflow.org/api_docs/python/tf/config/LogicalDevice."""

    name: str
    device_type: str


class LogicalDeviceConfiguration(NamedTuple):
    """What a logical device may use.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/LogicalDeviceConfiguration.
    """

    memory_limit: Any = None
    experimental_priority: Any = None
    experimental_device_ordinal: Any = None


_CPU = PhysicalDevice("/physical_device:CPU:0", "CPU")
_POLICIES = ("explicit", "warn", "silent", "silent_for_int32")


@dataclass
class _Settings:
    """What was set, for the functions that ask."""

    intra_op: int = 0
    inter_op: int = 0
    synchronous: bool = True
    policy: str = "silent"
    tensor_float_32: bool = True
    logical: list[LogicalDeviceConfiguration] | None = None


_settings = _Settings()


# ---- devices ---------------------------------------------------------------------------------------------------------


def list_physical_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The devices of a type, or all.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/list_physical_devices.

    >>> list_physical_devices(), list_physical_devices("GPU")
    ([PhysicalDevice(name='/physical_device:CPU:0', device_type='CPU')], [])
    """
    return [_CPU] if device_type in (None, "CPU") else []


def list_logical_devices(device_type: str | None = None) -> list[LogicalDevice]:
    """The devices of a type that ops run on, or all. How the CPU is split is settled from then on.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/list_logical_devices.

    >>> list_logical_devices("CPU")
    [LogicalDevice(name='/device:CPU:0', device_type='CPU')]
    """
    devices.used = True
    if device_type not in (None, "CPU"):
        return []
    return [LogicalDevice(f"/device:CPU:{k}", "CPU") for k in range(devices.count)]


def get_visible_devices(device_type: str | None = None) -> list[PhysicalDevice]:
    """The devices of a type that may be used, or all: they are never hidden.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/get_visible_devices.

    >>> get_visible_devices("GPU")
    []
    """
    return list_physical_devices(device_type)


def set_visible_devices(devices: Any, device_type: str | None = None) -> None:
    """Say which devices may be used: of GPUs none, of CPUs the one.

    Raises ValueError for a device there is not, RuntimeError if it would hide the CPU, which is in use.
    Follows https://www.tensorflow.org/api_docs/python/tf/config/set_visible_devices.

    >>> set_visible_devices([], "GPU")
    """
    wanted = list(devices) if isinstance(devices, (list, set)) else [devices]
    for device in wanted:
        if device not in list_physical_devices(device_type):
            raise ValueError(f"Unrecognized device: {device!r}")
    if device_type in (None, "CPU") and not wanted:
        raise RuntimeError("Visible devices cannot be modified after being initialized")


def get_logical_device_configuration(device: PhysicalDevice) -> list[LogicalDeviceConfiguration] | None:
    """How a device is split, or None. Raises ValueError for a device there is not.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/get_logical_device_configuration.

    >>> get_logical_device_configuration(list_physical_devices()[0])
    """
    _known(device)
    return _settings.logical


def set_logical_device_configuration(
    device: PhysicalDevice, logical_devices: Sequence[LogicalDeviceConfiguration] | None
) -> None:
    """Split the CPU into so many logical ones, which share its cores: for strategies, one replica each.

    Raises ValueError for a device there is not and for limits, which a CPU has none of, and RuntimeError for another
    split once devices have been listed or used.
    Follows https://www.tensorflow.org/api_docs/python/tf/config/set_logical_device_configuration.

    >>> set_logical_device_configuration(list_physical_devices()[0], [LogicalDeviceConfiguration()])
    """
    _known(device)
    parts = list(logical_devices or ())
    for part in parts:
        if part.memory_limit is not None:
            raise ValueError("Setting memory limit on CPU virtual devices is currently not supported")
        for name in ("experimental_priority", "experimental_device_ordinal"):
            if getattr(part, name) is not None:
                raise ValueError(f"Setting {name} on CPU virtual devices is currently not supported")
    if devices.used and (len(parts) or 1) != devices.count:
        raise RuntimeError("Virtual devices cannot be modified after being initialized")
    _settings.logical, devices.count = parts or None, len(parts) or 1


def forget_devices() -> None:
    """The CPU is one device again, and may be split anew."""
    _settings.logical, devices.count, devices.used = None, 1, False


def _known(device: Any) -> None:
    if device != _CPU:
        raise ValueError(f"Unrecognized device: {device!r}")


def get_device_details(device: PhysicalDevice) -> dict[str, Any]:
    """What is known of a GPU; of a CPU nothing. Raises ValueError for what is no PhysicalDevice.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/experimental/get_device_details.

    >>> get_device_details(list_physical_devices()[0])
    {}
    """
    if not isinstance(device, PhysicalDevice):
        raise ValueError(f"device must be a tf.config.PhysicalDevice, but got: {device!r}")
    return {}


def set_memory_growth(device: PhysicalDevice, enable: bool) -> None:
    """Raises ValueError: only GPUs have it.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/experimental/set_memory_growth.
    """
    _known(device)
    raise ValueError("Cannot set memory growth on non-GPU and non-Pluggable devices")


# ---- threads ---------------------------------------------------------------------------------------------------------


def get_intra_op_parallelism_threads() -> int:
    """Threads that one op may use, as set; 0 if the system chooses.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/threading/get_intra_op_parallelism_threads.

    >>> get_intra_op_parallelism_threads()
    0
    """
    return _settings.intra_op


def set_intra_op_parallelism_threads(num_threads: int) -> None:
    """Let parallel loops use so many threads, the caller's among them; 0: as many as there are usable cores.

    It holds from the next loop on, where TensorFlow refuses a change after its start. Raises ValueError below 0.
    Follows https://www.tensorflow.org/api_docs/python/tf/config/threading/set_intra_op_parallelism_threads.
    """
    from graphtf.llvm.target import usable_cores
    from graphtf.llvm.threads import set_num_threads

    _thread_count("set_intra_op_parallelism_threads", num_threads)
    set_num_threads(num_threads or usable_cores())
    _settings.intra_op = num_threads


def get_inter_op_parallelism_threads() -> int:
    """Ops that may run at once, as set; 0 if the system chooses.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/threading/get_inter_op_parallelism_threads.

    >>> get_inter_op_parallelism_threads()
    0
    """
    return _settings.inter_op


def set_inter_op_parallelism_threads(num_threads: int) -> None:
    """Allow so many ops at once. Programs run theirs one after the other, so any number is kept to.

    Raises ValueError below 0.
    Follows https://www.tensorflow.org/api_docs/python/tf/config/threading/set_inter_op_parallelism_threads.

    >>> set_inter_op_parallelism_threads(0)
    """
    _thread_count("set_inter_op_parallelism_threads", num_threads)
    _settings.inter_op = num_threads


def _thread_count(name: str, count: Any) -> None:
    if isinstance(count, bool) or not isinstance(count, int) or count < 0:
        raise ValueError(f"{name}: argument 'num_threads' is {count!r}, expected an integer of 0 or more")


# ---- placement and execution -----------------------------------------------------------------------------------------


def get_soft_device_placement() -> bool:
    """May ops run on another device than that asked for? As set.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/get_soft_device_placement.
    """
    return devices.soft


def set_soft_device_placement(enabled: bool) -> None:
    """Allow the first CPU to stand for devices that there are not, or do not.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/set_soft_device_placement.
    """
    devices.soft = bool(enabled)


def get_synchronous_execution() -> bool:
    """Must an op be done before the next is called? As set.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/experimental/get_synchronous_execution.
    """
    return _settings.synchronous


def set_synchronous_execution(enable: bool | None) -> None:
    """Allow ops to run later, or do not: they always run at once.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/experimental/set_synchronous_execution.
    """
    _settings.synchronous = True if enable is None else bool(enable)


def get_device_policy() -> str:
    """What happens to inputs on another device, as set.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/experimental/get_device_policy.

    >>> get_device_policy()
    'silent'
    """
    return _settings.policy


def set_device_policy(device_policy: str | None) -> None:
    """Say what happens to inputs on another device; None is 'silent'. Raises ValueError for another word.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/experimental/set_device_policy.
    """
    policy = "silent" if device_policy is None else device_policy
    if policy not in _POLICIES:
        raise ValueError(f"Invalid argument `device_policy`: {device_policy!r}, expected one of {', '.join(_POLICIES)}")
    _settings.policy = policy


# ---- what there is not -----------------------------------------------------------------------------------------------


def gpu_device_name() -> str:
    """The name of a GPU, or "" as there is none.

    Follows https://www.tensorflow.org/api_docs/python/tf/test/gpu_device_name.

    >>> gpu_device_name()
    ''
    """
    return next((device.name for device in list_logical_devices("GPU")), "")


def is_gpu_available(cuda_only: bool = False, min_cuda_compute_capability: Any = None) -> bool:
    """Is there a GPU? Follows https://www.tensorflow.org/api_docs/python/tf/test/is_gpu_available.

    >>> is_gpu_available()
    False
    """
    return bool(gpu_device_name())


def is_built_with_cuda() -> bool:
    """Does it make code for NVIDIA's GPUs? No; `is_built_with_rocm` and `is_built_with_gpu_support` say the same.

    Follows https://www.tensorflow.org/api_docs/python/tf/test/is_built_with_cuda.
    """
    return False


def is_built_with_xla() -> bool:
    """Has it XLA? No: functions are compiled by the package's own passes and LLVM.

    Follows https://www.tensorflow.org/api_docs/python/tf/test/is_built_with_xla.
    """
    return False


def tensor_float_32_execution_enabled() -> bool:
    """May matrix products round operands to TensorFloat-32? As set; the CPU never does.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/experimental/tensor_float_32_execution_enabled.
    """
    return _settings.tensor_float_32


def enable_tensor_float_32_execution(enabled: bool) -> None:
    """Allow TensorFloat-32 on devices that have it, or do not: the CPU has none.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/experimental/enable_tensor_float_32_execution.
    """
    _settings.tensor_float_32 = bool(enabled)


def get_memory_growth(device: PhysicalDevice) -> bool:
    """Does memory of a device grow as needed? Raises ValueError for a CPU, whose memory always does.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/experimental/get_memory_growth.
    """
    _known(device)
    raise ValueError("Cannot get memory growth on device when it is a CPU: its memory is taken as it is needed")


def get_memory_info(device: str) -> dict[str, int]:
    """Memory in use on a device: of the CPU none is counted. Raises ValueError for a device there is not.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/experimental/get_memory_info.

    >>> get_memory_info("CPU:0")
    {'current': 0, 'peak': 0}
    """
    if not str(device).upper().endswith("CPU:0"):
        raise ValueError(f"Failed to get memory info: there is no device {device!r}")
    return {"current": 0, "peak": 0}


def get_memory_usage(device: str) -> int:
    """Bytes in use on a device, as `get_memory_info` says.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/experimental/get_memory_usage.
    """
    return get_memory_info(device)["current"]


def reset_memory_stats(device: str) -> None:
    """Begin to count a device's memory anew. Raises ValueError for a device there is not.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/experimental/reset_memory_stats.
    """
    get_memory_info(device)


def enable_mlir_bridge() -> None:
    """Accepted: functions are compiled by the package's own passes in any case.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/experimental/enable_mlir_bridge.
    """


def disable_mlir_bridge() -> None:
    """Accepted, as `enable_mlir_bridge`.

    Follows https://www.tensorflow.org/api_docs/python/tf/config/experimental/disable_mlir_bridge.
    """
