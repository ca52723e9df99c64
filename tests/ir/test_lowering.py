"""Scalar, Body and Element lowerings against references: bit for bit, for every native dtype, with symbolic sizes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphtf.ir import dtypes as dt
from graphtf.ir.dims import sym
from graphtf.ir.errors import InvalidArgumentError, Violation
from graphtf.ir.op import Body, Element, ElementCheck, Op, Sample, Scalar, infer_types
from graphtf.ir.ops import OPS
from graphtf.ir.types import TensorType, type_of

from .op_samples import cases, draw, operand_types, rng_for
from .scalar_eval import lowered

NATIVE = frozenset(dt.REAL) | {dt.bool_}


def is_native(*types: TensorType) -> bool:
    return all(t.dtype in NATIVE for t in types)


def accepted(op: Op, types: list[TensorType], attrs: Any) -> bool:
    try:
        return is_native(*types, *infer_types(op, tuple(types), attrs))
    except Violation:
        return False


def variants() -> list[Any]:
    """Every sample as it is, and with the dtype of operand 0 replaced by each native one."""
    found = []
    for name, op, sample in cases():
        if not isinstance(op.lowering, (Scalar, Body, Element)):
            continue
        types = operand_types(sample)
        own = types[0].dtype if types else None
        for d in dt.NATIVE if own and sample.values is None else (own,):
            if d and own and accepted(op, operand_types(sample, {own: d}), sample.attrs):
                found.append(pytest.param(op, sample, {own: d}, id=f"{name}-{d.short}"))
        if own is None:
            found.append(pytest.param(op, sample, {}, id=name))
    return found


VARIANTS = variants()


def assert_same(got: np.ndarray[Any, Any], expected: np.ndarray[Any, Any]) -> None:
    assert got.dtype == expected.dtype and got.shape == expected.shape
    plain = [a.astype(np.float64) if a.dtype.kind not in "biu" else a for a in (got, expected)]
    np.testing.assert_array_equal(*plain)
    negative = [np.signbit(a) & (a == a) for a in plain]  # zeros have a sign that counts, NaN has none
    np.testing.assert_array_equal(*negative)


@pytest.mark.parametrize(("op", "sample", "retype"), VARIANTS)
def test_lowering_is_the_reference(op: Op, sample: Sample, retype: Any, request: pytest.FixtureRequest) -> None:
    arrays = draw(sample, rng_for(request.node.callspec.id), retype)
    types = [type_of(a) for a in arrays]
    (out,) = infer_types(op, tuple(types), sample.attrs)
    try:
        expected = op.ref(*arrays, **sample.attrs)
    except InvalidArgumentError:
        expected = None
    got = lowered(op, arrays, sample.attrs, types, out, {})
    if expected is not None:
        assert_same(got, expected)


@pytest.mark.parametrize(("op", "sample", "retype"), [v for v in VARIANTS if v.id.count("-") == 1 or "-f32" in v.id])
def test_lowering_with_symbolic_sizes_is_the_reference(
    op: Op, sample: Sample, retype: Any, request: pytest.FixtureRequest
) -> None:
    arrays = draw(sample, rng_for(request.node.callspec.id), retype)
    env = {f"n{d}": d for a in arrays for d in a.shape}
    types = [t.with_shape(tuple(sym(f"n{d}") if d > 1 else d for d in t.dims)) for t in map(type_of, arrays)]
    try:
        (out,) = infer_types(op, tuple(types), sample.attrs)
    except Violation:
        pytest.skip("the attributes state sizes as numbers")
    assert_same(lowered(op, arrays, sample.attrs, types, out, env), op.ref(*arrays, **sample.attrs))


CHECKED = [op for op in OPS.values() if isinstance(op.check, ElementCheck) and not op.attrs]


@pytest.mark.parametrize("op", CHECKED, ids=lambda op: op.name)
@pytest.mark.parametrize("dtype", dt.REAL, ids=lambda d: d.short)
@pytest.mark.parametrize("y", [-1, 0, 1, 3])
def test_check_fails_where_the_reference_raises(op: Op, dtype: dt.DType, y: int) -> None:
    if dtype.is_unsigned and y < 0:
        pytest.skip("no such number")
    arrays = [np.array([7], dtype.np), np.array([y], dtype.np)]
    types = [type_of(a) for a in arrays]
    assert isinstance(op.check, ElementCheck)
    condition = Op("check", "c", lambda *t: t[0], op.ref, None, Body(lambda *e: op.check.fn(*e)), arity=op.arity)
    probe = op.check.fn(*(_lit(t) for t in types))
    holds = probe is None or bool(lowered(condition, arrays, {}, types, TensorType(dt.bool_, (1,)), {})[0])
    try:
        op.ref(*arrays)
        raised = False
    except InvalidArgumentError as e:
        raised = True
        assert str(e) == op.check.message
    assert holds is not raised


def _lit(t: TensorType) -> Any:
    from graphtf.ir.loops.expr import lit

    return lit(1, t.dtype)
