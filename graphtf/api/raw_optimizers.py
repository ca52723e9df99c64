"""`tf.raw_ops` that apply gradients to variables: `ResourceApplyAdam` and its kin.

Invariant: `var` and the slots are variables or their handles, which are assigned; there is no result. Follows
https://www.tensorflow.org/api_docs/python/tf/raw_ops. Entry points: the kernels below.
"""

from __future__ import annotations

from typing import Any

from graphtf.api.raw_more import _assign, _value
from graphtf.convert import convert_to_tensor
from graphtf.ir.ops.prims import p, scalar_like
from graphtf.tensor import Tensor


class _Step:
    """The variables of one step, in the dtype of the first."""

    def __init__(self, var: Any, *numbers: Any) -> None:
        self.handle, self.x = var, _value(var, None)
        self.numbers = [self.of(n) for n in numbers]

    def of(self, number: Any) -> Tensor:
        return convert_to_tensor(number, self.x.dtype)

    def move(self, by: Tensor) -> None:
        """Take `by` off the variable."""
        _assign(self.handle, p.sub(self.x, by))


def _sum(a: Tensor, b: Tensor) -> Tensor:
    return p.add(a, b)  # type: ignore[no-any-return]


def _one_less(x: Tensor) -> Tensor:
    return p.sub(scalar_like(x, 1), x)  # type: ignore[no-any-return]


def _mixed(slot: Any, new: Tensor, keep: Tensor) -> Tensor:
    """The slot moved towards `new`: `keep` of it stays. It is assigned."""
    old = _value(slot, None)
    found: Tensor = _sum(old, p.mul(p.sub(new, old), _one_less(keep)))
    _assign(slot, found)
    return found


def ResourceApplyGradientDescent(
    *, var: Any, alpha: Any, delta: Any, use_locking: bool = False, name: str | None = None
) -> None:
    """var -= alpha * delta.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ResourceApplyGradientDescent.
    """
    step = _Step(var, alpha, delta)
    step.move(p.mul(*step.numbers))


def ResourceApplyMomentum(
    *, var: Any, accum: Any, lr: Any, grad: Any, momentum: Any, use_locking: bool = False, use_nesterov: bool = False,
    name: str | None = None,
) -> None:  # fmt: skip
    """accum = momentum * accum + grad; var -= lr * accum.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ResourceApplyMomentum.
    """
    step = _Step(var, lr, grad, momentum)
    rate, g, keep = step.numbers
    moving: Tensor = _sum(p.mul(keep, _value(accum, None)), g)
    _assign(accum, moving)
    ahead = _sum(g, p.mul(keep, moving)) if use_nesterov else moving
    step.move(p.mul(rate, ahead))


def ResourceApplyKerasMomentum(
    *, var: Any, accum: Any, lr: Any, grad: Any, momentum: Any, use_locking: bool = False, use_nesterov: bool = False,
    name: str | None = None,
) -> None:  # fmt: skip
    """accum = momentum * accum - lr * grad; var += accum.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ResourceApplyKerasMomentum.
    """
    step = _Step(var, lr, grad, momentum)
    rate, g, keep = step.numbers
    moving: Tensor = p.sub(p.mul(keep, _value(accum, None)), p.mul(rate, g))
    _assign(accum, moving)
    step.move(p.neg(p.sub(p.mul(keep, moving), p.mul(rate, g)) if use_nesterov else moving))


def ResourceApplyAdam(
    *, var: Any, m: Any, v: Any, beta1_power: Any, beta2_power: Any, lr: Any, beta1: Any, beta2: Any, epsilon: Any,
    grad: Any, use_locking: bool = False, use_nesterov: bool = False, name: str | None = None,
) -> None:  # fmt: skip
    """Adam's step. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ResourceApplyAdam."""
    step = _Step(var, lr, beta1, beta2, epsilon, grad, beta1_power, beta2_power)
    rate, first, second, small, g, power1, power2 = step.numbers
    mean, square = _mixed(m, g, first), _mixed(v, p.mul(g, g), second)
    rate = p.div(p.mul(rate, p.sqrt(_one_less(power2))), _one_less(power1))
    ahead = _sum(p.mul(mean, first), p.mul(_one_less(first), g)) if use_nesterov else mean
    step.move(p.div(p.mul(rate, ahead), _sum(p.sqrt(square), small)))


def ResourceApplyAdamWithAmsgrad(
    *, var: Any, m: Any, v: Any, vhat: Any, beta1_power: Any, beta2_power: Any, lr: Any, beta1: Any, beta2: Any,
    epsilon: Any, grad: Any, use_locking: bool = False, name: str | None = None,
) -> None:  # fmt: skip
    """Adam's step by the largest mean square so far.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ResourceApplyAdamWithAmsgrad.
    """
    step = _Step(var, lr, beta1, beta2, epsilon, grad, beta1_power, beta2_power)
    rate, first, second, small, g, power1, power2 = step.numbers
    mean, square = _mixed(m, g, first), _mixed(v, p.mul(g, g), second)
    largest: Tensor = p.maximum(_value(vhat, None), square)
    _assign(vhat, largest)
    rate = p.div(p.mul(rate, p.sqrt(_one_less(power2))), _one_less(power1))
    step.move(p.div(p.mul(rate, mean), _sum(p.sqrt(largest), small)))


