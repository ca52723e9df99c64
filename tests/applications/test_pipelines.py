"""Models of several kinds of layers train, are saved and loaded, and predict the same after it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import graphtf as tf
from graphtf import keras

TEXTS = ["a good day", "a bad day", "what a good time", "a very bad time", "good good", "bad", "so bad", "so good"]
MOODS = np.array([["good" in text] for text in TEXTS], np.float32)


def _reloaded(model: Any, path: Path) -> Any:
    model.save(path)
    return keras.models.load_model(path)


def test_texts_are_learnt_saved_and_loaded(tmp_path: Path) -> None:
    keras.utils.set_random_seed(1)
    words = keras.layers.TextVectorization(max_tokens=20, output_sequence_length=5)
    words.adapt(TEXTS)
    assert words.get_vocabulary()[:2] == ["", "[UNK]"] and {"good", "bad"} <= set(words.get_vocabulary())
    inputs = keras.Input((), dtype="string")
    x = keras.layers.Embedding(20, 8, mask_zero=True)(words(inputs))
    model = keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(keras.layers.GRU(8)(x)))
    model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
    model.optimizer.learning_rate = 0.05
    data = tf.data.Dataset.from_tensor_slices((TEXTS, MOODS)).batch(4)
    losses = model.fit(data, epochs=12, verbose=0).history["loss"]
    assert losses[-1] < 0.5 * losses[0]
    given = tf.constant(["good time", "an unknown bad word"])
    found = model.predict(given, verbose=0)
    np.testing.assert_array_equal(_reloaded(model, tmp_path / "texts.keras").predict(given, verbose=0), found)


def test_a_model_of_several_inputs_and_outputs_is_saved_and_loaded(tmp_path: Path) -> None:
    keras.utils.set_random_seed(2)
    wide, deep = keras.Input((3,), name="wide"), keras.Input((5,), name="deep")
    hidden = keras.layers.Dense(8, "relu")(keras.layers.BatchNormalization()(deep))
    joined = keras.layers.concatenate([wide, hidden])
    outputs = {
        "size": keras.layers.Dense(1, name="size")(joined),
        "kind": keras.layers.Dense(3, "softmax", name="kind")(hidden),
    }
    model = keras.Model({"wide": wide, "deep": deep}, outputs)
    losses = {"size": keras.losses.MeanSquaredError(), "kind": keras.losses.SparseCategoricalCrossentropy()}
    model.compile(keras.optimizers.Nadam(0.02), losses, loss_weights={"size": 0.5, "kind": 1.0})
    generator = np.random.default_rng(3)
    x = {"wide": generator.standard_normal((64, 3)), "deep": generator.standard_normal((64, 5))}
    y = {"size": x["wide"].sum(1, keepdims=True) + x["deep"][:, :1], "kind": (x["deep"][:, 0] > 0).astype("int32")}
    losses = model.fit(x, y, epochs=20, batch_size=16, verbose=0).history["loss"]
    assert losses[-1] < 0.7 * losses[0]
    found, trained = model.predict(x, verbose=0), model.evaluate(x, y, verbose=0)
    for name in ("several.h5", "several.keras"):
        loaded = _reloaded(model, tmp_path / name)
        again = loaded.predict(x, verbose=0)
        np.testing.assert_array_equal(again["size"], found["size"])
        np.testing.assert_array_equal(again["kind"], found["kind"])
        np.testing.assert_allclose(loaded.evaluate(x, y, verbose=0), trained, rtol=1e-6)
    loaded.fit(x, y, epochs=1, verbose=0)  # what is loaded trains on; from .h5 it does not on TensorFlow either
