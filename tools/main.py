"""The `graphtf` command: finds the subcommand, reads its arguments, turns errors into one line and an exit status.

Invariant: only the subcommand asked for is imported. A subcommand is a module with `arguments(parser)`, and
`main(options)`, which returns the exit status. Entry point: `main(argv)`.
"""

from __future__ import annotations

import argparse
import contextlib
import difflib
import importlib
import os
import sys
from collections.abc import Sequence

from graphtf.ir.errors import OpError, ParseError, VerifyError
from graphtf.tools.usage import UsageError

COMMANDS = {
    "demo": "train a classifier as one compiled function, and see what the compiler did",
    "run": "run a TensorFlow program unmodified, or a portable file on arrays",
    "opt": "show a program after every pass, down to loops, LLVM IR and assembly",
    "view": "draw a program: text, SVG or Graphviz",
    "debug": "run a program node by node: values, the first NaN, native against the reference",
    "export": "write a function as a portable file, text or picture",
    "bench": "measure this machine and this program on it, beside others if asked",
    "doctor": "check the installation: versions, processor, cache, a self test; --api lists the API covered",
}


def overview() -> str:
    """What `graphtf` alone prints."""
    lines = ["usage: graphtf COMMAND …", "", "TensorFlow 2's API, compiled to native code. Commands:", ""]
    lines += [f"  {name:8} {what}" for name, what in COMMANDS.items()]
    return "\n".join([*lines, "", "`graphtf COMMAND --help` tells more."])


def command(name: str, words: Sequence[str]) -> int:
    """Run one subcommand."""
    module = importlib.import_module(f"graphtf.tools.{name}")
    parser = argparse.ArgumentParser(
        prog=f"graphtf {name}", description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    module.arguments(parser)
    status: int = module.main(parser.parse_args(words))
    return status


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line `argv` (without the program's name). Returns the exit status.

    >>> main(["nonsense"])
    2
    """
    words = list(sys.argv[1:] if argv is None else argv)
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0 if words else 2
    if words[0] == "--version":
        import graphtf

        print(f"graphtf {graphtf.__version__}")
        return 0
    if words[0].endswith(".py"):
        words.insert(0, "run")  # a program itself: `python -m graphtf PROGRAM.py`
    name = words[0]
    if name not in COMMANDS:
        near = difflib.get_close_matches(name, COMMANDS, 1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        print(f"graphtf: no command {name!r}{hint} (`graphtf --help` lists them)", file=sys.stderr)
        return 2
    try:
        return command(name, words[1:])
    except UsageError as error:
        print(f"graphtf {name}: {error}", file=sys.stderr)
        return 2
    except (OpError, ParseError, VerifyError) as error:
        print(f"graphtf {name}: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader of our output has gone, as `| head` does
        with contextlib.suppress(OSError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


if __name__ == "__main__":
    sys.exit(main())
