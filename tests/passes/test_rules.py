"""Every rule on the values that break laws: it fires, it holds bit by bit, and it leaves nothing to do for itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphtf.ir.builder import build
from graphtf.ir.graph import Graph
from graphtf.ir.interpret import interpret
from graphtf.ir.op import Trait
from graphtf.ir.ops import OPS
from graphtf.ir.ops.prims import p
from graphtf.ir.types import tensor
from graphtf.ir.verify import verify
from graphtf.passes.rules import simplify
from graphtf.passes.rules.algebra import ALGEBRA
from graphtf.passes.rules.rule import FLAGS, Rule, rule

from .rule_cases import GIVEN, Case, arguments, cases, left_side, parse_type

NAMES = [r.name for r in ALGEBRA]
ROUNDS = {"reassoc", "arcp", "afn"}  # flags under which results round differently
# The reference of a power is near the nearest float, and is it where the exponent is a scalar: checked there.
NEAR = {"pow-one", "pow-two", "pow-minus-one", "pow-half", "pow-zero"}
CONTRACTIONS = {"matmul-transpose-left", "matmul-transpose-right", "transpose-matmul"}


def applied(g: Graph, r: Rule) -> tuple[Graph, int]:
    """The graph after the rule alone, with all its flags, and how often it fired."""
    counts: dict[str, int] = {}
    out = simplify(g, [r], r.needs, counts.update)
    return out, counts.get(r.name, 0)


def firing(r: Rule) -> list[tuple[Case, Graph, Graph]]:
    found = []
    for case in cases(r):
        g = left_side(r, case)
        if g is None:
            continue
        h, count = applied(g, r)
        if count:
            found.append((case, g, h))
    return found


def comparable(r: Rule, before: Any, after: Any) -> Any:
    """Where the two must agree: everywhere, but for what the flags exclude."""
    same = np.ones(before.shape, bool)
    if before.dtype.kind not in "biu":
        wide = before.astype(np.float64)
        if "nnan" in r.needs:
            same &= ~np.isnan(wide)
        if "ninf" in r.needs:
            same &= np.isfinite(wide) & np.isfinite(after.astype(np.float64))
        if r.needs & ROUNDS:
            same &= (np.abs(wide) < 1e30) & ((np.abs(wide) > 1e-30) | (wide == 0))
    return same


def excluded(r: Rule, args: list[Any]) -> list[Any]:
    """Arguments without what the flags say does not come up."""
    if not r.needs & {"nnan", "ninf", *ROUNDS}:
        return args
    least = 1e-3 if r.needs & ROUNDS else 0.0
    return [
        a if a.dtype.kind in "biu" else np.where(np.isfinite(a.astype(float)) & (np.abs(a.astype(float)) > least)
                                                & (np.abs(a.astype(float)) < 1e4), a, a.dtype.type(1.5)) for a in args
    ]  # fmt: skip


def assert_same(r: Rule, before: Any, after: Any) -> None:
    assert before.dtype == after.dtype and before.shape == after.shape
    here = comparable(r, before, after)
    a, b = before[here], after[here]
    if r.needs & ROUNDS:
        near = 2e-2 if a.dtype.itemsize == 2 else 1e-5
        np.testing.assert_allclose(a.astype(float), b.astype(float), rtol=near, atol=near)
        return
    if a.dtype.kind in "biu":
        np.testing.assert_array_equal(a, b)
        return
    nan = np.isnan(a.astype(float))
    np.testing.assert_array_equal(nan, np.isnan(b.astype(float)))
    a, b = a[~nan], b[~nan]
    np.testing.assert_array_equal(a, b)
    extreme = any(word in r.text for word in ("maximum", "minimum", "reduce_max", "reduce_min"))
    if "nsz" not in r.needs and not extreme:
        np.testing.assert_array_equal(np.signbit(a.astype(float)), np.signbit(b.astype(float)))


@pytest.mark.parametrize("r", ALGEBRA, ids=NAMES)
def test_rule_fires_and_holds(r: Rule) -> None:
    found = firing(r)
    assert found, f"{r.name} fires on none of its cases"
    rng = np.random.default_rng(7)
    for case, g, h in found:
        if r.name in NEAR and case.stretched:
            continue
        verify(h)
        args = arguments(case, rng)
        if r.name in CONTRACTIONS:  # sums of small integers are exact in any order
            args = [rng.integers(-4, 5, a.shape).astype(a.dtype) for a in args]
        args = excluded(r, args)
        (before,), (after,) = interpret(g, args), interpret(h, args)
        try:
            assert_same(r, before, after)
        except AssertionError as e:
            raise AssertionError(f"{r.name} does not hold for {case}:\n{g}\n{h}\n{e}") from None


@pytest.mark.parametrize("r", ALGEBRA, ids=NAMES)
def test_what_a_rule_leaves_is_left_alone(r: Rule) -> None:
    for case, _, h in firing(r):
        assert simplify(h, [r], r.needs) is h, str(case)
        all_rules = simplify(h, ALGEBRA, FLAGS)
        assert simplify(all_rules, ALGEBRA, FLAGS) is all_rules, f"{case}\n{all_rules}"


@pytest.mark.parametrize("r", [r for r in ALGEBRA if r.needs], ids=lambda r: r.name)
def test_a_rule_waits_for_its_flags(r: Rule) -> None:
    for _, g, _ in firing(r):
        for missing in r.needs:
            counts: dict[str, int] = {}
            simplify(g, [r], r.needs - {missing}, counts.update)
            assert r.name not in counts


def test_names_are_distinct_and_cases_are_of_rules() -> None:
    assert len(set(NAMES)) == len(NAMES)
    assert set(GIVEN) <= set(NAMES)


@pytest.mark.parametrize("name", [n for n, op in OPS.items() if op.traits & (Trait.INVOLUTION | Trait.IDEMPOTENT)])
def test_twice_is_as_the_trait_says(name: str) -> None:
    op = OPS[name]
    sample = op.samples[0]
    t = parse_type(sample.operands)
    if op.infer(t, **sample.attrs) != t:
        pytest.skip("the result has another type")
    g = build([t], lambda x: op(op(x, **sample.attrs), **sample.attrs))
    h = simplify(g, [])
    assert len(h) <= 2 and h.outputs[0] in (*h.inputs, h.nodes[0].out)
    rng = np.random.default_rng(3)
    x = (rng.uniform(-2, 2, [int(d) for d in t.dims]) * 100).astype(t.dtype.np)  # type: ignore[call-overload]
    np.testing.assert_array_equal(interpret(g, [x])[0], interpret(h, [x])[0])


def test_broadcasts_sink_where_the_other_operand_has_the_shape() -> None:
    g = build([tensor("float32", 3), tensor("float32", 2, 3)], lambda x, y: p.mul(p.broadcast(x, shape=(2, 3)), y))
    h = simplify(g, [])
    assert h.nodes[-1].inputs == h.inputs
    both = build([tensor("float32", 3)], lambda x: p.mul(p.broadcast(x, shape=(2, 3)), p.broadcast(x, shape=(2, 3))))
    once = simplify(both, [])
    assert once.nodes[-1].inputs == (both.inputs[0], both.nodes[1].out)  # one of them gives the shape
    assert simplify(once, []) is once


FALSE_LAWS = ["neg(sub(x, y)) => sub(y, x)", "add(x, 0) => x", "mul(x, 0) => 0", "abs(neg(x)) => abs(x)"]
NO_RULES = ["add(x, y)", "add(x, y) => x y", "x => x", "add(x => x", "ad(x, y) => x", "add(x, $) => x"]


@pytest.mark.parametrize("text", FALSE_LAWS)
def test_a_false_law_is_found_out(text: str) -> None:
    with pytest.raises(AssertionError, match="does not hold"):
        test_rule_fires_and_holds(rule("false", text))


def test_no_change_makes_no_new_graph() -> None:
    g = build([tensor("float32", 3), tensor("float32", 3)], lambda x, y: p.mul(p.add(x, y), p.sub(x, y)))
    assert simplify(g) is g


def test_rules_reach_into_regions() -> None:
    body = build([tensor("float32", 3)], lambda x: p.neg(p.neg(x)), "body")
    g = build([tensor("float32", 3)], lambda x: p.call(x, body=body))
    h = simplify(g)
    assert len(h.nodes[0].regions["body"]) == 1  # the first neg, for dce
    assert h.nodes[0].regions["body"].outputs == h.nodes[0].regions["body"].inputs


def test_a_rule_of_another_type_is_not_applied() -> None:
    wide = build([tensor("float32", 3)], lambda x: p.mul(x, p.constant(value=np.ones((2, 3), np.float32))))
    assert simplify(wide) is wide


@pytest.mark.parametrize("text", NO_RULES)
def test_text_that_is_no_rule_is_refused(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        _ = rule("bad", text).sides


def test_a_flag_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="needs fast"):
        rule("bad", "add(x, 0) => x", needs="fast")
