"""The recorded calls that give something else here, and why.

Invariant: a case that is listed fails in the modes named, or the test of the recorded calls does.
"""

from __future__ import annotations

from typing import NamedTuple

EVERY = ("eager", "reference", "native")
TRACED = ("reference", "native")


class Missing(NamedTuple):
    """Why a case fails, and how it must be run to fail."""

    why: str
    modes: tuple[str, ...] = EVERY


MISSING: dict[str, Missing] = {
    "tf.ensure_shape/75f1132496": Missing("A shape of unknown rank is no reason to refuse.", TRACED),
    "tf.math.cumprod/5c097baff9": Missing("The gradient of a running product is exact where factors are zero."),
    "tf.math.xdivy/b5cba295bc": Missing(
        "The gradient of a complex quotient is conjugated, as that of division is; that of TensorFlow is not."
    ),
    "tf.nn.softmax_cross_entropy_with_logits/5408f3e2cb": Missing(
        "TensorFlow leaves out the second derivative by logits and labels."
    ),
    "tf.nn.softmax_cross_entropy_with_logits/d1238dfecb": Missing(
        "A scalar while tracing is a ValueError, not the IndexError of a list.", TRACED
    ),
}
