"""How far from the exact result each function may be: data that tests hold the functions to, and tolerances read.

Invariant: errors are in units in the last place of the result, for float and double, over all finite operands,
with fused multiply-add or without (with it, exp stays below 0.9). Near the zeros of lgamma and digamma, where no
relative bound holds, they are below `NEAR_ZEROS` in absolute terms.
"""

from __future__ import annotations

ULP: dict[str, tuple[float, float]] = {
    "exp": (1.25, 1.25), "exp2": (1.25, 1.25), "expm1": (2.0, 2.0), "log": (1.0, 1.0), "log2": (1.25, 1.5),
    "log10": (1.25, 1.5), "log1p": (1.75, 1.5), "sigmoid": (1.5, 1.5), "tanh": (1.0, 1.0), "softplus": (2.5, 2.5),
    "sin": (1.0, 1.0), "cos": (1.0, 1.0), "tan": (1.0, 1.5), "asin": (1.0, 2.5), "acos": (1.0, 2.5),
    "atan": (1.0, 2.0), "atan2": (1.0, 2.0), "sinh": (2.5, 2.5), "cosh": (1.5, 1.5), "asinh": (2.0, 2.0),
    "acosh": (2.0, 2.0), "atanh": (2.0, 2.0), "erf": (1.5, 2.0), "erfc": (1.0, 4.0), "erfinv": (1.0, 2.5),
    "ndtri": (1.0, 3.0), "lgamma": (1.0, 4.0), "digamma": (1.0, 4.0), "pow": (1.0, 2.0), "cbrt": (1.0, 1.0),
    "fmod": (0.0, 0.0),
}  # fmt: skip
NEAR_ZEROS: dict[str, tuple[float, float]] = {"lgamma": (1e-6, 4e-15), "digamma": (1e-6, 4e-14)}
