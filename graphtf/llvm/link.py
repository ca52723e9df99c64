"""Loading object code into this process: several objects become one unit of memory with symbols.

Invariant: code is never writable and executable at once, every patch lies inside its section, and the memory lives
as long as its `Loaded` does. ELF objects for x86-64 are linked here, in under a millisecond and without loading
LLVM; hosts of other kinds use LLVM's linker. Entry point: `load(objects, externals)`.
"""
from __future__ import annotations

import ctypes
import mmap
import os
import platform
import sys
import weakref
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from graphtf.llvm import elf, orc
from graphtf.llvm.elf import Array, LinkError, ObjectFile, Section

# What generated code may call of the C library. Everything else it does not define must be in `externals`.
ALLOWED_LIBRARY_SYMBOLS = frozenset({
    "memcpy", "memmove", "memset", "memcmp", "bzero", "malloc", "free", "fmod", "fmodf",
    "ceil", "ceilf", "floor", "floorf", "rint", "rintf", "trunc", "truncf",  # where no instruction rounds
})  # fmt: skip

_R_64, _R_PC32, _R_PLT32, _R_GOTPCREL, _R_PC64, _R_GOTPCRELX, _R_REX_GOTPCRELX = 1, 2, 4, 9, 24, 41, 42


def _kinds(*kinds: int) -> Array:
    """A table that tells of every relocation type up to 63 whether it is one of `kinds`; 63 stands for larger ones."""
    table = np.zeros(64, np.bool_)
    table[list(kinds)] = True
    return table


_THROUGH_TABLE = _kinds(_R_GOTPCREL, _R_GOTPCRELX, _R_REX_GOTPCRELX)
_PC_RELATIVE_32 = _THROUGH_TABLE | _kinds(_R_PC32, _R_PLT32)
_KNOWN = _PC_RELATIVE_32 | _kinds(_R_64, _R_PC64)
_POINTER_SIZE = 8
LINKS_ITSELF = sys.platform == "linux" and platform.machine() == "x86_64" and sys.maxsize > 1 << 32
_STUB_SIZE = 8  # jmp *entry(%rip) and two bytes of padding
_STUB_JUMP_SIZE = 6
_PAGE = mmap.PAGESIZE
_CODE = mmap.PROT_READ | mmap.PROT_EXEC
_CONSTANTS = mmap.PROT_READ
_DATA = mmap.PROT_READ | mmap.PROT_WRITE


class Loaded:
    """Machine code in memory. Addresses are valid while this object is referenced."""

    def __init__(self, find: Callable[[str], int | None]) -> None:
        self._find = find

    def address(self, symbol: str) -> int:
        """The address of an exported function or variable. Raises LinkError for a name it does not define."""
        found = self._find(symbol)
        if found is None:
            raise LinkError(f"symbol {symbol!r} is not defined by the loaded code")
        return found


def load(objects: Sequence[bytes], externals: Mapping[str, int]) -> Loaded:
    """Link objects made for this host with each other, with `externals`, and with the allowed library functions.

    Raises LinkError for a malformed object, a name defined twice or not at all, or memory the system refuses.
    """
    if LINKS_ITSELF:
        return _load_elf(objects, externals)
    library = {name: library_symbol(name) for name in sorted(ALLOWED_LIBRARY_SYMBOLS) if _has(name)}
    return Loaded(orc.link(objects, {**library, **externals}))


def library_symbol(name: str) -> int:
    """The address of a C library function in this process. Raises LinkError where it has none."""
    for library in (_LIBC, _MATH):
        function = getattr(library, name, None)
        if function is not None:
            return ctypes.cast(function, ctypes.c_void_p).value or 0
    raise LinkError(f"the C library of this process has no function {name!r}")


def _has(name: str) -> bool:
    return hasattr(_LIBC, name) or hasattr(_MATH, name)


def _load_elf(objects: Sequence[bytes], externals: Mapping[str, int]) -> Loaded:
    image = _Image([elf.read(data) for data in objects])
    address = _reserve(image.size)
    try:
        image.place(address)
        exported = image.exported()
        image.patch(exported, externals)
        ctypes.memmove(address, image.content.ctypes.data, image.size)
        image.protect()
    except BaseException:
        _LIBC.munmap(address, image.size)
        raise
    loaded = Loaded(exported.get)
    # At interpreter exit the memory stays: a pool's thread may still wait inside it.
    weakref.finalize(loaded, _LIBC.munmap, address, image.size).atexit = False
    return loaded


