"""Dimensions: an `int`, or a `SymDim`, an integer expression over named sizes that are known only at run time.

Invariant: a `SymDim` is a canonical polynomial, so two equal expressions written differently are one object, and one
that is constant is an `int`. Symbols stand for sizes, hence are ≥ 0. Entry points: `sym(name)`, arithmetic, `evaluate`.
"""

from __future__ import annotations

import functools
import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Union
from weakref import WeakValueDictionary

from graphtf.ir.errors import UnknownSizeError

Dim = Union[int, "SymDim"]
Shape = tuple[Dim, ...]
Env = Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Atom:
    """An indivisible factor: a named size, or `kind(args)` with kind one of floordiv, max, min."""

    kind: str
    name: str = ""
    args: tuple[Dim, ...] = ()

    def __str__(self) -> str:
        if self.kind == "sym":
            return self.name
        if self.kind == "floordiv":
            a, b = (str(x) if (x >= 0 if isinstance(x, int) else x.is_symbol) else f"({x})" for x in self.args)
            return f"{a}//{b}"
        return f"{self.kind}({', '.join(map(str, self.args))})"


Monomial = tuple[Atom, ...]
Terms = tuple[tuple[Monomial, int], ...]


class SymDim:
    """A sum of integer multiples of products of atoms, e.g. `4*n + 1` or `(n + 1)//2`."""

    __slots__ = ("__weakref__", "_hash", "_text", "terms", "weight")

    terms: Terms
    weight: int  # about how many names, numbers and operations its text has
    _hash: int
    _text: str | None

    def __new__(cls, terms: Terms) -> SymDim:
        found = _shared.get(terms)
        return found if found is not None else _new(terms)

    def __reduce__(self) -> tuple[Any, ...]:
        return SymDim, (self.terms,)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other

    def __add__(self, other: Dim) -> Dim:
        return _combine(self, other, 1) if isinstance(other, (int, SymDim)) else NotImplemented

    __radd__ = __add__

    def __sub__(self, other: Dim) -> Dim:
        return _combine(self, other, -1) if isinstance(other, (int, SymDim)) else NotImplemented

    def __rsub__(self, other: Dim) -> Dim:
        return _combine(other, self, -1)

    def __neg__(self) -> Dim:
        return _combine(0, self, -1)

    def __mul__(self, other: Dim) -> Dim:
        return _multiply(self, other) if isinstance(other, (int, SymDim)) else NotImplemented

    __rmul__ = __mul__

    def __floordiv__(self, other: Dim) -> Dim:
        return floordiv(self, other)

    def __rfloordiv__(self, other: Dim) -> Dim:
        return floordiv(other, self)

    def __mod__(self, other: Dim) -> Dim:
        return self - floordiv(self, other) * other

    def __rmod__(self, other: Dim) -> Dim:
        return other - floordiv(other, self) * self

    def __bool__(self) -> bool:
        raise UnknownSizeError(f"the size {self} is known only at run time and cannot decide a branch")

    def __int__(self) -> int:
        raise UnknownSizeError(f"the size {self} is known only at run time; use tf.shape to compute with it")

    __index__ = __int__

    def __repr__(self) -> str:
        return str(self)

    def __str__(self) -> str:
        if self._text is None:
            self._text = " + ".join([_term_text(m, c) for m, c in self.terms]).replace("+ -", "- ")
        return self._text

    @property
    def is_symbol(self) -> bool:
        """Is it a single bare name?"""
        if len(self.terms) != 1:
            return False
        monomial, coefficient = self.terms[0]
        return coefficient == 1 and len(monomial) == 1 and monomial[0].kind == "sym"


_shared: WeakValueDictionary[Terms, SymDim] = WeakValueDictionary()
_sharing = threading.Lock()


def _new(terms: Terms) -> SymDim:
    """The one expression of these terms, made if there is none."""
    with _sharing:
        found = _shared.get(terms)
        if found is None:
            found = object.__new__(SymDim)
            found.terms, found._hash, found._text = terms, hash(terms), None
            found.weight = sum(1 + sum(map(_weight, m)) for m, _ in terms)
            _shared[terms] = found
    return found


def _weight(a: Atom) -> int:
    return 1 + sum(x.weight if isinstance(x, SymDim) else 1 for x in a.args)


def _term_text(monomial: Monomial, coefficient: int) -> str:
    if not monomial:
        return str(coefficient)
    factors = [f"({a})" if a.kind == "floordiv" else str(a) for a in monomial]
    if coefficient not in (1, -1):
        return "*".join([str(coefficient), *factors])
    factors[0] = str(monomial[0])  # a quotient that comes first needs no brackets
    return ("-" if coefficient < 0 else "") + "*".join(factors)


def _terms(d: Dim) -> Terms:
    if isinstance(d, SymDim):
        return d.terms
    return (((), int(d)),) if d else ()


def _order(item: tuple[Monomial, int]) -> tuple[int, str]:
    return -len(item[0]), "*".join(str(a) for a in item[0])


