"""`tf.test.TestCase`: unittest's, with assertions about tensors.

Invariant: an assertion takes tensors, variables, arrays, Python values, and structures of them; what fails says where.
Follows https://www.tensorflow.org/api_docs/python/tf/test/TestCase.
"""

from __future__ import annotations

import re
import tempfile
import unittest
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ml_dtypes
import numpy as np

from graphtf import nest
from graphtf.api.random_state import set_seed
from graphtf.composite import RaggedTensor
from graphtf.convert import is_tensor_like
from graphtf.ir.dtypes import as_dtype
from graphtf.ir.errors import InvalidArgumentError, OpError
from graphtf.testing.containers import ContainerAssertions

Array = np.ndarray[Any, Any]
_SEED = 87654321
_MOST_SHOWN = 10  # places that differ


class TestCase(ContainerAssertions, unittest.TestCase):
    """A test case with assertions about tensors. `setUp` seeds the random generators.

    >>> class Test(TestCase):
    ...     def test_near(self):
    ...         self.assertAllClose([1.0, 2.0], [1.0, 2.0 + 1e-9])
    >>> Test("test_near").run().wasSuccessful()
    True
    """

    __test__ = False  # the class itself holds no tests, for runners that collect by name
    __unittest_skip__ = False

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "__test__" not in cls.__dict__:
            cls.__test__ = True

    def setUp(self) -> None:
        super().setUp()
        np.random.seed(_SEED)
        set_seed(_SEED)

    # ---- values ------------------------------------------------------------------------------------------------------

    def evaluate(self, tensors: Any) -> Any:
        """The NumPy values of tensors in a structure."""
        return nest.map_structure(_value, tensors)

    def _array(self, x: Any) -> Array:
        return np.asarray(_value(x))

    def get_temp_dir(self) -> str:
        """A folder of the test's own, removed when it ends."""
        if not hasattr(self, "_folder"):
            self._folder = tempfile.TemporaryDirectory()
            self.addCleanup(self._folder.cleanup)
        return self._folder.name

    @contextmanager
    def session(self, *args: Any, **kwargs: Any) -> Iterator[None]:
        """Nothing is needed to run ops: for tests that were written with sessions in mind."""
        yield

    cached_session = session

    # ---- equal, near -------------------------------------------------------------------------------------------------

    def assertAllEqual(self, a: Any, b: Any, msg: str | None = None) -> None:
        """The same shape and values; NaN equals NaN."""
        x, y = _pair(self, a, b, msg)
        same = x == y
        if x.dtype.kind in "fcV" and y.dtype.kind in "fcV":
            same = np.logical_or(same, np.logical_and(x != x, y != y))
        if not np.all(same):
            self.fail(_differences(x, y, ~np.asarray(same, bool), "not equal", msg))

    def assertNotAllEqual(self, a: Any, b: Any, msg: str | None = None) -> None:
        """Some value differs, or the shape."""
        try:
            self.assertAllEqual(a, b)
        except AssertionError:
            return
        self.fail(f"The two values are equal at all elements. {msg or ''}")

    def assertAllClose(self, a: Any, b: Any, rtol: float = 1e-6, atol: float = 1e-6, msg: str | None = None) -> None:
        """|a - b| ≤ atol + rtol·|b| in structures of the same shape; NaN is near NaN."""
        self._close(a, b, rtol, atol, msg, ())

    def _close(self, a: Any, b: Any, rtol: float, atol: float, msg: str | None, path: tuple[Any, ...]) -> None:
        where = f"at {'/'.join(map(str, path))}: " if path else ""
        if hasattr(a, "_asdict"):
            a = a._asdict()
        if hasattr(b, "_asdict"):
            b = b._asdict()
        if isinstance(a, Mapping) != isinstance(b, Mapping):
            self.fail(f"{where}Can't compare dict to non-dict, {a!r} vs {b!r}. {msg or ''}")
        if isinstance(a, Mapping):
            self.assertEqual(set(a), set(b), f"{where}mismatched keys. {msg or ''}")
            for k in a:
                self._close(a[k], b[k], rtol, atol, msg, (*path, k))
        elif isinstance(a, (list, tuple)) and isinstance(b, (list, tuple)) and _is_nested(a, b):
            self.assertEqual(len(a), len(b), f"{where}mismatched lengths. {msg or ''}")
            for k, (x, y) in enumerate(zip(a, b)):
                self._close(x, y, rtol, atol, msg, (*path, k))
        else:
            self._arrays_close(a, b, rtol, atol, where + (msg or ""))

    def _arrays_close(self, a: Any, b: Any, rtol: float, atol: float, msg: str) -> None:
        x, y = _pair(self, a, b, msg)
        wide = [v.astype(np.float64) if v.dtype.kind in "fV" else v for v in (x, y)]
        near = np.isclose(*wide, rtol=rtol, atol=atol, equal_nan=True)
        if not np.all(near):
            how = f"not near (rtol={rtol}, atol={atol})"
            self.fail(_differences(x, y, ~np.asarray(near), how, msg))

    def assertNotAllClose(
        self, a: Any, b: Any, rtol: float = 1e-6, atol: float = 1e-6, msg: str | None = None
    ) -> None:
        """Some value is not near."""
        try:
            self.assertAllClose(a, b, rtol, atol)
        except AssertionError:
            return
        self.fail(f"The two values are close at all elements. {msg or ''}")

    def assertAllCloseAccordingToType(
        self, a: Any, b: Any, rtol: float = 1e-6, atol: float = 1e-6, float_rtol: float = 1e-6,
        float_atol: float = 1e-6, half_rtol: float = 1e-3, half_atol: float = 1e-3, bfloat16_rtol: float = 1e-2,
        bfloat16_atol: float = 1e-2, msg: str | None = None,
    ) -> None:  # fmt: skip
        """`assertAllClose` with the tolerances of the coarser dtype."""
        kinds = {self._array(x).dtype for x in (*nest.flatten(a), *nest.flatten(b))}
        for names, r, t in (
            ({np.dtype(np.float32), np.dtype(np.complex64)}, float_rtol, float_atol),
            ({np.dtype(np.float16)}, half_rtol, half_atol),
            ({np.dtype(ml_dtypes.bfloat16)}, bfloat16_rtol, bfloat16_atol),
        ):
            if kinds & names:
                rtol, atol = max(rtol, r), max(atol, t)
        self.assertAllClose(a, b, rtol, atol, msg)

    def assertNear(self, f1: float, f2: float, err: float, msg: str | None = None) -> None:
        """Two numbers differ by at most err."""
        if not (f1 == f2 or abs(f1 - f2) <= err):
            self.fail(f"{f1} != {f2} +/- {err}{f' ({msg})' if msg else ''}")

    def assertArrayNear(self, farray1: Any, farray2: Any, err: float, msg: str | None = None) -> None:
        """Two sequences differ by at most err in each place."""
        self.assertEqual(len(farray1), len(farray2), msg)
        for x, y in zip(farray1, farray2):
            self.assertNear(float(x), float(y), err, msg)

    def assertNDArrayNear(self, ndarray1: Any, ndarray2: Any, err: float, msg: str | None = None) -> None:
        """The norm of the difference of two arrays is less than err."""
        distance = np.linalg.norm(self._array(ndarray1) - self._array(ndarray2))
        self.assertTrue(distance < err, f"ndarray {ndarray1!r} is not within {err} of {ndarray2!r}. {msg or ''}")

    # ---- every element -----------------------------------------------------------------------------------------------

    def _every(self, a: Any, holds: Callable[[Array], Any], what: str) -> None:
        x = self._array(a)
        bad = ~np.asarray(holds(x), bool)
        if bad.any():
            places = np.argwhere(bad)[:_MOST_SHOWN].tolist()
            self.fail(f"elements at {places} are not {what}: {x[bad][:_MOST_SHOWN].tolist()}")

    def assertAllGreater(self, a: Any, comparison_target: Any) -> None:
        self._every(a, lambda x: x > comparison_target, f"> {comparison_target}")

    def assertAllLess(self, a: Any, comparison_target: Any) -> None:
        self._every(a, lambda x: x < comparison_target, f"< {comparison_target}")

    def assertAllGreaterEqual(self, a: Any, comparison_target: Any) -> None:
        self._every(a, lambda x: x >= comparison_target, f">= {comparison_target}")

    def assertAllLessEqual(self, a: Any, comparison_target: Any) -> None:
        self._every(a, lambda x: x <= comparison_target, f"<= {comparison_target}")

    def assertAllInRange(
        self, target: Any, lower_bound: Any, upper_bound: Any, open_lower_bound: bool = False,
        open_upper_bound: bool = False,
    ) -> None:  # fmt: skip
        """Every element lies between the bounds, which belong to the range unless they are open; NaN does not."""
        shown = f"{'(' if open_lower_bound else '['}{lower_bound}, {upper_bound}{')' if open_upper_bound else ']'}"

        def within(x: Array) -> Any:
            low = x > lower_bound if open_lower_bound else x >= lower_bound
            return low & (x < upper_bound if open_upper_bound else x <= upper_bound)

        self._every(target, within, f"in {shown}")

    def assertAllInSet(self, target: Any, expected_set: Any) -> None:
        """Every element is in a set."""
        self._every(target, lambda x: np.isin(x, list(expected_set)), f"in the set {expected_set}")

    # ---- dtypes, shapes, errors --------------------------------------------------------------------------------------

    def assertDTypeEqual(self, target: Any, expected_dtype: Any) -> None:
        """The elements are of a dtype."""
        self.assertEqual(as_dtype(self._array(target).dtype), as_dtype(expected_dtype))

    def assertShapeEqual(self, input_a: Any, input_b: Any, msg: str | None = None) -> None:
        """Two arrays or tensors have one static shape."""
        shapes = [tuple(x.shape) if hasattr(x, "shape") else np.shape(x) for x in (input_a, input_b)]
        self.assertEqual(shapes[0], shapes[1], msg)

    def assertDeviceEqual(self, device1: Any, device2: Any, msg: str | None = None) -> None:
        """Two names of devices mean the same."""
        from graphtf.device_spec import DeviceSpec

        first, second = (DeviceSpec.from_string(str(d or "")).to_string() for d in (device1, device2))
        self.assertEqual(first, second, msg)

    @contextmanager
    def assertRaisesWithPredicateMatch(self, exception_type: Any, expected_err_re_or_predicate: Any) -> Iterator[None]:
        """Within, an exception is raised of which the predicate holds, or whose message holds the pattern."""
        matches = expected_err_re_or_predicate
        try:
            yield
        except exception_type as e:
            fits = matches(e) if callable(matches) else re.search(matches, f"'{type(e).__name__}' {e}")
            if not fits:
                self.fail(f"Exception of type {type(e).__name__} does not match {matches!r}: {e}")
        else:
            self.fail(f"{exception_type.__name__} not raised")

    def assertRaisesOpError(self, expected_err_re_or_predicate: Any) -> Any:
        """Within, an op fails with such a message."""
        return self.assertRaisesWithPredicateMatch(OpError, expected_err_re_or_predicate)

    def assertRaisesIncompatibleShapesError(self, exception_type: Any = InvalidArgumentError) -> Any:
        """Within, shapes that do not go together are refused."""
        return self.assertRaisesWithPredicateMatch(exception_type, r"[Ii]ncompatible|[Dd]imensions? must|broadcast")


