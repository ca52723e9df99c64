"""Reverse mode: one engine over the ops' own rules, for tapes, graphs and regions. Entry point: `backward(…)`."""

from graphtf.passes.autodiff.engine import backward

__all__ = ["backward"]
