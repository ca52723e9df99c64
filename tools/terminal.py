"""Plain, pleasant output: headings, aligned tables, a progress bar; colour only on a terminal that wants it.

Invariant: without a terminal the output is the same text with no control character in it, and characters that the
stream cannot encode have plain substitutes. Entry point: `Terminal`.
"""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TextIO, TypeVar

T = TypeVar("T")

_STYLES = {"bold": "1", "dim": "2", "green": "32", "red": "31", "blue": "34", "yellow": "33", "cyan": "36"}
_PLAIN = str.maketrans({"█": "#", "░": ".", "·": "-", "→": ">", "─": "-", "…": "~", "×": "x", "±": "~", "µ": "u",
                        "≤": "<", "✓": "+", "–": "-", "’": "'"})  # fmt: skip


class Terminal:
    """Where a command writes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self.stream = sys.stdout if stream is None else stream
        self.is_tty = self.stream.isatty()
        self.colour = self.is_tty and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"
        self.width = min(shutil.get_terminal_size((96, 24)).columns, 120)

    def style(self, text: str, *styles: str) -> str:
        """The text in styles (bold, dim, green, …), or as it is where colour is not wanted."""
        if not self.colour or not text:
            return text
        codes = ";".join(_STYLES[s] for s in styles)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def write(self, text: str, end: str = "\n") -> None:
        """Print, in characters the stream has."""
        try:
            self.stream.write(text + end)
        except UnicodeEncodeError:
            encoding = self.stream.encoding or "ascii"
            self.stream.write((text + end).translate(_PLAIN).encode(encoding, "replace").decode(encoding))
        self.stream.flush()

    def heading(self, text: str, remark: str = "") -> None:
        """A line that opens a part of the output."""
        gap = f"  {self.style(remark, 'dim')}" if remark else ""
        self.write(f"\n{self.style(text, 'bold', 'blue')}{gap}")

    def table(self, rows: Sequence[Sequence[str]], align: str = "", head: bool = False, indent: str = "  ") -> None:
        """Rows in aligned columns: `align` has one of `<>` for each. With `head`, the first row is a heading."""
        for k, line in enumerate(aligned(rows, align)):
            self.write(indent + (self.style(line, "dim") if head and k == 0 else line))

    def progress(self, items: Iterable[T], total: int, label: str = "") -> Iterator[T]:
        """Go through `items` with a bar that is drawn on a terminal only, at most 20 times a second."""
        if not self.is_tty:
            yield from items
            return
        last = 0.0
        for k, item in enumerate(items):
            now = time.monotonic()
            if now - last > 0.05:
                last = now
                self.write(f"\r{label} {bar(k / max(1, total), 24)} ", end="")
            yield item
        self.write("\r" + " " * (len(label) + 28) + "\r", end="")


def bar(fraction: float, width: int) -> str:
    """A bar that is filled to a fraction.

    >>> bar(0.5, 8)
    '████░░░░'
    """
    full = round(min(1.0, max(0.0, fraction)) * width)
    return "█" * full + "░" * (width - full)


def aligned(rows: Sequence[Sequence[str]], align: str = "") -> list[str]:
    """The rows as lines, each column as wide as its widest cell.

    >>> aligned([["a", "1"], ["bcd", "23"]], "<>")
    ['a     1', 'bcd  23']
    """
    count = max((len(r) for r in rows), default=0)
    widths = [max((len(r[c]) for r in rows if c < len(r)), default=0) for c in range(count)]
    lines = []
    for r in rows:
        cells = []
        for c, cell in enumerate(r):
            right = c < len(align) and align[c] == ">"
            cells.append(cell.rjust(widths[c]) if right else cell.ljust(widths[c]))
        lines.append("  ".join(cells).rstrip())
    return lines


_TIME_UNITS = ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs"), (1e-9, "ns"))


def duration(seconds: float) -> str:
    """A time in three digits and the unit that fits.

    >>> duration(0.00125)
    '1.25 ms'
    """
    for size, unit in _TIME_UNITS:
        if seconds >= size or unit == "ns":
            return f"{digits(seconds / size)} {unit}"
    raise AssertionError


def digits(x: float) -> str:
    """Three significant digits, without an exponent for ordinary numbers.

    >>> digits(1234.6), digits(12.345), digits(0.98765)
    ('1235', '12.3', '0.988')
    """
    if x != x or x in (float("inf"), float("-inf")):
        return str(x)
    size = abs(x)
    if size >= 100:
        return f"{x:.0f}"
    return f"{x:.1f}" if size >= 10 else f"{x:.2f}" if size >= 1 else f"{x:.3f}"


def count(n: int, one: str, many: str = "") -> str:
    """A number with its noun.

    >>> count(1, "node"), count(2, "node")
    ('1 node', '2 nodes')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def shown(value: Any, limit: int = 60) -> str:
    """A value in one line of at most `limit` characters."""
    text = " ".join(str(value).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"
