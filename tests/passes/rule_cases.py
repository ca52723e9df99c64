"""Graphs on which rules must fire, made from the rules' own left sides, and values that try them.

Invariant: every rule has at least one case; elementwise rules get one for each dtype that their guards allow.
Entry point: `cases(rule)`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import binding
from graphtf.ir.builder import Builder
from graphtf.ir.dtypes import DType
from graphtf.ir.errors import OpError
from graphtf.ir.graph import Graph, Value
from graphtf.ir.ops.prims import p
from graphtf.ir.parse import Parser
from graphtf.ir.types import TensorType
from graphtf.passes.rules.pattern import Apply, Hole, Number, Pattern, Splat
from graphtf.passes.rules.rule import Rule

DTYPES = (dt.float32, dt.float64, dt.float16, dt.bfloat16, dt.int8, dt.uint8, dt.int32, dt.int64, dt.uint32, dt.bool_)
NUMBERS = (2.0, 0.5, -4.0, 3.0, -1.0, 0.1)
CONDITIONS = ("c",)  # variables that are conditions of a choice


@dataclass
class Case:
    """Types of the left side's variables, its attributes, and numbers for its constants."""

    types: dict[str, TensorType]
    attrs: dict[str, Any] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    stretched: bool = False  # constants come stretched to the variables' shape

    def __str__(self) -> str:
        shown = [*(f"{k}:{t}" for k, t in self.types.items()), *(f"{k}={v}" for k, v in self.numbers.items())]
        return " ".join(shown) + (" stretched" if self.stretched else "")


def parse_type(text: str) -> TensorType:
    return Parser(text).tensor_type()


def _case(types: str, **attrs: Any) -> Case:
    """`x:f32[2, 3] y:f32[3]` as a case."""
    found = {}
    for part in types.split(";"):
        name, text = part.split(":")
        found[name.strip()] = parse_type(text.strip())
    return Case(found, attrs)


