"""Fusion: which nodes become one kernel. Entry point: `fuse(graph)`."""

from graphtf.passes.fusion.fuse import fuse

__all__ = ["fuse"]
