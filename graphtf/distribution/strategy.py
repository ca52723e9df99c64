"""`tf.distribute.Strategy`, and the strategies for one device.

Invariant: there is one replica, so what it computes is what is returned, and reductions over replicas are the value.
Strategies that need several devices say so when they are made. Entry points: `get_strategy`, the classes.
Follows https://www.tensorflow.org/api_docs/python/tf/distribute.
"""

from __future__ import annotations

import enum
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from graphtf import nest
from graphtf.api.reduce import reduce_mean, reduce_sum
from graphtf.convert import convert_to_tensor
from graphtf.distribution.inputs import InputContext
from graphtf.ir.errors import Unsupported
from graphtf.tensor import CPU


class ReduceOp(enum.Enum):
    """How values of replicas combine."""

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


def _reduce_op(op: Any) -> ReduceOp:
    return op if isinstance(op, ReduceOp) else ReduceOp(str(op).upper())


class _Entered(threading.local):
    """The strategies whose scopes a thread is in, and whether it runs as a replica."""

    scopes: tuple[tuple[Strategy, bool], ...] = ()


_entered = _Entered()


@contextmanager
def _within(strategy: Strategy, replica: bool) -> Iterator[Strategy]:
    before = _entered.scopes
    _entered.scopes = (*before, (strategy, replica))
    try:
        yield strategy
    finally:
        _entered.scopes = before


