"""The methods of `Dataset` that keep elements, in memory or in files, and the one that passes over errors.

Invariant: files are this library's own, not TensorFlow's; reading one runs nothing. Entry point: `Keeping`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphtf.convert import convert_to_tensor
from graphtf.data.batching import Elements
from graphtf.data.caching import Cache, Kept, Loaded, Snapshot, save, saved_structure, shards
from graphtf.data.errors import IgnoreErrors
from graphtf.data.mapped import Mapped
from graphtf.data.node import Node
from graphtf.data.structure import Structure, same_shape
from graphtf.ir.errors import InvalidArgumentError


class Keeping:
    """Elements that are kept."""

    _of: Callable[..., Any]
    _then: Callable[[Node], Any]
    _spec_of: Callable[[Any], Any]
    _node: Node

    def cache(self, filename: Any = "", name: str | None = None) -> Any:
        """The elements of the first whole pass for every later one: in memory, or in a file if a name is given.

        >>> from graphtf.data.dataset import Dataset
        >>> kept = Dataset.range(3).map(lambda x: x * x).cache()
        >>> [int(x) for x in kept], [int(x) for x in kept]
        ([0, 1, 4], [0, 1, 4])
        """
        path = convert_to_tensor(filename)
        if getattr(path, "_array", None) is not None and not path._array[()]:
            return self._then(Cache(self._node))
        return self._then(Kept(self._node, path))

    def save(
        self, path: str, compression: str | None = None, shard_func: Any = None, checkpoint_args: Any = None
    ) -> None:
        """Write all elements into a directory; `shard_func` (of an element, int64) says into which of its files.

        Raises InvalidArgumentError for a compression other than None and "GZIP", UnimplementedError for elements that
        hold datasets or optionals.
        """
        save(self._node, str(path), compression, self._sharding(shard_func))

    def _sharding(self, function: Any) -> Callable[[Any], int]:
        if function is None:
            return lambda element: 0
        mapped = Mapped(function, [self._node.structure], "shard_func")
        run = mapped.bound(mapped.held)
        return lambda element: int(run(element)[0])

    @classmethod
    def load(
        cls, path: str, element_spec: Any = None, compression: str | None = None, reader_func: Any = None,
        wait: bool = False,
    ) -> Any:  # fmt: skip
        """The dataset that `save` wrote; `reader_func` makes one of the dataset of its shards.

        Raises NotFoundError if there is none, InvalidArgumentError for another `element_spec`, and, while iterating,
        DataLossError for damaged files.
        """
        structure = saved_structure(str(path))
        if element_spec is not None:
            wanted = Structure(element_spec)
            if not same_shape(wanted.template, structure.template) or len(wanted.specs) != len(structure.specs):
                raise InvalidArgumentError(None, None, f"{path} holds elements {structure}, expected {wanted}")
            structure = wanted
        files = [cls._of(Loaded(name, structure, compression)) for name in shards(str(path))]
        if reader_func is not None:
            return reader_func(cls._of(_datasets(files)))
        found = files[0] if files else None
        for other in files[1:]:
            found = found.concatenate(other)  # type: ignore[union-attr]
        return found

    def snapshot(
        self, path: str, compression: str | None = "AUTO", reader_func: Any = None, shard_func: Any = None,
        name: str | None = None,
    ) -> Any:  # fmt: skip
        """The elements saved in a directory; if there are none, these, which are then saved there."""
        kind = None if compression in ("AUTO", "", None) else compression
        sharding = None if shard_func is None else self._sharding(shard_func)
        where, of = str(path), type(self)
        spec = self._node.structure.template
        return self._then(
            Snapshot(self._node, where, kind, sharding, lambda: of.load(where, spec, kind, reader_func)._node)
        )

    def ignore_errors(self, log_warning: bool = False, name: str | None = None) -> Any:
        """The elements whose making raises no error of `tf.errors`; others are left out.

        >>> from graphtf.data.dataset import Dataset
        >>> from graphtf.api.debugging import assert_less
        >>> def small(x):
        ...     assert_less(x, convert_to_tensor(2, "int64"))
        ...     return x
        >>> [int(x) for x in Dataset.range(4).map(small).ignore_errors()]
        [0, 1]
        """
        return self._then(IgnoreErrors(self._node, log_warning))


def _datasets(files: list[Any]) -> Node:
    return Elements([[x] for x in files], Structure(files[0]._type_spec))
