"""The type check: mypy in strict mode over `graphtf.ir` and `graphtf.passes`.

mypy knows nothing of setuptools' package-dir mapping, so it runs in a tree of links, build/types/graphtf, that holds
these two and nothing to their right. Findings are printed under the files' own names; exits as mypy does.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CHECKED = ("ir", "passes")
TREE = ROOT / "build" / "types"


def lay_out() -> None:
    """The tree of links."""
    package = TREE / "graphtf"
    package.mkdir(parents=True, exist_ok=True)
    for name in CHECKED:
        link = package / name
        if not link.is_symlink() or os.readlink(link) != str(ROOT / name):
            link.unlink(missing_ok=True)
            link.symlink_to(ROOT / name)


def main(options: list[str]) -> int:
    lay_out()
    settings = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache")]
    command = [sys.executable, "-m", "mypy", *settings, *options]
    environment = {k: v for k, v in os.environ.items() if k != "MYPYPATH"}
    result = subprocess.run(command, cwd=TREE, env=environment, capture_output=True, text=True)
    for line in (result.stdout + result.stderr).splitlines():
        print(line.removeprefix(f"{TREE.relative_to(ROOT)}/").removeprefix("graphtf/"))
    return result.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