def ResourceApplyAdaMax(
    *, var: Any, m: Any, v: Any, beta1_power: Any, lr: Any, beta1: Any, beta2: Any, epsilon: Any, grad: Any,
    use_locking: bool = False, name: str | None = None,
) -> None:  # fmt: skip
    """AdaMax's step. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ResourceApplyAdaMax."""
    step = _Step(var, lr, beta1, beta2, epsilon, grad, beta1_power)
    rate, first, second, small, g, power = step.numbers
    mean = _mixed(m, g, first)
    largest: Tensor = p.maximum(p.mul(second, _value(v, None)), p.abs(g))
    _assign(v, largest)
    step.move(p.mul(p.div(rate, _one_less(power)), p.div(mean, _sum(largest, small))))


def ResourceApplyRMSProp(
    *, var: Any, ms: Any, mom: Any, lr: Any, rho: Any, momentum: Any, epsilon: Any, grad: Any,
    use_locking: bool = False, name: str | None = None,
) -> None:  # fmt: skip
    """RMSProp's step. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ResourceApplyRMSProp."""
    step = _Step(var, lr, rho, momentum, epsilon, grad)
    rate, keep, inert, small, g = step.numbers
    square = _mixed(ms, p.mul(g, g), keep)
    moving: Tensor = _sum(p.mul(inert, _value(mom, None)), p.div(p.mul(rate, g), p.sqrt(_sum(square, small))))
    _assign(mom, moving)
    step.move(moving)


def ResourceApplyCenteredRMSProp(
    *, var: Any, mg: Any, ms: Any, mom: Any, lr: Any, rho: Any, momentum: Any, epsilon: Any, grad: Any,
    use_locking: bool = False, name: str | None = None,
) -> None:  # fmt: skip
    """RMSProp's step by the variance of the gradients.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ResourceApplyCenteredRMSProp.
    """
    step = _Step(var, lr, rho, momentum, epsilon, grad)
    rate, keep, inert, small, g = step.numbers
    square, mean = _mixed(ms, p.mul(g, g), keep), _mixed(mg, g, keep)
    spread = p.sqrt(_sum(p.sub(square, p.mul(mean, mean)), small))
    moving: Tensor = _sum(p.mul(inert, _value(mom, None)), p.div(p.mul(rate, g), spread))
    _assign(mom, moving)
    step.move(moving)


def ResourceApplyAdagrad(
    *, var: Any, accum: Any, lr: Any, grad: Any, use_locking: bool = False, update_slots: bool = True,
    name: str | None = None,
) -> None:  # fmt: skip
    """Adagrad's step: accum += grad²; var -= lr * grad / √accum.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ResourceApplyAdagrad.
    """
    step = _Step(var, lr, grad)
    rate, g = step.numbers
    step.move(p.mul(p.mul(rate, g), p.rsqrt(_grown(accum, g, update_slots))))


def ResourceApplyAdagradV2(
    *, var: Any, accum: Any, lr: Any, epsilon: Any, grad: Any, use_locking: bool = False, update_slots: bool = True,
    name: str | None = None,
) -> None:  # fmt: skip
    """Adagrad's step with `epsilon` added to the root.

    Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ResourceApplyAdagradV2.
    """
    step = _Step(var, lr, epsilon, grad)
    rate, small, g = step.numbers
    step.move(p.div(p.mul(rate, g), _sum(p.sqrt(_grown(accum, g, update_slots)), small)))


def _grown(accum: Any, g: Tensor, update: bool) -> Tensor:
    """The sum of squares, the gradient's among them if asked."""
    old = _value(accum, None)
    if not update:
        return old
    found: Tensor = _sum(old, p.mul(g, g))
    _assign(accum, found)
    return found


def ResourceApplyAdadelta(
    *, var: Any, accum: Any, accum_update: Any, lr: Any, rho: Any, epsilon: Any, grad: Any, use_locking: bool = False,
    name: str | None = None,
) -> None:  # fmt: skip
    """Adadelta's step. Follows https://www.tensorflow.org/api_docs/python/tf/raw_ops/ResourceApplyAdadelta."""
    step = _Step(var, lr, rho, epsilon, grad)
    rate, keep, small, g = step.numbers
    square = _mixed(accum, p.mul(g, g), keep)
    by = p.mul(p.mul(p.sqrt(_sum(_value(accum_update, None), small)), p.rsqrt(_sum(square, small))), g)
    _mixed(accum_update, p.mul(by, by), keep)
    step.move(p.mul(rate, by))
