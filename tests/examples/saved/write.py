"""Writes model.keras, model.h5 and model.npz (inputs and predictions) into a folder. The files beside this one were
written by Keras 3.15.1 on TensorFlow 2.21. usage: python write.py FOLDER"""

import sys
from pathlib import Path

import keras
import numpy as np
from keras import layers


def made():
    """A model of two inputs, trained for a few steps."""
    keras.utils.set_random_seed(7)
    image, words = keras.Input((8, 8, 1), name="image"), keras.Input((5,), dtype="int32", name="words")
    x = layers.Conv2D(4, 3, padding="same", activation="relu")(image)
    x = layers.Flatten()(layers.MaxPooling2D()(layers.BatchNormalization()(x)))
    y = layers.GRU(6)(layers.Embedding(20, 4)(words))
    out = layers.Dense(3, activation="softmax")(layers.Dropout(0.2)(layers.Concatenate()([x, y])))
    model = keras.Model({"image": image, "words": words}, out, name="two_inputs")
    model.compile(loss="sparse_categorical_crossentropy", optimizer="adam", metrics=["accuracy"])
    return model


def inputs(count=16):
    draw = np.random.default_rng(0)
    x = {"image": draw.normal(size=(count, 8, 8, 1)).astype("float32"), "words": draw.integers(0, 20, (count, 5))}
    return x, draw.integers(0, 3, count)


def main(folder):
    model, (x, y) = made(), inputs()
    model.fit(x, y, epochs=2, batch_size=8, verbose=0)
    model.save(folder / "model.keras")
    model.save(folder / "model.h5")
    np.savez(folder / "model.npz", predicted=model.predict(x, verbose=0), **x)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
