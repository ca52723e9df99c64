"""Assertions about shapes: ranks, scalars, sizes that several tensors share.

Invariant: what is known while tracing is decided then, with ValueError; the rest when the program runs, with
InvalidArgumentError. Entry points: the `tf.debugging` functions below.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from graphtf.api.shaping import rank as rank_of
from graphtf.api.shaping import shape as shape_of
from graphtf.convert import convert_to_tensor, known_array
from graphtf.ir import dtypes as dt
from graphtf.ir.dims import Dim
from graphtf.ir.ops.io import assert_
from graphtf.ir.ops.prims import p
from graphtf.tensor import Tensor

_ANY = ("...", "*")


def _text(message: str | None) -> str:
    return f"{message}.  " if message else ""


def _wanted(rank: Any) -> Tensor:
    """A rank as a tensor. Raises TypeError for another dtype, ValueError for more than one."""
    t = convert_to_tensor(rank)
    if t.dtype is not dt.int32:
        raise TypeError(f"tensor must be of type tf.int32; got {t.dtype!r}")
    if t.shape.rank not in (0, None):
        raise ValueError("Rank must be a scalar.")
    return t


def _check_rank(x: Any, ranks: Sequence[Tensor], holds: Any, what: str, message: str | None) -> None:
    t = convert_to_tensor(x)
    have, wanted = t.shape.rank, [known_array(r) for r in ranks]
    shown = [int(w) if w is not None else "?" for w in wanted]
    label = str(shown[0]) if what != "in" else str(tuple(shown))
    text = f"{_text(message)}Tensor {_name(t)} must have rank {what + ' ' if what else ''}{label}."
    if have is not None and all(w is not None for w in wanted):
        if not holds(have, shown):
            raise ValueError(f"{text}  Received rank {have}, shape {t.shape}")
        return
    actual = rank_of(t)
    tests = [p.eq(actual, r) if what != "at least" else p.ge(actual, r) for r in ranks]
    held = tests[0]
    for test in tests[1:]:
        held = p.logical_or(held, test)
    assert_(held, actual, message=text)


def _name(t: Tensor) -> str:
    return "" if not hasattr(t, "value") else getattr(t, "name", "")


def assert_rank(x: Any, rank: Any, message: str | None = None, name: str | None = None) -> None:
    """Raises ValueError unless x has a rank. Follows
    https://www.tensorflow.org/api_docs/python/tf/debugging/assert_rank.

    >>> assert_rank([1, 2], 1)
    """
    _check_rank(x, [_wanted(rank)], lambda have, w: have == w[0], "", message)


def assert_rank_at_least(x: Any, rank: Any, message: str | None = None, name: str | None = None) -> None:
    """Raises ValueError unless x has a rank or more.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_rank_at_least.

    >>> assert_rank_at_least([1, 2], 0)
    """
    _check_rank(x, [_wanted(rank)], lambda have, w: have >= w[0], "at least", message)


def assert_rank_in(x: Any, ranks: Any, message: str | None = None, name: str | None = None) -> None:
    """Raises ValueError unless x has one of some ranks.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_rank_in.

    >>> assert_rank_in([1, 2], (0, 1))
    """
    _check_rank(x, [_wanted(r) for r in ranks], lambda have, w: have in w, "in", message)


def assert_scalar(tensor: Any, message: str | None = None, name: str | None = None) -> None:
    """Raises ValueError unless it is a scalar.

    Follows https://www.tensorflow.org/api_docs/python/tf/debugging/assert_scalar.

    >>> assert_scalar(3.)
    """
    t = convert_to_tensor(tensor)
    if t.shape.rank != 0:
        raise ValueError(f"{message or 'Expected scalar shape'}, saw shape: {t.shape}.")


# ---- sizes that tensors share ----------------------------------------------------------------------------------------


def assert_shapes(
    shapes: Any, data: Any = None, summarize: int | None = None, message: str | None = None, name: str | None = None
) -> None:
    """Raises ValueError unless tensors have the shapes given: numbers, None for any, equal names for equal sizes.

    `shapes` lists pairs of tensor and shape; a shape may begin with "..." for any number of axes. Sizes known only at
    run time raise InvalidArgumentError then. Follows
    https://www.tensorflow.org/api_docs/python/tf/debugging/assert_shapes.

    >>> assert_shapes([([[1, 2]], ("n", 2)), ([3], ("n",))])
    """
    seen: dict[Any, tuple[Dim, Tensor, str]] = {}
    for x, wanted in shapes.items() if isinstance(shapes, Mapping) else shapes:
        t = convert_to_tensor(x)
        entries = [wanted] if isinstance(wanted, (str, int)) else list(wanted)
        open_start = bool(entries) and entries[0] in (*_ANY, ...)
        entries = entries[1:] if open_start else entries
        _check_entries(t, entries, open_start, message)
        start = len(t.ir_type.dims) - len(entries) if open_start else 0
        for k, entry in enumerate(entries):
            place = k - len(entries) if open_start else k
            _check_size(t, start + k, place, entry, seen, message)


def _check_entries(t: Tensor, entries: list[Any], open_start: bool, message: str | None) -> None:
    head = f"{_text(message)}{_shown(t)}"
    for k, entry in enumerate(entries):
        if entry in (*_ANY, ...):
            raise ValueError(
                f"{head} specified shape index {k + open_start}.  Symbol `...` or `*` for a variable number of "
                "unspecified "
                "dimensions is only allowed as the first entry"
            )
    have, count = len(t.ir_type.dims), len(entries)
    if open_start and have < count:
        raise ValueError(
            f"{_text(message)}Tensor  must have rank at least {count}.  Received rank {have}, shape {t.shape}"
        )
    allowed = (0, 1) if not entries else (0, 1) if entries == [1] else (count,)
    if not open_start and have != count and have not in allowed:
        label = f"in {allowed}" if len(allowed) > 1 else f"{count}"
        raise ValueError(f"{_text(message)}Tensor  must have rank {label}.  Received rank {have}, shape {t.shape}")


def _shown(t: Tensor) -> str:
    return f"Tensor {_name(t)}{' ' if _name(t) else ''}shape={t.shape} dtype={t.dtype.name}"


def _check_size(
    t: Tensor, axis: int, place: int, entry: Any, seen: dict[Any, tuple[Dim, Tensor, str]], message: str | None
) -> None:
    """Compare a size with a number, or with the first size of that name."""
    if entry is None or entry == "." or axis >= len(t.ir_type.dims):
        return
    have = t.ir_type.dims[axis]
    if isinstance(entry, int) or (isinstance(entry, str) and entry.isdigit()):
        wanted, why = int(entry), "Specified explicitly."
    elif entry in seen:
        wanted, other, at = seen[entry]  # type: ignore[assignment]
        why = f"Specified by tensor shape={other.shape} dtype={other.dtype.name} dimension {at}."
    else:
        seen[entry] = have, t, str(place)
        return
    text = f"{_text(message)}{why}  {_shown(t)} dimension {place} must have size {wanted}."
    if isinstance(have, int) and isinstance(wanted, int):
        if have != wanted:
            raise ValueError(f"{text}  Received size {have}, shape {t.shape}")
    elif have != wanted:
        sizes = p.dims(dims=(have, wanted), dtype=dt.int64)
        first, second = (p.slice(sizes, starts=(k,), limits=(k + 1,), strides=(1,)) for k in (0, 1))
        assert_(p.eq(first, second), shape_of(t), message=text)

