"""The methods of `Dataset` that give another dataset.

Invariant: each adds names, defaults and checks to one node. Arguments that only say how many threads to use, or to run
ahead, change nothing here: elements come in their order, and a stage runs when its elements are asked for. Entry point:
`Transformations`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from graphtf.convert import convert_to_tensor
from graphtf.data import AUTOTUNE
from graphtf.data.batching import Batch, PaddedBatch, Unbatch, Window, padded_shapes
from graphtf.data.calls import Filter, FlatMap, Interleave, Map, Scan, TakeWhile
from graphtf.data.constructors import shuffled
from graphtf.data.node import Node, integer
from graphtf.data.order import Asserted, Concatenate, Enumerate, Repeat, Shard, Skip, Take
from graphtf.data.prefetch import Prefetch
from graphtf.data.structure import flatten, same_shape
from graphtf.ir.dtypes import bool_, string
from graphtf.spec import TensorSpec
from graphtf.tensor import Tensor


class Transformations:
    """What becomes of a dataset."""

    _of: Callable[..., Any]
    _node: Node
    _options: Any

    def _then(self, node: Node) -> Any:
        """The dataset of a stage that follows."""
        return self._of(node, self._options)

    def apply(self, transformation_func: Any) -> Any:
        """What a function makes of the dataset. Raises TypeError if that is no dataset.

        >>> from graphtf.data.dataset import Dataset
        >>> [int(x) for x in Dataset.range(5).apply(lambda ds: ds.take(2))]
        [0, 1]
        """
        found = transformation_func(self)
        if not isinstance(found, Transformations):
            raise TypeError(f"`transformation_func` must return a `tf.data.Dataset` object, got {type(found)}.")
        return found

    # ---- functions of elements ---------------------------------------------------------------------------------------

    def map(
        self, map_func: Any, num_parallel_calls: Any = None, deterministic: bool | None = None,
        synchronous: bool | None = None, use_unbounded_threadpool: bool | None = None, name: str | None = None,
    ) -> Any:  # fmt: skip
        """A function of each element, traced once; it takes the parts of a tuple as arguments.

        >>> from graphtf.data.dataset import Dataset
        >>> [int(x) for x in Dataset.range(3).map(lambda x: x + 10)]
        [10, 11, 12]
        """
        return self._then(Map(self._node, map_func))

    def filter(self, predicate: Any, name: str | None = None) -> Any:
        """The elements for which a function holds. Raises ValueError unless it gives a bool scalar.

        >>> from graphtf.data.dataset import Dataset
        >>> [int(x) for x in Dataset.range(5).filter(lambda x: x > 2)]
        [3, 4]
        """
        return self._then(Filter(self._node, predicate, "filter"))

    def take_while(self, predicate: Any, name: str | None = None) -> Any:
        """The elements before the first for which a function does not hold.

        >>> from graphtf.data.dataset import Dataset
        >>> [int(x) for x in Dataset.range(9).take_while(lambda x: x < 3)]
        [0, 1, 2]
        """
        return self._then(TakeWhile(self._node, predicate, "take_while"))

    def flat_map(self, map_func: Any, name: str | None = None) -> Any:
        """The elements of the datasets that a function gives, one dataset after the other.

        Raises TypeError if it gives something else.

        >>> from graphtf.data.dataset import Dataset
        >>> rows = Dataset.from_tensor_slices([[1, 2], [3, 4]])
        >>> [int(x) for x in rows.flat_map(Dataset.from_tensor_slices)]
        [1, 2, 3, 4]
        """
        return self._then(FlatMap(self._node, map_func))

    def interleave(
        self, map_func: Any, cycle_length: Any = None, block_length: Any = None, num_parallel_calls: Any = None,
        deterministic: bool | None = None, name: str | None = None,
    ) -> Any:  # fmt: skip
        """`block_length` elements (1) at a time of each of `cycle_length` datasets in turn, which a function gives; by
        default as many as there are processors.

        >>> from graphtf.data.dataset import Dataset
        >>> twice = Dataset.range(1, 4).interleave(lambda x: Dataset.from_tensors(x).repeat(2), cycle_length=2)
        >>> [int(x) for x in twice]
        [1, 2, 1, 2, 3, 3]
        """
        cycle = len(os.sched_getaffinity(0)) if cycle_length is None else cycle_length
        if isinstance(cycle, int) and cycle == AUTOTUNE:
            cycle = len(os.sched_getaffinity(0))
        return self._then(Interleave(self._node, map_func, cycle, 1 if block_length is None else block_length))

    def scan(self, initial_state: Any, scan_func: Any, name: str | None = None) -> Any:
        """What a function gives beside the next state: `state, output = scan_func(state, element)`.

        >>> from graphtf.data.dataset import Dataset
        >>> running = Dataset.range(1, 5).scan(convert_to_tensor(0, "int64"), lambda s, x: (s + x, s + x))
        >>> [int(x) for x in running]
        [1, 3, 6, 10]
        """
        return self._then(Scan(self._node, initial_state, scan_func))

    # ---- which elements, and in what order ---------------------------------------------------------------------------

    def take(self, count: Any, name: str | None = None) -> Any:
        """The first `count` elements; all for -1."""
        return self._then(Take(self._node, integer(count, "count")))

    def skip(self, count: Any, name: str | None = None) -> Any:
        """What comes after the first `count` elements; nothing for -1."""
        return self._then(Skip(self._node, integer(count, "count")))

    def shard(self, num_shards: Any, index: Any, name: str | None = None) -> Any:
        """Every `num_shards`-th element, from number `index` on. Raises InvalidArgumentError for numbers out of range.

        >>> from graphtf.data.dataset import Dataset
        >>> [int(x) for x in Dataset.range(10).shard(3, 1)]
        [1, 4, 7]
        """
        node = Shard(self._node, integer(num_shards, "num_shards"), integer(index, "index"))
        if node.known(0) is not None and node.known(1) is not None:
            node._numbers()
        return self._then(node)

    def repeat(self, count: Any = None, name: str | None = None) -> Any:
        """All elements `count` times; without end for None or -1."""
        return self._then(Repeat(self._node, integer(-1 if count is None else count, "count")))

    def shuffle(
        self, buffer_size: Any, seed: Any = None, reshuffle_each_iteration: bool | None = None, name: str | None = None
    ) -> Any:
        """Elements drawn at random from a buffer of the next `buffer_size`: in TensorFlow's order for the same seeds.

        Every pass has another order unless `reshuffle_each_iteration` is False.

        >>> from graphtf.data.dataset import Dataset
        >>> sorted(int(x) for x in Dataset.range(5).shuffle(3, seed=1))
        [0, 1, 2, 3, 4]
        """
        return self._then(shuffled(self._node, buffer_size, seed, reshuffle_each_iteration))

    def concatenate(self, dataset: Any, name: str | None = None) -> Any:
        """These elements, then those of another dataset. Raises TypeError where structures or dtypes differ."""
        return self._then(Concatenate(self._node, dataset._node))

    def enumerate(self, start: Any = 0, name: str | None = None) -> Any:
        """(number, element) pairs; numbers are int64.

        >>> from graphtf.data.dataset import Dataset
        >>> list(Dataset.from_tensor_slices([7, 8]).enumerate(5).as_numpy_iterator())
        [(np.int64(5), np.int32(7)), (np.int64(6), np.int32(8))]
        """
        return self._then(Enumerate(self._node, start))

    def prefetch(self, buffer_size: Any, name: str | None = None) -> Any:
        """The same elements, made ahead by a thread of its own once making one takes longer than handing it over."""
        return self._then(Prefetch(self._node, integer(buffer_size, "buffer_size")))

    # ---- batches -----------------------------------------------------------------------------------------------------

    def batch(
        self, batch_size: Any, drop_remainder: bool = False, num_parallel_calls: Any = None,
        deterministic: bool | None = None, name: str | None = None,
    ) -> Any:  # fmt: skip
        """`batch_size` elements stacked; fewer at the end, unless `drop_remainder`.

        While iterating: InvalidArgumentError for elements of different shapes, or a size below 1.

        >>> from graphtf.data.dataset import Dataset
        >>> [x.tolist() for x in Dataset.range(5).batch(2).as_numpy_iterator()]
        [[0, 1], [2, 3], [4]]
        """
        return self._then(Batch(self._node, integer(batch_size, "batch_size"), bool(drop_remainder)))

    def padded_batch(
        self, batch_size: Any, padded_shapes: Any = None, padding_values: Any = None, drop_remainder: bool = False,
        name: str | None = None,
    ) -> Any:  # fmt: skip
        """`batch_size` elements filled up to one shape with `padding_values` (0, or the empty string) and stacked.

        `padded_shapes` has None for the largest size in the batch. Raises TypeError for parts that are no tensors,
        ValueError for shapes that do not fit.

        >>> from graphtf.data.dataset import Dataset
        >>> rows = Dataset.range(1, 4).map(lambda n: convert_to_tensor([n])[:, None] * n)
        >>> [x.tolist() for x in rows.padded_batch(2, padded_shapes=[1, 2]).as_numpy_iterator()]
        [[[[1, 0]], [[4, 0]]], [[[9, 0]]]]
        """
        structure = self._node.structure
        if not structure.dense:
            raise TypeError(f"`padded_batch` is only supported for datasets that produce tensors, got {structure}")
        shapes = _padded_shapes(structure, padded_shapes)
        values = padding_tensors(structure, padding_values)
        size = integer(batch_size, "batch_size")
        return self._then(PaddedBatch(self._node, size, shapes, values, bool(drop_remainder)))

    def unbatch(self, name: str | None = None) -> Any:
        """The rows of every element. Raises ValueError for scalars.

        >>> from graphtf.data.dataset import Dataset
        >>> [int(x) for x in Dataset.range(3).batch(2).unbatch()]
        [0, 1, 2]
        """
        return self._then(Unbatch(self._node))

    def window(
        self, size: Any, shift: Any = None, stride: Any = 1, drop_remainder: bool = False, name: str | None = None
    ) -> Any:
        """Datasets of `size` elements, `stride` apart, that start `shift` (`size`) apart.

        >>> from graphtf.data.dataset import Dataset
        >>> [[int(x) for x in w] for w in Dataset.range(5).window(3, shift=2)]
        [[0, 1, 2], [2, 3, 4], [4]]
        """
        sizes = (size, size if shift is None else shift, stride)
        held = [integer(x, name) for x, name in zip(sizes, ("size", "shift", "stride"))]
        return self._then(Window(self._node, held, bool(drop_remainder), self._of, self._spec_of))

    def _spec_of(self, spec: Any) -> Any:
        return type(self._of(self._node)._type_spec)(spec)  # type: ignore[attr-defined]

    def assert_cardinality(self, expected_cardinality: Any) -> Any:
        """The same elements, promised to be so many. While iterating: FailedPreconditionError for another number."""
        return self._then(Asserted(self._node, int(expected_cardinality)))


def _padded_shapes(structure: Any, given: Any) -> Any:
    return padded_shapes(structure, given)


def _padding_values(structure: Any, given: Any) -> list[Any]:
    """The value for each leaf; one for all that are given none."""
    if given is None or (not isinstance(given, (tuple, dict)) and len(structure.specs) > 1):
        return [given] * len(structure.specs)
    if not same_shape(structure.template, given):
        raise ValueError(f"padding_values has the structure of {given!r}, expected that of {structure!r}")
    return flatten(given)


def padding_tensors(structure: Any, given: Any) -> list[Tensor]:
    """The scalar for each leaf to fill up with."""
    return [_padding(s, v) for s, v in zip(structure.specs, _padding_values(structure, given))]


def _padding(spec: TensorSpec, value: Any) -> Tensor:
    """The scalar to fill up with. Raises TypeError for another dtype, ValueError for no scalar."""
    if value is None:
        value = b"" if spec.dtype is string else False if spec.dtype is bool_ else 0
    made = convert_to_tensor(value, spec.dtype) if not isinstance(value, Tensor) else value
    if made.dtype is not spec.dtype:
        raise TypeError(f"padding value {value!r} has dtype {made.dtype.name}, expected {spec.dtype.name}")
    if made.shape.rank not in (0, None):
        raise ValueError(f"the padding value must be a scalar, got shape {made.shape}")
    return made