def _value(x: Any) -> Any:
    if isinstance(x, RaggedTensor):
        return x.to_list()
    if is_tensor_like(x):
        return x.numpy()
    return x


def _is_nested(a: Any, b: Any) -> bool:
    """Are the two to be compared item by item, rather than as arrays?"""
    items = [*a, *b]
    return any(isinstance(x, (Mapping, RaggedTensor)) or hasattr(x, "_fields") for x in items) or len(
        {np.shape(_value(x)) if not isinstance(x, (list, tuple)) else None for x in items}
    ) > 1  # fmt: skip


def _pair(case: TestCase, a: Any, b: Any, msg: str | None) -> tuple[Array, Array]:
    x, y = case._array(a), case._array(b)
    if x.dtype.kind in "OU" or y.dtype.kind in "OU":
        x, y = (np.array([_text(v) for v in z.ravel()], object).reshape(z.shape) for z in (x, y))
    case.assertEqual(x.shape, y.shape, f"Shape mismatch: expected {x.shape}, got {y.shape}. {msg or ''}")
    return x, y


def _text(x: Any) -> Any:
    return x.encode() if isinstance(x, str) else x


def _differences(x: Array, y: Array, bad: Array, how: str, msg: str | None) -> str:
    places = np.argwhere(bad)
    lines = [f"{msg or ''}", f"{len(places)} of {bad.size} elements are {how}:"]
    for at in map(tuple, places[:_MOST_SHOWN]):
        lines.append(f"  at {list(map(int, at))}: {x[at]} and {y[at]}")
    return "\n".join(lines)
