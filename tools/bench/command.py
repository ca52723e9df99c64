"""The bench as a command: sections of tables, on the terminal and as Markdown. Entry points: `arguments`, `main`."""

from __future__ import annotations

import argparse
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from graphtf.tools.bench import startup
from graphtf.tools.bench.measure import OURS, Figure, cold_and_warm, work
from graphtf.tools.bench.roofline import Peaks, peaks
from graphtf.tools.terminal import Terminal, digits, duration
from graphtf.tools.usage import UsageError

PEERS = ("tensorflow", "xla", "jax", "torch", "torch.compile")
ALL = (*PEERS, "numpy")
FEW = ("tensorflow", "jax", "torch")  # whom many workloads are measured beside
KERNELS = ("huber:65536", "huber:4194304", "gelu:1048576", "softmax:4096", "layernorm:4096",
           "matmul:128", "matmul:512", "matmul:1024")  # fmt: skip
TRAINING = ("mlpfwd:1", "mlp:32", "mlp:256", "cnn:32", "attn:8", "lstm:32")
SHAPES = (
    "tall:5000", "flat:3000", "odd:301", "adjoint:500", "batched:64", "double:400", "half:400", "integer:300",
    "matvec:3000", "sum0:2000", "sum1:2000", "middle:60", "transpose:2000", "heads:8", "concat:2000", "lookup:4096",
    "segments:4096", "cumsum:2000", "argmax:2000", "sort:500", "topk:500", "conv3x3:8", "conv1x1:8", "strided:8",
    "dilated:8", "depthwise:8", "conv1d:16", "conv3d:2", "maxpool:8",
)  # fmt: skip
SMALL = {
    "add:4": ("x + y, eagerly", "4 µs"),
    "tape:4": ("gradient of sum(x * y) by a tape, eagerly", "40 µs"),
    "call:4": ("x + y, compiled", "8 µs"),
}  # what each is, and what it may take
FIRST = ("mlp:256",)
NODES = (1250, 2500, 5000, 10_000)
_MB = 1e6
PAGE = ("# Performance", "", "Written by `make performance PEERS=PYTHON`: one run on one machine, which is below.")


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--peers", metavar="PYTHON", help="a Python with tensorflow, jax and torch: measure those too")
    parser.add_argument("--only", action="append", default=[], metavar="SECTION", help=f"one of {', '.join(SECTIONS)}")
    parser.add_argument("--works", metavar="W,W", help="workloads to measure, such as matmul:300,softmax:77")
    parser.add_argument("--rounds", type=int, default=1, metavar="N", help="measure workloads N times, in turns (1)")
    parser.add_argument("--markdown", metavar="FILE", help="write the tables to FILE too")


@dataclass
class Report:
    """Tables as they are made."""

    terminal: Terminal
    markdown: list[str] = field(default_factory=list)

    def section(self, title: str, remark: str = "") -> None:
        self.terminal.heading(title, remark)
        self.markdown += ["", f"### {title}", "", *([remark, ""] if remark else [])]

    def table(self, head: Sequence[str], rows: Sequence[Sequence[str]], align: str) -> None:
        self.terminal.table([head, *rows], align, head=True)
        rule = ["---:" if a == ">" else "---" for a in align.ljust(len(head), "<")]
        self.markdown += [f"| {' | '.join(r)} |" for r in (head, rule, *rows)]


    def remark(self, text: str) -> None:
        self.terminal.write(self.terminal.style(f"  {text}", "dim"))
        self.markdown += ["", text]


