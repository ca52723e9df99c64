"""`tf.queue`: queues of elements, each a tensor or several.

Invariant: an element leaves a queue whole; who finds a queue full or empty waits, until somebody takes or puts
something, or closes it. In a function a queue is used when the program runs, in its order. Entry points: the classes.
"""

from __future__ import annotations

import heapq
import itertools
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.api.python import numpy_function
from graphtf.convert import convert_to_tensor
from graphtf.functions.trace import active_trace
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.errors import CancelledError, InvalidArgumentError, OutOfRangeError
from graphtf.refusal import invalid
from graphtf.spec import TensorSpec
from graphtf.tensor import EagerTensor, Tensor
from graphtf.tensor_shape import TensorShape, as_shape

Array = np.ndarray[Any, Any]
Element = tuple[Array, ...]


class QueueBase:
    """What queues share. Follows https://www.tensorflow.org/api_docs/python/tf/queue/QueueBase."""

    def __init__(self, dtypes: Any, shapes: Any, names: Any, queue_ref: Any = None) -> None:
        listed = dtypes if isinstance(dtypes, (list, tuple)) else [dtypes]
        self._dtypes = [as_dtype(d) for d in listed]
        if not self._dtypes:
            raise ValueError("a queue needs at least one dtype")
        self._shapes = _shapes(shapes, len(self._dtypes))
        self._names = None if names is None else list(names if isinstance(names, (list, tuple)) else [names])
        if self._names is not None and len(self._names) != len(self._dtypes):
            raise ValueError(f"expected {len(self._dtypes)} names, one for each component, got {self._names}")
        self._name, self._capacity, self._kept = "queue", -1, 0
        self._held: Any = deque()
        self._closed = False
        self._changed = threading.Condition()

    # ---- what it is --------------------------------------------------------------------------------------------------

    @property
    def dtypes(self) -> list[Any]:
        """The dtype of each component of an element."""
        return list(self._dtypes)

    @property
    def shapes(self) -> list[TensorShape]:
        """What is known of the shape of each component."""
        return list(self._shapes)

    @property
    def names(self) -> list[str] | None:
        """The names of components, if elements are dictionaries."""
        return self._names

    @property
    def name(self) -> str:
        return self._name

    @property
    def queue_ref(self) -> Any:
        return self

    @staticmethod
    def from_list(index: Any, queues: Sequence[QueueBase]) -> QueueBase:
        """One of several queues of the same dtypes. Raises TypeError if they differ."""
        if not queues or any(q.dtypes != queues[0].dtypes for q in queues):
            raise TypeError("Queues do not have matching component dtypes.")
        return queues[int(index)]

    def size(self, name: str | None = None) -> Tensor:
        """The number of elements."""
        return self._run(lambda: [np.array(len(self._held), np.int32)], [], [TensorSpec([], dt.int32)])[0]

    def is_closed(self, name: str | None = None) -> Tensor:
        """Has it been closed?"""
        return self._run(lambda: [np.array(self._closed)], [], [TensorSpec([], dt.bool_)])[0]

    def close(self, cancel_pending_enqueues: bool = False, name: str | None = None) -> None:
        """Take no more elements; those there are may be taken out still."""

        def shut() -> list[Array]:
            with self._changed:
                self._closed = True
                self._changed.notify_all()
            return []

        self._run(shut, [], [])

    # ---- in and out --------------------------------------------------------------------------------------------------

    def enqueue(self, vals: Any, name: str | None = None) -> None:
        """Put an element in, waiting for room. Raises CancelledError if the queue is closed.

        Raises ValueError for another number of components, InvalidArgumentError (tracing: ValueError) for a component
        of another shape.
        """
        parts = self._parts(vals)
        for x, shape in zip(parts, self._shapes):
            self._fits(x.shape, shape)
        self._run(lambda *arrays: self._put([arrays]), parts, [])

    def enqueue_many(self, vals: Any, name: str | None = None) -> None:
        """Put in an element for each row of the components."""
        parts = self._parts(vals)
        for x, shape in zip(parts, self._shapes):
            if x.shape.rank == 0:
                raise ValueError("enqueue_many: components must have at least one axis")
            self._fits(x.shape[1:], shape)
        self._run(lambda *arrays: self._put(list(zip(*arrays, strict=True))), parts, [])

    def dequeue(self, name: str | None = None) -> Any:
        """Take an element out, waiting for one. Raises OutOfRangeError if the queue is closed and empty."""
        specs = [TensorSpec(s, d) for s, d in zip(self._shapes, self._dtypes)]
        return self._packed(self._run(lambda: list(self._take(1)[0]), [], specs))

    def dequeue_many(self, n: Any, name: str | None = None) -> Any:
        """Take n elements out, stacked. Raises OutOfRangeError if the queue is closed and holds fewer."""
        return self._several(n, whole=True)

    def dequeue_up_to(self, n: Any, name: str | None = None) -> Any:
        """As `dequeue_many`, of fewer elements if the queue is closed."""
        return self._several(n, whole=False)

    def _several(self, n: Any, whole: bool) -> Any:
        for shape in self._shapes:
            self._check_stackable(shape)
        count = convert_to_tensor(n, dt.int32)
        number = int(count) if isinstance(count, EagerTensor) and whole else None
        specs = [
            TensorSpec(None if s.rank is None else [number, *s.as_list()], d)
            for s, d in zip(self._shapes, self._dtypes)
        ]
        run: Callable[[Any], list[Array]] = lambda k: self._stacked(self._take(int(k), whole))  # noqa: E731
        return self._packed(self._run(run, [count], specs))

    def _check_stackable(self, shape: TensorShape) -> None:
        if not shape.is_fully_defined():
            raise InvalidArgumentError(None, None, "dequeue_many needs the shapes of components to be known")

    def _stacked(self, elements: Sequence[Element]) -> list[Array]:
        if not elements:
            return [np.zeros((0, *s.as_list()), d.np) for s, d in zip(self._shapes, self._dtypes)]
        return [np.stack(parts) for parts in zip(*elements)]

    # ---- elements ----------------------------------------------------------------------------------------------------

    def _parts(self, vals: Any) -> list[Tensor]:
        """The components of an element, or of several."""
        if self._names is not None:
            if not isinstance(vals, dict) or sorted(vals) != sorted(self._names):
                raise ValueError(f"elements must be dictionaries of {self._names}, got {vals!r}")
            vals = [vals[n] for n in self._names]
        elif isinstance(vals, dict):
            raise ValueError("the queue has no names, so elements must not be dictionaries")
        elif not isinstance(vals, (list, tuple)) or (len(self._dtypes) == 1 and len(vals) != 1):
            vals = [vals]
        if len(vals) != len(self._dtypes):
            raise ValueError(f"expected {len(self._dtypes)} components, got {len(vals)}")
        return [convert_to_tensor(x, d) for x, d in zip(vals, self._dtypes)]

    def _fits(self, have: TensorShape, want: TensorShape) -> None:
        if not have.is_compatible_with(want):
            raise invalid("enqueue", f"Shape {have} is not compatible with the shape {want} of the queue's components")

    def _packed(self, parts: Sequence[Tensor]) -> Any:
        if self._names is not None:
            return dict(zip(self._names, parts))
        return parts[0] if len(parts) == 1 else list(parts)

    def _put(self, elements: Sequence[Element]) -> list[Array]:
        with self._changed:
            for x in elements:
                self._changed.wait_for(lambda: self._closed or self._capacity < 0 or len(self._held) < self._capacity)
                if self._closed:
                    raise CancelledError(None, None, f"Queue '{self._name}' is closed.")
                self._keep(x)
                self._changed.notify_all()
        return []

    def _take(self, count: int, whole: bool = True) -> list[Element]:
        taken: list[Element] = []
        with self._changed:
            while len(taken) < count:
                self._changed.wait_for(lambda: self._closed or len(self._held) > self._kept)
                if self._closed and len(self._held) < count - len(taken) and (whole or not (self._held or taken)):
                    for x in taken:
                        self._keep(x)
                    message = f"Queue '{self._name}' is closed and has insufficient elements"
                    raise OutOfRangeError(
                        None, None, f"{message} (requested {count}, current size {len(self._held)})"
                    )
                if not self._held:
                    break
                taken.append(self._next())
                self._changed.notify_all()
        return taken

    def _keep(self, x: Element) -> None:
        self._held.append(x)

    def _next(self) -> Element:
        return self._held.popleft()  # type: ignore[no-any-return]

    def _run(self, function: Callable[..., list[Array]], operands: list[Tensor], specs: list[TensorSpec]) -> Any:
        """A function of arrays: called now, or when the program runs."""
        if active_trace() is not None:
            return numpy_function(function, operands, specs)
        return [EagerTensor(np.asarray(a)) for a in function(*(np.array(x._array) for x in operands))]  # type: ignore[attr-defined]


