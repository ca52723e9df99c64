"""`tf.train.ExponentialMovingAverage`: averages of variables as they change.

Entry point: `ExponentialMovingAverage`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphtf.convert import convert_to_tensor
from graphtf.functions.trace import init_scope
from graphtf.tracking import Trackable
from graphtf.variable import Variable


class ExponentialMovingAverage(Trackable):
    """Averages of variables that decay: average ← decay · average + (1 - decay) · value, at each `apply`.

    With `num_updates` the decay is at most (1 + num_updates) / (10 + num_updates). `zero_debias` is about averages that
    begin at zero; those of variables begin with their values. Follows
    https://www.tensorflow.org/api_docs/python/tf/train/ExponentialMovingAverage.

    >>> v = Variable(1.0)
    >>> ema = ExponentialMovingAverage(0.5)
    >>> ema.apply([v])
    >>> _ = v.assign(3.0)
    >>> ema.apply([v])
    >>> float(ema.average(v))
    2.0
    """

    def __init__(
        self, decay: Any, num_updates: Any = None, zero_debias: bool = False, name: str = "ExponentialMovingAverage"
    ) -> None:
        self._decay, self._num_updates, self._zero_debias, self._name = decay, num_updates, zero_debias, name
        self._averages: dict[Any, Variable] = {}

    @property
    def name(self) -> str:
        """The name of the averages' names."""
        return self._name

    def apply(self, var_list: Sequence[Variable] | None = None) -> None:
        """Take the values of variables into their averages; the first time these are made, with the values.

        Raises ValueError without variables, TypeError for one that is not floating.
        """
        if var_list is None:
            raise ValueError("apply needs the variables to average")
        decay = self._rate()
        for v in var_list:
            if not v.dtype.is_floating:
                raise TypeError(f"The variables must be half, float, or double: {v.name}")
            if v.ref() not in self._averages:
                self._create(v)
            average = self._averages[v.ref()]
            average.assign_sub((average - v.read_value()) * (1 - convert_to_tensor(decay, v.dtype)))

    def _rate(self) -> Any:
        if self._num_updates is None:
            return self._decay
        count = float(self._num_updates)
        return min(float(self._decay), (1.0 + count) / (10.0 + count))

    def _create(self, v: Variable) -> None:
        with init_scope():
            own = f"{v.name.split(':')[0]}/{self._name}"
            made = Variable(v.read_value(), trainable=False, name=own)
            self._averages[v.ref()] = made

    def average(self, var: Variable) -> Variable | None:
        """The average of a variable; None if it has none."""
        return self._averages.get(var.ref())

    def average_name(self, var: Variable) -> str:
        """The name of the average of a variable."""
        return f"{var.name.split(':')[0]}/{self._name}"

    def variables_to_restore(self, moving_avg_variables: Sequence[Variable] | None = None) -> dict[str, Variable]:
        """The variables by the names of their averages.

        Follows https://www.tensorflow.org/api_docs/python/tf/train/ExponentialMovingAverage#variables_to_restore.
        """
        return {self.average_name(v): v for v in moving_avg_variables or [r.deref() for r in self._averages]}
