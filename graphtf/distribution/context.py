"""Which strategy a thread is in, and what a replica may ask.

Invariant: outside every scope the default strategy is in place, and code there runs as its only replica. Entry points:
`get_strategy`, `get_replica_context`, `require_cross_replica`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from graphtf import nest
from graphtf.convert import convert_to_tensor
from graphtf.distribution.cross_device import reduce_op_of
from graphtf.distribution.replicas import merge
from graphtf.indexed_slices import IndexedSlices
from graphtf.ir.op import Op, Unsupported
from graphtf.recording import active, record, recording_to
from graphtf.scopes import Place, scopes

if TYPE_CHECKING:
    from graphtf.distribution.strategy import Strategy

_CROSS_REPLICA = "Method requires being in cross-replica context, use get_replica_context().merge_call()"


class ReplicaContext:
    """What a function that runs as a replica may ask.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/ReplicaContext.

    >>> from graphtf.distribution.mirrored import MirroredStrategy
    >>> def replica():
    ...     context = get_replica_context()
    ...     return context.all_reduce("SUM", convert_to_tensor(1.0)) + float(context.replica_id_in_sync_group)
    >>> MirroredStrategy(["CPU:0", "CPU:1"]).run(replica)
    PerReplica:{
      0: <tf.Tensor: shape=(), dtype=float32, numpy=2.0>,
      1: <tf.Tensor: shape=(), dtype=float32, numpy=3.0>
    }
    """

    def __init__(self, strategy: Strategy, replica_id_in_sync_group: int = 0) -> None:
        self._strategy, self._id = strategy, replica_id_in_sync_group

    @property
    def strategy(self) -> Strategy:
        """The strategy it belongs to."""
        return self._strategy

    @property
    def num_replicas_in_sync(self) -> int:
        """How many replicas there are."""
        return self._strategy.num_replicas_in_sync

    @property
    def replica_id_in_sync_group(self) -> Any:
        """The replica's number, an int32 scalar."""
        return convert_to_tensor(self._id)

    @property
    def devices(self) -> tuple[str, ...]:
        """The device that the replica runs on."""
        return (self._strategy.extended.worker_devices[self._id],)

    def merge_call(self, merge_fn: Callable[..., Any], args: Sequence[Any] = (), kwargs: Any = None) -> Any:
        """`merge_fn(strategy, *args, **kwargs)`, once for all replicas, each of which must call it; what replicas give
        differently is `PerReplica` there.

        Raises RuntimeError inside a function that is traced within the replica, or if not all replicas call it.
        """
        across: Place = self._strategy.extended._across
        return merge(across, merge_fn, args, dict(kwargs or {}))

    def all_reduce(self, reduce_op: Any, value: Any, options: Any = None) -> Any:
        """Tensors of all replicas combined: their sum, or their mean. Gradients flow through to all replicas.

        `value` is a tensor or a structure of tensors. Raises ValueError for another `reduce_op`.
        """
        by = reduce_op_of(reduce_op)
        flat = [x if isinstance(x, nest.CompositeTensor) else convert_to_tensor(x) for x in nest.flatten(value)]
        if self.num_replicas_in_sync > 1:
            flat = self._combined(lambda xs: self._reduced(by, xs), lambda cts: self.all_reduce(by, cts), flat)
        return nest.pack_sequence_as(value, flat)

    def all_gather(self, value: Any, axis: int, options: Any = None) -> Any:
        """Tensors of all replicas, one after another along an axis. Gradients flow through to all replicas."""
        own = [convert_to_tensor(x) for x in nest.flatten(value)]
        if self.num_replicas_in_sync == 1:
            return nest.pack_sequence_as(value, own)
        found = self._combined(lambda xs: self._gathered(xs, axis), lambda cts: self._scattered(cts, own, axis), own)
        return nest.pack_sequence_as(value, found)

    def _combined(self, forward: Callable[..., Any], backward: Callable[..., Any], flat: list[Any]) -> list[Any]:
        """What replicas have together, for tapes one op whose gradient is `backward`."""
        if any(isinstance(x, IndexedSlices) for x in flat):
            return forward(flat)  # type: ignore[no-any-return]
        with recording_to(()):
            outs = forward(flat)
        if active.tapes:
            record(_all(backward), tuple(flat), {}, tuple(outs))
        return outs  # type: ignore[no-any-return]

    def _reduced(self, by: Any, flat: list[Any]) -> list[Any]:
        def combine(strategy: Strategy, *xs: Any) -> Any:
            return strategy.extended.batch_reduce_to(by, [(x, x) for x in xs])

        return [_fresh(x) for x in self.merge_call(combine, flat)]

    def _gathered(self, flat: list[Any], axis: int) -> list[Any]:
        def combine(strategy: Strategy, *xs: Any) -> Any:
            return [strategy.gather(x, axis) for x in xs]

        return [_fresh(x) for x in self.merge_call(combine, flat)]

    def _scattered(self, cts: Sequence[Any], own: Sequence[Any], axis: int) -> list[Any]:
        """The replica's part of what came together: the sum of cotangents, where its rows are."""
        from graphtf.api.creation import range as range_of
        from graphtf.api.reduce import reduce_sum
        from graphtf.api.selection import gather
        from graphtf.api.shaping import shape

        found = []
        for ct, x in zip(cts, own):
            rows = shape(x)[axis]
            begin = reduce_sum(self.all_gather(rows[None], 0)[: self._id])
            found.append(gather(self.all_reduce("SUM", ct), range_of(begin, begin + rows), axis=axis))
        return found


