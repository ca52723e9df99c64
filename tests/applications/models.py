"""Image models of `keras.applications` with weights that a seeded generator gives, so that they are the same anywhere.

Invariant: it only uses Keras and NumPy, so it runs as it is on TensorFlow (record.py) and on GraphTF (the tests).
Entry points: `MODELS`, `outcome`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

GAINS = {"MobileNetV2": 10.0, "EfficientNetB0": 14.0, "ResNet50": 1.2}  # of kernels, so that outputs are around 1
MODELS = tuple(GAINS)
SIDE, CLASSES = 96, 10


def images(name: str, count: int = 4) -> Any:
    """Smooth pictures, of the values that the model is for."""
    y, x, c, k = np.meshgrid(*map(np.arange, (SIDE, SIDE, 3, count)), indexing="ij")
    waves = np.sin(x * (0.05 + 0.03 * k)) * np.cos(y * 0.08 + c) + 0.3 * np.sin((x + y) * 0.21 * (c + 1))
    level, scale = (127.5, 97.5) if name.startswith("EfficientNet") else (0.0, 0.75)
    return (level + scale * waves).astype(np.float32).transpose(3, 0, 1, 2)


def build(keras: Any, name: str) -> Any:
    """The model, with weights from a generator whose seed is its name's length."""
    model = getattr(keras.applications, name)(
        weights=None, input_shape=(SIDE, SIDE, 3), classes=CLASSES, classifier_activation=None
    )
    generator = np.random.default_rng(len(name))
    model.set_weights([_weight(generator, v, GAINS[name]) for v in model.weights])
    return model


def _weight(generator: Any, v: Any, gain: float) -> Any:
    """Kernels that keep the scale of what passes through them; shifts around 0, scales and variances around 1."""
    kind, shape = v.path.rsplit("/", 1)[-1], tuple(v.shape)
    if kind in ("kernel", "depthwise_kernel"):
        fan_in = np.prod(shape[:-1]) if kind == "kernel" else np.prod(shape[:2])
        value = generator.standard_normal(shape) * np.sqrt(gain / fan_in)
    elif kind in ("gamma", "moving_variance", "variance"):
        value = generator.uniform(0.8, 1.2, shape)
    elif kind == "count":
        value = np.zeros(shape)
    else:
        value = generator.standard_normal(shape) * 0.1
    return value.astype(v.dtype)


def outcome(keras: Any, name: str) -> dict[str, Any]:
    """What the model gives for the images, and the loss of the step that it is trained for then, without dropout."""
    model, x = build(keras, name), images(name)
    logits = model.predict(x, verbose=0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(keras.optimizers.SGD(1e-4), loss)
    losses = [float(model.train_on_batch(x, np.array([1, 7, 0, 4]))) for _ in range(2)]
    return {"logits": logits.tolist(), "losses": losses}
