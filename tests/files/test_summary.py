"""Event files: what is written, when, and that TensorBoard reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphtf as tf
from graphtf.files.event_protos import Event, GraphDef, RunMetadata, XSpace
from graphtf.files.tensors import make_ndarray


def events(folder: Path) -> list[Any]:
    """The events of a folder, without the first, which says the version."""
    (path,) = folder.glob("events.out.tfevents.*")
    first, *rest = (Event.FromString(x.numpy()) for x in tf.data.TFRecordDataset(str(path)))
    assert first.file_version == "brain.Event:2"
    return rest


def values(folder: Path) -> list[tuple[str, int, Any]]:
    return [(v.tag, e.step, make_ndarray(v.tensor).tolist()) for e in events(folder) for v in e.summary.value]


def test_steps_scopes_and_conditions(tmp_path: Path) -> None:
    writer = tf.summary.create_file_writer(str(tmp_path))
    with writer.as_default():
        assert tf.summary.scalar("loss", 0.5, step=1).numpy()
        with pytest.raises(ValueError, match="No step set"):
            tf.summary.scalar("x", 1)
        with tf.name_scope("outer"):
            tf.summary.scalar("y", 2, step=2)
        with tf.summary.record_if(False):
            assert not tf.summary.scalar("no", 1, step=1).numpy()
            assert not tf.summary.should_record_summaries().numpy()
        with pytest.raises(tf.errors.InvalidArgumentError, match="scalar"):
            tf.summary.scalar("x", [1.0], step=1)
    with writer.as_default(step=7):
        tf.summary.scalar("z", True)
    assert tf.summary.experimental.get_step() is None
    writer.close()
    with pytest.raises(RuntimeError, match="closed"):
        writer.set_as_default()
    assert not tf.summary.scalar("x", 1, step=1).numpy()
    assert values(tmp_path) == [("loss", 1, 0.5), ("outer/y", 2, 2.0), ("z", 7, 1.0)]


def test_summaries_of_a_traced_step(tmp_path: Path) -> None:
    step = tf.Variable(0, dtype=tf.int64)
    writer = tf.summary.create_file_writer(str(tmp_path))

    @tf.function
    def train(x: tf.Tensor) -> None:
        with writer.as_default(), tf.summary.record_if(lambda: tf.equal(step % 2, 0)):
            tf.summary.scalar("x", x * 2, step=step)
            tf.summary.histogram("h", [x, x + 1], step=step, buckets=2)
        step.assign_add(1)

    for k in range(3):
        train(tf.constant(float(k)))
    writer.flush()
    assert [(tag, at, v) for tag, at, v in values(tmp_path) if tag == "x"] == [("x", 0, 0.0), ("x", 2, 4.0)]
    assert values(tmp_path)[-1] == ("h", 2, [[2.0, 2.5, 1.0], [2.5, 3.0, 1.0]])


def test_kinds(tmp_path: Path) -> None:
    with tf.summary.create_file_writer(str(tmp_path)).as_default(step=3):
        tf.summary.histogram("one value", [4.0, 4.0], buckets=2)
        tf.summary.histogram("none", [], buckets=2)
        tf.summary.image("im", np.ones((5, 2, 3, 1), np.float32), max_outputs=2)
        tf.summary.text("note", ["a", "b"], description="what it is")
        tf.summary.audio("beep", np.zeros((1, 8, 1), np.float32), 8000)
        tf.summary.write("own", tf.constant([1, 2]))
        with pytest.raises(ValueError, match="text"):
            tf.summary.text("x", 5)
    found = {v.tag: v for e in events(tmp_path) for v in e.summary.value}
    assert make_ndarray(found["one value"].tensor).tolist() == [[4, 4, 0], [4, 4, 2]]
    assert make_ndarray(found["none"].tensor).tolist() == [[0, 0, 0], [0, 0, 0]]
    width, height, *images = make_ndarray(found["im"].tensor).tolist()
    assert (width, height, len(images)) == (b"3", b"2", 2)
    assert (tf.io.decode_png(images[0]).numpy() == 255).all()
    assert make_ndarray(found["beep"].tensor)[0, 0].startswith(b"RIFF")
    plugins = {tag: v.metadata.plugin_data.plugin_name for tag, v in found.items()}
    assert plugins == {
        "one value": "histograms", "none": "histograms", "im": "images", "note": "text", "beep": "audio", "own": "",
    }  # fmt: skip
    assert found["note"].metadata.summary_description == "what it is"


def test_graphs(tmp_path: Path) -> None:
    @tf.function
    def f(x: tf.Tensor) -> tf.Tensor:
        return tf.tanh(x) * 2

    concrete = f.get_concrete_function(tf.TensorSpec([None, 3]))
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        assert tf.summary.graph(concrete.graph).numpy()
        with pytest.raises(TypeError):
            tf.summary.graph(5)
    (event,) = events(tmp_path)
    nodes = {node.name: node for node in GraphDef.FromString(event.graph_def).node}
    assert [nodes["x"].op, list(nodes["tanh"].input)] == ["Placeholder", ["x"]]
    assert list(nodes["output_0"].input) == ["mul"]


def test_traces(tmp_path: Path) -> None:
    f = tf.function(lambda x: tf.tanh(x))
    with pytest.raises(ValueError, match="trace_on"):
        tf.summary.trace_export("no", step=0)
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        tf.summary.trace_on()
        f(tf.constant(1.0))
        tf.summary.trace_export("run", step=2)
    f(tf.constant([1.0]))
    ((tag, step, data),) = values(tmp_path)
    (found,) = RunMetadata.FromString(data).function_graphs
    assert (tag, step) == ("run", 2)
    assert "tanh" in [node.op for node in found.pre_optimization_graph.node]


def test_writers_that_write_nothing(tmp_path: Path) -> None:
    with tf.summary.create_noop_writer().as_default():
        tf.summary.scalar("x", 1, step=1)
    with tf.summary.create_file_writer(None).as_default():
        tf.summary.scalar("x", 1, step=1)
    assert not list(tmp_path.iterdir())


def test_tensorboard_reads_it(tmp_path: Path) -> None:
    loader = pytest.importorskip("tensorboard.backend.event_processing.event_file_loader")
    with tf.summary.create_file_writer(str(tmp_path)).as_default():
        for k in range(3):
            tf.summary.scalar("loss", 1.0 / (k + 1), step=k)
    (path,) = tmp_path.iterdir()
    found = [e for e in loader.EventFileLoader(str(path)).Load() if e.HasField("summary")]
    assert [e.step for e in found] == [0, 1, 2]
    assert {e.summary.value[0].metadata.plugin_data.plugin_name for e in found} == {"scalars"}


def test_profiles_hold_the_spans_that_were_named(tmp_path: Path) -> None:
    with tf.profiler.experimental.Profile(str(tmp_path)):
        with tf.profiler.experimental.Trace("step", step_num=1):
            pass
        with pytest.raises(tf.errors.AlreadyExistsError):
            tf.profiler.experimental.start(str(tmp_path))
    with pytest.raises(tf.errors.UnavailableError):
        tf.profiler.experimental.stop()
    (path,) = tmp_path.rglob("*.xplane.pb")
    (plane,) = XSpace.FromString(path.read_bytes()).planes
    assert [entry.value.name for entry in plane.event_metadata] == ["step"]
    assert [event.duration_ps > 0 for event in plane.lines[0].events] == [True]
