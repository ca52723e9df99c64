"""What an op is: its name, constraints, type rule, NumPy reference, gradient, traits and lowering class.

Invariant: an `Op` is declared once, in a family file under `ir/ops/`, and says only what is true with no backend at
all. `ref` is the oracle: independent of the lowering. Calling an op binds it: `mul(x, y)` is `bind(mul, x, y)`.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from graphtf.ir.binding import _ambient, _default
from graphtf.ir.errors import Violation
from graphtf.ir.types import Type


class Trait(enum.Flag):
    """What passes may ask of an op."""

    NONE = 0
    ELEMENTWISE = enum.auto()  # output element i depends on the operands' (broadcast) elements i only
    COMMUTATIVE = enum.auto()  # op(x, y) is op(y, x), bit for bit (but for the rounding of complex numbers)
    ASSOCIATIVE = enum.auto()  # exactly so: integers, max, min, logic; float addition is not
    IDEMPOTENT = enum.auto()  # op(op(x)) is op(x)
    INVOLUTION = enum.auto()  # op(op(x)) is x
    VIEW = enum.auto()  # each output element is one element of operand 0, unchanged
    SAME_ORDER = enum.auto()  # a VIEW whose elements keep their row-major order: it can share its operand's memory
    STRETCH = enum.auto()  # a VIEW that repeats its operand as broadcasting does, to attribute `shape`
    GENERATOR = enum.auto()  # no operands: the value follows from the attributes
    REDUCTION = enum.auto()
    CONTRACTION = enum.auto()
    ZERO_GRADIENT = enum.auto()  # derivative is zero or none wherever it is defined (rounding, comparison, integers)
    CHECKED = enum.auto()  # refuses some elements at run time (`Op.check` or its kernel says which): not speculated


class Effect(enum.Enum):
    """What running an op does besides giving its outputs. Ops with the same resource keep their order."""

    NONE = "none"
    READ = "read"  # reads the variable that is operand 0
    WRITE = "write"  # writes it
    CHECK = "check"  # may stop the program with an error
    IO = "io"  # prints, calls Python: keeps order with everything effectful
    REGIONS = "regions"  # whatever its regions do


# ---- lowering classes ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Scalar:
    """Elementwise: the loop IR's scalar primitive `prim` of the operands' elements."""

    prim: str


@dataclass(frozen=True, slots=True)
class Body:
    """Elementwise: `fn(*elements, **attrs)` writes the output element with scalar primitives (ir/loops/expr.py)."""

    fn: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Element:
    """`fn(index, read, out_type, operand_types, **attrs)` gives output element `index` (a tuple of i64 expressions);
    `read(k, index)` is an element of operand k. Views, generators, gathers: whatever is one element per element."""

    fn: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Reduce:
    """Over attribute `axes`: combine with scalar primitive `combine`, starting from its identity."""

    combine: str


@dataclass(frozen=True, slots=True)
class Kernel:
    """A loop nest of its own, written once for the class `kind`: contract, convolve, window, scatter, scan, sort, …"""

    kind: str


@dataclass(frozen=True, slots=True)
class Decompose:
    """`fn(*operands, **attrs)` computes it with other ops."""

    fn: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Structural:
    """Control flow and state: the program's own structure, no kernel."""


@dataclass(frozen=True, slots=True)
class Host:
    """Runs in Python between native segments, because `why`."""

    why: str


Lowering = Scalar | Body | Element | Reduce | Kernel | Decompose | Structural | Host


@dataclass(frozen=True, slots=True)
class ElementCheck:
    """What an elementwise op refuses at run time: `fn(*elements, **attrs)` is a bool scalar expression that must hold,
    or None where the operands' dtype has no such case. The op's own lowering is safe all the same. Where it fails, the
    program raises InvalidArgumentError with `message`, as `ref` does."""

    fn: Callable[..., Any]
    message: str


