"""Layers, models, losses, metrics and a training loop of one's own, with nothing but tensors, variables and gradients.

Run it: python tests/examples/custom_training.py. What it prints is what TensorFlow prints for the same program.
"""

from __future__ import annotations

import graphtf as tf

# ---- layers: modules that make their variables when they first see a tensor ------------------------------------------


class Dense(tf.Module):
    def __init__(self, units, activation=None, regularizer=None, constraint=None, name=None):
        super().__init__(name=name)
        self.units, self.activation = units, activation or tf.identity
        self.regularizer, self.constraint = regularizer, constraint
        self.kernel = None

    def build(self, inputs):
        fan_in = inputs.shape[-1]
        stddev = tf.sqrt(2.0 / (fan_in + self.units))
        start = tf.random.stateless_normal([fan_in, self.units], seed=[fan_in, self.units]) * stddev
        self.kernel = tf.Variable(start, name="kernel")
        self.bias = tf.Variable(tf.zeros([self.units]), name="bias")

    def __call__(self, inputs):
        if self.kernel is None:
            self.build(inputs)
        return self.activation(inputs @ self.kernel + self.bias)

    @property
    def losses(self):
        return [] if self.regularizer is None else [self.regularizer(self.kernel)]


class ResidualBlock(tf.Module):
    """Layers whose result is added to what they take."""

    def __init__(self, count, units, name=None):
        super().__init__(name=name)
        self.hidden = [Dense(units, tf.nn.elu, lambda w: 1e-3 * tf.reduce_sum(tf.abs(w))) for _ in range(count)]

    def __call__(self, inputs):
        z = inputs
        for layer in self.hidden:
            z = layer(z)
        return inputs + z

    @property
    def losses(self):
        return [loss for layer in self.hidden for loss in layer.losses]


# ---- a model whose loss and metric look at what is inside it ---------------------------------------------------------


class ReconstructingRegressor(tf.Module):
    """Predicts a number, and must be able to tell its inputs from its last hidden layer."""

    def __init__(self, units, name=None):
        super().__init__(name=name)
        self.first = Dense(units, tf.nn.selu)
        self.blocks = [ResidualBlock(2, units) for _ in range(2)]
        self.out = Dense(1)
        self.reconstruct = None
        self.reconstruction_error = Mean()

    def __call__(self, inputs, training=False):
        z = self.first(inputs)
        for block in self.blocks:
            z = block(z)
        if self.reconstruct is None:
            self.reconstruct = Dense(inputs.shape[-1])
        error = tf.reduce_mean(tf.square(self.reconstruct(z) - inputs))
        if training:
            self.reconstruction_error.update(error)
        return self.out(z), 0.05 * error

    @property
    def losses(self):
        return [loss for block in self.blocks for loss in block.losses]


class Mean(tf.Module):
    """A metric that is updated batch by batch."""

    def __init__(self, name=None):
        super().__init__(name=name)
        self.total = tf.Variable(0.0, trainable=False)
        self.count = tf.Variable(0.0, trainable=False)

    def update(self, value):
        self.total.assign_add(tf.reduce_sum(value))
        self.count.assign_add(tf.cast(tf.size(value), tf.float32))

    def result(self):
        return tf.math.divide_no_nan(self.total, self.count)

    def reset(self):
        for v in self.variables:
            v.assign(0.0)


def huber(threshold=1.0):
    def loss(y_true, y_pred):
        error = y_true - y_pred
        small = tf.abs(error) < threshold
        return tf.where(small, tf.square(error) / 2, threshold * tf.abs(error) - threshold**2 / 2)

    return loss


# ---- gradients -------------------------------------------------------------------------------------------------------


def f(w1, w2):
    return 3 * w1**2 + 2 * w1 * w2


@tf.custom_gradient
def better_softplus(z):
    def gradients(*upstream):
        return tf.nn.sigmoid(z) * upstream[0]

    return tf.math.log(1 + tf.exp(-tf.abs(z))) + tf.maximum(0.0, z), gradients


