"""How dtypes are promoted in the modes "all" and "safe" of NumPy's behaviour, with weak types for Python numbers.

A tensor of a Python number is weak: it takes the dtype of what it meets, within its kind. Invariant: "safe" allows what
"all" gives where an operand keeps its dtype and no number loses a digit. Follows
https://www.tensorflow.org/guide/tf_numpy_type_promotion. Entry points: `promoted_dtype`, `enable`.
"""

from __future__ import annotations

from typing import Any

from graphtf import convert
from graphtf.ir import binding
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType
from graphtf.ir.op import Body, Op, Scalar, Trait
from graphtf.ir.ops.prims import p
from graphtf.tensor import EagerTensor, Tensor

MODES = ("off", "legacy", "safe", "all")
_WEAK_OF = {int: dt.int32, float: dt.float32, complex: dt.complex128}
_EXACT = {1: (dt.bfloat16, dt.float16, dt.float32, dt.float64), 2: (dt.float32, dt.float64), 4: (dt.float64,)}
_PART = {dt.complex64: dt.float32, dt.complex128: dt.float64}  # what the parts of a complex number are


class WeakTensor(EagerTensor):
    """A tensor made of Python numbers, whose dtype gives way to others."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, weak=True>"

    def __str__(self) -> str:
        return f"{super().__str__()[:-1]}, weak=True)"


# ---- the table -------------------------------------------------------------------------------------------------------


def _integers(a: DType, b: DType) -> DType:
    """The integers that hold both; float64 where there are none."""
    if a.is_unsigned == b.is_unsigned:
        return a if a.size >= b.size else b
    signed, unsigned = (b, a) if a.is_unsigned else (a, b)
    if signed.size > unsigned.size:
        return signed
    return {1: dt.int16, 2: dt.int32, 4: dt.int64, 8: dt.float64}[unsigned.size]


def _floats(a: DType, b: DType) -> DType:
    if a is not b and a.size == b.size == 2:
        return dt.float32
    return a if a.size >= b.size else b


def _strong(a: DType, b: DType) -> DType:
    """What two dtypes become together."""
    if a is b or b.is_bool:
        return a
    if a.is_bool:
        return b
    if a.is_integer and b.is_integer:
        return _integers(a, b)
    if a.is_integer or b.is_integer:
        return b if a.is_integer else a
    if not (a.is_complex or b.is_complex):
        return _floats(a, b)
    wide = dt.float64 in (_PART.get(a, a), _PART.get(b, b))
    return dt.complex128 if wide else dt.complex64


def _weakly(weak: DType, strong: DType) -> DType:
    """What a weak dtype becomes beside a strong one."""
    if weak.is_bool or strong.is_bool:
        return _strong(weak, strong)
    if weak.is_integer or strong.is_complex or (weak.is_floating and strong.is_floating):
        return strong
    if weak.is_floating:
        return dt.float64
    return dt.complex64 if strong.is_floating and strong is not dt.float64 else dt.complex128


def promoted_dtype(a: DType, b: DType, a_weak: bool = False, b_weak: bool = False, safe: bool = False) -> DType:
    """The dtype that two become together. Raises TypeError for what "safe" does not allow.

    >>> promoted_dtype(dt.uint8, dt.int8).name, promoted_dtype(dt.int64, dt.float16).name
    ('int16', 'float16')
    >>> promoted_dtype(dt.int8, dt.float32, b_weak=True).name, promoted_dtype(dt.float16, dt.float32, b_weak=True).name
    ('float64', 'float16')
    """
    if a_weak == b_weak:
        found = _strong(a, b)
    else:
        found = _weakly(a, b) if a_weak else _weakly(b, a)
    if safe and not _is_safe(a, b, a_weak, b_weak, found):
        shown = " and ".join(f"({d}, weak={w})" for d, w in ((a, a_weak), (b, b_weak)))
        raise TypeError(
            f"In promotion mode PromoMode.SAFE, implicit dtype promotion between {shown} is disallowed. You need to "
            "explicitly specify the dtype in your op, or relax your dtype promotion rules (such as from SAFE mode to "
            "ALL mode)."
        )
    return found


def _is_safe(a: DType, b: DType, a_weak: bool, b_weak: bool, found: DType) -> bool:
    if a is b or a.is_bool or b.is_bool or (a_weak and b_weak):
        return True
    if a_weak == b_weak:
        return (found is a or found is b) and _holds(found, a) and _holds(found, b)
    weak, strong = (a, b) if a_weak else (b, a)
    widened = weak.is_complex and (strong.is_integer or strong is dt.float64)
    return _holds(found, strong) and (found is strong or widened)


def _holds(found: DType, d: DType) -> bool:
    """Does a dtype hold every number of another one?"""
    if not d.is_integer or found.is_integer:
        return True
    return _PART.get(found, found) in _EXACT.get(d.size, ())


# ---- operands --------------------------------------------------------------------------------------------------------


def _operand(x: Any) -> tuple[Tensor, bool]:
    """An operand as a tensor, and whether it is weak."""
    if isinstance(x, Tensor):
        return x, isinstance(x, WeakTensor)
    t = convert.convert_to_tensor(x)
    return t, is_weak(x)


def is_weak(x: Any) -> bool:
    """Is it a Python number, or a list of such?"""
    while isinstance(x, (list, tuple)) and x:
        x = x[0]
    return type(x) in _WEAK_OF


class _Pairing:
    """Two operands of the dtype that they become together."""

    def __init__(self, safe: bool) -> None:
        self.safe = safe

    def __call__(self, x: Any, y: Any) -> tuple[Tensor, Tensor]:
        (a, a_weak), (b, b_weak) = _operand(x), _operand(y)
        if a.dtype is dt.string or b.dtype is dt.string:
            return a, b
        found = promoted_dtype(a.dtype, b.dtype, a_weak, b_weak, self.safe)
        made = [t if t.dtype is found else p.cast(t, dtype=found) for t in (a, b)]
        if a_weak != b_weak:
            made = [strengthened(t) for t in made]
        elif a_weak:
            made = [weakened(t) for t in made]
        return made[0], made[1]


def strengthened(x: Tensor) -> Tensor:
    """The tensor as one whose dtype counts."""
    return EagerTensor(x._array) if type(x) is WeakTensor else x


def weakened(x: Tensor) -> Tensor:
    """The tensor as a weak one, where it has a value."""
    return WeakTensor(x._array) if type(x) is EagerTensor else x


class _Enabled:
    """Process-wide: what was turned on stays on."""

    pairing: _Pairing | None = None


_SHORT = frozenset(("add", "sub", "mul"))


def _keeping_weak(binder: binding.Binder) -> binding.Binder:
    """A binder that gives weak results for weak operands, of what keeps numbers' kinds; it pairs the operands of what
    takes two eager tensors as they are (graphtf/api/arithmetic.py)."""

    def bind(op: Op, operands: tuple[Any, ...], attrs: dict[str, Any]) -> Any:
        if op.name in _SHORT and _Enabled.pairing is not None and operands[0].dtype is not operands[1].dtype:
            operands = _Enabled.pairing(*operands)
        out = binder(op, operands, attrs)
        weak = operands and all(type(x) is WeakTensor for x in operands)
        keeps = isinstance(op.lowering, (Scalar, Body)) or Trait.SAME_ORDER in op.traits
        if weak and keeps and type(out) is EagerTensor and out.dtype is operands[0].dtype:
            return WeakTensor(out._array)
        return out

    return bind


def enable(mode: str) -> None:
    """Promote as the mode, "all" or "safe", says from now on."""
    first, safe = _Enabled.pairing is None, mode == "safe"
    _Enabled.pairing = convert.hooks.pair = _Pairing(safe)
    convert.hooks.weaken = lambda made, value: weakened(made) if is_weak(value) else made
    convert.hooks.strengthen = strengthened
    if first:
        binding._default[0] = _keeping_weak(binding._default[0])
