"""The state of making a random graph: its builder, and a pool of the values so far with what they hold.

Every value is computed as soon as its node is made, so makers can choose operands by what they hold: indices that are
valid (or not), functions inside their domain, results that are mostly finite.

Invariant: the graph is valid after every step, and what it assumes of run-time sizes holds for every batch size.
Entry point: `Generator.emit`.
"""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import binding
from graphtf.ir.builder import Builder
from graphtf.ir.dims import Dim, Shape, SymDim, collecting_guards, evaluate, nonnegative, substitute, sym, symbols
from graphtf.ir.dtypes import DType
from graphtf.ir.errors import OpError, Violation
from graphtf.ir.graph import Graph, Source, Value
from graphtf.ir.interpret import run_node
from graphtf.ir.op import Op, infer_types
from graphtf.ir.ops import OPS
from graphtf.ir.types import RefType, TensorType, Type

from .domain import PLAIN, WILD, Domain
from .program import BASE, argument, sizes_of

Array = np.ndarray[Any, Any]

MAX_ELEMENTS = 2048  # of any value, for the base size
SIZES = (1, 2, 3, 4, 5, 7, 8, 13, 16, 32)
DTYPES: tuple[tuple[DType, float], ...] = (
    (dt.float32, 8), (dt.float64, 3), (dt.float16, 1.5), (dt.bfloat16, 1.5), (dt.int32, 3), (dt.int64, 2),
    (dt.bool_, 2), (dt.int8, 0.7), (dt.int16, 0.7), (dt.uint8, 1), (dt.uint16, 0.5), (dt.uint32, 0.7),
    (dt.uint64, 0.7), (dt.complex64, 0.4), (dt.complex128, 0.3),
)  # fmt: skip
_DRAWN = [d for d, _ in DTYPES]
_SHARES = np.array([w for _, w in DTYPES]) / sum(w for _, w in DTYPES)
_SECOND = {"m": sym("n")}  # both names stand for one size

@dataclass(frozen=True, eq=False)
class Item:
    """A value of the graph, and what it holds for the base sizes (a Cell, for a reference)."""

    value: Value
    array: Any

    @property
    def type(self) -> TensorType:
        return self.value.ir_type

    @property
    def dtype(self) -> DType:
        return self.value.type.dtype

    @property
    def shape(self) -> Shape:
        return self.type.dims

    @property
    def rank(self) -> int:
        return len(self.type.dims)


def is_name(d: Dim) -> bool:
    """Is the size a bare name?"""
    return isinstance(d, SymDim) and d.is_symbol


Made = list[Item] | None  # the results of a node, or None if it could not be made this time
Maker = Callable[["Generator", Op], Made]


class Failing(Exception):
    """The node just made raises when run, and stays: the program ends here."""


