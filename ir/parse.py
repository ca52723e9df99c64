"""The reader of the text form: never runs anything, and says where the text is wrong.

Invariant: what comes out has been verified; whatever goes in, the only errors are ParseError and VerifyError.
Entry point: `parse(text)`.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any

import numpy as np

from graphtf.ir import dims
from graphtf.ir.dims import Dim
from graphtf.ir.dtypes import BY_SHORT, DType
from graphtf.ir.errors import OpError, ParseError
from graphtf.ir.graph import Graph, Node, Source, Value
from graphtf.ir.types import RefType, TensorType, Type
from graphtf.ir.verify import verify

_TOKEN = re.compile(
    r'(?P<string>"(?:[^"\\\n]|\\.)*")|(?P<value>%[A-Za-z0-9_.]+)|(?P<float>\d+\.\d*(?:e[+-]?\d+)?|\d+e[+-]?\d+)'
    r"|(?P<int>\d+)|(?P<word>[A-Za-z_@][A-Za-z0-9_.]*)|(?P<punct>==|//|[(){}\[\]<>,:=;*+\-])|(?P<space>[ \t]+|\n)"
)
_SOURCE = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^\s":]+):(\d{1,9})(?: ("(?:[^"\\]|\\.)*"))?')
_MAX_DEPTH = 60
_MAX_TERMS, _MAX_DEGREE = 64, 32  # of a size: more would let a short text take long
_MAX_ELEMENTS = 1 << 31


def parse(text: str) -> Graph:
    """The graph of a text. Raises ParseError or VerifyError.

    >>> from graphtf.ir.builder import build
    >>> from graphtf.ir.ops import add
    >>> from graphtf.ir.types import tensor
    >>> g = build([tensor("float32", 2)], lambda x: add(x, x))
    >>> str(parse(str(g))) == str(g)
    True
    """
    p = Parser(text)
    p.expect("graph")
    g = p.graph()
    if p.kind != "end":
        raise p.error(f"{p.token!r} after the end of the graph")
    verify(g)
    return g


class Parser:
    """A cursor over the tokens."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.stop = 0
        self.kind = ""
        self.token = ""
        self.values: dict[str, Value] = {}
        self.depth = 0
        self.advance()

    # ---- tokens -----------------------------------------------------------------------------------------------------

    def advance(self) -> None:
        """Move to the next token, over white space; a source comment is taken apart by `source`."""
        while True:
            self.at = self.stop
            if self.at == len(self.text):
                self.kind, self.token = "end", ""
                return
            m = _TOKEN.match(self.text, self.at)
            if m is None:
                self.token = self.text[self.at]
                raise self.error(f"unexpected character {self.token!r}")
            self.stop, self.kind, self.token = m.end(), str(m.lastgroup), m.group()
            if self.kind != "space":
                return

    def error(self, message: str) -> ParseError:
        line = self.text.count("\n", 0, self.at) + 1
        return ParseError(message, line, self.at - self.text.rfind("\n", 0, self.at))

    def take(self, kind: str, what: str = "") -> str:
        if self.kind != kind:
            raise self.error(f"found {self.token!r}, expected {what or kind}")
        token = self.token
        self.advance()
        return token

    def expect(self, token: str) -> None:
        if self.token != token or self.kind == "string":
            raise self.error(f"found {self.token!r}, expected {token!r}")
        self.advance()

    def accept(self, token: str) -> bool:
        if self.token != token or self.kind == "string":
            return False
        self.advance()
        return True

    def integer(self) -> int:
        sign = -1 if self.accept("-") else 1
        digits = self.take("int", "an integer")
        if len(digits) > 20:
            raise self.error("the integer is too large")
        return sign * int(digits)

    def string(self) -> str:
        token = self.token
        self.take("string", "a string")
        try:
            return str(json.loads(token))
        except ValueError:
            raise self.error("the string is not well formed") from None

    # ---- structure --------------------------------------------------------------------------------------------------

    def graph(self) -> Graph:
        """`@name(inputs) guards(…) { nodes return values }`"""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.error("regions are nested too deeply")
        self.expect_at()
        name = self.name()
        inputs = []
        self.expect("(")
        while not self.accept(")"):
            label = self.take("value", "an input")
            self.expect(":")
            inputs.append(self.define(label, self.type()))
            if self.token != ")":
                self.expect(",")
        guards = self.guards()
        self.expect("{")
        nodes = []
        while self.token != "return":
            nodes.append(self.node())
        self.expect("return")
        outputs = []
        while self.kind == "value":
            outputs.append(self.use())
            if not self.accept(","):
                break
        self.expect("}")
        self.depth -= 1
        return Graph(tuple(inputs), tuple(nodes), tuple(outputs), name, guards)

    def expect_at(self) -> None:
        if not self.token.startswith("@"):
            raise self.error(f"found {self.token!r}, expected '@' and a name")

    def name(self) -> str:
        token = self.token
        self.advance()
        return token[1:] if len(token) > 1 else self.string()

    def guards(self) -> tuple[tuple[Dim, Dim], ...]:
        found: list[tuple[Dim, Dim]] = []
        if self.accept("guards"):
            self.expect("(")
            while not self.accept(")"):
                a = self.dim()
                self.expect("==")
                found.append((a, self.dim()))
                if self.token != ")":
                    self.expect(",")
        return tuple(found)

    def define(self, label: str, type: Type) -> Value:
        if label in self.values:
            raise self.error(f"{label} is defined twice")
        hint = "" if label[1:].rstrip("_").isdigit() else label[1:]
        self.values[label] = v = Value(type, hint)
        return v

    def use(self) -> Value:
        found = self.values.get(self.token)
        if self.kind != "value" or found is None:
            raise self.error(f"{self.token!r} is not a value defined before")
        self.advance()
        return found

    def node(self) -> Node:
        """`%a, %b = op(%x, %y) {attrs} : types { regions }  ; source`"""
        from graphtf.ir.ops import OPS  # the table of everything that can be read; declared above this module

        labels: list[str] = []
        while self.kind == "value":
            labels.append(self.take("value"))
            if not self.accept(","):
                self.expect("=")
        op = OPS.get(self.token)
        if self.kind != "word" or op is None:
            raise self.error(f"there is no op called {self.token!r}")
        self.advance()
        self.expect("(")
        inputs: list[Value] = []
        while not self.accept(")"):
            inputs.append(self.use())
            if self.token != ")":
                self.expect(",")
        attrs = self.attrs() if self.token == "{" and not (op.regions and not op.attrs) else {}
        types: list[Type] = []
        if self.accept(":"):
            types.append(self.type())
            while self.accept(","):
                types.append(self.type())
        if len(types) != len(labels):
            raise self.error(f"{op.name}: {len(labels)} results with {len(types)} types")
        opens = bool(op.regions) and self.accept("{")
        source = self.source()
        regions = {}
        while opens and not self.accept("}"):
            key = self.take("word", "a region")
            regions[key] = self.graph()
        outputs = tuple(self.define(label, t) for label, t in zip(labels, types))
        return Node(op, tuple(inputs), attrs, outputs, regions, source)

    def source(self) -> Source | None:
        """`; file:line "function"`, up to the end of the line."""
        if self.token != ";" or self.kind != "punct":
            return None
        end = self.text.find("\n", self.at)
        end = len(self.text) if end < 0 else end
        m = _SOURCE.fullmatch(self.text, self.stop, end)
        if m is None:
            raise self.error("found no 'file:line' after ';'")
        self.stop = end
        self.advance()
        try:
            file = json.loads(m[1]) if m[1].startswith('"') else m[1]
            return Source(str(file), int(m[2]), str(json.loads(m[3])) if m[3] else "")
        except ValueError:
            raise self.error("the source's strings are not well formed") from None

    # ---- types, sizes, attributes -----------------------------------------------------------------------------------

    def dtype(self) -> DType:
        found = BY_SHORT.get(self.token)
        if self.kind != "word" or found is None:
            raise self.error(f"{self.token!r} is not a dtype")
        self.advance()
        return found

    def type(self) -> Type:
        if self.accept("ref"):
            return RefType(self.tensor_type())
        return self.tensor_type()

    def tensor_type(self) -> TensorType:
        dtype = self.dtype()
        self.expect("[")
        if self.accept("*"):
            self.expect("]")
            return TensorType(dtype, None)
        shape: list[Dim] = []
        while not self.accept("]"):
            d = self.dim()
            if isinstance(d, int) and d < 0:
                raise self.error(f"the size {d} is negative")
            shape.append(d)
            if self.token != "]":
                self.expect(",")
        return TensorType(dtype, tuple(shape))

    def dim(self) -> Dim:
        """A sum of products."""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.error("the size is nested too deeply")
        total = self.product() if not self.accept("-") else -self.product()
        while self.token in ("+", "-"):
            if self.accept("+"):
                total = self.bounded(total + self.product())
            else:
                self.expect("-")
                total = self.bounded(total - self.product())
        self.depth -= 1
        return total

    def bounded(self, d: Dim) -> Dim:
        """d, unless it is out of proportion to what sizes are."""
        terms, degree, largest = dims.extent(d)
        if terms > _MAX_TERMS or degree > _MAX_DEGREE or largest >= 1 << 63:
            raise self.error("the size is out of proportion")
        return d

    def product(self) -> Dim:
        d = self.factor()
        while self.token in ("*", "//"):
            if self.accept("*"):
                d = self.bounded(d * self.factor())
            else:
                self.expect("//")
                divisor = self.factor()
                if isinstance(divisor, int) and divisor <= 0:
                    raise self.error(f"a size divided by {divisor}")
                d = self.bounded(dims.floordiv(d, divisor))
        return d

    def factor(self) -> Dim:
        if self.accept("("):
            d = self.dim()
            self.expect(")")
            return d
        if self.kind == "int":
            return self.bounded(self.integer())
        if self.token in ("max", "min") and self.text[self.stop : self.stop + 1] == "(":
            pick = dims.maximum if self.token == "max" else dims.minimum
            self.advance()
            self.expect("(")
            a = self.dim()
            self.expect(",")
            b = self.dim()
            self.expect(")")
            return pick(a, b)
        if self.token.startswith("@"):
            raise self.error(f"found {self.token!r}, expected a size")
        return dims.sym(self.take("word", "a size"))

    def attrs(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        self.expect("{")
        while not self.accept("}"):
            key = self.take("word", "an attribute's name")
            self.expect("=")
            found[key] = self.attr()
            if self.token != "}":
                self.expect(",")
        return found

    def attr(self) -> Any:
        """One attribute's value."""
        self.depth += 1
        if self.depth > _MAX_DEPTH:
            raise self.error("the attribute is nested too deeply")
        value = self.attr_value()
        self.depth -= 1
        return value

    def attr_value(self) -> Any:
        if self.kind == "string":
            return self.string()
        if self.accept("("):
            return self.items(")")
        if self.accept("["):
            d = self.dim()
            self.expect("]")
            return d
        if self.accept("{"):
            return self.mapping()
        words = {"none": None, "true": True, "false": False, "nan": float("nan"), "inf": float("inf")}
        if self.kind == "word" and self.token in words:
            value = words[self.token]
            self.advance()
            return value
        if self.token == "dense":
            return self.dense()
        if self.kind == "word":
            return self.dtype()
        return self.number()

    def items(self, close: str) -> tuple[Any, ...]:
        found = []
        while not self.accept(close):
            found.append(self.attr())
            if self.token != close:
                self.expect(",")
        return tuple(found)

    def mapping(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while not self.accept("}"):
            key = self.string()
            self.expect(":")
            found[key] = self.attr()
            if self.token != "}":
                self.expect(",")
        return found

    def number(self) -> int | float:
        sign = -1 if self.accept("-") else 1
        if self.accept("inf"):
            return sign * float("inf")
        if self.kind == "float":
            return sign * float(self.take("float"))
        if self.kind != "int":
            raise self.error(f"found {self.token!r}, expected an attribute's value")
        return sign * self.integer()

    def dense(self) -> np.ndarray[Any, Any]:
        """`dense<f32[2], (1.0, 2.0)>` or `dense<f32[2], "base64">`; the size is proven before memory is taken."""
        self.expect("dense")
        self.expect("<")
        t = self.tensor_type()
        self.expect(",")
        if t.shape is None or not t.is_static or not isinstance(t.size, int) or t.size > _MAX_ELEMENTS:
            raise self.error(f"a constant cannot have the type {t}")
        shape = tuple(int(d) for d in t.shape)
        content = self.attr()
        self.expect(">")
        try:
            return dense_array(t, shape, content)
        except (ValueError, TypeError, OverflowError, binascii.Error, OpError):
            raise self.error(f"the elements do not fit the type {t}") from None


def dense_array(t: TensorType, shape: tuple[int, ...], content: Any) -> np.ndarray[Any, Any]:
    """The array of a `dense` constant. Raises ValueError or TypeError for content that does not fit."""
    count = int(t.size)  # type: ignore[call-overload]
    if isinstance(content, str):
        raw = base64.b64decode(content, validate=True)
        if t.dtype.kind == "s" or len(raw) != count * t.dtype.size:
            raise ValueError("wrong number of bytes")
        return np.frombuffer(raw, t.dtype.np.newbyteorder("<")).astype(t.dtype.np).reshape(shape)
    if not isinstance(content, tuple) or len(content) != count:
        raise ValueError("wrong number of elements")
    if t.dtype.kind == "s":
        out = np.empty(count, object)
        out[:] = [base64.b64decode(x, validate=True) for x in content]
        return out.reshape(shape)
    allowed = {"b": bool, "i": int, "u": int}.get(t.dtype.kind, float)
    if any(type(x) is not allowed for x in content):
        raise TypeError("elements of another type")
    return np.array(content, t.dtype.np).reshape(shape)
