"""What is known where, while a function is written: values by expression, and the place in the text for new ones.

Invariant: a value is computed as far out as all its parts are known, so what a loop does not change is computed before
it; but a load never moves to where it might not have run, nor across a store to its buffer. Entry point: `Scopes`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum

from graphtf.ir.loops.expr import Buffer

Stream = list["str | Stream"]
Key = int | str


class Kind(Enum):
    """How a scope's text lies in that of the scope around it."""

    BLOCK = "a function or a branch: runs on its own condition, cannot be added to once left"
    BEFORE = "what runs once before a loop's first iteration: can be added to while the loop is written"
    BODY = "one iteration of a loop, or several"
    STEP = "straight on in the text of the scope around it"


@dataclass(slots=True)
class Scope:
    """One level. `floor`: the outermost scope that a load found here may move to."""

    kind: Kind
    floor: int
    lines: Stream | None = None
    undo: list[tuple[Key, tuple[str, int] | None]] = field(default_factory=list)


class Scopes:
    """The stack of scopes, and names of values with the depth at which they are known; a key is an integer that stands
    for an expression, or the text of an instruction."""

    def __init__(self) -> None:
        self.stack: list[Scope] = [Scope(Kind.BLOCK, 0)]
        self.known: dict[Key, tuple[str, int]] = {}
        self.readers: dict[Buffer, list[Key]] = {}  # keys of values that depend on a load from the buffer
        self.stored: dict[Buffer, list[int]] = {}  # depths of the bodies of open loops that store to the buffer

    @property
    def top(self) -> int:
        return len(self.stack) - 1

    def open_block(self) -> None:
        """A branch."""
        self.stack.append(Scope(Kind.BLOCK, len(self.stack)))

    def open_step(self) -> None:
        self.stack.append(Scope(Kind.STEP, self.stack[-1].floor))

    def open_before(self, lines: Stream, sure: bool) -> None:
        """Before a loop; `sure`: its first iteration runs in any case."""
        self.stack.append(Scope(Kind.BEFORE, self.stack[-1].floor if sure else len(self.stack), lines))

    def open_body(self, stored: Iterable[Buffer]) -> None:
        """A loop's body, which stores to these buffers: what was loaded from them before is old in it."""
        for b in stored:
            self.forget(b)
            self.stored.setdefault(b, []).append(len(self.stack))
        self.stack.append(Scope(Kind.BODY, self.stack[-1].floor))

    def close(self) -> None:
        """Leave the innermost scope: what is known in it only is forgotten."""
        depth = self.top
        for key, before in reversed(self.stack.pop().undo):
            if before is None:
                self.known.pop(key, None)
            else:
                self.known[key] = before
        for depths in self.stored.values():
            if depths and depths[-1] == depth:
                depths.pop()

    def note(self, key: Key, name: str, depth: int) -> None:
        """The value under `key` is `name`, in the scope at `depth` and those inside it."""
        self.stack[depth].undo.append((key, self.known.get(key)))
        self.known[key] = (name, depth)

    def forget(self, b: Buffer) -> None:
        """After a store, loads from the buffer and what was computed from them are computed again."""
        for key in self.readers.pop(b, ()):
            self.known.pop(key, None)

    def load_floor(self, b: Buffer) -> int:
        """The outermost scope that a load from the buffer may move to."""
        depths = self.stored.get(b)
        floor = self.stack[-1].floor
        return max(floor, depths[-1]) if depths else floor

    def place(self, depth: int) -> tuple[int, Stream | None]:
        """Where to compute a value whose parts are known at `depth`: the scope it is known in, and the lines it goes to
        (None: the text's end)."""
        stack, at = self.stack, depth
        while stack[at].kind is not Kind.BEFORE:
            after = at + 1
            while after < len(stack) and stack[after].kind is Kind.STEP:
                after += 1
            if after == len(stack):
                return at, None
            at = after
        return at, stack[at].lines