class Generator:
    """The state of making one graph, or one region of it."""

    def __init__(
        self, rng: np.random.Generator, grow: Callable[[Generator], None], name: str = "graph", depth: int = 0,
        symbols: Sequence[str] = (),
    ) -> None:  # fmt: skip
        self.rng = rng
        self.grow = grow  # adds a node or a few
        self.builder = Builder(name)
        self.depth = depth
        self.symbols = symbols  # names of sizes that arguments make known
        self.pool: list[Item] = []
        self.cells: list[Item] = []  # variables
        self.sizes = sizes_of(BASE)  # and what nodes make known
        self.domains: list[Domain] = []
        self.gradients: list[Value] = []
        self.ops: set[str] = set()
        self.names = itertools.count()
        self.may_fail = False  # may the next node be one that raises?
        self.numbers = PLAIN  # where floats come from unless a maker says otherwise

    # ---- chance -----------------------------------------------------------------------------------------------------

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def pick(self, xs: Sequence[Any]) -> Any:
        return xs[int(self.rng.integers(len(xs)))]

    def dtype(self) -> DType:
        return _DRAWN[int(self.rng.choice(len(_DRAWN), p=_SHARES))]

    def size(self) -> int:
        return 0 if self.chance(0.03) else int(self.pick(SIZES))

    def shape(self, rank: int | None = None) -> Shape:
        """Of any rank up to 4, small enough; in a symbolic program often with a run-time size."""
        rank = int(self.rng.integers(0, 5)) if rank is None else rank
        while True:
            dims: list[Dim] = [self.size() for _ in range(rank)]
            if self.symbols and rank and self.chance(0.7):
                dims[0 if self.chance(0.7) else int(self.rng.integers(rank))] = sym(self.pick(self.symbols))
            if self.fits(dims):
                return tuple(dims)

    def fits(self, dims: Sequence[Dim]) -> bool:
        """Is it small, whatever the batch size?"""
        known = {s: self.sizes.get(s, 1) for d in dims for s in symbols(d)}
        base = np.prod([evaluate(d, known) for d in dims], initial=1.0)
        most = np.prod([evaluate(d, {k: 5 * v for k, v in known.items()}) for d in dims], initial=1.0)
        return bool(base <= MAX_ELEMENTS and most <= 8 * MAX_ELEMENTS)

    def fresh_size(self) -> Dim:
        """A name for a size that only running tells."""
        return sym(f"u{next(self.names)}")

    # ---- the pool ---------------------------------------------------------------------------------------------------

    def items(self, accept: Callable[[Item], bool] = lambda x: True) -> list[Item]:
        """Those of known rank that are acceptable."""
        return [x for x in self.pool if x.type.shape is not None and accept(x)]

    def some(self, accept: Callable[[Item], bool] = lambda x: True) -> Item | None:
        """An item that is acceptable, newer ones more often; None if there is none."""
        found = self.items(accept)
        if not found:
            return None
        weights = np.arange(1, len(found) + 1, dtype=float)
        return found[int(self.rng.choice(len(found), p=weights / weights.sum()))]

    def input(self, t: TensorType, domain: Domain | None = None) -> Item:
        """A new argument of the program; inside a region, or where running makes the size known, a constant instead."""
        domain = self.domain_for(t.dtype) if domain is None else domain
        known = {s for d in t.dims for s in symbols(d)} <= set(self.symbols) and all(map(nonnegative, t.dims))
        if self.depth or not known:
            return self.constant(argument(t, domain, {}, self.rng)) if t.is_static else self.repeated(t, domain)
        v = self.builder.input(t, self.hint(len(self.builder.inputs)))
        self.domains.append(domain)
        item = Item(v, argument(t, domain, sizes_of(BASE), self.rng))
        self.pool.append(item)
        return item

    def variable(self, t: TensorType, domain: Domain | None = None) -> Item:
        """A new variable of the program."""
        v = self.builder.input(RefType(t), self.hint(len(self.builder.inputs)))
        self.domains.append(domain or self.domain_for(t.dtype))
        item = Item(v, argument(v.type, self.domains[-1], sizes_of(BASE), self.rng))
        self.cells.append(item)
        return item

    def repeated(self, t: TensorType, domain: Domain) -> Item:
        """A value with run-time sizes where there are no inputs: one number, repeated."""
        scalar = self.constant(argument(TensorType(t.dtype, ()), domain, {}, self.rng))
        return self.surely(OPS["broadcast"], [scalar], shape=t.dims)

    def domain_for(self, d: DType) -> Domain:
        if d.is_inexact:
            return self.numbers
        return WILD if self.chance(0.15) else Domain("plain", -4, 12)

    def hint(self, k: int) -> str:
        """Names, some of which the text format cannot use as they are."""
        return f"x{k}" if self.chance(0.8) else str(self.pick(("", "x0", "a b", "λ", "3", "m.", "%x")))

    def constant(self, array: Array) -> Item:
        return self.surely(OPS["constant"], [], value=np.asarray(array))

    # ---- nodes ------------------------------------------------------------------------------------------------------

    def emit(self, op: Op, operands: Sequence[Item], **attrs: Any) -> list[Item] | None:
        """Append a node and compute it. None, and nothing appended, if the op refuses, it is too large, or says little.

        Raises Failing if it raises and may."""
        types = self.types(op, operands, attrs)
        if types is None:
            return None
        b = self.builder
        b.source = Source(self.pick(("fuzz.py", "a b.py", "λ.py")), len(b.nodes) + 1) if self.chance(0.5) else None
        node = b.append(op, [x.value for x in operands], attrs)
        try:
            with redirect_stdout(io.StringIO()):
                outs = run_node(node, [x.array for x in operands], self.sizes)
        except (OpError, ValueError) as e:
            if isinstance(e, OpError) and self.may_fail and not self.depth:
                self.ops.add(op.name)
                raise Failing from None
            b.nodes.pop()
            return None
        if not self.welcome(op, outs):
            b.nodes.pop()
            return None
        self.ops.add(op.name)
        self.note_sizes(types, outs)
        found = [Item(v, a) for v, a in zip(node.outputs, outs)]
        self.pool += found
        return found

    def types(self, op: Op, operands: Sequence[Item], attrs: Mapping[str, Any]) -> tuple[Type, ...] | None:
        """What the node's results would be; None if it cannot be, or is not for this program."""
        guards: list[tuple[Dim, Dim]] = []
        try:
            with collecting_guards(guards):
                types = infer_types(op, tuple(x.value.type for x in operands), attrs)
        except (Violation, TypeError, ValueError):  # an attribute of the wrong kind is no Violation
            return None
        if any(substitute(a, _SECOND) != substitute(b, _SECOND) for a, b in guards):
            return None
        dims = {d for t in types if isinstance(t, TensorType) for d in t.dims_or_none}
        if not self.may_fail and not all(map(nonnegative, dims)):
            return None  # it would fail for few rows
        small = all(t.shape is None or self.fits(t.shape) for t in types if isinstance(t, TensorType))
        return types if small else None

    def surely(self, op: Op, operands: Sequence[Item], **attrs: Any) -> Item:
        """As `emit`, of what cannot be refused, whatever it holds."""
        node = self.builder.append(op, [x.value for x in operands], attrs)
        item = Item(node.out, *run_node(node, [x.array for x in operands], self.sizes))
        self.ops.add(op.name)
        self.pool.append(item)
        return item

    def note_sizes(self, types: Sequence[Type], outs: Sequence[Array]) -> None:
        for t, a in zip(types, outs):
            if isinstance(t, TensorType) and t.shape is not None:
                self.sizes |= {str(d): k for d, k in zip(t.shape, a.shape) if str(d) not in self.sizes and is_name(d)}

    def welcome(self, op: Op, outs: Sequence[Array]) -> bool:
        """Values that are NaN throughout say little: one in ten is kept."""
        for a in outs:
            if a.size and a.dtype.kind not in "biuO":
                with np.errstate(all="ignore"):
                    bad = float(np.mean(~np.isfinite(a.astype(np.complex128))))
                if bad > 0.5 and self.numbers.kind != "wild" and not self.chance(0.1):
                    return False
        return True

    def apply(self, fn: Callable[..., Any], *items: Item) -> Item:
        """What a function written with ops gives, as an item; its nodes are computed too."""
        start = len(self.builder.nodes)
        with binding(self.builder):
            out = fn(*(x.value for x in items))
        known = {x.value: x.array for x in (*self.pool, *items)}
        for n in self.builder.nodes[start:]:
            known.update(zip(n.outputs, run_node(n, [known[v] for v in n.inputs], self.sizes)))
            self.ops.add(n.op.name)
        item = Item(out, known[out])
        self.pool.append(item)
        return item

    def region(self, name: str) -> Generator:
        """A generator for a region."""
        inner = Generator(self.rng, self.grow, name, self.depth + 1, self.symbols)
        inner.numbers = self.numbers
        inner.names = self.names
        inner.sizes = dict(self.sizes)
        return inner

    def parameter(self, item: Item) -> Item:
        """An input of a region, holding what `item` holds outside."""
        v = self.builder.input(item.value.type, self.hint(len(self.builder.inputs)))
        inner = Item(v, item.array)
        (self.cells if isinstance(v.type, RefType) else self.pool).append(inner)
        return inner

    # ---- finishing --------------------------------------------------------------------------------------------------

    def finish(self) -> Graph:
        """The graph; what nothing uses is an output, so that nothing is dead."""
        used = {v for n in self.builder.nodes for v in n.inputs}
        outputs = [v for n in self.builder.nodes for v in n.outputs if v not in used]
        outputs += [v for v in self.gradients if v in used]
        tensors = [x.value for x in self.pool]
        for _ in range(int(self.rng.integers(0, 3))):  # also inputs, values used elsewhere, and some twice
            if tensors:
                outputs.append(self.pick(tensors))
        order = self.rng.permutation(len(outputs))
        return self.builder.finish([outputs[k] for k in order])
