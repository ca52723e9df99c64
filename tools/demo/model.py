"""The program the demo runs, as a user would write it: a small convolutional network, its own Adam, one training step.

Nothing here knows of the compiler: the step is ordinary TensorFlow, and `tf.function` is the only word about speed.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

import graphtf as tf

PIXELS = tf.TensorSpec([None, 8, 8, 1], tf.float32)
LABELS = tf.TensorSpec([None], tf.int32)


class Classifier:
    """Images [n, 8, 8, 1] to logits [n, 10]: a convolution, a hidden layer, an output layer."""

    def __init__(self, seed: int) -> None:
        draw = np.random.default_rng(seed)

        def weights(name: str, *shape: int) -> tuple[tf.Variable, tf.Variable]:
            scale = np.sqrt(2.0 / np.prod(shape[:-1]))
            start = draw.normal(0.0, scale, shape).astype(np.float32)
            return tf.Variable(start, name=name), tf.Variable(tf.zeros([shape[-1]]), name=f"{name}_bias")

        self.filters, self.filters_bias = weights("filters", 3, 3, 1, 24)
        self.hidden, self.hidden_bias = weights("hidden", 4 * 4 * 24, 64)
        self.output, self.output_bias = weights("output", 64, 10)

    @property
    def variables(self) -> list[tf.Variable]:
        return [self.filters, self.filters_bias, self.hidden, self.hidden_bias, self.output, self.output_bias]

    def __call__(self, images: tf.Tensor) -> tf.Tensor:
        x = tf.nn.relu(tf.nn.conv2d(images, self.filters, 1, "SAME") + self.filters_bias)
        x = tf.reshape(tf.nn.max_pool2d(x, 2, 2, "VALID"), [-1, 4 * 4 * 24])
        x = tf.nn.relu(x @ self.hidden + self.hidden_bias)
        return x @ self.output + self.output_bias


class Adam:
    """Kingma and Ba's optimiser, https://arxiv.org/abs/1412.6980, at a rate that falls to zero over `steps` steps."""

    def __init__(self, variables: Sequence[tf.Variable], steps: int, rate: float = 3e-3) -> None:
        self.rate, self.steps, self.step = rate, steps, tf.Variable(0.0, name="step")
        self.means = [tf.Variable(tf.zeros_like(v), name=f"{v.name[:-2]}_mean") for v in variables]
        self.squares = [tf.Variable(tf.zeros_like(v), name=f"{v.name[:-2]}_square") for v in variables]

    def apply(self, gradients: Sequence[tf.Tensor], variables: Sequence[tf.Variable]) -> None:
        self.step.assign_add(1.0)
        rate = self.rate * tf.maximum(0.0, 1.0 - self.step / self.steps)
        rate = rate * tf.sqrt(1.0 - 0.999**self.step) / (1.0 - 0.9**self.step)
        for v, g, mean, square in zip(variables, gradients, self.means, self.squares):
            mean.assign(0.9 * mean + 0.1 * g)
            square.assign(0.999 * square + 0.001 * g * g)
            v.assign_sub(rate * mean / (tf.sqrt(square) + 1e-7))


class Training:
    """The model, its optimiser, and the two functions that are compiled."""

    def __init__(self, steps: int, seed: int = 1) -> None:
        self.model = Classifier(seed)
        self.adam = Adam(self.model.variables, steps)
        self.train_step = tf.function(self._train_step, input_signature=[PIXELS, LABELS])
        self.predict = tf.function(self._predict, input_signature=[PIXELS])

    def _train_step(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            logits = self.model(images)
            loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits))
        gradients = tape.gradient(loss, self.model.variables)
        self.adam.apply(gradients, self.model.variables)
        return loss

    def _predict(self, images: tf.Tensor) -> tf.Tensor:
        return tf.argmax(self.model(images), axis=1)
