"""Measure this machine and GraphTF on it: start-up, small calls, kernels against the machine's peaks, training steps,
the first call, growth with the size of a graph; with --peers PYTHON beside TensorFlow, XLA, JAX and PyTorch."""

from graphtf.tools.bench.command import arguments, main

__all__ = ["arguments", "main"]
