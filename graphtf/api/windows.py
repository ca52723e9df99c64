"""What convolutions and pools share: windows that slide over spatial axes, with strides, padding and dilation.

Invariant: everything is computed with channels last; channels-first tensors are transposed on the way in and out. Entry
points: `Layout`, `paddings`, `spread`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphtf.ir.dims import Dim, ceildiv, maximum
from graphtf.ir.ops.prims import p
from graphtf.refusal import failed, invalid, tracing
from graphtf.sizes import as_integers
from graphtf.tensor import Tensor

Pads = tuple[tuple[Dim, Dim], ...]


@dataclass(frozen=True)
class Layout:
    """Where the channels are among `spatial` axes."""

    spatial: int
    channels_first: bool

    def to_last(self, x: Tensor) -> Tensor:
        """x with channels last."""
        if not self.channels_first:
            return x
        return p.transpose(x, perm=(0, *range(2, self.spatial + 2), 1))

    def from_last(self, x: Tensor) -> Tensor:
        """The inverse of `to_last`."""
        if not self.channels_first:
            return x
        return p.transpose(x, perm=(0, self.spatial + 1, *range(1, self.spatial + 1)))

    def inner(self, values: Sequence[Any]) -> tuple[Any, ...]:
        """The entries for spatial axes of a list with one entry for each axis."""
        return tuple(values[2:]) if self.channels_first else tuple(values[1:-1])


def layout(data_format: str | None, spatial: int, name: str) -> Layout:
    """The layout of a `data_format`: "NHWC" and the like. Raises ValueError for another."""
    letters = "DHW"[-spatial:] if spatial > 1 else "W"
    if data_format in (None, f"N{letters}C"):
        return Layout(spatial, False)
    if data_format == f"NC{letters}" or (spatial == 2 and data_format == "NCHW_VECT_C"):
        return Layout(spatial, True)
    raise ValueError(f"{name}: data_format must be 'N{letters}C' or 'NC{letters}', got {data_format!r}")


def spread(value: Any, place: Layout, name: str, what: str) -> tuple[int, ...]:
    """Strides, sizes or dilations for the spatial axes: from one number, one for each, or one for every axis.

    Raises ValueError for another number of entries, or steps along batch or channels.
    """
    given = (1,) * place.spatial if value is None else as_integers(value, name)
    if len(given) == 1:
        given = given * place.spatial
    if len(given) == place.spatial + 2:
        kept = place.inner(given)
        outer = (given[0], given[1] if place.channels_first else given[-1])
        if any(k != 1 for k in outer):
            raise invalid(name, f"{what} along batch and channels must be 1, got {list(given)}")
        given = kept
    if len(given) != place.spatial:
        raise ValueError(
            f"{name}: {what} should be of length 1, {place.spatial} or {place.spatial + 2} but was {len(given)}"
        )
    if any(k <= 0 for k in given):
        raise (failed if what == "ksize" else invalid)(name, f"{what} must be positive, got {list(given)}")
    return given


def paddings(
    padding: Any, sizes: Sequence[Dim], window: Sequence[Dim], strides: Sequence[int], dilations: Sequence[int],
    place: Layout, name: str,
) -> Pads:  # fmt: skip
    """What to add at both ends of each spatial axis: for "SAME", "VALID", or as given for every axis."""
    if isinstance(padding, str):
        kind = padding.upper()
        if kind == "VALID":
            return ((0, 0),) * len(sizes)
        if kind == "SAME":
            return tuple(_same(n, k, s, d) for n, k, s, d in zip(sizes, window, strides, dilations))
        raise invalid(name, f"padding must be 'SAME', 'VALID' or a list, got {padding!r}")
    rows = [as_integers(row, name) for row in padding]
    if len(rows) != place.spatial + 2 or any(len(r) != 2 for r in rows):
        raise ValueError(
            f"{name}: explicit padding must have a pair for each of {place.spatial + 2} axes, got {padding!r}"
        )
    outer = (rows[0], rows[1] if place.channels_first else rows[-1])
    if any(any(r) for r in outer) or any(k < 0 for r in rows for k in r):
        raise invalid(name, f"explicit padding must be 0 along batch and channels and not negative, got {padding!r}")
    return tuple((r[0], r[1]) for r in place.inner(rows))


def _same(size: Dim, window: Dim, stride: int, dilation: int) -> tuple[Dim, Dim]:
    reach = (window - 1) * dilation + 1
    total = maximum((ceildiv(size, stride) - 1) * stride + reach - size, 0)
    return total // 2, total - total // 2


def fits(
    sizes: Sequence[Dim], window: Sequence[Dim], strides: Sequence[int], dilations: Sequence[int], pads: Pads, name: str
) -> None:
    """Raise the mode's error if a window is larger than what it slides over.

    Eagerly, one that is larger by at most a stride gives an empty result, as TensorFlow's kernels have it.
    """
    for n, k, s, d, (low, high) in zip(sizes, window, strides, dilations, pads):
        reach, have = (k - 1) * d + 1, n + low + high
        room = have - reach
        if isinstance(room, int) and room < 0 and n != 0 and (tracing() or room < -s):
            message = f"Negative dimension size caused by subtracting {reach} from {have}: the window is too large"
            raise invalid(name, message)
