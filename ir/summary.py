"""The text of a tensor as TensorFlow prints it: `[[1 2 3 ... 8 9 10]\n ...]`.

Invariant: floats are the shortest of the two forms TensorFlow tries (6 or 9 digits, 15 or 17 for float64) that reads
back as the same number. Follows https://www.tensorflow.org/api_docs/python/tf/print. Entry points: `summarise`, `fill`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.ir.dtypes import as_dtype

Array = np.ndarray[Any, Any]

_DIGITS = {"float32": (6, 9), "float64": (15, 17)}
_ESCAPES = {10: "\\n", 13: "\\r", 9: "\\t", 34: '\\"', 39: "\\'", 92: "\\\\"}


def summarise(a: Array, summarize: int = 3) -> str:
    """Up to `summarize` elements at both ends of each axis; all of them if it is -1.

    >>> summarise(np.arange(10))
    '[0 1 2 ... 7 8 9]'
    >>> summarise(np.array([[1.5, 0.1], [2, 3]], np.float32))
    '[[1.5 0.1]\\n [2 3]]'
    """
    ends = max(a.shape, default=0) if summarize < 0 else summarize
    parts: list[str] = []
    _axis(a, 0, a.ndim, ends, _element_text(a), parts)
    return "".join(parts)


_PLACE = re.compile(r"(?<!\\)\{\}")


def places(template: str) -> int:
    """How many arrays a template takes."""
    return len(_PLACE.findall(template))


def fill(template: str, arrays: tuple[Array, ...], summarize: int) -> str:
    """The template with each `{}` replaced by the text of the next array; `\\{}` stands for `{}` itself."""
    pieces = [piece.replace("\\{}", "{}") for piece in _PLACE.split(template)]
    texts = [summarise(a, summarize) for a in arrays]
    return "".join(piece + text for piece, text in zip(pieces, [*texts, ""]))


def _axis(a: Array, axis: int, rank: int, ends: int, text: Callable[[Any], str], parts: list[str]) -> None:
    if axis == rank:
        parts.append(text(a[()]))
        return
    parts.append("[")
    count = a.shape[0]
    gap = _spacing(axis, rank)
    for i in range(min(ends, count)):
        parts.append(gap if i else "")
        _axis(a[i, ...], axis + 1, rank, ends, text, parts)
    if count > 2 * ends:
        parts.append(gap + "...")
    for i in range(max(ends, count - ends), count):
        parts.append(gap)
        _axis(a[i, ...], axis + 1, rank, ends, text, parts)
    parts.append("]")


def _spacing(axis: int, rank: int) -> str:
    if axis == rank - 1:
        return " "
    return "\n" * (rank - axis - 1) + " " * (axis + 1)


def _element_text(a: Array) -> Callable[[Any], str]:
    dtype = as_dtype(a.dtype)
    if dtype.kind == "s":
        return _quoted
    if dtype.kind == "c":
        part = _float_text("float32" if dtype.name == "complex64" else "float64")
        return lambda x: f"({part(x.real)},{part(x.imag)})"
    if dtype.kind == "f":
        return _float_text("float64" if dtype.name == "float64" else "float32")
    return lambda x: str(int(x))


def _float_text(name: str) -> Callable[[Any], str]:
    short, long = _DIGITS[name]
    kind = np.float32 if name == "float32" else np.float64

    def text(x: Any) -> str:
        value = kind(x)
        if value != value:
            return "nan"
        found = f"{value:.{short}g}"
        return found if kind(found) == value else f"{value:.{long}g}"

    return text


def _quoted(x: Any) -> str:
    raw = x if isinstance(x, bytes) else str(x).encode()
    return '"' + "".join(_ESCAPES.get(b) or (chr(b) if 32 <= b < 127 else f"\\{b:03o}") for b in raw) + '"'
