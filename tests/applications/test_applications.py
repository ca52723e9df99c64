"""Image models of `keras.applications` build, predict and train a step as on TensorFlow, from the same weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from graphtf import keras
from tests.applications.models import MODELS, outcome

RECORDED = json.loads((Path(__file__).resolve().parent / "recorded.json").read_text())


@pytest.mark.parametrize("name", MODELS)
def test_outputs_and_losses_are_those_of_tensorflow(name: str) -> None:
    found, want = outcome(keras, name), RECORDED[name]
    logits = np.array(want["logits"])
    assert np.ptp(logits, axis=0).max() > 1e-3  # what is recorded tells the images apart
    assert np.abs(np.array(found["logits"]) - logits).max() <= 1e-4 * max(1.0, np.abs(logits).max())
    first, second = found["losses"]
    assert first == pytest.approx(want["losses"][0], rel=1e-3)  # few images normalise each other by little
    assert np.sign(second - first) == np.sign(np.subtract(*want["losses"][::-1]))  # the step is that of TensorFlow