# What rules with attributes are tried on, by rule.
GIVEN: dict[str, list[Case]] = {
    "reshape-same": [_case("x:f32[2, 3]", s=(2, 3))],
    "broadcast-same": [_case("x:f32[2, 3]", s=(2, 3))],
    "transpose-nothing": [_case("x:f32[2, 3]", p=(0, 1)), _case("x:f32[]", p=())],
    "slice-whole": [_case("x:f32[4, 3]", s=(0, 0), l=(4, 3), t=(1, 1))],
    "pad-nothing": [_case("x:f32[4];v:f32[]", l=(0,), h=(0,))],
    "reverse-nothing": [_case("x:f32[4]", a=())],
    "concat-one": [_case("x:f32[4, 2]", a=1)],
    "dynamic-slice-whole": [_case("x:f32[4, 2];i:i32[2]", s=(4, 2))],
    "dynamic-update-whole": [_case("x:f32[4, 2];u:f32[4, 2];i:i32[2]")],
    "reshape-reshape": [_case("x:f32[2, 6]", t=(3, 4), s=(12,)), _case("x:f32[0, 2]", t=(0,), s=(2, 0))],
    "broadcast-broadcast": [_case("x:f32[3, 1]", t=(3, 2), s=(4, 3, 2))],
    "transpose-transpose": [
        _case("x:f32[2, 3, 4]", q=(1, 2, 0), p=(0, 2, 1)), _case("x:f32[2, 3, 4]", q=(2, 0, 1), p=(2, 1, 0)),
    ],
    "reverse-reverse": [_case("x:f32[2, 3]", a=(0,), b=(0, 1)), _case("x:f32[2, 3]", a=(0,), b=(0,))],
    "slice-slice": [
        _case("x:f32[9, 5]", a=(1, 0), b=(8, 5), c=(2, 1), s=(1, 2), l=(3, 4), t=(1, 2)),
        _case("x:f32[20]", a=(2,), b=(19,), c=(3,), s=(1,), l=(6,), t=(2,)),
        _case("x:f32[9]", a=(1,), b=(7,), c=(1,), s=(2,), l=(2,), t=(1,)),
    ],
    "pad-pad": [_case("x:f32[3];v:f32[]", a=(1,), b=(2,), l=(0,), h=(3,))],
    "slice-pad": [_case("x:f32[6];v:f32[]", a=(2,), b=(1,), s=(2,), l=(7,), t=(2,))],
    "transpose-is-reshape": [_case("x:f32[2, 1, 3]", p=(1, 0, 2)), _case("x:f32[1, 4]", p=(1, 0))],
    "broadcast-reshape": [_case("x:f32[3]", t=(1, 3), s=(2, 3))],
    "reshape-broadcast-one": [_case("x:f32[]", t=(2, 3), s=(6,)), _case("x:f32[1, 1]", t=(2, 3), s=(3, 2))],
    "transpose-broadcast-one": [_case("x:f32[]", t=(2, 3), p=(1, 0))],
    "reverse-broadcast-one": [_case("x:f32[1]", t=(2, 3), a=(1,))],
    "slice-broadcast-one": [_case("x:f32[]", t=(5,), s=(1,), l=(4,), k=(2,))],
    "sum-nothing": [_case("x:f32[4]", a=()), _case("x:i32[4]", a=())],
    "max-nothing": [_case("x:f32[4]", a=())],
    "min-nothing": [_case("x:f32[4]", a=())],
    "sum-of-one": [_case("x:f32[4, 1]", a=(1,))],
    "max-of-one": [_case("x:f32[4, 1]", a=(1,)), _case("x:f32[1, 4, 1]", a=(0, 2))],
    "min-of-one": [_case("x:f32[4, 1]", a=(1,))],
    "sum-sum": [_case("x:f32[2, 3, 4]", b=(1,), a=(1,)), _case("x:f32[2, 3, 4]", b=(2, 0), a=(0,))],
    "max-max-axes": [_case("x:f32[2, 3, 4]", b=(1,), a=(1,)), _case("x:f32[2, 3, 4, 2]", b=(0, 2), a=(0,))],
    "min-min-axes": [_case("x:f32[2, 3, 4]", b=(0,), a=(0, 1))],
    "any-any-axes": [_case("x:bool[2, 3, 4]", b=(1,), a=(1,))],
    "all-all-axes": [_case("x:bool[2, 3, 4]", b=(2,), a=(0,))],
    "max-broadcast": [_case("x:f32[3, 1]", s=(2, 3, 4), a=(0, 2)), _case("x:f32[3]", s=(2, 3), a=(0,))],
    "min-broadcast": [_case("x:f32[1, 3]", s=(2, 3), a=(0,))],
    "cast-same": [_case("x:f32[4]", d=dt.float32), _case("x:bool[4]", d=dt.bool_)],
    "cast-cast": [
        _case("x:i8[9]", a=dt.int32, b=dt.float64), _case("x:bool[4]", a=dt.int32, b=dt.float32),
        _case("x:bf16[9]", a=dt.float32, b=dt.float64), _case("x:f16[9]", a=dt.float64, b=dt.float16),
        _case("x:u8[9]", a=dt.float32, b=dt.uint8), _case("x:f32[9]", a=dt.float64, b=dt.float32),
    ],
    "cast-cast-integer": [
        _case("x:i64[9]", a=dt.int32, b=dt.uint8), _case("x:i8[9]", a=dt.uint32, b=dt.int16),
        _case("x:u8[9]", a=dt.int8, b=dt.int8),
    ],
    "matmul-transpose-left": [_case("x:f32[2, 3, 4];y:f32[2, 3, 5]", p=(0, 2, 1), f=False, g=False, d=None)],
    "matmul-transpose-right": [_case("x:f32[3, 4];y:f32[5, 4]", p=(1, 0), f=False, g=False, d=None)],
    "transpose-matmul": [
        _case("x:f32[2, 3, 4];y:f32[2, 4, 5]", p=(0, 2, 1), f=False, g=False, d=None),
        _case("x:f32[4, 3];y:f32[5, 4]", p=(1, 0), f=True, g=True, d=None),
    ],
}  # fmt: skip


def cases(rule: Rule) -> Iterator[Case]:
    """What to try a rule on; those it does not fit are not built, or do not match."""
    if rule.name in GIVEN:
        yield from GIVEN[rule.name]
        return
    left, _ = rule.sides
    holes, splats = sorted(_names(left, Hole)), sorted(_names(left, Splat))
    for d in DTYPES:
        count = len(values(d, len(holes))[0])
        types = {x: TensorType(dt.bool_ if x in CONDITIONS else d, (count,)) for x in holes}
        for numbers in itertools.product(NUMBERS, repeat=len(splats)):
            for stretched in (False, True):
                yield Case(types, {}, dict(zip(splats, numbers)), stretched)


