"""Reading ELF object files (64-bit, little-endian, x86-64) as LLVM writes them.

Invariant: reading only slices bytes with bounds checked; whatever is malformed raises `LinkError` and nothing is
loaded. Symbols and relocations stay arrays, because a large program has many thousands. Entry point: `read(data)`.
"""
from __future__ import annotations

import struct
from dataclasses import dataclass, field
from typing import Any

import numpy as np

_FILE_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = np.dtype([("name", "<u4"), ("info", "u1"), ("other", "u1"), ("section", "<u2"), ("value", "<u8"),
                    ("size", "<u8")])
_RELOCATION = np.dtype([("offset", "<u8"), ("kind", "<u4"), ("symbol", "<u4"), ("addend", "<i8")])

_IDENT = b"\x7fELF\x02\x01\x01"
_RELOCATABLE, _X86_64 = 1, 62
_SYMTAB, _RELA, _NOBITS = 2, 4, 8
_WRITE, _ALLOC, _EXECUTE, _THREAD_LOCAL = 0x1, 0x2, 0x4, 0x400
_UNDEFINED, _COMMON, _LOCAL = 0, 0xFFF2, 0
_LARGEST = 1 << 30
_COARSEST_ALIGNMENT = 4096
# Tables for unwinding and notes. Generated code throws nothing, so they are not loaded.
_SKIPPED = (".eh_frame", ".note", ".llvm")
_UNSUPPORTED = (".init_array", ".fini_array", ".ctors", ".dtors")

Array = np.ndarray[Any, Any]


class LinkError(RuntimeError):
    """An object file cannot be loaded: malformed, of another platform, or with a symbol nothing defines."""


@dataclass(slots=True, eq=False)
class Section:
    """One loaded section. `address` is set by the loader's layout; the file's bytes are followed by zeros."""

    name: str
    content: bytes
    size: int
    alignment: int = 16
    writable: bool = False
    executable: bool = False
    address: int = 0


@dataclass(slots=True)
class ObjectFile:
    """What a loader needs of one object file.

    `home[i]` is the section of symbol i as an index into `sections`, or -1, and `value[i]` its offset there.
    `exported` and `undefined` map names to symbols, and `relocations` pairs a section with the patches in it.
    """

    sections: list[Section] = field(default_factory=list)
    home: Array = field(default_factory=lambda: np.empty(0, np.int64))
    value: Array = field(default_factory=lambda: np.empty(0, np.int64))
    exported: dict[str, int] = field(default_factory=dict)
    undefined: dict[str, int] = field(default_factory=dict)
    relocations: list[tuple[Section, Array]] = field(default_factory=list)


def read(data: bytes) -> ObjectFile:
    """The loadable sections, symbols and relocations of the object file `data`. Raises LinkError."""
    try:
        return _read(data)
    except (struct.error, ValueError, IndexError, OverflowError) as error:
        raise LinkError(f"object file of {len(data)} bytes is malformed: {error}") from error


def _read(data: bytes) -> ObjectFile:
    headers, names_index = _section_headers(data)
    names = _slice(data, headers[names_index])
    result = ObjectFile()
    position: dict[int, int] = {}
    for index, header in enumerate(headers):
        section = _section(data, header, _text(names, header[0]))
        if section is not None:
            position[index] = len(result.sections)
            result.sections.append(section)
    for header in headers:
        if header[1] == _SYMTAB:
            home = np.array([position.get(index, -1) for index in range(len(headers) + 1)], np.int64)
            _read_symbols(result, data, header, _slice(data, headers[header[6]]), home)
    for header in headers:
        if header[1] == _RELA and header[7] in position:
            patches = np.frombuffer(_slice(data, header), _RELOCATION)
            if patches.size and patches["symbol"].max() >= result.home.size:
                raise LinkError("object file patches with a symbol it does not have")
            result.relocations.append((result.sections[position[header[7]]], patches))
    return result


def _section_headers(data: bytes) -> tuple[list[tuple[int, ...]], int]:
    ident, kind, machine, _, _, _, table, _, _, _, _, entry_size, count, names = _FILE_HEADER.unpack_from(data)
    if not ident.startswith(_IDENT) or kind != _RELOCATABLE or machine != _X86_64 or entry_size != _SECTION.size:
        raise LinkError("object file is not a relocatable x86-64 ELF file")
    return [_SECTION.unpack_from(data, table + i * _SECTION.size) for i in range(count)], names


def _section(data: bytes, header: tuple[int, ...], name: str) -> Section | None:
    """The section if it is part of the running program."""
    _, kind, flags, _, _, size, _, _, alignment, _ = header
    if not flags & _ALLOC or name.startswith(_SKIPPED):
        return None
    if flags & _THREAD_LOCAL or name.startswith(_UNSUPPORTED):
        raise LinkError(f"object file has a section {name}, which the loader does not support")
    if alignment & (alignment - 1) or alignment > _COARSEST_ALIGNMENT or size > _LARGEST:
        raise LinkError(f"object file's section {name} has alignment {alignment} and size {size}")
    content = b"" if kind == _NOBITS else _slice(data, header)
    return Section(name, content, size, max(1, alignment), bool(flags & _WRITE), bool(flags & _EXECUTE))


def _read_symbols(
    result: ObjectFile, data: bytes, header: tuple[int, ...], names: bytes, home: Array,
) -> None:
    table = np.frombuffer(_slice(data, header), _SYMBOL)
    sizes = np.array([section.size for section in result.sections] + [0], np.uint64)
    result.home = home[np.minimum(table["section"], home.size - 1)]
    result.value = table["value"].astype(np.int64)
    if (table["section"] == _COMMON).any() or (table["value"] > sizes[result.home])[result.home >= 0].any():
        raise LinkError("object file has a common symbol, or one outside its section")
    for index in np.flatnonzero(table["info"] >> 4 != _LOCAL).tolist():
        name = _text(names, int(table["name"][index]))
        if result.home[index] >= 0:
            result.exported[name] = index
        elif table["section"][index] == _UNDEFINED:
            result.undefined[name] = index


def _slice(data: bytes, header: tuple[int, ...]) -> bytes:
    offset, size = header[4], header[5]
    if offset + size > len(data):
        raise LinkError(f"object file is cut: a section ends at byte {offset + size} of {len(data)}")
    return data[offset:offset + size]


def _text(table: bytes, offset: int) -> str:
    return table[offset:table.index(b"\0", offset)].decode()
