"""The file `checkpoint` of a directory: which checkpoints are there, and which is the latest.

Invariant: it is text in TensorFlow's format, replaced as a whole; paths inside the directory are relative. Entry
points: `latest_checkpoint`, `get_checkpoint_state`, `write_state`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

_LINE = re.compile(r'^\s*(\w+)\s*:\s*(?:"((?:[^"\\]|\\.)*)"|([-+.\w]+))\s*$')


@dataclass
class CheckpointState:
    """What the file says, with full paths."""

    model_checkpoint_path: str = ""
    all_model_checkpoint_paths: list[str] = field(default_factory=list)
    all_model_checkpoint_timestamps: list[float] = field(default_factory=list)
    last_preserved_timestamp: float = 0.0


def write_state(
    directory: str, latest: str, paths: Sequence[str], timestamps: Sequence[float], preserved: float | None,
    name: str = "checkpoint",
) -> None:  # fmt: skip
    """Write the file anew."""
    lines = [f'model_checkpoint_path: "{_escaped(_within(directory, latest))}"']
    lines += [f'all_model_checkpoint_paths: "{_escaped(_within(directory, path))}"' for path in paths]
    lines += [f"all_model_checkpoint_timestamps: {t!r}" for t in timestamps]
    if preserved is not None:
        lines.append(f"last_preserved_timestamp: {preserved!r}")
    path = os.path.join(directory, name)
    with open(f"{path}.part", "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")
    os.replace(f"{path}.part", path)


def _within(directory: str, path: str) -> str:
    """A path relative to the directory, if it is inside."""
    relative = os.path.relpath(path, directory or ".")
    return path if relative.startswith(os.pardir) else relative


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')


def get_checkpoint_state(checkpoint_dir: Any, latest_filename: str | None = None) -> CheckpointState | None:
    """What the file `checkpoint` of a directory says, or None if there is none.

    Follows https://www.tensorflow.org/api_docs/python/tf/train/get_checkpoint_state.
    """
    directory = os.fspath(checkpoint_dir)
    try:
        with open(os.path.join(directory, latest_filename or "checkpoint"), encoding="utf-8") as file:
            lines = file.read().splitlines()
    except OSError:
        return None
    state = CheckpointState()
    for line in lines:
        match = _LINE.match(line)
        if match is None:
            continue
        name, text, number = match.groups()
        if name == "model_checkpoint_path" and text is not None:
            state.model_checkpoint_path = _full(directory, text)
        elif name == "all_model_checkpoint_paths" and text is not None:
            state.all_model_checkpoint_paths.append(_full(directory, text))
        elif name == "all_model_checkpoint_timestamps" and number is not None:
            state.all_model_checkpoint_timestamps.append(float(number))
        elif name == "last_preserved_timestamp" and number is not None:
            state.last_preserved_timestamp = float(number)
    if not state.model_checkpoint_path:
        return None
    if state.model_checkpoint_path not in state.all_model_checkpoint_paths:
        state.all_model_checkpoint_paths.append(state.model_checkpoint_path)
    return state


def _full(directory: str, text: str) -> str:
    path = re.sub(r"\\(.)", r"\1", text)
    return path if os.path.isabs(path) else os.path.join(directory, path)


def latest_checkpoint(checkpoint_dir: Any, latest_filename: str | None = None) -> str | None:
    """The prefix of the latest checkpoint of a directory, or None.

    Follows https://www.tensorflow.org/api_docs/python/tf/train/latest_checkpoint.

    >>> latest_checkpoint("/no/such/directory") is None
    True
    """
    state = get_checkpoint_state(checkpoint_dir, latest_filename)
    if state is None or not os.path.exists(f"{state.model_checkpoint_path}.index"):
        return None
    return state.model_checkpoint_path
