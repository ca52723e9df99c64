"""How the functions of `tf.raw_ops` are made: named as the kernels, taking keywords alone.

Invariant: a positional argument, or one that is missing, is a TypeError. Entry point: `raw`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def raw(name: str, function: Callable[..., Any], doc: str = "") -> Callable[..., Any]:
    """The function under the kernel's name, with a note of where it is described."""
    function.__name__ = function.__qualname__ = name
    lead = f"{doc} " if doc else ""
    function.__doc__ = f"{lead}Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/{name}."
    return function
