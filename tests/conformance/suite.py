"""Keras' own tests, which its wheel carries, run on GraphTF.

Invariant: a case counts once: passed, skipped, known (it fails, and known.toml says why) or failed. Entry points:
`folders`, `run`, `Tally`, `Setting`.
"""

from __future__ import annotations

import fnmatch
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
_ADDRESS = re.compile("0x[0-9a-f]+")


def source() -> Path:
    """The folder of Keras' source. Raises ImportError if Keras is not installed."""
    spec = importlib.util.find_spec("keras")
    if spec is None or spec.origin is None:
        raise ImportError("Keras is not installed: pip install keras")
    return Path(spec.origin).parent / "src"


def folders() -> dict[str, list[str]]:
    """The test files in each folder of Keras, a file in one: those of the large one by the folders within."""
    found: dict[str, list[str]] = {}
    for path in sorted(source().rglob("*_test.py")):
        inside = path.relative_to(source())
        folder = inside.parts[:-1][: 2 if inside.parts[0] == "layers" else 1]
        found.setdefault("/".join(folder), []).append(inside.as_posix())
    return found


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
    seconds: float = 0.0  # of the processor, start of the process and all
    peak: float = 0.0  # megabytes that the largest process held

    def __iadd__(self, other: Tally) -> Tally:
        self.cases += other.cases
        self.seconds += other.seconds
        self.peak = max(self.peak, other.peak)
        return self

    def of(self, outcome: str) -> list[Case]:
        return [c for c in self.cases if c.outcome == outcome]

    def counts(self) -> list[int]:
        """How many passed, failed unexpectedly, are known to fail, were skipped."""
        return [len(self.of(o)) for o in ("passed", "failed", "known", "skipped")]


@dataclass(frozen=True)
class Setting:
    """The Python that runs the tests, and the plugins that have it use a backend."""

    python: str = sys.executable
    plugins: tuple[str, ...] = ("graphtf.as_tensorflow",)

    def source(self) -> Path:
        """The folder of that Python's Keras. Raises CalledProcessError if it has none."""
        find = "import importlib.util as u; print(u.find_spec('keras').origin)"
        found = subprocess.run([self.python, "-c", find], capture_output=True, text=True, check=True)
        return Path(found.stdout.strip()).parent / "src"


OWN = Setting()


def known() -> list[tuple[str, str]]:
    """(pattern, reason) of the cases that are known to fail."""
    groups = tomllib.loads((HERE / "known.toml").read_text())["group"]
    return [(pattern, group["reason"]) for group in groups for pattern in group["cases"]]


def lasting(name: str) -> str:
    """A case's name without the addresses of objects, which every process has its own of."""
    return _ADDRESS.sub("0x", name)


def reason_of(name: str, listed: Iterable[tuple[str, str]]) -> str | None:
    """Why a case is known to fail, if it is."""
    return next((reason for pattern, reason in listed if fnmatch.fnmatch(name, pattern)), None)


def run(paths: Iterable[str], more: Sequence[str] = (), limit: float = 7200, setting: Setting = OWN) -> Tally:
    """Run the tests of folders or files below keras/src in a process of their own. `more`: arguments for pytest.

    Raises RuntimeError if they did not run to their end.
    """
    folder = setting.source()
    with tempfile.TemporaryDirectory() as home:
        log = Path(home) / "cases.jsonl"
        plugins = [x for name in (*setting.plugins, "tests.conformance.record") for x in ("-p", name)]
        command = [
            setting.python, "-m", "pytest", "-c", str(HERE / "pytest.ini"), f"--rootdir={folder}",
            "--continue-on-collection-errors", *plugins, *more, *(str(folder / p) for p in paths),
        ]  # fmt: skip
        settings = {**os.environ, "CONFORMANCE_LOG": str(log), "KERAS_HOME": home, "PYTHONPATH": _path()}
        settings |= {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3"}
        settings.pop("PYTEST_XDIST_WORKER", None)
        said, seconds, peak = _measured(command, settings, limit)
        if not log.is_file():
            raise RuntimeError(f"the tests of {list(paths)} did not run to their end:\n{said[-4000:]}")
        listed = known()
        cases = [_case(json.loads(line), listed) for line in log.read_text().splitlines()]
        return Tally(cases, seconds, peak)


def _measured(command: Sequence[str], settings: dict[str, str], limit: float) -> tuple[str, float, float]:
    """What a process said, its seconds of the processor, and the megabytes that the largest of its processes held."""
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, env=settings, stdout=said, stderr=subprocess.STDOUT)
        clock = threading.Timer(limit, process.kill)
        clock.start()
        try:
            _, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        except BaseException:
            process.kill()
            raise
        finally:
            clock.cancel()
        said.seek(0)
        return said.read().decode(errors="replace"), used.ru_utime + used.ru_stime, used.ru_maxrss / 1024


def _path() -> str:
    own = str(HERE.parent.parent)
    return os.pathsep.join([own, *filter(None, [os.environ.get("PYTHONPATH")])])


def _case(entry: dict[str, str], listed: Iterable[tuple[str, str]]) -> Case:
    name = lasting(entry["case"].replace("\\", "/").split("keras/src/")[-1])
    outcome = entry["outcome"]
    if outcome == "failed" and reason_of(name, listed) is not None:
        outcome = "known"
    return Case(name, outcome, float(entry["seconds"]), entry["why"])
