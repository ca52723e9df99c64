"""Regular expressions in RE2's syntax, by way of Python's `re`.

Invariant: classes such as \\d are ASCII, `.` is one UTF-8 character, `$` without (?m) is the very end, and a match is
the
leftmost, preferring the first alternative, as in RE2. What RE2 refuses (look-around, back-references) is refused; what
only RE2 knows (Unicode classes other than by general category, \\C) too. Entry points: `compiled`, `replaced`.
"""

from __future__ import annotations

import functools
import re
import sys
import unicodedata
from collections.abc import Iterator

from graphtf.ir.errors import InvalidArgumentError

_POSIX = {
    "alnum": "0-9A-Za-z", "alpha": "A-Za-z", "ascii": "\\x00-\\x7f", "blank": "\\t ", "cntrl": "\\x00-\\x1f\\x7f",
    "digit": "0-9", "graph": "!-~", "lower": "a-z", "print": " -~", "punct": "!-/:-@\\[-`{-~",
    "space": "\\t\\n\\v\\f\\r ", "upper": "A-Z", "word": "0-9A-Za-z_", "xdigit": "0-9A-Fa-f",
}  # fmt: skip
_SPECIAL_IN_CLASS = "[&|~"
_KEPT = frozenset("dDwWsSbBAafnrtvx01234567")
_FLAGS = frozenset("imsU")


def _refused(pattern: str, why: str) -> InvalidArgumentError:
    return InvalidArgumentError(None, None, f"Invalid pattern: {pattern}, error: {why}")


@functools.lru_cache(maxsize=256)
def compiled(pattern: bytes) -> re.Pattern[str]:
    """The pattern as Python's `re` takes it. Raises InvalidArgumentError for a bad one."""
    text = pattern.decode("utf-8", "surrogateescape")
    try:
        return re.compile(_Translation(text).whole(), re.ASCII)
    except re.error as error:
        raise _refused(text, str(error)) from None
    except RecursionError:
        raise _refused(text, "nested too deeply") from None


@functools.cache
def _category(name: str) -> str:
    """The members of a general category of Unicode (one or two letters), as ranges."""
    ranges: list[str] = []
    start: int | None = None
    for code in range(sys.maxunicode + 2):
        inside = code <= sys.maxunicode and unicodedata.category(chr(code)).startswith(name)
        if inside and start is None:
            start = code
        elif not inside and start is not None:
            ranges.append(f"\\U{start:08x}-\\U{code - 1:08x}")
            start = None
    return "".join(ranges)


