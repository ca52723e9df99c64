"""`tf.version`: of this package, not of the TensorFlow whose API it has.

Follows https://www.tensorflow.org/api_docs/python/tf/version. Invariant: asking which compiler it is loads it, and
nothing else does.
"""

from __future__ import annotations

from typing import Any

from graphtf import __version__ as VERSION

__all__ = [  # noqa: F822 - the first is made when asked for
    "COMPILER_VERSION", "GIT_VERSION", "GRAPH_DEF_VERSION", "GRAPH_DEF_VERSION_MIN_CONSUMER",
    "GRAPH_DEF_VERSION_MIN_PRODUCER", "VERSION",
]  # fmt: skip
GIT_VERSION = "unknown"  # installed packages do not carry their commit
GRAPH_DEF_VERSION = 2474  # of TensorFlow 2.21's graphs, whose API this is
GRAPH_DEF_VERSION_MIN_CONSUMER = GRAPH_DEF_VERSION_MIN_PRODUCER = 0


def __getattr__(name: str) -> Any:
    if name != "COMPILER_VERSION":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from graphtf.llvm.toolchain import llvm_binding

    return f"LLVM {'.'.join(map(str, llvm_binding().llvm_version_info))}"
