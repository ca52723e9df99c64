"""Recorded values: from data to values, from values to data, and the comparison of what came with what was recorded.

Invariant: `plain(value)` of a value made by `Maker.value(form)` is the form.
Entry points: `Maker`, `plain`, `difference`.
"""

from __future__ import annotations

import base64
import builtins
import functools
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np

import graphtf as tf

Form = Any
THROUGH_FLOAT32 = {"bfloat16", "float8_e4m3fn", "float8_e5m2"}  # written as float32
TOLERANCES = {"float64": (1e-7, 1e-9), "float32": (1e-4, 1e-5), "float16": (1e-2, 1e-3)}  # relative, absolute
COARSE = (4e-2, 1e-2)


def kind(name: str) -> Any:
    """A class of the API by its dotted name; () if it has none, which no value is an instance of."""
    try:
        return functools.reduce(getattr, name.split("."), tf)
    except AttributeError:
        return ()


# ---- from data -----------------------------------------------------------------------------------------------------


def array(form: Form) -> np.ndarray[Any, Any]:
    """The array that a tensor, variable or ndarray form stands for."""
    dtype, items = form["dtype"], form["v"]
    if dtype == "string":
        flat = np.empty(len(items), object)
        flat[:] = [base64.b64decode(x) for x in items]
    elif dtype.startswith("complex"):
        flat = np.array([complex(float(re), float(im)) for re, im in items], dtype)
    elif "float" in dtype:
        flat = np.array([float(x) for x in items], "float32" if dtype in THROUGH_FLOAT32 else dtype)
    else:
        flat = np.array(items, dtype)
    return flat.reshape(form["shape"])


def tensors(form: Form) -> Iterator[Form]:
    """The forms of tensors and variables inside a form, in order."""
    if isinstance(form, dict) and form.get("t") in ("tensor", "variable"):
        yield form
    elif isinstance(form, (dict, list)):
        for inner in form.values() if isinstance(form, dict) else form:
            yield from tensors(inner)


def tensor(form: Form) -> Any:
    """The tensor or variable of a form."""
    dtype, values = getattr(tf, form["dtype"]), array(form)
    made = tf.cast(tf.constant(values), dtype) if form["dtype"] in THROUGH_FLOAT32 else tf.constant(values, dtype)
    return tf.Variable(made) if form["t"] == "variable" else made


class Maker:
    """Values of forms; tensors and variables are taken, in order, from those given."""

    def __init__(self, given: list[Any]) -> None:
        self.given = iter(given)

    def value(self, form: Form) -> Any:
        if isinstance(form, list):
            return [self.value(x) for x in form]
        if not isinstance(form, dict):
            return form
        if "t" not in form:
            return {k: self.value(x) for k, x in form.items()}
        return getattr(self, f"_{form['t']}")(form)

    def _tensor(self, form: Form) -> Any:
        return next(self.given)

    _variable = _tensor

    def _ndarray(self, form: Form) -> Any:
        return array(form)

    def _ellipsis(self, form: Form) -> Any:
        return ...

    def _float(self, form: Form) -> Any:
        return float(form["v"])

    def _complex(self, form: Form) -> Any:
        return complex(*map(float, form["v"]))

    def _bytes(self, form: Form) -> Any:
        return base64.b64decode(form["v"])

    def _dtype(self, form: Form) -> Any:
        return getattr(tf, form["v"])

    def _shape(self, form: Form) -> Any:
        return tf.TensorShape(form["v"])

    def _spec(self, form: Form) -> Any:
        return tf.TensorSpec(self.value(form["shape"]), self.value(form["dtype"]))

    def _slice(self, form: Form) -> Any:
        return slice(*self.value(form["v"]))

    def _tuple(self, form: Form) -> Any:
        return tuple(self.value(form["v"]))

    def _dict(self, form: Form) -> Any:
        return dict(self.value(form["v"]))

    def _ragged(self, form: Form) -> Any:
        return tf.RaggedTensor.from_nested_row_splits(self.value(form["values"]), self.value(form["splits"]))

    def _sparse(self, form: Form) -> Any:
        return tf.SparseTensor(*(self.value(form[k]) for k in ("indices", "values", "dense_shape")))

    def _indexed_slices(self, form: Form) -> Any:
        indices, values, shape = (self.value(form[k]) for k in ("indices", "values", "dense_shape"))
        return tf.IndexedSlices(values, indices, shape)

    def _fn(self, form: Form) -> Any:
        first, named = self.value(form["args"]), self.value(form["kwargs"])

        def function(*rest: Any) -> Any:
            found = call(form["fn"], [*first, *rest], named)
            return [found] if form.get("pack") else found

        return function

    def _call(self, form: Form) -> Any:
        return call(form["fn"], self.value(form["args"]), self.value(form["kwargs"]))


