"""Check the installation: versions, processor, threads, the cache of object code, and a self test of native code
against the reference. With --api: which public names of TensorFlow there are, and which are missing."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
import textwrap
from pathlib import Path

import graphtf
from graphtf.tools.terminal import Terminal, count, shown
from graphtf.tools.usage import UsageError

_NAMES = Path(__file__).resolve().parent / "data" / "tensorflow_names.txt"
_PACKAGES = ("numpy", "llvmlite", "ml_dtypes", "scipy", "networkx", "graphviz")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--api", action="store_true", help="list how much of each namespace of TensorFlow there is")
    parser.add_argument("--missing", metavar="NAMESPACE", help="list what is missing of a namespace such as tf.nn")
    parser.add_argument("--no-test", action="store_true", help="leave out the self test")


def main(options: argparse.Namespace) -> int:
    terminal = Terminal()
    if options.missing:
        return missing(terminal, options.missing.removeprefix("tf.").replace("tf", ""))
    if options.api:
        return coverage(terminal)
    versions(terminal)
    machine(terminal)
    return 0 if options.no_test else self_test(terminal)


# ---- the installation ------------------------------------------------------------------------------------------------


def versions(terminal: Terminal) -> None:
    terminal.heading("Versions")
    rows = [["graphtf", graphtf.__version__, str(Path(graphtf.__file__).parent)]]
    rows += [["python", platform.python_version(), platform.platform()]]
    for name in _PACKAGES:
        try:
            rows.append([name, importlib.metadata.version(name)])
        except importlib.metadata.PackageNotFoundError:
            rows.append([name, terminal.style("missing", "red"), "pip install " + name])
    terminal.table(rows)


def machine(terminal: Terminal) -> None:
    from graphtf.llvm.cache import default_cache
    from graphtf.llvm.target import host, names, usable_cores

    t, kib = host(), 1024
    terminal.heading("Native code")
    sizes = ", ".join(f"{size // kib} KiB" for size in (t.caches.l1, t.caches.l2, t.caches.l3))
    vectors = f"{t.vector_bits}-bit vectors, {t.vector_registers} registers"
    rows = [
        ["processor", f"{t.cpu} ({t.triple})"], ["vectors", ", ".join([vectors, *sorted(t.capabilities)])],
        ["caches", sizes], ["threads", str(usable_cores())], ["targets", " ".join(names())],
    ]  # fmt: skip
    folder = default_cache().directory
    if folder is None:
        rows.append(["cache", "none: programs are compiled anew in every process"])
    else:
        files = [p.stat().st_size for p in folder.iterdir() if p.is_file()]
        rows.append(["cache", f"{folder}: {count(len(files), 'object')}, {sum(files) / (kib * kib):.1f} MiB"])
    settings = [f"{k}={v}" for k, v in sorted(os.environ.items()) if k.startswith("GRAPHTF_")]
    rows.append(["settings", " ".join(settings) or "none"])
    terminal.table(rows)


def self_test(terminal: Terminal) -> int:
    from graphtf.tools import selftest

    terminal.heading("Self test", "native code against the reference, one compilation for several sizes")
    bad = 0
    for r in selftest.run():
        bad += bool(r.trouble)
        good = f"{terminal.style('ok', 'green')}  largest difference {r.largest:.2g}"
        verdict = terminal.style(shown(r.trouble, 100), "red") if r.trouble else good
        terminal.write(f"  {r.name:36}{verdict}")
    return 1 if bad else 0


# ---- the API ---------------------------------------------------------------------------------------------------------


def tensorflow_names() -> dict[str, list[str]]:
    """TensorFlow's public names by namespace ("" is tf itself)."""
    found: dict[str, list[str]] = {}
    for line in _NAMES.read_text().splitlines():
        if line and not line.startswith("#"):
            space, _, name = line.rpartition(".")
            found.setdefault(space, []).append(name)
    return found


def have(space: str, name: str) -> bool:
    """Is the name there, and can it be imported?"""
    from graphtf.names import INDEX

    path = f"{space}.{name}" if space else name
    return path in INDEX or (not space and hasattr(graphtf, name))


def coverage(terminal: Terminal) -> int:
    """A line for each namespace that has any name of ours, and one for those that have none."""
    names = tensorflow_names()
    rows, absent, total, there = [["namespace", "have", "of", "", "missing"]], [], 0, 0
    for space in sorted(names):
        lacking = [n for n in names[space] if not have(space, n)]
        some = len(names[space]) - len(lacking)
        total, there = total + len(names[space]), there + some
        label = f"tf.{space}" if space else "tf"
        if some:
            share = f"{100 * some // len(names[space])} %"
            examples = shown(" ".join(lacking), terminal.width - 60)
            rows.append([label, str(some), str(len(names[space])), share, examples])
        else:
            absent.append(f"{label} ({len(lacking)})")
    terminal.table(rows, "<>>><", head=True)
    text = f"in all {there:,} of {total:,}; nothing yet of: {', '.join(absent) or '–'}"
    terminal.write("\n" + textwrap.indent(textwrap.fill(text, terminal.width - 2), "  "))
    return 0


def missing(terminal: Terminal, space: str) -> int:
    """The names of a namespace that are missing, one a line."""
    names = tensorflow_names()
    if space not in names:
        raise UsageError(f"TensorFlow has no namespace tf.{space}; there are {', '.join(sorted(names))}")
    for name in names[space]:
        if not have(space, name):
            terminal.write(f"tf.{space}.{name}" if space else f"tf.{name}")
    return 0
