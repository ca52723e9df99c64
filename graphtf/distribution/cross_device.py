"""How values of replicas combine, and where the result goes.

Invariant: all devices are one CPU, so a way of moving values between them changes nothing: every `CrossDeviceOps` gives
the same sums, in the order of the replicas. Entry points: `ReduceOp`, `reduced`, `gathered`, `CrossDeviceOps`.
"""

from __future__ import annotations

import enum
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphtf import nest
from graphtf.api.arithmetic import add_n
from graphtf.api.shaping import concat
from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.distribution.values import DistributedValues, Mirrored, PerReplica
from graphtf.indexed_slices import IndexedSlices
from graphtf.placement import canonical
from graphtf.variable import Variable


class ReduceOp(enum.Enum):
    """How values of replicas combine. Follows https://www.tensorflow.org/api_docs/python/tf/distribute/ReduceOp.

    >>> ReduceOp("SUM")
    <ReduceOp.SUM: 'SUM'>
    """

    SUM = "SUM"
    MEAN = "MEAN"

    @staticmethod
    def from_variable_aggregation(aggregation: Any) -> ReduceOp:
        """The one a variable's aggregation stands for. Raises ValueError if there is none."""
        found = {"SUM": ReduceOp.SUM, "MEAN": ReduceOp.MEAN}.get(aggregation.name)
        if found is None:
            raise ValueError(
                f"Could not convert from `tf.VariableAggregation` {aggregation} to `tf.distribute.ReduceOp` type"
            )
        return found

    def __str__(self) -> str:
        return f"ReduceOp.{self.name}"


def reduce_op_of(op: Any) -> ReduceOp:
    """The `ReduceOp` of a name. Raises ValueError for another."""
    return op if isinstance(op, ReduceOp) else ReduceOp(str(op).upper())


def combined(op: ReduceOp, values: Sequence[Any]) -> Any:
    """The sum or mean of tensors, or of slices, whose rows come one after another."""
    count = len(values)
    if any(isinstance(x, IndexedSlices) for x in values):
        rows = values[0] if count == 1 else IndexedSlices(
            concat([x.values for x in values], 0), concat([x.indices for x in values], 0), values[0].dense_shape
        )  # fmt: skip
        if op is ReduceOp.SUM or count == 1:
            return rows
        return IndexedSlices(rows.values / count, rows.indices, rows.dense_shape)
    total = convert_to_tensor(values[0]) if count == 1 else add_n(list(values))
    return total if op is ReduceOp.SUM or count == 1 else total / count


def reduced(op: ReduceOp, value: Any, destinations: Any, replicas: int) -> Any:
    """A value of replicas, combined, at its destinations: `Mirrored` if these are several devices.

    Raises ValueError for the sum of a value that is not distributed.
    """
    if isinstance(value, Mirrored):
        assert op is ReduceOp.MEAN, f"the sum of what is equal in all replicas is not defined: {value!r}"
        return value
    if isinstance(value, DistributedValues):
        return placed(combined(op, value.values), destinations)
    if not is_tensor_like(value) and np.all(np.equal(value, 0)):
        return value
    if op is ReduceOp.SUM and replicas > 1:
        raise ValueError(f"A non-DistributedValues value {value} cannot be reduced with the given reduce op {op}.")
    return value


def placed(x: Any, destinations: Any) -> Any:
    """A value at all destinations: a distributed value's or variable's devices, or those named."""
    count = len(devices_of(destinations))
    return x if count == 1 else Mirrored([x] * count)


def devices_of(destinations: Any) -> tuple[str, ...]:
    """The devices that something says."""
    if isinstance(destinations, DistributedValues):
        return tuple(getattr(x, "device", "") for x in destinations.values)
    if isinstance(destinations, str):
        return (canonical(destinations),)
    if isinstance(destinations, (list, tuple)):
        return tuple(map(canonical, destinations))
    return (getattr(destinations, "device", ""),)


