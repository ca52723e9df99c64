"""`tf.distribute.Strategy`, and the strategies of one replica: the default, and one device.

Invariant: a strategy runs a function once for each of its replicas; where there is one, what it computes is what is
returned, and reductions over replicas are the value. Follows https://www.tensorflow.org/api_docs/python/tf/distribute.
Entry points: the classes, `experimental_set_strategy`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from graphtf import nest
from graphtf.api.creation import cast
from graphtf.api.reduce import reduce_mean, reduce_sum
from graphtf.api.shaping import shape
from graphtf.convert import convert_to_tensor
from graphtf.distribution.context import (
    ReplicaContext,
    default,
    get_replica_context,
    get_strategy,
    has_strategy,
    in_cross_replica_context,
    maybe_merge_call,
    require_cross_replica,
    strategy_supports_no_merge_call,
)
from graphtf.distribution.cross_device import ReduceOp, gathered, reduce_op_of
from graphtf.distribution.inputs import InputContext, ValueContext
from graphtf.distribution.values import local_results
from graphtf.ir.errors import Unsupported
from graphtf.placement import CPU, canonical
from graphtf.scopes import Place, at, device, scopes

__all__ = [
    "OneDeviceStrategy", "ParameterServerStrategy", "ReduceOp", "ReplicaContext", "Strategy", "StrategyExtended",
    "TPUStrategy", "experimental_set_strategy", "get_replica_context", "get_strategy", "has_strategy",
    "in_cross_replica_context", "maybe_merge_call", "strategy_supports_no_merge_call",
]  # fmt: skip


class StrategyExtended:
    """What libraries ask of a strategy; here of one with a single replica.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/StrategyExtended.

    >>> OneDeviceStrategy("CPU:0").extended.worker_devices
    ('/job:localhost/replica:0/task:0/device:CPU:0',)
    """

    def __init__(self, strategy: Strategy, devices: Sequence[str] = (CPU,)) -> None:
        self._strategy, self._devices = strategy, tuple(devices)
        self._across = Place(strategy)
        self._places = [Place(strategy, replica=k) for k in range(len(self._devices))]
        self._updating = [Place(strategy, updating=k) for k in range(len(self._devices))]

    @property
    def worker_devices(self) -> tuple[str, ...]:
        """The devices of its replicas."""
        return self._devices

    @property
    def parameter_devices(self) -> tuple[str, ...]:
        """The devices of its variables."""
        return self._devices

    @property
    def experimental_require_static_shapes(self) -> bool:
        return False

    def _in_multi_worker_mode(self) -> bool:
        return False

    def _use_merge_call(self) -> bool:
        return False

    def _create_variable(self, next_creator: Callable[..., Any], **kwargs: Any) -> Any:
        """What a variable made in the strategy's scope is."""
        with device(self._devices[0]):
            return next_creator(**kwargs)

    @contextmanager
    def colocate_vars_with(self, colocate_with_variable: Any) -> Iterator[None]:
        """Within, variables are made where another is: on all the strategy's devices, as every variable."""
        yield

    def variable_created_in_scope(self, v: Any) -> bool:
        """Was a variable made in this strategy's scope? Without replicas of it, any could have been."""
        return True

    def update(
        self, var: Any, fn: Callable[..., Any], args: Sequence[Any] = (), kwargs: Any = None, group: bool = True
    ) -> Any:
        """`fn(var, *args, **kwargs)` on each replica's copy of a variable."""
        return fn(var, *args, **(kwargs or {}))

    def call_for_each_replica(self, fn: Callable[..., Any], args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        """`fn` as each replica."""
        with at(self._places[0]), device(self._devices[0]):
            return fn(*args, **(kwargs or {}))

    def reduce_to(self, reduce_op: Any, value: Any, destinations: Any, options: Any = None) -> Any:
        """A value of replicas, combined, at its destinations. Raises ValueError for another `reduce_op`."""
        reduce_op_of(reduce_op)
        return value

    def batch_reduce_to(self, reduce_op: Any, value_destination_pairs: Any, options: Any = None) -> list[Any]:
        """Several of them."""
        return [self.reduce_to(reduce_op, value, to, options) for value, to in value_destination_pairs]

    def read_var(self, var: Any) -> Any:
        """The value of a variable."""
        return convert_to_tensor(var)

    def value_container(self, value: Any) -> Any:
        """What holds a replica's value: itself."""
        return value

    def _distributed(self, dataset: Any) -> Any:
        """A dataset, each element split between replicas."""
        from graphtf.distribution.datasets import DistributedDataset

        return DistributedDataset(dataset)

    _taking_turns = _distributed  # a dataset whose elements go to the replicas in turn


class Strategy:
    """How computation is spread over replicas; here one.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/Strategy.

    >>> get_strategy().run(lambda x: x + 1, args=(1,))
    2
    """

    def __init__(self, extended: StrategyExtended | None = None) -> None:
        self._extended = StrategyExtended(self) if extended is None else extended

    @property
    def extended(self) -> StrategyExtended:
        """What libraries ask of it."""
        return self._extended

    @property
    def num_replicas_in_sync(self) -> int:
        """How many replicas compute."""
        return len(self._extended._places)

    @property
    def cluster_resolver(self) -> None:
        return None

    def scope(self) -> AbstractContextManager[Strategy]:
        """Within, this is the strategy, and variables are its: with a copy for each replica if there are several.

        Entering raises RuntimeError inside the scope of another, and in a replica.
        """
        return _Scope(self)

    def run(self, fn: Callable[..., Any], args: Sequence[Any] = (), kwargs: Any = None, options: Any = None) -> Any:
        """`fn` as each replica, which gets its part of what is distributed among the arguments; what replicas return
        differently becomes `PerReplica`. Raises RuntimeError in a replica."""
        with self.scope():
            return self._extended.call_for_each_replica(fn, args, kwargs)

    def reduce(self, reduce_op: Any, value: Any, axis: int | None) -> Any:
        """A value of replicas, combined: the sum or mean over replicas, and along an axis if one is given, where a
        replica's share of the mean is its number of elements.

        Raises ValueError for another `reduce_op`, and for the sum of a value that is not distributed.
        """
        require_cross_replica(self)
        op, extended = reduce_op_of(reduce_op), self._extended
        if axis is None:
            found = nest.map_structure(lambda x: extended.reduce_to(op, x, CPU), value)
            return nest.map_structure(lambda x: local_results(x, 1)[0], found)
        if self.num_replicas_in_sync == 1:
            by = reduce_sum if op is ReduceOp.SUM else reduce_mean
            return nest.map_structure(lambda x: by(x, axis=axis), value)
        total = self._summed(lambda x: reduce_sum(x, axis=axis), value)
        if op is ReduceOp.SUM:
            return total
        counts = self._summed(lambda x: shape(x)[axis], value)
        return nest.map_structure(lambda x, n: x / cast(n, x.dtype), total, counts)

    def _summed(self, function: Callable[[Any], Any], value: Any) -> Any:
        """The sum over replicas of a function of their values."""
        return self.reduce(ReduceOp.SUM, self.run(lambda x: nest.map_structure(function, x), (value,)), None)

    def gather(self, value: Any, axis: int) -> Any:
        """Values of replicas, one after another along an axis. Raises ValueError for scalars."""
        require_cross_replica(self)
        return nest.map_structure(lambda x: gathered(x, axis), value)

    def experimental_local_results(self, value: Any) -> tuple[Any, ...]:
        """The value of each replica; one that is not distributed, once."""
        return local_results(value, self.num_replicas_in_sync)

    def experimental_distribute_dataset(self, dataset: Any, options: Any = None) -> Any:
        """The dataset with each element, a batch, split between replicas: into parts of the same size as far as it
        goes, the last ones shorter."""
        require_cross_replica(self)
        return self._extended._distributed(dataset)

    def distribute_datasets_from_function(self, dataset_fn: Callable[[InputContext], Any], options: Any = None) -> Any:
        """The dataset that a function makes, whose elements go to the replicas in turn."""
        require_cross_replica(self)
        return self._extended._taking_turns(dataset_fn(InputContext(num_replicas_in_sync=self.num_replicas_in_sync)))

    experimental_distribute_datasets_from_function = distribute_datasets_from_function

    def experimental_distribute_values_from_function(self, value_fn: Callable[[ValueContext], Any]) -> Any:
        """What a function makes for each replica, given a `ValueContext`."""
        return value_fn(ValueContext(0, 1))

    def group(self, value: Any, name: str | None = None) -> None:
        """Nothing: values are computed when they are given."""

    def unwrap(self, value: Any) -> tuple[Any, ...]:
        """As `experimental_local_results`."""
        return self.experimental_local_results(value)


class _Scope(AbstractContextManager[Strategy]):
    """The scope of a strategy, which stays until it is left, even where nobody keeps it."""

    def __init__(self, strategy: Strategy) -> None:
        self._strategy = strategy
        self._before: list[tuple[Any, Any]] = []

    def __enter__(self) -> Strategy:
        extended = self._strategy.extended
        require_cross_replica(self._strategy)
        self._before.append((scopes.place, scopes.creators))
        if scopes.place is None:
            scopes.place, scopes.creators = extended._across, (*scopes.creators, extended._create_variable)
        return self._strategy

    def __exit__(self, *exc: Any) -> None:
        scopes.place, scopes.creators = self._before.pop()


class _NoScope(_Scope):
    """The scope of the default strategy: within, nothing is different."""

    def __enter__(self) -> Strategy:
        if has_strategy():
            raise RuntimeError("Must not nest tf.distribute.Strategy scopes: the default strategy inside another")
        return self._strategy

    def __exit__(self, *exc: Any) -> None:
        pass


class _Default(Strategy):
    """What is in place where no strategy is: its scope changes nothing."""

    def scope(self) -> AbstractContextManager[Strategy]:
        return _NoScope(self)

    def run(self, fn: Callable[..., Any], args: Sequence[Any] = (), kwargs: Any = None, options: Any = None) -> Any:
        return fn(*args, **(kwargs or {}))

    def experimental_distribute_dataset(self, dataset: Any, options: Any = None) -> Any:
        return dataset

    def distribute_datasets_from_function(self, dataset_fn: Callable[[InputContext], Any], options: Any = None) -> Any:
        return dataset_fn(InputContext())


default.append(_Default())
_set: list[AbstractContextManager[Any]] = []  # the scope that `experimental_set_strategy` has entered


def experimental_set_strategy(strategy: Strategy | None) -> None:
    """Enter a strategy's scope for good, in place of one so entered before; None: the default's.

    Raises RuntimeError inside a scope that a `with` statement has entered.
    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/experimental_set_strategy.

    >>> experimental_set_strategy(None)
    """
    if _set:
        _set.pop().__exit__(None, None, None)
    if has_strategy():
        raise RuntimeError("Must not be called inside a `tf.distribute.Strategy` scope.")
    if strategy is not None:
        entered = strategy.scope()
        entered.__enter__()
        _set.append(entered)


class OneDeviceStrategy(Strategy):
    """All on one device. Raises ValueError for what is no device's name.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/OneDeviceStrategy.

    >>> OneDeviceStrategy("CPU:0").run(lambda x: x * 2, args=(21,))
    42
    """

    def __init__(self, device: str) -> None:
        super().__init__(StrategyExtended(self, [canonical(device)]))


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
