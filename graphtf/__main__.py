"""`python -m graphtf` is the `graphtf` command."""

import importlib
import sys

if __name__ == "__main__":
    # By name, not by an import statement: the package must not depend on the tools that are built on it.
    sys.exit(importlib.import_module("graphtf.tools.main").main())
