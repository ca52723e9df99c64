"""Random valid programs over the whole op set: an op is drawn by the weight of its class, then made.

Invariant: every op has a maker, since whatever has none of its own is made from its samples.
Entry points: `generate(seed)`, `EXCLUDED` (ops that are never made, and why).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from graphtf.ir.dims import sym
from graphtf.ir.op import Effect, Host, Op, Trait
from graphtf.ir.ops import OPS
from graphtf.ir.types import TensorType

from . import regions, structured
from .by_sample import by_sample, elementwise
from .domain import PLAIN, WHOLE, WILD
from .generator import Failing, Generator, Made, Maker
from .gradients import again, differentiate
from .program import Program

EXCLUDED: Mapping[str, str] = {
    "fusion": "only the fusion pass makes it; every optimised program holds some",
}
MAKERS: Mapping[str, Maker] = {**structured.MAKERS, **regions.MAKERS}
_TRIES = 12


def share(op: Op) -> tuple[str, float]:
    """The class an op is drawn from, and the share of that class."""
    if op.regions:
        return "regions", 7
    if op.effect in (Effect.READ, Effect.WRITE):
        return "state", 5
    if op.effect is not Effect.NONE:
        return "effects", 2
    if isinstance(op.lowering, Host):
        return ("rare functions", 1.5) if Trait.ELEMENTWISE in op.traits else ("host", 3)
    if Trait.ELEMENTWISE in op.traits:
        return "elementwise", 34
    if Trait.GENERATOR in op.traits:
        return "generators", 3
    if Trait.VIEW in op.traits or op.name in MAKERS:
        return "views", 20
    return ("reductions", 12) if Trait.REDUCTION in op.traits else ("kernels", 16)


def classes() -> tuple[list[list[Op]], Any]:
    groups: dict[str, list[Op]] = {}
    shares: dict[str, float] = {}
    for op in OPS.values():
        if op.name not in EXCLUDED:
            name, weight = share(op)
            groups.setdefault(name, []).append(op)
            shares[name] = weight
    weights = np.array([shares[k] for k in groups])
    return list(groups.values()), weights / weights.sum()


def start(g: Generator) -> None:
    """The first arguments; those that make run-time sizes known before all others."""
    for name in g.symbols:
        g.input(TensorType(g.dtype(), (sym(name), *g.pick(((), (3,), (5,), (8,), (2, 4))))))
    for _ in range(int(g.rng.integers(1, 4))):
        g.input(TensorType(g.dtype(), g.shape()))


def grow(g: Generator) -> None:
    """One more node, or a few that belong together. Raises Failing."""
    groups, weights = CLASSES
    for _ in range(_TRIES):
        op = g.pick(groups[int(g.rng.choice(len(groups), p=weights))])
        if make(g, op) is not None:
            return


def by_trait(op: Op) -> Maker:
    """The maker of an op that has none of its own."""
    if Trait.ELEMENTWISE in op.traits:
        return elementwise
    return structured.reduction if Trait.REDUCTION in op.traits else by_sample


def make(g: Generator, op: Op) -> Made:
    """Nodes that apply `op`; None if it could not be done this time."""
    maker = MAKERS.get(op.name)
    if maker is None:
        maker = by_trait(op)
    elif g.chance(0.15) and not op.regions and op.effect is Effect.NONE:
        maker = by_sample
    return maker(g, op)


# ---- programs --------------------------------------------------------------------------------------------------------


def generate(seed: int, size: int | None = None) -> Program:
    """The program of a seed; `size`: how many ops are chosen."""
    rng = np.random.default_rng([seed, 1])
    symbols = ((), ("n",), ("n", "m"))[int(rng.choice(3, p=(0.65, 0.25, 0.1)))]
    g = Generator(rng, grow, symbols=symbols)
    g.numbers = (PLAIN, WHOLE, WILD)[int(rng.choice(3, p=(0.6, 0.25, 0.15)))]
    failing = bool(rng.random() < 0.06)
    count = int(rng.integers(2, 18)) if size is None else size
    turn = ALL[seed % len(ALL)]  # so that no op is left to chance
    start(g)
    fails = False
    try:
        for k in range(count):
            g.may_fail = failing and k >= count // 2
            grow(g)
            if k == count // 2:
                any(make(g, turn) is not None for _ in range(_TRIES))
    except Failing:
        fails = True
    if not fails and g.chance(0.3) and differentiate(g) and g.chance(0.25):
        again(g)
    return Program(seed, g.finish(), g.domains, fails, g.ops)


ALL = [op for op in OPS.values() if op.name not in EXCLUDED]
CLASSES = classes()
