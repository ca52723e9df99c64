"""What `Function.explain` prints: each trace, the argument that caused it, and what of it ran natively or on the host.

Invariant: only what has happened is told; nothing is traced or compiled for it. Entry points: `explanation`, `reason`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from graphtf.functions.signature import Canonical, Leaf, Open
from graphtf.ir.graph import Node
from graphtf.nest import flatten_with_paths

if TYPE_CHECKING:
    from graphtf.functions.concrete import ConcreteFunction, Runner

_MOST_SHOWN = 60  # characters of a Python value
_MOST_OPS = 8
_NUMBERS = (bool, int, float)


# ---- the argument that caused a trace --------------------------------------------------------------------------------


def described(call: Canonical, names: Sequence[str]) -> dict[str, str]:
    """Each leaf of a call's arguments, by its path ("x", "state[0]"), as text: a tensor by its type, else its value."""
    args, kwargs = call.structure
    found = {}
    rest = (f"argument {k}" for k in range(len(names), len(args)))
    for name, value in (*zip((*names, *rest), args), *kwargs.items()):
        for path, leaf in flatten_with_paths(value):
            found[name + "".join(f"[{key!r}]" for key in path)] = _text(leaf, call.signature.leaves)
    return found


def _text(x: Any, leaves: Sequence[Leaf]) -> str:
    if isinstance(x, Open):
        return str(leaves[x.number])
    text = repr(x)
    return text if len(text) <= _MOST_SHOWN else text[: _MOST_SHOWN - 1] + "…"


def reason(call: Canonical, before: Sequence[Canonical], names: Sequence[str]) -> str:
    """Why none of the traces that there were serves a call: what differs from the one most like it."""
    if not before:
        return "first call"
    now = described(call, names)
    found = [_changes(described(old, names), now) for old in reversed(before)]
    fewest = min(found, key=len)
    if not fewest:
        return "an argument is another object, or the variables or enclosing function of the trace are gone"
    hint = "; each value of a Python number is traced anew: pass a tensor" if _only_numbers(call, fewest, names) else ""
    return "; ".join(fewest.values()) + hint


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> dict[str, str]:
    found = {}
    for name in {**old, **new}:
        a, b = old.get(name), new.get(name)
        if a != b:
            found[name] = f"{name} is {b or 'gone'}, was {a or 'not there'}"
    return found


def _only_numbers(call: Canonical, changed: Mapping[str, str], names: Sequence[str]) -> bool:
    args, kwargs = call.structure
    values = {**dict(zip(names, args)), **kwargs}
    return all(type(values.get(name)) in _NUMBERS for name in changed)


# ---- what ran where --------------------------------------------------------------------------------------------------


def explanation(
    name: str, traces: Sequence[ConcreteFunction], names: Sequence[str], eager: Iterable[str] = ()
) -> str:
    """The traces of a function as text; and why calls run op by op that have none."""
    lines = [f"{name}: {len(traces)} trace{'' if len(traces) == 1 else 's'}"]
    for k, concrete in enumerate(traces):
        given = ", ".join(f"{a}: {t}" for a, t in described(concrete._call, names).items())
        lines += [f"  {k}. {name}({given})", f"     because: {concrete.why}", f"     {len(concrete.ir)} nodes"]
        runs = list(_runs(concrete))
        lines += [f"     {line}" for what, runner in runs for line in _where(what, runner)]
        if concrete.lacks:
            lines.append(f"     under tapes: op by op, because {concrete.lacks}")
        if not runs:
            lines.append("     has not run")
    lines += [f"  op by op, because {why}" for why in eager]
    return "\n".join(lines)


def _runs(concrete: ConcreteFunction) -> Iterator[tuple[str, Runner]]:
    """What has been made to run a trace, and for what."""
    if concrete._runner is not None:
        yield "", concrete._runner
    found = concrete._differentiable
    if found is not None:
        yield from found.runs()
    for shapes, other in concrete._exact.items():
        sizes = ", ".join(map(str, shapes))
        yield from ((f"for shapes {sizes} {what}".rstrip(), runner) for what, runner in _runs(other))


def _where(what: str, runner: Runner) -> Iterator[str]:
    lead = f"{what}: " if what else ""
    program = getattr(getattr(runner, "native", runner), "__self__", None)
    if program is None:
        yield f"{lead}on the reference interpreter"
        return
    nodes = [n for step in program.assembly.steps if hasattr(step, "module") for n in step.nodes]
    calls = sum(hasattr(step, "module") for step in program.assembly.steps)
    if calls:
        kernels = sum(len(step.module.kernels) for step in program.assembly.steps if hasattr(step, "module"))
        yield f"{lead}native: {_count(calls, 'call')}, {_count(kernels, 'kernel')}: {_ops(nodes)}"
    for step in program.host_steps:
        at = f" at {step.node.source}" if step.node.source else ""
        yield f"{lead}on the host: {step.node.op.name}{at}, because {step.why}"
    if not program.assembly.steps:
        yield f"{lead}nothing to run: the results are arguments or constants"


def _count(n: int, what: str) -> str:
    return f"{n} {what}{'' if n == 1 else 's'}"


def _ops(nodes: Sequence[Node]) -> str:
    """The ops of native code, those inside fusions and loops too, the most frequent first."""
    counts = Counter(m.op.name for n in nodes for m in _inner(n))
    shown = [f"{name} ×{k}" if k > 1 else name for name, k in counts.most_common(_MOST_OPS)]
    return ", ".join(shown) + (", …" if len(counts) > _MOST_OPS else "")


def _inner(n: Node) -> Iterator[Node]:
    if not n.regions:
        yield n
    for region in n.regions.values():
        for m in region.nodes:
            yield from _inner(m)
