"""Checkpoints: those that TensorFlow wrote, our own, deferred restoring, managers, broken files.

data/ckpt-3 was written by TensorFlow 2.21 from a module like `Model` below.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphtf as tf
from graphtf.checkpoint.bundle import Bundle, write_bundle
from graphtf.checkpoint.sstable import entries_of, table_of

RECORDED = str(Path(__file__).parent / "data" / "ckpt-3")


class Model(tf.Module):
    """One of everything; zero, or what the recorded checkpoint holds."""

    def __init__(self, full: bool = False) -> None:
        super().__init__()
        k = int(full)
        self.w = tf.Variable(np.arange(6, dtype=np.float32).reshape(2, 3) * k)
        self.b = tf.Variable([1 * k, 2 * k], dtype=tf.int64)
        self.s = tf.Variable("str" if full else "")
        self.sv = tf.Variable(["a", "bcd"] if full else ["", ""])
        self.bf = tf.Variable(tf.constant([1.5 * k], tf.bfloat16))
        self.bo = tf.Variable([full, False])
        self.c = tf.Variable([(1 + 2j) * k])
        self.lst = [tf.Variable(1.0 * k), {"k/x": tf.Variable(2.0 * k)}, (tf.Variable(3.0 * k),)]
        self.t = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, -1)
        if full:
            self.t.insert(["x", "yy"], [1, 2])
        self.f16 = tf.Variable(tf.constant([1.5 * k], tf.float16))
        self.u8 = tf.Variable(tf.constant([7 * k], tf.uint8))

    def contents(self) -> list[Any]:
        held = [self.w, self.b, self.s, self.sv, self.bf, self.bo, self.c, self.f16, self.u8]
        held += [self.lst[0], self.lst[1]["k/x"], self.lst[2][0], self.t.lookup(["x", "yy", "z"])]
        return [np.asarray(v.numpy()).tolist() for v in held]


def test_what_tensorflow_wrote_is_read() -> None:
    model, step = Model(), tf.Variable(0)
    checkpoint = tf.train.Checkpoint(model=model, step=step)
    checkpoint.restore(RECORDED).assert_consumed().assert_existing_objects_matched()
    assert model.contents() == Model(full=True).contents()
    assert (int(step), int(checkpoint.save_counter)) == (5, 3)


def test_what_is_written_is_what_tensorflow_writes(tmp_path: Path) -> None:
    checkpoint = tf.train.Checkpoint(model=Model(full=True), step=tf.Variable(5))
    for _ in range(3):
        path = checkpoint.save(tmp_path / "ckpt")
    assert tf.train.list_variables(path) == tf.train.list_variables(RECORDED)
    ours, theirs = tf.train.load_checkpoint(path), tf.train.load_checkpoint(RECORDED)
    assert ours.get_variable_to_dtype_map() == theirs.get_variable_to_dtype_map()
    graph = "_CHECKPOINTABLE_OBJECT_GRAPH"
    for name in theirs.get_variable_to_shape_map():
        if name != graph and "table-" not in name:  # the order of a table's entries is nobody's
            np.testing.assert_array_equal(ours.get_tensor(name), theirs.get_tensor(name))
    assert ours.get_tensor(graph) == theirs.get_tensor(graph)
    assert [p.stat().st_size for p in (Path(f"{x}.data-00000-of-00001") for x in (path, RECORDED))] == [1380, 1380]


def test_attributes_set_later_are_restored() -> None:
    holder = tf.Module()
    status = tf.train.Checkpoint(model=holder).restore(RECORDED)
    with pytest.raises(AssertionError):
        status.assert_consumed()
    status.expect_partial().assert_existing_objects_matched()
    holder.w = tf.Variable(tf.zeros([2, 3]))
    assert holder.w.numpy().tolist() == [[0, 1, 2], [3, 4, 5]]
    holder.lst = [tf.Variable(9.0)]
    assert holder.lst[0].numpy() == 1.0
    holder.lst.append({"k/x": tf.Variable(0.0)})
    status.assert_existing_objects_matched()
    assert holder.lst[1]["k/x"].numpy() == 2.0
    holder.other = tf.Variable(1.0)
    with pytest.raises(AssertionError, match="not bound"):
        status.assert_existing_objects_matched()


def test_elements_added_later_are_restored(tmp_path: Path) -> None:
    full = tf.Module()
    full.layers = [tf.Variable(1.0), {"b": tf.Variable(2.0)}, [tf.Variable(3.0)]]
    full.named = {"k": tf.Variable(4.0)}
    path = tf.train.Checkpoint(full).write(tmp_path / "c")

    empty = tf.Module()
    empty.layers, empty.named = [], {}
    status = tf.train.Checkpoint(empty).read(path)
    first = tf.Variable(0.0)
    empty.layers.append(first)
    assert first.numpy() == 1.0
    empty.layers += [{}, []]
    empty.layers[1]["b"] = second = tf.Variable(0.0)
    empty.layers[2].extend([third := tf.Variable(0.0)])
    empty.named["k"] = fourth = tf.Variable(0.0)
    assert [v.numpy() for v in (second, third, fourth)] == [2.0, 3.0, 4.0]
    status.assert_consumed()
    again = tf.train.Checkpoint(empty).write(tmp_path / "again")
    assert tf.train.list_variables(again) == tf.train.list_variables(path)
    assert isinstance(empty.layers, list) and len(empty.variables) == 4


def test_a_variable_of_another_shape_is_refused() -> None:
    holder = tf.Module()
    holder.w = tf.Variable([1.0])
    with pytest.raises(ValueError, match="incompatible tensor with shape"):
        tf.train.Checkpoint(model=holder).restore(RECORDED)


def test_a_root_and_what_is_attached(tmp_path: Path) -> None:
    root = tf.Module()
    root.v = tf.Variable(3.0)
    checkpoint = tf.train.Checkpoint(root, extra=tf.Variable(4.0))
    path = checkpoint.write(str(tmp_path / "rooted"))
    assert [name for name, _ in tf.train.list_variables(path)][1:] == [
        "extra/.ATTRIBUTES/VARIABLE_VALUE", "v/.ATTRIBUTES/VARIABLE_VALUE",
    ]  # fmt: skip
    root.v.assign(0.0)
    checkpoint.extra.assign(0.0)
    checkpoint.read(path).assert_consumed()
    assert (root.v.numpy(), checkpoint.extra.numpy()) == (3.0, 4.0)
    with pytest.raises(ValueError, match="already exists"):
        tf.train.Checkpoint(root, v=tf.Variable(1.0))


def test_a_shared_object_is_saved_once(tmp_path: Path) -> None:
    shared = tf.Variable(1.0)
    path = tf.train.Checkpoint(a=shared, b=[shared]).write(str(tmp_path / "shared"))
    assert len(tf.train.list_variables(path)) == 2


def test_restoring_inside_a_function_keeps_native_code_right(tmp_path: Path) -> None:
    v = tf.Variable([1.0, 2.0])
    double = tf.function(lambda: v * 2)
    checkpoint = tf.train.Checkpoint(v=v)
    path = checkpoint.save(tmp_path / "c")
    assert double().numpy().tolist() == [2.0, 4.0]
    v.assign([5.0, 5.0])
    checkpoint.restore(path)
    assert double().numpy().tolist() == [2.0, 4.0]


def test_a_manager_keeps_the_last_ones(tmp_path: Path) -> None:
    checkpoint = tf.train.Checkpoint(v=tf.Variable(0))
    manager = tf.train.CheckpointManager(checkpoint, tmp_path, max_to_keep=2, checkpoint_name="x")
    assert manager.restore_or_initialize() is None
    for k in range(3):
        checkpoint.v.assign(k)
        manager.save()
    names = [Path(p).name for p in manager.checkpoints]
    assert names == ["x-2", "x-3"] and Path(manager.latest_checkpoint).name == "x-3"
    assert sorted(p.name for p in tmp_path.glob("*.index")) == ["x-2.index", "x-3.index"]
    again = tf.train.CheckpointManager(checkpoint, tmp_path, max_to_keep=2, checkpoint_name="x")
    checkpoint.v.assign(9)
    assert again.restore_or_initialize() == str(tmp_path / "x-3")
    assert int(checkpoint.v) == 2
    again.save()
    assert [Path(p).name for p in again.checkpoints] == ["x-3", "x-4"]
    assert tf.train.latest_checkpoint(tmp_path) == str(tmp_path / "x-4")


def test_a_manager_saves_at_intervals(tmp_path: Path) -> None:
    step = tf.Variable(0)
    checkpoint = tf.train.Checkpoint(step=step)
    manager = tf.train.CheckpointManager(checkpoint, tmp_path, 5, step_counter=step, checkpoint_interval=2)
    saved = []
    for k in range(5):
        step.assign(k)
        saved.append(manager.save() is not None)
    assert saved == [True, False, True, False, True]


def test_nothing_to_restore(tmp_path: Path) -> None:
    checkpoint = tf.train.Checkpoint(v=tf.Variable(0))
    with pytest.raises(AssertionError, match="save_path=None"):
        checkpoint.restore(None).assert_consumed()
    with pytest.raises(tf.errors.NotFoundError):
        checkpoint.restore(str(tmp_path / "none"))
    with pytest.raises(ValueError, match="trackable"):
        tf.train.Checkpoint(v=5)
    assert tf.train.latest_checkpoint(tmp_path) is None


@pytest.mark.parametrize("count", [0, 1, 15, 16, 17, 1000])
def test_tables_hold_their_entries(count: int) -> None:
    entries = [(f"key/{k:05d}".encode(), bytes([k % 256]) * (k % 300)) for k in range(count)]
    assert list(entries_of(table_of(entries))) == entries


@pytest.mark.parametrize("which", ["index", "data-00000-of-00001"])
def test_broken_files_are_refused(tmp_path: Path, which: str) -> None:
    """Every byte changed, and every length cut, is an error of the kind that says so, or changes nothing read."""
    arrays = {"a": np.arange(3.0), "s": np.array([b"xy", b""], object)}
    write_bundle(str(tmp_path / "good"), arrays)
    for name in ("index", "data-00000-of-00001"):
        (tmp_path / f"bad.{name}").write_bytes((tmp_path / f"good.{name}").read_bytes())
    path = tmp_path / f"bad.{which}"
    whole = path.read_bytes()

    def read() -> None:
        bundle = Bundle(str(tmp_path / "bad"))
        for name in bundle.names():
            np.testing.assert_array_equal(bundle.get(name), arrays[name])

    for k in range(len(whole)):
        for broken in (whole[:k], whole[:k] + bytes([whole[k] ^ 0x55]) + whole[k + 1 :]):
            path.write_bytes(broken)
            try:
                read()
            except tf.errors.OpError:
                continue
            assert which == "index" and k >= len(whole) - 48  # the padding of the footer, and the unused meta index


class Collector(tf.__internal__.tracking.AutoTrackable):
    """Adds its variables to a list that it does not track, but hands out by another reference too."""

    def __init__(self) -> None:
        self.collect()

    @tf.__internal__.tracking.no_automatic_dependency_tracking
    def collect(self) -> None:
        self.found: list[Any] = []
        self.given = lambda: found
        found = self.found

    def build(self) -> None:
        self.v = tf.Variable([0.0])
        self.found.append(self.v)


def test_lists_set_while_nothing_is_tracked_stay_themselves(tmp_path: Path) -> None:
    saved = Collector()
    saved.build()
    saved.v.assign([3.0])
    path = tf.train.Checkpoint(x=saved).save(str(tmp_path / "ckpt"))
    assert {name for name, _ in tf.train.list_variables(path)} >= {"x/v/.ATTRIBUTES/VARIABLE_VALUE"}
    late = Collector()
    tf.train.Checkpoint(x=late).restore(path)
    late.build()
    assert late.given() is late.found
    assert [v.numpy().tolist() for v in late.given()] == [[3.0]]


def test_an_object_reached_twice_has_the_name_that_sorts_first(tmp_path: Path) -> None:
    v = tf.Variable(1.0)
    path = tf.train.Checkpoint(z=v, a=v).save(str(tmp_path / "ckpt"))
    assert [name for name, _ in tf.train.list_variables(path) if "VALUE" in name and "counter" not in name] == [
        "a/.ATTRIBUTES/VARIABLE_VALUE"
    ]


def test_generators_go_on_where_they_were_saved(tmp_path: Path) -> None:
    generator = tf.random.Generator.from_seed(7)
    checkpoint = tf.train.Checkpoint(generator=generator)
    generator.normal([3])
    path = checkpoint.write(str(tmp_path / "ckpt"))
    first = generator.normal([2]).numpy().tolist()
    checkpoint.read(path).assert_consumed()
    assert generator.normal([2]).numpy().tolist() == first
