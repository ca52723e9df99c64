"""Row partitions as arrays: how the rows of a ragged tensor lie in its values.

Invariant: a partition is its splits: row i is splits[i] … splits[i + 1] - 1 of the level below; positions in a level
are
integers, -1 for none. Everything here is NumPy on integers: tensors move by `gather` with what comes out. Entry points:
the functions below.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def splits_of(lengths: Array) -> Array:
    """The splits of rows of the given lengths."""
    out = np.zeros(len(lengths) + 1, np.int64)
    np.cumsum(lengths, out=out[1:])
    return out


def row_ids(splits: Array) -> Array:
    """The row of each value."""
    return np.repeat(np.arange(len(splits) - 1), np.diff(splits))


def within_rows(splits: Array) -> Array:
    """The place of each value in its row."""
    return np.arange(splits[-1] - splits[0]) - np.repeat(splits[:-1] - splits[0], np.diff(splits))


def spans(starts: Array, lengths: Array) -> Array:
    """start, start + 1, … for each row, one after another."""
    return np.repeat(starts - splits_of(lengths)[:-1], lengths) + np.arange(int(lengths.sum()))


def taken(splits: Array, rows: Array) -> tuple[Array, Array]:
    """The splits of some of the rows, and the positions of their values."""
    lengths = np.diff(splits)[rows]
    return splits_of(lengths), spans(splits[:-1][rows], lengths)


def taken_deep(partitions: Sequence[Array], rows: Array) -> tuple[list[Array], Array]:
    """As `taken`, through several levels: the splits of each, and positions of the flat values."""
    made: list[Array] = []
    for splits in partitions:
        cut, rows = taken(splits, rows)
        made.append(cut)
    return made, rows


def boxes(partitions: Sequence[Array], sizes: Sequence[int | None]) -> Array:
    """Positions of the flat values in a box that holds them all, -1 where there is none.

    Sizes that are given cut it.
    """
    rows = len(partitions[0]) - 1
    wanted = rows if sizes[0] is None else int(sizes[0])
    at = np.arange(wanted)
    at[rows:] = -1
    for splits, size in zip(partitions, sizes[1:]):
        lengths = np.append(np.diff(splits), 0)  # position -1 has no values
        starts = np.append(splits[:-1], 0)
        width = int(lengths.max(initial=0)) if size is None else int(size)
        inner = np.arange(width)
        at = np.where(inner < lengths[at][..., None], starts[at][..., None] + inner, -1)
    return at


def box_sizes(partitions: Sequence[Array]) -> list[int]:
    """The sizes of the least box that holds every row."""
    return [len(partitions[0]) - 1, *(int(np.diff(s).max(initial=0)) for s in partitions)]


def coordinates(partitions: Sequence[Array]) -> Array:
    """The index vector of each flat value."""
    columns = [np.arange(len(partitions[0]) - 1)]
    for splits in partitions:
        ids, place = row_ids(splits), within_rows(splits)
        columns = [c[ids] for c in columns] + [place]
    return np.stack(columns, 1).astype(np.int64)


class ShapesDiffer(ValueError):
    """Two partitions do not broadcast: at `axis`."""

    def __init__(self, axis: int) -> None:
        super().__init__(f"rows of different lengths along axis {axis}")
        self.axis = axis


def broadcast(a: Sequence[Array], b: Sequence[Array]) -> tuple[list[Array], Array, Array]:
    """Two tensors of as many levels, each from a single root: splits of the result, and positions in both.

    Raises ShapesDiffer where lengths differ and neither is 1.
    """
    at_a = at_b = np.zeros(1, np.int64)
    made: list[Array] = []
    for axis, (sa, sb) in enumerate(zip(a, b)):
        la, lb = np.diff(sa)[at_a], np.diff(sb)[at_b]
        if not ((la == lb) | (la == 1) | (lb == 1)).all():
            raise ShapesDiffer(axis)
        lengths = np.where(la == 1, lb, la)
        made.append(splits_of(lengths))
        inner = within_rows(made[-1])
        at_a, at_b = (
            np.repeat(s[:-1][at], lengths) + inner * np.repeat(n != 1, lengths)
            for s, at, n in ((sa, at_a, la), (sb, at_b, lb))
        )
    return made, at_a, at_b


def merged_rows(partitions: Sequence[Array], groups: Array, count: int) -> tuple[list[Array], Array]:
    """Rows laid over each other, those of a group together, level by level: splits of the result under `count` groups,
    and the place of each flat value in it."""
    made: list[Array] = []
    for splits in partitions:
        lengths = np.zeros(count, np.int64)
        np.maximum.at(lengths, groups, np.diff(splits))
        over = splits_of(lengths)
        groups = np.repeat(over[:-1][groups], np.diff(splits)) + within_rows(splits)
        count = int(over[-1])
        made.append(over)
    return made, groups


def side_by_side(parts: Sequence[Array]) -> tuple[Array, Array]:
    """Tensors of as many rows joined row by row: the splits, and for each value its position where the values of all
    parts stand one after another."""
    lengths = np.stack([np.diff(s) for s in parts], 1)
    offsets = splits_of(np.array([s[-1] for s in parts]))[:-1]
    starts = np.stack([s[:-1] for s in parts], 1) + offsets
    return splits_of(lengths.sum(1)), spans(starts.reshape(-1), lengths.reshape(-1))


def from_nested(value: Any, levels: int, inner: int | None) -> tuple[list[Any], list[list[int]]]:
    """A nested list opened `levels` times: what lies inside, and the splits of each level."""
    partitions: list[list[int]] = []
    rows = list(value)
    for _ in range(levels):
        splits = [0]
        opened: list[Any] = []
        for row in rows:
            if not isinstance(row, (list, tuple, np.ndarray)):
                raise ValueError(f"expected nested lists {levels + 1} deep, got {row!r} in place of a list")
            opened.extend(row)
            splits.append(len(opened))
        partitions.append(splits)
        rows = opened
    return rows, partitions
