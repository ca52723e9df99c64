"""Local rewrites as data: named, two-sided rules with guards. Entry point: `simplify(graph)`."""

from graphtf.passes.rules.engine import simplify

__all__ = ["simplify"]
