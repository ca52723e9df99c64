"""Random loop programs run natively as they do in Python, bit for bit."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from .loop_eval import evaluate
from .loop_gen import Gen
from .native import VECTOR_BYTES, Native, assert_same, program


@settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.integers(0, 1 << 30))
def test_random_programs(seed: int) -> None:
    gen = Gen(random.Random(seed))
    kernel, arrays = gen.program()
    note(f"sizes {gen.sizes}\n{kernel}")
    module = program(kernel)
    wanted = [a.copy() for a in arrays]
    status = evaluate(module, wanted, gen.sizes, VECTOR_BYTES)
    found = Native(module).run(arrays, gen.sizes)
    for b, got, want in zip(kernel.params, arrays, wanted):
        assert_same(got, want, str(b))
    assert bool(found[0]) == bool(status[0])
