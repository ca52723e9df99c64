"""`tf.lookup` tables: static ones, filled once, and ones that programs change.

Invariant: the entries live on the host; in a trace each use of a table is a host operation, which keeps program order.
Entry points: `StaticHashTable`, `StaticVocabularyTable`, `MutableHashTable`, `DenseHashTable`.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.api.farmhash import fingerprint64
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.functions.trace import init_scope
from graphtf.host_functions import HostFunction, host_function
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import as_dtype
from graphtf.ragged_tensor import RaggedTensor
from graphtf.refusal import failed
from graphtf.saved_model_format.options import TrackableResource
from graphtf.sparse_tensor import SparseTensor
from graphtf.tables.entries import Entries
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]
_serial = itertools.count()


class LookupInterface(TrackableResource):
    """What all tables have."""

    def __init__(self, key_dtype: Any, value_dtype: Any, name: str | None = None) -> None:
        self._key_dtype, self._value_dtype = as_dtype(key_dtype), as_dtype(value_dtype)
        self._name = name or f"table_{next(_serial)}"

    @property
    def key_dtype(self) -> dt.DType:
        return self._key_dtype

    @property
    def value_dtype(self) -> dt.DType:
        return self._value_dtype

    @property
    def name(self) -> str:
        return self._name

    @property
    def resource_handle(self) -> Any:
        """The table itself: there is no other handle."""
        return self

    def lookup(self, keys: Any, name: str | None = None) -> Any:
        raise NotImplementedError

    def size(self, name: str | None = None) -> Tensor:
        raise NotImplementedError

    def __getitem__(self, keys: Any) -> Any:
        return self.lookup(keys)

    def _check_dtypes(self, key_dtype: dt.DType, value_dtype: dt.DType) -> None:
        if key_dtype is not self.key_dtype or value_dtype is not self.value_dtype:
            raise TypeError(
                f"Invalid key dtype for table, expected {self.key_dtype.name} to {self.value_dtype.name} but got "
                f"{key_dtype.name} to {value_dtype.name}."
            )

    def _over(self, keys: Any, function: Callable[[Tensor], Tensor]) -> Any:
        """A function of dense keys, applied to the values of sparse and ragged ones."""
        if isinstance(keys, SparseTensor):
            return keys.with_values(function(keys.values))
        if isinstance(keys, RaggedTensor):
            return keys.with_flat_values(function(keys.flat_values))
        return function(keys)

    def _keys(self, keys: Any, dtype: dt.DType | None = None) -> Tensor:
        """Keys as a tensor. Raises TypeError for another dtype."""
        wanted = dtype or self.key_dtype
        t = keys if isinstance(keys, Tensor) else convert_to_tensor(keys, wanted)
        if t.dtype is not wanted:
            message = f"Dtype of argument `keys` must be {wanted}, received: {t.dtype}"
            raise TypeError(message)
        return t


# ---- static ----------------------------------------------------------------------------------------------------------


class StaticHashTable(LookupInterface):
    """A table that is filled once, by an initializer.

    Raises TypeError for keys of another dtype. Follows
    https://www.tensorflow.org/api_docs/python/tf/lookup/StaticHashTable.

    >>> from graphtf.tables.initializers import KeyValueTensorInitializer
    >>> table = StaticHashTable(KeyValueTensorInitializer(["a", "b"], [1, 2]), default_value=-1)
    >>> table.lookup(convert_to_tensor(["b", "x"])).numpy().tolist()
    [2, -1]
    """

    def __init__(
        self, initializer: Any, default_value: Any, name: str | None = None, experimental_is_anonymous: bool = False
    ) -> None:
        super().__init__(initializer.key_dtype, initializer.value_dtype, name)
        self._initializer = initializer
        self._entries = Entries(self.key_dtype, self.value_dtype)
        with init_scope():
            self._default_value = convert_to_tensor(default_value, self.value_dtype)
            initializer.initialize(self)

    @property
    def default_value(self) -> Tensor:
        """What keys get that are not in the table."""
        return self._default_value

    @property
    def initializer(self) -> Any:
        return None

    def _load(self, keys: Array, values: Array) -> None:
        self._entries.load(keys, values)

    def lookup(self, keys: Any, name: str | None = None) -> Any:
        """The values of keys (dense, sparse or ragged), the default value where there are none."""
        return self._over(keys, self._found)

    def _found(self, keys: Any) -> Tensor:
        t, run = self._keys(keys), HostFunction(looked_up, entries=self._entries)
        (out,) = on_host(run, [t, self._default_value], [self.value_dtype], [t.ir_type.shape])
        return out

    def size(self, name: str | None = None) -> Tensor:
        """The number of entries."""
        (out,) = on_host(lambda: [np.array(len(self._entries), np.int64)], [], [dt.int64], [()])
        return out

    def export(self, name: str | None = None) -> tuple[Tensor, Tensor]:
        """All keys and values."""
        kinds = [self.key_dtype, self.value_dtype]
        keys, values = on_host(lambda: list(self._entries.export()), [], kinds, [(None,), (None,)])
        return keys, values


class StaticVocabularyTable(LookupInterface):
    """Ids of words: those of an initializer, and for other words one of `num_oov_buckets` buckets after them.

    Raises ValueError for fewer than one bucket, TypeError for ids that are not int64. Follows
    https://www.tensorflow.org/api_docs/python/tf/lookup/StaticVocabularyTable.

    >>> from graphtf.tables.initializers import KeyValueTensorInitializer
    >>> words = KeyValueTensorInitializer(["a", "b"], [0, 1], value_dtype=dt.int64)
    >>> StaticVocabularyTable(words, num_oov_buckets=1).lookup(convert_to_tensor(["b", "x"])).numpy().tolist()
    [1, 2]
    """

    def __init__(
        self, initializer: Any, num_oov_buckets: int, lookup_key_dtype: Any = None, name: str | None = None,
        experimental_is_anonymous: bool = False,
    ) -> None:  # fmt: skip
        if num_oov_buckets <= 0:
            raise ValueError(f"`num_oov_buckets` must be > 0; use StaticHashTable. Received: {num_oov_buckets}")
        if initializer is None:
            super().__init__(lookup_key_dtype or dt.string, dt.int64, name)
            self._table: StaticHashTable | None = None
        else:
            if initializer.value_dtype is not dt.int64:
                raise TypeError(f"Invalid `value_dtype`, expected int64 but got {initializer.value_dtype.name}.")
            super().__init__(lookup_key_dtype or initializer.key_dtype, dt.int64, name)
            if self.key_dtype.is_integer is not initializer.key_dtype.is_integer:
                raise TypeError(
                    "Invalid `key_dtype`, expected integer or string as the initializer has, but got "
                    f"{self.key_dtype.name} and {initializer.key_dtype.name}."
                )
            self._table = StaticHashTable(initializer, -1)
        if not (self.key_dtype.is_integer or self.key_dtype is dt.string):
            raise TypeError(f"Invalid `key_dtype`, expected integer or string, but got {self.key_dtype.name}.")
        self._num_oov_buckets = num_oov_buckets

    def lookup(self, keys: Any, name: str | None = None) -> Any:
        """The ids of keys, dense, sparse or ragged: int64."""
        return self._over(keys, self._found)

    def _found(self, keys: Any) -> Tensor:
        t = self._keys(keys)
        entries = None if self._table is None else self._table._entries
        run = HostFunction(numbered, entries=entries, buckets=self._num_oov_buckets)
        (out,) = on_host(run, [t], [dt.int64], [t.ir_type.shape])
        return out

    def size(self, name: str | None = None) -> Tensor:
        """The number of entries and buckets."""
        known = 0 if self._table is None else len(self._table._entries)
        return convert_to_tensor(known + self._num_oov_buckets, dt.int64)


@host_function
def looked_up(keys: Array, default: Array, entries: Entries) -> list[Array]:
    return [entries.get(keys, default)]


@host_function
def numbered(keys: Array, entries: Entries | None, buckets: int) -> list[Array]:
    """The ids of words: those of the entries, or one of the buckets after them."""
    if entries is None:
        ids, first = np.full(keys.shape, -1, np.int64), 0
    else:
        ids, first = np.array(entries.get(keys, np.array(-1, np.int64))), len(entries)
    flat = ids.reshape(-1)
    unknown = np.flatnonzero(flat == -1)
    words = keys.reshape(-1)[unknown].tolist()
    flat[unknown] = [first + _bucket(w, buckets) for w in words]
    return [flat.reshape(keys.shape)]


def _bucket(word: Any, buckets: int) -> int:
    return fingerprint64(word if isinstance(word, bytes) else str(word).encode()) % buckets


# ---- changing --------------------------------------------------------------------------------------------------------


class MutableHashTable(LookupInterface):
    """A table that programs put entries into and take them out of.

    Values have the shape of `default_value`. Raises TypeError for other dtypes, ValueError for values that do not fit.
    Follows https://www.tensorflow.org/api_docs/python/tf/lookup/experimental/MutableHashTable.

    >>> table = MutableHashTable(dt.string, dt.int64, default_value=-1)
    >>> table.insert(["a", "b"], [1, 2])
    >>> table.lookup(["b", "x"]).numpy().tolist()
    [2, -1]
    """

    def __init__(
        self, key_dtype: Any, value_dtype: Any, default_value: Any, name: str = "MutableHashTable",
        checkpoint: bool = True, experimental_is_anonymous: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(key_dtype, value_dtype, name)
        with init_scope():
            self._default_value = convert_to_tensor(default_value, self.value_dtype)
        self._value_shape = tuple(self._default_value.shape.as_list())
        self._entries = Entries(self.key_dtype, self.value_dtype, self._value_shape)
        self._checkpoint = checkpoint

    def size(self, name: str | None = None) -> Tensor:
        """The number of entries."""
        (out,) = on_host(lambda: [np.array(len(self._entries), np.int64)], [], [dt.int64], [()])
        return out

    def lookup(self, keys: Any, dynamic_default_values: Any = None, name: str | None = None) -> Any:
        """The values of keys, the default where there are none: the table's, or one for each key."""
        default = self._default_value
        if dynamic_default_values is not None:
            default = convert_to_tensor(dynamic_default_values, self.value_dtype)
        return self._over(keys, lambda k: self._found(k, default))

    def _found(self, keys: Any, default: Tensor) -> Tensor:
        t, get = self._keys(keys), self._entries.get
        shape = None if t.ir_type.shape is None else (*t.ir_type.shape, *self._value_shape)
        (out,) = on_host(lambda k, d: [get(self._allowed(k), d)], [t, default], [self.value_dtype], [shape])
        return out

    def _allowed(self, keys: Array) -> Array:
        return keys

    def insert(self, keys: Any, values: Any, name: str | None = None) -> None:
        """Put entries, in place of those before. Raises InvalidArgumentError for another number of values."""
        k = self._keys(keys)
        v = convert_to_tensor(values, self.value_dtype)
        if v.dtype is not self.value_dtype:
            raise TypeError(f"Dtype of argument `values` must be {self.value_dtype.name}, received: {v.dtype.name}")

        def run(at: Array, put: Array) -> list[Array]:
            if put.shape != (*at.shape, *self._value_shape):
                raise failed(
                    "insert", f"Expected shape {[*at.shape, *self._value_shape]} for value, got {list(put.shape)}"
                )
            self._entries.put(self._allowed(at), put)
            return []

        on_host(run, [k, v], [], [])

    def __setitem__(self, keys: Any, values: Any) -> None:
        self.insert(keys, values)

    def remove(self, keys: Any, name: str | None = None) -> None:
        """Take keys out; those that are not there do not matter."""

        def run(at: Array) -> list[Array]:
            self._entries.remove(self._allowed(at))
            return []

        on_host(run, [self._keys(keys)], [], [])

    def export(self, name: str | None = None) -> tuple[Tensor, Tensor]:
        """All keys and values, in no order to rely on."""
        shapes: list[Any] = [(None,), (None, *self._value_shape)]
        kinds = [self.key_dtype, self.value_dtype]
        keys, values = on_host(lambda: list(self._entries.export()), [], kinds, shapes)
        return keys, values

    _saved_under = "table"  # the name of the attribute that the tensors belong to

    def _serialize_to_tensors(self) -> dict[str, Any]:
        if not self._checkpoint:
            return {}
        keys, values = self.export()
        return {"table-keys": keys, "table-values": values}

    def _restore_from_tensors(self, restored_tensors: dict[str, Any]) -> None:
        self._entries.clear()
        self._entries.put(*(np.asarray(restored_tensors[part]) for part in ("table-keys", "table-values")))


