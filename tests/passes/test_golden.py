"""What each pass makes of a graph, as text, and that it computes the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from graphtf.ir.parse import parse
from graphtf.passes.pipeline import PIPELINE

from .golden import arguments, assert_same, check, files, run

PASSES = {step.name.replace(" ", "_"): step.run for step in PIPELINE}


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_pass_makes_this_text_and_computes_the_same(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before, after = check(path, PASSES)
    assert str(parse(str(after))) == str(after)
    assert len(arguments(before)) == len(arguments(after))
    for seed in range(3):
        first = run(before, seed)
        shown = capsys.readouterr().out
        assert_same(first, run(after, seed))
        assert capsys.readouterr().out == shown


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_a_second_time_changes_nothing(path: Path) -> None:
    _, after = check(path, PASSES)
    names = path.read_text(encoding="utf-8").splitlines()[0].removeprefix("# passes:").split()
    for name in names:
        if name != "fuse":
            assert str(PASSES[name](after)) == str(after)


def test_every_pass_has_a_golden_file() -> None:
    named = {name for path in files() for name in path.read_text(encoding="utf-8").splitlines()[0].split()[2:]}
    assert set(PASSES) == named
