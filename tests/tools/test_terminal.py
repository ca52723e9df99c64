"""Output: colour and a moving bar on a terminal only, plain characters where others cannot be written, columns."""

from __future__ import annotations

import io

import pytest

from graphtf.tools.terminal import Terminal, aligned, bar, count, digits, duration, shown


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")


def everything(stream: io.StringIO) -> str:
    t = Terminal(stream)
    t.heading("title", "remark")
    t.table([["a", "b"], ["long", "1"]], "<>", head=True)
    t.write(t.style("green", "green", "bold"))
    assert list(t.progress(range(3), 3, "bar")) == [0, 1, 2]
    return stream.getvalue()


def test_a_terminal_gets_colour_and_a_bar() -> None:
    text = everything(Screen())
    assert "\x1b[32;1mgreen\x1b[0m" in text and "\r" in text and "█" not in text.split("\r")[-1]


def test_a_file_gets_neither() -> None:
    assert everything(io.StringIO()) == "\ntitle  remark\n  a     b\n  long  1\ngreen\n"


@pytest.mark.parametrize("name, value", [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_terminals_that_want_no_colour(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, value)
    assert "\x1b" not in everything(Screen())


def test_streams_without_unicode_get_plain_characters() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii", errors="strict")
    Terminal(stream).write("██░ 1 µs → ≤ 2 × … ☃")
    stream.flush()
    assert raw.getvalue() == b"##. 1 us > < 2 x ~ ?\n"


def test_columns_line_up() -> None:
    assert aligned([["a", "1", "x"], ["bb", "22"]], "<>") == ["a    1  x", "bb  22"]
    assert aligned([]) == []


@pytest.mark.parametrize("seconds, text", [
    (0.0, "0.000 ns"), (1.5e-9, "1.50 ns"), (999e-9, "999 ns"), (2.5e-6, "2.50 µs"), (0.0123, "12.3 ms"),
    (61.0, "61.0 s"),
])  # fmt: skip
def test_durations(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_numbers_and_words() -> None:
    assert [digits(x) for x in (0.0, 0.1234, 1.0, 99.94, 12345.6, float("inf"), -2.5)] == [
        "0.000", "0.123", "1.00", "99.9", "12346", "inf", "-2.50",
    ]  # fmt: skip
    assert [bar(x, 4) for x in (-1, 0, 0.5, 1, 2)] == ["░░░░", "░░░░", "██░░", "████", "████"]
    assert [count(n, "entry", "entries") for n in (0, 1, 2000)] == ["0 entries", "1 entry", "2,000 entries"]
    assert shown("a\n b" * 20, 9) == "a ba ba …"
