"""What is saved for a gradient: the cut is the least, and everything else can be computed again."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest

from graphtf.ir.builder import build
from graphtf.ir.graph import Graph, Value
from graphtf.ir.interpret import interpret
from graphtf.ir.ops.prims import p
from graphtf.ir.types import RefType, tensor
from graphtf.passes.autodiff import backward
from graphtf.passes.autodiff.cut import (
    Choice,
    cost_of_repeating,
    cost_of_saving,
    economical,
    is_elementary,
    is_simple,
    save_all,
)
from graphtf.passes.autodiff.joint import Joint, joint
from graphtf.passes.autodiff.pair import pair, prepared, tidied

BIG, ROW = tensor("float32", 64, 64), tensor("float32", 64)


def matmul(x: Any, y: Any) -> Any:
    return p.matmul(x, y, transpose_a=False, transpose_b=False, dtype=None)


def joint_of(g: Graph) -> Joint:
    return tidied(joint(g, range(len(g.inputs)), [0], backward))


def names(j: Joint, saved: Any) -> list[str]:
    return sorted(j.maker[v].op.name if v in j.maker else "input" for v in saved)


def test_a_product_is_saved_and_what_follows_from_it_is_not() -> None:
    g = build([BIG, BIG, ROW], lambda x, w, b: p.reduce_sum(
        p.maximum(p.add(matmul(x, w), b), p.constant(value=np.zeros((), np.float32))), axes=(0, 1)))  # fmt: skip
    j = joint_of(g)
    saved = economical(j)
    assert len(saved) == 1
    (v,) = saved
    assert v.ir_type.shape == (64, 64)
    assert names(j, saved) in (["matmul"], ["le"], ["lt"], ["ge"])  # bytes decide: the comparison is a quarter of it
    assert v.ir_type.dtype.name == "bool"


def test_inputs_cost_nothing_and_what_follows_cheaply_from_them_is_computed_again() -> None:
    g = build([BIG, BIG], lambda x, y: p.mul(p.mul(x, y), p.add(x, y)))
    assert economical(joint_of(g)) == set()


def test_a_chain_of_functions_is_saved_where_that_is_cheaper() -> None:
    j = joint_of(build([BIG], lambda x: p.mul(p.tanh(p.sin(x)), p.exp(p.cos(x)))))
    saved = economical(j)
    choice = Choice(j, lambda v: 0.0, None, False)
    assert saved and total(j, choice, saved) < total(j, choice, set())


def test_results_that_are_there_anyway_cost_nothing() -> None:
    def run(x: Any) -> Any:
        y = p.exp(p.tanh(x))
        return [y, p.mul(y, y)]

    g = build([BIG], run)
    j = tidied(joint(g, [0], [0, 1], backward))
    saved = economical(j, output_cost=lambda v: 0.0)
    assert j.outputs[0] in saved
    parts = pair(g, [0])
    assert 0 in parts.saved  # the result itself, not a copy
    assert len(parts.forward.outputs) <= 3


def brute_force(j: Joint) -> float:
    """The least cost over every choice of what to save."""
    choice = Choice(j, lambda v: 0.0, None, False)
    candidates = [v for n in j.nodes for v in n.outputs if v not in j.later]
    best = float("inf")
    for k in range(min(len(candidates), 4) + 1):
        for saved in itertools.combinations(candidates, k):
            cost = total(j, choice, set(saved))
            best = min(best, cost)
    return best


def total(j: Joint, choice: Choice, saved: set[Value]) -> float:
    """Bytes saved, and arithmetic done again; infinite if something cannot be had."""
    cost = sum(cost_of_saving(v) for v in saved)
    done: set[Value] = set()
    stack = list(j.needed)
    while stack:
        v = stack.pop()
        if v in saved or v in done or v in choice.inputs:
            continue
        done.add(v)
        n = j.maker[v]
        if not is_elementary(n):
            return float("inf")
        cost += cost_of_repeating(n)
        stack += n.inputs
    return cost


PROGRAMS = {
    "layers": lambda x, w: p.tanh(matmul(p.tanh(matmul(x, w)), w)),
    "functions": lambda x, w: p.mul(p.exp(p.sin(x)), p.tanh(p.add(p.sin(x), w))),
    "softmax": lambda x, w: p.mul(p.div(p.exp(x), p.reshape(p.reduce_sum(p.exp(x), axes=(1,)), shape=(64, 1))), w),
    "row": lambda x, w: p.mul(p.exp(p.broadcast(p.reshape(p.reduce_sum(p.mul(x, w), axes=(1,)), shape=(64, 1)),
                                               shape=(64, 64))), x),
}  # fmt: skip


@pytest.mark.parametrize("name", PROGRAMS)
def test_the_cut_costs_no_more_than_any_other(name: str) -> None:
    j = joint_of(build([BIG, BIG], PROGRAMS[name]))
    choice = Choice(j, lambda v: 0.0, None, False)
    found = total(j, choice, {v for v in choice.run() if v in j.maker})
    neglected = sum(cost_of_repeating(n) for n in j.nodes if is_simple(n) and j.later.isdisjoint(n.outputs))
    assert found <= brute_force(j) + neglected


@pytest.mark.parametrize("name", PROGRAMS)
def test_either_policy_gives_the_gradient(name: str) -> None:
    g = build([BIG, BIG], PROGRAMS[name])
    rng = np.random.default_rng(1)
    args = [rng.uniform(-1, 1, (64, 64)).astype(np.float32) for _ in range(2)]
    ct = rng.uniform(-1, 1, (64, 64)).astype(np.float32)
    found = []
    for policy in (save_all, economical):
        j = joint(g, [0, 1], [0], backward)
        parts = j.split([v for v in policy(j) if v in j.maker])
        outs = interpret(parts.forward, args)
        takes = [*(args[k] for k in parts.taken), *outs[1:], ct]
        found.append(interpret(parts.backward, takes))
    for a, b in zip(*found):
        np.testing.assert_array_equal(a, b)


def test_effects_happen_in_the_forward_graph_alone() -> None:
    g = build([ROW, RefType(ROW)], lambda x, v: _step(x, v))
    parts = pair(prepared(g).graph, [0])
    assert [n.op.name for n in parts.forward.nodes if n.op.effect.value == "write"] == ["assign"]
    assert all(n.op.pure for n in parts.backward.nodes)


def _step(x: Any, v: Any) -> Any:
    before = p.read(v)
    p.assign(v, p.add(before, x))
    return p.mul(p.sin(x), before)


def test_networkx_is_loaded_only_to_decide() -> None:
    import subprocess
    import sys

    code = "import sys, graphtf.passes.autodiff.pair; print('networkx' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
