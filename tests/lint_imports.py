"""The import rule: imports only point left, `ir` ← `passes` ← `graphtf` ← `tools`, `tests`, and heavy packages stay in
their places. Prints each violation; exits 1 if there is one."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ORDER = {"ir": 0, "passes": 1, "graphtf": 2, "tools": 3, "tests": 4}
THIRD_PARTY = {
    "ir": {"numpy", "ml_dtypes", "scipy"},
    "passes": {"numpy", "ml_dtypes", "networkx"},
    "graphtf": {"numpy", "ml_dtypes", "scipy", "graphviz", "llvmlite", "keras", "PIL"},
    "tools": {"numpy", "ml_dtypes", "scipy", "graphviz", "jax", "torch", "peers"},
}
PEERS = "tools/bench/peers/"  # runs in other environments than ours, as a package of its own
ONLY_UNDER = {
    "llvmlite": "graphtf/llvm/",
    "PIL": "graphtf/files/",
    "keras": "graphtf/keras.py",
    "jax": PEERS,
    "torch": PEERS,
    "peers": PEERS,
}


def folder_of(module: str) -> str | None:
    """The top-level folder that a graphtf module lives in; None for a foreign module."""
    parts = module.split(".")
    if parts[0] != "graphtf":
        return None
    return parts[1] if len(parts) > 1 and parts[1] in ("ir", "passes", "tools") else "graphtf"


def imports(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and full name of every module imported, late imports included, type-checking ones too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, a.name) for a in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
        elif isinstance(node, ast.ImportFrom) and node.level:
            yield node.lineno, "graphtf.RELATIVE"


def violations(path: Path) -> Iterator[str]:
    relative = path.relative_to(ROOT).as_posix()
    here = relative.split("/")[0]
    try:
        tree = ast.parse(path.read_text())
    except SyntaxError as error:
        yield f"{relative}:{error.lineno}: {error.msg}"
        return
    for line, module in imports(tree):
        where = f"{relative}:{line}"
        if module == "graphtf.RELATIVE":
            if here != "tests":
                yield f"{where}: a relative import; write the absolute name"
            continue
        target, top = folder_of(module), module.split(".")[0]
        if target is not None and ORDER[target] > ORDER[here]:
            yield f"{where}: {here}/ imports {module}, which is to its right"
        known = THIRD_PARTY.get(here)
        if target is None and known is not None and top not in sys.stdlib_module_names and top not in known:
            yield f"{where}: {here}/ may not import {top}"
        allowed = ONLY_UNDER.get(top)
        if allowed and not relative.startswith((allowed, "tests/")):
            yield f"{where}: {top} may be imported only under {allowed}"


def main() -> int:
    found = [v for folder in ORDER for p in sorted((ROOT / folder).rglob("*.py")) for v in violations(p)]
    print("\n".join(found) if found else "imports only point left")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
