"""Variables with a copy for each replica.

Invariant: whoever works as a replica, or on a replica's behalf in `StrategyExtended.update`, reads and writes its copy;
elsewhere a `MirroredVariable` is its first copy and a `SyncOnReadVariable` what its aggregation makes of all.
Follows https://www.tensorflow.org/guide/distributed_training. Entry points: `DistributedVariable`, `distributed`.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from graphtf.convert import convert_to_tensor
from graphtf.distribution.context import get_replica_context
from graphtf.distribution.cross_device import ReduceOp, placed
from graphtf.distribution.values import DistributedValues, Mirrored, local_results, number_here
from graphtf.ir.state import Cell
from graphtf.scopes import device, scopes
from graphtf.tensor import EagerTensor, Reference, Tensor
from graphtf.variable import Variable, VariableAggregation, VariableSynchronization

if TYPE_CHECKING:
    from graphtf.distribution.strategy import Strategy

_SCATTERED = (
    "{} is only supported for mirrored variable (variable created within certain `tf.distribute.Strategy` scope) with "
    "NONE or `ONLY_FIRST_REPLICA` aggregation, got: {}."
)


class DistributedVariable(DistributedValues, Variable):
    """A variable of a strategy: `values` are the copies of its replicas.

    >>> from graphtf.distribution.mirrored import MirroredStrategy
    >>> with MirroredStrategy(["CPU:0", "CPU:1"]).scope():
    ...     Variable(1.0, name="v")
    MirroredVariable:{
      0: <tf.Variable 'v:0' shape=() dtype=float32, numpy=1.0>,
      1: <tf.Variable 'v/replica_1:0' shape=() dtype=float32, numpy=1.0>
    }
    """

    def __init__(self, strategy: Strategy, values: Sequence[Variable], aggregation: VariableAggregation) -> None:
        super().__init__(values)
        first = values[0]
        self._strategy, self._aggregation = strategy, aggregation
        for name in ("_name", "_unique_id", "_static", "_trainable", "_constraint", "_device"):
            setattr(self, name, getattr(first, name))
        for v in values:
            v.__dict__["_distributed_container"] = lambda: self

    # ---- what it is --------------------------------------------------------------------------------------------------

    @property
    def cell(self) -> Cell:  # type: ignore[override]
        """The storage of the copy at hand."""
        return self._root.cell

    @property
    def _root(self) -> Variable:
        number = number_here() if scopes.place is not None and scopes.place.strategy is self._strategy else None
        return self._values[number or 0]  # type: ignore[no-any-return]

    @property
    def _primary(self) -> Variable:
        return self._values[0]  # type: ignore[no-any-return]

    @property
    def distribute_strategy(self) -> Strategy:
        """The strategy whose variable it is."""
        return self._strategy

    def ref(self) -> Reference:
        return Reference(self)

    experimental_ref = ref

    def __deepcopy__(self, memo: dict[int, Any]) -> DistributedVariable:
        with self._alone():
            copies = [copy.deepcopy(v, memo) for v in self._values]
        twin = memo[id(self)] = type(self)(self._strategy, copies, self._aggregation)
        return twin

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Within, variables are made as if there were no strategy."""
        before, scopes.creators = scopes.creators, ()
        try:
            yield
        finally:
            scopes.creators = before

    # ---- assignment --------------------------------------------------------------------------------------------------

    def _changed(self, change: Callable[[Variable, Any], Any], value: Any, name: str) -> Any:
        """Apply `change` to the copies, or to the one at hand."""
        place = scopes.place
        if place is not None and place.updating is not None:
            return change(self._root, value)
        if place is not None and place.replica is not None:
            return self._changed_by_replica(change, value)
        with self._strategy.scope():
            return self._changed_for_all(change, value, name)

    def _changed_by_replica(self, change: Callable[[Variable, Any], Any], value: Any) -> Any:
        raise NotImplementedError

    def _changed_for_all(self, change: Callable[[Variable, Any], Any], value: Any, name: str) -> Any:
        raise NotImplementedError

    def _assigned(self, name: str, value: Any, read_value: bool) -> Any:
        return self._changed(lambda v, x: getattr(v, name)(x, read_value=read_value), value, name)

    def assign(self, value: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True) -> Any:
        """Set the value of all copies, or a replica's, as its aggregation says."""
        return self._assigned("assign", value, read_value)

    def assign_add(
        self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True
    ) -> Any:
        """Add to the value."""
        return self._assigned("assign_add", delta, read_value)

    def assign_sub(
        self, delta: Any, use_locking: bool = False, name: str | None = None, read_value: bool = True
    ) -> Any:
        """Subtract from the value."""
        return self._assigned("assign_sub", delta, read_value)

    def _assign_slice(self, key: Any, value: Any, name: str | None = None, read_value: bool = True) -> Any:
        return self._changed(lambda v, x: v._assign_slice(key, x, read_value=read_value), value, "assign")

    def _scatter_nd(self, indices: Any, updates: Any, combine: str, negate: bool = False) -> Any:
        return self._changed(lambda v, x: v._scatter_nd(indices, x, combine, negate), updates, "scatter_nd")

    def _scattered(self, name: str, slices: Any) -> Any:
        return self._changed(lambda v, x: getattr(v, name)(x), slices, name)


