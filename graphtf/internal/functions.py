"""Functions of TensorFlow's internals that packages use.

Invariant: each is made of public functions. Entry points: those functions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.api.control import cond
from graphtf.api.inspect import get_static_value, is_tensor
from graphtf.convert import convert_to_tensor, is_tensor_like
from graphtf.ir import dtypes as dt
from graphtf.ir.ops.prims import p
from graphtf.tensor import SymbolicTensor, Tensor

constant_value, is_tf_type = get_static_value, is_tensor


def smart_cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any], name: str | None = None) -> Any:
    """`true_fn()` or `false_fn()`: one of them now if the predicate is known, else whichever run time chooses.

    >>> smart_cond(True, lambda: "yes", lambda: "no")
    'yes'
    """
    if not callable(true_fn) or not callable(false_fn):
        raise TypeError(f"smart_cond: true_fn and false_fn must be callable, got {true_fn!r} and {false_fn!r}")
    known = pred if isinstance(pred, (bool, int, np.bool_)) else _static(pred)
    if known is not None:
        return true_fn() if known else false_fn()
    return cond(pred, true_fn, false_fn)


def _static(pred: Any) -> Any:
    """The predicate's value where it depends on nothing that only run time knows; else None."""
    if not is_tensor_like(pred):
        return bool(pred)
    tensor = convert_to_tensor(pred)
    known = get_static_value(tensor)
    if known is not None or not isinstance(tensor, SymbolicTensor):
        return known
    try:
        return bool(tensor.trace.evaluate(tensor))
    except (ValueError, TypeError):  # it depends on an argument, or on the size of one
        return None


def compute_batch_size(dataset: Any) -> Tensor:
    """The size of a dataset's batches as an int64 scalar: -1 if it is not known, or differs between its parts."""
    from graphtf import nest

    sizes = {spec.shape[0] if spec.shape.rank else None for spec in nest.flatten(dataset.element_spec)}
    if sizes == {None}:
        sizes = {getattr(stage, "fixed", lambda: None)() or _asked(stage) for stage in _stages(dataset._node)} - {None}
    (size,) = sizes if len(sizes) == 1 else (None,)
    return convert_to_tensor(-1 if size is None else size, dt.int64)


def _stages(node: Any) -> list[Any]:
    """The stage that a dataset ends with, and those before it that do not change what a batch is."""
    found = [node]
    while len(found[-1].inputs) == 1 and not hasattr(found[-1], "drop"):
        found.append(found[-1].inputs[0])
    return found


def _asked(stage: Any) -> int | None:
    return stage.known(0) if hasattr(stage, "drop") else None


def unwrap(maybe_decorated: Any) -> tuple[list[Any], Any]:
    """The decorators around a function, and the function."""
    decorators = []
    while hasattr(maybe_decorated, "__wrapped__"):
        decorators.append(maybe_decorated)
        maybe_decorated = maybe_decorated.__wrapped__
    return decorators, maybe_decorated


def dynamic_update_slice(inputs: Any, update: Any, start_indices: Any) -> Tensor:
    """`inputs` with `update` in the place that starts at `start_indices`, moved inside where it would stick out.

    >>> dynamic_update_slice(np.zeros(4, "f4"), np.ones(2, "f4"), [3]).numpy()
    array([0., 0., 1., 1.], dtype=float32)
    """
    return p.dynamic_update_slice(*(convert_to_tensor(x) for x in (inputs, update, start_indices)))  # type: ignore[no-any-return]
