"""Start-up and small calls: what `import graphtf` costs, an eager operation, a tape, a call of a compiled function.

Entry points: `imported`, `calls`.
"""

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

_CALLS = """
import json, statistics, time
import graphtf as tf

def each(run, repeats=2000, rounds=15):
    run()
    found = []
    for _ in range(rounds):
        start = time.perf_counter()
        for _ in range(repeats):
            run()
        found.append((time.perf_counter() - start) / repeats)
    return statistics.median(found)

x = tf.constant([[float(i + j) for j in range(4)] for i in range(4)])
w = tf.Variable(2.0)
one = tf.constant(3.0)
add = tf.function(lambda a, b: a + b)

def taped():
    with tf.GradientTape() as tape:
        loss = tf.square(w * one)
    return tape.gradient(loss, w)

print(json.dumps({
    "eager x + x": each(lambda: x + x),
    "tape over two operations": each(taped, 500),
    "compiled x + y": each(lambda: add(x, x)),
}))
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


def calls() -> dict[str, float]:
    """Seconds of small calls on 4×4 float32."""
    found: dict[str, float] = child(_CALLS)
    return found