def _canonical(terms: dict[Monomial, int]) -> Dim:
    kept = [(m, c) for m, c in terms.items() if c]
    if not kept:
        return 0
    if len(kept) == 1 and not kept[0][0]:
        return kept[0][1]
    return SymDim(tuple(sorted(kept, key=_order)))


def _combine(a: Dim, b: Dim, sign: int) -> Dim:
    terms = dict(_terms(a))
    for m, c in _terms(b):
        terms[m] = terms.get(m, 0) + sign * c
    return _canonical(terms)


def _multiply(a: Dim, b: Dim) -> Dim:
    terms: dict[Monomial, int] = {}
    for m, c in _terms(a):
        for k, d in _terms(b):
            product = tuple(sorted(m + k, key=str))
            terms[product] = terms.get(product, 0) + c * d
    return _canonical(terms)


def _atom(kind: str, *args: Dim) -> SymDim:
    return SymDim((((Atom(kind, "", args),), 1),))


def sym(name: str) -> SymDim:
    """The size called `name`."""
    return SymDim((((Atom("sym", name),), 1),))


def floordiv(a: Dim, b: Dim) -> Dim:
    """a // b, for b > 0; divides out what divides evenly: (4*n + 2)//2 = 2*n + 1, (n*m)//n = m (for n > 0). The
    quotient of a quotient is one: (n//2 - 1)//3 = (n - 2)//6."""
    if isinstance(b, int):
        if b <= 0:
            raise ValueError(f"a size cannot be divided by {b}")
        if isinstance(a, int):
            return a // b
        if b == 1:
            return a
        whole = {m: c // b for m, c in _terms(a) if c % b == 0}
        rest = {m: c for m, c in _terms(a) if c % b}
        if not rest:
            return _canonical(whole)
        return _canonical(whole) + _quotient(_canonical(rest), b)
    exact = _exact_quotient(a, b)
    return exact if exact is not None else _atom("floordiv", a, b)


def _quotient(a: Dim, b: int) -> Dim:
    """a // b where b divides no term of a; (x//c + y)//b = (x + c*y)//(c*b)."""
    if isinstance(a, int):
        return a // b
    inner = [m[0] for m, c in a.terms if c == 1 and len(m) == 1 and m[0].kind == "floordiv"]
    if len(inner) == 1 and isinstance(inner[0].args[1], int):
        x, c = inner[0].args
        return floordiv(x + (a - SymDim((((inner[0],), 1),))) * c, c * b)
    return _atom("floordiv", a, b)


def _exact_quotient(a: Dim, b: SymDim) -> Dim | None:
    if len(b.terms) != 1:
        return 1 if a == b else None
    (divisor, scale), out = b.terms[0], {}
    for m, c in _terms(a):
        left = list(m)
        for atom in divisor:
            if atom not in left:
                return None
            left.remove(atom)
        if c % scale:
            return None
        out[tuple(left)] = c // scale
    return _canonical(out)


def ceildiv(a: Dim, b: int) -> Dim:
    """⌈a / b⌉."""
    return floordiv(a + b - 1, b)


def lower_bound(d: Dim) -> float:
    """A bound from below, from symbols being ≥ 0; -inf where none is known."""
    if isinstance(d, int):
        return d
    total: float = 0
    for m, c in d.terms:
        if c < 0 and m:
            return -math.inf
        total += c * _product_lower([_atom_lower(a) for a in m])
    return total


def _product_lower(lows: list[float]) -> float:
    """A bound of a product of factors that have no bound from above."""
    if len(lows) > 1 and min(lows) < 0:
        return -math.inf
    return math.prod(lows)


def _atom_lower(a: Atom) -> float:
    if a.kind == "sym":
        return 0
    if a.kind == "floordiv":
        low = lower_bound(a.args[0])
        if isinstance(a.args[1], int) and low > -math.inf:
            return math.floor(low / a.args[1])
        return 0 if low >= 0 else -math.inf
    return (max if a.kind == "max" else min)(lower_bound(x) for x in a.args)


def maximum(a: Dim, b: Dim) -> Dim:
    """max(a, b), decided where it can be."""
    if at_most(b, a):
        return a
    if at_most(a, b):
        return b
    return _atom("max", *sorted((a, b), key=str))


def minimum(a: Dim, b: Dim) -> Dim:
    """min(a, b), decided where it can be."""
    if at_most(b, a):
        return b
    if at_most(a, b):
        return a
    return _atom("min", *sorted((a, b), key=str))


def product(dims: Iterable[Dim]) -> Dim:
    """The product of sizes; 1 for none."""
    total: Dim = 1
    for d in dims:
        total = total * d
    return total


def extent(d: Dim) -> tuple[int, int, int]:
    """How many terms a size has, its degree, and the magnitude of its largest coefficient."""
    terms = _terms(d)
    degree = max((len(m) for m, _ in terms), default=0)
    return len(terms), degree, max((abs(c) for _, c in terms), default=0)


def symbols(d: Dim) -> Iterator[str]:
    """Names in `d`, in order, perhaps repeated."""
    for m, _ in _terms(d):
        for a in m:
            if a.kind == "sym":
                yield a.name
            for x in a.args:
                yield from symbols(x)


_APPLY: dict[str, Callable[..., Dim]] = {"floordiv": floordiv, "max": maximum, "min": minimum}


def substitute(d: Dim, env: Mapping[str, Dim]) -> Dim:
    """`d` with names replaced; those not in `env` stay."""
    if isinstance(d, int):
        return d
    if d.is_symbol:
        return env.get(d.terms[0][0][0].name, d)
    total: Dim = 0
    for m, c in d.terms:
        factor: Dim = c
        for a in m:
            if a.kind == "sym":
                factor = factor * env.get(a.name, sym(a.name))
            else:
                factor = factor * _APPLY[a.kind](*(substitute(x, env) for x in a.args))
        total = total + factor
    return total


def evaluate(d: Dim, env: Env) -> int:
    """The number `d` stands for. Raises KeyError for a name without a value."""
    if isinstance(d, int):
        return d
    total = 0
    for m, c in d.terms:
        for a in m:
            c *= env[a.name] if a.kind == "sym" else _evaluate_atom(a, env)
        total += c
    return total


def _evaluate_atom(a: Atom, env: Env) -> int:
    x, y = (evaluate(x, env) for x in a.args)
    if a.kind == "floordiv":
        return x // y
    return max(x, y) if a.kind == "max" else min(x, y)


# ---- guards: equalities assumed while a type is inferred -----------------------------------------------------------


class _Guards(threading.local):
    collector: list[tuple[Dim, Dim]] | None = None


_guards = _Guards()


@contextmanager
def collecting_guards(into: list[tuple[Dim, Dim]]) -> Iterator[None]:
    """Within, `same` may assume two sizes equal that are not known to differ, and says so in `into`."""
    before, _guards.collector = _guards.collector, into
    try:
        yield
    finally:
        _guards.collector = before


def same(a: Dim, b: Dim) -> bool:
    """Are two sizes equal? If only run time can tell and guards are being collected, assume so and note the guard."""
    if a == b:
        return True
    if isinstance(a, int) and isinstance(b, int):
        return False
    if isinstance(a - b, int) or _guards.collector is None:  # differ by a constant
        return False
    if (a, b) not in _guards.collector and (b, a) not in _guards.collector:
        _guards.collector.append((a, b))
    return True


# ---- inequalities ----------------------------------------------------------------------------------------------------

_PROOF_DEPTH = 8


def nonnegative(d: Dim, given: Dim = 0) -> bool:
    """Is d ≥ 0 whatever the sizes, for `given` ≥ 0? False where that cannot be shown.

    >>> n, m = sym("n"), sym("m")
    >>> nonnegative(n - minimum(n, 5)), nonnegative(2 * floordiv(n + 1, 2) - n), nonnegative(n - 1)
    (True, True, False)
    >>> nonnegative(minimum(n - m, 1)), nonnegative(minimum(n - m, 1), given=n - m)
    (False, True)
    """
    return d >= 0 if isinstance(d, int) else _proved(d, given)


def at_most(a: Dim, b: Dim, given: Dim = 0) -> bool:
    """Is a ≤ b whatever the sizes, for `given` ≥ 0? False where that cannot be shown."""
    return nonnegative(b - a, given)


@functools.lru_cache(maxsize=1 << 12)
def _proved(d: SymDim, given: Dim) -> bool:
    return _nonnegative(d, given, _PROOF_DEPTH)


def _nonnegative(d: Dim, given: Dim, depth: int) -> bool:
    if lower_bound(d) >= 0 or (isinstance(given, SymDim) and lower_bound(d - given) >= 0):
        return True
    if isinstance(d, int) or not depth:
        return False
    split = [(m[0], c) for m, c in d.terms if len(m) == 1 and m[0].kind != "sym"]
    if not split:
        return False
    a, c = min(split, key=_when_to_split)
    return _nonnegative_by_cases(d, a, c, given, depth - 1)


def _when_to_split(factor: tuple[Atom, int]) -> tuple[bool, int]:
    """What holds others comes before them; quotients come last, as their bounds forget where else they are met."""
    a, _ = factor
    return a.kind == "floordiv", -_weight(a)


def _nonnegative_by_cases(d: SymDim, a: Atom, c: int, given: Dim, depth: int) -> bool:
    """d = c·a + rest ≥ 0, from what bounds a: either argument of min from above and of max from below suffices, both
    are needed the other way round; x - s < s·(x//s) ≤ x."""
    rest = d - SymDim((((a,), c),))
    x, y = a.args
    if a.kind == "floordiv":
        bound = x if c < 0 else x - y + 1
        return isinstance(y, int) and _nonnegative(rest * y + bound * c, given * y, depth)
    bounds_suffice = (a.kind == "min") == (c < 0)
    cases = (_nonnegative(rest + bound * c, given, depth) for bound in (x, y))
    return any(cases) if bounds_suffice else all(cases)