@dataclass(frozen=True, slots=True)
class IndexCheck:
    """What an op with an Element lowering refuses at run time: `fn(index, read, out_type, operand_types, **attrs)` is a
    bool expression that must hold, an int64 expression, and the message, where `{value}` stands for the latter; or None
    where every element is surely accepted. The op's own lowering is safe all the same."""

    fn: Callable[..., Any]


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A hole in the op matrix that is meant to be there."""

    why: str


@dataclass(frozen=True, slots=True)
class Sample:
    """One way to call an op in tests: operand types as text, attributes, and the range its values are drawn from.

    `values` gives operands literally where random ones would not do; `grad` False: no numeric gradient test.
    """

    operands: str = ""
    attrs: Mapping[str, Any] = field(default_factory=dict)
    low: float = -2.0
    high: float = 2.0
    values: tuple[Any, ...] | None = None
    grad: bool = True


Infer = Callable[..., Any]
Vjp = Callable[..., Any]


class Partials:
    """A gradient rule in parts, one function `(ct, out, *operands, **attrs)` for each operand: those that nobody asks
    for are left out."""

    __slots__ = ("parts",)

    def __init__(self, *parts: Vjp) -> None:
        self.parts = parts

    def __call__(self, ct: Any, out: Any, *operands: Any, **attrs: Any) -> tuple[Any, ...]:
        return tuple(part(ct, out, *operands, **attrs) for part in self.parts)


class RowRule:
    """A gradient rule of an op that reads some rows of operand 0: `rows(ct, *operands, **attrs)` gives them as (values,
    row numbers), or None where it does not read whole rows; `whole` is the rule as it is otherwise."""

    __slots__ = ("rows", "whole")

    def __init__(self, whole: Vjp, rows: Callable[..., tuple[Any, Any] | None]) -> None:
        self.whole, self.rows = whole, rows

    def __call__(self, ct: Any, out: Any, *operands: Any, **attrs: Any) -> Any:
        return self.whole(ct, out, *operands, **attrs)


@dataclass(frozen=True, eq=False)
class Op:
    """A primitive.

    infer(*operand_types, **attrs) -> type or tuple of types; raises `Violation` naming a constraint.
    ref(*arrays, **attrs) -> array or tuple; attributes have their run-time values (no symbols).
    vjp(ct, out, *operands, **attrs) -> one cotangent or None for each operand; for several outputs, ct (None where
    there is none) and out are tuples. Written with ops, so it works eagerly, traced, and to any order.
    """

    name: str
    doc: str
    infer: Infer
    ref: Callable[..., Any]
    vjp: Vjp | Unsupported | None  # None: the op is a Trait.ZERO_GRADIENT or has no differentiable operand
    lowering: Lowering | Unsupported
    arity: int | None = 1  # None: any number of operands
    attrs: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    traits: Trait = Trait.NONE
    effect: Effect = Effect.NONE
    results: int | None = 1  # None: as many as the type rule says
    samples: tuple[Sample, ...] = ()
    check: ElementCheck | IndexCheck | None = None  # of a Trait.CHECKED op whose lowering is not a kernel

    def __call__(self, *operands: Any, **attrs: Any) -> Any:
        return (_ambient.binder or _default[0])(self, operands, attrs)  # as bind(self, …), with one call less

    def __repr__(self) -> str:
        return f"<op {self.name}>"

    def __reduce__(self) -> tuple[Any, ...]:
        from graphtf.ir.ops import OPS  # only when copied or sent to a process: the table imports this module

        return OPS.__getitem__, (self.name,)

    @property
    def pure(self) -> bool:
        return self.effect is Effect.NONE

    def violated(self, constraint: int, message: str, kind: str = "shape") -> Violation:
        """The error for constraint number `constraint` (from 1), to be raised."""
        return Violation(self.name, f"C{constraint}: {self.constraints[constraint - 1]}", message, kind)


def infer_types(op: Op, types: tuple[Type, ...], attrs: Mapping[str, Any]) -> tuple[Type, ...]:
    """The types of the op's outputs. Raises `Violation`."""
    out = op.infer(*types, **attrs)
    return out if isinstance(out, tuple) else (out,)
