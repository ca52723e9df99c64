"""Where things stand in a picture of a graph: layers from top to bottom, few crossings, straight long arrows.

Invariant: the result depends only on sizes, edges and their order. A box stands below everything it reads; an arrow
that spans several layers has a place of its own in each of them, so it runs between boxes, not through them.
Entry point: `arrange`.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field

Edge = tuple[int, int]

SWEEPS = 6
_MOST_BENDS = 20_000  # places given to long arrows; beyond, they run straight
_LANE = 10.0  # width of the place of an arrow
_STRAIGHT = 8.0  # how much more an arrow insists on its place than a box


@dataclass(eq=False)
class Place:
    """A box, or the place in one layer of an arrow that goes on to a lower one."""

    width: float
    height: float = 0.0
    rank: int = 0
    x: float = 0.0  # the centre
    y: float = 0.0  # the top
    above: list[Place] = field(default_factory=list)
    below: list[Place] = field(default_factory=list)

    @property
    def is_bend(self) -> bool:
        return self.height == 0.0


@dataclass
class Arranged:
    """The boxes with their places, and for each edge the places it goes through, ends included."""

    places: list[Place]
    routes: list[list[Place]]
    width: float
    height: float


def arrange(
    sizes: Sequence[tuple[float, float]], edges: Sequence[Edge], late: frozenset[int], gap_x: float, gap_y: float
) -> Arranged:
    """Places for boxes of the sizes, `gap_x` and `gap_y` apart. Edges lead from lower to higher numbers; boxes in
    `late` stand next to their first reader rather than on top."""
    places = [Place(width, height) for width, height in sizes]
    rank(places, edges, late)
    layers: list[list[Place]] = [[] for _ in range(1 + max((p.rank for p in places), default=0))]
    for p in places:
        layers[p.rank].append(p)
    routes = [route(places[a], places[b], layers) for a, b in edges]
    for sweep in range(SWEEPS):
        order(layers, down=sweep % 2 == 0)
    spread(layers, gap_x)
    height = stack(layers, gap_y)
    every = [p for layer in layers for p in layer]
    left = min((p.x - p.width / 2 for p in every), default=0.0)
    for p in every:
        p.x -= left
    return Arranged(places, routes, max((p.x + p.width / 2 for p in every), default=0.0), height)


def rank(places: Sequence[Place], edges: Sequence[Edge], late: frozenset[int]) -> None:
    """The layer of each box: one below the lowest that it reads."""
    readers: dict[int, list[int]] = {}
    for a, b in edges:
        readers.setdefault(a, []).append(b)
    for a in range(len(places)):  # edges lead to higher numbers, so a's own rank is final here
        for b in readers.get(a, ()):
            places[b].rank = max(places[b].rank, places[a].rank + 1)
    for a in late:
        if a in readers:
            places[a].rank = min(places[b].rank for b in readers[a]) - 1


def route(a: Place, b: Place, layers: list[list[Place]]) -> list[Place]:
    """The places an arrow goes through, made in the layers between its ends."""
    path = [a]
    room = sum(map(len, layers)) < _MOST_BENDS
    for r in range(a.rank + 1, b.rank if room else 0):
        bend = Place(_LANE, rank=r)
        layers[r].append(bend)
        path.append(bend)
    path.append(b)
    for upper, lower in itertools.pairwise(path):
        upper.below.append(lower)
        lower.above.append(upper)
    return path


def order(layers: list[list[Place]], down: bool) -> None:
    """Sort each layer by the mean position of what its members are tied to in the layer before."""
    for layer in layers:
        for k, p in enumerate(layer):
            p.x = float(k)
    for layer in layers if down else reversed(layers):
        centres = {p: centre(p.above if down else p.below, p.x) for p in layer}
        layer.sort(key=lambda p: centres[p])
        for k, p in enumerate(layer):
            p.x = float(k)


def centre(others: Sequence[Place], default: float) -> float:
    return sum(p.x for p in others) / len(others) if others else default


def spread(layers: list[list[Place]], gap: float) -> None:
    """Coordinates across: each place as near to those it is tied to as its neighbours in the layer allow."""
    for layer in layers:
        settle(layer, [0.0] * len(layer), gap)
    for sweep in range(2 * SWEEPS):
        down = sweep % 2 == 0
        for layer in layers if down else reversed(layers):
            wanted = [centre(p.above if down else p.below, p.x) for p in layer]
            settle(layer, wanted, gap)
    for layer in layers:
        settle(layer, [centre([*p.above, *p.below], p.x) for p in layer], gap)


def settle(layer: list[Place], wanted: Sequence[float], gap: float) -> None:
    """Move the places of a layer to where they want to be, in their order and apart: the nearest in the sense of least
    squares, by pooling neighbours that would overlap."""
    offsets = [0.0]
    for p, q in itertools.pairwise(layer):
        apart = gap / 2 if p.is_bend and q.is_bend else gap
        offsets.append(offsets[-1] + (p.width + q.width) / 2 + apart)
    pools: list[tuple[float, float, int]] = []  # mean of what the members want, without the offsets; weight; how many
    for p, w, o in zip(layer, wanted, offsets):
        mean, weight, count = w - o, _STRAIGHT if p.is_bend else 1.0, 1
        while pools and pools[-1][0] >= mean:
            m, k, c = pools.pop()
            mean, weight, count = (m * k + mean * weight) / (k + weight), k + weight, c + count
        pools.append((mean, weight, count))
    shifts = [mean for mean, _, count in pools for _ in range(count)]
    for p, shift, o in zip(layer, shifts, offsets):
        p.x = shift + o


def stack(layers: list[list[Place]], gap: float) -> float:
    """Coordinates down. Returns the height of all."""
    y = 0.0
    for layer in layers:
        tallest = max((p.height for p in layer), default=0.0)
        for p in layer:
            p.y = y + (0.0 if p.is_bend else (tallest - p.height) / 2)
        y += tallest + gap
    return max(0.0, y - gap)
