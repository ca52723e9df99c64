"""`Module`: an object that holds variables and other modules. Follows https://www.tensorflow.org/api_docs/python/tf/Module.

Invariant: nothing is registered: what a module holds is read off its attributes when it is asked for, sorted by name,
through lists, tuples and dicts; what is reached twice counts once. Entry point: `Module`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from graphtf import nest
from graphtf.autograph.convert import converted_callee
from graphtf.ir.binding import active_binder
from graphtf.scopes import name_scope
from graphtf.tracking import HELD, AutoTrackable
from graphtf.variable import Variable

_F = TypeVar("_F", bound=Callable[..., Any])
_WORD = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")  # where a word of CamelCase starts
_NAME = re.compile(r"[A-Za-z_]\w*\Z", re.ASCII)


class Module(AutoTrackable):
    """A named container of variables, of other modules, and of the functions that use them.

    Variables and modules are found in attributes, and in lists, tuples and dicts that are attributes. The name is the
    class' in snake_case unless given. Raises ValueError for a name that is no identifier.

    >>> class Dense(Module):
    ...     def __init__(self, width, name=None):
    ...         super().__init__(name=name)
    ...         self.w = Variable([1.0] * width, name="w")
    >>> [v.name for v in Dense(3).variables]
    ['w:0']
    """

    _TF_MODULE_IGNORED_PROPERTIES: frozenset[str] = frozenset()  # attributes that are not looked into

    def __init__(self, name: str | None = None) -> None:
        if name is None:
            name = _WORD.sub("_", type(self).__name__).lower()
        if not isinstance(name, str) or not _NAME.match(name):
            raise ValueError(
                f"{name!r} is not a valid module name. Module names must be valid Python identifiers (e.g. a valid "
                "class name)."
            )
        self._name = name
        with name_scope(name) as scope:
            self._name_scope = name_scope(scope)

    @property
    def name(self) -> str:
        """As it was given, or the class' in snake_case; without the scope it was made in."""
        return self._name

    @property
    def name_scope(self) -> name_scope:
        """The scope of names that the module's methods may enter: its name, in the scope the module was made in."""
        return self._name_scope

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Its variables by the names of attributes, then those of the modules it holds."""
        return tuple(self._flatten(predicate=_is_variable, expand_composites=True))

    @property
    def trainable_variables(self) -> tuple[Variable, ...]:
        """Those of `variables` that tapes watch."""
        return tuple(v for v in self.variables if v.trainable)

    @property
    def non_trainable_variables(self) -> tuple[Variable, ...]:
        """Those of `variables` that tapes do not watch."""
        return tuple(v for v in self.variables if not v.trainable)

    @property
    def submodules(self) -> tuple[Module, ...]:
        """The modules it holds, then the modules those hold.

        >>> outer, inner = Module("outer"), Module("inner")
        >>> outer.parts = [inner]
        >>> outer.submodules == (inner,)
        True
        """
        return tuple(self._flatten(predicate=_is_module))

    def _flatten(
        self, recursive: bool = True, predicate: Callable[[Any], bool] | None = None,
        attribute_traversal_key: Callable[[str], Any] | None = None, with_path: bool = False,
        expand_composites: bool = False,
    ) -> Iterator[Any]:  # fmt: skip
        """The leaves of attributes for which `predicate` holds, with their paths if asked; then, if `recursive`, those
        of the modules among the leaves. Raises ValueError for a structure that cannot be flattened."""
        found = _Leaves(recursive, predicate or (lambda _: True), attribute_traversal_key, expand_composites)
        for path, leaf in found.of(self, ()):
            yield (path, leaf) if with_path else leaf

    @classmethod
    def with_name_scope(cls, method: _F) -> _F:
        """A method that enters the module's name scope.

        >>> class Scale(Module):
        ...     @Module.with_name_scope
        ...     def __call__(self, x):
        ...         if not hasattr(self, "w"):
        ...             self.w = Variable(2.0, name="w")
        ...         return x * self.w
        >>> scale = Scale()
        >>> scale(3.0).numpy().item(), scale.w.name
        (6.0, 'scale/w:0')
        """

        @functools.wraps(method)
        def scoped(self: Module, *args: Any, **kwargs: Any) -> Any:
            run = method if active_binder() is None else converted_callee(method)
            with self.name_scope:
                return run(self, *args, **kwargs)

        return scoped  # type: ignore[return-value]


def _is_variable(x: Any) -> bool:
    return isinstance(x, Variable)


def _is_module(x: Any) -> bool:
    return isinstance(x, Module)


class _Leaves:
    """One walk over a module, which gives no leaf and enters no module twice."""

    def __init__(
        self, recursive: bool, wanted: Callable[[Any], bool], key: Callable[[str], Any] | None, composites: bool
    ) -> None:
        self._recursive, self._wanted, self._key, self._composites = recursive, wanted, key, composites
        self._given: set[int] = set()
        self._entered: set[int] = set()

    def of(self, module: Module, path: tuple[Any, ...]) -> Iterator[tuple[tuple[Any, ...], Any]]:
        """(path, leaf) of a module's attributes, then of the modules among them."""
        if not path:
            self._given.add(id(module))  # a module does not hold itself
        self._entered.add(id(module))
        inner: list[tuple[Module, tuple[Any, ...]]] = []
        for at, leaf in self._attributes(module):
            if self._wanted(leaf) and id(leaf) not in self._given:
                self._given.add(id(leaf))
                yield (*path, *at), leaf
            if self._recursive and isinstance(leaf, Module):
                inner.append((leaf, (*path, *at)))
        for m, at in inner:
            if id(m) not in self._entered:
                yield from self.of(m, at)

    def _attributes(self, module: Module) -> Iterator[tuple[tuple[Any, ...], Any]]:
        held = vars(module)
        for name in sorted(held, key=self._key):
            if name == HELD or name in module._TF_MODULE_IGNORED_PROPERTIES:
                continue
            try:
                paths = nest.flatten_with_paths(held[name], self._composites)
            except Exception as e:
                raise ValueError(f"Error processing property {name!r} of {module!r}") from e
            for at, leaf in paths:
                yield (name, *at), leaf
