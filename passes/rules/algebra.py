"""All laws, in the order they are tried.

How to write one: both sides in the notation of pattern.py; guards (rule.py) on the left side's variables; a rule whose
right side has another type than the left is not applied, so broadcasting needs no guard. What holds for every op of a
trait (broadcasts sink into elementwise ops; op(op(x)) of involutions and idempotent ops) is the engine's. Every rule
tests itself (tests/passes/test_rules.py).
"""

from __future__ import annotations

from graphtf.passes.rules.arithmetic import ARITHMETIC
from graphtf.passes.rules.rule import Rule
from graphtf.passes.rules.shapes import SHAPES

ALGEBRA: tuple[Rule, ...] = (*ARITHMETIC, *SHAPES)
