"""A stage that leaves out elements whose making failed. Entry point: `IgnoreErrors`."""

from __future__ import annotations

import logging

from graphtf.data.node import Node
from graphtf.data.order import Same
from graphtf.data.reader import Reader
from graphtf.data.structure import Leaves
from graphtf.ir.errors import OpError

_log = logging.getLogger("graphtf")


class _Ignoring(Reader):
    def __init__(self, inner: Reader, log: bool) -> None:
        self._inner, self._log = inner, log

    def next(self) -> Leaves | None:
        while True:
            try:
                return self._inner.next()
            except OpError as error:
                if self._log:
                    _log.warning("Error raised with error message %s", error)

    def close(self) -> None:
        self._inner.close()


class IgnoreErrors(Same):
    """The elements that come without an error."""

    def __init__(self, before: Node, log: bool) -> None:
        super().__init__(before)
        self.log = log

    def open(self) -> Reader:
        return _Ignoring(self.input.open(), self.log)
