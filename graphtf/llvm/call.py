"""Calling native programs from Python: `i32 program(ptr args)` as a builtin function of one integer.

Invariant: a caller keeps the code it calls in memory. It is a real builtin whose body is native, because a call
through ctypes costs several times what a small program does. Entry point: `make_caller`.
"""
from __future__ import annotations

import ctypes
import functools
from collections.abc import Callable
from enum import Enum

from graphtf.llvm.link import Loaded
from graphtf.llvm.threads import runtime

_METH_O = 0x0008


class Gil(Enum):
    """What a caller does with the interpreter lock while native code runs."""

    HELD = "gtf_call_held"  # for programs of microseconds: giving the lock away costs more than they take
    RELEASED = "gtf_call_released"  # for longer ones: other Python threads run meanwhile
    INTERRUPTIBLE = "gtf_call_interruptible"  # released, and Ctrl-C reaches loops that poll for it


class _MethodDef(ctypes.Structure):
    """CPython's PyMethodDef, part of its stable interface."""

    _fields_ = (("name", ctypes.c_char_p), ("function", ctypes.c_void_p), ("flags", ctypes.c_int),
                ("doc", ctypes.c_char_p))


@functools.cache
def _method(gil: Gil) -> _MethodDef:
    return _MethodDef(b"program", runtime().address(gil.value), _METH_O, None)


@functools.cache
def _new_function() -> Callable[[object, int, object], Callable[[int], int]]:
    prototype = ctypes.PYFUNCTYPE(ctypes.py_object, ctypes.c_void_p, ctypes.py_object, ctypes.py_object)
    return prototype(("PyCFunction_NewEx", ctypes.pythonapi))


def make_caller(loaded: Loaded, symbol: str = "program", gil: Gil = Gil.HELD) -> Callable[[int], int]:
    """A function that calls `i32 symbol(ptr args)` of `loaded` with an address and returns its status.

    With Gil.INTERRUPTIBLE it raises KeyboardInterrupt, or whatever the installed signal handler raises, when a loop
    of the program was stopped by `gtf_poll_interrupt`. Raises LinkError when `loaded` does not define `symbol`.
    """
    # The builtin's "self" is the program's address; its "module" is any object it shall keep alive.
    return _new_function()(ctypes.addressof(_method(gil)), loaded.address(symbol), loaded)
