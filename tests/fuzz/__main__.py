"""Fuzzing from the command line, in the folder `tests`:

    python -m fuzz 0 3000            run the programs of seeds 0 to 2999, and reduce what fails
    python -m fuzz show 17           print the program of seed 17
    python -m fuzz reduce 17         reduce it

Invariant: every line printed is complete before the next program runs, so a crash leaves its seed behind.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from .diagnose import reduced
from .generate import generate
from .harness import examine, prepared

GROUP = 50  # programs compiled together


def run(start: int, stop: int, debug: bool) -> int:
    """Examine the programs of seeds [start, stop), one JSON line for each seed begun and each failure."""
    failures = 0
    for first in range(start, stop, GROUP):
        programs = [generate(seed) for seed in range(first, min(first + GROUP, stop))]
        say({"made": [p.seed for p in programs], "ops": sorted(set().union(*(p.ops for p in programs)))})
        for p, (graph, native) in zip(programs, prepared(programs, debug)):
            say({"seed": p.seed})
            failure = examine(p, graph, native)
            if failure:
                failures += 1
                say({"failed": p.seed, "n": failure.n, "kind": failure.problem.kind, "why": failure.problem.message})
    say({"finished": stop})
    return failures


def say(record: dict[str, object]) -> None:
    print(json.dumps(record), flush=True)


# ---- commands --------------------------------------------------------------------------------------------------------


def main(argv: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__.splitlines()[0])  # type: ignore[union-attr]
    parser.add_argument("what", help="show, reduce, or the first seed")
    parser.add_argument("seed", type=int, help="a seed, or the one after the last")
    parser.add_argument("--debug", action="store_true", help="check every access of native code to memory")
    args = parser.parse_args(argv)
    if args.what == "show":
        print(generate(args.seed))
        return 0
    if args.what == "reduce":
        print(reduced(generate(args.seed), args.debug))
        return 0
    return 1 if run(int(args.what), args.seed, args.debug) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
