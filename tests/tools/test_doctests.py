"""Every example in a docstring, and in the pages, runs and prints what it says; floats in their first digits, since
NumPy's own differ in the last one from processor to processor."""

from __future__ import annotations

import doctest
import importlib
import math
import re
from pathlib import Path
from typing import Any

import pytest

import graphtf as tf

ROOT = Path(__file__).resolve().parent.parent.parent
FOLDERS = {"graphtf": "graphtf", "ir": "graphtf.ir", "passes": "graphtf.passes", "tools": "graphtf.tools"}
PAGES = ("README.md", "CONTRIBUTING.md")
_OPTIONS = doctest.NORMALIZE_WHITESPACE


def modules_with_examples() -> list[str]:
    """The modules whose text holds an example, by name."""
    found = []
    for folder, package in FOLDERS.items():
        for path in sorted((ROOT / folder).rglob("*.py")):
            if ">>> " in path.read_text():
                parts = path.relative_to(ROOT / folder).with_suffix("").parts
                found.append(".".join([package, *(p for p in parts if p != "__init__")]))
    return found


class Close(doctest.OutputChecker):
    """Takes numbers that agree in five digits for the same."""

    number = re.compile(r"(?<![\w.])-?\d+\.\d*(?:e[+-]?\d+)?")

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        if super().check_output(want, got, optionflags):
            return True
        a, b = ([float(x) for x in self.number.findall(text)] for text in (want, got))
        rest_a, rest_b = ("".join(self.number.sub("0.", text).split()) for text in (want, got))
        return rest_a == rest_b and all(math.isclose(x, y, rel_tol=1e-5, abs_tol=1e-7) for x, y in zip(a, b))


def failures(test: doctest.DocTest) -> int:
    """How many examples of a test fail; each is printed."""
    return doctest.DocTestRunner(Close(), optionflags=_OPTIONS).run(test).failed


class Finder(doctest.DocTestFinder):
    """Finds classes by the file of their methods too: those that pose as TensorFlow's name another module."""

    def _from_module(self, module: Any, object: Any) -> bool:
        if not isinstance(object, type):
            return super()._from_module(module, object)  # type: ignore[misc,no-any-return]
        codes = (getattr(f, "__code__", None) for f in vars(object).values())
        return object.__module__ == module.__name__ or any(
            code is not None and code.co_filename == module.__file__ for code in codes
        )


@pytest.mark.parametrize("name", modules_with_examples())
def test_examples_of(name: str) -> None:
    found = Finder().find(importlib.import_module(name), extraglobs={"tf": tf})
    tests = [t for t in found if t.examples]
    assert tests
    assert sum(map(failures, tests)) == 0


@pytest.mark.parametrize("page", PAGES)
def test_examples_of_page(page: str) -> None:
    test = doctest.DocTestParser().get_doctest((ROOT / page).read_text(), {}, page, page, 0)
    assert test.examples
    assert failures(test) == 0


def test_closeness_is_not_blindness() -> None:
    check = Close().check_output
    assert check("array([1.0, 2.7182817])", "array([1.      , 2.718282])", 0)
    assert not check("array([1.0, 2.7182817])", "array([1.0, 2.7185])", 0)
    assert not check("array([1.0, 2.0])", "array([1.0])", 0)
    assert not check("shape=(1,)", "shape=(2,)", 0)
