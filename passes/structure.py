"""What passes ask of control flow: a node's form follows from the regions it has, never from its op's name.

Entry points: `is_call`, `is_loop`, `is_branch`.
"""

from __future__ import annotations

from graphtf.ir.graph import Node
from graphtf.ir.op import Effect


def is_loop(n: Node) -> bool:
    """Region `body` runs on carried values as long as region `cond` says so."""
    return "cond" in n.regions


def is_branch(n: Node) -> bool:
    """One of the regions `then` and `orelse` runs."""
    return "then" in n.regions


def is_call(n: Node) -> bool:
    """The results are those of region `body`, which runs once."""
    return n.op.effect is Effect.REGIONS and "body" in n.regions and not is_loop(n)