class _Translation:
    """One pass over a pattern."""

    def __init__(self, pattern: str) -> None:
        self.pattern, self.at = pattern, 0
        self.multiline = False

    def whole(self) -> str:
        out = "".join(self._sequence(False))
        if self.at < len(self.pattern):
            raise _refused(self.pattern, "unexpected )")
        return out

    def _sequence(self, nested: bool) -> Iterator[str]:
        """Up to the end of the group; flags set inside hold to its end, so each opens a group of its own."""
        flags: list[str] = []
        multiline = self.multiline
        while self.at < len(self.pattern):
            char = self.pattern[self.at]
            if char == ")":
                break
            self.at += 1
            if char == "(":
                inner = self._group()
                flags += [inner] if inner.endswith(":") else []
                yield inner
            elif char == "|":
                yield ")" * len(flags) + "|" + "".join(flags)
            else:
                yield self._single(char)
        yield ")" * len(flags)
        if nested and self.at >= len(self.pattern):
            raise _refused(self.pattern, "missing )")
        self.multiline = multiline

    def _single(self, char: str) -> str:
        if char == "\\":
            return self._escape(in_class=False)
        if char == "[":
            return self._class()
        if char == "$":
            return "$" if self.multiline else "\\Z"
        if char == "{" and not re.match(r"\d+(,\d*)?\}", self.pattern[self.at :]):
            return "\\{"
        if char in "*+?" and self.pattern[self.at : self.at + 1] == "+":
            raise _refused(self.pattern, f"bad repetition operator: {char}+")
        return char

    # ---- groups ------------------------------------------------------------------------------------------------------

    def _group(self) -> str:
        """A group, or flags, whose group stays open for the caller to close."""
        if self.pattern[self.at : self.at + 1] != "?":
            return self._closed("(")
        rest = self.pattern[self.at + 1 :]
        named = re.match(r"P?<([A-Za-z_]\w*)>", rest)
        if named:
            self.at += 1 + named.end()
            return self._closed(f"(?P<{named[1]}>")
        flags = re.match(r"([a-zA-Z]*(?:-[a-zA-Z]+)?)([:)])", rest)
        if not flags or not set(flags[1]) <= _FLAGS | {"-"}:
            raise _refused(self.pattern, f"invalid perl operator: (?{rest[:2]}")
        if "U" in flags[1]:
            raise _refused(self.pattern, "the flag U is not supported")
        self.at += 1 + flags.end()
        before = self.multiline
        on, _, off = flags[1].partition("-")
        self.multiline = ("m" in on) or (self.multiline and "m" not in off)
        lead = f"(?{flags[1]}:" if flags[1] else "(?:"
        if flags[2] == ")":
            return lead
        out = self._closed(lead)
        self.multiline = before
        return out

    def _closed(self, lead: str) -> str:
        inside = "".join(self._sequence(True))
        self.at += 1
        return f"{lead}{inside})"

    # ---- characters --------------------------------------------------------------------------------------------------

    def _escape(self, in_class: bool) -> str:
        if self.at >= len(self.pattern):
            raise _refused(self.pattern, "trailing \\")
        char = self.pattern[self.at]
        self.at += 1
        if char == "Q" and not in_class:
            end = self.pattern.find("\\E", self.at)
            quoted = self.pattern[self.at : end if end >= 0 else None]
            self.at = end + 2 if end >= 0 else len(self.pattern)
            return re.escape(quoted)
        if char in "pP":
            return self._unicode_class(char == "P", in_class)
        if char == "z" and not in_class:
            return "\\Z"
        if char == "x" and self.pattern[self.at : self.at + 1] == "{":
            end = self.pattern.find("}", self.at)
            code = int(self.pattern[self.at + 1 : end], 16)
            self.at = end + 1
            return f"\\U{code:08x}"
        if char in "123456789" and not in_class:
            raise _refused(self.pattern, f"invalid escape sequence: \\{char}")
        if char.isalnum() and char not in _KEPT:
            raise _refused(self.pattern, f"invalid escape sequence: \\{char}")
        return f"\\{char}"

    def _unicode_class(self, negated: bool, in_class: bool) -> str:
        if self.pattern[self.at : self.at + 1] == "{":
            end = self.pattern.find("}", self.at)
            name, self.at = self.pattern[self.at + 1 : end], end + 1
        else:
            name, self.at = self.pattern[self.at], self.at + 1
        if name.startswith("^"):
            name, negated = name[1:], not negated
        members = _category(name) if re.fullmatch(r"[CLMNPSZ][a-z]?", name) else ""
        if not members or (negated and in_class):
            raise _refused(self.pattern, f"invalid character class range: {name}")
        return members if in_class else f"[{'^' if negated else ''}{members}]"

    def _class(self) -> str:
        out, start = ["["], self.at
        if self.pattern[self.at : self.at + 1] == "^":
            out.append("^")
            self.at += 1
        first = True
        while True:
            if self.at >= len(self.pattern):
                raise _refused(self.pattern, f"missing ]: {self.pattern[start - 1 :]}")
            char = self.pattern[self.at]
            self.at += 1
            if char == "]" and not first:
                return "".join(out) + "]"
            first = False
            out.append(self._member(char))

    def _member(self, char: str) -> str:
        posix = re.match(r":(\^?)([a-z]+):\]", self.pattern[self.at :]) if char == "[" else None
        if posix:
            if posix[2] not in _POSIX or posix[1]:
                raise _refused(self.pattern, f"invalid character class range: [{posix[0]}")
            self.at += posix.end()
            return _POSIX[posix[2]]
        if char == "\\":
            return self._escape(in_class=True)
        return f"\\{char}" if char in _SPECIAL_IN_CLASS or char == "]" else char


# ---- replacing -------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=256)
def _template(rewrite: bytes, groups: int) -> tuple[str | int, ...]:
    """Texts and group numbers. Raises InvalidArgumentError for a group that is not there or a bad escape."""
    text = rewrite.decode("utf-8", "surrogateescape")
    parts: list[str | int] = []
    for piece in re.findall(r"\\.?|[^\\]+", text, re.DOTALL):
        if not piece.startswith("\\"):
            parts.append(piece)
        elif piece[1:].isdigit() and piece[1:].isascii():
            if int(piece[1:]) > groups:
                raise InvalidArgumentError(None, None, f"Invalid rewrite {text!r}: there are {groups} groups")
            parts.append(int(piece[1:]))
        elif piece == "\\\\":
            parts.append("\\")
        else:
            raise InvalidArgumentError(None, None, f"Invalid rewrite {text!r}: bad escape {piece!r}")
    return tuple(parts)


def replaced(pattern: re.Pattern[str], rewrite: bytes, value: bytes, every: bool) -> bytes:
    """A string with the first match, or every one, replaced; an empty match does not touch the one before."""
    text = value.decode("utf-8", "surrogateescape")
    template = _template(rewrite, pattern.groups)
    out: list[str] = []
    done, last = 0, -1
    for match in pattern.finditer(text):
        start, end = match.span()
        if start == end == last:
            continue
        out.append(text[done:start])
        out += [part if isinstance(part, str) else match[part] or "" for part in template]
        done = last = end
        if not every:
            break
    out.append(text[done:])
    return "".join(out).encode("utf-8", "surrogateescape")
