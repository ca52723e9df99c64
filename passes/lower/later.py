"""Lowerings whose module is loaded when a program first needs it: convolutions, sorting, scans are in few programs, and
loading them all takes as long as compiling a small one.

Invariant: no other module of `passes` loads one beside it late. Entry point: `later`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from graphtf.ir.loops.stmt import LoopFunc


def later(module: str, name: str, **options: Any) -> Callable[..., LoopFunc]:
    """Function `name` of the module of that name beside this one, with options."""

    def lower(*args: Any) -> LoopFunc:
        found: Callable[..., LoopFunc] = getattr(importlib.import_module(f"graphtf.passes.lower.{module}"), name)
        return found(*args, **options)

    return lower
