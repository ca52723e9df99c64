"""A part of Keras' own tests, of every kind, that takes little time; `make conformance` runs all of them."""

from __future__ import annotations

import pytest

from tests.conformance.suite import run

PARTS = {
    "functions": ["activations", "regularizers", "constraints"],
    "operations": ["ops/linalg_test.py", "ops/operation_test.py", "ops/function_test.py", "ops/einops_test.py"],
    "layers": [
        "layers/merging/merging_test.py", "layers/pooling/max_pooling_test.py", "layers/reshaping/reshape_test.py",
        "layers/attention/multi_head_attention_test.py",
    ],
    "models": ["models/sequential_test.py", "models/functional_test.py", "metrics/reduction_metrics_test.py"],
    "optimisers": ["optimizers/adam_test.py", "optimizers/nadam_test.py", "optimizers/sgd_test.py"],
}  # fmt: skip


@pytest.mark.parametrize("part", PARTS)
def test_part(part: str) -> None:
    tally = run(PARTS[part], ["--timeout", "100"], limit=280)
    passed, failed, _, _ = tally.counts()
    assert [f"{c.name}: {c.why}" for c in tally.of("failed")] == []
    assert passed > 20 and failed == 0
