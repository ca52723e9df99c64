"""Runs the pipelines on TensorFlow and writes recorded.json: `python record.py`, in an environment that has it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pipelines
import plain


def main(tf: Any) -> None:
    found: dict[str, Any] = {"pipelines": {}, "errors": {}}
    for name, make in pipelines.PIPELINES.items():
        found["pipelines"][name] = plain.dataset(make(tf))
    for name, make in pipelines.ERRORS.items():
        found["errors"][name] = plain.error(lambda make=make: make(tf))
    lines = [
        f'"{kind}": {{\n' + ",\n".join(f"{json.dumps(k)}: {json.dumps(v)}" for k, v in cases.items()) + "\n}"
        for kind, cases in found.items()
    ]
    Path(__file__).with_name("recorded.json").write_text("{\n" + ",\n".join(lines) + "\n}\n")


if __name__ == "__main__":
    import tensorflow

    main(tensorflow)
