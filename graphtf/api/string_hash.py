"""Hashes of strings: buckets, fingerprints.

Invariant: the same numbers as TensorFlow gives. Entry points: the `tf.strings.to_hash_bucket…` functions,
`fingerprint`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from graphtf.api.farmhash import fingerprint64, hash64, siphash64
from graphtf.api.strings import as_strings
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.host_functions import HostFunction, host_function
from graphtf.ir import dtypes as dt
from graphtf.refusal import failed, invalid
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]


def _buckets(input: Any, num_buckets: Any, kind: str, name: str, key: Sequence[int] = ()) -> Tensor:
    x = as_strings(input, name)
    count = int(num_buckets)
    if count < 1:
        raise invalid(name, f"num_buckets must be at least 1, got {num_buckets}")
    run = HostFunction(bucketed, kind=kind, count=count, key=list(key))
    (out,) = on_host(run, [x], [dt.int64], [x.ir_type.shape])
    return out


@host_function
def bucketed(values: Array, kind: str, count: int, key: list[int]) -> list[Array]:
    pair = (key[0], key[1]) if key else (0, 0)
    functions: dict[str, Callable[[bytes], int]] = {
        "fast": fingerprint64, "strong": lambda s: siphash64(pair, s), "any": hash64,
    }  # fmt: skip
    function = functions[kind]
    known: dict[bytes, int] = {}
    out = np.empty(values.size, np.int64)
    for k, value in enumerate(values.reshape(-1).tolist()):
        found = known.get(value)
        if found is None:
            found = known[value] = function(value) % count
        out[k] = found
    return [out.reshape(values.shape)]


def to_hash_bucket_fast(input: Any, num_buckets: Any, name: str | None = None) -> Tensor:
    """The bucket of each string by its FarmHash64 fingerprint, which never changes.

    Raises InvalidArgumentError (tracing: ValueError) for fewer than one bucket. Follows
    https://www.tensorflow.org/api_docs/python/tf/strings/to_hash_bucket_fast.

    >>> to_hash_bucket_fast(["Hello", "TensorFlow", "2.x"], 3).numpy().tolist()
    [0, 2, 2]
    """
    return _buckets(input, num_buckets, "fast", "to_hash_bucket_fast")


def to_hash_bucket_strong(input: Any, num_buckets: Any, key: Sequence[int], name: str | None = None) -> Tensor:
    """The bucket of each string by SipHash with a key of two integers.

    Raises InvalidArgumentError (tracing: ValueError) for another key or fewer than one bucket. Follows
    https://www.tensorflow.org/api_docs/python/tf/strings/to_hash_bucket_strong.

    >>> to_hash_bucket_strong(["Hello", "TF"], 3, [1, 2]).numpy().tolist()
    [2, 0]
    """
    if len(key) != 2:
        raise invalid("to_hash_bucket_strong", f"key must be two integers, got {key}")
    pair = int(key[0]) % 2**64, int(key[1]) % 2**64
    return _buckets(input, num_buckets, "strong", "to_hash_bucket_strong", pair)


def to_hash_bucket(input: Any, num_buckets: Any, name: str | None = None) -> Tensor:
    """The bucket of each string, by a hash that TensorFlow does not promise to keep.

    Raises InvalidArgumentError (tracing: ValueError) for fewer than one bucket. Follows
    https://www.tensorflow.org/api_docs/python/tf/strings/to_hash_bucket.

    >>> to_hash_bucket(["Hello", "TensorFlow", "2.x"], 3).numpy().tolist()
    [2, 0, 1]
    """
    return _buckets(input, num_buckets, "any", "to_hash_bucket")


def fingerprint(data: Any, method: str = "farmhash64", name: str | None = None) -> Tensor:
    """Eight bytes for each row of data: the FarmHash64 fingerprint of its bytes.

    Raises ValueError for a scalar, InvalidArgumentError for another method. Follows
    https://www.tensorflow.org/api_docs/python/tf/fingerprint.

    >>> fingerprint([[1, 2]]).shape
    TensorShape([1, 8])
    """
    x = convert_to_tensor(data)
    if x.shape.rank == 0:
        raise invalid("fingerprint", f"data must be at least of rank 1, got shape {x.shape}")
    chosen = convert_to_tensor(method)

    def run(values: Array, how: Array) -> list[Array]:
        if how[()] != b"farmhash64":
            raise failed("fingerprint", f"Unsupported fingerprint method: {how[()].decode(errors='replace')}")
        found = [fingerprint64(_bytes_of(row)) for row in values]
        return [np.array(found, "<u8").view(np.uint8).reshape(len(values), 8)]

    (out,) = on_host(run, [x, chosen], [dt.uint8], [(*x.ir_type.dims[:1], 8)])
    return out


def _bytes_of(row: Any) -> bytes:
    """The bytes of a row; of strings, those of their own fingerprints where there are several."""
    if isinstance(row, bytes):
        return row
    array = np.asarray(row)
    if array.dtype != object:
        return array.tobytes()
    flat = array.reshape(-1).tolist()
    if array.ndim == 0:
        return flat[0]  # type: ignore[no-any-return]
    return b"".join(fingerprint64(s).to_bytes(8, "little") for s in flat)
