"""`tf.print`: what is given, tensors by their values, on a line of its own when the program runs.

Invariant: structures print as Python prints them, with the text of tensors in place. Entry point: `print_`.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from itertools import pairwise
from typing import Any

import numpy as np

from graphtf import nest
from graphtf.composite import RaggedTensor, SparseTensor
from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.io import print_ as print_op
from graphtf.tensor import EagerTensor, Tensor


def print_(*inputs: Any, **kwargs: Any) -> None:
    """Print values when the program runs, in program order.

    Keywords: `output_stream` (sys.stderr, sys.stdout, or "file://PATH"), `summarize` (elements shown at each end of an
    axis; -1 for all), `sep`, `end`, `name`. Raises ValueError for others, and for another stream. Follows
    https://www.tensorflow.org/api_docs/python/tf/print.

    >>> print_("x =", convert_to_tensor([1, 2]), output_stream=sys.stdout)
    x = [1 2]
    """
    stream = _stream(kwargs.pop("output_stream", sys.stderr))
    summarize, sep, end = kwargs.pop("summarize", 3), kwargs.pop("sep", " "), kwargs.pop("end", "\n")
    kwargs.pop("name", None)
    if kwargs:
        raise ValueError(f"Unrecognized keyword arguments for tf.print: {kwargs}")
    tensors: list[Tensor] = []
    shown = 3 if summarize is None else int(summarize)
    inputs = nest.map_structure(lambda x: _Ragged(x, shown) if isinstance(x, RaggedTensor) else x, inputs)
    texts = [_text(x, tensors, top=True) for x in inputs]
    print_op(*tensors, template=sep.join(texts), summarize=shown, stream=stream, end=end)


class _Ragged:
    """A ragged tensor as text: `[[1], [2, 3]]`, of many rows so many at each end."""

    def __init__(self, x: RaggedTensor, summarize: int) -> None:
        self.parts, self.summarize = [x.flat_values, *x.nested_row_splits], summarize

    def text(self, tensors: list[Tensor]) -> str:
        """Its text, or while tracing the place of a tensor that will be it."""
        if all(isinstance(t, EagerTensor) for t in self.parts):
            return _escaped(self.shown(*(t._array for t in self.parts))[0].item().decode())
        tensors += on_host(self.shown, self.parts, [dt.string], [()])
        return "{}"

    def shown(self, values: Any, *splits: Any) -> list[Any]:
        items: list[str] = [_item(v) for v in values]
        for ends in reversed(splits):
            items = [_bracketed(items[a:b], self.summarize) for a, b in pairwise(ends.tolist())]
        return [np.array(_bracketed(items, self.summarize).encode(), object)]


def _item(value: Any) -> str:
    if isinstance(value, np.ndarray):
        return "[" + ", ".join(map(_item, value)) + "]"
    return repr(value) if isinstance(value, bytes) else f"{value:.9g}" if isinstance(value, np.floating) else str(value)


def _bracketed(items: list[str], summarize: int) -> str:
    if summarize >= 0 and len(items) > 2 * summarize:
        items = [*items[:summarize], "...", *items[len(items) - summarize :]]
    return "[" + ", ".join(items) + "]"


def _stream(given: Any) -> str:
    if isinstance(given, str):
        if given.startswith("file://") or given in ("stderr", "stdout"):
            return given
    elif given is sys.stdout or given is sys.__stdout__:
        return "stdout"
    elif given is sys.stderr or given is sys.__stderr__ or getattr(given, "__module__", "") == "logging":
        return "stderr"
    raise ValueError(
        f"Unsupported output stream, logging level, or file.{given}. Supported streams are sys.stdout, "
        "sys.stderr. File "
        "needs to be in the form of 'file://<filepath>'."
    )


def _text(x: Any, tensors: list[Tensor], top: bool = False) -> str:
    """The text of a value with `{}` for each tensor in it."""
    if is_tensor_like(x) and not isinstance(x, nest.CompositeTensor):
        tensors.append(convert_to_tensor(x))
        return "{}"
    if isinstance(x, _Ragged):
        return x.text(tensors)
    if isinstance(x, SparseTensor):
        parts = zip(("indices", "values", "shape"), x._components())
        return "'SparseTensor(" + ", ".join(f"{name}={_text(c, tensors)}" for name, c in parts) + ")'"
    if isinstance(x, nest.CompositeTensor):
        inner = ", ".join(_text(c, tensors) for c in x._components())
        return f"{type(x).__name__}({inner})"
    if isinstance(x, Mapping):
        inner = ", ".join(f"{k!r}: {_text(v, tensors)}" for k, v in x.items())
        return "{" + inner + "}" if inner else _escaped("{}")
    if isinstance(x, tuple) and hasattr(x, "_fields"):
        inner = ", ".join(f"{k}={_text(v, tensors)}" for k, v in zip(x._fields, x))
        return f"{type(x).__name__}({inner})"
    if isinstance(x, (list, tuple)):
        inner = ", ".join(_text(v, tensors) for v in x)
        return f"[{inner}]" if isinstance(x, list) else f"({inner},)" if len(x) == 1 else f"({inner})"
    return _escaped(x if top and isinstance(x, str) else repr(x))


def _escaped(text: str) -> str:
    """Text in which `{}` stands for itself."""
    return text.replace("{}", "\\{}")

