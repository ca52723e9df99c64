"""Cases: calls whose results TensorFlow has recorded, by family.

Invariant: a case runs under TensorFlow and under GraphTF alike: it is given the module, and its arguments as tensors.
Entry points: `Case`, `Family`, `outcome`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.recorded.forms import plain


@dataclass(frozen=True)
class Case:
    """A function of the module and of tensors; with `grad`, its gradients by floating arguments count too."""

    run: Callable[..., Any]
    args: tuple[Any, ...] = ()
    grad: bool = False
    staged: bool = True  # may it be traced?
    scale: float = 1.0  # how many times the usual tolerances it needs


@dataclass
class Family:
    """Named cases."""

    name: str
    cases: dict[str, Case] = field(default_factory=dict)

    def add(self, name: str, run: Callable[..., Any], *args: Any, **options: Any) -> None:
        """A case. Raises ValueError for a name in use."""
        if name in self.cases:
            raise ValueError(f"{self.name} has a case {name} already")
        self.cases[name] = Case(run, args, **options)


def outcome(tf: Any, case: Case, staged: bool = False) -> Any:
    """What comes of a case, as data: its result (and gradients), or the class of its error."""
    given = [a if isinstance(a, (str, type(None))) else tf.constant(a) for a in case.args]

    def call(*tensors: Any) -> Any:
        if not case.grad:
            return case.run(tf, *tensors)
        sources = [t for t in tensors if getattr(t, "dtype", None) is not None and t.dtype.is_floating]
        with tf.GradientTape() as tape:
            tape.watch(sources)
            out = case.run(tf, *tensors)
            parts = [y.flat_values if isinstance(y, tf.RaggedTensor) else y for y in tf.nest.flatten(out)]
            parts = [y.values if isinstance(y, tf.SparseTensor) else y for y in parts]
            loss = sum(tf.reduce_sum(tf.abs(y) ** 2) for y in parts if y.dtype.is_floating or y.dtype.is_complex)
        return out, [None if g is None else tf.convert_to_tensor(g) for g in tape.gradient(loss, sources)]

    function = tf.function(call, autograph=False) if staged else call
    try:
        return plain(tf, function(*given))
    except Exception as error:  # noqa: BLE001 - whatever it is, its class is what is recorded
        return {"error": _kind(error)}


def _kind(error: BaseException) -> str:
    """The public class of an error: while tracing, TensorFlow raises ValueError and TypeError for bad arguments."""
    for kind in type(error).__mro__:
        if kind.__name__.endswith("Error") and kind.__name__ not in ("TraceShapeError", "TraceTypeError", "Violation"):
            return kind.__name__
    return type(error).__name__
