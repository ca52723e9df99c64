"""GraphTF as the module `tensorflow`: programs and packages written for TensorFlow run unmodified.

Invariant: every name under `tensorflow` is an object of GraphTF (or, under `tensorflow.keras`, of the Keras package),
and nothing is imported before it is asked for. Nothing on disk changes. Entry point: `install_as_tensorflow()`.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.metadata import Distribution, DistributionFinder
from types import ModuleType
from typing import Any

import graphtf
from graphtf.names import resolve

TENSORFLOW = "2.21.0"  # the release whose API this is
_KERAS = "keras._tf_keras.keras"  # what TensorFlow calls tf.keras
_BACKEND = "KERAS_BACKEND"
_INSTEAD = {"version": "graphtf.internal.version"}  # what differs from `graphtf`'s own
_CLASSES = {  # what packages recognise by the name of its class and module, without importing TensorFlow
    "graphtf.tensor.Tensor": "tensorflow.python.framework.tensor.Tensor",
    "graphtf.tensor.EagerTensor": "tensorflow.python.framework.ops.EagerTensor",
    "graphtf.composite.SparseTensor": "tensorflow.python.framework.sparse_tensor.SparseTensor",
    "graphtf.composite.RaggedTensor": "tensorflow.python.ops.ragged.ragged_tensor.RaggedTensor",
    "graphtf.distribution.datasets.DistributedDataset": "tensorflow.python.distribute.input_lib.DistributedDataset",
}
_METADATA = f"Metadata-Version: 2.1\nName: tensorflow\nVersion: {TENSORFLOW}\nSummary: provided by GraphTF\n"


class TensorFlow(ModuleType):
    """The module `tensorflow`: the names of `graphtf`, and the version of TensorFlow that they follow."""

    def __init__(self) -> None:
        super().__init__("tensorflow", graphtf.__doc__)
        self.__dict__.update(__version__=TENSORFLOW, __path__=[], __file__=graphtf.__file__, newaxis=None)

    def __getattr__(self, name: str) -> Any:
        if name in _INSTEAD:
            return importlib.import_module(_INSTEAD[name])
        return getattr(graphtf, name)

    def __dir__(self) -> list[str]:
        return dir(graphtf)


_module = TensorFlow()


class _Alias(Loader):
    """Gives a module that exists under another name, and leaves it as it is."""

    def __init__(self, module: ModuleType) -> None:
        self._module = module
        self._own_spec = getattr(module, "__spec__", None)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        if self._own_spec is not None:
            module.__spec__ = self._own_spec


class _Finder(MetaPathFinder):
    """Finds `tensorflow`, `tensorflow.…` and `graphtf.keras.…`, and the metadata that an installed TensorFlow has."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        module = _found(fullname)
        return None if module is None else ModuleSpec(fullname, _Alias(module), is_package=True)

    def find_distributions(self, context: Any = None) -> Iterator[Distribution]:
        name = (context or DistributionFinder.Context()).name
        if name is None or name.lower() == "tensorflow":
            yield _Metadata()


class _Metadata(Distribution):
    """What `importlib.metadata` says of the package `tensorflow`."""

    def read_text(self, filename: str) -> str | None:
        return _METADATA if filename in ("METADATA", "PKG-INFO") else None

    def locate_file(self, path: Any) -> Any:
        return os.path.join(os.path.dirname(os.path.dirname(graphtf.__file__)), path)


_finder = _Finder()


def _found(fullname: str) -> ModuleType | None:
    """The module that a dotted name stands for; None if that is not ours to say."""
    top, _, rest = fullname.partition(".")
    if top == "tensorflow" and not rest:
        return _module
    if fullname.startswith(("tensorflow.keras", "graphtf.keras.")):
        return _keras(rest)
    if top != "tensorflow":
        return None
    if rest in _INSTEAD:
        return importlib.import_module(_INSTEAD[rest])
    try:
        found = resolve(rest)
    except AttributeError:
        return None
    return found if isinstance(found, ModuleType) else None


def _keras(path: str) -> ModuleType | None:
    inside = path.removeprefix("keras")
    try:
        return importlib.import_module(_KERAS + inside)
    except ModuleNotFoundError as error:
        if error.name is not None and error.name.startswith(_KERAS):
            return None
        raise


def install_as_tensorflow() -> None:
    """Make `import tensorflow` give GraphTF, and Keras use it, in this process.

    Call it before anything imports TensorFlow or Keras. It may be called again. The environment variable
    `KERAS_BACKEND` is set for the process and what it starts; Keras' configuration file is not touched.
    Raises ImportError if TensorFlow itself, or Keras on another backend, is imported already.

    >>> install_as_tensorflow()
    >>> import tensorflow as tf
    >>> tf.__version__, tf.constant([1, 2]) + 1
    ('2.21.0', <tf.Tensor: shape=(2,), dtype=int32, numpy=array([2, 3], dtype=int32)>)
    """
    present = sys.modules.get("tensorflow")
    if present is _module and _finder in sys.meta_path:
        return
    if present is not None and present is not _module:
        raise ImportError(
            f"the module tensorflow is already imported, from {getattr(present, '__file__', 'elsewhere')}: GraphTF can "
            "take its place only before that. Call graphtf.install_as_tensorflow() before anything imports tensorflow "
            "or keras, or run the program with `python -m graphtf PROGRAM`."
        )
    backend = getattr(sys.modules.get("keras.src.backend.config"), "backend", None)
    if backend is not None and backend() != "tensorflow":
        raise ImportError(
            f"Keras is already imported, with the backend {backend()!r}: GraphTF needs its backend 'tensorflow'. Call "
            "graphtf.install_as_tensorflow() before anything imports keras, or run the program with "
            "`python -m graphtf PROGRAM`."
        )
    os.environ[_BACKEND] = "tensorflow"
    sys.meta_path.insert(0, _finder)
    importlib.import_module("tensorflow")
    for own, told in _CLASSES.items():
        home, _, name = own.rpartition(".")
        cls = getattr(importlib.import_module(home), name)
        cls.__module__, _, cls.__name__ = told.rpartition(".")
