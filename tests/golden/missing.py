"""The recorded calls that give something else here, and why.

Invariant: a case that is listed fails in the modes named, or the test of the recorded calls does.
"""

from __future__ import annotations

from typing import NamedTuple

EVERY = ("eager", "reference", "native")


class Missing(NamedTuple):
    """Why a case fails, and how it must be run to fail."""

    why: str
    modes: tuple[str, ...] = EVERY


MISSING: dict[str, Missing] = {}