class DenseHashTable(MutableHashTable):
    """A table like `MutableHashTable` in which two keys, `empty_key` and `deleted_key`, may not occur.

    Raises InvalidArgumentError for these. Follows
    https://www.tensorflow.org/api_docs/python/tf/lookup/experimental/DenseHashTable.

    >>> table = DenseHashTable(dt.int64, dt.int64, -1, empty_key=0, deleted_key=-1)
    >>> table.insert([5], [50])
    >>> table.lookup([5, 6]).numpy().tolist()
    [50, -1]
    """

    def __init__(
        self, key_dtype: Any, value_dtype: Any, default_value: Any, empty_key: Any, deleted_key: Any,
        initial_num_buckets: int | None = None, name: str = "MutableDenseHashTable", checkpoint: bool = True,
        experimental_is_anonymous: bool = False,
    ) -> None:  # fmt: skip
        super().__init__(key_dtype, value_dtype, default_value, name, checkpoint)
        with init_scope():
            pair = [convert_to_tensor(key, self.key_dtype) for key in (empty_key, deleted_key)]
        self._empty, self._deleted = (np.asarray(key).item() for key in pair)
        if self._empty == self._deleted:
            raise failed("DenseHashTable", "Empty and deleted keys cannot be equal")

    def _allowed(self, keys: Array) -> Array:
        for name, key in (("empty", self._empty), ("deleted", self._deleted)):
            if (keys == key).any():
                raise failed("DenseHashTable", f"Using the {name}_key as a table key is not allowed")
        return keys

    def erase(self, keys: Any, name: str | None = None) -> None:
        """`remove`."""
        self.remove(keys)

    def insert_or_assign(self, keys: Any, values: Any, name: str | None = None) -> None:
        """`insert`."""
        self.insert(keys, values)
