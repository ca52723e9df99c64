"""Functions that the right sides of rules call: of attributes (shapes, axes, permutations) and of numbers.

Invariant: they decide nothing; where one would not be right, a guard keeps the rule from applying.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from graphtf.ir.dims import Shape

Axes = tuple[int, ...]


def flip(flag: bool) -> bool:
    return not flag


def compose(inner: Axes, outer: Axes) -> Axes:
    """The permutation that is `inner`, then `outer`."""
    return tuple(inner[i] for i in outer)


def plus(a: Shape, b: Shape) -> Shape:
    return tuple(x + y for x, y in zip(a, b))


def times(a: Axes, b: Axes) -> Axes:
    return tuple(x * y for x, y in zip(a, b))


def within(starts: Shape, strides: Axes, inner: Shape) -> Shape:
    """Positions, in what a slice was taken of, of positions in the slice."""
    return tuple(a + k * d for a, k, d in zip(starts, strides, inner))


def up_to(starts: Shape, strides: Axes, limits: Shape) -> Shape:
    """As `within`, of limits: one past the last element."""
    return tuple(a + k * (d - 1) + 1 for a, k, d in zip(starts, strides, limits))


def minus(a: Shape, b: Shape) -> Shape:
    return tuple(x - y for x, y in zip(a, b))


def either(a: Axes, b: Axes) -> Axes:
    """Axes in one of two, not in both."""
    return tuple(sorted(set(a) ^ set(b)))


def both(outer: Axes, inner: Axes) -> Axes:
    """Axes reduced first, and those reduced of what is left, as axes of the whole."""
    left = [k for k in range(len(inner) + max(outer, default=-1) + 1) if k not in inner]
    return tuple(sorted((*inner, *(left[k] for k in outer))))


def unit(like: Any) -> Shape:
    """The shape of a scalar."""
    return ()


def sum_of(a: Any, b: Any) -> Any:
    return a + b


def product_of(a: Any, b: Any) -> Any:
    return a * b


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "flip": flip, "compose": compose, "plus": plus, "minus": minus, "times": times, "within": within,
    "up_to": up_to, "either": either, "both": both, "unit": unit,
    "sum": sum_of, "product": product_of, "negative": lambda a: -a, "reciprocal": lambda a: a.dtype.type(1) / a,
    "maximum": np.maximum, "minimum": np.minimum,
}  # fmt: skip
