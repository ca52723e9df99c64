"""Which line of the user's program is running: the innermost frame that is not ours.

Invariant: looking costs a few hundred nanoseconds, since each code object is judged once. Entry point: `user_source()`.
"""

from __future__ import annotations

import os
import sys
from types import CodeType, FrameType

import graphtf.ir
import graphtf.passes
from graphtf.ir.graph import Source

_HERE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
_OURS = tuple(
    os.path.join(os.path.abspath(root), "") for root in (_HERE, *graphtf.ir.__path__, *graphtf.passes.__path__)
)
_ASIDE = tuple(
    os.path.dirname(os.__file__) + os.sep + name for name in ("contextlib.py", "functools.py", "threading.py")
)
_TOOLS = os.path.join(_HERE, "tools", "")  # programs that use us, wherever they are installed
_internal: dict[CodeType, bool] = {}
unconverted: dict[CodeType, str] = {}  # code whose control flow AutoGraph could not rewrite, and why
_MOST_CODES = 100_000


def is_internal(code: CodeType) -> bool:
    """Is it code of this package?"""
    found = _internal.get(code)
    if found is None:
        if len(_internal) >= _MOST_CODES:
            _internal.clear()
        name = code.co_filename
        found = _internal[code] = (name.startswith(_OURS) and not name.startswith(_TOOLS)) or name in _ASIDE
    return found


def user_frame(depth: int = 1) -> FrameType | None:
    """The innermost frame of the user's."""
    frame: FrameType | None = sys._getframe(depth)
    while frame is not None and is_internal(frame.f_code):
        frame = frame.f_back
    return frame


def user_source() -> Source | None:
    """The line of the user's program that is running."""
    frame = user_frame(2)
    return None if frame is None else Source(frame.f_code.co_filename, frame.f_lineno, frame.f_code.co_name)
