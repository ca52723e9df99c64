"""Fusion: which nodes become one kernel, and what passes from one to the next. Entry points: `fuse`, `recompute`."""

from graphtf.passes.fusion.fuse import fuse
from graphtf.passes.fusion.recompute import recompute

__all__ = ["fuse", "recompute"]