def _names(q: Pattern, kind: type) -> set[str]:
    if isinstance(q, Splat):
        return set(q.names) if kind is Splat else set()
    if isinstance(q, Hole):
        return {q.name} if kind is Hole else set()
    return set().union(*(_names(o, kind) for o in q.operands)) if isinstance(q, Apply) else set()


# ---- graphs ----------------------------------------------------------------------------------------------------------


def left_side(rule: Rule, case: Case) -> Graph | None:
    """The graph of the rule's left side; None where the types do not fit its ops."""
    b = Builder(rule.name)
    inputs = {name: b.input(t, name) for name, t in case.types.items()}
    made = Instance(case, inputs)
    try:
        with binding(b):
            return b.finish([made.of(rule.sides[0])])
    except (OpError, OverflowError):
        return None


class Instance:
    """A pattern's ops applied to a case's variables."""

    def __init__(self, case: Case, inputs: dict[str, Value]) -> None:
        self.case, self.inputs = case, inputs
        first = next(iter(inputs.values())) if inputs else None
        plain = [v for name, v in inputs.items() if name not in CONDITIONS]
        self.like = (plain[0] if plain else first).ir_type  # type: ignore[union-attr]

    def of(self, q: Pattern, d: DType | None = None) -> Any:
        if isinstance(q, Hole):
            return self.inputs[q.name]
        if isinstance(q, Number):
            return self.constant(q.value, dt.bool_ if isinstance(q.value, bool) else self.like.dtype)
        if isinstance(q, Splat):
            return self.constant(self.case.numbers[q.names[0]], self.like.dtype)
        operands = [self.of(o) for o in q.operands]
        return q.op(*operands, **{k: self.case.attrs[name] for k, name in q.attrs.items()})

    def constant(self, value: Any, d: DType) -> Any:
        if d.is_integer and value != int(value):
            raise OverflowError("not of the type")
        scalar = p.constant(value=np.array(int(value) if d.is_integer else value, d.np))
        return p.broadcast(scalar, shape=self.like.dims) if self.case.stretched else scalar


# ---- values ----------------------------------------------------------------------------------------------------------


def edges(d: DType) -> np.ndarray[Any, Any]:
    """Values at which laws break."""
    if d is dt.bool_:
        return np.array([False, True])
    if d.is_integer:
        negative = () if d.is_unsigned else (-1, -2)
        return np.array(sorted({d.min, d.min + 1, 0, 1, 2, 3, d.max - 1, d.max, *negative}), d.np)
    tiny = {"float16": 6e-8, "bfloat16": 1e-40, "float32": 1e-45, "float64": 5e-324}[d.name]
    huge = {"float16": 65504.0, "bfloat16": 3.3e38, "float32": 3.4028235e38, "float64": 1.7976931348623157e308}[d.name]
    some = [0.0, -0.0, 1.0, -1.0, tiny, -tiny, 0.1, -0.3, 3.0, 1.5, -2.5, huge, -huge, np.inf, -np.inf, np.nan]
    return np.array(some).astype(d.np)


def values(d: DType, count: int) -> list[np.ndarray[Any, Any]]:
    """Arrays that together hold every combination of edges (of fewer, for three variables)."""
    each = edges(d)
    if count > 2:
        each = each[:: max(1, len(each) // 6)]
    if count == 0:
        return [each]
    grids = np.meshgrid(*[each] * count, indexing="ij")
    return [g.reshape(-1) for g in grids]


def arguments(case: Case, rng: np.random.Generator) -> list[np.ndarray[Any, Any]]:
    """Arrays for the variables, in order."""
    plain = [name for name in case.types if name not in CONDITIONS]
    d = next(iter(case.types.values())).dtype if not plain else case.types[plain[0]].dtype
    combined = values(d, len(case.types))
    out = []
    for k, (name, t) in enumerate(case.types.items()):
        size = int(t.size)  # type: ignore[call-overload]
        if name in CONDITIONS:
            out.append(rng.integers(0, 2, t.shape).astype(bool))
        elif t.dtype is d and size == len(combined[k]):
            out.append(combined[k].reshape(t.shape))
        else:
            some = np.resize(edges(t.dtype), max(size, len(edges(t.dtype))))
            out.append(rng.permutation(some)[:size].reshape(t.shape))
    return out
