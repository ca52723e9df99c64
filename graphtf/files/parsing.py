"""Examples to tensors: `tf.io.parse_example` and its kin.

Invariant: serialized examples are decoded on the host, feature by feature, into arrays; what they become is built of
these by tensors' own functions. Entry points: `parse_example`, `parse_single_example`, `parse_sequence_example`,
`parse_single_sequence_example`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from graphtf import row_partition as rows
from graphtf.api.strings import as_strings
from graphtf.composite import RaggedTensor, SparseTensor
from graphtf.convert import to_array
from graphtf.deferred import on_host
from graphtf.files.example_protos import Example, Feature, SequenceExample
from graphtf.files.feature_specs import (
    FixedLenFeature,
    FixedLenSequenceFeature,
    RaggedFeature,
    RowLengths,
    RowLimits,
    RowSplits,
    RowStarts,
    SparseFeature,
    UniformRowLength,
    ValueRowIds,
    VarLenFeature,
)  # fmt: skip
from graphtf.ir import dtypes as dt
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.errors import DataLossError
from graphtf.refusal import failed
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]
Rows = Sequence[Mapping[str, Feature]]  # the features of each example
_LISTS = {"string": "bytes_list", "float32": "float_list", "int64": "int64_list"}


# ---- decoding --------------------------------------------------------------------------------------------------------


def _decoded(kind: Any, data: bytes, k: int) -> Any:
    try:
        return kind.FromString(data)
    except DataLossError:
        raise failed("parse_example", f"Could not parse example input, value: {data[:40]!r} (example {k})") from None


def _values(features: Mapping[str, Feature], key: str, dtype: DType, k: int) -> list[Any] | None:
    """The values of a feature, None if it is missing. Raises InvalidArgumentError for another type."""
    feature = features.get(key)
    which = None if feature is None else feature.WhichOneof("kind")
    if feature is None or which is None:
        return None
    if which != _LISTS[dtype.name]:
        message = f"Key: {key}.  Data types don't match. Data type: {which} but expected type: {dtype.name}"
        raise failed("parse_example", f"Name: <unknown>, {message} (example {k})")
    return list(getattr(feature, which).value)


def _column(items: Sequence[Any], dtype: DType) -> Array:
    out = np.empty(len(items), dtype.np)
    out[:] = items
    return out


def _dtype(x: Any, key: str) -> DType:
    found = as_dtype(x)
    if found.name not in _LISTS:
        raise ValueError(f"feature {key}: dtype {found.name} is not one of float32, int64 and string")
    return found


# ---- a feature as tensors --------------------------------------------------------------------------------------------


class Plan:
    """What is decoded of a feature: `run` gives arrays of these dtypes and shapes, which `build` makes a value of."""

    def __init__(
        self, dtypes: list[DType], shapes: list[Any], run: Callable[[Rows], list[Array]],
        build: Callable[[list[Tensor]], Any],
    ) -> None:  # fmt: skip
        self.dtypes, self.shapes, self.run, self.build = dtypes, shapes, run, build


def _plan(key: str, spec: Any) -> Plan:
    if isinstance(spec, FixedLenFeature):
        return _fixed(key, spec)
    if isinstance(spec, FixedLenSequenceFeature):
        return _fixed_sequence(key, spec)
    if isinstance(spec, VarLenFeature):
        return _variable(key, _dtype(spec.dtype, key))
    if isinstance(spec, SparseFeature):
        return _sparse(key, spec)
    if isinstance(spec, RaggedFeature):
        return _ragged(key, spec)
    raise ValueError(f"Invalid feature {key}:{spec}.")


def _sizes(shape: Any) -> list[int]:
    return [int(d) for d in ([shape] if isinstance(shape, int) else shape)]


def _fixed(key: str, spec: FixedLenFeature) -> Plan:
    dtype, shape = _dtype(spec.dtype, key), _sizes(spec.shape)
    if any(d < 0 for d in shape):
        raise ValueError(f"All dimensions of shape for feature {key} need to be known but received {shape}.")
    count = int(np.prod(shape))
    default = None if spec.default_value is None else to_array(spec.default_value, dtype)
    if default is not None and default.size != count:
        raise failed("parse_example", f"the default of feature {key} has shape {list(default.shape)}, expected {shape}")

    def run(examples: Rows) -> list[Array]:
        found = np.empty((len(examples), count), dtype.np)
        for k, features in enumerate(examples):
            values = _values(features, key, dtype, k)
            if values is None:
                if default is None:
                    message = (
                        f"Name: <unknown>, Feature: {key} (data type: {dtype.name}) is required but could not be found."
                    )
                    raise failed("parse_example", message)
                values = default.reshape(-1).tolist()
            if len(values) != count:
                message = (
                    f"Key: {key}, Index: {k}.  Number of {dtype.name} values != expected.  values size: {len(values)}"
                )
                raise failed("parse_example", f"{message} but output shape: {shape}")
            found[k] = values
        return [found.reshape(len(examples), *shape)]

    return Plan([dtype], [(None, *shape)], run, lambda parts: parts[0])


def _fixed_sequence(key: str, spec: FixedLenSequenceFeature) -> Plan:
    dtype, shape = _dtype(spec.dtype, key), _sizes(spec.shape)
    if not spec.allow_missing:
        raise ValueError("Unsupported: FixedLenSequenceFeature requires allow_missing to be True.")
    count = int(np.prod(shape))
    filler = b"" if dtype is dt.string else 0
    if spec.default_value is not None:
        filler = to_array(spec.default_value, dtype).reshape(-1)[0]

    def run(examples: Rows) -> list[Array]:
        each = [_values(features, key, dtype, k) or [] for k, features in enumerate(examples)]
        for k, values in enumerate(each):
            if count == 0 or len(values) % count:
                message = f"Key: {key}, Index: {k}.  Number of values is not a multiple of stride length. values size: "
                raise failed("parse_example", f"{message}{len(values)} but output shape: {shape}")
        longest = max((len(v) // count for v in each), default=0)
        found = np.full((len(examples), longest * count), filler, dtype.np)
        for row, values in zip(found, each):
            row[: len(values)] = values
        return [found.reshape(len(examples), longest, *shape)]

    return Plan([dtype], [(None, None, *shape)], run, lambda parts: parts[0])


def _variable(key: str, dtype: DType) -> Plan:
    def run(examples: Rows) -> list[Array]:
        each = [_values(features, key, dtype, k) or [] for k, features in enumerate(examples)]
        splits = rows.splits_of(np.array([len(v) for v in each], np.int64))
        widest = max((len(v) for v in each), default=0)
        flat = _column([x for v in each for x in v], dtype)
        return [rows.coordinates([splits]), flat, np.array([len(each), widest], np.int64)]

    kinds = [dt.int64, dtype, dt.int64]
    return Plan(kinds, [(None, 2), (None,), (2,)], run, lambda parts: SparseTensor(*parts))


def _sparse(key: str, spec: SparseFeature) -> Plan:
    dtype = _dtype(spec.dtype, key)
    keys = [spec.index_key] if isinstance(spec.index_key, str) else list(spec.index_key)
    sizes = _sizes(spec.size)
    if len(keys) != len(sizes):
        raise ValueError(f"feature {key}: {len(keys)} index keys for {len(sizes)} sizes")

    def run(examples: Rows) -> list[Array]:
        places: list[tuple[int, ...]] = []
        found: list[Any] = []
        for k, features in enumerate(examples):
            values = _values(features, spec.value_key, dtype, k) or []
            columns = [_values(features, name, dt.int64, k) or [] for name in keys]
            if any(len(c) != len(values) for c in columns):
                raise failed("parse_example", f"feature {key}, example {k}: as many indices as values are needed")
            row = [((k, *at), v) for *at, v in zip(*columns, values)]
            row = row if spec.already_sorted else sorted(row, key=lambda item: item[0])
            for at, _ in row:
                if any(not 0 <= i < size for i, size in zip(at[1:], sizes)):
                    raise failed("parse_example", f"feature {key}: index {at[1:]} is not inside {sizes}")
            places += [at for at, _ in row]
            found += [v for _, v in row]
        at = np.array(places, np.int64).reshape(-1, len(sizes) + 1)
        return [at, _column(found, dtype), np.array([len(examples), *sizes], np.int64)]

    rank = len(sizes) + 1

    def build(parts: list[Tensor]) -> SparseTensor:
        out = SparseTensor(*parts)
        out.set_shape([None, *sizes])
        return out

    return Plan([dt.int64, dtype, dt.int64], [(None, rank), (None,), (rank,)], run, build)


def _ragged(key: str, spec: RaggedFeature) -> Plan:
    dtype, name = _dtype(spec.dtype, key), spec.value_key or key
    kind, parts = spec.row_splits_dtype, spec.partitions

    def run(examples: Rows) -> list[Array]:
        outer, levels = [0], [[0] for _ in parts]
        flat: list[Any] = []
        for k, features in enumerate(examples):
            values = _values(features, name, dtype, k) or []
            splits = _splits(parts, features, len(values), k)
            for level, own in zip(levels, splits):
                level += [s + level[-1] for s in own[1:]]
            flat += values
            outer.append(outer[-1] + (len(splits[0]) - 1 if parts else len(values)))
        return [*(np.array(s, kind.np) for s in (outer, *levels)), _column(flat, dtype)]

    def build(found: list[Tensor]) -> Any:
        return RaggedTensor.from_nested_row_splits(found[-1], found[:-1], validate=False)

    return Plan([*[kind] * (len(parts) + 1), dtype], [(None,)] * (len(parts) + 2), run, build)


def _splits(parts: Sequence[Any], features: Mapping[str, Feature], count: int, k: int) -> list[list[int]]:
    """The splits that an example has for each partition, outermost first."""
    found: list[list[int]] = []
    for part in reversed(parts):  # the innermost one is of the values
        if isinstance(part, UniformRowLength):
            own = list(range(0, count + 1, part.length)) if part.length else [0]
        else:
            own = _splits_of(part, _values(features, part.key, dt.int64, k) or [], count)
        if own[-1] != count or any(b < a for a, b in pairwise(own)):
            raise failed("parse_example", f"example {k}: {part} does not fit {count} values")
        found.append(own)
        count = len(own) - 1
    return found[::-1]


def _splits_of(part: Any, given: list[int], count: int) -> list[int]:
    if isinstance(part, RowSplits):
        return given or [0]
    if isinstance(part, RowLengths):
        return [0, *np.cumsum(given).tolist()]
    if isinstance(part, RowStarts):
        return [*given, count] if given else [0]
    if isinstance(part, RowLimits):
        return [0, *given]
    if isinstance(part, ValueRowIds):
        return rows.splits_of(np.bincount(np.array(given, np.int64))).tolist() if given else [0]
    raise ValueError(f"Unsupported partition {part}")


# ---- examples --------------------------------------------------------------------------------------------------------


def _run_plans(data: Tensor, plans: Mapping[str, Plan], decode: Callable[[Array], Rows]) -> dict[str, Any]:
    def run(texts: Array) -> list[Array]:
        examples = decode(texts)
        return [a for plan in plans.values() for a in plan.run(examples)]

    kinds = [d for plan in plans.values() for d in plan.dtypes]
    shapes = [s for plan in plans.values() for s in plan.shapes]
    found = on_host(run, [data], kinds, shapes)
    out: dict[str, Any] = {}
    for key, plan in plans.items():
        out[key] = plan.build(list(found[: len(plan.dtypes)]))
        found = found[len(plan.dtypes) :]
    return out


def _checked(features: Any) -> dict[str, Any]:
    if not features:
        raise ValueError("Argument `features` cannot be None or empty.")
    return dict(sorted(features.items(), key=lambda item: (_place(item[1]), item[0])))


def _place(spec: Any) -> int:
    """Where TensorFlow puts a feature among the results: sparse, dense, ragged ones, and those made of others."""
    if isinstance(spec, RaggedFeature):
        return 3 if spec.partitions or spec.value_key else 2
    return 0 if isinstance(spec, VarLenFeature) else 3 if isinstance(spec, SparseFeature) else 1


def parse_example(serialized: Any, features: Any, example_names: Any = None, name: str | None = None) -> dict[str, Any]:
    """The features of a vector of serialized `tf.train.Example`s: a dictionary of tensors, by what `features` says.

    Raises ValueError for bad features, InvalidArgumentError for examples that do not have them. Follows
    https://www.tensorflow.org/api_docs/python/tf/io/parse_example.

    >>> from graphtf.files.example_protos import Features, Int64List
    >>> example = Example(features=Features(feature={"a": Feature(int64_list=Int64List(value=[7]))}))
    >>> parse_example([example.SerializeToString()], {"a": FixedLenFeature([], "int64")})["a"].numpy().tolist()
    [7]
    """
    plans = {key: _plan(key, spec) for key, spec in _checked(features).items()}
    data = as_strings(serialized, "parse_example")
    if data.shape.rank == 0:
        return parse_single_example(data, features)

    def decode(texts: Array) -> Rows:
        flat = texts.reshape(-1).tolist()
        return [_decoded(Example, text, k).features.feature for k, text in enumerate(flat)]

    return _run_plans(data, plans, decode)


def parse_single_example(
    serialized: Any, features: Any, example_names: Any = None, name: str | None = None
) -> dict[str, Any]:
    """The features of one serialized `tf.train.Example`, without a batch axis.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/parse_single_example.
    """
    data = as_strings(serialized, "parse_single_example")
    if data.shape.rank not in (0, None):
        raise ValueError(f"Input serialized must be a scalar, got shape {data.shape}")
    plans = {key: _plan(key, spec) for key, spec in _checked(features).items()}
    decode: Callable[[Array], Rows] = lambda text: [_decoded(Example, text[()], 0).features.feature]  # noqa: E731
    return {key: _without_batch(x) for key, x in _run_plans(data, plans, decode).items()}


def _without_batch(x: Any) -> Any:
    """The only row."""
    if not isinstance(x, SparseTensor):
        return x[0]
    rank = x.indices.shape.as_list()[1]
    at, shape = x.indices[:, 1:], x.dense_shape[1:]
    out = SparseTensor(at, x.values, shape)
    out.set_shape([None] * (rank - 1) if x.shape.rank is None else x.shape.as_list()[1:])
    return out


# ---- sequences -------------------------------------------------------------------------------------------------------


def _sequence_plan(key: str, spec: Any) -> Plan:
    """The plan for a list of features: its steps in a row."""
    if isinstance(spec, FixedLenSequenceFeature):
        return _steps(key, spec)
    if isinstance(spec, (VarLenFeature, RaggedFeature)):
        return _steps_of_any_length(key, spec)
    raise ValueError(f"Invalid sequence feature {key}:{spec}.")


def _lists(example: Any, key: str, dtype: DType, k: int) -> list[list[Any]] | None:
    held = example.feature_lists.feature_list
    if key not in held:
        return None
    return [_values({key: feature}, key, dtype, k) or [] for feature in held[key].feature]


def _steps(key: str, spec: FixedLenSequenceFeature) -> Plan:
    dtype, shape = _dtype(spec.dtype, key), _sizes(spec.shape)
    count = int(np.prod(shape))
    filler = b"" if dtype is dt.string else 0

    def run(examples: Any) -> list[Array]:
        each = []
        for k, example in enumerate(examples):
            lists = _lists(example, key, dtype, k)
            if lists is None and not spec.allow_missing:
                raise failed("parse_sequence_example", f"Feature list {key} is required but could not be found.")
            for step in lists or []:
                if len(step) != count:
                    raise failed("parse_sequence_example", f"Feature list {key}: {len(step)} values, expected {count}")
            each.append(lists or [])
        longest = max(map(len, each), default=0)
        found = np.full((len(each), longest, count), filler, dtype.np)
        for row, lists in zip(found, each):
            for at, step in zip(row, lists):
                at[:] = step
        return [found.reshape(len(each), longest, *shape), np.array([len(v) for v in each], np.int64)]

    return Plan([dtype, dt.int64], [(None, None, *shape), (None,)], run, lambda parts: tuple(parts))


def _steps_of_any_length(key: str, spec: Any) -> Plan:
    dtype = _dtype(spec.dtype, key)
    name = getattr(spec, "value_key", None) or key
    kind = getattr(spec, "row_splits_dtype", dt.int64)
    if getattr(spec, "partitions", ()):
        raise ValueError(f"feature {key}: partitions of sequences are not supported")

    def run(examples: Any) -> list[Array]:
        each = [_lists(example, name, dtype, k) or [] for k, example in enumerate(examples)]
        outer = rows.splits_of(np.array([len(v) for v in each], np.int64))
        inner = rows.splits_of(np.array([len(step) for v in each for step in v], np.int64))
        flat = _column([x for v in each for step in v for x in step], dtype)
        return [outer.astype(kind.np), inner.astype(kind.np), flat]

    def build(parts: list[Tensor]) -> Any:
        made = RaggedTensor.from_nested_row_splits(parts[2], parts[:2], validate=False)
        return (made if isinstance(spec, RaggedFeature) else made.to_sparse()), None

    return Plan([kind, kind, dtype], [(None,)] * 3, run, build)


def parse_sequence_example(
    serialized: Any, context_features: Any = None, sequence_features: Any = None, example_names: Any = None,
    name: str | None = None,
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Tensor]]:  # fmt: skip
    """Of a vector of serialized `tf.train.SequenceExample`s: context features, sequences, and the lengths of those of
    fixed steps.

    Raises as `parse_example`. Follows https://www.tensorflow.org/api_docs/python/tf/io/parse_sequence_example.
    """
    if not (context_features or sequence_features):
        raise ValueError(
            "Both `context_features` and `sequence_features` argument are None, but at least one should have values."
        )
    data = as_strings(serialized, "parse_sequence_example")
    contexts = {f"c{key}": _plan(key, spec) for key, spec in sorted((context_features or {}).items())}
    sequences = {f"s{key}": _sequence_plan(key, spec) for key, spec in sorted((sequence_features or {}).items())}
    wrapped = {**{k: _of_context(plan) for k, plan in contexts.items()}, **sequences}

    def decode(texts: Array) -> Any:
        return [_decoded(SequenceExample, text, k) for k, text in enumerate(texts.reshape(-1).tolist())]

    found = _run_plans(data, wrapped, decode)
    context = {key[1:]: x for key, x in found.items() if key[0] == "c"}
    pairs = {key[1:]: x for key, x in found.items() if key[0] == "s"}
    return context, {k: x for k, (x, _) in pairs.items()}, {k: n for k, (_, n) in pairs.items() if n is not None}


def _of_context(plan: Plan) -> Plan:
    return Plan(plan.dtypes, plan.shapes, lambda xs: plan.run([x.context.feature for x in xs]), plan.build)  # type: ignore[attr-defined]


def parse_single_sequence_example(
    serialized: Any, context_features: Any = None, sequence_features: Any = None, example_name: Any = None,
    name: str | None = None,
) -> tuple[dict[str, Any], dict[str, Any]]:  # fmt: skip
    """Of one serialized `tf.train.SequenceExample`: context features and sequences, without a batch axis.

    Follows https://www.tensorflow.org/api_docs/python/tf/io/parse_single_sequence_example.
    """
    context, sequences, _ = parse_sequence_example(serialized, context_features, sequence_features)
    first: Callable[[dict[str, Any]], dict[str, Any]] = lambda found: {k: _without_batch(x) for k, x in found.items()}  # noqa: E731
    return first(context), first(sequences)
