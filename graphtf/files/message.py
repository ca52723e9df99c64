"""Protocol buffers: messages declared as tables of fields, their wire format and their text.

Invariant: what is written is canonical (fields by number, maps by key, numbers packed), and what is read may be any
valid encoding; unknown fields are passed over. Reading never goes beyond the bytes. Entry points: `Message`, `Field`.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import Any, ClassVar, NamedTuple

import numpy as np

from graphtf.ir.errors import DataLossError

_MASK = (1 << 64) - 1
_WIRE = {"float": 5, "fixed32": 5, "double": 1, "fixed64": 1}  # others are 0 (varint) or 2 (bytes)
_FORMAT = {"float": "<f", "fixed32": "<I", "double": "<d", "fixed64": "<Q"}
_DEFAULT: dict[str, Any] = {"bytes": b"", "string": "", "bool": False, "float": 0.0, "double": 0.0}


class DecodeError(DataLossError):
    """Bytes that are no message."""

    def __init__(self, message: str) -> None:
        super().__init__(None, None, message)


class Field(NamedTuple):
    """A field: its number, what it holds, and whether there may be many, or a map from strings.

    `kind` is int64, uint64, int32, enum, bool, float, double, fixed32, fixed64, string, bytes, or a Message class.
    """

    number: int
    kind: Any
    label: str = ""  # "", repeated or map
    oneof: str = ""


# ---- varints ---------------------------------------------------------------------------------------------------------


def varint(value: int) -> bytes:
    """A number in groups of seven bits; a negative one as its 64 bits."""
    value &= _MASK
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """A number and where it ends. Raises DecodeError if it does not."""
    value = shift = 0
    while shift < 70:
        if at >= len(data):
            break
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at += 1
        if byte < 0x80:
            return value & _MASK, at
        shift += 7
    raise DecodeError("Error parsing message: a number is cut off")


def _tagged(number: int, wire: int) -> bytes:
    return varint(number << 3 | wire)


def fields_of(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """(number, wire type, value) of each field on the wire. Raises DecodeError for broken bytes."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            value: Any
            value, at = read_varint(data, at)
        elif wire in (1, 2, 5):
            size, at = read_varint(data, at) if wire == 2 else (8 if wire == 1 else 4, at)
            if size > len(data) - at:
                raise DecodeError("Error parsing message: a field is cut off")
            value, at = data[at : at + size], at + size
        else:
            raise DecodeError(f"Error parsing message: wire type {wire}")
        if number == 0:
            raise DecodeError("Error parsing message: field number 0")
        yield number, wire, value


# ---- scalars ---------------------------------------------------------------------------------------------------------


def _encoded(kind: Any, value: Any) -> bytes:
    """A value on the wire, without its tag."""
    if kind in _FORMAT:
        return struct.pack(_FORMAT[kind], value)
    if kind in ("bytes", "string") or isinstance(kind, type):
        if isinstance(value, Message):
            value = value.SerializeToString()
        elif isinstance(value, str):
            value = value.encode()
        return varint(len(value)) + value
    return varint(int(value))


def _wire_of(kind: Any) -> int:
    if kind in ("bytes", "string") or isinstance(kind, type):
        return 2
    return _WIRE.get(kind, 0)


def _from_varint(kind: str, value: int) -> Any:
    if kind == "bool":
        return bool(value)
    if kind == "uint64" or value < 1 << 63:
        return value if kind not in ("int32", "enum") else _signed32(value)
    return value - (1 << 64)


def _signed32(value: int) -> int:
    low = value & 0xFFFFFFFF
    return low - (1 << 32) if low >= 1 << 31 else low


def _decoded(kind: Any, wire: int, value: Any) -> Any:
    if wire != _wire_of(kind):
        raise DecodeError(f"Error parsing message: wire type {wire} for a field of {kind}")
    if wire == 0:
        return _from_varint(kind, value)
    if kind in _FORMAT:
        return struct.unpack(_FORMAT[kind], value)[0]
    if isinstance(kind, type):
        return kind.FromString(value)  # type: ignore[attr-defined]
    if kind == "string":
        try:
            return value.decode()
        except UnicodeDecodeError:
            raise DecodeError("Error parsing message: a string is not UTF-8") from None
    return value


def _unpacked(kind: str, data: bytes) -> list[Any]:
    if kind in _FORMAT:
        size = struct.calcsize(_FORMAT[kind])
        if len(data) % size:
            raise DecodeError("Error parsing message: packed numbers are cut off")
        return list(struct.unpack(f"<{len(data) // size}{_FORMAT[kind][1]}", data))
    out, at = [], 0
    while at < len(data):
        value, at = read_varint(data, at)
        out.append(_from_varint(kind, value))
    return out


# ---- messages --------------------------------------------------------------------------------------------------------


class _Map(dict[str, Any]):
    """A map whose messages appear when they are asked for."""

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self._kind = kind

    def __missing__(self, key: str) -> Any:
        if not isinstance(self._kind, type):
            raise KeyError(key)
        made = self[key] = self._kind()
        return made


