"""Calls that TensorFlow has recorded, run eagerly and in traced functions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import graphtf as tf
from tests.recorded.cases import Case, outcome
from tests.recorded.families import FAMILIES
from tests.recorded.forms import difference

DATA = Path(__file__).parent / "data"
RECORDED: dict[str, dict[str, Any]] = {f.name: json.loads((DATA / f"{f.name}.json").read_text()) for f in FAMILIES}
CASES = [(f.name, name) for f in FAMILIES for name in f.cases]
BY_NAME: dict[str, dict[str, Case]] = {f.name: f.cases for f in FAMILIES}
_REFUSALS = ("InvalidArgumentError", "ValueError", "TypeError")  # for bad arguments; tracing tells by another class


@pytest.mark.parametrize(("family", "name"), CASES)
@pytest.mark.parametrize("staged", [False, True], ids=["eager", "staged"])
def test_as_recorded(family: str, name: str, staged: bool) -> None:
    case = BY_NAME[family][name]
    if staged and not case.staged:
        pytest.skip("not a case for traced functions")
    want, got = RECORDED[family][name], outcome(tf, case, staged)
    if staged and isinstance(want, dict) and want.get("error") in _REFUSALS:
        assert got.get("error") in _REFUSALS, got
        return
    assert difference(got, want, scale=case.scale) is None, difference(got, want, scale=case.scale)
