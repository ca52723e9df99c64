"""Index arithmetic that is decided while it is written: loop variables of unrolled loops are numbers.

Invariant: the value is what the instruction would give. Entry point: `fold`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence


def is_number(text: str) -> bool:
    """Is the operand a literal integer?"""
    return text.isdigit() or (text[0] == "-" and text[1:].isdigit())


def _wrapped(x: int) -> int:
    return (x + (1 << 63)) % (1 << 64) - (1 << 63)


_OF_NUMBERS: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b, "sub": lambda a, b: a - b, "mul": lambda a, b: a * b,
    "floordiv": lambda a, b: a // b if b else 0, "floormod": lambda a, b: a % b if b else 0,
    "min": min, "max": max,
}  # fmt: skip


def fold(name: str, args: Sequence[str]) -> str | None:
    """The int64 value of `name(args)`, an operand or a literal, where it takes no instruction; else None."""
    apply = _OF_NUMBERS.get(name)
    if apply is None:
        return None
    a, b = args
    if is_number(a) and is_number(b):
        return str(_wrapped(apply(int(a), int(b))))
    if b == "0" and name in ("add", "sub"):
        return a
    if b == "1" and name in ("mul", "floordiv"):
        return a
    if a == "0" and name == "add":
        return b
    if a == "1" and name == "mul":
        return b
    return "0" if "0" in (a, b) and name == "mul" else None
