"""The example programs print what TensorFlow prints for them (recorded beside each), however they are run."""

from __future__ import annotations

import difflib
import re
from pathlib import Path

import pytest

from graphtf.flags import flags
from tests.examples import custom_training

FOLDER = Path(custom_training.__file__).parent
NUMBER = re.compile(r"(?<=[ :])\d+\.\d{3}")  # a rounded measure of training: the last digit may differ


@pytest.mark.parametrize("mode", ["native", "reference"])
def test_custom_training(mode: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(flags, "interpret", mode == "reference")
    for f in (custom_training.cube, custom_training.sum_of_squares):
        f._traces.clear()
        f._fast.clear()
    custom_training.main()
    found, wanted = capsys.readouterr().out, (FOLDER / "custom_training.txt").read_text()
    shown = "\n".join(difflib.unified_diff(wanted.splitlines(), found.splitlines(), "TensorFlow", "here", lineterm=""))
    assert NUMBER.sub("#", found) == NUMBER.sub("#", wanted), shown
    numbers = [list(map(float, NUMBER.findall(text))) for text in (found, wanted)]
    assert numbers[0] == pytest.approx(numbers[1], abs=2e-3), shown


def test_the_training_step_is_the_same_without_staging() -> None:
    losses = [custom_training.train(custom_training.ReconstructingRegressor(4), 1, staged=s) for s in (True, False)]
    assert losses[0][0] == pytest.approx(losses[1][0], rel=1e-4)
