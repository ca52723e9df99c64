"""Restoring: objects take the values of the nodes of a checkpoint's graph that they correspond to.

Invariant: an object is matched once, by the names that lead to it; what has no counterpart yet is restored when an
attribute of that name is set. Entry point: `Restoration`.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import Any

from graphtf.checkpoint.bundle import Bundle
from graphtf.checkpoint.object_graph import GRAPH_KEY, children_of, tensors_of, walk
from graphtf.checkpoint.protos import TrackableObject, TrackableObjectGraph
from graphtf.convert import convert_to_tensor
from graphtf.functions.trace import init_scope
from graphtf.tracking import HELD, AutoTrackable, DictWrapper, ListWrapper, Trackable, containers_of, expecting

_log = logging.getLogger("graphtf")
_OWN = "/.ATTRIBUTES/"
_UNBOUND = "Some Python objects were not bound to checkpointed values, likely due to changes in the Python program"


class Restoration:
    """One restoring of one checkpoint: what matched what."""

    def __init__(self, prefix: str, root: Any, attached: Callable[[], Mapping[str, Any]]) -> None:
        self.bundle, self.root, self._attached = Bundle(prefix), root, attached
        self.nodes: list[TrackableObject] = []
        if GRAPH_KEY in self.bundle:
            self.nodes = TrackableObjectGraph.FromString(self.bundle.get(GRAPH_KEY)[()]).nodes
        else:
            raise ValueError(f"{prefix} holds no graph of objects: it was not written by tf.train.Checkpoint")
        self.matched: dict[int, Any] = {}  # by node
        self.consumed: set[str] = set()  # keys of tensors
        self.match(root, 0, attached())

    def match(self, target: Any, number: int, attached: Mapping[str, Any] | None = None) -> None:
        """Restore an object from a node, and what it holds from what that holds."""
        stack: list[tuple[Any, int, Mapping[str, Any]]] = [(target, number, attached or {})]
        while stack:
            x, n, more = stack.pop()
            if not 0 <= n < len(self.nodes) or (n in self.matched and self.matched[n] is x and not more):
                continue
            node = self.nodes[n]
            if n not in self.matched:
                self.matched[n] = x
                self._take(x, node)
            elif self.matched[n] is not x:
                _log.warning("Inconsistent references when loading the checkpoint into this object graph: %r", x)
                continue
            held = {**self._waiting(x, node), **children_of(x), **more}
            for child in reversed(node.children):
                if child.local_name in held:
                    inner = self._watched(x, child.local_name, held[child.local_name], child.node_id)
                    stack.append((inner, child.node_id, {}))
            if isinstance(x, Trackable):
                expecting(x).append((self, n))

    def _waiting(self, x: Any, node: TrackableObject) -> dict[str, Any]:
        """Lists and dicts in attributes that hold nothing yet which the checkpoint has."""
        if not isinstance(x, AutoTrackable):
            return {}
        held = containers_of(x)
        named = ((c.local_name, held.get(c.local_name)) for c in node.children)
        return {name: value for name, value in named if type(value) in (list, dict)}

    def _watched(self, owner: Any, name: str, value: Any, number: int) -> Any:
        """A list or dict that is to grow: in its place, one that says when it does."""
        if type(value) not in (list, dict) or not 0 <= number < len(self.nodes):
            return value
        held = children_of(value)
        if all(child.local_name in held for child in self.nodes[number].children):
            return value
        wrapped: Any = ListWrapper(value) if isinstance(value, list) else DictWrapper(value)
        if isinstance(owner, list):
            list.__setitem__(owner, int(name), wrapped)
        elif isinstance(owner, dict):
            key = next((k for k in owner if str(k) == name), name)
            dict.__setitem__(owner, key, wrapped)
        elif isinstance(owner, AutoTrackable) and vars(owner).get(name) is value:
            vars(owner)[name] = wrapped
            vars(owner).setdefault(HELD, {})[name] = wrapped
        else:
            return value
        return wrapped

    def _take(self, x: Any, node: TrackableObject) -> None:
        """Give an object the tensors that its node has."""
        if not node.attributes or not isinstance(x, Trackable):
            return
        base = node.attributes[0].checkpoint_key.rpartition(_OWN)[0] + _OWN
        names = [name for name in tensors_of(x) if base + name in self.bundle]
        if not names:
            return
        with init_scope():
            x._restore_from_tensors({name: convert_to_tensor(self.bundle.get(base + name)) for name in names})
        self.consumed.update(base + name for name in names)

    def set(self, number: int, name: str, child: Any) -> None:
        """An attribute of an object that matched a node was set."""
        for reference in self.nodes[number].children:
            if reference.local_name == name and reference.node_id not in self.matched:
                inner = self._watched(self.matched.get(number), name, child, reference.node_id)
                self.match(inner, reference.node_id)

    def refresh(self) -> None:
        """Match what has been added since, to lists for instance."""
        for number, x in list(self.matched.items()):
            held = {**children_of(x), **(self._attached() if x is self.root else {})}
            for child in self.nodes[number].children:
                if child.local_name in held and child.node_id not in self.matched:
                    self.match(held[child.local_name], child.node_id)

    # ---- what became of it -------------------------------------------------------------------------------------------

    def missing(self) -> list[str]:
        """Values of the checkpoint that no object took."""
        keys = (name for name in self.bundle.names() if name != GRAPH_KEY)
        return [key for key in keys if key not in self.consumed]

    def unmatched_objects(self) -> list[Any]:
        """Objects with values that the checkpoint does not have."""
        found = {id(x) for x in self.matched.values()}
        return [
            node.target
            for node in walk(self.root, self._attached())
            if tensors_of(node.target) and id(node.target) not in found
        ]


class CheckpointLoadStatus:
    """What a restoring came to: the assertions raise AssertionError where it came to less."""

    def __init__(self, restoration: Restoration) -> None:
        self._restoration = restoration

    def assert_consumed(self) -> CheckpointLoadStatus:
        """Every value of the checkpoint was taken, and every object found its values."""
        self.assert_existing_objects_matched()
        left = self._restoration.missing()
        if left:
            raise AssertionError(f"{_UNBOUND}: {left}")
        return self

    def assert_existing_objects_matched(self) -> CheckpointLoadStatus:
        """Every object found its values."""
        self._restoration.refresh()
        left = self._restoration.unmatched_objects()
        if left:
            raise AssertionError(f"{_UNBOUND}: {left}")
        return self

    def assert_nontrivial_match(self) -> CheckpointLoadStatus:
        """Something beside the root found its values."""
        self._restoration.refresh()
        if not self._restoration.consumed:
            raise AssertionError("Nothing to load: no object of the program corresponds to one of the checkpoint.")
        return self

    def expect_partial(self) -> CheckpointLoadStatus:
        """Nothing needs to be said of values that nobody takes."""
        return self

    def initialize_or_restore(self, session: Any = None) -> None:
        """Done already: values are restored at once."""

    run_restore_ops = initialize_or_restore


class InitializationOnlyStatus(CheckpointLoadStatus):
    """What restoring from nothing comes to: the assertions raise."""

    def __init__(self) -> None:
        pass

    def _refuse(self) -> AssertionError:
        return AssertionError("No checkpoint specified (save_path=None); nothing is being restored.")

    def assert_consumed(self) -> CheckpointLoadStatus:
        raise self._refuse()

    def assert_existing_objects_matched(self) -> CheckpointLoadStatus:
        raise self._refuse()

    def assert_nontrivial_match(self) -> CheckpointLoadStatus:
        raise self._refuse()
