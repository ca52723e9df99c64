"""Saved models: what is saved is loaded, runs, can be traced and trained on; damaged folders are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import graphtf as tf


class Dense(tf.Module):
    """A layer with a function, a list and a tensor."""

    def __init__(self) -> None:
        super().__init__()
        self.w = tf.Variable([[1.0, 2.0], [3.0, 4.0]], name="w")
        self.steps = tf.Variable(0, trainable=False)
        self.parts = [tf.Variable(5.0), {"inner": tf.Variable(6.0)}]
        self.shared = self.w
        self.table = tf.constant(np.arange(40.0, dtype=np.float32))  # large enough to be captured

    @tf.function(input_signature=[tf.TensorSpec([None, 2], name="x")])
    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        self.steps.assign_add(1)
        return tf.matmul(x, self.w) + self.parts[0] + self.table[1]

    @tf.function
    def scaled(self, x: tf.Tensor, by: float = 2.0, negate: bool = False) -> dict[str, Any]:
        y = x * by
        return {"y": -y if negate else y, "pair": (x, [y])}

    @tf.function(input_signature=[tf.RaggedTensorSpec([None, None])])
    def doubled_rows(self, rows: tf.RaggedTensor) -> tf.RaggedTensor:
        return rows.with_values(rows.values * 2)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    dense = Dense()
    dense.scaled(tf.constant([1.0, 2.0]))
    dense.scaled(tf.constant([1.0, 2.0]), negate=True)
    tf.saved_model.save(dense, tmp_path / "m", signatures={"serving_default": dense.__call__})
    return tmp_path / "m"


def test_calls_and_variables(saved: Path) -> None:
    assert tf.saved_model.contains_saved_model(saved)
    loaded = tf.saved_model.load(saved)
    x = tf.constant([[1.0, 1.0], [0.0, 2.0], [1.0, 0.0]])
    assert loaded(x).numpy().tolist() == [[10.0, 12.0], [12.0, 14.0], [7.0, 8.0]]
    assert loaded(x[:1]).numpy().tolist() == [[10.0, 12.0]]
    assert int(loaded.steps) == 2
    assert (loaded.w.trainable, loaded.steps.trainable, loaded.shared is loaded.w) == (True, False, True)
    assert [float(loaded.parts[0]), float(loaded.parts[1]["inner"])] == [5.0, 6.0]
    loaded.w.assign(tf.zeros([2, 2]))
    assert loaded(x[:1]).numpy().tolist() == [[6.0, 6.0]]


def test_python_arguments_choose_a_trace(saved: Path) -> None:
    loaded = tf.saved_model.load(saved)
    x = tf.constant([3.0, 4.0])
    assert loaded.scaled(x)["pair"][1][0].numpy().tolist() == [6.0, 8.0]
    assert loaded.scaled(x, negate=True)["y"].numpy().tolist() == [-6.0, -8.0]
    with pytest.raises(ValueError, match="Could not find matching concrete function"):
        loaded.scaled(x, by=3.0)
    with pytest.raises(TypeError, match="Binding inputs"):  # it has an input_signature
        loaded(tf.constant([1.0]))
    with pytest.raises(TypeError):
        loaded.scaled(x, wrong=1)


def test_ragged_arguments(saved: Path) -> None:
    loaded = tf.saved_model.load(saved)
    assert loaded.doubled_rows(tf.ragged.constant([[1.0], [2.0, 3.0]])).to_list() == [[2.0], [4.0, 6.0]]


def test_signatures(saved: Path) -> None:
    serve = tf.saved_model.load(saved).signatures["serving_default"]
    assert serve.structured_input_signature[1] == {"x": tf.TensorSpec([None, 2], name="x")}
    assert serve(x=tf.constant([[1.0, 1.0]]))["output_0"].numpy().tolist() == [[10.0, 12.0]]
    assert serve.structured_outputs["output_0"] == tf.TensorSpec([None, 2], name="output_0")
    with pytest.raises(TypeError):
        serve(y=tf.constant([[1.0, 1.0]]))


def test_loaded_functions_are_traced_and_differentiated(saved: Path) -> None:
    loaded = tf.saved_model.load(saved)
    x = tf.constant([[1.0, 2.0]])

    @tf.function
    def step() -> tf.Tensor:
        with tf.GradientTape() as tape:
            loss = tf.reduce_sum(loaded(x) ** 2)
        return tape.gradient(loss, loaded.w)

    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(loaded(x) ** 2)
    eager = tape.gradient(loss, loaded.w)
    np.testing.assert_allclose(step(), eager)
    np.testing.assert_allclose(eager, [[26.0, 32.0], [52.0, 64.0]])


def test_a_loaded_model_is_saved_again_as_a_checkpoint(saved: Path, tmp_path: Path) -> None:
    loaded = tf.saved_model.load(saved)
    loaded.w.assign(tf.ones([2, 2]))
    path = tf.train.Checkpoint(loaded).write(tmp_path / "c")
    other = tf.saved_model.load(saved)
    tf.train.Checkpoint(other).read(path)
    assert other.w.numpy().tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_strings_and_tables(tmp_path: Path) -> None:
    module = tf.Module()
    words = tf.lookup.KeyValueTensorInitializer(["a", "b"], [1, 2], value_dtype=tf.int64)
    table = tf.lookup.StaticHashTable(words, -1)
    buckets = tf.lookup.StaticVocabularyTable(tf.lookup.KeyValueTensorInitializer(["x"], [0], value_dtype=tf.int64), 5)

    def numbered(texts: tf.Tensor) -> tuple[tf.Tensor, ...]:
        clean = tf.strings.regex_replace(tf.strings.strip(tf.strings.lower(texts)), "[!?]", "")
        rows = tf.strings.split(clean)
        ids = tf.ragged.map_flat_values(table.lookup, rows).to_tensor(0, shape=[None, 3])
        return ids, buckets.lookup(clean), tf.strings.to_hash_bucket_fast(clean, 7)

    module.f = tf.function(numbered, input_signature=[tf.TensorSpec([None], tf.string)])
    texts = tf.constant(["A b!", " x", "b? c a b"])
    want = [x.numpy().tolist() for x in module.f(texts)]
    tf.saved_model.save(module, tmp_path / "m")
    loaded = tf.saved_model.load(tmp_path / "m")
    assert [x.numpy().tolist() for x in loaded.f(texts)] == want
    assert want[0] == [[1, 2, 0], [-1, 0, 0], [2, -1, 1]]

    path = tmp_path / "m" / "saved_model.graphtf"
    content = json.loads(path.read_text())
    hosts = content["functions"][0]["hosts"]
    next(iter(hosts.values()))["name"] = "os:system"
    path.write_text(json.dumps(content))
    with pytest.raises(tf.errors.DataLossError, match="no host functions"):
        tf.saved_model.load(tmp_path / "m")


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    module = tf.Module()
    module.f = tf.function(lambda x: tf.numpy_function(np.sin, [x], tf.float32))
    module.f(tf.constant(1.0))
    with pytest.raises(tf.errors.InvalidArgumentError, match="no portable form"):
        tf.saved_model.save(module, tmp_path / "m")
    with pytest.raises(ValueError, match="Trackable"):
        tf.saved_model.save(5, tmp_path / "m")
    with pytest.raises(ValueError, match="signature"):
        tf.saved_model.save(tf.Module(), tmp_path / "m", signatures={"a": 5})
    module = tf.Module()
    module.f = tf.function(lambda x: x)
    tf.saved_model.save(module, tmp_path / "n")
    with pytest.raises(ValueError, match="zero restored functions"):
        tf.saved_model.load(tmp_path / "n").f(1.0)


def test_damaged_folders_are_refused(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(tf.errors.NotFoundError):
        tf.saved_model.load(tmp_path / "none")
    path = saved / "saved_model.graphtf"
    whole = path.read_text()
    content = json.loads(whole)
    for damage in (
        lambda c: c.update(version=9), lambda c: c["nodes"][0].update(kind="code"),
        lambda c: c["functions"][0].update(graph="graph @f() { return %9 }"), lambda c: c["nodes"].pop(),
        lambda c: c["functions"][0].update(captures=[]), lambda c: c.pop("functions"),
    ):  # fmt: skip
        broken = json.loads(whole)
        damage(broken)
        path.write_text(json.dumps(broken))
        with pytest.raises((tf.errors.DataLossError, tf.errors.NotFoundError)):
            tf.saved_model.load(saved)
    for k in range(0, len(whole), max(len(whole) // 50, 1)):
        path.write_text(whole[:k])
        with pytest.raises(tf.errors.DataLossError):
            tf.saved_model.load(saved)
    assert content["format"] == "graphtf-saved-model"


def test_rows_of_ragged_words_are_saved(tmp_path: Path) -> None:
    class Counts(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
        def __call__(self, lines: Any) -> Any:
            lengths = tf.strings.length(tf.strings.split(lines))
            return tf.math.bincount(lengths, axis=-1, minlength=4, maxlength=4)

    counts, lines = Counts(), ["a bb bb", "", "ccc"]
    tf.saved_model.save(counts, str(tmp_path / "m"))
    want = [[0, 1, 2, 0], [0, 0, 0, 0], [0, 0, 0, 1]]
    assert tf.saved_model.load(str(tmp_path / "m"))(tf.constant(lines)).numpy().tolist() == want


def test_decoding_files_is_saved(tmp_path: Path) -> None:
    class Decoder(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
        def image(self, data: Any) -> Any:
            return tf.io.decode_jpeg(data, 3), tf.io.decode_png(data), tf.io.decode_image(data, dtype=tf.float32)

        @tf.function(input_signature=[tf.TensorSpec([], tf.string)])
        def sound(self, path: Any) -> Any:
            return tf.audio.decode_wav(tf.io.read_file(path), desired_channels=1).audio

    decoder, pixels = Decoder(), tf.io.encode_png(np.arange(24, dtype=np.uint8).reshape(2, 4, 3))
    tf.io.write_file(str(tmp_path / "a.wav"), tf.audio.encode_wav([[0.5], [-0.5]], 8000))
    tf.saved_model.save(decoder, str(tmp_path / "m"))
    loaded = tf.saved_model.load(str(tmp_path / "m"))
    for found, want in zip(loaded.image(pixels), decoder.image(pixels)):
        np.testing.assert_array_equal(found, want)
    assert loaded.sound(str(tmp_path / "a.wav")).numpy().tolist() == [[0.5], [-0.5]]
