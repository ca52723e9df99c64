"""Cases of `tf.lookup`."""

from __future__ import annotations

from typing import Any

from tests.recorded.cases import Family

FAMILY = Family("lookup")
_add = FAMILY.add


def _words(tf: Any, dtype: str = "int64") -> Any:
    return tf.lookup.KeyValueTensorInitializer(["a", "b", "c"], [0, 1, 2], value_dtype=getattr(tf, dtype))


def _static(tf: Any, run: Any, keys: Any, values: Any, default: Any) -> Any:
    with tf.init_scope():
        table = tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(keys, values), default)
    return run(table)


_add(
    "words to numbers",
    lambda tf, k: _static(tf, lambda t: [t.lookup(k), t.size(), t[k]], ["a", "b"], [1.5, 2.5], -1.0),
    [["b", "x"]],
)
_add("numbers to words", lambda tf, k: _static(tf, lambda t: t.lookup(k), [7, 5], ["seven", "five"], "?"), [5, 6, 7, 8])
_add(
    "numbers to numbers",
    lambda tf, k: _static(tf, lambda t: t.lookup(k), [7, 5, -2], [70, 50, 20], 0),
    [-2, 5, 6, 7, 8],
)
_add(
    "ragged keys",
    lambda tf, k: _static(tf, lambda t: t.lookup(tf.strings.split(k)), ["a", "b"], [1, 2], -1),
    ["a b", "", "c a"],
)
_add(
    "sparse keys",
    lambda tf, k: _static(tf, lambda t: t.lookup(tf.sparse.from_dense(k)), ["a", "b"], [1, 2], -1),
    [["a", ""], ["z", "b"]],
)
_add("keys of another dtype", lambda tf, k: _static(tf, lambda t: t.lookup(k), ["a", "b"], [1, 2], -1), [1])
_add("two values of a key", lambda tf: _static(tf, lambda t: t.size(), ["a", "a"], [1, 2], -1), staged=False)
_add("the same entry twice", lambda tf: _static(tf, lambda t: t.size(), ["a", "a"], [1, 1], -1), staged=False)


def _vocabulary(tf: Any, keys: Any, buckets: int, numbers: bool = False) -> Any:
    with tf.init_scope():
        words = tf.lookup.KeyValueTensorInitializer([5, 6], [0, 1], tf.int64, tf.int64) if numbers else _words(tf)
        table = tf.lookup.StaticVocabularyTable(words, buckets)
    return [table.lookup(keys), table.size()]


_add("vocabulary", lambda tf, k: _vocabulary(tf, k, 1), ["a", "c", "x"])
_add("vocabulary with buckets", lambda tf, k: _vocabulary(tf, k, 7), ["a", "c", "x", "y", "zz", "Ünï"])
_add("vocabulary of numbers", lambda tf, k: _vocabulary(tf, tf.cast(k, tf.int64), 5, True), [5, 9, -3, 6])
_add("vocabulary without buckets", lambda tf, k: _vocabulary(tf, k, 0), ["a"])


def _hashed(tf: Any, keys: Any) -> Any:
    with tf.init_scope():
        table = tf.lookup.StaticVocabularyTable(None, 9, lookup_key_dtype=tf.string)
    return table.lookup(keys)


_add("vocabulary of buckets alone", _hashed, ["a", "c", "x"])


def _changed(tf: Any, keys: Any, values: Any) -> Any:
    with tf.init_scope():
        table = tf.lookup.experimental.MutableHashTable(tf.string, tf.float32, default_value=-1.0)
    table.insert(keys, values)
    found = [table.lookup(["b", "x"]), table.size()]
    table.insert(["b"], [9.0])
    table.remove(tf.constant(["a", "none"]))
    own, held = table.export()
    order = tf.argsort(held)
    return [*found, table.lookup(["a", "b"]), table.size(), tf.gather(own, order), tf.gather(held, order)]


_add("changing", _changed, ["a", "b", "c"], [1.0, 2.0, 3.0], staged=False)


def _vectors(tf: Any, keys: Any) -> Any:
    with tf.init_scope():
        table = tf.lookup.experimental.MutableHashTable(tf.int64, tf.float32, default_value=[0.0, -1.0])
        table.insert(tf.constant([3, 4], tf.int64), [[1.0, 2.0], [3.0, 4.0]])
    return table.lookup(tf.cast(keys, tf.int64))


_add("vectors as values", _vectors, [[4, 5], [3, 3]])


def _dense(tf: Any, keys: Any) -> Any:
    with tf.init_scope():
        table = tf.lookup.experimental.DenseHashTable(tf.string, tf.int64, -1, empty_key="", deleted_key="$")
        table.insert(["a", "b"], tf.constant([1, 2], tf.int64))
        table.remove(tf.constant(["a"]))
    return [table.lookup(keys), table.size()]


_add("dense table", _dense, ["a", "b"])
_add("the empty key", _dense, ["a", ""])