def _scattering(method: str) -> Callable[..., Any]:
    def scatter(self: Any, sparse_delta: Any, use_locking: bool = False, name: str | None = None) -> Any:
        return self._scattered(method, sparse_delta)

    scatter.__doc__ = getattr(Variable, method).__doc__
    return scatter


_SCATTERS = (
    "scatter_add", "scatter_sub", "scatter_update", "batch_scatter_update", "scatter_max", "scatter_min", "scatter_mul",
    "scatter_div",
)  # fmt: skip
for _name in _SCATTERS:
    setattr(DistributedVariable, _name, _scattering(_name))


class MirroredVariable(DistributedVariable, Mirrored):
    """A variable whose copies are kept equal: what replicas assign is combined first, as its aggregation says, and
    assigned to all; without an aggregation each replica sets its own.

    >>> from graphtf.distribution.mirrored import MirroredStrategy
    >>> strategy = MirroredStrategy(["CPU:0", "CPU:1"])
    >>> with strategy.scope():
    ...     v = Variable(0, aggregation=VariableAggregation.SUM)
    >>> added = strategy.run(lambda: v.assign_add(get_replica_context().replica_id_in_sync_group + 1))
    >>> v.numpy()
    np.int32(3)
    """

    def __getattr__(self, name: str) -> Any:
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    @property
    def synchronization(self) -> VariableSynchronization:
        return VariableSynchronization.ON_WRITE

    def __tf_tensor__(self, dtype: Any = None, name: str | None = None) -> Tensor:
        return Variable.__tf_tensor__(self, dtype, name)

    def _changed_by_replica(self, change: Callable[[Variable, Any], Any], value: Any) -> Any:
        context: Any = get_replica_context()
        if context.strategy is not self._strategy or self._aggregation is VariableAggregation.NONE:
            return change(self._root, value)

        def merged(strategy: Strategy, x: Any) -> Any:
            return strategy.extended.update(self, change, (self._aggregated(x),))

        return context.merge_call(merged, (value,))

    def _aggregated(self, value: Any) -> Any:
        """What the values of replicas make together."""
        by = self._aggregation
        if by is VariableAggregation.ONLY_FIRST_REPLICA:
            return placed(local_results(value, 1)[0], self)
        return self._strategy.extended.reduce_to(ReduceOp.from_variable_aggregation(by), value, self)

    def _changed_for_all(self, change: Callable[[Variable, Any], Any], value: Any, name: str) -> Any:
        return self._strategy.extended.update(self, change, (value,))

    def _scattered(self, name: str, slices: Any) -> Any:
        exact = self._aggregation in (VariableAggregation.NONE, VariableAggregation.ONLY_FIRST_REPLICA)
        if not exact and name in ("scatter_update", "scatter_max", "scatter_min"):
            raise NotImplementedError(_SCATTERED.format(name, self._aggregation))
        return super()._scattered(name, slices)


