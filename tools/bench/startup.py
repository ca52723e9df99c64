"""What `import graphtf` costs. Entry point: `imported`."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

from graphtf.tools.bench.measure import child

HEAVY = ("llvmlite", "scipy", "networkx", "keras")

_IMPORT = """
import json, sys, time
start = time.perf_counter()
import graphtf
seconds = time.perf_counter() - start
try:
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    resident = int(status["VmRSS"].split()[0]) * 1024
except OSError:  # no Linux: the peak, which counts the start of the process too
    import resource
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(json.dumps([seconds, resident, [m for m in sys.argv[1:] if m in sys.modules]]))
"""


@dataclass(frozen=True)
class Import:
    """Seconds and resident bytes of `import graphtf`, and which heavy packages it loaded."""

    seconds: float
    resident: int
    loaded: tuple[str, ...]


def imported(times: int = 7) -> Import:
    """What importing costs; the median of several processes."""
    found = [child(_IMPORT, *HEAVY) for _ in range(times)]
    seconds = statistics.median(f[0] for f in found)
    return Import(seconds, int(statistics.median(f[1] for f in found)), tuple(found[0][2]))