class _Image:
    """The unit while it is put together: code, then constants, then data, each kind on pages of its own.

    Every undefined symbol of every object has an entry in an address table and a stub that jumps through it; so has
    every symbol the code asks for by way of the table.
    """

    def __init__(self, files: list[ObjectFile]) -> None:
        self._files = files
        self._entries = [_table_entries(file) for file in files]
        count = sum(map(len, self._entries))
        self._stubs = Section(".stubs", b"", _STUB_SIZE * count, executable=True)
        self._table = Section(".table", b"", _POINTER_SIZE * count)
        self._pages: list[tuple[int, int, int]] = []  # offset, size, protection
        self._offsets: list[tuple[Section, int]] = []
        self.size = self._lay_out([self._stubs, self._table, *(s for file in files for s in file.sections)])
        self.content = np.zeros(self.size, np.uint8)
        self._address = 0

    def _lay_out(self, sections: list[Section]) -> int:
        end = 0
        for protection in (_CODE, _CONSTANTS, _DATA):
            start = end
            for section in sections:
                if _protection(section) == protection:
                    end = _round_up(end, section.alignment)
                    self._offsets.append((section, end))
                    end += section.size
            end = _round_up(end, _PAGE)
            self._pages.append((start, end - start, protection))
        return max(end, _PAGE)

    def place(self, address: int) -> None:
        """Give every section its address and put its bytes into the image."""
        self._address = address
        for section, offset in self._offsets:
            section.address = address + offset
            self.content[offset:offset + len(section.content)] = np.frombuffer(section.content, np.uint8)

    def exported(self) -> dict[str, int]:
        """The addresses of what the objects define for others."""
        found: dict[str, int] = {}
        for file in self._files:
            for name, index in file.exported.items():
                if name in found:
                    raise LinkError(f"symbol {name!r} is defined twice")
                found[name] = file.sections[file.home[index]].address + int(file.value[index])
        return found

    def patch(self, exported: Mapping[str, int], externals: Mapping[str, int]) -> None:
        """Fill the address table and its stubs, and apply every relocation."""
        first = 0
        for file, entries in zip(self._files, self._entries):
            addresses = _symbol_addresses(file, exported, externals)
            slots = np.full(file.home.size, -1, np.int64)
            slots[entries] = np.arange(first, first + entries.size)
            self._fill_table(slots[entries], addresses[entries])
            first += entries.size
            for section, patches in file.relocations:
                self._patch_section(file, section, patches, addresses, slots)

    def _fill_table(self, slots: Array, addresses: Array) -> None:
        entries = self._table.address + slots * _POINTER_SIZE
        stubs = self._stubs.address + slots * _STUB_SIZE
        self._write(entries, addresses)
        self._write(stubs, np.full(slots.size, 0x25FF, np.uint16))  # jmp *displacement(%rip)
        self._write(stubs + 2, (entries - stubs - _STUB_JUMP_SIZE).astype(np.int32))

    def _patch_section(
        self, file: ObjectFile, section: Section, patches: Array, addresses: Array, slots: Array,
    ) -> None:
        kind, symbol = np.minimum(patches["kind"], 63), patches["symbol"]
        short = _PC_RELATIVE_32[kind]
        if not _KNOWN[kind].all():
            raise LinkError(f"object file uses relocation types {np.unique(patches['kind'][~_KNOWN[kind]])}")
        if (patches["offset"] > section.size - np.where(short, 4, 8)).any():
            raise LinkError(f"object file patches outside the {section.size} bytes of section {section.name}")
        place = section.address + patches["offset"].astype(np.int64)
        target = addresses[symbol]
        target = np.where(_THROUGH_TABLE[kind], self._table.address + slots[symbol] * _POINTER_SIZE, target)
        by_stub = (kind == _R_PLT32) & (file.home[symbol] < 0)
        target = np.where(by_stub, self._stubs.address + slots[symbol] * _STUB_SIZE, target)
        value = target + patches["addend"] - np.where(kind == _R_64, 0, place)
        near = value[short].astype(np.int32)
        if (near != value[short]).any():
            raise LinkError("object file refers to a symbol that is too far away to be reached")
        self._write(place[short], near)
        self._write(place[~short], value[~short])

    def _write(self, places: Array, values: Array) -> None:
        """Store each of `values`, with its own width, at the absolute address beside it."""
        width = values.dtype.itemsize
        offsets = (places - self._address)[:, None] + np.arange(width)
        self.content[offsets] = np.ascontiguousarray(values).view(np.uint8).reshape(-1, width)

    def protect(self) -> None:
        """Give each group of pages its final protection."""
        for offset, size, protection in self._pages:
            if size and _LIBC.mprotect(self._address + offset, size, protection):
                raise LinkError(f"the system does not let code be loaded: {os.strerror(ctypes.get_errno())}")


def _table_entries(file: ObjectFile) -> Array:
    """The symbols of `file` that need an address in the table."""
    through = [patches["symbol"][_THROUGH_TABLE[np.minimum(patches["kind"], 63)]] for _, patches in file.relocations]
    # Not np.unique: its first call imports numpy.ma, which takes longer than all else here.
    return np.array(sorted(set(file.undefined.values()).union(*(symbols.tolist() for symbols in through))), np.int64)


def _symbol_addresses(file: ObjectFile, exported: Mapping[str, int], externals: Mapping[str, int]) -> Array:
    bases = np.array([section.address for section in file.sections] + [0], np.int64)
    addresses = bases[file.home] + file.value
    for name, index in file.undefined.items():
        addresses[index] = _find(name, exported, externals)
    return addresses


def _find(name: str, *places: Mapping[str, int]) -> int:
    for known in places:
        if name in known:
            return known[name]
    if name in ALLOWED_LIBRARY_SYMBOLS:
        return library_symbol(name)
    raise LinkError(f"symbol {name!r} is not defined, and not one that generated code may use")


def _protection(section: Section) -> int:
    if section.executable:
        return _CODE
    return _DATA if section.writable else _CONSTANTS


def _round_up(value: int, unit: int) -> int:
    return -(-value // unit) * unit


def _reserve(size: int) -> int:
    """Fresh private memory, readable and writable."""
    flags = mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS
    address = _LIBC.mmap(None, size, mmap.PROT_READ | mmap.PROT_WRITE, flags, -1, 0)
    if address in (None, ctypes.c_void_p(-1).value):
        raise LinkError(f"no memory for {size} bytes of code: {os.strerror(ctypes.get_errno())}")
    return int(address)


def _math_library() -> ctypes.CDLL:
    try:
        return ctypes.CDLL("libm.so.6")
    except OSError:  # elsewhere it is part of the C library
        return ctypes.CDLL(None)


_LIBC, _MATH = ctypes.CDLL(None, use_errno=True), _math_library()
_LIBC.mmap.restype = ctypes.c_void_p
_LIBC.mmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long)
_LIBC.munmap.argtypes = (ctypes.c_void_p, ctypes.c_size_t)
_LIBC.mprotect.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
