"""The static methods of `Dataset`: where elements come from.

Invariant: each is a classmethod of whatever `_of` makes, and adds nothing but names and checks to a node. Entry point:
`Constructors`.
"""

from __future__ import annotations

import glob
from collections.abc import Callable
from typing import Any

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.data.calls import ChooseFrom
from graphtf.data.node import Node, integer
from graphtf.data.order import Shuffle, Zip
from graphtf.data.random import seed_pair
from graphtf.data.sampling import choices
from graphtf.data.sources import FromGenerator, One, Random, Range, Slices
from graphtf.data.structure import Structure, map_leaves
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import InvalidArgumentError
from graphtf.spec import TensorSpec, TypeSpec
from graphtf.tensor_shape import TensorShape


class Constructors:
    """Where datasets come from."""

    _of: Callable[..., Any]
    _node: Node

    @classmethod
    def from_tensors(cls, tensors: Any, name: str | None = None) -> Any:
        """One element.

        >>> from graphtf.data.dataset import Dataset
        >>> [x.tolist() for x in Dataset.from_tensors([1, 2]).as_numpy_iterator()]
        [[1, 2]]
        """
        return cls._of(One(tensors))

    @classmethod
    def from_tensor_slices(cls, tensors: Any, name: str | None = None) -> Any:
        """The rows of tensors. Raises ValueError for none, for scalars, and for different numbers of rows.

        >>> from graphtf.data.dataset import Dataset
        >>> list(Dataset.from_tensor_slices(([1, 2], [3, 4])).as_numpy_iterator())
        [(np.int32(1), np.int32(3)), (np.int32(2), np.int32(4))]
        """
        return cls._of(Slices(tensors))

    @classmethod
    def range(cls, *args: Any, output_type: Any = dt.int64, name: str | None = None) -> Any:
        """The numbers that Python's `range` has, int64 or of `output_type`.

        Raises InvalidArgumentError for a step of 0.

        >>> from graphtf.data.dataset import Dataset
        >>> [int(x) for x in Dataset.range(1, 6, 2)]
        [1, 3, 5]
        """
        if not 1 <= len(args) <= 3:
            raise ValueError(f"Invalid `args`. The length of `args` should be between 1 and 3, got {len(args)}.")
        start, stop, step = (0, *args, 1) if len(args) == 1 else (*args, 1) if len(args) == 2 else args
        bounds = [integer(x, name) for x, name in ((start, "start"), (stop, "stop"), (step, "step"))]
        return cls._of(Range(bounds, output_type))

    @classmethod
    def random(cls, seed: Any = None, rerandomize_each_iteration: bool | None = None, name: str | None = None) -> Any:
        """Random int64 below 2³², without end: for a seed, those of TensorFlow.

        >>> from graphtf.data.dataset import Dataset
        >>> all(0 <= int(x) < 2**32 for x in Dataset.random(seed=4).take(2))
        True
        """
        return cls._of(Random(seed, bool(rerandomize_each_iteration)))

    @classmethod
    def counter(cls, start: Any = 0, step: Any = 1, dtype: Any = dt.int64, name: str | None = None) -> Any:
        """start, start + step, … without end.

        >>> from graphtf.data.dataset import Dataset
        >>> [int(x) for x in Dataset.counter(5, 2).take(3)]
        [5, 7, 9]
        """
        kind = dt.as_dtype(dtype)
        first, by = (np.asarray(x, kind.np) for x in (start, step))
        numbers = cls.from_tensors(0).repeat().enumerate()
        return numbers.map(lambda k, _: convert_to_tensor(first) + _cast(k, kind) * convert_to_tensor(by))

    @classmethod
    def from_generator(
        cls, generator: Any, output_types: Any = None, output_shapes: Any = None, args: Any = None,
        output_signature: Any = None, name: str | None = None,
    ) -> Any:  # fmt: skip
        """What a Python function's iterator gives, called anew for every pass, with `args` as NumPy arrays.

        `output_signature` is the structure of the elements; or `output_types` and, optionally, `output_shapes`. Raises
        TypeError for what cannot be called or is no spec. While iterating: InvalidArgumentError for an element that
        does not fit; what the generator raises comes as an error of `tf.errors`, with its line.

        >>> from graphtf.data.dataset import Dataset
        >>> counted = Dataset.from_generator(lambda: iter([1, 2]), output_signature=TensorSpec([], "int32"))
        >>> [int(x) for x in counted]
        [1, 2]
        """
        if not callable(generator):
            raise TypeError("`generator` must be a Python callable.")
        if output_signature is not None and (output_types is not None or output_shapes is not None):
            raise TypeError("The `output_types` and `output_shapes` arguments cannot be used with `output_signature`.")
        if output_signature is None and output_types is None:
            raise TypeError(
                "To specify the output signature you need to provide either `output_signature` or `output_types`."
            )
        if output_signature is None:
            output_signature = _signature(output_types, output_shapes)
        structure = Structure(_as_tuples(output_signature))
        for spec in structure.specs:
            if not isinstance(spec, TypeSpec):
                raise TypeError(f"`output_signature` must contain objects of tf.TypeSpec, got {spec!r}")
        values = [convert_to_tensor(x) for x in (args or ())]
        return cls._of(FromGenerator(generator, structure, values))

    @classmethod
    def zip(cls, *args: Any, datasets: Any = None, name: str | None = None) -> Any:
        """Elements of datasets side by side: of `zip(a, b)`, or of a nested structure of datasets.

        Raises TypeError for what is no dataset.

        >>> from graphtf.data.dataset import Dataset
        >>> [(int(a), int(b)) for a, b in Dataset.zip(Dataset.range(3), Dataset.range(5, 8))]
        [(0, 5), (1, 6), (2, 7)]
        """
        if not args and datasets is None:
            raise TypeError("Must pass at least one dataset to `zip`.")
        if args and datasets is not None:
            raise TypeError("Both `*args` and `datasets` cannot be set.")
        structure = datasets if datasets is not None else args[0] if len(args) == 1 else args
        if isinstance(structure, list):
            raise TypeError(
                "Invalid input to `zip`. Inputs are expected to be (nested) structures of `tf.data.Dataset` objects. "
                "Python `list` is not supported and you should use `tuple` instead."
            )
        nodes: list[Node] = []

        def template(x: Any) -> Any:
            node = getattr(x, "_node", None)
            if node is None:
                raise TypeError(
                    "Invalid input to `zip`. Inputs are expected to be (nested) structures of `tf.data.Dataset` "
                    f"objects. Encountered object of type {type(x)}."
                )
            nodes.append(node)
            return node.structure.template

        return cls._of(Zip(nodes, map_leaves(template, structure)))

    @classmethod
    def list_files(
        cls, file_pattern: Any, shuffle: bool | None = None, seed: Any = None, name: str | None = None
    ) -> Any:
        """The names of the files that match glob patterns, in an order that is shuffled unless `shuffle` is False.

        Raises InvalidArgumentError if there are none.
        """
        patterns = np.atleast_1d(np.asarray(convert_to_tensor(file_pattern)))
        found = sorted({name for x in patterns.ravel() for name in glob.glob(x.decode())})
        if not found:
            shown = ", ".join(x.decode() for x in patterns.ravel())
            raise InvalidArgumentError(None, None, f"No files matched pattern: {shown}")
        files = cls.from_tensor_slices(found)
        return files.shuffle(len(found), seed=seed) if shuffle is None or shuffle else files

    # ---- from several ------------------------------------------------------------------------------------------------

    @classmethod
    def choose_from_datasets(cls, datasets: Any, choice_dataset: Any, stop_on_empty_dataset: bool = True) -> Any:
        """The next element of the dataset whose number `choice_dataset` (scalar int64) gives.

        Raises TypeError for other choices, ValueError for no datasets.

        >>> from graphtf.data.dataset import Dataset
        >>> words = [Dataset.from_tensors(x).repeat() for x in ("a", "b")]
        >>> chosen = Dataset.choose_from_datasets(words, Dataset.range(2).repeat(2))
        >>> list(chosen.as_numpy_iterator())
        [b'a', b'b', b'a', b'b']
        """
        if not datasets:
            raise ValueError("Invalid `datasets`. `datasets` should not be empty.")
        if choice_dataset.element_spec != TensorSpec([], dt.int64):
            raise TypeError(
                "Invalid `choice_dataset`. Elements of `choice_dataset` must be scalar `tf.int64` tensors but are "
                f"{choice_dataset.element_spec}."
            )
        return cls._of(ChooseFrom(choice_dataset._node, [x._node for x in datasets], stop_on_empty_dataset))

    @classmethod
    def sample_from_datasets(
        cls, datasets: Any, weights: Any = None, seed: Any = None, stop_on_empty_dataset: bool = False,
        rerandomize_each_iteration: bool | None = None,
    ) -> Any:  # fmt: skip
        """The next element of a dataset drawn at random, with `weights` (all the same by default; a list, a vector, or
        a dataset of such).

        Raises ValueError for no datasets or another number of weights, TypeError for weights that are no floats.
        """
        if not datasets:
            raise ValueError("Invalid `datasets`. `datasets` should not be empty.")
        if len(datasets) == 1 and not hasattr(weights, "element_spec"):
            choices(weights, 1, cls.random(seed=seed).batch(2, True))
            return datasets[0]
        pairs = cls.random(seed=seed, rerandomize_each_iteration=rerandomize_each_iteration).batch(2, True)
        chosen = choices(weights, len(datasets), pairs)
        return cls._of(ChooseFrom(chosen._node, [x._node for x in datasets], stop_on_empty_dataset))