class _Many(list[Any]):
    """A repeated field."""

    def __init__(self, kind: Any, items: Any = ()) -> None:
        self._kind = kind
        super().__init__(items)

    def add(self, **fields: Any) -> Any:
        """Append a message of these fields."""
        self.append(self._kind(**fields))
        return self[-1]


class Message:
    """A protocol buffer: its fields are attributes."""

    FIELDS: ClassVar[dict[str, Field]] = {}

    def __init__(self, **fields: Any) -> None:
        self._held: dict[str, Any] = {}
        for name, value in fields.items():
            if value is not None:
                self._fill(name, value)

    def _fill(self, name: str, value: Any) -> None:
        field = self._field(name)
        if field.label == "repeated":
            getattr(self, name).extend(_checked(name, field.kind, v) for v in value)
        elif field.label == "map":
            own = getattr(self, name)
            for k, v in value.items():
                own[k] = v
        elif isinstance(field.kind, type) and isinstance(value, dict):
            setattr(self, name, field.kind(**value))
        else:
            setattr(self, name, value)

    def _field(self, name: str) -> Field:
        found = self.FIELDS.get(name)
        if found is None:
            raise ValueError(f"Protocol message {type(self).__name__} has no {name!r} field.")
        return found

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or name not in self.FIELDS:
            raise AttributeError(f"Protocol message {type(self).__name__} has no {name!r} field.")
        if name in self._held:
            return self._held[name]
        field = self.FIELDS[name]
        if field.label == "repeated":
            made: Any = _Many(field.kind)
        elif field.label == "map":
            made = _Map(field.kind)
        elif isinstance(field.kind, type):
            made = field.kind()
        else:
            return _DEFAULT.get(field.kind, 0)
        self._held[name] = made
        return made

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            super().__setattr__(name, value)
            return
        field = self._field(name)
        if field.label == "repeated":
            self._held[name] = _Many(field.kind, value)
            return
        if field.oneof:
            for other, its in self.FIELDS.items():
                if its.oneof == field.oneof and other != name:
                    self._held.pop(other, None)
        self._held[name] = _checked(name, field.kind, value)
        if isinstance(value, Message):
            value._explicit = True

    _explicit = False

    def _empty(self) -> bool:
        return not self._explicit and not any(self._present(name) for name in self.FIELDS)

    def _present(self, name: str) -> bool:
        """Is a field set, to something that is written?"""
        if name not in self._held:
            return False
        field, value = self.FIELDS[name], self._held[name]
        if field.label:
            return bool(value)
        if isinstance(value, Message):
            return not value._empty() and not (field.oneof and self._replaced(name, field.oneof))
        return bool(field.oneof) or value != _DEFAULT.get(field.kind, 0)

    def _replaced(self, name: str, group: str) -> bool:
        """Has another message of the group been filled since?"""
        names = list(self._held)
        later = (n for n in names[names.index(name) + 1 :] if self.FIELDS[n].oneof == group)
        return any(isinstance(self._held[n], Message) and not self._held[n]._empty() for n in later)

    # ---- as in Python's protobuf -------------------------------------------------------------------------------------

    def HasField(self, name: str) -> bool:
        """Is a single field set? Raises ValueError for another one."""
        if self._field(name).label:
            raise ValueError(f'Protocol message {type(self).__name__} has no singular "{name}" field.')
        return self._present(name)

    def WhichOneof(self, group: str) -> str | None:
        """The field of a group that is set."""
        return next((n for n, f in self.FIELDS.items() if f.oneof == group and self._present(n)), None)

    def ClearField(self, name: str) -> None:
        """Unset a field."""
        self._field(name)
        self._held.pop(name, None)

    def Clear(self) -> None:
        """Unset all fields."""
        self._held.clear()

    def CopyFrom(self, other: Message) -> None:
        """Become a copy."""
        self.Clear()
        self.MergeFromString(other.SerializeToString())

    def ByteSize(self) -> int:
        """How many bytes it takes."""
        return len(self.SerializeToString())

    def SerializeToString(self, deterministic: bool | None = None) -> bytes:
        """The message on the wire."""
        fields = sorted(self.FIELDS.items(), key=lambda item: item[1].number)
        return b"".join(self._written(name, field) for name, field in fields if self._present(name))

    def _written(self, name: str, field: Field) -> bytes:
        value, wire = self._held[name], _wire_of(field.kind)
        if field.label == "map":
            entries = (_tagged(1, 2) + _encoded("string", k) + _tagged(2, wire) + _encoded(field.kind, v)
                       for k, v in sorted(value.items()))  # fmt: skip
            return b"".join(_tagged(field.number, 2) + varint(len(e)) + e for e in entries)
        if field.label != "repeated":
            return _tagged(field.number, wire) + _encoded(field.kind, value)
        if wire == 2:
            return b"".join(_tagged(field.number, 2) + _encoded(field.kind, v) for v in value)
        if field.kind in _FORMAT:
            packed = struct.pack(f"<{len(value)}{_FORMAT[field.kind][1]}", *value)
        else:
            packed = b"".join(varint(int(v)) for v in value)
        return _tagged(field.number, 2) + varint(len(packed)) + packed

    @classmethod
    def FromString(cls, data: bytes) -> Any:
        """The message of bytes. Raises DataLossError if they are none."""
        made = cls()
        made.MergeFromString(data)
        return made

    def ParseFromString(self, data: bytes) -> int:
        """Become the message of bytes; how many those are."""
        self.Clear()
        return self.MergeFromString(data)

    def MergeFromString(self, data: bytes) -> int:
        """Take the fields of bytes; how many those are."""
        by_number = {f.number: (n, f) for n, f in self.FIELDS.items()}
        for number, wire, value in fields_of(bytes(data)):
            if number in by_number:
                self._read(*by_number[number], wire, value)
        return len(data)

    def _read(self, name: str, field: Field, wire: int, value: Any) -> None:
        if field.label == "map":
            parts = {n: (w, v) for n, w, v in fields_of(value)}
            key = _decoded("string", *parts.get(1, (2, b"")))
            held = parts.get(2)
            empty = field.kind() if isinstance(field.kind, type) else _DEFAULT.get(field.kind, 0)
            getattr(self, name)[key] = empty if held is None else _decoded(field.kind, *held)
        elif field.label == "repeated":
            if wire == 2 and _wire_of(field.kind) != 2:
                getattr(self, name).extend(_unpacked(field.kind, value))
            else:
                getattr(self, name).append(_decoded(field.kind, wire, value))
        elif isinstance(field.kind, type) and name in self._held:
            self._held[name].MergeFromString(value)
        else:
            setattr(self, name, _decoded(field.kind, wire, value))

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and other.SerializeToString() == self.SerializeToString()  # type: ignore[attr-defined]

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return "".join(f"{line}\n" for line in self._lines())

    __str__ = __repr__

    def _lines(self) -> Iterator[str]:
        for name, field in self.FIELDS.items():
            if not self._present(name):
                continue
            value = self._held[name]
            if field.label == "map":
                for k, v in sorted(value.items()):
                    shown = _quoted(k) if isinstance(k, (str, bytes)) else k
                    yield from (f"{name} {{", f"  key: {shown}", *_shown("  value", v, "  ", field.kind), "}")
            else:
                for v in value if field.label else [value]:
                    yield from _shown(name, v, "", field.kind)


