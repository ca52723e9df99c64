"""`tf.sysconfig`: how to build against the library. Follows https://www.tensorflow.org/api_docs/python/tf/sysconfig.

Invariant: GraphTF is Python alone, so there are no headers and nothing to link; the folders named exist.
"""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

_HERE = Path(__file__).parent
CXX11_ABI_FLAG = 1
CXX_VERSION = 201703
MONOLITHIC_BUILD = 0


def get_build_info() -> OrderedDict[str, bool]:
    """What the library was built with: no accelerator.

    >>> get_build_info()["is_cuda_build"]
    False
    """
    return OrderedDict(is_cuda_build=False, is_rocm_build=False, is_tensorrt_build=False)


def get_include() -> str:
    """The folder of the package: it has no headers.

    >>> Path(get_include()).is_dir()
    True
    """
    return str(_HERE)


def get_lib() -> str:
    """The folder of the package: it has no libraries.

    >>> Path(get_lib()).is_dir()
    True
    """
    return str(_HERE)


def get_compile_flags() -> list[str]:
    """Flags for compiling against it: none are needed.

    >>> get_compile_flags()
    []
    """
    return []


def get_link_flags() -> list[str]:
    """Flags for linking against it: none are needed.

    >>> get_link_flags()
    []
    """
    return []
