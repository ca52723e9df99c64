"""What became of each case of Keras' test suite on real TensorFlow, recorded, to hold GraphTF's runs against.

Invariant: a record is data that one run of `record` wrote: the cases that passed, by file and class, and the seconds of
the processor, for each folder. Entry points: `record`, `read`, `write`.
"""

from __future__ import annotations

import gzip
import json
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conformance.suite import HERE, Setting, Tally, lasting, run

RECORD = HERE / "tensorflow.json.gz"
HOW = "python -m tests.conformance --record-peer PYTHON, one process a folder"
_VERSIONS = """
import json, keras, numpy, platform, tensorflow
modules = [tensorflow, keras, numpy]
print(json.dumps({"python": platform.python_version(), **{m.__name__: m.__version__ for m in modules}}))
"""


@dataclass(frozen=True)
class Folder:
    """What a folder's tests did there."""

    passed: frozenset[str]
    failed: int
    skipped: int
    seconds: float


@dataclass
class Record:
    """The folders, and the versions and the way they were run in."""

    folders: dict[str, Folder]
    how: dict[str, str]

    @property
    def passed(self) -> set[str]:
        return {name for folder in self.folders.values() for name in folder.passed}


def folder_of(tally: Tally) -> Folder:
    """A folder as its record holds it."""
    passed = frozenset(c.name for c in tally.of("passed"))
    failed = len(tally.of("failed")) + len(tally.of("known"))
    return Folder(passed, failed, len(tally.of("skipped")), round(tally.seconds, 1))


def record(python: str, wanted: dict[str, list[str]], seconds: int, path: Path = RECORD) -> Iterable[tuple[str, Tally]]:
    """Run the files of each folder wanted on the TensorFlow of a Python; others keep what is recorded of them.

    Gives each folder when it is done, and has written it.
    """
    setting = Setting(python, ())
    kept = read(path) if path.is_file() else Record({}, {})
    kept.how = {"how": HOW, **_versions(python)}
    for name, files in wanted.items():
        tally = run(files, ["--timeout", str(seconds)], setting=setting)
        kept.folders[name] = folder_of(tally)
        write(kept, path)
        yield name, tally


def _versions(python: str) -> dict[str, str]:
    found = subprocess.run([python, "-c", _VERSIONS], capture_output=True, text=True, check=True)
    versions: dict[str, str] = json.loads(found.stdout.splitlines()[-1])
    return versions


# ---- as a file -------------------------------------------------------------------------------------------------------


def write(kept: Record, path: Path) -> None:
    """Write a record: the same bytes for the same record."""
    folders = {
        name: {"seconds": f.seconds, "failed": f.failed, "skipped": f.skipped, "passed": _nested(f.passed)}
        for name, f in sorted(kept.folders.items())
    }
    text = json.dumps({**kept.how, "folders": folders}, indent=0, ensure_ascii=False)
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as file:
        file.write(text.encode())


def read(path: Path = RECORD) -> Record:
    """A record that `write` wrote. Raises OSError or ValueError for what is none."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        how: dict[str, Any] = json.load(file)
    folders = how.pop("folders")
    return Record(
        {
            name: Folder(frozenset(map(lasting, _flat(f["passed"]))), f["failed"], f["skipped"], f["seconds"])
            for name, f in folders.items()
        },
        how,
    )


def _nested(names: Iterable[str]) -> dict[str, dict[str, list[str]]]:
    """FILE::CLASS::METHOD by file and class."""
    found: dict[str, dict[str, list[str]]] = {}
    for name in sorted(names):
        file, _, rest = name.partition("::")
        group, _, method = rest.rpartition("::")
        found.setdefault(file, {}).setdefault(group, []).append(method)
    return found


def _flat(nested: dict[str, dict[str, list[str]]]) -> Iterable[str]:
    for file, groups in nested.items():
        for group, methods in groups.items():
            yield from ("::".join(filter(None, (file, group, m))) for m in methods)