def show_gradients():
    w1, w2 = tf.Variable(5.0), tf.Variable(3.0)
    step = 1e-3
    slopes = [(f(w1 + step, w2) - f(w1, w2)) / step, (f(w1, w2 + step) - f(w1, w2)) / step]
    print("by differences:", [round(float(x)) for x in slopes])
    with tf.GradientTape(persistent=True) as tape:
        z = f(w1, w2)
    print("by tape:", tape.gradient(z, [w1, w2]))
    with tf.GradientTape() as tape:
        z = f(w1, tf.stop_gradient(w2 * 1.0))
    print("stopped:", tape.gradient(z, [w1, w2]))
    c = tf.constant(5.0)
    with tf.GradientTape() as tape:
        tape.watch(c)
        z = f(c, w2)
    print("watched:", tape.gradient(z, c).numpy())
    with tf.GradientTape(persistent=True) as hessians:
        with tf.GradientTape() as jacobians:
            z = f(w1, w2)
        first = jacobians.gradient(z, [w1, w2])
    print("second order:", [[g if g is None else g.numpy() for g in hessians.gradient(j, [w1, w2])] for j in first])
    x = tf.constant([0.0, 100.0, -2.0])
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = better_softplus(x)
    print("of one's own:", y.numpy().round(4), tape.gradient(y, x).numpy().round(4))


# ---- training --------------------------------------------------------------------------------------------------------


def samples(count, seed):
    x = tf.random.stateless_uniform([count, 4], seed=[seed, 1], minval=-1.0)
    noise = tf.random.stateless_normal([count, 1], seed=[seed, 2], stddev=0.05)
    return x, tf.sin(3 * x[:, :1]) + x[:, 1:2] * x[:, 2:3] + noise


class Momentum(tf.Module):
    def __init__(self, rate=0.03, momentum=0.9, name=None):
        super().__init__(name=name)
        self.rate, self.momentum, self.velocities = rate, momentum, None

    def apply(self, gradients, variables):
        if self.velocities is None:
            self.velocities = [tf.Variable(tf.zeros_like(v), trainable=False) for v in variables]
        for g, v, velocity in zip(gradients, variables, self.velocities):
            velocity.assign(self.momentum * velocity - self.rate * g)
            v.assign_add(velocity)


def train(model, epochs=6, batch=32, staged=True):
    """Each epoch's mean loss and reconstruction error."""
    x, y = samples(512, 7)
    loss_of, optimizer, mean_loss = huber(2.0), Momentum(), Mean()
    model(x[:1])  # makes the variables

    def step(x, y):
        with tf.GradientTape() as tape:
            y_pred, inner = model(x, training=True)
            loss = tf.add_n([tf.reduce_mean(loss_of(y, y_pred)), inner, *model.losses])
        variables = model.trainable_variables
        optimizer.apply(tape.gradient(loss, variables), variables)
        mean_loss.update(loss)

    step = tf.function(step) if staged else step
    history = []
    for epoch in range(epochs):
        order = tf.argsort(tf.random.stateless_uniform([512], seed=[epoch, 0]))
        for at in range(0, 512, batch):
            rows = order[at : at + batch]
            step(tf.gather(x, rows), tf.gather(y, rows))
        history.append((float(mean_loss.result()), float(model.reconstruction_error.result())))
        for metric in (mean_loss, model.reconstruction_error):
            metric.reset()
    return history


# ---- functions and graphs --------------------------------------------------------------------------------------------


@tf.function
def cube(x):
    print("tracing", x)
    return x**3


@tf.function
def sum_of_squares(n):
    total = 0
    for i in tf.range(n + 1):
        total += i * i
    return total


def show_functions():
    for x in (tf.constant(2.0), tf.constant(3.0), tf.constant([1.0, 2.0]), 2, 3):
        print("cube:", cube(x).numpy())
    concrete = cube.get_concrete_function(tf.constant(2.0))
    print("concrete:", concrete(tf.constant(4.0)).numpy(), concrete is cube.get_concrete_function(tf.constant(5.0)))
    print("the function itself:", cube.python_function(2))
    print("a loop:", sum_of_squares(tf.constant(10)).numpy(), sum_of_squares(tf.constant(5)).numpy())


def main():
    show_gradients()
    show_functions()
    model = ReconstructingRegressor(16)
    for epoch, (loss, error) in enumerate(train(model), 1):
        print(f"epoch {epoch}: loss {loss:.3f}, reconstruction error {error:.3f}")
    x, y = samples(64, 8)
    print(f"on new samples: {float(tf.reduce_mean(huber(2.0)(y, model(x)[0]))):.3f}")


if __name__ == "__main__":
    main()
