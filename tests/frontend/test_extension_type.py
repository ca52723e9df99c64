"""Classes of one's own made of tensors: fields, specs, functions, loops, structures."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from typing import Any

import pytest

import graphtf as tf
from graphtf.internal import type_specs


class Masked(tf.experimental.ExtensionType):
    values: tf.Tensor
    mask: tf.Tensor

    def replaced(self, mask: Any) -> Masked:
        return Masked(self.values, mask)


class Everything(tf.experimental.ExtensionType):
    count: tf.Tensor
    inner: Masked
    name: str = "e"
    flag: int | None = None
    parts: tuple[tf.Tensor, ...] = ()
    params: Mapping[str, tf.Tensor] = {}
    dtype: tf.DType = tf.float32
    choice: typing.Literal["a", "b"] = "a"
    spec: tf.TensorSpec([None, 2], tf.float32) = [[1.0, 2.0]]  # noqa: RUF012


@pytest.fixture
def m() -> Any:
    return Masked([1, 2, 3], [True, False, True])


def test_fields_are_converted_and_defaults_hold(m: Any) -> None:
    e = Everything(4, m, parts=[1.0, 2], params={"a": 1})
    assert isinstance(e.count, tf.Tensor) and e.name == "e" and e.flag is None
    assert [t.dtype for t in e.parts] == [tf.float32, tf.int32]
    assert e.params["a"].numpy() == 1 and e.dtype is tf.float32 and e.spec.shape == (1, 2)
    assert tf.experimental.extension_type.as_dict(m)["mask"] is m.mask


@pytest.mark.parametrize("fields", [
    {"name": 3}, {"flag": "x"}, {"parts": 1}, {"params": [1]}, {"choice": "c"}, {"spec": [1.0]}, {"inner": 1},
])  # fmt: skip
def test_what_does_not_fit_is_refused(m: Any, fields: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"field '{next(iter(fields))}"):
        Everything(**{"count": 1, "inner": m, **fields})


def test_objects_are_immutable(m: Any) -> None:
    with pytest.raises(AttributeError, match="Cannot mutate attribute `mask`"):
        m.mask = [True]
    with pytest.raises(AttributeError):
        del m.mask
    with pytest.raises(TypeError):
        Masked([1])
    with pytest.raises(TypeError, match="immutable"):
        Everything(1, m, params={"a": 1}).params["b"] = 1


def test_constructors_and_validation_of_ones_own() -> None:
    class Vector(tf.experimental.ExtensionType):
        values: tf.Tensor

        def __init__(self, *values: float) -> None:
            self.values = list(values)

        def __validate__(self) -> None:
            if self.values.shape.rank != 1:
                raise ValueError("not a vector")

    assert Vector(1.0, 2.0).values.shape == (2,)
    with pytest.raises(ValueError, match="not a vector"):
        Vector([1.0])

    class Forgets(tf.experimental.ExtensionType):
        values: tf.Tensor

        def __init__(self) -> None:
            pass

    with pytest.raises(AttributeError, match="`values` was not set"):
        Forgets()
    with pytest.raises(ValueError, match="reserved"):
        type("Wrong", (tf.experimental.ExtensionType,), {"__annotations__": {"_components": tf.Tensor}})


def test_classes_that_derive_add_fields(m: Any) -> None:
    class Named(Masked):
        name: str

    n = Named(m.values, m.mask, "x")
    assert n.replaced([False]).mask.shape == (1,) and n.name == "x" and n != m


def test_equality_and_text(m: Any) -> None:
    assert (m == Masked([1, 2, 3], [True, False, True])).numpy()
    assert not (m == Masked([1, 2, 4], [True, False, True])).numpy()
    assert (m == Masked([1], [True])) is False and (m != m).numpy() is not True
    assert repr(m).startswith("Masked(values=<tf.Tensor: shape=(3,), dtype=int32, numpy=array([1, 2, 3]")


def test_specs(m: Any) -> None:
    spec = tf.type_spec_from_value(m)
    assert spec == Masked.Spec(tf.TensorSpec([3], tf.int32), tf.TensorSpec([3], tf.bool)) and spec.value_type is Masked
    assert repr(spec).startswith("Masked.Spec(values=TensorSpec(shape=(3,), dtype=tf.int32, name=None), mask=")
    wide = spec.most_specific_common_supertype([tf.type_spec_from_value(Masked([1], [True]))])
    assert wide.values == tf.TensorSpec([None], tf.int32) and wide.is_compatible_with(m)
    assert spec.is_subtype_of(wide) and not wide.is_subtype_of(spec)
    assert spec._batch(5).mask == tf.TensorSpec([5, 3], tf.bool) and spec._batch(5)._unbatch() == spec


def test_functions_take_and_give_them(m: Any) -> None:
    traced = []

    @tf.function
    def f(x: Any) -> Any:
        traced.append(x)
        return Masked(x.values * 2, tf.logical_not(x.mask))

    assert f(m).values.numpy().tolist() == [2, 4, 6] and f(f(m)).values.numpy().tolist() == [4, 8, 12]
    assert len(traced) == 1 and isinstance(traced[0], Masked)
    concrete = f.get_concrete_function(tf.type_spec_from_value(m))
    assert concrete(m).mask.numpy().tolist() == [False, True, False]


def test_signatures_declare_them(m: Any) -> None:
    spec = Masked.Spec(tf.TensorSpec([None], tf.int32), tf.TensorSpec([None], tf.bool))
    f = tf.function(lambda x: x.values + 1, input_signature=[spec])
    assert f(m).numpy().tolist() == [2, 3, 4] and f(Masked([1], [True])).numpy().tolist() == [2]
    assert f.experimental_get_tracing_count() == 1
    with pytest.raises(TypeError):
        f(Masked([1.0], [True]))


def test_they_pass_through_loops_and_branches(m: Any) -> None:
    @tf.function
    def f(x: Any, k: Any) -> Any:
        for _ in tf.range(k):
            x = Masked(x.values + 1, x.mask)
        if tf.reduce_any(x.mask):
            x = x.replaced(tf.zeros_like(x.mask))
        return x

    out = f(m, tf.constant(3))
    assert out.values.numpy().tolist() == [4, 5, 6] and not out.mask.numpy().any()


def test_structures_see_their_tensors(m: Any) -> None:
    e = Everything(4, m, parts=[1.0, 2.0])
    assert len(tf.nest.flatten(e)) == 1 and len(tf.nest.flatten(e, expand_composites=True)) == 6
    doubled = tf.nest.map_structure(lambda t: t if t.dtype.is_bool else t * 2, e, expand_composites=True)
    assert doubled.inner.values.numpy().tolist() == [2, 4, 6] and doubled.name == "e"


@pytest.mark.parametrize("staged", [False, True])
def test_map_fn_takes_them_apart(staged: bool) -> None:
    class Pair(tf.experimental.BatchableExtensionType):
        x: tf.Tensor
        y: tf.Tensor

    pairs = Pair([[1.0, 2.0], [3.0, 4.0]], [10.0, 20.0])
    run = tf.function if staged else lambda f: f
    sums = run(lambda p: tf.map_fn(lambda q: tf.reduce_sum(q.x) + q.y, p, fn_output_signature=tf.float32))(pairs)
    assert sums.numpy().tolist() == [13.0, 27.0]
    same = run(lambda p: tf.map_fn(lambda q: Pair(q.x * 2, q.y), p))(pairs)
    assert same.x.numpy().tolist() == [[2.0, 4.0], [6.0, 8.0]]


def test_a_spec_with_a_name_of_its_own_is_written_and_read_by_it() -> None:
    class Named(tf.experimental.ExtensionType):
        __name__ = "tests.Named"
        values: tf.Tensor
        count: int = 2

    spec = tf.type_spec_from_value(Named([1, 2]))
    assert type_specs.get_name(Named.Spec) == "tests.Named.Spec"
    assert spec._serialize() == (("values", tf.TensorSpec([2], tf.int32)), ("count", 2))
    assert type_specs.lookup("tests.Named.Spec")._deserialize(spec._serialize()) == spec
    made = tf.nest.pack_sequence_as(spec, [tf.constant([3, 4])], expand_composites=True)
    assert isinstance(made, Named) and made.values.numpy().tolist() == [3, 4] and made.count == 2


def test_a_spec_expands_to_the_specs_of_its_parts() -> None:
    ragged = tf.ragged.constant([[1.0, 2.0], [3.0]])
    for x, count in ((ragged, 2), (tf.sparse.eye(2), 3), (tf.IndexedSlices([[1.0]], [0]), 2)):
        spec = tf.type_spec_from_value(x)
        assert tf.nest.flatten(spec) == [spec]
        parts = tf.nest.flatten(spec, expand_composites=True)
        assert [type(s) for s in parts] == [tf.TensorSpec] * count
        made = tf.nest.pack_sequence_as(spec, tf.nest.flatten(x, expand_composites=True), expand_composites=True)
        assert type(made) is type(x)
