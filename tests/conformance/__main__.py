"""`make conformance`: run Keras' test suite on GraphTF, and print what passed, failed and was skipped in each folder.

usage: python -m tests.conformance [FOLDER …] [--workers N] [--seconds N] [--failures FILE]
Exit status 1 if a case fails that tests/conformance/known.toml does not list.
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from tests.conformance.suite import Tally, folders, run

_LINE = "{:28}{:>8}{:>8}{:>8}{:>9}{:>9}"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("paths", nargs="*", metavar="FOLDER", help="folders or files below keras/src; all by default")
    parser.add_argument("--workers", type=int, default=2, metavar="N", help="processes that run tests (2)")
    parser.add_argument("--seconds", type=int, default=120, metavar="N", help="after which a case fails (120)")
    parser.add_argument("--failures", type=Path, metavar="FILE", help="where to write failing cases and their errors")
    options = parser.parse_args()
    whole = Tally()
    print(_LINE.format("folder", "passed", "failed", "known", "skipped", "s"), flush=True)
    for path in options.paths or folders():
        start = time.perf_counter()
        tally = run([path], ["-n", str(options.workers), "--timeout", str(options.seconds)])
        print(_LINE.format(path, *tally.counts(), round(time.perf_counter() - start)), flush=True)
        whole.cases += tally.cases
    print(_LINE.format("in all", *whole.counts(), round(sum(c.seconds for c in whole.cases))))
    failed = whole.of("failed")
    for c in failed[:20]:
        print(f"  {c.name}: {c.why.splitlines()[0] if c.why else ''}"[:160])
    if options.failures:
        options.failures.write_text("".join(f"{c.name}\t{c.why!r}\n" for c in failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
