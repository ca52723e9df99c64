"""Functions of a state and an element, for `scan` and `reduce`.

Invariant: the state keeps its structure and dtypes from one element to the next; sizes that change are left open in its
specs. Entry points: `settled_state`, `reduced`.
"""

from __future__ import annotations

from typing import Any

from graphtf.data.mapped import Mapped
from graphtf.data.node import Node
from graphtf.data.structure import Structure, same_shape, stored, structure_of


def settled_state(
    initial: Any, elements: Structure, function: Any, what: str, outputs: bool = False
) -> tuple[Structure, list[Any], Mapped]:
    """The state's structure, its first values, and the function traced for what the state may become. With `outputs`,
    the function gives a pair of the state and something else. Raises TypeError where the state's structure changes."""
    state, values = structure_of(tuple(initial) if type(initial) is list else initial)
    while True:
        mapped = Mapped(function, [state, elements], what)
        new = _next_state(mapped, what, outputs)
        if not same_shape(state.template, new.template):
            raise TypeError(
                f"Invalid `{what}_func`. The element structure for the new state should match the initial state: "
                f"expected {state}, got {new}."
            )
        for a, b in zip(state.specs, new.specs):
            if type(a) is not type(b) or getattr(a, "dtype", None) is not getattr(b, "dtype", None):
                raise TypeError(
                    f"Invalid `{what}_func`. The element types for the new state should match the initial state: "
                    f"expected {a}, got {b}."
                )
        if all(b.is_subtype_of(a) for a, b in zip(state.specs, new.specs)):
            return state, values, mapped
        state = state.merged(new, what)


def _next_state(mapped: Mapped, what: str, outputs: bool) -> Structure:
    template = mapped.structure.template
    if not outputs:
        return mapped.structure
    if not isinstance(template, tuple) or len(template) != 2:
        raise TypeError(f"Invalid `{what}_func`: it must return a pair of the new state and an output, got {template}.")
    return Structure(template[0])


def reduced(node: Node, initial: Any, function: Any) -> Any:
    """The state after the function of the state and each element has run, eagerly."""
    _, values, mapped = settled_state(initial, node.structure, function, "reduce")
    run = mapped.bound(mapped.held)
    state = [stored(x) for x in values]
    reader = node.open()
    try:
        while (element := reader.next()) is not None:
            state = run([*state, *element])
    finally:
        reader.close()
    return mapped.structure.pack(state)
