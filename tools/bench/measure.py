"""Measurements in processes of their own: nothing measured is disturbed by what was measured before.

Invariant: a figure is the median of several; what failed is a message, not a number. Entry points: `work`, `child`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
OURS = "graphtf"
LIMIT = 600.0  # seconds for one measurement
_HOSTILE = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")  # would slow NumPy down, and flatter us


@dataclass(frozen=True)
class Figure:
    """What one workload took in one implementation; `error` says why there is none."""

    implementation: str
    work: str
    first: float = 0.0
    median: float = 0.0
    least: float = 0.0
    rate: float = 0.0
    check: float = 0.0
    error: str = ""


def environment(**changes: str) -> dict[str, str]:
    """The environment of a measurement."""
    kept = {k: v for k, v in os.environ.items() if k not in _HOSTILE}
    return {**kept, "TF_CPP_MIN_LOG_LEVEL": "3", **changes}


def work(implementation: str, name: str, python: str, settings: Mapping[str, str] | None = None) -> Figure:
    """One workload in one implementation, run by that Python."""
    paths = os.pathsep.join([str(HERE), *filter(None, [os.environ.get("PYTHONPATH", "")])])
    command = [python, "-m", "peers", implementation, name]
    variables = environment(PYTHONPATH=paths, **(settings or {}))
    try:
        done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=LIMIT, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return Figure(implementation, name, error=str(error))
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if not lines:
        said = (done.stderr.strip().splitlines() or [f"exit status {done.returncode}"])[-1]
        return Figure(implementation, name, error=said[:200])
    found = json.loads(lines[-1])
    return Figure(**{k: found[k] for k in ("implementation", "work", "first", "median", "least", "rate", "check")})


def child(code: str, *words: str, **changes: str) -> Any:
    """What a fresh Python process prints as JSON when it runs `code`. Raises RuntimeError with what it said instead."""
    command = [sys.executable, "-c", code, *words]
    variables = environment(**changes)
    done = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=LIMIT, check=False)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["no output"])[-1])
    return json.loads(done.stdout.splitlines()[-1])


def cold_and_warm(name: str) -> tuple[Figure, Figure]:
    """A workload twice: with an empty object cache, and with the one that this filled."""
    with tempfile.TemporaryDirectory() as folder:
        settings = {"GRAPHTF_CACHE_DIR": folder}
        return work(OURS, name, sys.executable, settings), work(OURS, name, sys.executable, settings)