@dataclass
class Bench:
    """What is measured, and how."""

    report: Report
    peers: str | None
    works: tuple[str, ...]
    rounds: int = 1
    found: Peaks | None = None

    @property
    def peaks(self) -> Peaks:
        if self.found is None:
            self.found = peaks()
        return self.found

    def implementations(self, names: Sequence[str] = ALL) -> list[tuple[str, str]]:
        """Names, and the Python that runs each: this, and those of `names` that there are."""
        others = [(n, self.peers) for n in names if n in PEERS] if self.peers else []
        return [(OURS, sys.executable), *others, *((n, sys.executable) for n in names if n not in PEERS)]

    def machine(self) -> None:
        p = self.peaks
        self.report.section("Machine", f"{processor()}, {p.cores} cores, Python {platform.python_version()}")
        rows = [
            ["float32 multiply-adds on registers, GFLOP/s", digits(p.flops_one / 1e9), digits(p.flops_all / 1e9)],
            ["NumPy copy of 64 MiB, GB/s read and written", digits(p.copy_one / 1e9), digits(p.copy_all / 1e9)],
        ]
        self.report.table(["peak", "one core", "all cores"], rows, "<>>")

    def start(self) -> None:
        found = startup.imported()
        self.report.section("Start-up", "the median of several processes")
        rows = [
            ["import graphtf", duration(found.seconds), "300 ms"],
            ["resident after it", f"{found.resident / _MB:.0f} MB", "60 MB"],
            ["heavy packages it loads", ", ".join(found.loaded) or "none", "none"],
        ]
        self.report.table(["what", "measured", "aim"], rows, "<>>")

    def small(self) -> None:
        """Calls so small that only their overhead counts."""
        names = [name for name, _ in self.implementations()]
        self.report.section("Small calls", "median time of a call on 4×4 float32")
        rows = []
        for w, (what, aim) in self.report.terminal.progress(SMALL.items(), len(SMALL), "  measuring"):
            figures = self.measured(w)
            rows.append([what, *(cell(figures[n]) for n in names), aim, ratio(figures)])
        self.report.table(["what", *names, "aim", "ratio"], rows, "<" + ">" * (len(names) + 2))

    def kernels(self) -> None:
        self.side_by_side("Kernels", [w for w in self.works if w in KERNELS or w.split(":")[0] in _KERNEL_NAMES])

    def training(self) -> None:
        others = (w for w in self.works if w not in SHAPES)
        self.side_by_side("Networks", [w for w in others if w.split(":")[0] not in _KERNEL_NAMES])

    def shapes(self) -> None:
        self.side_by_side("Other shapes and ops", [w for w in SHAPES if w in self.works], FEW)

    def side_by_side(self, title: str, works: Sequence[str], others: Sequence[str] = ALL) -> None:
        """Workloads, an implementation a column, with the best of the others against us."""
        if not works:
            return
        names = [name for name, _ in self.implementations(others)]
        self.report.section(title, "median time of a step; ratio: the best of the others to graphtf, above 1 is faster")
        rows, remarks = [], []
        for w in self.report.terminal.progress(works, len(works), "  measuring"):
            figures = self.measured(w, others)
            rows.append([w, *(cell(figures[n]) for n in names), self.share(figures[OURS]), ratio(figures)])
            remarks += doubts(w, figures)
        self.report.table(["work", *names, "of peak", "ratio"], rows, "<" + ">" * (len(names) + 2))
        for remark in remarks:
            self.report.remark(remark)

    def measured(self, name: str, others: Sequence[str] = ALL) -> dict[str, Figure]:
        """A workload in every implementation; of several rounds, taken in turns, the one with the middle time."""
        found: dict[str, list[Figure]] = {}
        for _ in range(self.rounds):
            for implementation, python in self.implementations(others):
                found.setdefault(implementation, []).append(work(implementation, name, python))
        return {n: sorted(figures, key=lambda f: f.median)[len(figures) // 2] for n, figures in found.items()}

    def share(self, f: Figure) -> str:
        """The rate, and how much of the machine's peak it is."""
        if f.error:
            return ""
        is_bytes = f.work.split(":")[0] in _BYTES
        peak = max(self.peaks.copy_all, self.peaks.copy_one) if is_bytes else self.peaks.flops_all
        return f"{digits(f.rate / 1e9)} {'GB/s' if is_bytes else 'GFLOP/s'}, {100 * f.rate / peak:.0f} %"

    def first(self) -> None:
        self.report.section("First call", "trace, passes and compilation included; the object cache empty, then full")
        rows, remarks = [], []
        for w in FIRST:
            cold, warm = cold_and_warm(w)
            others = [(name, work(name, w, python)) for name, python in self.implementations() if name in PEERS]
            shown = ", ".join(f"{n} {duration(f.first)}" for n, f in others if not f.error) or "–"
            rows.append([w, *("–" if f.error else duration(f.first) for f in (cold, warm)), shown])
            remarks += [f"{w}: {f.error}" for f in (cold, warm) if f.error]
        self.report.table(["work", "cold", "warm", "the others"], rows, "<>><")
        for remark in remarks:
            self.report.remark(remark)

    def growth(self) -> None:
        from graphtf.tools.bench.growth import grown

        self.report.section("Growth of compile time", "nodes twice as many should take twice as long")
        grown(200)  # warm up what is imported on first use
        rows, before = [], None
        for n in NODES:
            g = sorted((grown(n) for _ in range(3)), key=lambda g: g.total)[1]
            times = [duration(t) for t in (g.trace, g.passes, g.loops, g.code, g.total)]
            rows.append([f"{g.nodes:,}", str(g.kernels), *times, f"{g.total / before:.2f} ×" if before else ""])
            before = g.total
        head = ["nodes", "kernels", "trace", "passes", "loops", "machine code", "all", "growth"]
        self.report.table(head, rows, ">" * len(head))


SECTIONS: dict[str, Callable[[Bench], None]] = {
    "machine": Bench.machine, "start": Bench.start, "small": Bench.small, "kernels": Bench.kernels,
    "training": Bench.training, "shapes": Bench.shapes, "first": Bench.first, "growth": Bench.growth,
}  # fmt: skip
_KERNEL_NAMES = {w.split(":")[0] for w in (*KERNELS, *SMALL)}
_BYTES = {"huber", "gelu", "softmax", "layernorm", "add", "call"} | {
    "matvec", "sum0", "sum1", "middle", "transpose", "heads", "concat", "lookup", "segments", "cumsum", "argmax",
    "sort", "topk", "maxpool",
}  # fmt: skip


def cell(f: Figure) -> str:
    return "–" if f.error else duration(f.median)


def ratio(figures: dict[str, Figure]) -> str:
    """The best of the others to us."""
    others = [f.median for name, f in figures.items() if name != OURS and not f.error]
    if figures[OURS].error or not others:
        return "–"
    return f"{min(others) / figures[OURS].median:.2f}"


def doubts(name: str, figures: dict[str, Figure]) -> list[str]:
    """What the table does not say: what failed, and whose numbers differ from those of the rest."""
    found = [f"{name}: {n}: {f.error}" for n, f in figures.items() if f.error and "has no" not in f.error]
    checks = sorted(f.check for f in figures.values() if not f.error)
    if checks:
        middle = checks[len(checks) // 2]
        far = [n for n, f in figures.items() if not f.error and abs(f.check - middle) > 1e-3 * max(1.0, abs(middle))]
        found += [f"{name}: {n} computes another number than the rest" for n in far]
    return found


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text(errors="replace").splitlines()
    except OSError:
        lines = []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def main(options: argparse.Namespace) -> int:
    for name in options.only:
        if name not in SECTIONS:
            raise UsageError(f"no section {name!r}; there are {', '.join(SECTIONS)}")
    works = tuple(options.works.split(",")) if options.works else (*KERNELS, *TRAINING, *SHAPES)
    report = Report(Terminal())
    bench = Bench(report, options.peers, works, max(1, options.rounds))
    wanted = options.only or (["machine", "kernels", "training", "shapes"] if options.works else list(SECTIONS))
    for name in wanted:
        SECTIONS[name](bench)
    if options.markdown:
        Path(options.markdown).write_text("\n".join([*PAGE, *report.markdown]) + "\n", encoding="utf-8")
    return 0