class StrategyExtended:
    """What libraries ask of a strategy. Follows https://www.tensorflow.org/api_docs/python/tf/distribute/StrategyExtended."""

    def __init__(self, strategy: Strategy, device: str = CPU) -> None:
        self._strategy, self._device = strategy, device

    @property
    def worker_devices(self) -> tuple[str, ...]:
        """The devices of its replicas."""
        return (self._device,)

    @property
    def parameter_devices(self) -> tuple[str, ...]:
        """The devices of its variables."""
        return (self._device,)

    @property
    def experimental_require_static_shapes(self) -> bool:
        return False

    def _in_multi_worker_mode(self) -> bool:
        return False

    def _use_merge_call(self) -> bool:
        return False

    @contextmanager
    def colocate_vars_with(self, colocate_with_variable: Any) -> Iterator[None]:
        """Within, variables are made where another is: there is one place."""
        yield

    def variable_created_in_scope(self, v: Any) -> bool:
        """Was a variable made in this strategy's scope? Without replicas of it, any could have been."""
        return True

    def update(
        self, var: Any, fn: Callable[..., Any], args: Sequence[Any] = (), kwargs: Any = None, group: bool = True
    ) -> Any:
        """`fn(var, *args, **kwargs)` on each replica of a variable."""
        return fn(var, *args, **(kwargs or {}))

    def call_for_each_replica(self, fn: Callable[..., Any], args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        """`fn` as each replica."""
        with _within(self._strategy, True):
            return fn(*args, **(kwargs or {}))

    def reduce_to(self, reduce_op: Any, value: Any, destinations: Any, options: Any = None) -> Any:
        """A value of replicas, combined."""
        return value

    def batch_reduce_to(self, reduce_op: Any, value_destination_pairs: Any, options: Any = None) -> list[Any]:
        """Several of them."""
        return [value for value, _ in value_destination_pairs]

    def read_var(self, var: Any) -> Any:
        """The value of a variable."""
        return convert_to_tensor(var)

    def value_container(self, value: Any) -> Any:
        """What holds a replica's value: itself."""
        return value


class Strategy:
    """How computation is spread over devices; here over one.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/Strategy.

    >>> get_strategy().run(lambda x: x + 1, args=(1,))
    2
    """

    def __init__(self, extended: StrategyExtended | None = None) -> None:
        self._extended = StrategyExtended(self) if extended is None else extended

    @property
    def extended(self) -> StrategyExtended:
        return self._extended

    @property
    def num_replicas_in_sync(self) -> int:
        """How many replicas compute: 1."""
        return 1

    @property
    def cluster_resolver(self) -> None:
        return None

    @contextmanager
    def scope(self) -> Iterator[Strategy]:
        """Within, this is the strategy, and variables are its."""
        with _within(self, False):
            yield self

    def run(self, fn: Callable[..., Any], args: Sequence[Any] = (), kwargs: Any = None, options: Any = None) -> Any:
        """`fn` as each replica: its result."""
        return self._extended.call_for_each_replica(fn, args, kwargs)

    def reduce(self, reduce_op: Any, value: Any, axis: int | None) -> Any:
        """A value of replicas, combined, and along an axis if one is given."""
        by = reduce_sum if _reduce_op(reduce_op) is ReduceOp.SUM else reduce_mean
        return value if axis is None else nest.map_structure(lambda x: by(x, axis=axis), value)

    def gather(self, value: Any, axis: int) -> Any:
        """Values of replicas, one after another."""
        return nest.map_structure(convert_to_tensor, value)

    def experimental_local_results(self, value: Any) -> tuple[Any, ...]:
        """The value of each replica here."""
        return (value,)

    def experimental_distribute_dataset(self, dataset: Any, options: Any = None) -> Any:
        """The dataset, each element split between replicas."""
        return dataset

    def distribute_datasets_from_function(self, dataset_fn: Callable[[InputContext], Any], options: Any = None) -> Any:
        """The dataset a function makes for each worker."""
        return dataset_fn(InputContext())

    def experimental_distribute_values_from_function(self, value_fn: Callable[[Any], Any]) -> Any:
        """What a function makes for each replica."""
        return value_fn(get_replica_context())


class _Default(Strategy):
    """What is in place where no strategy is: its scope changes nothing."""

    @contextmanager
    def scope(self) -> Iterator[Strategy]:
        if has_strategy():
            raise RuntimeError("Must not nest tf.distribute.Strategy scopes: the default strategy inside another")
        yield self

    def run(self, fn: Callable[..., Any], args: Sequence[Any] = (), kwargs: Any = None, options: Any = None) -> Any:
        return fn(*args, **(kwargs or {}))


class ReplicaContext:
    """What a function that runs as a replica may ask. Follows https://www.tensorflow.org/api_docs/python/tf/distribute/ReplicaContext."""

    def __init__(self, strategy: Strategy, replica_id_in_sync_group: int = 0) -> None:
        self._strategy, self._id = strategy, replica_id_in_sync_group

    @property
    def strategy(self) -> Strategy:
        return self._strategy

    @property
    def num_replicas_in_sync(self) -> int:
        return self._strategy.num_replicas_in_sync

    @property
    def replica_id_in_sync_group(self) -> int:
        return self._id

    @property
    def devices(self) -> tuple[str, ...]:
        return self._strategy.extended.worker_devices

    def all_reduce(self, reduce_op: Any, value: Any, options: Any = None) -> Any:
        """Values of replicas, combined: the tensors themselves."""
        _reduce_op(reduce_op)
        return nest.map_structure(_tensor, value)

    def all_gather(self, value: Any, axis: int, options: Any = None) -> Any:
        """Values of replicas, one after another."""
        return nest.map_structure(convert_to_tensor, value)

    def merge_call(self, merge_fn: Callable[..., Any], args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        """`merge_fn(strategy, *args, **kwargs)`, once for all replicas."""
        with _within(self._strategy, False):
            return merge_fn(self._strategy, *args, **(kwargs or {}))


def _tensor(x: Any) -> Any:
    return x if isinstance(x, nest.CompositeTensor) else convert_to_tensor(x)


_default = _Default()


def get_strategy() -> Strategy:
    """The strategy one is in. Follows https://www.tensorflow.org/api_docs/python/tf/distribute/get_strategy."""
    return _entered.scopes[-1][0] if _entered.scopes else _chosen[0]


_chosen: list[Strategy] = [_default]


def experimental_set_strategy(strategy: Strategy | None) -> None:
    """Make a strategy the one that is in place everywhere.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/experimental_set_strategy.
    """
    _chosen[0] = strategy or _default


def has_strategy() -> bool:
    """Is a strategy other than the default in place? Follows https://www.tensorflow.org/api_docs/python/tf/distribute/has_strategy."""
    return get_strategy() is not _default


def in_cross_replica_context() -> bool:
    """Does code run for all replicas together?

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/in_cross_replica_context.
    """
    if _entered.scopes:
        return not _entered.scopes[-1][1]
    return has_strategy()


def get_replica_context() -> ReplicaContext | None:
    """The replica that runs; None where code runs for all.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/get_replica_context.
    """
    return None if in_cross_replica_context() else ReplicaContext(get_strategy())


def maybe_merge_call(fn: Callable[..., Any], strategy: Strategy, *args: Any, **kwargs: Any) -> Any:
    """`fn(strategy, …)`, for which replicas need not meet."""
    return fn(strategy, *args, **kwargs)


def strategy_supports_no_merge_call() -> bool:
    """Can replicas do without meeting?"""
    return True


# ---- strategies ------------------------------------------------------------------------------------------------------


class OneDeviceStrategy(Strategy):
    """All on one device. Raises ValueError for one that is not there.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/OneDeviceStrategy.
    """

    def __init__(self, device: str) -> None:
        _check_cpu(device)
        super().__init__()


class MirroredStrategy(Strategy):
    """Replicas on the devices of a machine. Raises Unsupported for several.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/MirroredStrategy.
    """

    def __init__(self, devices: Sequence[str] | None = None, cross_device_ops: Any = None) -> None:
        devices = [CPU] if devices is None else list(devices)
        for d in devices:
            _check_cpu(d)
        if len(devices) != 1:
            raise Unsupported(
                f"MirroredStrategy: there is one device, the CPU, but {len(devices)} replicas are asked for"
            )
        super().__init__()


class MultiWorkerMirroredStrategy(Strategy):
    """Replicas on several machines: one, if there is no cluster.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/MultiWorkerMirroredStrategy.
    """

    def __init__(self, cluster_resolver: Any = None, communication_options: Any = None) -> None:
        if cluster_resolver is not None:
            raise Unsupported("MultiWorkerMirroredStrategy: there is one machine, so there is no cluster")
        super().__init__()


class TPUStrategy(Strategy):
    """Replicas on TPUs: there are none. Follows https://www.tensorflow.org/api_docs/python/tf/distribute/TPUStrategy."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise Unsupported("TPUStrategy: there are no TPUs")


class ParameterServerStrategy(Strategy):
    """Variables on servers: there are none.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/ParameterServerStrategy.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise Unsupported("ParameterServerStrategy: there are no servers")


def _check_cpu(device: str) -> None:
    kind, _, number = str(device).upper().rpartition(":")
    if not kind.endswith("CPU") or number != "0":
        raise ValueError(f"there is no device {device!r}: there is one, {CPU}")