class SyncOnReadVariable(DistributedVariable):
    """A variable whose copies each replica changes by itself; reading it for all replicas combines them.

    >>> from graphtf.distribution.mirrored import MirroredStrategy
    >>> strategy = MirroredStrategy(["CPU:0", "CPU:1"])
    >>> with strategy.scope():
    ...     v = Variable(
    ...         0.0, synchronization=VariableSynchronization.ON_READ, aggregation=VariableAggregation.SUM)
    >>> added = strategy.run(lambda: v.assign_add(2.0))
    >>> v.numpy()
    np.float32(4.0)
    """

    @property
    def synchronization(self) -> VariableSynchronization:
        return VariableSynchronization.ON_READ

    def value(self) -> Tensor:
        """The replica's own value; for all replicas, the combined one. Raises ValueError if there is no aggregation."""
        if number_here() is not None:
            return self._root.value()
        if self._aggregation is VariableAggregation.ONLY_FIRST_REPLICA:
            return self._primary.value()
        with self._strategy.scope():
            by = ReduceOp.from_variable_aggregation(self._aggregation)
            return convert_to_tensor(self._strategy.reduce(by, self, axis=None))

    def numpy(self) -> Any:
        """The value, as `value` says."""
        return self.value().numpy() if number_here() is None else self._root.numpy()

    def _changed_by_replica(self, change: Callable[[Variable, Any], Any], value: Any) -> Any:
        return change(self._root, value)

    def _changed_for_all(self, change: Callable[[Variable, Any], Any], value: Any, name: str) -> Any:
        if self._aggregation is VariableAggregation.SUM:
            if name != "assign":
                raise ValueError(
                    f"SyncOnReadVariable does not support `{name}` in cross-replica context when aggregation is set to "
                    "`tf.VariableAggregation.SUM`."
                )
            whole = convert_to_tensor(value, None if isinstance(value, Tensor) else self.dtype)
            value = _share(whole, len(self._values))
        for v in self._values:
            change(v, value)
        return self

    def _scattered(self, name: str, slices: Any) -> Any:
        raise NotImplementedError(f"Variables with `synchronization=ON_READ` doesn't support `{name}`")

    def _scatter_nd(self, indices: Any, updates: Any, combine: str, negate: bool = False) -> Any:
        raise NotImplementedError("Variables with `synchronization=ON_READ` doesn't support `scatter_nd`")

    def _serialize_to_tensors(self) -> dict[str, Any]:
        return {"VARIABLE_VALUE": self.value()}


def _share(x: Tensor, count: int) -> Tensor:
    """What a copy holds where all of them add up to x."""
    from graphtf.api.creation import cast

    return cast(x / count, x.dtype)


# ---- making them -----------------------------------------------------------------------------------------------------


def distributed(
    strategy: Strategy, devices: Sequence[str], next_creator: Callable[..., Any], **kwargs: Any
) -> DistributedVariable:
    """A variable with a copy on each device, of the same value. Raises ValueError for a way to synchronize or to
    aggregate that there is not."""
    name = kwargs.get("name")
    aggregation = kwargs.get("aggregation") or VariableAggregation.NONE
    if not isinstance(aggregation, VariableAggregation):
        raise ValueError(f"Invalid variable aggregation mode: {aggregation} for variable: {name}")
    kind = _kind(kwargs.get("synchronization", VariableSynchronization.AUTO), name)
    values: list[Variable] = []
    for k, where in enumerate(devices):
        if k:
            kwargs["name"] = f"{name or 'Variable'}/replica_{k}"
            kwargs["initial_value"] = EagerTensor(values[0].cell.array.copy())
        with device(where):
            values.append(next_creator(**kwargs))
    if aggregation is VariableAggregation.MEAN and not values[0].dtype.is_floating:
        raise ValueError(
            "creating distributed tf.Variable with aggregation=MEAN and a non-floating dtype is not supported, please "
            "use a different aggregation or dtype"
        )
    return kind(strategy, values, aggregation)


def _kind(synchronization: Any, name: str | None) -> type[DistributedVariable]:
    if synchronization is VariableSynchronization.NONE:
        raise ValueError(
            "`NONE` variable synchronization mode is not supported with tf.distribute strategy. Please change the "
            f"`synchronization` for variable: {name}"
        )
    if synchronization is VariableSynchronization.ON_READ:
        return SyncOnReadVariable
    if synchronization in (VariableSynchronization.AUTO, VariableSynchronization.ON_WRITE, None):
        return MirroredVariable
    raise ValueError(f"Invalid variable synchronization mode: {synchronization} for variable: {name}")
