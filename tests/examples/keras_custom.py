"""Losses, initialisers, regularisers, constraints, metrics and layers of one's own in Keras, trained, saved and loaded.

Run it: python -m graphtf tests/examples/keras_custom.py [FOLDER]. It is an ordinary TensorFlow program.
"""

import os
import sys
import tempfile

import numpy as np
import tensorflow as tf
from tensorflow import keras
from tensorflow.keras.layers import Dense, Layer
from tensorflow.keras.losses import Loss
from tensorflow.keras.models import load_model

# ---- losses ----------------------------------------------------------------------------------------------------------


def huber_fn(y_true, y_pred):
    error = y_true - y_pred
    is_small_error = tf.abs(error) < 1
    squared_loss = tf.square(error) / 2
    linear_loss = tf.abs(error) - 0.5
    return tf.where(is_small_error, squared_loss, linear_loss)


def create_huber(threshold=1.0):
    def huber_fn(y_true, y_pred):
        error = y_true - y_pred
        is_small_error = tf.abs(error) < threshold
        squared_loss = tf.square(error) / 2
        linear_loss = threshold * tf.abs(error) - threshold**2 / 2
        return tf.where(is_small_error, squared_loss, linear_loss)

    return huber_fn


class HuberLoss(Loss):
    def __init__(self, threshold=1.0, **kwargs):
        self.threshold = threshold
        super().__init__(**kwargs)

    def call(self, y_true, y_pred):
        error = y_true - y_pred
        is_small_error = tf.abs(error) < self.threshold
        squared_loss = tf.square(error) / 2
        linear_loss = self.threshold * tf.abs(error) - self.threshold**2 / 2
        return tf.where(is_small_error, squared_loss, linear_loss)

    def get_config(self):
        base_config = super().get_config()
        return {**base_config, "threshold": self.threshold}


# ---- parts of layers -------------------------------------------------------------------------------------------------


def my_softplus(z):
    return tf.math.log(tf.exp(z) + 1.0)


def my_glorot_initializer(shape, dtype=tf.float32):
    stddev = tf.sqrt(2.0 / (shape[0] + shape[1]))
    return tf.random.normal(shape, stddev=stddev, dtype=dtype)


def my_l1_regularizer(weights):
    return tf.reduce_sum(tf.abs(0.01 * weights))


def my_positive_weights(weights):
    return tf.where(weights < 0.0, tf.zeros_like(weights), weights)


PARTS = [my_softplus, my_glorot_initializer, my_l1_regularizer, my_positive_weights]


# ---- a metric that streams -------------------------------------------------------------------------------------------


class HuberMetric(keras.metrics.Metric):
    def __init__(self, threshold=1.0, **kwargs):
        super().__init__(**kwargs)
        self.threshold = threshold
        self.huber_fn = create_huber(threshold)
        self.total = self.add_weight(name="total", initializer="zeros")  # Keras 3 takes the name by its name
        self.count = self.add_weight(name="count", initializer="zeros")

    def update_state(self, y_true, y_pred, sample_weight=None):
        metric = self.huber_fn(y_true, y_pred)
        self.total.assign_add(tf.reduce_sum(metric))
        self.count.assign_add(tf.cast(tf.size(y_true), tf.float32))

    def result(self):
        return self.total / self.count

    def get_config(self):
        base_config = super().get_config()
        return {**base_config, "threshold": self.threshold}


# ---- layers ----------------------------------------------------------------------------------------------------------

exponential_layer = keras.layers.Lambda(lambda x: tf.exp(x))


class MyDense(Layer):
    def __init__(self, units, activation=None, **kwargs):
        super().__init__(**kwargs)
        self.units = units
        self.activation = tf.keras.activations.get(activation)

    def build(self, batch_input_shape):
        self.kernel = self.add_weight(
            name="kernel", shape=[batch_input_shape[-1], self.units], initializer="glorot_normal"
        )
        self.bias = self.add_weight(name="bias", shape=[self.units], initializer="zero")
        super().build(batch_input_shape)

    def call(self, X):
        return self.activation(X @ self.kernel + self.bias)

    def compute_output_shape(self, batch_input_shape):
        return tf.TensorShape([*batch_input_shape[:-1], self.units])  # Keras 3 gives shapes as tuples

    def get_config(self):
        base_config = super().get_config()
        return {**base_config, "units": self.units, "activation": keras.activations.serialize(self.activation)}


