"""Running a recorded case: eagerly, or inside `tf.function` with its tensors as arguments.

Invariant: what comes back is data, as it was recorded: out, grads, grads2, vars, or the class of an error.
Entry point: `outcome(case, staged)`, and `complaint(case, staged)`, which compares.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np

import graphtf as tf
from tests.golden.forms import Form, Maker, call, difference, kind, plain, tensor, tensor_form, tensors

DATA = Path(__file__).parent / "data"
PARTS = ("out", "grads", "grads2", "vars")


def families() -> list[str]:
    return sorted(path.name.split(".")[0] for path in DATA.glob("*.jsonl.gz"))


def cases(family: str) -> list[Form]:
    with gzip.open(DATA / f"{family}.jsonl.gz", "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def complaint(case: Form, staged: bool) -> str | None:
    """Why the outcome of a case is not the recorded one, or None."""
    want = case.get("function", case) if staged else case
    if want is False:
        return None
    got = outcome(case, staged)
    have, wanted = ((x.get("error") or {"class": "no error", "message": ""}) for x in (got, want))
    if have["class"] != wanted["class"]:
        return f"{have['class']} {have['message']!r}, not {wanted['class']} {wanted['message']!r}"
    if want.get("error"):
        return None
    return next(filter(None, (difference(got[k], want.get(k), case, k) for k in PARTS)), None)


def outcome(case: Form, staged: bool) -> Form:
    """What comes of a case."""
    found: Form = dict.fromkeys((*PARTS, "error"))
    try:
        if "seed" in case:
            tf.random.set_seed(case["seed"])
        forms = list(tensors([case["args"], case["kwargs"]]))
        given = [tensor(f) for f in forms]
        tree = traced(case, given, forms) if staged else plain(computed(case, given, forms))
        out, *grads = tree["v"]
        found["out"] = out
        found.update(zip(("grads", "grads2"), grads))
        found["vars"] = [plain(x) for x, f in zip(given, forms) if f["t"] == "variable"] or None
    except Exception as error:  # noqa: BLE001 - whatever it is, its class is what is compared
        found["error"] = {"class": class_of(error), "message": str(error)[:200]}
    return found


def class_of(error: Exception) -> str:
    """The first public class of an exception."""
    for c in type(error).__mro__:
        if getattr(tf.errors, c.__name__, None) is c:
            return f"tf.errors.{c.__name__}"
        if c.__module__ == "builtins":
            return c.__name__
    raise AssertionError("every exception has a builtin base")


def computed(case: Form, given: list[Any], forms: list[Form]) -> tuple[Any, ...]:
    """The result, and its gradients as far as they were recorded."""
    kinds = ("float", "bfloat", "complex")
    sources = [x for x, f in zip(given, forms) if f["t"] == "tensor" and f["dtype"].startswith(kinds)]

    def result() -> Any:
        make = Maker(given)
        args, kwargs = make.value(case["args"]), make.value(case["kwargs"])
        outs = [call(case["fn"], args, kwargs) for _ in range(case.get("repeat", 1))]
        return outs if "repeat" in case else outs[0]

    order = sum(case.get(k) is not None for k in ("grads", "grads2"))
    out, grads = differentiated(result, sources, order)
    return (out, *grads)


def differentiated(result: Any, sources: list[Any], order: int) -> tuple[Any, list[Any]]:
    """The result, and for each order the gradients of the weighted sum of what the order before gave."""
    if not order:
        return result(), []
    with tf.GradientTape() as tape:
        for x in sources:
            tape.watch(x)
        out, grads = differentiated(result, sources, order - 1)
        ends = list(inexact(grads[-1] if grads else out))
    found = tape.gradient(ends, sources, [weights(y) for y in ends]) if ends else [None] * len(sources)
    dense = [tf.convert_to_tensor(g) if isinstance(g, tf.IndexedSlices) else g for g in found]
    return out, [*grads, dense]


def inexact(x: Any) -> Any:
    """The tensors in a result that have gradients."""
    if isinstance(x, kind("RaggedTensor")):
        x = x.flat_values
    elif isinstance(x, (kind("SparseTensor"), tf.IndexedSlices)):
        x = x.values
    if isinstance(x, tf.Tensor):
        if x.dtype.is_floating or x.dtype.is_complex:
            yield x
        return
    for y in x.values() if isinstance(x, dict) else x if isinstance(x, (list, tuple)) else ():
        yield from inexact(y)


def weights(y: Any) -> Any:
    """(2 ((7 i + 3) mod 11) - 9) / 8 for flat index i."""
    count = y.shape.num_elements()
    at = tf.range(tf.size(y)) if count is None else tf.constant(np.arange(count), tf.int32)
    w = tf.cast(2 * ((7 * at + 3) % 11) - 9, tf.float32) / 8
    return tf.reshape(tf.cast(w, y.dtype), tf.shape(y))


def traced(case: Form, given: list[Any], forms: list[Form]) -> Form:
    """The result as data, computed inside a function of the case's tensors."""
    tree: list[Form] = []
    leaves: list[Any] = []

    def leaf(x: Any) -> Form:
        leaves.append(tf.convert_to_tensor(x))
        return {"t": "leaf", "v": len(leaves) - 1}

    def body(given: list[Any]) -> list[Any]:
        leaves.clear()
        tree[:] = [plain(computed(case, given, forms), leaf)]
        return list(leaves)

    values = tf.function(body, autograph=False)(given)

    def filled(form: Form) -> Form:
        if isinstance(form, list):
            return [filled(f) for f in form]
        if not isinstance(form, dict):
            return form
        return tensor_form(values[form["v"]]) if form.get("t") == "leaf" else {k: filled(f) for k, f in form.items()}

    return filled(tree[0])
