"""`tf.data.Options` and the groups of settings in it.

Invariant: a setting has the type it is declared with, or None where nobody has set it. None of them changes what a
pipeline gives: there is one machine, elements come in their order, and stages run when their elements are asked for.
Follows https://www.tensorflow.org/api_docs/python/tf/data/Options. Entry point: `Options`.
"""

from __future__ import annotations

import enum
from typing import Any, ClassVar


class AutoShardPolicy(enum.IntEnum):
    """How a dataset is split among workers."""

    OFF = -1
    AUTO = 0
    FILE = 1
    DATA = 2
    HINT = 3


class ExternalStatePolicy(enum.Enum):
    """What to do about state that lies outside of a dataset."""

    WARN = 0
    IGNORE = 1
    FAIL = 2


class AutotuneAlgorithm(enum.Enum):
    """How numbers of threads are tuned."""

    DEFAULT = 0
    HILL_CLIMB = 1
    GRADIENT_DESCENT = 2
    MAX_PARALLELISM = 3
    STAGE_BASED = 4


class Settings:
    """Typed settings: `_types` names them, `_defaults` gives what is not None at first."""

    _types: ClassVar[dict[str, type]] = {}
    _defaults: ClassVar[dict[str, Any]] = {}
    _other_names: ClassVar[dict[str, str]] = {}

    def __init__(self) -> None:
        object.__setattr__(self, "_set", {})

    def __getattr__(self, name: str) -> Any:
        name = self._other_names.get(name, name)
        kind = self._types.get(name)
        if kind is None:
            raise AttributeError(f"'{type(self).__name__}' object has no attribute {name!r}")
        if name not in self._set and issubclass(kind, Settings):
            self._set[name] = kind()
        return self._set.get(name, self._defaults.get(name))

    def __setattr__(self, name: str, value: Any) -> None:
        name = self._other_names.get(name, name)
        kind = self._types.get(name)
        if kind is None:
            raise AttributeError(f"Cannot set the property {name} on {type(self).__name__}.")
        if issubclass(kind, enum.Enum) and not isinstance(value, kind) and value in [x.value for x in kind]:
            value = kind(value)
        if value is not None and not isinstance(value, kind):
            raise TypeError(f'Property "{name}" must be of type {kind}, got: {value!r} (type: {type(value)})')
        self._set[name] = value

    def __dir__(self) -> list[str]:
        return sorted([*object.__dir__(self), *self._types, *self._other_names])

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and all(getattr(self, n) == getattr(other, n) for n in self._types)

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = None  # type: ignore[assignment]

    def merge(self, options: Any) -> Any:
        """These settings, with those that `options` sets in their place. Raises TypeError for another kind."""
        if type(options) is not type(self):
            raise TypeError(f"Incompatible options type, expected {type(self)}, got {type(options)}")
        made = type(self)()
        for name, value in self._set.items():
            made._set[name] = value.merge(type(value)()) if isinstance(value, Settings) else value
        for name, value in options._set.items():
            mine = made._set.get(name)
            if isinstance(value, Settings):
                made._set[name] = (mine or type(value)()).merge(value)
            elif value is not None:
                made._set[name] = value
        return made

    def __repr__(self) -> str:
        inside = ", ".join(f"{name}={value!r}" for name, value in self._set.items())
        return f"{type(self).__name__}({inside})"


class AutotuneOptions(Settings):
    """Follows https://www.tensorflow.org/api_docs/python/tf/data/experimental/AutotuneOptions."""

    _types: ClassVar[dict[str, type]] = {
        "enabled": bool, "cpu_budget": int, "ram_budget": int, "autotune_algorithm": AutotuneAlgorithm,
        "initial_parallelism": int, "min_parallelism": int,
    }  # fmt: skip


class DistributeOptions(Settings):
    """Follows https://www.tensorflow.org/api_docs/python/tf/data/experimental/DistributeOptions."""

    _types: ClassVar[dict[str, type]] = {"auto_shard_policy": AutoShardPolicy, "num_devices": int}
    _defaults: ClassVar[dict[str, Any]] = {"auto_shard_policy": AutoShardPolicy.AUTO}


class OptimizationOptions(Settings):
    """Follows https://www.tensorflow.org/api_docs/python/tf/data/experimental/OptimizationOptions."""

    _types: ClassVar[dict[str, type]] = dict.fromkeys((
        "apply_default_optimizations", "filter_fusion", "filter_parallelization", "inject_prefetch",
        "map_and_batch_fusion", "map_and_filter_fusion", "map_fusion", "map_parallelization", "noop_elimination",
        "parallel_batch", "seq_interleave_prefetch", "shuffle_and_repeat_fusion",
    ), bool)  # fmt: skip


class ThreadingOptions(Settings):
    """Follows https://www.tensorflow.org/api_docs/python/tf/data/ThreadingOptions."""

    _types: ClassVar[dict[str, type]] = {"max_intra_op_parallelism": int, "private_threadpool_size": int}


class ServiceOptions(Settings):
    """Settings of a service that this library has none of."""

    _types: ClassVar[dict[str, type]] = {"pinned": bool}


class Options(Settings):
    """Settings of a dataset, for `Dataset.with_options`.

    >>> options = Options()
    >>> options.deterministic = True
    >>> options.deterministic, options.experimental_slack
    (True, None)
    """

    _types: ClassVar[dict[str, type]] = {
        "autotune": AutotuneOptions, "dataset_name": str, "deterministic": bool,
        "experimental_distribute": DistributeOptions, "experimental_external_state_policy": ExternalStatePolicy,
        "experimental_optimization": OptimizationOptions, "experimental_service": ServiceOptions,
        "experimental_slack": bool, "experimental_symbolic_checkpoint": bool, "experimental_warm_start": bool,
        "framework_type": list, "threading": ThreadingOptions,
    }  # fmt: skip
    _other_names: ClassVar[dict[str, str]] = {
        "experimental_deterministic": "deterministic", "experimental_threading": "threading",
    }  # fmt: skip
