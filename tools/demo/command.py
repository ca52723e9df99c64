"""The demo as a command: trains with Keras, then a step of one's own, and shows what the compiler did.

Invariant: what is shown as source is what runs. Entry points: `arguments`, `main`.
"""

from __future__ import annotations

import argparse
import inspect
import os
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

import graphtf as tf
from graphtf.tools.demo import data, show
from graphtf.tools.terminal import Terminal, bar, digits, duration
from graphtf.tools.usage import UsageError

if TYPE_CHECKING:
    from graphtf.tools.demo.model import Training

BATCH = 32


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--epochs", type=int, default=10, metavar="N", help="passes over the training data (10)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="of the initial weights (1)")
    parser.add_argument("--output", default="demo-out", metavar="FOLDER", help="where the graph is written (demo-out)")


def main(options: argparse.Namespace) -> int:
    if options.epochs < 1:
        raise UsageError(f"--epochs {options.epochs}: expected at least 1")
    from graphtf.tools.demo.model import Training

    terminal = Terminal()
    train, held_out = data.load()
    terminal.write(
        terminal.style("GraphTF", "bold", "green") + " runs TensorFlow programs as native code, in pure Python."
    )
    with_keras(terminal, train, held_out, options.epochs)
    steps = options.epochs * -(-len(train) // BATCH)
    training = Training(steps, options.seed)
    introduce(terminal, training, len(train), len(held_out))
    start = time.perf_counter()
    concrete = training.train_step.get_concrete_function()
    traced = time.perf_counter() - start
    accuracy = fit(terminal, training, train, held_out, options.epochs)
    some_digits(terminal, training, held_out)
    batch = [train.images[:BATCH], train.labels[:BATCH]]
    show.compiler(terminal, concrete, traced)
    show.speed(terminal, training, batch)
    show.files(terminal, training, held_out, Path(options.output))
    return 0 if accuracy >= 0.97 or options.epochs < 10 else 1


def with_keras(terminal: Terminal, train: data.Part, held_out: data.Part, epochs: int) -> float:
    """The digits in ten lines of Keras, and how well they are read. Returns the accuracy on those held out."""
    from graphtf.tools.demo import keras_digits  # imports Keras

    path = os.path.relpath(inspect.getfile(keras_digits))
    terminal.heading(
        "It learns to read handwriting", f"{path} · Keras, unmodified · {len(train):,} digits of 8×8 pixels"
    )
    source = inspect.getsource(keras_digits.ten_lines).replace("  # fmt: skip", "").split("  # type:")[0]
    terminal.write(textwrap.indent(source.rstrip(), "    "))
    start = time.perf_counter()

    def report(epoch: int, logs: dict[str, float]) -> None:
        terminal.write(
            f"  epoch {epoch + 1:2}  {bar((epoch + 1) / epochs, 24)}  loss {logs['loss']:6.4f}  "
            f"accuracy {100 * logs['accuracy']:5.1f} %  {duration(time.perf_counter() - start)}"
        )

    each = keras_digits.keras.callbacks.LambdaCallback(on_epoch_end=report)
    accuracy = keras_digits.ten_lines(train, held_out, epochs=epochs, callbacks=[each])
    seconds = digits(time.perf_counter() - start)
    right = terminal.style(f"{100 * accuracy:.1f} % right", "bold", "green")
    terminal.write(f"  {right} on {len(held_out)} digits never seen, after {seconds} s, tracing and compiling included")
    return accuracy


def introduce(terminal: Terminal, training: Training, train: int, held_out: int) -> None:
    """What this is, and the function that is compiled."""
    t = terminal
    path = os.path.relpath(inspect.getfile(type(training)))
    t.heading(
        "The same without Keras: one training step",
        f"{path} · a convolution and two dense layers, and Adam written with tf",
    )
    source = textwrap.dedent(inspect.getsource(type(training)._train_step)).rstrip()
    t.write(textwrap.indent("@tf.function\n" + source, "    "))
    t.heading("It learns the same", f"{train:,} digits to train on, {held_out} held out")


def fit(terminal: Terminal, training: Training, train: data.Part, held_out: data.Part, epochs: int) -> float:
    """Train, with a line for each epoch. Returns the accuracy on the digits held out."""
    start = time.perf_counter()
    accuracy = 0.0
    for epoch in range(epochs):
        began, total = time.perf_counter(), 0.0
        some = data.batches(train, BATCH, seed=epoch)
        for images, labels in terminal.progress(some, -(-len(train) // BATCH), f"  epoch {epoch + 1:2}"):
            total += float(training.train_step(tf.constant(images), tf.constant(labels))) * len(labels)
        seconds = time.perf_counter() - began
        accuracy = measure(training, held_out)
        loss = total / len(train)
        terminal.write(
            f"  epoch {epoch + 1:2}  {bar((epoch + 1) / epochs, 24)}  loss {loss:6.4f}  "
            f"test accuracy {100 * accuracy:5.1f} %  {duration(seconds)}"
        )
    weights = sum(int(np.prod(v.shape)) for v in training.model.variables)
    seconds = time.perf_counter() - start
    text = f"{weights:,} weights trained in {digits(seconds)} s, tracing and compiling included: "
    terminal.write(f"  {text}{terminal.style(f'{100 * accuracy:.1f} % right', 'bold', 'green')} on digits never seen")
    return accuracy


def measure(training: Training, part: data.Part) -> float:
    """The fraction of a part that is read right."""
    found = training.predict(tf.constant(part.images)).numpy()
    return float((found == part.labels).mean())


def some_digits(terminal: Terminal, training: Training, part: data.Part) -> None:
    """A digit of each kind as a picture, with what the network says it is."""
    each = [int(np.flatnonzero(part.labels == k)[0]) for k in range(10)][: (terminal.width - 2) // 10]
    found = training.predict(tf.constant(part.images[each])).numpy()
    terminal.write("")
    for line in data.picture(part.images[each]):
        terminal.write(f"  {terminal.style(line, 'cyan')}")
    terminal.write("  " + "  ".join(f"  → {k}   " for k in found).rstrip())
