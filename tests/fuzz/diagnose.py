"""What is wrong with a program, in its smallest form. Each run has a process of its own, so a crash is a finding, too.

Invariant: the smaller program fails in the same way. Entry point: `reduced`.
"""

from __future__ import annotations

from . import reduce as reducing
from .harness import Failure, Problem, problem
from .isolate import isolated
from .program import Program


def outcome(program: Program, debug: bool) -> Failure | None:
    """What is wrong with a program, each run in a process of its own."""
    for n in program.batches():
        found = _problem(reducing.case(program.graph, program.arguments(n)), debug)
        if found:
            return Failure(program.seed, n, found)
    return None


def _problem(case: reducing.Case, debug: bool) -> Problem | None:
    def ask() -> list[str] | None:
        found = problem(case.graph, case.arguments, debug=debug)
        return [found.kind, found.message] if found else None

    kind, value = isolated(ask)
    if kind == "done":
        return Problem(*value) if value else None
    return Problem(kind, value)


def reduced(program: Program, debug: bool = False) -> str:
    """The report on a failing program: its smallest form that fails in the same way, and why."""
    failure = outcome(program, debug)
    if failure is None:
        return f"seed {program.seed}: nothing is wrong"
    start = reducing.case(program.graph, program.arguments(failure.n))
    last = [failure.problem]

    def fails(candidate: reducing.Case) -> bool:
        found = _problem(candidate, debug)
        if found is None or found.kind != failure.problem.kind:
            return False
        last[0] = found
        return True

    small = reducing.reduce(start, fails)
    return f"{reducing.report(small, program.seed)}\n{last[0].kind}: {last[0].message}"
