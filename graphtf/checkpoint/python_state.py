"""State of Python objects in checkpoints: `tf.train.experimental.PythonState`.

Invariant: the object says how its state becomes bytes and comes back; nothing is pickled. Entry point: `PythonState`.
"""

from __future__ import annotations

import abc
from typing import Any

import numpy as np

from graphtf.tensor import EagerTensor
from graphtf.tracking import Trackable

_NAME = "py_state"


class PythonState(Trackable, abc.ABC):
    """An object whose state checkpoints save as bytes.

    Follows https://www.tensorflow.org/api_docs/python/tf/train/experimental/PythonState.
    """

    @abc.abstractmethod
    def serialize(self) -> Any:
        """The state as bytes (or text)."""

    @abc.abstractmethod
    def deserialize(self, string_value: bytes) -> None:
        """Take a state that `serialize` gave."""

    def _serialize_to_tensors(self) -> dict[str, Any]:
        state, array = self.serialize(), np.empty((), object)
        array[()] = state.encode() if isinstance(state, str) else bytes(state)
        return {_NAME: EagerTensor(array)}

    def _restore_from_tensors(self, restored_tensors: dict[str, Any]) -> None:
        self.deserialize(restored_tensors[_NAME].numpy())
