"""What is installed: every package and data file of the tree is in the wheel, and nothing else is."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text())
MAPPED = {"graphtf": "graphtf", "ir": "graphtf.ir", "passes": "graphtf.passes", "tools": "graphtf.tools"}
_BUILD = "import sys; from setuptools.build_meta import build_wheel; print(build_wheel(sys.argv[1]))"


def packages_in_tree() -> set[str]:
    """The dotted name of every folder that holds Python files."""
    found = set()
    for folder, name in MAPPED.items():
        for path in (ROOT / folder).rglob("*.py"):
            found.add(".".join([name, *path.relative_to(ROOT / folder).parts[:-1]]))
    return found


def test_pyproject_lists_every_package() -> None:
    listed = SETTINGS["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(packages_in_tree())


def test_every_package_says_what_it_is() -> None:
    folders = {path.parent for folder in MAPPED for path in (ROOT / folder).rglob("*.py")}
    assert [str(f) for f in sorted(folders) if not (f / "__init__.py").is_file()] == []


def test_wheel_holds_the_tree_under_one_name(tmp_path: Path) -> None:
    source = tmp_path / "source"
    for folder in MAPPED:
        shutil.copytree(ROOT / folder, source / folder, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / file, source)
    command = [sys.executable, "-c", _BUILD, str(tmp_path)]
    built = subprocess.run(command, cwd=source, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr[-2000:]
    with zipfile.ZipFile(tmp_path / built.stdout.split()[-1]) as wheel:
        inside = {n for n in wheel.namelist() if ".dist-info/" not in n}
    expected = set()
    for folder in MAPPED:
        for path in (source / folder).rglob("*"):
            if path.is_file():
                expected.add(("" if folder == "graphtf" else "graphtf/") + path.relative_to(source).as_posix())
    assert inside == expected
