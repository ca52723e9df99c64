"""Assertions about containers, text and order that test cases of TensorFlow programs use.

Invariant: each fails with a message that shows both sides. Entry point: `ContainerAssertions`, mixed into `TestCase`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import Any


class ContainerAssertions:
    """For classes that derive from unittest.TestCase too."""

    def _must(self, holds: Any, text: str, msg: str | None) -> None:
        if not holds:
            self.fail(f"{text}{f' : {msg}' if msg else ''}")

    # ---- sizes -------------------------------------------------------------------------------------------------------

    def assertLen(self, container: Any, expected_len: int, msg: str | None = None) -> None:
        self._must(
            len(container) == expected_len, f"{container!r} has length {len(container)}, not {expected_len}", msg
        )

    def assertEmpty(self, container: Any, msg: str | None = None) -> None:
        self._must(not len(container), f"{container!r} has length of {len(container)}, not 0", msg)

    def assertNotEmpty(self, container: Any, msg: str | None = None) -> None:
        self._must(len(container), f"{container!r} has length of 0", msg)

    # ---- members -----------------------------------------------------------------------------------------------------

    def assertContainsSubset(
        self, expected_subset: Iterable[Any], actual_set: Iterable[Any], msg: str | None = None
    ) -> None:
        missing = set(expected_subset) - set(actual_set)
        self._must(not missing, f"Missing elements {missing} of {actual_set!r}", msg)

    def assertNoCommonElements(
        self, expected_seq: Iterable[Any], actual_seq: Iterable[Any], msg: str | None = None
    ) -> None:
        common = set(expected_seq) & set(actual_seq)
        self._must(not common, f"Common elements: {common}", msg)

    def assertItemsEqual(self, first: Iterable[Any], second: Iterable[Any], msg: str | None = None) -> None:
        """The same elements the same number of times, in any order."""
        self.assertCountEqual(first, second, msg)

    def assertSameElements(
        self, expected_seq: Iterable[Any], actual_seq: Iterable[Any], msg: str | None = None
    ) -> None:
        """The same elements, in any order, any number of times."""
        a, b = list(expected_seq), list(actual_seq)
        same = all(x in b for x in a) and all(x in a for x in b)
        self._must(same, f"Expected the elements of {a!r}, got those of {b!r}", msg)

    def assertContainsSubsequence(
        self, container: Sequence[Any], subsequence: Sequence[Any], msg: str | None = None
    ) -> None:
        """The elements of `subsequence` come in `container` in this order, perhaps with others between."""
        rest = iter(container)
        self._must(all(x in rest for x in subsequence), f"{subsequence!r} not a subsequence of {container!r}", msg)

    def assertContainsExactSubsequence(
        self, container: Sequence[Any], subsequence: Sequence[Any], msg: str | None = None
    ) -> None:
        """The elements of `subsequence` come in `container` one right after another."""
        a, b = list(container), list(subsequence)
        found = any(a[k : k + len(b)] == b for k in range(len(a) - len(b) + 1))
        self._must(found, f"{subsequence!r} not an exact subsequence of {container!r}", msg)

    def assertContainsInOrder(self, strings: Sequence[str], target: str, msg: str | None = None) -> None:
        """The strings come in `target` in this order."""
        at = 0
        for s in strings:
            found = target.find(s, at)
            self._must(found >= 0, f"Did not find {s!r} after position {at} of {target!r}", msg)
            at = found + len(s)

    # ---- text --------------------------------------------------------------------------------------------------------

    def assertStartsWith(self, actual: Any, expected_start: Any, msg: str | None = None) -> None:
        self._must(actual.startswith(expected_start), f"{actual!r} does not start with {expected_start!r}", msg)

    def assertNotStartsWith(self, actual: Any, unexpected_start: Any, msg: str | None = None) -> None:
        self._must(not actual.startswith(unexpected_start), f"{actual!r} does start with {unexpected_start!r}", msg)

    def assertEndsWith(self, actual: Any, expected_end: Any, msg: str | None = None) -> None:
        self._must(actual.endswith(expected_end), f"{actual!r} does not end with {expected_end!r}", msg)

    def assertNotEndsWith(self, actual: Any, unexpected_end: Any, msg: str | None = None) -> None:
        self._must(not actual.endswith(unexpected_end), f"{actual!r} does end with {unexpected_end!r}", msg)

    def assertRegexMatch(self, actual_str: str, regexes: Sequence[str], message: str | None = None) -> None:
        """At least one of the patterns is found in the text."""
        found = any(re.search(r, actual_str) for r in regexes)
        self._must(found, f"{actual_str!r} does not match any of {list(regexes)}", message)

    def assertRaisesWithLiteralMatch(
        self,
        expected_exception: Any,
        expected_exception_message: str,
        callable_obj: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """An exception of the class is raised, with this very message."""
        pattern = f"^{re.escape(expected_exception_message)}$"
        return self.assertRaisesRegex(
            expected_exception, pattern, *([callable_obj, *args] if callable_obj else ()), **kwargs
        )

    # ---- order, nearness, structure ----------------------------------------------------------------------------------

    def assertBetween(self, value: Any, minv: Any, maxv: Any, msg: str | None = None) -> None:
        self._must(minv <= value <= maxv, f"{value!r} unexpectedly not between {minv!r} and {maxv!r}", msg)

    def assertSequenceStartsWith(self, prefix: Any, whole: Sequence[Any], msg: str | None = None) -> None:
        lead = list(prefix) if isinstance(prefix, Iterable) else [prefix]
        self._must(list(whole[: len(lead)]) == lead, f"prefix {lead!r} not found at the start of {whole!r}", msg)

    def assertTotallyOrdered(self, *groups: Sequence[Any], msg: str | None = None) -> None:
        """Objects of a group are equal, and less than those of later groups."""
        for k, group in enumerate(groups):
            for a, b in pairwise(group):
                self._must(a == b and a <= b and a >= b, f"{a!r} and {b!r} are not equal", msg)
            for later in groups[k + 1 :]:
                for a in group:
                    for b in later:
                        self._must(a < b and b > a and a != b, f"{a!r} is not less than {b!r}", msg)

    def assertSequenceAlmostEqual(
        self,
        expected_seq: Sequence[float],
        actual_seq: Sequence[float],
        places: int | None = None,
        msg: str | None = None,
        delta: float | None = None,
    ) -> None:
        self._must(len(expected_seq) == len(actual_seq), f"lengths {len(expected_seq)}, {len(actual_seq)} differ", msg)
        for a, b in zip(expected_seq, actual_seq):
            self.assertAlmostEqual(a, b, places=places, msg=msg, delta=delta)

    def assertDictAlmostEqual(
        self,
        a: Mapping[Any, float],
        b: Mapping[Any, float],
        places: int | None = None,
        msg: str | None = None,
        delta: float | None = None,
    ) -> None:
        self._must(set(a) == set(b), f"the keys differ: {list(a)} and {list(b)}", msg)
        for k in a:
            self.assertAlmostEqual(a[k], b[k], places=places, msg=msg, delta=delta)

    def assertSameStructure(self, a: Any, b: Any, aname: str = "a", bname: str = "b", msg: str | None = None) -> None:
        """Nested lists and mappings with equal leaves."""
        self._must(a == b, f"{aname} is {a!r}, {bname} is {b!r}", msg)