def call(name: str, args: list[Any], kwargs: Mapping[str, Any]) -> Any:
    """What a case names, called; an attribute that cannot be called is read."""
    head, _, rest = name.partition(".")
    roots = {"tf": tf, "operator": operator, "builtins": builtins}
    if head in roots:
        found = functools.reduce(getattr, rest.split("."), roots[head])
    else:
        found, args = getattr(args[0], rest), args[1:]
    return found(*args, **kwargs) if callable(found) else found


# ---- to data -------------------------------------------------------------------------------------------------------


def _number(x: Any) -> Any:
    return float(str(x)) if np.isfinite(x) else repr(float(x))


def array_form(tag: str, a: Any, dtype: str) -> Form:
    flat = np.asarray(a, object if dtype == "string" else None).reshape(-1)
    if dtype == "string":
        items: list[Any] = [base64.b64encode(x if isinstance(x, bytes) else x.encode()).decode() for x in flat]
    elif flat.dtype.kind == "c":
        items = [[_number(x.real), _number(x.imag)] for x in flat]
    else:
        items = [_number(x) for x in flat] if flat.dtype.kind == "f" else flat.tolist()
    return {"t": tag, "dtype": dtype, "shape": list(np.shape(a)), "v": items}


def tensor_form(x: Any) -> Form:
    name = x.dtype.name
    return array_form("tensor", (tf.cast(x, tf.float32) if name in THROUGH_FLOAT32 else x).numpy(), name)


def _array_form(x: np.ndarray[Any, Any], leaf: Callable[[Any], Form]) -> Form:
    if x.dtype.kind == "O" and not all(isinstance(y, (bytes, str)) for y in x.flat):
        return {"t": "ndarrays", "v": [plain(y, leaf) for y in x]}
    name = "string" if x.dtype.kind in "OSU" else x.dtype.name
    return array_form("ndarray", x.astype(np.float32) if name in THROUGH_FLOAT32 else x, name)


def plain(x: Any, leaf: Callable[[Any], Form] = tensor_form) -> Form:
    """A value as data; `leaf` gives the forms of tensors."""
    found = _scalar(x)
    if found is not NotImplemented:
        return found
    for test, form in _COMPOUND:
        if isinstance(x, test()):
            return form(x, lambda y: plain(y, leaf), leaf)
    return {"t": "type", "v": x.__name__} if isinstance(x, type) else {"t": "object"}


def _scalar(x: Any) -> Form:
    if isinstance(x, np.generic):
        x = x.item() if x.dtype.kind in "?biufcSU" else float(x)
    if x is None or isinstance(x, (bool, int, str)):
        return x
    if isinstance(x, float):
        return x if math.isfinite(x) else {"t": "float", "v": repr(x)}
    if isinstance(x, complex):
        return {"t": "complex", "v": [_number(x.real), _number(x.imag)]}
    if isinstance(x, bytes):
        return {"t": "bytes", "v": base64.b64encode(x).decode()}
    return {"t": "ellipsis"} if x is Ellipsis else NotImplemented


def _parts(tag: str) -> Callable[..., Form]:
    return lambda x, rec, leaf: {"t": tag, **{k: rec(getattr(x, k)) for k in ("indices", "values", "dense_shape")}}


def _tuple_form(x: Any, rec: Any, leaf: Any) -> Form:
    fields = {"fields": list(x._fields)} if hasattr(x, "_fields") else {}
    return {"t": "tuple", **fields, "v": [rec(y) for y in x]}


