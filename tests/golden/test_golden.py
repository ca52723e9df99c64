"""Recorded TensorFlow calls, replayed: eagerly, in traced functions on the reference, and as native code."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from graphtf.flags import flags
from tests.golden.missing import MISSING
from tests.golden.replay import cases, complaint, families

CHUNK = 60  # cases to a test: few enough for the workers to share
NATIVE_EVERY = 1 if os.environ.get("GRAPHTF_GOLDEN") == "all" else 12  # one case in so many runs as native code
CHUNKS = [(family, start) for family in families() for start in range(0, len(cases(family)), CHUNK)]


@pytest.fixture(params=["eager", "reference", "native"])
def mode(request: pytest.FixtureRequest) -> Iterator[str]:
    before, flags.interpret = flags.interpret, request.param == "reference"
    yield request.param
    flags.interpret = before


@pytest.mark.parametrize(("family", "start"), CHUNKS)
def test_recorded_calls(family: str, start: int, mode: str) -> None:
    chosen = cases(family)[start : start + CHUNK]
    if mode == "native":
        chosen = [c for k, c in enumerate(chosen) if (start + k) % NATIVE_EVERY == 0]
    failed = []
    for case in chosen:
        why = complaint(case, mode != "eager")
        expected = case["id"] in MISSING and mode in MISSING[case["id"]].modes
        if why and not expected:
            failed.append(f"{case['id']}: {why}")
        elif expected and not why:
            failed.append(f"{case['id']}: passes, so it is not to be listed as missing")
    assert not failed, "\n".join(failed)


def test_few_are_missing() -> None:
    """At least 97 of 100 calls of each family pass, and 99 of all."""
    for family in families():
        known = cases(family)
        missing = [c["id"] for c in known if c["id"] in MISSING]
        assert len(missing) <= 0.03 * len(known), (family, missing)
    assert len(MISSING) <= 0.01 * sum(len(cases(family)) for family in families())
