"""Keras' own tests, which its wheel carries, run on GraphTF.

Invariant: a case counts once: passed, skipped, known (it fails, and known.toml says why) or failed. Entry points:
`folders`, `run`, `Tally`.
"""

from __future__ import annotations

import fnmatch
import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent


def source() -> Path:
    """The folder of Keras' source. Raises ImportError if Keras is not installed."""
    spec = importlib.util.find_spec("keras")
    if spec is None or spec.origin is None:
        raise ImportError("Keras is not installed: pip install keras")
    return Path(spec.origin).parent / "src"


def folders() -> list[str]:
    """The folders of Keras that hold tests, those of large ones on their own."""
    found: dict[str, None] = {}
    for path in sorted(source().rglob("*_test.py")):
        parts = path.relative_to(source()).parts[:-1]
        found["/".join(parts[: 2 if parts[0] == "layers" else 1])] = None
    return list(found)


@dataclass(frozen=True)
class Case:
    """What became of a case."""

    name: str  # FILE::CLASS::METHOD, the file below keras/src
    outcome: str
    seconds: float
    why: str


@dataclass
class Tally:
    """Cases by what became of them."""

    cases: list[Case] = field(default_factory=list)

    def of(self, outcome: str) -> list[Case]:
        return [c for c in self.cases if c.outcome == outcome]

    def counts(self) -> list[int]:
        """How many passed, failed unexpectedly, are known to fail, were skipped."""
        return [len(self.of(o)) for o in ("passed", "failed", "known", "skipped")]


def known() -> list[tuple[str, str]]:
    """(pattern, reason) of the cases that are known to fail."""
    groups = tomllib.loads((HERE / "known.toml").read_text())["group"]
    return [(pattern, group["reason"]) for group in groups for pattern in group["cases"]]


def run(paths: Iterable[str], more: Sequence[str] = (), limit: float = 7200) -> Tally:
    """Run the tests of folders or files below keras/src in a process of their own. `more`: arguments for pytest."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "cases.jsonl"
        command = [
            sys.executable, "-m", "pytest", "-c", str(HERE / "pytest.ini"), f"--rootdir={source()}",
            "-p", "graphtf.as_tensorflow", "-p", "tests.conformance.record", *more, *(str(source() / p) for p in paths),
        ]  # fmt: skip
        settings = {**os.environ, "CONFORMANCE_LOG": str(log), "KERAS_HOME": folder, "PYTHONPATH": _path()}
        settings.pop("PYTEST_XDIST_WORKER", None)
        done = subprocess.run(command, env=settings, capture_output=True, text=True, timeout=limit, check=False)
        if not log.is_file():
            raise RuntimeError(f"the tests of {list(paths)} did not run:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return Tally([_case(json.loads(line)) for line in log.read_text().splitlines()])


def _path() -> str:
    own = str(HERE.parent.parent)
    return os.pathsep.join([own, *filter(None, [os.environ.get("PYTHONPATH")])])


def _case(entry: dict[str, str]) -> Case:
    name = entry["case"].replace("\\", "/").split("keras/src/")[-1]
    outcome = entry["outcome"]
    if outcome == "failed" and any(fnmatch.fnmatch(name, pattern) for pattern, _ in known()):
        outcome = "known"
    return Case(name, outcome, float(entry["seconds"]), entry["why"])
