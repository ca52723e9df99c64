"""`tf.strings.regex_replace` and `regex_full_match`.

Invariant: patterns are RE2's (see graphtf/api/regular.py for what differs). Entry points: the functions below.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from graphtf.api.regular import compiled, replaced
from graphtf.api.strings import as_strings
from graphtf.deferred import on_host
from graphtf.host_functions import HostFunction, host_function
from graphtf.ir import dtypes as dt
from graphtf.refusal import invalid
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]


def regex_replace(
    input: Any, pattern: Any, rewrite: Any, replace_global: bool = True, name: str | None = None
) -> Tensor:
    """Strings with what matches a pattern (RE2) replaced; \\1 to \\9 in `rewrite` are groups, \\0 is the match.

    Raises InvalidArgumentError for a bad pattern or rewrite. Follows
    https://www.tensorflow.org/api_docs/python/tf/strings/regex_replace.

    >>> regex_replace(["tf.lite.x"], r"(\\w)\\.", r"\\1-").numpy().tolist()
    [b'tf-lite-x']
    """
    x, find, put = (as_strings(v, "regex_replace") for v in (input, pattern, rewrite))
    _scalar(find, "pattern")
    _scalar(put, "rewrite")

    run = HostFunction(rewritten, every=bool(replace_global))
    (out,) = on_host(run, [x, find, put], [dt.string], [x.ir_type.shape])
    return out


@host_function
def rewritten(values: Array, by: Array, to: Array, every: bool) -> list[Array]:
    expression, template = compiled(by[()]), to[()]
    out = np.empty(values.shape, object)
    out.reshape(-1)[:] = [replaced(expression, template, v, every) for v in values.reshape(-1).tolist()]
    return [out]


def regex_full_match(input: Any, pattern: Any, name: str | None = None) -> Tensor:
    """Does the whole of each string match a pattern (RE2)? Raises InvalidArgumentError for a bad one.

    Follows https://www.tensorflow.org/api_docs/python/tf/strings/regex_full_match.

    >>> regex_full_match(["TF lib", "lib TF"], ".*lib$").numpy().tolist()
    [True, False]
    """
    x, find = (as_strings(v, "regex_full_match") for v in (input, pattern))
    _scalar(find, "pattern")

    (out,) = on_host(HostFunction(matching), [x, find], [dt.bool_], [x.ir_type.shape])
    return out


@host_function
def matching(values: Array, by: Array) -> list[Array]:
    matches = compiled(by[()]).fullmatch
    found = [matches(v.decode("utf-8", "surrogateescape")) is not None for v in values.reshape(-1).tolist()]
    return [np.array(found, bool).reshape(values.shape)]


def _scalar(x: Tensor, what: str) -> None:
    if x.shape.rank not in (0, None):
        raise invalid("regex", f"{what} must be a scalar, got shape {x.shape}")
