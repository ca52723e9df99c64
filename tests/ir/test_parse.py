"""Text that is no graph: cut, damaged, hostile. Only ParseError and VerifyError, at a place, within bounds."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphtf.ir.builder import Builder, build
from graphtf.ir.dims import floordiv, sym
from graphtf.ir.errors import ParseError, VerifyError
from graphtf.ir.graph import Graph, Source
from graphtf.ir.ops import OPS
from graphtf.ir.ops.prims import p
from graphtf.ir.parse import parse
from graphtf.ir.types import RefType, tensor

from .graphs import graphs


def example() -> str:
    """A short text with everything that a text may hold."""
    n, t = sym("n"), tensor("float32", 2)
    inner = build([t], lambda x: p.mul(x, x), "inner body")
    test = build([t], lambda x: p.constant(value=np.array(False)), "test")
    b = Builder("step")
    x, w = b.input(tensor("float32", n, 2), "x"), b.input(RefType(tensor("float32", sym("m"), 2)), "w")
    s = b.append(OPS["add"], (x, b.append(OPS["read"], (w,), {}).out), {}, Source("a b.py", 3, "<lambda>")).out
    y = b.append(OPS["constant"], (), {"value": np.float32([1.5, np.nan])}, Source("train.py", 12)).out
    b.append(OPS["constant"], (), {"value": np.array([b"a", b"\xff"], object)})
    b.append(OPS["dims"], (), {"dims": (floordiv(n + 1, 2), 3), "dtype": OPS["dims"].samples[0].attrs["dtype"]})
    b.append(OPS["while"], (y,), {"cond": test, "body": inner, "carried": 1})
    b.append(OPS["print"], (y,), {"template": 'y is "{}"\n', "summarize": -1})
    return str(b.finish([s, y]))


TEXT = example()


def attempt(text: str) -> Graph | None:
    """The graph, or None where the text is refused as it must be."""
    try:
        return parse(text)
    except ParseError as e:
        assert e.line >= 1 and e.column >= 1
        return None
    except VerifyError:
        return None


def test_the_example_is_whole() -> None:
    g = parse(TEXT)
    assert str(g) == TEXT and len(list(g.walk())) == 9


def test_every_cut_is_refused() -> None:
    for i in range(len(TEXT)):
        assert attempt(TEXT[:i]) is None


def test_every_byte_with_one_bit_changed_is_refused_or_read() -> None:
    raw = TEXT.encode()
    for i in range(len(raw)):
        for bit in (i % 8, (5 * i + 3) % 8):
            damaged = bytearray(raw)
            damaged[i] ^= 1 << bit
            g = attempt(damaged.decode(errors="replace"))
            assert g is None or parse(str(g)) is not None


def test_every_line_left_out_or_repeated_is_refused_or_read() -> None:
    lines = TEXT.splitlines()
    for i in range(len(lines)):
        attempt("\n".join(lines[:i] + lines[i + 1 :]))
        attempt("\n".join(lines[: i + 1] + lines[i:]))


TOKENS = st.sampled_from(
    [
        "graph", "@g", "(", ")", "{", "}", "[", "]", "<", ">", ",", ":", "=", "==", ";", "*", "+", "-", "//", "%x",
        "%0", "f32", "i32", "ref", "return", "add", "neg", "constant", "while", "value", "dense", "body", "cond",
        "guards", "none", "true", "nan", "inf", "1", "0", "2.5", "1e400", '"a"', '"', "max", "min", "\n", "n",
        "99999999999999999999",
    ]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(TOKENS, max_size=30))
def test_words_in_any_order_are_refused(tokens: list[str]) -> None:
    attempt("graph @g(%x: f32[2]) { %0 = " + " ".join(tokens))
    attempt(" ".join(tokens))


@settings(max_examples=60, deadline=None)
@given(graphs(most=3), st.data())
def test_damaged_graphs_are_refused_or_read(g: Graph, data: st.DataObject) -> None:
    text = str(g)
    for _ in range(10):
        i = data.draw(st.integers(0, len(text) - 1))
        j = data.draw(st.integers(i, min(len(text), i + 12)))
        attempt(text[:i] + data.draw(st.text(alphabet="(){}[]<>,:=%@\"-+*/.;0n ", max_size=3)) + text[j:])


@settings(max_examples=200, deadline=None)
@given(st.text())
def test_any_text_is_refused(text: str) -> None:
    attempt(text)


# ---- messages --------------------------------------------------------------------------------------------------------


def in_graph(line: str, inputs: str = "%x: f32[2]") -> str:
    return f"graph @g({inputs}) {{\n  {line}\n  return\n}}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1: found '', expected 'graph'"),
        ("graph g", "line 1, column 7: found 'g', expected '@' and a name"),
        (in_graph("%1 = neg(%y) : f32[2]"), "line 2, column 12: '%y' is not a value defined before"),
        (in_graph("%1 = nag(%x) : f32[2]"), "line 2, column 8: there is no op called 'nag'"),
        (in_graph("%x = neg(%x) : f32[2]"), "%x is defined twice"),
        (in_graph("%1 = neg(%x) : f99[2]"), "'f99' is not a dtype"),
        (in_graph("%1 = neg(%x) : f32[-2]"), "the size -2 is negative"),
        (in_graph("%1 = neg(%x)"), "neg: 1 results with 0 types"),
        (in_graph("%1 = neg(%x) : f32[2] ; here"), "found no 'file:line' after ';'"),
        (in_graph("%1 = neg(%x) : f32[n//0]"), "a size divided by 0"),
        (in_graph("%1 = constant() {value = dense<f32[2], (1.0,)>} : f32[2]"), "elements do not fit the type f32[2]"),
        (in_graph('%1 = constant() {value = dense<f32[2], "AAAA">} : f32[2]'), "elements do not fit the type f32[2]"),
        (in_graph('%1 = constant() {value = dense<f32[2], "~">} : f32[2]'), "elements do not fit the type f32[2]"),
        (in_graph("%1 = constant() {value = dense<i8[1], (300,)>} : i8[1]"), "elements do not fit the type i8[1]"),
        (in_graph("%1 = constant() {value = dense<f32[n], (1.0,)>} : f32[2]"), "constant cannot have the type f32[n]"),
        (in_graph("%1 = iota() {axis = 0x} : i32[2]"), "found 'x', expected ','"),
        (in_graph("%1 = neg(%x) : f32[2]") + " }", "'}' after the end of the graph"),
        (in_graph("%1 = neg(%x) : f32[2] #"), "unexpected character '#'"),
    ],
)
def test_errors_say_where_and_what(text: str, message: str) -> None:
    with pytest.raises(ParseError) as caught:
        parse(text)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("%1 = neg(%x) : f32[3]", "neg: has types (f32[3]), its rule gives (f32[2])"),
        ("%1 = neg(%x) {axis = 1} : f32[2]", "neg: unknown attributes ['axis']"),
        ("%1 = add(%x) : f32[2]", "add: 1 operands, expected 2"),
        ("%1 = reduce_sum(%x) : f32[]", "reduce_sum: its attributes or operands do not fit"),
        ('%1 = reduce_sum(%x) {axes = "a"} : f32[]', "reduce_sum: "),
        ("%1 = reduce_sum(%x) {axes = (1,)} : f32[]", "C1: axes are distinct axes of the operand"),
        ("%1 = iota() {shape = 3, axis = 0, dtype = i32} : i32[3]", "iota: its attributes or operands do not fit"),
        ("%1 = call(%x) : f32[2]", "call: regions [], expected ['body']"),
    ],
)
def test_what_is_well_written_but_wrong_is_for_the_verifier(line: str, message: str) -> None:
    with pytest.raises(VerifyError) as caught:
        parse(in_graph(line))
    assert message in str(caught.value) and f"> {' ' * 2}{line.split(' ')[0]}" in str(caught.value)


# ---- bounds ----------------------------------------------------------------------------------------------------------

_SUM = "(a + b + c + d + e + f + g + h)"
HOSTILE = {
    "huge constant": 'f32[2000000000], "AAAA"', "many huge axes": f"f32[{', '.join(['9' * 18] * 50)}], (1.0,)",
    "huge integer size": f"f32[{'9' * 5000}], (1.0,)", "long product": f"f32[{'*'.join(['9'] * 5000)}], (1.0,)",
    "long power": f"f32[{'*'.join(['n'] * 5000)}], (1.0,)", "product of sums": f"f32[{'*'.join([_SUM] * 30)}], (1.0,)",
    "nested sums": f"f32[{'(' * 5000}n{')' * 5000}], (1.0,)", "many strings": 'str[1000000000], ("YQ==",)',
    "nested maxima": f"f32[{'max(n, ' * 300}1{')' * 300}], (1.0,)",
    "many axes": f"f32[{', '.join(['1'] * 100)}], (1.0,)",
}  # fmt: skip


@pytest.mark.parametrize("content", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_short_text_takes_little_memory(content: str) -> None:
    text = in_graph(f"%1 = constant() {{value = dense<{content}>}} : f32[2]")
    tracemalloc.start()
    try:
        with pytest.raises(ParseError):
            parse(text)
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("opening", ["(", "[", "{", '{"a": '])
def test_deep_attributes_are_refused(opening: str) -> None:
    with pytest.raises(ParseError):
        parse(in_graph(f"%1 = constant() {{value = {opening * 20000}"))


def test_deep_regions_are_refused() -> None:
    opening = "%1 = call(%x) : f32[2] {\nbody @b(%y: f32[2]) {\n"
    with pytest.raises(ParseError):
        parse(f"graph @g(%x: f32[2]) {{\n{opening * 5000}")


@pytest.mark.parametrize(
    "line",
    [
        "%1 = iota() {shape = (99999999999999999999,), axis = 0, dtype = i32} : i32[99999999999999]",
        "%1 = broadcast(%x) {shape = (9999999999, 9999999999, 2)} : f32[9999999999, 9999999999, 2]",
        "%1 = matmul(%x, %x) {transpose_a = 99999999999999999999, transpose_b = false} : f32[2]",
        "%1 = cumulate(%x) {axis = 9999999999999, combine = \"add\", exclusive = false, reverse = false} : f32[2]",
        "%1 = transpose(%x) {perm = (99999999999999999999,)} : f32[2]",
        "%1 = top_k(%x) {k = 99999999999999999999, sorted = true} : f32[2]",
        "%1 = window_sum(%x) {window = (9999999999999,), strides = (1,), padding = ((0, 0),)} : f32[2]",
        "%1 = fft(%x) {rank = 99999999999999999999} : f32[2]",
    ],
)
def test_huge_attributes_take_little_memory(line: str) -> None:
    tracemalloc.start()
    try:
        attempt(in_graph(line))
        assert tracemalloc.get_traced_memory()[1] < 16 << 20
    finally:
        tracemalloc.stop()
