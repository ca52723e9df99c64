"""`tf.config.optimizer`: what is asked of the compiler. Follows https://www.tensorflow.org/api_docs/python/tf/config/optimizer.

Invariant: every traced function is compiled, so the switches are remembered for those that ask, and change no result.
Entry points: the functions below.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from graphtf.ir.errors import InvalidArgumentError

_KNOWN = frozenset({
    "arithmetic_optimization", "auto_mixed_precision", "auto_mixed_precision_mkl",
    "auto_mixed_precision_onednn_bfloat16", "constant_folding", "debug_stripper", "dependency_optimization",
    "disable_meta_optimizer", "disable_model_pruning", "function_optimization", "implementation_selector",
    "layout_optimizer", "loop_optimization", "min_graph_nodes", "pin_to_host_optimization", "remapping",
    "scoped_allocator_optimization", "shape_optimization", "use_plugin_optimizers",
})  # fmt: skip
_options: dict[str, Any] = {}
_jit = [""]


def get_experimental_options() -> dict[str, Any]:
    """The options that were set.

    >>> get_experimental_options()
    {}
    """
    return dict(_options)


def set_experimental_options(options: Mapping[str, Any]) -> None:
    """Remember options of TensorFlow's graph optimizer. Raises InvalidArgumentError for one that it does not have.

    >>> set_experimental_options({})
    """
    unknown = sorted(set(options) - _KNOWN)
    if unknown:
        raise InvalidArgumentError(None, None, f"there is no optimizer option {unknown[0]!r}")
    _options.update(options)


def get_jit() -> str:
    """What `set_jit` was given: "autoclustering", or "" for off.

    >>> get_jit()
    ''
    """
    return _jit[0]


def set_jit(enabled: bool | str) -> None:
    """Ask for just-in-time compilation, which traced functions have always. Raises ValueError for another word.

    >>> set_jit(False)
    """
    if enabled not in (True, False, "", "autoclustering"):
        raise ValueError(f"`enabled` must be a bool or 'autoclustering', got {enabled!r}")
    _jit[0] = "autoclustering" if enabled else ""
