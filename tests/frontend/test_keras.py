"""Keras, unmodified, on GraphTF: an example program prints what it prints on TensorFlow, models written there load
here, and what is written here is as it is written there."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import graphtf as tf
from graphtf import keras

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"
SAVED = EXAMPLES / "saved"


def test_the_example_prints_what_tensorflow_prints(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "graphtf", str(EXAMPLES / "keras_custom.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (EXAMPLES / "keras_custom.txt").read_text()


# ---- what the second edition of the book writes, and the third version of Keras refuses, here as on TensorFlow -------


def test_a_name_given_by_position_is_a_shape() -> None:
    class HuberMetric(keras.metrics.Metric):
        def __init__(self, threshold: float = 1.0, **kwargs: Any) -> None:
            super().__init__(**kwargs)
            self.total = self.add_weight("total", initializer="zeros")

    with pytest.raises(ValueError, match="Cannot convert 'total' to a shape"):
        HuberMetric(2.0)


class MyDense(keras.layers.Layer):
    def __init__(self, units: int, activation: Any = None, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.units = units
        self.activation = tf.keras.activations.get(activation)

    def build(self, batch_input_shape: Any) -> None:
        self.kernel = self.add_weight(
            name="kernel", shape=[batch_input_shape[-1], self.units], initializer="glorot_normal"
        )
        self.bias = self.add_weight(name="bias", shape=[self.units], initializer="zero")
        super().build(batch_input_shape)

    def call(self, X: Any) -> Any:
        return self.activation(X @ self.kernel + self.bias)

    def compute_output_shape(self, batch_input_shape: Any) -> Any:
        return tf.TensorShape(batch_input_shape.as_list()[:-1] + [self.units])


def test_shapes_are_tuples() -> None:
    assert MyDense(3, "relu")(np.ones((2, 8), np.float32)).shape == (2, 3)
    with pytest.raises(AttributeError, match="'tuple' object has no attribute 'as_list'"):
        MyDense(3)(keras.Input((8,)))


# ---- random numbers --------------------------------------------------------------------------------------------------


def test_each_pass_over_a_dataset_draws_the_same_numbers() -> None:
    """Where seeds are known, as on TensorFlow."""
    tf.random.set_seed(42)
    rows = tf.data.Dataset.range(2).map(lambda _: tf.random.shuffle(tf.range(6)))
    passes = [[x.numpy().tolist() for x in rows] for _ in range(2)]
    assert passes[0] == passes[1] and passes[0][0] == [5, 2, 3, 4, 0, 1] != passes[0][1]
    twice = [x.numpy().tolist() for x in rows.repeat(2)]
    assert twice[:2] == passes[0] != twice[2:]


# ---- files -----------------------------------------------------------------------------------------------------------


def test_models_written_on_tensorflow() -> None:
    with np.load(SAVED / "model.npz", allow_pickle=False) as file:
        x, predicted = {k: file[k] for k in ("image", "words")}, file["predicted"]
    for ending in ("keras", "h5"):
        model = keras.models.load_model(SAVED / f"model.{ending}")
        np.testing.assert_allclose(model.predict(x, verbose=0), predicted, atol=1e-5)
    assert isinstance(model.optimizer, keras.optimizers.Adam)


def tree(file: h5py.File) -> dict[str, Any]:
    """Every array of a file by its path."""
    found: dict[str, Any] = {}
    file.visititems(lambda path, x: found.__setitem__(path, x[()]) if isinstance(x, h5py.Dataset) else None)
    return found


def without_identities(config: Any) -> Any:
    """A configuration without the addresses of objects that are shared."""
    if isinstance(config, list):
        return [without_identities(x) for x in config]
    if not isinstance(config, dict):
        return config
    return {k: without_identities(v) for k, v in config.items() if k != "shared_object_id"}


def test_files_are_written_as_on_tensorflow(tmp_path: Path) -> None:
    model = keras.models.load_model(SAVED / "model.keras")
    model.save(tmp_path / "model.keras")
    written = []
    for path in (SAVED / "model.keras", tmp_path / "model.keras"):
        folder = tmp_path / path.parent.name
        with zipfile.ZipFile(path) as archive:
            archive.extractall(folder)
        config = without_identities(json.loads((folder / "config.json").read_text()))
        with h5py.File(folder / "model.weights.h5") as file:
            written.append((config, tree(file)))
    (config, arrays), (own_config, own_arrays) = written
    assert own_config == config
    assert sorted(own_arrays) == sorted(arrays)
    for name, array in arrays.items():
        np.testing.assert_array_equal(own_arrays[name], array, err_msg=name)


def test_training_gives_the_weights_that_tensorflow_gives(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "graphtf", str(SAVED / "write.py"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    with np.load(SAVED / "model.npz", allow_pickle=False) as there, np.load(tmp_path / "model.npz") as here:
        for name in there:
            np.testing.assert_allclose(here[name], there[name], atol=1e-4)