def gathered(value: Any, axis: int) -> Any:
    """Values of replicas one after another along an axis; a value that is not distributed, itself.

    Raises ValueError for scalars.
    """
    if not isinstance(value, DistributedValues):
        return convert_to_tensor(value)
    parts = [x.value() if isinstance(x, Variable) else convert_to_tensor(x) for x in value.values]
    if any(x.shape.rank == 0 for x in parts):
        raise ValueError(f"gather: scalars have no axis {axis} along which to come together: {value!r}")
    return concat(parts, axis)


class CrossDeviceOps:
    """A way to combine values of replicas.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/CrossDeviceOps.

    >>> CrossDeviceOps().reduce("MEAN", PerReplica([convert_to_tensor(1.0), convert_to_tensor(3.0)]), "CPU:0")
    <tf.Tensor: shape=(), dtype=float32, numpy=2.0>
    """

    def reduce(self, reduce_op: Any, per_replica_value: Any, destinations: Any, options: Any = None) -> Any:
        """A value of replicas, combined, at its destinations. Raises ValueError for another `reduce_op`."""
        (found,) = self.batch_reduce(reduce_op, [(per_replica_value, destinations)], options)
        return found

    def batch_reduce(self, reduce_op: Any, value_destination_pairs: Sequence[Any], options: Any = None) -> list[Any]:
        """Several values, each with its destinations. One that is not distributed counts once."""
        op = reduce_op_of(reduce_op)
        pairs = [(x if isinstance(x, DistributedValues) else PerReplica([x]), to) for x, to in value_destination_pairs]
        return [placed(combined(op, x.values), to) for x, to in pairs]

    def broadcast(self, tensor: Any, destinations: Any) -> Any:
        """A tensor at all destinations."""
        return placed(tensor, destinations)


class NcclAllReduce(CrossDeviceOps):
    """As GPUs combine values. Raises ValueError for a negative number of packs.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/NcclAllReduce.

    >>> isinstance(NcclAllReduce(), CrossDeviceOps)
    True
    """

    def __init__(self, num_packs: int = 1) -> None:
        if num_packs < 0:
            raise ValueError(f"NCCL all-reduce requires num_packs >= 0, but {num_packs} is specified")
        self._num_packs = num_packs


class HierarchicalCopyAllReduce(CrossDeviceOps):
    """In a hierarchy of devices. Raises ValueError for a negative number of packs.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/HierarchicalCopyAllReduce.

    >>> isinstance(HierarchicalCopyAllReduce(num_packs=2), CrossDeviceOps)
    True
    """

    def __init__(self, num_packs: int = 1) -> None:
        if num_packs < 0:
            raise ValueError(f"HierarchicalCopy requires num_packs >= 0, but {num_packs} is specified")
        self._num_packs = num_packs


class ReductionToOneDevice(CrossDeviceOps):
    """On one device, from which the result goes to the others; `accumulation_fn` sums lists of tensors.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/ReductionToOneDevice.

    >>> isinstance(ReductionToOneDevice(reduce_to_device="CPU:0"), CrossDeviceOps)
    True
    """

    def __init__(self, reduce_to_device: str | None = None, accumulation_fn: Any = None) -> None:
        self.reduce_to_device, self._accumulate = reduce_to_device, accumulation_fn

    def batch_reduce(self, reduce_op: Any, value_destination_pairs: Sequence[Any], options: Any = None) -> list[Any]:
        """Several values, each with its destinations."""
        if self._accumulate is None:
            return super().batch_reduce(reduce_op, value_destination_pairs, options)
        op = reduce_op_of(reduce_op)
        found = []
        for x, to in value_destination_pairs:
            values = nest.flatten(x.values) if isinstance(x, DistributedValues) else [x]
            total = self._accumulate(values)
            found.append(placed(total if op is ReduceOp.SUM else total / len(values), to))
        return found
