"""Running what may crash or hang in a process of its own.

Invariant: a crash, a hang and an exception of the child are answers, not errors of the parent. The child is a fork, so
the parent must not have started threads. Entry point: `isolated`.
"""

from __future__ import annotations

import faulthandler
import json
import os
import signal
import tempfile
import traceback
from collections.abc import Callable
from typing import Any

LIMIT = 60  # seconds


def isolated(fn: Callable[..., Any], *args: Any, limit: int = LIMIT) -> tuple[str, Any]:
    """("done", what fn returns, as JSON), ("raised", traceback), or ("crashed", signal and stack)."""
    with tempfile.TemporaryFile("w+") as errors:
        receive, send = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(receive)
            _run(fn, args, send, errors.fileno(), limit)
        os.close(send)
        with os.fdopen(receive, "rb") as pipe:
            data = pipe.read()
        _, status = os.waitpid(child, 0)
        if not os.WIFSIGNALED(status) and data:
            kind, value = json.loads(data)
            return kind, value
        errors.seek(0)
        return "crashed", f"{_signal(status)}\n{errors.read()[:2000]}"


def _run(fn: Callable[..., Any], args: Any, send: int, errors: int, limit: int) -> None:
    """The child's whole life."""
    os.dup2(errors, 2)
    faulthandler.enable()
    signal.alarm(limit)
    try:
        answer = ("done", fn(*args))
    except BaseException:  # noqa: BLE001  # the parent is told
        answer = ("raised", traceback.format_exc()[-1500:])
    os.write(send, json.dumps(answer).encode())
    os._exit(0)


def _signal(status: int) -> str:
    return signal.Signals(os.WTERMSIG(status)).name if os.WIFSIGNALED(status) else f"status {status}"
