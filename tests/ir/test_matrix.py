"""The op matrix: every op has every column, or says why not.

`samples` generate the tests of type rules, references and traits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphtf.ir import dtypes as dt
from graphtf.ir.binding import binding, evaluate
from graphtf.ir.dims import substitute, sym
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.errors import InvalidArgumentError, Violation
from graphtf.ir.graph import substitute_attr
from graphtf.ir.op import (
    Body,
    Decompose,
    Effect,
    Element,
    Host,
    Kernel,
    Lowering,
    Op,
    Reduce,
    Sample,
    Scalar,
    Structural,
    Trait,
    Unsupported,
    infer_types,
)  # fmt: skip
from graphtf.ir.ops import OPS
from graphtf.ir.types import TensorType, type_of

from .op_samples import cases, draw, operand_types, rng_for, runs_on_arrays
from .violations import VIOLATIONS

CASES = [pytest.param(op, sample, id=name) for name, op, sample in cases()]
EVERY = [pytest.param(op, id=name) for name, op in OPS.items()]
LOWERINGS = (Body, Decompose, Element, Host, Kernel, Reduce, Scalar, Structural, Unsupported)


def results(out: Any) -> tuple[Any, ...]:
    return out if isinstance(out, tuple) else (out,)


# ---- columns ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("op", EVERY)
def test_every_column_is_filled(op: Op) -> None:
    assert op.name == op.name.lower() and OPS[op.name] is op
    assert op.doc and not op.doc.endswith(".")
    assert callable(op.infer)
    assert callable(op.ref)
    assert op.samples, "no samples"
    assert isinstance(op.lowering, LOWERINGS)
    if isinstance(op.vjp, Unsupported):
        assert op.vjp.why
    if isinstance(op.lowering, (Host, Unsupported)):
        assert op.lowering.why


@pytest.mark.parametrize("op", EVERY)
def test_no_gradient_is_said_to_be_zero_or_is_nowhere(op: Op) -> None:
    """Without a rule the op is a ZERO_GRADIENT, or no sample has a differentiable operand; with one it is not."""
    if op.vjp is None:
        inexact = any(t.dtype.is_inexact for s in op.samples for t in operand_types(s))
        assert op.traits & Trait.ZERO_GRADIENT or not inexact or op.effect is not Effect.NONE
    else:
        assert not op.traits & Trait.ZERO_GRADIENT


@pytest.mark.parametrize("op", EVERY)
def test_checked_ops_say_what_they_check(op: Op) -> None:
    if isinstance(op.lowering, (Kernel, Host)):
        assert op.check is None
    else:
        assert bool(op.traits & Trait.CHECKED) == (op.check is not None)


# ---- constraints -----------------------------------------------------------------------------------------------------

CONSTRAINTS = [
    pytest.param(op, n, id=f"{op.name}-C{n}") for op in OPS.values() for n in range(1, len(op.constraints) + 1)
]


@pytest.mark.parametrize(("op", "number"), CONSTRAINTS)
def test_each_constraint_is_violated_by_some_call(op: Op, number: int) -> None:
    call = VIOLATIONS.get((op.name, number))
    assert call is not None, f"tests/ir/violations.py has no call that breaks: {op.constraints[number - 1]}"
    types, attrs = call
    with pytest.raises(Violation) as caught:
        op.infer(*types, **attrs)
    assert caught.value.constraint == f"C{number}: {op.constraints[number - 1]}"
    assert str(caught.value).startswith(f"{op.name}: ")


def test_no_violation_is_left_over() -> None:
    known = {(op.name, n) for op in OPS.values() for n in range(1, len(op.constraints) + 1)}
    assert set(VIOLATIONS) <= known


# ---- type rules and references ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_reference_has_the_inferred_type(op: Op, sample: Sample, request: pytest.FixtureRequest) -> None:
    arrays = draw(sample, rng_for(request.node.callspec.id))
    expected = infer_types(op, tuple(map(type_of, arrays)), sample.attrs)
    before = [a.copy() for a in arrays]
    got = results(op.ref(*arrays, **sample.attrs))
    assert all(type(a) is np.ndarray for a in got)
    for a, t in zip(got, expected, strict=True):
        assert as_dtype(a.dtype) is t.dtype
        assert t.shape is None or _agrees(a.shape, t.shape)
    for a, b in zip(arrays, before):
        assert a.tobytes() == b.tobytes() if a.dtype != object else (a == b).all(), "the reference changed an operand"


def _agrees(shape: tuple[int, ...], stated: tuple[Any, ...]) -> bool:
    return len(shape) == len(stated) and all(d == e for d, e in zip(shape, stated) if isinstance(e, int))


def retyped(op: Op) -> list[tuple[Sample, dt.DType]]:
    """For each dtype, the first sample in which operand 0 can be of that dtype, others of its dtype with it."""
    found = []
    for d in dt.ALL:
        for sample in op.samples:
            types = operand_types(sample)
            if types and sample.values is None and _accepted(op, sample, types[0].dtype, d):
                found.append((sample, d))
                break
    return found


def _accepted(op: Op, sample: Sample, old: dt.DType, new: dt.DType) -> bool:
    try:
        op.infer(*operand_types(sample, {old: new}), **sample.attrs)
    except Violation:
        return False
    return True


DTYPES = [
    pytest.param(op, sample, d, id=f"{op.name}-{d.short}")
    for op in OPS.values()
    if runs_on_arrays(op)
    for sample, d in retyped(op)
]


@pytest.mark.parametrize(("op", "sample", "dtype"), DTYPES)
def test_reference_takes_every_dtype_the_type_rule_takes(
    op: Op, sample: Sample, dtype: dt.DType, request: pytest.FixtureRequest
) -> None:
    retype = {operand_types(sample)[0].dtype: dtype}
    arrays = draw(sample, rng_for(request.node.callspec.id), retype)
    expected = infer_types(op, tuple(map(type_of, arrays)), sample.attrs)
    try:
        got = results(op.ref(*arrays, **sample.attrs))
    except InvalidArgumentError:
        assert op.traits & Trait.CHECKED or op.effect is Effect.CHECK
        return
    assert [as_dtype(a.dtype) for a in got] == [t.dtype for t in expected]


# ---- symbolic sizes --------------------------------------------------------------------------------------------------


def _with_symbols(t: TensorType) -> TensorType:
    """Sizes above 1 as symbols named after them, so that equal sizes stay equal."""
    return t.with_shape(tuple(sym(f"n{d}") if isinstance(d, int) and d > 1 else d for d in t.dims))


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_symbolic_sizes_substituted_give_the_type_of_numbers(op: Op, sample: Sample) -> None:
    types = operand_types(sample)
    env = {f"n{d}": d for t in types for d in t.dims}
    attrs = dict(sample.attrs)
    try:
        symbolic = infer_types(op, tuple(map(_with_symbols, types)), attrs)
    except Violation:
        pytest.skip("the attributes state sizes as numbers")
    numeric = infer_types(op, tuple(types), {k: substitute_attr(a, env) for k, a in attrs.items()})
    for a, b in zip(symbolic, numeric, strict=True):
        assert a.dtype is b.dtype
        if a.shape is not None and b.shape is not None:
            assert tuple(substitute(d, env) for d in a.shape) == b.shape


# ---- traits ----------------------------------------------------------------------------------------------------------


def _same_bits(a: Any, b: Any) -> bool:
    return a.dtype == b.dtype and a.shape == b.shape and (a.tobytes() == b.tobytes() or a.dtype == object)


@pytest.mark.parametrize(("op", "sample", "dtype"), DTYPES)
def test_algebraic_traits_hold_bit_for_bit(
    op: Op, sample: Sample, dtype: dt.DType, request: pytest.FixtureRequest
) -> None:
    laws = Trait.COMMUTATIVE | Trait.ASSOCIATIVE | Trait.IDEMPOTENT | Trait.INVOLUTION
    if not op.traits & laws or not op.traits & Trait.ELEMENTWISE:
        pytest.skip("claims none")
    rng, retype = rng_for(request.node.callspec.id), {operand_types(sample)[0].dtype: dtype}
    x, *rest = draw(sample, rng, retype)

    def f(*arrays: Any) -> Any:
        return op.ref(*arrays, **sample.attrs)

    if op.traits & Trait.COMMUTATIVE and not dtype.is_complex:  # whose products NumPy rounds by order
        assert _same_bits(f(x, rest[0]), f(rest[0], x))
    if op.traits & Trait.ASSOCIATIVE:
        z = draw(sample, rng, retype)[1]
        assert _same_bits(f(f(x, rest[0]), z), f(x, f(rest[0], z)))
    if op.traits & Trait.IDEMPOTENT and f(x).dtype == x.dtype:
        assert _same_bits(f(f(x)), f(x))
    if op.traits & Trait.INVOLUTION:
        assert _same_bits(f(f(x)), x)


@pytest.mark.parametrize(("op", "sample"), CASES)
def test_view_gives_elements_of_its_first_operand(op: Op, sample: Sample, request: pytest.FixtureRequest) -> None:
    if not op.traits & Trait.VIEW:
        pytest.skip("claims no view")
    x, *rest = draw(sample, rng_for(request.node.callspec.id))
    numbered = np.arange(x.size, dtype=np.int64).reshape(x.shape)
    positions = op.ref(numbered, *rest, **sample.attrs)
    out = op.ref(x, *rest, **sample.attrs)
    assert _same_bits(x.reshape(-1)[positions], np.asarray(out))
    if op.traits & Trait.SAME_ORDER:
        assert (positions.reshape(-1) == np.arange(positions.size)).all()


def test_default_binder_checks_types_first() -> None:
    with binding(evaluate), pytest.raises(Violation, match="same dtype"):
        OPS["add"](np.float32(1), np.float64(1))


def test_lowering_union_is_covered() -> None:
    assert set(LOWERINGS) >= set(Lowering.__args__)
