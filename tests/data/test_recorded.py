"""Pipelines against what TensorFlow gave for them (recorded.json, made by record.py)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

import graphtf as tf
from tests.data import pipelines, plain

RECORDED = json.loads(Path(__file__).with_name("recorded.json").read_text())

@pytest.fixture(autouse=True)
def _without_global_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The recorded orders are those without a global seed."""
    from graphtf.api import random_state

    monkeypatch.setattr(random_state._streams, "seed", None)


@pytest.mark.parametrize("name", pipelines.PIPELINES)
def test_elements(name: str) -> None:
    want = RECORDED["pipelines"][name]
    got = json.loads(json.dumps(plain.dataset(pipelines.PIPELINES[name](tf))))
    assert got == want


@pytest.mark.parametrize("name", pipelines.PIPELINES)
def test_elements_one_by_one_inside_a_function(name: str) -> None:
    """The same elements come out of an iterator that a traced function takes."""
    dataset = pipelines.PIPELINES[name](tf)
    iterator = iter(dataset)
    following = tf.function(lambda it: it.get_next())
    found: list[Any] = []
    with pytest.raises(tf.errors.OutOfRangeError):
        while True:
            found.append(plain.value(following(iterator)))
    assert json.loads(json.dumps(found)) == RECORDED["pipelines"][name]["elements"]


@pytest.mark.parametrize("name", [n for n, want in RECORDED["pipelines"].items() if '"ragged' not in json.dumps(want)])
def test_elements_as_numpy(name: str) -> None:
    found = [plain.value(x) for x in pipelines.PIPELINES[name](tf).as_numpy_iterator()]
    assert json.loads(json.dumps(found)) == RECORDED["pipelines"][name]["elements"]


@pytest.mark.parametrize("name", pipelines.ERRORS)
def test_errors(name: str) -> None:
    assert plain.error(lambda: pipelines.ERRORS[name](tf)) == RECORDED["errors"][name]
