"""Strategies with a replica for each of several devices, which all compute on their part of the data.

Invariant: replicas share one process, and take turns (graphtf/distribution/replicas.py): what they compute is what
replicas on separate devices would, and in a traced function one program. Entry points: `MirroredStrategy`,
`MultiWorkerMirroredStrategy`.
"""

from __future__ import annotations

import functools
import weakref
from collections.abc import Callable, Sequence
from typing import Any

from graphtf import nest
from graphtf.api.shaping import identity
from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.distribution.context import get_replica_context, require_cross_replica
from graphtf.distribution.cross_device import CrossDeviceOps, reduce_op_of, reduced
from graphtf.distribution.inputs import ValueContext
from graphtf.distribution.replicas import for_each_replica
from graphtf.distribution.strategy import Strategy, StrategyExtended
from graphtf.distribution.values import Mirrored, PerReplica, container_or_self, local_results, regroup, select
from graphtf.distribution.variables import DistributedVariable, distributed
from graphtf.functions.function import Function
from graphtf.functions.trace import active_trace
from graphtf.ir.errors import Unsupported
from graphtf.placement import CPU, canonical, devices, names
from graphtf.scopes import at, device, scopes


class MirroredExtended(StrategyExtended):
    """What libraries ask of a strategy with replicas."""

    def __init__(self, strategy: Strategy, on: Sequence[str], cross_device_ops: Any = None) -> None:
        super().__init__(strategy, on)
        self._cross_device_ops = cross_device_ops if isinstance(cross_device_ops, CrossDeviceOps) else CrossDeviceOps()

    def _use_merge_call(self) -> bool:
        return True

    def _create_variable(self, next_creator: Callable[..., Any], **kwargs: Any) -> Any:
        return distributed(self._strategy, self._devices, next_creator, **kwargs)

    def variable_created_in_scope(self, v: Any) -> bool:
        """Was a variable made in this strategy's scope?"""
        return isinstance(v, DistributedVariable) and v.distribute_strategy is self._strategy

    # ---- replicas ----------------------------------------------------------------------------------------------------

    def call_for_each_replica(self, fn: Callable[..., Any], args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        """`fn` as each replica. A `tf.function` becomes one function of all replicas, so that they may meet in it."""
        if isinstance(fn, Function):
            return self._lifted(fn)(*args, **(kwargs or {}))
        return self._each(_converted(fn), tuple(args), dict(kwargs or {}))

    def _each(self, fn: Callable[..., Any], args: Any, kwargs: Any) -> Any:
        return for_each_replica(self._places, self._devices, self._across, fn, args, kwargs)

    def _lifted(self, fn: Function) -> Function:
        made: Any = fn.__dict__.setdefault("_for_all_replicas", weakref.WeakKeyDictionary())
        if self._strategy not in made:
            made[self._strategy] = fn.around(lambda inner: lambda *args, **kwargs: self._each(inner, args, kwargs))
        return made[self._strategy]  # type: ignore[no-any-return]

    def update(
        self, var: Any, fn: Callable[..., Any], args: Sequence[Any] = (), kwargs: Any = None, group: bool = True
    ) -> Any:
        """`fn(var, *args, **kwargs)` on each replica's copy of a variable, with its part of the arguments.

        The results as `Mirrored`, or with `group=False` as a tuple. A replica that calls it merges with the others.
        Raises AssertionError for what is no variable of a strategy.
        """
        context = get_replica_context() if scopes.place is not None else None
        if context is not None and context.strategy is self._strategy:
            again = functools.partial(self._updated, var, fn, group)
            return context.merge_call(again, args, kwargs)
        require_cross_replica(self._strategy)
        with self._strategy.scope():
            return self._updated(var, fn, group, self._strategy, *args, **(kwargs or {}))

    def _updated(self, var: Any, fn: Callable[..., Any], group: bool, _: Strategy, *args: Any, **kwargs: Any) -> Any:
        assert isinstance(var, DistributedVariable), f"update: {var!r} is no variable of a strategy"
        found = []
        for k, copy in enumerate(var.values):
            with at(self._updating[k]), device(copy.device):
                found.append(fn(copy, *select(k, args), **select(k, kwargs)))
        if group:
            return regroup(found, _grouped)
        return nest.map_structure(lambda x: local_results(x, len(found)), regroup(found, Mirrored))

    # ---- values ------------------------------------------------------------------------------------------------------

    def reduce_to(self, reduce_op: Any, value: Any, destinations: Any, options: Any = None) -> Any:
        """A value of replicas, combined, at its destinations. Raises ValueError for another `reduce_op`, and for the
        sum of a value that is not distributed."""
        op, count = reduce_op_of(reduce_op), len(self._devices)

        def of(x: Any) -> Any:
            if isinstance(x, PerReplica):
                return self._cross_device_ops.reduce(op, x, destinations)
            return reduced(op, x, destinations, count)

        return nest.map_structure(of, value)

    def batch_reduce_to(self, reduce_op: Any, value_destination_pairs: Any, options: Any = None) -> list[Any]:
        """Several of them; one that is not distributed counts once."""
        return self._cross_device_ops.batch_reduce(reduce_op, value_destination_pairs, options)

    def read_var(self, var: Any) -> Any:
        """The value of a variable."""
        return convert_to_tensor(var)

    def value_container(self, value: Any) -> Any:
        """The variable whose copy a replica holds."""
        return container_or_self(value)

    # ---- datasets ----------------------------------------------------------------------------------------------------

    def _distributed(self, dataset: Any) -> Any:
        from graphtf.distribution.datasets import distributed_dataset

        return distributed_dataset(dataset, len(self._devices))

    def _taking_turns(self, dataset: Any) -> Any:
        from graphtf.distribution.datasets import dataset_in_turns

        return dataset_in_turns(dataset, len(self._devices))


def _converted(fn: Callable[..., Any]) -> Callable[..., Any]:
    """A function as a trace under way runs it: its control flow rewritten, if it is the user's."""
    if active_trace() is None:
        return fn
    from graphtf.autograph.convert import converted_callee  # parses source

    return converted_callee(fn)  # type: ignore[no-any-return]


def _grouped(values: tuple[Any, ...]) -> Any:
    """The results of updating copies, as one value; None if they are no tensors."""
    if len(values) == 1:
        return Mirrored(values)
    return Mirrored(list(map(identity, values))) if all(map(is_tensor_like, values)) else None


class MirroredStrategy(Strategy):
    """A replica for each of the devices, which are all logical devices by default. A device that there is not is the
    first CPU, as TensorFlow's soft placement has it.

    Raises ValueError for what is no device's name, AssertionError for a device that is named twice, and RuntimeError
    for devices of several workers. Follows https://www.tensorflow.org/api_docs/python/tf/distribute/MirroredStrategy.

    >>> strategy = MirroredStrategy(["CPU:0", "CPU:1"])
    >>> strategy.num_replicas_in_sync
    2
    >>> strategy.reduce("SUM", strategy.run(lambda: convert_to_tensor(2.0)), axis=None)
    <tf.Tensor: shape=(), dtype=float32, numpy=4.0>
    """

    def __init__(self, devices: Sequence[str] | None = None, cross_device_ops: Any = None) -> None:
        super().__init__(MirroredExtended(self, _given(devices), cross_device_ops))

    def experimental_distribute_values_from_function(self, value_fn: Callable[[ValueContext], Any]) -> Any:
        """What a function makes for each replica, given a `ValueContext`: structures of `PerReplica`."""
        require_cross_replica(self)
        count = self.num_replicas_in_sync
        made = [value_fn(ValueContext(k, count)) for k in range(count)]
        return nest.map_structure(lambda *xs: PerReplica(xs), *made)


def _given(asked: Sequence[str] | None) -> list[str]:
    devices.used = True
    found = [canonical(d) for d in asked] if asked else names()
    assert len(set(found)) == len(found), f"No duplicates allowed in `devices` argument: {tuple(found)}"
    if len({d.split("/device:")[0] for d in found}) > 1 or not found[0].startswith(CPU.split("/device:")[0]):
        raise RuntimeError("In-graph multi-worker training with `MirroredStrategy` is not supported in eager mode.")
    return found


class MultiWorkerMirroredStrategy(Strategy):
    """Replicas on several machines: one, as there is no cluster. Raises Unsupported for a cluster.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/MultiWorkerMirroredStrategy.

    >>> MultiWorkerMirroredStrategy().num_replicas_in_sync
    1
    """

    def __init__(self, cluster_resolver: Any = None, communication_options: Any = None) -> None:
        if cluster_resolver is not None:
            raise Unsupported("MultiWorkerMirroredStrategy: there is one machine, so there is no cluster")
        super().__init__(MirroredExtended(self, [CPU]))
