"""`make conformance`: run Keras' test suite on GraphTF beside what it did on TensorFlow, folder by folder.

usage: python -m tests.conformance [FOLDER …] [--workers N] [--seconds N] [--failures FILE] [--against RECORD]
       python -m tests.conformance --record-peer PYTHON [FOLDER …]
Exit status 1 if a case fails that tests/conformance/known.toml does not list.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from pathlib import Path

from tests.conformance.peer import RECORD, Folder, Record, read, record
from tests.conformance.suite import Tally, folders, known, reason_of, run

_LINE = "{:24}{:>7}{:>7}{:>6}{:>8}  |{:>8}{:>7}{:>8}  |{:>7}{:>7}{:>8}"
_HEAD = ("folder", "passed", "failed", "known", "skipped", "passed*", "here", "%", "cpu s", "cpu s*", "peak MB")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("paths", nargs="*", metavar="FOLDER", help="folders or files below keras/src; all by default")
    parser.add_argument("--workers", type=int, default=1, metavar="N", help="processes that run tests (1)")
    parser.add_argument("--seconds", type=int, default=300, metavar="N", help="after which a case fails (300)")
    parser.add_argument("--failures", type=Path, metavar="FILE", help="where to write failing cases and their errors")
    parser.add_argument("--against", type=Path, default=RECORD, metavar="RECORD", help="what the suite did elsewhere")
    parser.add_argument("--record-peer", metavar="PYTHON", help="record RECORD with the TensorFlow of this Python")
    options = parser.parse_args()
    wanted = _wanted(options.paths)
    if options.record_peer:
        return _record(options.record_peer, wanted, options.seconds, options.against)
    there = read(options.against) if options.against.is_file() else Record({}, {})
    whole = _run_all(wanted, there, options.workers, options.seconds)
    _explain(whole, there, everything=not options.paths)
    if options.failures:
        options.failures.write_text("".join(f"{c.name}\t{c.why!r}\n" for c in whole.of("failed")))
    return 1 if whole.of("failed") else 0


def _wanted(paths: list[str]) -> dict[str, list[str]]:
    """The files of folders, or files by themselves."""
    every = folders()
    found = {}
    for path in paths or every:
        inside = {name: files for name, files in every.items() if name == path or name.startswith(f"{path}/")}
        found.update(inside or {path: [path]})
    return found


def _record(python: str, wanted: dict[str, list[str]], seconds: int, path: Path) -> int:
    for name, tally in record(python, wanted, seconds, path):
        passed, failed, listed, skipped = tally.counts()
        print(f"{name:24}{passed:>7} passed{failed + listed:>5} failed{skipped:>5} skipped{tally.seconds:>7.0f} cpu s")
    return 0


def _run_all(wanted: dict[str, list[str]], there: Record, workers: int, seconds: int) -> Tally:
    """Run all, and print a line for each folder as it is done, and one for all."""
    print("*: on TensorFlow", ", ".join(f"{k} {v}" for k, v in there.how.items()))
    print(_LINE.format(*_HEAD), flush=True)
    whole, expected = Tally(), Folder(frozenset(), 0, 0, 0.0)
    for name, files in wanted.items():
        tally = _run(files, workers, seconds)
        whole += tally
        theirs = there.folders.get(name) or _part(there, files)
        expected = Folder(expected.passed | theirs.passed, 0, 0, expected.seconds + theirs.seconds)
        print(_line(name, tally, theirs), flush=True)
    print(_line("in all", whole, expected))
    return whole


def _run(files: list[str], workers: int, seconds: int) -> Tally:
    """In this many processes; in one that another takes the place of, should it die, where there is one only."""
    more = ["--timeout", str(seconds)]
    if workers == 1:
        try:
            return run(files, more)
        except RuntimeError as e:
            print(str(e).splitlines()[0], "- once more", flush=True)
    return run(files, [*more, "-n", str(workers)])


def _part(there: Record, files: list[str]) -> Folder:
    """What is recorded of some files: how long they took is not known."""
    return Folder(frozenset(name for name in there.passed if name.split("::")[0] in files), 0, 0, 0.0)


def _line(name: str, tally: Tally, theirs: Folder) -> str:
    both = sum(c.name in theirs.passed for c in tally.of("passed"))
    share = f"{100 * both / len(theirs.passed):.1f}" if theirs.passed else "-"
    took = f"{theirs.seconds:.0f}" if theirs.seconds else "-"
    return _LINE.format(
        name, *tally.counts(), len(theirs.passed), both, share, f"{tally.seconds:.0f}", took, f"{tally.peak:.0f}"
    )


def _explain(whole: Tally, there: Record, everything: bool) -> None:
    """What failed, why what is known to fail does, and what has not failed after all."""
    failed, listed, passed = whole.of("failed"), known(), there.passed
    for c in failed[:40]:
        print(f"  {c.name}: {c.why.splitlines()[0] if c.why else ''}"[:160])
    reasons = {c.name: reason_of(c.name, listed) for c in whole.of("known")}
    count, counted = Counter(reasons.values()), Counter(r for name, r in reasons.items() if name in passed)
    for reason, n in count.most_common():
        print(f"{n:5} known to fail, {counted[reason]} of which TensorFlow passes: {reason}")
    if everything:
        for pattern, _ in listed:
            if not any(reason_of(name, [(pattern, "")]) is not None for name in reasons):
                print(f"  nothing that fails is {pattern}")


if __name__ == "__main__":
    sys.exit(main())
