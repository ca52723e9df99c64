"""`tf.train.Checkpoint`: the values of objects, saved and restored by the names that lead to them.

Invariant: files are TensorFlow's: what either writes the other reads. Entry points: `Checkpoint`, `CheckpointOptions`,
`TrackableView`.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.checkpoint.bundle import write_bundle
from graphtf.checkpoint.object_graph import GRAPH_KEY, children_of, described, walk
from graphtf.checkpoint.restore import CheckpointLoadStatus, InitializationOnlyStatus, Restoration
from graphtf.checkpoint.state import latest_checkpoint, write_state
from graphtf.functions.trace import init_scope
from graphtf.ir.errors import NotFoundError
from graphtf.tracking import AutoTrackable, Trackable
from graphtf.variable import Variable

Array = np.ndarray[Any, Any]


class CheckpointOptions:
    """How a checkpoint is written: nothing of it matters on one machine.

    Follows https://www.tensorflow.org/api_docs/python/tf/train/CheckpointOptions.
    """

    def __init__(
        self, experimental_io_device: Any = None, experimental_enable_async_checkpoint: bool = False,
        experimental_write_callbacks: Any = None, enable_async: bool = False,
        experimental_sharding_callback: Any = None, experimental_skip_slot_variables: bool = False,
    ) -> None:  # fmt: skip
        self.experimental_io_device = experimental_io_device
        self.experimental_enable_async_checkpoint = experimental_enable_async_checkpoint
        self.experimental_write_callbacks = list(experimental_write_callbacks or [])
        self.enable_async = enable_async or experimental_enable_async_checkpoint
        self.experimental_sharding_callback = experimental_sharding_callback
        self.experimental_skip_slot_variables = experimental_skip_slot_variables


class Checkpoint(AutoTrackable):
    """Objects whose variables are saved together: each keyword is a name for one.

    `root` is an object whose own dependencies are saved without a name before them. Raises ValueError for what is not
    trackable. Follows https://www.tensorflow.org/api_docs/python/tf/train/Checkpoint.

    >>> checkpoint = Checkpoint(step=Variable(1), parts=[Variable(2.0)])
    >>> sorted(checkpoint._trackable_children())
    ['step']
    """

    def __init__(self, root: Any = None, **kwargs: Any) -> None:
        for name, value in {**({} if root is None else {"root": root}), **kwargs}.items():
            if not isinstance(value, Trackable) and type(value) not in (list, tuple, dict):
                raise ValueError(
                    f"`Checkpoint` was expecting {name} to be a trackable object (an object derived from `Trackable`), "
                    f"got {value}. If you believe this object should be trackable (i.e. it is part of the TensorFlow "
                    "Python API and manages state), please open an issue."
                )
        if root is not None:
            _check_attached(root, kwargs)
        for name, value in sorted(kwargs.items()):  # of two ways to an object, the first in this order names it
            setattr(self, name, value)
        self.__dict__["_self_root"] = root
        self.__dict__["_self_save_counter"] = None

    # ---- what it holds -----------------------------------------------------------------------------------------------

    @property
    def save_counter(self) -> Variable:
        """How many checkpoints `save` has written: the number of the last one."""
        found = self.__dict__["_self_save_counter"]
        if found is None:
            with init_scope():
                found = Variable(np.int64(0), trainable=False, name="save_counter")
            self.__dict__["_self_save_counter"] = found
            self._track_trackable(found, "save_counter", overwrite=True)
        return found  # type: ignore[no-any-return]

    def _start(self) -> Any:
        root = self.__dict__["_self_root"]
        return self if root is None else root

    def _attached(self) -> dict[str, Any]:
        """What is attached to a root that is another object."""
        return {} if self._start() is self else children_of(self)

    def _nodes(self) -> list[Any]:
        return walk(self._start(), self._attached())

    # ---- writing -----------------------------------------------------------------------------------------------------

    def write(self, file_prefix: Any, options: Any = None) -> str:
        """Write the values under a prefix, which is returned. Raises ValueError while a function is traced."""
        prefix = os.fspath(file_prefix)
        graph, tensors = described(self._nodes())
        text = np.empty((), object)
        text[()] = graph.SerializeToString()
        with init_scope():
            arrays = {name: _array(value) for name, value in tensors.items()}
        write_bundle(prefix, {**arrays, GRAPH_KEY: text})
        for callback in getattr(options, "experimental_write_callbacks", ()):
            callback(prefix) if _takes_argument(callback) else callback()
        return prefix

    def save(self, file_prefix: Any, options: Any = None) -> str:
        """Write the values under the prefix and a number that counts up, and note it as the latest; its prefix."""
        prefix = os.fspath(file_prefix)
        with init_scope():
            self.save_counter.assign_add(1)
            number = int(self.save_counter)
        path = self.write(f"{prefix}-{number}", options)
        write_state(os.path.dirname(path), path, [path], [time.time()], None)
        return path

    # ---- restoring ---------------------------------------------------------------------------------------------------

    def read(self, save_path: Any, options: Any = None) -> CheckpointLoadStatus:
        """Restore what `write` wrote. Raises NotFoundError if there is nothing."""
        if save_path is None:
            return InitializationOnlyStatus()
        path = os.fspath(save_path)
        if os.path.isdir(path):
            found = latest_checkpoint(path)
            if found is None:
                raise NotFoundError(None, None, f"Could not find checkpoint or SavedModel at {path}.")
            path = found
        return CheckpointLoadStatus(Restoration(path, self._start(), self._attached))

    def restore(self, save_path: Any, options: Any = None) -> CheckpointLoadStatus:
        """Restore what `save` wrote: objects that are there now, others when they are set as attributes.

        Nothing for None. Raises NotFoundError if there is no such checkpoint.
        """
        status = self.read(save_path, options)
        counter = self.save_counter  # restored too, if it is saved
        if self._start() is not self and save_path is not None:
            status._restoration.refresh()
        assert counter is not None
        return status

    def sync(self) -> None:
        """Wait until everything is written: it is."""


def _check_attached(root: Any, kwargs: dict[str, Any]) -> None:
    held = children_of(root)
    for name, value in kwargs.items():
        if name in held and held[name] is not value:
            raise ValueError(
                f"Cannot create a Checkpoint with keyword argument {name} if root.{name} already exists, and is "
                f"another "
                "object"
            )


def _array(value: Any) -> Array:
    return np.asarray(value() if callable(value) else value)


def _takes_argument(callback: Callable[..., Any]) -> bool:
    import inspect

    return bool(inspect.signature(callback).parameters)


class TrackableView:
    """The objects under a root, and their children.

    Follows https://www.tensorflow.org/api_docs/python/tf/train/TrackableView.

    >>> root = AutoTrackable()
    >>> root.v = Variable(1)
    >>> len(TrackableView(root).descendants())
    2
    """

    def __init__(self, root: Any) -> None:
        self._root = root

    @property
    def root(self) -> Any:
        return self._root

    @classmethod
    def children(cls, obj: Any, save_type: str = "checkpoint", **kwargs: Any) -> dict[str, Any]:
        """What an object holds, by name."""
        return children_of(obj)

    def descendants(self) -> list[Any]:
        """All objects, the root first."""
        return [node.target for node in walk(self._root)]