def _cast(x: Any, kind: dt.DType) -> Any:
    from graphtf.ir.ops.prims import p

    return x if x.dtype is kind else p.cast(x, dtype=kind)


def _signature(types: Any, shapes: Any) -> Any:
    """The structure of specs from those of dtypes and of shapes."""
    types = _as_tuples(types)
    if shapes is None:
        return map_leaves(lambda t: TensorSpec(None, dt.as_dtype(t)), types)
    return _with_shapes(types, shapes)


def _with_shapes(types: Any, shapes: Any) -> Any:
    if isinstance(types, tuple):
        if len(shapes) != len(types):
            raise ValueError(f"output_shapes has {len(shapes)} parts, expected {len(types)}")
        parts = [_with_shapes(t, s) for t, s in zip(types, shapes)]
        return type(types)(*parts) if hasattr(types, "_fields") else tuple(parts)
    if isinstance(types, dict):
        return {k: _with_shapes(t, shapes[k]) for k, t in types.items()}
    return TensorSpec(TensorShape(shapes), dt.as_dtype(types))


def _as_tuples(x: Any) -> Any:
    """Lists as tuples."""
    if isinstance(x, list):
        return tuple(map(_as_tuples, x))
    if type(x) is tuple:
        return tuple(map(_as_tuples, x))
    return {k: _as_tuples(v) for k, v in x.items()} if type(x) is dict else x


def shuffled(node: Node, size: Any, seed: Any, again: bool | None) -> Shuffle:
    """The stage of `shuffle`."""
    return Shuffle(node, integer(size, "buffer_size"), seed_pair(seed), again is None or bool(again))
