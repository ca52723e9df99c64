"""The digits in ten lines of Keras: what the demo shows first, and runs as it stands."""

from __future__ import annotations

from typing import Any

from graphtf import keras
from graphtf.tools.demo.data import Part


def ten_lines(train: Part, held_out: Part, **options: Any) -> float:
    keras.utils.set_random_seed(1)
    model = keras.Sequential([
        keras.Input((8, 8, 1)), keras.layers.Conv2D(24, 3, padding="same", activation="relu"),
        keras.layers.MaxPooling2D(), keras.layers.Flatten(), keras.layers.Dropout(0.3),
        keras.layers.Dense(64, activation="relu"), keras.layers.Dense(10, activation="softmax"),
    ])  # fmt: skip
    model.compile("nadam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(train.images, train.labels, batch_size=32, verbose=0, **options)
    return model.evaluate(held_out.images, held_out.labels, verbose=0)[1]  # type: ignore[no-any-return]
