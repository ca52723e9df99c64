"""`FunctionType`: the types of a traced function's parameters and results.

Invariant: it says what `ConcreteFunction.pretty_printed_signature` says. Entry point: `FunctionType`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any


class FunctionType:
    """Parameters, results and captures of one trace, as text in one line (`str`) or in several (`repr`).

    Follows https://www.tensorflow.org/api_docs/python/tf/types/experimental/FunctionType.
    """

    def __init__(self, parameters: dict[str, Any], output: Any, shown: Callable[[bool], str]) -> None:
        self.parameters = parameters  # name → type, or the value that the trace holds for
        self.output = output
        self._shown = shown

    def __str__(self) -> str:
        return self._shown(False)

    def __repr__(self) -> str:
        return self._shown(True)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, FunctionType) and str(other) == str(self)

    def __hash__(self) -> int:
        return hash(str(self))