def _shapes(shapes: Any, count: int) -> list[TensorShape]:
    if shapes is None:
        return [TensorShape(None)] * count
    many = isinstance(shapes, (list, tuple)) and any(isinstance(s, (list, tuple, TensorShape)) for s in shapes)
    listed = list(shapes) if many else [shapes]
    if len(listed) != count:
        raise invalid("queue", f"shapes must be as many as dtypes, got {len(listed)} and {count}")
    return [as_shape(s) for s in listed]


class FIFOQueue(QueueBase):
    """First in, first out; `capacity` elements at most, or with -1 any number.

    Follows https://www.tensorflow.org/api_docs/python/tf/queue/FIFOQueue.

    >>> q = FIFOQueue(3, "int32")
    >>> q.enqueue(5)
    >>> q.enqueue_many([[6, 7]])
    >>> int(q.dequeue()), int(q.size())
    (5, 2)
    """

    def __init__(
        self, capacity: int, dtypes: Any, shapes: Any = None, names: Any = None, shared_name: str | None = None,
        name: str = "fifo_queue",
    ) -> None:  # fmt: skip
        super().__init__(dtypes, shapes, names)
        self._capacity, self._name = int(capacity), name


class PaddingFIFOQueue(FIFOQueue):
    """First in, first out, of components of any size along axes whose size is None: `dequeue_many` fills up with zeros.

    Raises ValueError without shapes. Follows https://www.tensorflow.org/api_docs/python/tf/queue/PaddingFIFOQueue.
    """

    def __init__(
        self, capacity: int, dtypes: Any, shapes: Any, names: Any = None, shared_name: str | None = None,
        name: str = "padding_fifo_queue",
    ) -> None:  # fmt: skip
        super().__init__(capacity, dtypes, shapes, names, shared_name, name)
        if any(s.rank is None for s in self._shapes):
            raise ValueError(f"the ranks of the components must be known, got {self._shapes}")

    def _check_stackable(self, shape: TensorShape) -> None:
        pass  # what differs is filled up

    def _stacked(self, elements: Sequence[Element]) -> list[Array]:
        found = []
        for parts, shape, dtype in zip(zip(*elements), self._shapes, self._dtypes):
            sizes = np.max([x.shape for x in parts], axis=0) if shape.rank else ()
            wide = np.full((len(parts), *sizes), b"" if dtype is dt.string else 0, dtype.np)
            for row, x in zip(wide, parts):
                row[tuple(slice(n) for n in x.shape)] = x
            if not shape.rank:
                wide = np.stack(parts)
            found.append(wide)
        return found or super()._stacked(elements)


