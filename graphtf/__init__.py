"""TensorFlow 2's API, traced into a readable graph and compiled by LLVM to native code.

Public names are imported when they are first asked for: graphtf/names/ lists where each lives.

>>> import graphtf as tf
>>> tf.constant([1., 2.]) + 1
<tf.Tensor: shape=(2,), dtype=float32, numpy=array([2., 3.], dtype=float32)>
"""

from typing import Any

import graphtf.eager  # installs the eager binder
import graphtf.operators
from graphtf.names import names_in, resolve
from graphtf.tensor import Tensor
from graphtf.variable import Variable

graphtf.operators.install(Tensor, Variable)

__version__ = "0.1.0"
newaxis = None
_VERSIONS = {"__git_version__": "version.GIT_VERSION", "__compiler_version__": "version.COMPILER_VERSION"}
_DUNDER = {*_VERSIONS, "__internal__"}


def __getattr__(name: str) -> Any:
    if name.startswith("__") and name not in _DUNDER:
        raise AttributeError(f"module 'graphtf' has no attribute {name!r}")
    found = resolve(_VERSIONS.get(name, name))
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*names_in(""), "newaxis", "__version__"})
