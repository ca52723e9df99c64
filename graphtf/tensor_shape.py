"""`TensorShape`: the static shape of a tensor, sizes known or None.

Invariant: immutable; holds a tuple of int and None, or None where the rank is unknown. Symbolic sizes of the compiler
show as None here. Entry points: `TensorShape`, `as_shape`. Follows
https://www.tensorflow.org/api_docs/python/tf/TensorShape.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator
from typing import Any

from graphtf.ir.errors import UnknownShapeError

Size = int | None
Sizes = tuple[Size, ...]


def _as_size(value: Any) -> Size:
    if value is None:
        return None
    if type(value) is int:
        size = value
    elif isinstance(value, Dimension):
        return value.value
    elif isinstance(value, (bytes, str)):
        size = _parsed(value)
    else:
        try:
            size = operator.index(value)
        except (TypeError, AttributeError):
            raise TypeError(
                "Dimension value must be integer or None or have an __index__ method, "
                f"got value '{value!r}' with type '{type(value)!r}'"
            ) from None
    if size < 0:
        raise ValueError(f"Dimension {size} must be >= 0")
    return size


def _parsed(text: bytes | str) -> int:
    try:
        return int(text)
    except ValueError:
        raise TypeError(f"Dimension value must be integer or None, got {text!r}") from None


class Dimension:
    """One size of a shape, as `TensorShape.dims` lists them: an int or None (unknown)."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = _as_size(value)

    def __repr__(self) -> str:
        return f"Dimension({self.value})"

    def __str__(self) -> str:
        return "?" if self.value is None else str(self.value)

    def __index__(self) -> int:
        if self.value is None:
            raise TypeError("an unknown Dimension is not an integer")
        return self.value

    __int__ = __index__

    def __eq__(self, other: object) -> Any:
        try:
            other = _as_size(other)
        except (TypeError, ValueError):
            return NotImplemented
        return None if self.value is None or other is None else self.value == other

    def __ne__(self, other: object) -> Any:
        equal = self.__eq__(other)
        return equal if equal is NotImplemented or equal is None else not equal

    def __hash__(self) -> int:
        return hash(self.value)