# ---- the program -----------------------------------------------------------------------------------------------------


def data(seed=0):
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(320, 8)).astype("float32")
    y = x[:, :4].sum(axis=1, keepdims=True) + 0.1 * draw.standard_t(2, size=(320, 1))
    return x, y.astype("float32")


def trained(model, x, y, loss, metrics=(), epochs=4):
    """Compile and fit; what fit reports of the first and the last epoch."""
    model.compile(loss=loss, optimizer="nadam", metrics=list(metrics))
    history = model.fit(x, y, epochs=epochs, batch_size=32, shuffle=False, verbose=0).history
    return ", ".join(f"{name} {values[0]:.3f} to {values[-1]:.3f}" for name, values in sorted(history.items()))


def plain_model():
    keras.utils.set_random_seed(42)
    return keras.models.Sequential([keras.layers.Input((8,)), Dense(30, activation="selu"), Dense(1)])


def kept(model, x, folder, custom_objects):
    """Save and load in both formats: how far predictions are apart."""
    apart = []
    for ending in ("h5", "keras"):
        path = os.path.join(folder, f"{model.name}.{ending}")
        model.save(path)
        loaded = load_model(path, custom_objects=custom_objects)
        apart.append(np.abs(loaded.predict(x, verbose=0) - model.predict(x, verbose=0)).max())
    return f"h5 and keras predict the same: {max(apart) < 1e-6}"


def main(folder):
    x, y = data()
    model = plain_model()
    print("huber_fn:", trained(model, x, y, huber_fn))
    print("  ", kept(model, x, folder, {"huber_fn": huber_fn}))
    print("create_huber(2.0):", trained(model, x, y, create_huber(2.0)))
    print("  ", kept(model, x, folder, {"huber_fn": create_huber(2.0)}))
    print("HuberLoss(2.):", trained(model, x, y, HuberLoss(2.0)))
    print("  ", kept(model, x, folder, {"HuberLoss": HuberLoss}))

    keras.utils.set_random_seed(42)
    layer = Dense(
        30, activation=my_softplus, kernel_initializer=my_glorot_initializer, kernel_regularizer=my_l1_regularizer,
        kernel_constraint=my_positive_weights,
    )  # fmt: skip
    model = keras.models.Sequential([keras.layers.Input((8,)), layer, Dense(1)])
    print("parts:", trained(model, x, y, huber_fn))
    print("   negative weights:", int(tf.reduce_sum(tf.cast(layer.kernel < 0, tf.int32))))
    print("  ", kept(model, x, folder, {"huber_fn": huber_fn, **{f.__name__: f for f in PARTS}}))

    print("metric as a function:", trained(plain_model(), x, y, "mse", [create_huber(2.0)]))
    metric = HuberMetric(2.0)
    for truth, found in (([[2.0]], [[10.0]]), ([[0.0], [5.0]], [[1.0], [9.25]])):
        metric.update_state(tf.constant(truth), tf.constant(found))
        print("   streaming:", metric.result().numpy())
    metric.reset_state()
    print("   reset:", metric.total.numpy(), metric.count.numpy())
    print("metric as a class:", trained(plain_model(), x, y, "mse", [HuberMetric(2.0, name="huber")]))

    keras.utils.set_random_seed(42)
    layers = [keras.layers.Input((8,)), Dense(30, activation="relu"), Dense(1), exponential_layer]
    model = keras.models.Sequential(layers)
    print("exponential layer:", trained(model, x, np.exp(y / 4), huber_fn))
    keras.utils.set_random_seed(42)
    model = keras.models.Sequential([MyDense(30, activation="relu"), MyDense(1)])
    print("layers of one's own:", trained(model, x, y, huber_fn))
    print("  ", kept(model, x, folder, {"huber_fn": huber_fn, "MyDense": MyDense}))


if __name__ == "__main__":
    if len(sys.argv) > 1:
        main(sys.argv[1])
    else:
        with tempfile.TemporaryDirectory() as temporary:
            main(temporary)