def _shown(name: str, value: Any, indent: str, kind: Any) -> Iterator[str]:
    if isinstance(value, Message):
        yield f"{name} {{"
        yield from (f"{indent}  {line}" for line in value._lines())
        yield f"{indent}}}"
    elif isinstance(value, (bytes, str)):
        yield f"{name}: {_quoted(value)}"
    elif kind in _DIGITS:
        yield f"{name}: {_number(value, kind)}"
    else:
        yield f"{name}: {str(value).lower() if isinstance(value, bool) else value}"


_DIGITS = {"float": (6, 9), "double": (15, 17)}  # few, where they tell the number, or enough
_ESCAPES = {9: r"\t", 10: r"\n", 13: r"\r", 34: r"\"", 39: r"\'", 92: r"\\"}


def _number(value: Any, kind: str) -> str:
    few, enough = _DIGITS[kind]
    storage = np.dtype(_FORMAT[kind]).type
    x = float(value)
    text = f"{x:.{few}g}"
    return text if math.isnan(x) or storage(text) == storage(x) else f"{x:.{enough}g}"


def _quoted(value: str | bytes) -> str:
    """Text as it is, bytes that are no printable ASCII in octal."""
    if isinstance(value, str):
        return '"' + "".join(_ESCAPES.get(ord(c), c) for c in value) + '"'
    return '"' + "".join(_ESCAPES.get(c) or (chr(c) if 32 <= c < 127 else f"\\{c:03o}") for c in value) + '"'


def _checked(name: str, kind: Any, value: Any) -> Any:
    """A value that a field may hold. Raises TypeError for another one."""
    if isinstance(kind, type):
        ok = isinstance(value, kind)
    elif kind == "bytes":
        ok = isinstance(value, (bytes, bytearray))
    elif kind == "string":
        ok = isinstance(value, (str, bytes))
    else:
        ok = hasattr(value, "__float__" if kind in ("float", "double") else "__index__")
    if not ok:
        wanted = kind.__name__ if isinstance(kind, type) else kind
        raise TypeError(f"{value!r} has type {type(value).__name__}, but field {name!r} holds {wanted}")
    if kind in _DIGITS:
        return float(np.dtype(_FORMAT[kind]).type(value))
    return value if isinstance(kind, type) or isinstance(value, (bytes, str, bool)) else _plain(value)


def _plain(value: Any) -> Any:
    return bytes(value) if isinstance(value, bytearray) else value.__index__()
