"""Every switch of the package, typed, with the environment variable that sets it at start-up.

Invariant: at most 8, each reachable from Python too (`graphtf.flags.flags.interpret = True`). Entry point: `flags`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass


def _env_flag(name: str) -> bool:
    return os.environ.get(name, "").lower() in ("1", "true", "yes", "on")


@dataclass
class Flags:
    """The switches."""

    interpret: bool = False  # GRAPHTF_INTERPRET: run compiled functions on the reference interpreter
    run_eagerly: bool = False  # GRAPHTF_EAGER: tf.function calls the Python function itself
    verify: bool = False  # GRAPHTF_VERIFY: run both and compare
    debug: bool = False  # GRAPHTF_DEBUG: native code checks every index
    subnormals: bool = False  # GRAPHTF_SUBNORMALS: native code keeps subnormal numbers (threads.keep_subnormals later)
    traces: int = 256  # GRAPHTF_TRACES: how many traces a function keeps


flags = Flags(
    interpret=_env_flag("GRAPHTF_INTERPRET"),
    run_eagerly=_env_flag("GRAPHTF_EAGER"),
    verify=_env_flag("GRAPHTF_VERIFY"),
    debug=_env_flag("GRAPHTF_DEBUG"),
    subnormals=_env_flag("GRAPHTF_SUBNORMALS"),
    traces=int(os.environ.get("GRAPHTF_TRACES", "256")),
)
