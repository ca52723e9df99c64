"""Running programs: native segments and host steps over a planned arena. Entry point: `compile`."""

from graphtf.runtime.compiler import build, compile
from graphtf.runtime.program import Program

__all__ = ["Program", "build", "compile"]
