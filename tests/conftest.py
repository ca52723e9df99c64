"""Native code is held to the reference to the last bit, so it keeps subnormal numbers here.

tests/llvm/test_subnormals.py is about taking them for zero.
"""

from __future__ import annotations

import os

os.environ.setdefault("GRAPHTF_SUBNORMALS", "1")
