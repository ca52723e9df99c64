"""Results as plain data: tensors, ragged and sparse ones, structures of them.

Invariant: `plain` gives what JSON holds, the same for TensorFlow and for GraphTF; byte strings are text of one byte a
character. Entry points: `plain(tf, x)`, `difference(got, want)`.
"""

from __future__ import annotations

import math
from typing import Any

RELATIVE, ABSOLUTE = 2e-5, 2e-6


def plain(tf: Any, x: Any) -> Any:
    """A result as data."""
    if x is None or isinstance(x, (bool, int, float, str)):
        return x
    if isinstance(x, bytes):
        return {"bytes": x.decode("latin-1")}
    if isinstance(x, tf.RaggedTensor):
        parts = [plain(tf, x.flat_values), [s.numpy().tolist() for s in x.nested_row_splits]]
        return {"ragged": parts, "shape": x.shape.as_list()}
    if isinstance(x, tf.SparseTensor):
        return {"sparse": [x.indices.numpy().tolist(), plain(tf, x.values), x.dense_shape.numpy().tolist()]}
    if isinstance(x, dict):
        return {"dict": {k: plain(tf, v) for k, v in sorted(x.items())}}
    if isinstance(x, (list, tuple)):
        return [plain(tf, v) for v in x]
    value = x.numpy()
    return {
        "dtype": x.dtype.name,
        "shape": list(value.shape) if hasattr(value, "shape") else [],
        "value": _listed(value),
    }


def _listed(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.decode("latin-1")
    if not hasattr(value, "tolist"):
        return value
    flat = value.reshape(-1).astype(complex if value.dtype.kind == "c" else value.dtype).tolist()
    return [_scalar(v) for v in flat]


def _scalar(v: Any) -> Any:
    if isinstance(v, bytes):
        return v.decode("latin-1")
    if isinstance(v, complex):
        return [_scalar(v.real), _scalar(v.imag)]
    if isinstance(v, float) and not math.isfinite(v):
        return str(v)
    return v if isinstance(v, (bool, int, str)) else float(v)


def difference(got: Any, want: Any, where: str = "result", scale: float = 1.0) -> str | None:
    """Where two forms differ, or None: floats may by a little, `scale` times as much as usual."""
    if isinstance(want, dict) and isinstance(got, dict) and set(want) == set(got):
        found = (difference(got[k], want[k], f"{where}.{k}", scale) for k in want)
        return next(filter(None, found), None)
    if isinstance(want, list) and isinstance(got, list) and len(want) == len(got):
        found = (difference(a, b, f"{where}[{k}]", scale) for k, (a, b) in enumerate(zip(got, want)))
        return next(filter(None, found), None)
    if isinstance(want, float) and isinstance(got, (int, float)) and not isinstance(got, bool):
        near = abs(got - want) <= scale * (ABSOLUTE + RELATIVE * abs(want))
        return None if near else f"{where}: {got}, expected {want}"
    return None if got == want and type(got) is type(want) else f"{where}: {got!r}, expected {want!r}"
