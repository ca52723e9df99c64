"""The pages: every file they name exists, every command they show too, and the picture is of the program beside it."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest

from graphtf.tools.main import COMMANDS

ROOT = Path(__file__).resolve().parent.parent.parent
PAGES = ("README.md", "CONTRIBUTING.md")
_PATH = re.compile(r"`((?:graphtf|ir|passes|tools|tests)/[\w./]*)`")
_LINK = re.compile(r"\]\(([^)#:]+)\)")


@pytest.mark.parametrize("page", PAGES)
def test_files_that_are_named_exist(page: str) -> None:
    text = (ROOT / page).read_text()
    named = {*_PATH.findall(text), *_LINK.findall(text)}
    assert named
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []


@pytest.mark.parametrize("page", PAGES)
def test_commands_that_are_shown_exist(page: str) -> None:
    shown = re.findall(r"(?:^|`)graphtf (\w+) ([^`\n]*)", (ROOT / page).read_text(), re.MULTILINE)
    assert shown
    for command, rest in shown:
        assert command in COMMANDS
        source = (ROOT / "tools" / command).with_suffix(".py")
        folder = ROOT / "tools" / command
        text = source.read_text() if source.exists() else "".join(p.read_text() for p in folder.glob("*.py"))
        text += (ROOT / "tools" / "programs.py").read_text()
        for word in re.findall(r"(?<!\S)--?\w+", rest):
            assert f'"{word}"' in text, f"graphtf {command} has no {word}"


@pytest.mark.parametrize("target", ["demo", "test", "lint", "bench"])
def test_make_has_the_targets(target: str) -> None:
    assert f"\n{target}:" in (ROOT / "Makefile").read_text()


def test_the_picture_is_of_the_program() -> None:
    (name,) = re.findall(r"!\[.*\]\((.*\.svg)\)", (ROOT / "README.md").read_text())
    root = ElementTree.parse(ROOT / name).getroot()
    words = {t.text for t in root.iter("{http://www.w3.org/2000/svg}text")}
    assert {"x", "y", "w", "b", "→ w", "→ b", "output 0", "variable f32[2]"} <= words