class TensorShape:
    """The shape of a tensor: sizes, each an int or None, or None as a whole where the rank is unknown.

    >>> TensorShape([None, 3]).concatenate(4)
    TensorShape([None, 3, 4])
    """

    __slots__ = ("_dims",)

    def __init__(self, dims: Any = None) -> None:
        if isinstance(dims, TensorShape):
            self._dims: Sizes | None = dims._dims
        elif dims is None:
            self._dims = None
        elif isinstance(dims, (str, bytes)):
            raise TypeError(f"A string has ambiguous TensorShape, please wrap in a list or convert to an int: {dims!r}")
        elif isinstance(dims, int):
            self._dims = (_as_size(dims),)
        else:
            self._dims = tuple(map(_as_size, _iterated(dims)))

    @classmethod
    def of(cls, dims: Sizes | None) -> TensorShape:
        """The shape of a tuple that is known to hold only int ≥ 0 and None."""
        self = cls.__new__(cls)
        self._dims = dims
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return TensorShape, (None if self._dims is None else list(self._dims),)

    def __repr__(self) -> str:
        return "TensorShape(None)" if self._dims is None else f"TensorShape({list(self._dims)})"

    def __str__(self) -> str:
        return "<unknown>" if self._dims is None else str(self._dims)

    # ---- what is known ----------------------------------------------------------------------------------------------

    @property
    def rank(self) -> int | None:
        """Number of axes, or None."""
        return None if self._dims is None else len(self._dims)

    ndims = rank

    @property
    def dims(self) -> list[Dimension] | None:
        """The sizes as `Dimension`s, or None if the rank is unknown."""
        return None if self._dims is None else [Dimension(d) for d in self._dims]

    def as_list(self) -> list[Size]:
        """The sizes. Raises ValueError if the rank is unknown."""
        if self._dims is None:
            raise ValueError("as_list() is not defined on an unknown TensorShape.")
        return list(self._dims)

    def as_tuple(self) -> Sizes | None:
        """The sizes, or None if the rank is unknown."""
        return self._dims

    def is_fully_defined(self) -> bool:
        """Is every size known?"""
        return self._dims is not None and None not in self._dims

    def num_elements(self) -> int | None:
        """The product of the sizes, or None if one is unknown."""
        if self._dims is None or None in self._dims:
            return None
        count = 1
        for d in self._dims:
            count *= d  # type: ignore[operator]
        return count

    def __len__(self) -> int:
        if self._dims is None:
            raise UnknownShapeError("Cannot take the length of shape with unknown rank.")
        return len(self._dims)

    def __bool__(self) -> bool:
        return self._dims is not None

    def __iter__(self) -> Iterator[Size]:
        if self._dims is None:
            raise UnknownShapeError("Cannot iterate over a shape with unknown rank.")
        return iter(self._dims)

    def __getitem__(self, key: Any) -> Any:
        if self._dims is not None:
            return TensorShape.of(self._dims[key]) if isinstance(key, slice) else self._dims[key]
        if not isinstance(key, slice):
            return None
        start, stop = key.start or 0, key.stop
        if key.step is not None:
            raise ValueError("Steps are not yet handled")
        if stop is None or start < 0 or stop < 0:
            return TensorShape(None)
        return TensorShape.of((None,) * max(0, stop - start))

    # ---- equality ----------------------------------------------------------------------------------------------------

    def __eq__(self, other: object) -> Any:
        if type(other) is tuple:  # the common case, without a copy
            return self._dims == other
        try:
            return self._dims == as_shape(other)._dims
        except TypeError:
            return NotImplemented

    def __hash__(self) -> int:
        return hash(self._dims)

    # ---- compatibility -----------------------------------------------------------------------------------------------

    def is_compatible_with(self, other: Any) -> bool:
        """Could a tensor have both shapes?"""
        other = as_shape(other)
        if self._dims is None or other._dims is None:
            return True
        return len(self._dims) == len(other._dims) and all(
            a is None or b is None or a == b for a, b in zip(self._dims, other._dims)
        )

    def is_subtype_of(self, other: TensorShape) -> bool:
        """Is every tensor of this shape also of `other`'s?"""
        if other._dims is None:
            return True
        if self._dims is None or len(self._dims) != len(other._dims):
            return False
        return all(b is None or a == b for a, b in zip(self._dims, other._dims))

    def assert_is_compatible_with(self, other: Any) -> None:
        """Raises ValueError unless `is_compatible_with`."""
        if not self.is_compatible_with(other):
            raise ValueError(f"Shapes {self} and {as_shape(other)} are incompatible")

    def assert_same_rank(self, other: Any) -> None:
        """Raises ValueError if the ranks are known to differ."""
        other = as_shape(other)
        if None not in (self.rank, other.rank) and self.rank != other.rank:
            raise ValueError(f"Shapes {self} and {other} must have the same rank")

    def assert_has_rank(self, rank: int | None) -> None:
        """Raises ValueError if the rank is known to differ from `rank`."""
        if self.rank not in (None, rank):
            raise ValueError(f"Shape {self} must have rank {rank}")

    def assert_is_fully_defined(self) -> None:
        """Raises ValueError if a size is unknown."""
        if not self.is_fully_defined():
            raise ValueError(f"Shape {self} is not fully defined")

    def with_rank(self, rank: int) -> TensorShape:
        """This shape with the rank known. Raises ValueError if it is another."""
        try:
            return self.merge_with(unknown_shape(rank))
        except ValueError:
            raise ValueError(f"Shape {self} must have rank {rank}") from None

    def with_rank_at_least(self, rank: int) -> TensorShape:
        """Itself. Raises ValueError if the rank is known to be smaller."""
        if self.rank is not None and self.rank < rank:
            raise ValueError(f"Shape {self} must have rank at least {rank}")
        return self

    def with_rank_at_most(self, rank: int) -> TensorShape:
        """Itself. Raises ValueError if the rank is known to be larger."""
        if self.rank is not None and self.rank > rank:
            raise ValueError(f"Shape {self} must have rank at most {rank}")
        return self

    # ---- combination -------------------------------------------------------------------------------------------------

    def merge_with(self, other: Any) -> TensorShape:
        """What is known from either. Raises ValueError if they are incompatible."""
        other = as_shape(other)
        if self._dims is None or other._dims is None:
            return other if self._dims is None else self
        self.assert_is_compatible_with(other)
        return TensorShape.of(tuple(b if a is None else a for a, b in zip(self._dims, other._dims)))

    def most_specific_compatible_shape(self, other: Any) -> TensorShape:
        """The most that holds for both shapes."""
        other = as_shape(other)
        if self._dims is None or other._dims is None or len(self._dims) != len(other._dims):
            return TensorShape(None)
        return TensorShape.of(tuple(a if a == b else None for a, b in zip(self._dims, other._dims)))

    def most_specific_common_supertype(self, others: Iterable[TensorShape]) -> TensorShape | None:
        """The most that holds for all shapes, or None if there is none."""
        found = self
        for other in others:
            found = found.most_specific_compatible_shape(other)
        return found

    def concatenate(self, other: Any) -> TensorShape:
        """The sizes of both, one after the other."""
        other = as_shape(other)
        if self._dims is None or other._dims is None:
            return TensorShape(None)
        return TensorShape.of(self._dims + other._dims)

    def __add__(self, other: Any) -> TensorShape:
        return self.concatenate(other)

    def __radd__(self, other: Any) -> TensorShape:
        return as_shape(other).concatenate(self)


def _iterated(dims: Any) -> Iterable[Any]:
    try:
        return list(dims)
    except TypeError:
        return [dims]


def as_shape(x: Any) -> TensorShape:
    """Whatever stands for a shape, as a TensorShape. Raises TypeError, ValueError."""
    return x if isinstance(x, TensorShape) else TensorShape(x)


def unknown_shape(rank: int | None = None) -> TensorShape:
    """A shape of which at most the rank is known."""
    return TensorShape.of(None if rank is None else (None,) * rank)


def broadcast_static_shape(shape_x: TensorShape, shape_y: TensorShape) -> TensorShape:
    """The shape of an elementwise result. Raises ValueError if the shapes do not broadcast.

    Follows https://www.tensorflow.org/api_docs/python/tf/broadcast_static_shape.

    >>> broadcast_static_shape(TensorShape([5, 1]), TensorShape([3]))
    TensorShape([5, 3])
    """
    x, y = as_shape(shape_x), as_shape(shape_y)
    if x.rank is None or y.rank is None:
        return TensorShape(None)
    rank = max(len(x), len(y))
    pairs = zip((1,) * (rank - len(x)) + tuple(x), (1,) * (rank - len(y)) + tuple(y))
    return TensorShape.of(tuple(_broadcast_size(a, b, x, y) for a, b in pairs))


def _broadcast_size(a: Size, b: Size, x: TensorShape, y: TensorShape) -> Size:
    if a == b:
        return a
    if 1 in (a, b):
        return b if a == 1 else a
    if a is None or b is None:
        return b if a is None else a
    raise ValueError(f"Incompatible shapes for broadcasting: {x} and {y}")
