"""A failed check in native code becomes the error the interpreter would raise.

Invariant: the message names the op and the user's line. Entry point: `raise_for`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NoReturn

from graphtf.ir.errors import InternalError, InvalidArgumentError, ResourceExhaustedError
from graphtf.ir.loops.stmt import Site

OUT_OF_MEMORY = -2  # a status, beside the numbers of checks


def raise_for(sites: Sequence[Site], number: int, value: int) -> NoReturn:
    """Raise the error of check `number` (from 1), which noted `value`."""
    if number == OUT_OF_MEMORY:
        raise ResourceExhaustedError(None, None, "the system has no memory for what native code needs meanwhile")
    if not 1 <= number <= len(sites):
        raise InternalError(None, None, f"native code stopped with the unknown status {number}")
    site = sites[number - 1]
    where = f" (defined at {site.source})" if site.source else ""
    raise InvalidArgumentError(None, None, f"{site.op}: {site.message.replace('{value}', str(value))}{where}")
