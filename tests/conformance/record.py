"""A pytest plugin that writes what became of each case as a line of JSON, to the file that CONFORMANCE_LOG names."""

from __future__ import annotations

import json
import os
import sys
import types
from typing import Any

import pytest

sys.modules.setdefault("conftest", types.SimpleNamespace(skip_if_backend=lambda backend, reason: pytest.mark.skipif(
    backend == "tensorflow", reason=reason
)))  # type: ignore[arg-type]  # fmt: skip  # Keras' wheel leaves out the file of its repository that has it

_OFTEN = 500  # cases after which JAX forgets the code that it made for them to compare with: gigabytes, in ops
_OUTCOMES: dict[str, dict[str, Any]] = {}


def _reason(report: pytest.TestReport) -> str:
    if report.skipped and isinstance(report.longrepr, tuple):
        return str(report.longrepr[2])
    crash = getattr(report.longrepr, "reprcrash", None)
    return str(crash.message if crash is not None else report.longrepr or "")[:400]


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Collect the phases of a case: it fails if one fails, and is skipped if one is."""
    if os.environ.get("PYTEST_XDIST_WORKER"):
        return
    entry = _OUTCOMES.setdefault(report.nodeid, {"case": report.nodeid, "outcome": "passed", "seconds": 0.0, "why": ""})
    entry["seconds"] = round(entry["seconds"] + report.duration, 3)
    if report.outcome != "passed" and entry["outcome"] != "failed":
        entry["outcome"], entry["why"] = report.outcome, _reason(report)


def pytest_runtest_logfinish() -> None:
    """Keep memory bounded: what a case made is garbage, but for what JAX keeps."""
    if len(_OUTCOMES) % _OFTEN == 0 and "jax" in sys.modules:
        sys.modules["jax"].clear_caches()


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A file that cannot be imported counts as a case that fails."""
    if report.failed and not os.environ.get("PYTEST_XDIST_WORKER"):
        why = str(report.longrepr)[-400:]
        _OUTCOMES[report.nodeid] = {"case": report.nodeid, "outcome": "failed", "seconds": 0.0, "why": why}


def pytest_sessionfinish() -> None:
    """Write the file."""
    path = os.environ.get("CONFORMANCE_LOG")
    if path and not os.environ.get("PYTEST_XDIST_WORKER"):
        with open(path, "w") as file:
            file.writelines(json.dumps(entry) + "\n" for entry in _OUTCOMES.values())