class RandomShuffleQueue(QueueBase):
    """Elements leave in random order; `min_after_dequeue` of them stay, until the queue is closed.

    Follows https://www.tensorflow.org/api_docs/python/tf/queue/RandomShuffleQueue.
    """

    def __init__(
        self, capacity: int, min_after_dequeue: int, dtypes: Any, shapes: Any = None, names: Any = None,
        seed: int | None = None, shared_name: str | None = None, name: str = "random_shuffle_queue",
    ) -> None:  # fmt: skip
        super().__init__(dtypes, shapes, names)
        self._capacity, self._name, self._kept = int(capacity), name, int(min_after_dequeue)
        self._held = []
        self._draw = np.random.default_rng(seed)

    def _next(self) -> Element:
        at = int(self._draw.integers(len(self._held)))
        self._held[at], self._held[-1] = self._held[-1], self._held[at]
        return self._held.pop()  # type: ignore[no-any-return]


class PriorityQueue(QueueBase):
    """The element of the least priority leaves first: an int64 in front of the components of `types`.

    Follows https://www.tensorflow.org/api_docs/python/tf/queue/PriorityQueue.
    """

    def __init__(
        self, capacity: int, types: Any, shapes: Any, names: Any = None, shared_name: str | None = None,
        name: str = "priority_queue",
    ) -> None:  # fmt: skip
        listed = list(types) if isinstance(types, (list, tuple)) else [types]
        super().__init__([dt.int64, *listed], [TensorShape([]), *_shapes(shapes, len(listed))], names)
        self._capacity, self._name = int(capacity), name
        self._held = []
        self._arrived = itertools.count()

    def _keep(self, x: Element) -> None:
        heapq.heappush(self._held, (int(x[0]), next(self._arrived), x))

    def _next(self) -> Element:
        return heapq.heappop(self._held)[2]  # type: ignore[no-any-return]
