"""The keys and values of a table, on the host.

Invariant: keys are bytes or integers; values are elements of one dtype, or arrays of one shape. A table that is no
longer changed answers for integers by binary search. Entry point: `Entries`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.ir.dtypes import DType
from graphtf.ir.errors import FailedPreconditionError

Array = np.ndarray[Any, Any]


class Entries:
    """A mapping from keys to values of a shape."""

    def __init__(self, key_dtype: DType, value_dtype: DType, value_shape: tuple[int, ...] = ()) -> None:
        self.key_dtype, self.value_dtype, self.value_shape = key_dtype, value_dtype, value_shape
        self._held: dict[Any, Any] = {}
        self._sorted: tuple[Array, Array] | None = None

    def __len__(self) -> int:
        return len(self._held)

    def load(self, keys: Array, values: Array) -> None:
        """Take entries that are new, or the same as before. Raises FailedPreconditionError for another value of a
        key."""
        for key, value in zip(keys.reshape(-1).tolist(), values.reshape(-1).tolist()):
            before = self._held.setdefault(key, value)
            if before != value:
                raise FailedPreconditionError(
                    None, None, f"HashTable has different value for same key. Key {key!r} has {before!r} and trying to "
                    f"add value {value!r}",
                )  # fmt: skip
        self._sorted = None

    def put(self, keys: Array, values: Array) -> None:
        """Take entries, in place of those before."""
        flat = keys.reshape(-1).tolist()
        if self.value_shape:
            rows: Any = [np.array(row) for row in values.reshape(len(flat), *self.value_shape)]
        else:
            rows = values.reshape(-1).tolist()
        self._held.update(zip(flat, rows))
        self._sorted = None

    def remove(self, keys: Array) -> None:
        """Forget keys; those that are not there do not matter."""
        for key in keys.reshape(-1).tolist():
            self._held.pop(key, None)
        self._sorted = None

    def clear(self) -> None:
        self._held.clear()
        self._sorted = None

    def get(self, keys: Array, default: Array) -> Array:
        """The values of keys, the default elsewhere: one, or one for each key."""
        if not self.value_shape and default.ndim == 0 and keys.dtype != object and len(self._held):
            return self._by_search(keys, default)
        flat = keys.reshape(-1).tolist()
        if not self.value_shape and default.ndim == 0:
            other, get = default[()], self._held.get
            found: Any = [get(key, other) for key in flat]
        else:
            each = np.broadcast_to(default, (*keys.shape, *self.value_shape)).reshape(len(flat), *self.value_shape)
            found = [self._held.get(key, other) for key, other in zip(flat, each)]
        out = np.empty((len(flat), *self.value_shape), self.value_dtype.np)
        for k, value in enumerate(found):
            out[k] = value
        return out.reshape((*keys.shape, *self.value_shape))

    def _by_search(self, keys: Array, default: Array) -> Array:
        if self._sorted is None:
            own, values = self.export()
            order = np.argsort(own)
            self._sorted = own[order], values[order]
        own, values = self._sorted
        at = np.minimum(np.searchsorted(own, keys), len(own) - 1)
        return np.where(own[at] == keys, values[at], default).astype(self.value_dtype.np, copy=False)

    def export(self) -> tuple[Array, Array]:
        """All keys and their values."""
        keys = np.empty(len(self._held), self.key_dtype.np)
        values = np.empty((len(self._held), *self.value_shape), self.value_dtype.np)
        for k, (key, value) in enumerate(self._held.items()):
            keys[k], values[k] = key, value
        return keys, values
