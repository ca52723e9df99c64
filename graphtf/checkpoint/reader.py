"""Looking into checkpoints: names, shapes and values without objects.

Entry points: `load_checkpoint`, `list_variables`, `load_variable`.
"""

from __future__ import annotations

import os
from typing import Any

from graphtf.checkpoint.bundle import Bundle
from graphtf.checkpoint.state import latest_checkpoint
from graphtf.ir.dtypes import DType


class CheckpointReader:
    """What `load_checkpoint` gives."""

    def __init__(self, prefix: str) -> None:
        self._bundle = Bundle(prefix)

    def get_variable_to_shape_map(self) -> dict[str, list[int]]:
        """The shape of each tensor."""
        return {name: self._bundle.shape(name) for name in self._bundle.names()}

    def get_variable_to_dtype_map(self) -> dict[str, DType]:
        """The dtype of each tensor."""
        return {name: self._bundle.dtype(name) for name in self._bundle.names()}

    def has_tensor(self, tensor_str: str) -> bool:
        """Is there a tensor of the name?"""
        return tensor_str in self._bundle

    def get_tensor(self, tensor_str: str) -> Any:
        """The value of a tensor: an array, or a scalar. Raises NotFoundError."""
        array = self._bundle.get(tensor_str)
        return array if array.ndim else array[()]


def _prefix(ckpt_dir_or_file: Any) -> str:
    path = os.fspath(ckpt_dir_or_file)
    if not os.path.isdir(path):
        return path
    found = latest_checkpoint(path)
    if found is None:
        raise ValueError(f"Couldn't find 'checkpoint' file or checkpoints in given directory {path}")
    return found


def load_checkpoint(ckpt_dir_or_file: Any) -> CheckpointReader:
    """A reader of a checkpoint, or of the latest one of a directory.

    Raises ValueError for a directory without, NotFoundError for a prefix without. Follows
    https://www.tensorflow.org/api_docs/python/tf/train/load_checkpoint.
    """
    return CheckpointReader(_prefix(ckpt_dir_or_file))


def list_variables(ckpt_dir_or_file: Any) -> list[tuple[str, list[int]]]:
    """(name, shape) of each tensor, by name.

    Follows https://www.tensorflow.org/api_docs/python/tf/train/list_variables.
    """
    return sorted(load_checkpoint(ckpt_dir_or_file).get_variable_to_shape_map().items())


def load_variable(ckpt_dir_or_file: Any, name: str) -> Any:
    """The value of a tensor. Follows https://www.tensorflow.org/api_docs/python/tf/train/load_variable."""
    return load_checkpoint(ckpt_dir_or_file).get_tensor(name.removesuffix(":0"))
