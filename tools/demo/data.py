"""The digits the demo learns: 1,797 images of 8×8 pixels (tools/data/README.md names source and licence).

Invariant: the split and the order of batches depend on the seed alone. Entry points: `load`, `batches`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

_FILE = Path(__file__).resolve().parent.parent / "data" / "digits.npz"
HELD_OUT = 360


@dataclass(frozen=True)
class Part:
    """Images, float32 [n, 8, 8, 1] from 0 to 1, and their labels, int32 [n]."""

    images: Array
    labels: Array

    def __len__(self) -> int:
        return len(self.labels)


def load(seed: int = 0) -> tuple[Part, Part]:
    """The part to train on, and the part held out."""
    with np.load(_FILE, allow_pickle=False) as file:
        images = (file["images"] / np.float32(16)).astype(np.float32)[..., None]
        labels = file["labels"].astype(np.int32)
    order = np.random.default_rng(seed).permutation(len(labels))
    held, rest = order[:HELD_OUT], order[HELD_OUT:]
    return Part(images[rest], labels[rest]), Part(images[held], labels[held])


def batches(part: Part, size: int, seed: int) -> Iterator[tuple[Array, Array]]:
    """The part in batches, shuffled; the last one may be smaller."""
    order = np.random.default_rng(seed).permutation(len(part))
    for at in range(0, len(order), size):
        chosen = order[at : at + size]
        yield part.images[chosen], part.labels[chosen]


def picture(images: Array, gap: str = "  ") -> list[str]:
    """Images side by side in four lines of text, two rows of pixels a line.

    >>> picture(np.eye(8)[None, :, :, None])[0]
    '▀▄'
    """
    marks = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
    lit = images[..., 0] > 0.4
    lines = []
    for row in range(0, 8, 2):
        cells = ["".join(marks[bool(a), bool(b)] for a, b in zip(im[row], im[row + 1])) for im in lit]
        lines.append(gap.join(cells).rstrip())
    return lines
