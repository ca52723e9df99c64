"""tf.data: pipelines of elements, for training and preprocessing.

Invariant: what it publishes is `tf.data` (graphtf/names/module.py), each name imported when it is first asked for.
Follows https://www.tensorflow.org/api_docs/python/tf/data. Entry points: `Dataset`, `Iterator`, `Options`,
`experimental`.
"""

from __future__ import annotations

from typing import Any

from graphtf.names import names_in, resolve

AUTOTUNE = -1
INFINITE_CARDINALITY = -1
UNKNOWN_CARDINALITY = -2
SHARD_HINT = -1


def __getattr__(name: str) -> Any:
    if name.startswith("__"):
        raise AttributeError(f"module 'graphtf.data' has no attribute {name!r}")
    found = globals()[name] = resolve(f"data.{name}")
    return found


def __dir__() -> list[str]:
    return names_in("data")
