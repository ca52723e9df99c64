"""Running programs: native segments and host steps over a planned arena. Entry point: `compile`."""

from graphtf.runtime.program import Program
from graphtf.runtime.recall import compile

__all__ = ["Program", "build", "compile"]
