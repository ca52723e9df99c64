"""`Rows`: a cotangent that is zero but for some rows, as those of look-ups in a table are.

Invariant: repeated row numbers add up; `dense` is the cotangent as a whole. Entry points: `Rows`, `summed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from graphtf.ir.ops.prims import full_like, p
from graphtf.passes.autodiff.sums import added


@dataclass(frozen=True, eq=False)
class Rows:
    """Values [n, …] at row numbers [n] of something like `like`, in several pieces."""

    like: Any
    pieces: tuple[tuple[Any, Any], ...]

    def joined(self) -> tuple[Any, Any]:
        """The pieces as one."""
        values, numbers = (list(x) for x in zip(*self.pieces))
        if len(values) == 1:
            return values[0], numbers[0]
        wide = max((n.dtype for n in numbers), key=lambda d: d.size)
        cast = [n if n.dtype is wide else p.cast(n, dtype=wide) for n in numbers]
        return p.concat(*values, axis=0), p.concat(*cast, axis=0)

    def onto(self, whole: Any) -> Any:
        """`whole` with the rows added."""
        for values, numbers in self.pieces:
            at = p.reshape(numbers, shape=(*numbers.ir_type.dims, 1))
            whole = p.scatter(whole, at, values, combine="add")
        return whole

    def dense(self) -> Any:
        """The whole of it."""
        return self.onto(full_like(self.like, 0))


def summed(a: Any, b: Any) -> Any:
    """a + b, of rows as rows."""
    if isinstance(a, Rows) and isinstance(b, Rows):
        return Rows(a.like, (*a.pieces, *b.pieces))
    if isinstance(a, Rows):
        return a.onto(b)
    return b.onto(a) if isinstance(b, Rows) else added(a, b)
