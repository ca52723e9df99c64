"""Where the slots of bodies that run at once lie: no two that may be in use together overlap."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from graphtf.ir.dtypes import float32
from graphtf.passes.memory import aligned
from graphtf.runtime.frame import _planned
from graphtf.runtime.slots import Slot, SlotTable


@st.composite
def tables(draw: st.DrawFn) -> list[Slot]:
    """Slots as an assembler makes them: some outside, some in one of two or three bodies of a group, a few groups."""
    table = SlotTable()

    def some(most: int) -> None:
        for _ in range(draw(st.integers(0, most))):
            slot = table.new("arena", float32, draw(st.integers(0, 200)))
            table.clock += draw(st.integers(0, 2))
            slot.last = table.clock

    for _ in range(draw(st.integers(1, 3))):
        some(4)
        table.clock += 1
        since = table.clock
        around = table.new("arena", float32, draw(st.integers(1, 200)))
        for lane in range(draw(st.integers(2, 3))):
            table.lane = (since, lane)
            some(5)
        table.lane = (0, 0)
        table.clock += 1
        table.touch(around)
        table.hold(since)
    some(4)
    return table.slots


@given(tables())
def test_slots_that_may_be_in_use_together_do_not_overlap(slots: list[Slot]) -> None:
    sizes = [max(1, int(s.size) * 4) for s in slots]  # type: ignore[call-overload]
    offsets, total = _planned(slots, sizes)
    ends = [at + size for at, size in zip(offsets, sizes)]
    assert max(ends, default=0) <= total <= sum(map(aligned, sizes))
    for (a, i, m), (b, j, n) in combinations(zip(slots, offsets, ends), 2):
        beside = a.lane[0] and a.lane[0] == b.lane[0] and a.lane != b.lane
        if beside or (a.first <= b.last and b.first <= a.last):
            assert m <= j or n <= i, (a, b)


def test_bodies_that_do_not_run_at_once_share_memory() -> None:
    table = SlotTable()
    for _ in range(2):
        table.clock += 1
        since = table.clock
        for lane in range(2):
            table.lane = (since, lane)
            table.new("arena", float32, 16)
            table.clock += 1
            table.new("arena", float32, 16)
        table.clock += 1
    _, total = _planned(table.slots, [64] * 8)
    assert total == 128