def _fresh(x: Any) -> Any:
    """The same value as a tensor of this replica's own."""
    from graphtf.api.shaping import identity

    if isinstance(x, IndexedSlices):
        return IndexedSlices(x.values, x.indices, x.dense_shape)
    return identity(x)


def _all(backward: Callable[[list[Any]], Any]) -> Op:
    """An op whose gradient is `backward` of the cotangents."""
    from graphtf.ir.ops.prims import full_like

    def vjp(cts: Sequence[Any], outs: Sequence[Any], *operands: Any) -> list[Any]:
        return list(backward([full_like(y, 0) if ct is None else ct for ct, y in zip(cts, outs)]))

    return Op(
        "all_replicas", "what replicas compute together", _recorded, _recorded, vjp,
        Unsupported("it is computed already"), arity=None, results=None,
    )  # fmt: skip


def _recorded(*args: Any, **attrs: Any) -> Any:
    raise TypeError("what replicas compute together is recorded as an op, but is not one to be applied")


class _DefaultContext(ReplicaContext):
    """The only replica of the default strategy."""

    @property
    def replica_id_in_sync_group(self) -> int:
        return 0


# ---- where a thread is -----------------------------------------------------------------------------------------------

default: list[Strategy] = []  # the strategy that is in place where no other is


def get_strategy() -> Strategy:
    """The strategy one is in.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/get_strategy.

    >>> get_strategy().num_replicas_in_sync
    1
    """
    return default[0] if scopes.place is None else scopes.place.strategy  # type: ignore[no-any-return]


def has_strategy() -> bool:
    """Is a strategy other than the default in place?

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/has_strategy.

    >>> has_strategy()
    False
    """
    return get_strategy() is not default[0]


def in_cross_replica_context() -> bool:
    """Does code run for all replicas together?

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/in_cross_replica_context.

    >>> in_cross_replica_context()
    False
    """
    return scopes.place is not None and scopes.place.replica is None


def get_replica_context() -> ReplicaContext | None:
    """The replica that runs; None where code runs for all.

    Follows https://www.tensorflow.org/api_docs/python/tf/distribute/get_replica_context.

    >>> get_replica_context().num_replicas_in_sync
    1
    """
    place = scopes.place
    if place is None:
        return _DefaultContext(default[0])
    return None if place.replica is None else ReplicaContext(place.strategy, place.replica)


def require_cross_replica(strategy: Strategy) -> None:
    """Raises RuntimeError unless code runs for all replicas of the strategy, or in none's scope."""
    place = scopes.place
    if place is None or (place.replica is None and place.strategy is strategy):
        return
    if place.strategy is not strategy:
        raise RuntimeError(f"Mixing different tf.distribute.Strategy objects: {place.strategy} is not {strategy}")
    raise RuntimeError(_CROSS_REPLICA)


def maybe_merge_call(fn: Callable[..., Any], strategy: Strategy, *args: Any, **kwargs: Any) -> Any:
    """`fn(strategy, …)` for all replicas: called by each that need not meet, else merged."""
    if strategy_supports_no_merge_call():
        return fn(strategy, *args, **kwargs)
    context = get_replica_context()
    if context is None:
        raise RuntimeError("this must be called by a replica: in a function that `strategy.run` runs")
    return context.merge_call(fn, args, kwargs)


def strategy_supports_no_merge_call() -> bool:
    """Can replicas do without meeting?"""
    return not get_strategy().extended._use_merge_call()
