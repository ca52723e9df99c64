"""Elements and structures as plain data, of TensorFlow's or of this library, for JSON."""

from __future__ import annotations

from typing import Any

import numpy as np


def value(x: Any) -> Any:
    """An element: tensors, or what `as_numpy_iterator` gives for them."""
    if x is None:
        return None
    if isinstance(x, tuple) and not hasattr(x, "dense_shape"):
        return {"tuple": [value(y) for y in x]}
    if isinstance(x, dict):
        return {"dict": {k: value(y) for k, y in x.items()}}
    if hasattr(x, "to_list"):
        return {"ragged": _decoded(x.to_list())}
    if hasattr(x, "dense_shape"):
        return {"sparse": [value(part) for part in (x.indices, x.values, x.dense_shape)]}
    array = np.asarray(x)
    if array.dtype.kind in "OS":
        return {"string": np.vectorize(lambda b: bytes(b).decode(), otypes=[object])(array).tolist()}
    return {array.dtype.name: array.tolist()}


def _decoded(x: Any) -> Any:
    return list(map(_decoded, x)) if isinstance(x, list) else x.decode() if isinstance(x, bytes) else x


def spec(x: Any) -> Any:
    """A structure of specs."""
    if isinstance(x, tuple):
        return {"tuple": [spec(y) for y in x]}
    if isinstance(x, dict):
        return {"dict": {k: spec(y) for k, y in x.items()}}
    if not hasattr(x, "dtype"):
        return None
    kind = type(x).__name__ if not hasattr(x, "ragged_rank") else f"ragged {x.ragged_rank}"
    lead = [] if kind == "TensorSpec" else [kind]
    return [*lead, x.dtype.name, None if x.shape.rank is None else x.shape.as_list()]


def dataset(made: Any) -> dict[str, Any]:
    """All that is recorded of a dataset."""
    return {
        "spec": spec(made.element_spec),
        "cardinality": int(made.cardinality()),
        "elements": [value(x) for x in made],
    }


def error(make: Any) -> str:
    """The class of the error that a function, or the pass over what it gives, raises."""
    try:
        for _ in make():
            pass
    except Exception as found:  # noqa: BLE001 - its class is what is asked for
        return type(found).__name__
    return ""
