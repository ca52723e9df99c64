"""Nested structures: lists, tuples, namedtuples, mappings (by sorted key), attrs classes; all else is a leaf.

Invariant: `pack_sequence_as(s, flatten(s))` rebuilds `s`. With `expand_composites`, a composite tensor (sparse, ragged,
slices) counts as the structure of its components, and its spec as that of their specs. Follows https://www.tensorflow.org/api_docs/python/tf/nest.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, MappingView, MutableMapping, Sequence
from typing import Any

_MISSING = object()


class Composed:
    """What is made of several parts: `_components()` lists them, `_from_components` makes a value of such."""

    __slots__ = ()

    def _components(self) -> tuple[Any, ...]:
        raise NotImplementedError

    def _from_components(self, components: Sequence[Any]) -> Any:
        raise NotImplementedError


class CompositeTensor(Composed):
    """A value made of several tensors."""

    __slots__ = ()

    @property
    def _static_key(self) -> Any:
        """What of the value no component holds: two values of one key may share a trace."""
        return getattr(self, "_type_spec", None)

    def _as_argument(self) -> CompositeTensor:
        """What stands for it among the arguments of a traced function."""
        return self

    def _stand_in(self) -> Any:
        """What a trace keeps to make values like it: itself, or something that does not hold its tensors."""
        return self

    def _as_result(self) -> CompositeTensor:
        """What stands for it among the results of one."""
        return self


# ---- one level -------------------------------------------------------------------------------------------------------


def _attrs_fields(x: Any) -> tuple[str, ...] | None:
    fields = getattr(type(x), "__attrs_attrs__", None)
    return None if fields is None else tuple(f.name for f in fields)


def is_nested(structure: Any) -> bool:
    """Is it a structure, not a leaf? Strings are leaves.

    >>> is_nested([1]), is_nested("ab")
    (True, False)
    """
    return _items(structure, False) is not None


_leaves: set[type] = set()  # classes seen whose objects are leaves, whatever they hold


def _items(x: Any, expand: bool) -> list[tuple[Any, Any]] | None:
    """(key, child) pairs in order, or None for a leaf."""
    if type(x) in _leaves:
        return None
    if isinstance(x, (list, tuple)):
        keys = x._fields if isinstance(x, tuple) and hasattr(x, "_fields") else range(len(x))
        return list(zip(keys, x))
    if isinstance(x, Mapping):
        return [(k, x[k]) for k in _sorted(x)]
    if isinstance(x, Composed):
        return list(enumerate(x._components())) if expand else None
    if isinstance(x, MappingView):
        return list(enumerate(x))
    if isinstance(x, (str, bytes)) or not isinstance(x, Sequence | Mapping):
        fields = _attrs_fields(x)
        if fields is None:
            _leaves.add(type(x))
            return None
        return [(f, getattr(x, f)) for f in fields]
    return list(enumerate(x)) if type(x).__name__ != "ndarray" and isinstance(x, Sequence) and not _is_leaf(x) else None


def _is_leaf(x: Any) -> bool:
    return isinstance(x, (range, memoryview, bytearray)) or hasattr(x, "dtype")


def _sorted(mapping: Mapping[Any, Any]) -> list[Any]:
    try:
        return sorted(mapping)
    except TypeError:
        raise TypeError(f"nest only supports mappings with sortable keys, got {list(mapping)}") from None


def _rebuilt(x: Any, children: list[Any]) -> Any:
    """A structure like `x` with other children, in the order of `_items`."""
    if isinstance(x, Composed):
        return x._from_components(children)
    if isinstance(x, tuple):
        return type(x)(*children) if hasattr(x, "_fields") else _sequence_like(x, children)
    if isinstance(x, Mapping):
        return _mapping_like(x, dict(zip(_sorted(x), children)))
    if _attrs_fields(x) is not None:
        return type(x)(*children)
    return _sequence_like(x, children)


def _sequence_like(x: Any, children: list[Any]) -> Any:
    if type(x) is list:
        return children
    if type(x) is tuple:
        return tuple(children)
    return type(x)(children)


def _mapping_like(x: Mapping[Any, Any], values: dict[Any, Any]) -> Any:
    ordered = [(k, values[k]) for k in x]
    if isinstance(x, defaultdict):
        return defaultdict(x.default_factory, ordered)
    if type(x) in (dict, OrderedDict) or isinstance(x, MutableMapping):
        return type(x)(ordered)
    try:
        return type(x)(ordered)
    except TypeError:
        return dict(ordered)


# ---- whole structures ------------------------------------------------------------------------------------------------


def flatten(structure: Any, expand_composites: bool = False) -> list[Any]:
    """The leaves, in order; a leaf gives a list of itself.

    >>> flatten({"b": [2, 3], "a": 1})
    [1, 2, 3]
    """
    out: list[Any] = []
    _flatten_into(structure, expand_composites, out)
    return out


def _flatten_into(x: Any, expand: bool, out: list[Any]) -> None:
    kind = type(x)
    if kind in _leaves:
        out.append(x)
        return
    if kind is list or kind is tuple:
        for child in x:
            _flatten_into(child, expand, out)
        return
    items = _items(x, expand)
    if items is None:
        out.append(x)
        return
    for _, child in items:
        _flatten_into(child, expand, out)


def pack_sequence_as(structure: Any, flat_sequence: Any, expand_composites: bool = False) -> Any:
    """A structure like `structure` with the leaves of `flat_sequence`.

    Raises TypeError if `flat_sequence` is no sequence, ValueError if the number of leaves differs.

    >>> pack_sequence_as({"a": 1, "b": (2, 3)}, ["x", "y", "z"])
    {'a': 'x', 'b': ('y', 'z')}
    """
    if not isinstance(flat_sequence, (list, tuple)):
        if not hasattr(flat_sequence, "__iter__") or isinstance(flat_sequence, (str, bytes)):
            raise TypeError(
                f"Attempted to pack value:\n  {flat_sequence}\ninto a structure, but found incompatible type"
            )
        flat_sequence = list(flat_sequence)
    count = len(flatten(structure, expand_composites))
    if not is_nested(structure) and not (expand_composites and isinstance(structure, Composed)):
        if len(flat_sequence) != 1:
            raise ValueError(
                f"The target structure is of type {type(structure)!r}, a single leaf. However the input is a "
                "sequence of "
                f"length {len(flat_sequence)}: {flat_sequence}."
            )
        return flat_sequence[0]
    if count != len(flat_sequence):
        raise ValueError(
            f"Could not pack sequence. Structure had {count} atoms, but flat_sequence had {len(flat_sequence)} items. "
            f"Structure: {structure}, flat_sequence: {flat_sequence}."
        )
    it = iter(flat_sequence)
    return _packed(structure, expand_composites, it)


def packer(structure: Any, expand_composites: bool = False) -> Callable[[Iterator[Any]], Any]:
    """What makes structures like `structure` from iterators over their leaves: for one that is packed many times.

    >>> pack = packer({"b": 1, "a": (2,)})
    >>> pack(iter("xy"))
    {'b': 'y', 'a': ('x',)}
    """
    items = _items(structure, expand_composites)
    if items is None:
        return next
    parts = [packer(child, expand_composites) for _, child in items]
    if type(structure) is dict:
        return _dict_packer([k for k, _ in items], parts, list(structure))
    if type(structure) is tuple:
        return lambda leaves: tuple([part(leaves) for part in parts])
    return lambda leaves: _rebuilt(structure, [part(leaves) for part in parts])


def _dict_packer(by_name: list[Any], parts: list[Any], order: list[Any]) -> Callable[[Iterator[Any]], Any]:
    pairs, ordered = list(zip(by_name, parts)), by_name == order

    def pack(leaves: Iterator[Any]) -> Any:
        made = {k: part(leaves) for k, part in pairs}
        return made if ordered else {k: made[k] for k in order}

    return pack


def _packed(x: Any, expand: bool, leaves: Any) -> Any:
    items = _items(x, expand)
    if items is None:
        return next(leaves)
    return _rebuilt(x, [_packed(child, expand, leaves) for _, child in items])


def map_structure(func: Callable[..., Any], *structure: Any, **kwargs: Any) -> Any:
    """Apply `func` to the leaves of structures of one shape; the results in that shape.

    Keywords: `check_types` (True), `expand_composites` (False). Raises ValueError or TypeError if structures differ.

    >>> map_structure(lambda x, y: x + y, [1, (2,)], [10, (20,)])
    [11, (22,)]
    """
    check_types = kwargs.pop("check_types", True)
    expand = kwargs.pop("expand_composites", False)
    if kwargs:
        raise ValueError(f"Only valid keyword arguments are `check_types` and `expand_composites`, not: {list(kwargs)}")
    if not callable(func):
        raise TypeError(f"func must be callable, got: {func}")
    if not structure:
        raise ValueError("Must provide at least one structure")
    for other in structure[1:]:
        assert_same_structure(structure[0], other, check_types=check_types, expand_composites=expand)
    results = [func(*leaves) for leaves in zip(*(flatten(s, expand) for s in structure))]
    it = iter(results)
    return _packed(structure[0], expand, it)


def map_structure_with_paths(func: Callable[..., Any], structure: Any, expand_composites: bool = False) -> Any:
    """Like `map_structure` with the path of keys as the first argument: `func("a/0", leaf)`."""
    results = [func("/".join(map(str, path)), leaf) for path, leaf in flatten_with_paths(structure, expand_composites)]
    return pack_sequence_as(structure, results, expand_composites)


def flatten_with_paths(structure: Any, expand_composites: bool = False) -> list[tuple[tuple[Any, ...], Any]]:
    """(path of keys, leaf) pairs, in order."""
    items = _items(structure, expand_composites)
    if items is None:
        return [((), structure)]
    return [
        ((key, *path), leaf) for key, child in items for path, leaf in flatten_with_paths(child, expand_composites)
    ]


def assert_same_structure(nest1: Any, nest2: Any, check_types: bool = True, expand_composites: bool = False) -> None:
    """Raises ValueError if the structures differ in shape, TypeError (with `check_types`) in the type of a sequence.

    >>> assert_same_structure([1, (2, 3)], ["a", ("b", "c")])
    """
    try:
        _compare(nest1, nest2, check_types, expand_composites)
    except (ValueError, TypeError) as e:
        raise type(e)(
            f"The two structures don't have the same nested structure.\n\nFirst structure: type={type(nest1).__name__} "
            f"str={nest1}\n\nSecond structure: type={type(nest2).__name__} str={nest2}\n\nMore specifically: {e}"
        ) from None


def _compare(a: Any, b: Any, check_types: bool, expand: bool) -> None:
    left, right = _items(a, expand), _items(b, expand)
    if left is None and right is None:
        return
    if left is None or right is None:
        raise ValueError(f"{a!r} and {b!r}: one is a structure, the other is a leaf")
    if check_types and not _same_kind(a, b):
        raise TypeError(f"the sequence types differ: {type(a)} and {type(b)}")
    if len(left) != len(right):
        raise ValueError(f"the lengths differ: {len(left)} and {len(right)}")
    if isinstance(a, Mapping) and isinstance(b, Mapping) and [k for k, _ in left] != [k for k, _ in right]:
        raise ValueError(f"the keys differ: {[k for k, _ in left]} and {[k for k, _ in right]}")
    for (_, x), (_, y) in zip(left, right):
        _compare(x, y, check_types, expand)


def _same_kind(a: Any, b: Any) -> bool:
    if type(a) is type(b):
        return True
    if isinstance(a, Mapping) and isinstance(b, Mapping):
        return True
    named = [getattr(x, "_fields", _MISSING) for x in (a, b)]
    if named[0] is not _MISSING and named[0] == named[1]:
        return type(a).__name__ == type(b).__name__
    return False


def flatten_up_to(shallow: Any, deep: Any, expand_composites: bool = False) -> list[Any]:
    """The parts of `deep` that lie where `shallow` has leaves. Raises ValueError if `deep` is not deep enough."""
    items = _items(shallow, expand_composites)
    if items is None:
        return [deep]
    inner = _items(deep, expand_composites)
    if inner is None or len(inner) != len(items):
        raise ValueError(f"{deep!r} does not have the structure of {shallow!r} at its top")
    return [leaf for (_, s), (_, d) in zip(items, inner) for leaf in flatten_up_to(s, d, expand_composites)]


def map_structure_up_to(shallow: Any, func: Callable[..., Any], *structures: Any, **kwargs: Any) -> Any:
    """Apply `func` to the parts of structures that lie where `shallow` has leaves."""
    expand = kwargs.pop("expand_composites", False)
    parts: Iterable[Any] = zip(*(flatten_up_to(shallow, s, expand) for s in structures))
    return pack_sequence_as(shallow, [func(*x) for x in parts], expand)