_COMPOUND: list[tuple[Callable[[], Any], Callable[..., Form]]] = [
    (lambda: list, lambda x, rec, leaf: [rec(y) for y in x]),
    (lambda: kind("RaggedTensor"), lambda x, rec, leaf: {
        "t": "ragged", "values": rec(x.flat_values), "splits": [rec(s) for s in x.nested_row_splits]}),
    (lambda: kind("SparseTensor"), _parts("sparse")),
    (lambda: kind("IndexedSlices"), _parts("indexed_slices")),
    (lambda: (tf.Tensor, tf.Variable), lambda x, rec, leaf: leaf(x)),
    (lambda: tf.DType, lambda x, rec, leaf: {"t": "dtype", "v": x.name}),
    (lambda: tf.TensorShape, lambda x, rec, leaf: {"t": "shape", "v": None if x.rank is None else x.as_list()}),
    (lambda: tf.TensorSpec, lambda x, rec, leaf: {"t": "spec", "shape": rec(x.shape), "dtype": rec(x.dtype)}),
    (lambda: np.ndarray, lambda x, rec, leaf: _array_form(x, leaf)),
    (lambda: slice, lambda x, rec, leaf: {"t": "slice", "v": [rec(x.start), rec(x.stop), rec(x.step)]}),
    (lambda: tuple, _tuple_form),
    (lambda: Mapping, lambda x, rec, leaf: {"t": "dict", "v": [[rec(k), rec(y)] for k, y in x.items()]}),
]  # fmt: skip


# ---- comparison ----------------------------------------------------------------------------------------------------


def difference(got: Form, want: Form, case: Form, where: str = "out") -> str | None:
    """Why a form is not the one recorded, or None."""
    if isinstance(want, dict) and isinstance(got, dict) and got.get("t") == want.get("t") in ("tensor", "ndarray"):
        return _array_difference(got, want, case, where)
    numbers = all(isinstance(f, (int, float)) and not isinstance(f, bool) for f in (got, want))
    if numbers:
        return None if math.isclose(got, want, rel_tol=1e-6) else f"{where}: {got}, not {want}"
    if type(got) is not type(want):
        return f"{where}: {str(got)[:80]}, not {str(want)[:80]}"
    if not isinstance(want, (list, dict)):
        return None if got == want else f"{where}: {got!r}, not {want!r}"
    a, b = (dict(sorted(f.items())) if isinstance(f, dict) else dict(enumerate(f)) for f in (got, want))
    if a.keys() != b.keys():
        return f"{where}: {len(a)} items, not {len(b)}, or of another kind"
    return next(filter(None, (difference(a[k], b[k], case, f"{where}.{k}") for k in b)), None)


def _array_difference(got: Form, want: Form, case: Form, where: str) -> str | None:
    for key in ("dtype", "shape"):
        if got[key] != want[key]:
            return f"{where}: {key} {got[key]}, not {want[key]}"
    a, b = array(got), array(want)
    if case.get("cmp") == "abs" and b.dtype.kind in "fc":
        a, b = np.abs(a), np.abs(b)
    elif b.dtype.kind == "c":
        a, b = (np.stack([z.real, z.imag], -1) for z in (a, b))
    good = np.atleast_1d(a == b)
    if b.dtype.kind == "f":
        good |= _near(np.atleast_1d(a), np.atleast_1d(b), want["dtype"], case)
    bad = np.argwhere(~good)
    if not len(bad):
        return None
    at = tuple(map(int, bad[0]))
    return f"{where}: {len(bad)} of {good.size} differ, at {at}: {np.atleast_1d(a)[at]}, not {np.atleast_1d(b)[at]}"


def _near(a: Any, b: Any, dtype: str, case: Form) -> Any:
    part = {"complex64": "float32", "complex128": "float64"}.get(dtype, dtype)
    relative, absolute = TOLERANCES.get(part, COARSE)
    scale = 1 if case.get("tol") is None else case["tol"]
    with np.errstate(all="ignore"):
        near = np.abs(a.astype(np.float64) - b) <= scale * (absolute + relative * np.abs(b.astype(np.float64)))
    return np.isnan(a) & np.isnan(b) | np.isfinite(a) & np.isfinite(b) & near
