"""Host functions in saved graphs: by name, with their options as plain data.

Invariant: only marked functions (graphtf/host_functions.py) are written and read; each loaded one is registered anew,
and its graph calls it by the new key. Entry points: `hosts_of`, `with_hosts`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from graphtf.host_functions import HostFunction, by_name
from graphtf.ir.dtypes import DType, as_dtype
from graphtf.ir.graph import Graph, Node, map_regions
from graphtf.ir.ops.io import host_call, register, registered
from graphtf.tables.entries import Entries

Data = dict[str, Any]


def hosts_of(graph: Graph) -> dict[int, Data]:
    """The named functions that a graph calls, by their keys."""
    found: dict[int, Data] = {}
    for node in graph.walk():
        if node.op is not host_call:
            continue
        function = registered(node.attrs["function"])
        if isinstance(function, HostFunction):
            options = {k: _data(v) for k, v in function.options.items()}
            found[node.attrs["function"]] = {"name": function.name, "options": options}
    return found


def with_hosts(graph: Graph, hosts: Data) -> Graph:
    """The graph calling the functions that `hosts` describes. Raises ValueError for an unknown one."""
    keys = {int(key): register(_function(data)) for key, data in hosts.items()}

    def renewed(node: Node) -> Node:
        node = map_regions(node, lambda region: region.with_nodes(renewed(n) for n in region.nodes))
        if node.op is not host_call:
            return node
        return replace(node, attrs={**node.attrs, "function": keys[node.attrs["function"]]})

    return graph.with_nodes(renewed(n) for n in graph.nodes) if keys else graph


def _function(data: Data) -> HostFunction:
    return HostFunction(by_name(data["name"]), **{k: _value(v) for k, v in data["options"].items()})


def _data(x: Any) -> Any:
    """An option as JSON holds it. Raises TypeError for another class."""
    if x is None or isinstance(x, (bool, int, float, str)):
        return x
    if isinstance(x, bytes):
        return {"bytes": x.decode("latin-1")}
    if isinstance(x, DType):
        return {"dtype": x.name}
    if isinstance(x, (list, tuple)):
        return [_data(v) for v in x]
    if isinstance(x, Entries):
        keys, values = x.export()
        return {
            "entries": [x.key_dtype.name, x.value_dtype.name, list(x.value_shape)],
            "keys": [_data(v) for v in keys.tolist()], "values": [_data(v) for v in values.reshape(-1).tolist()],
        }  # fmt: skip
    raise TypeError(f"an option of a host function is {x!r}")


def _value(x: Any) -> Any:
    if isinstance(x, list):
        return [_value(v) for v in x]
    if not isinstance(x, dict):
        return x
    if "bytes" in x:
        return x["bytes"].encode("latin-1")
    if "dtype" in x:
        return as_dtype(x["dtype"])
    key_dtype, value_dtype, shape = x["entries"]
    made = Entries(as_dtype(key_dtype), as_dtype(value_dtype), tuple(shape))
    columns = [(made.key_dtype, x["keys"]), (made.value_dtype, x["values"])]
    keys, values = (_column([_value(v) for v in items], d) for d, items in columns)
    made.put(keys, values.reshape(len(keys), *shape))
    return made


def _column(items: list[Any], dtype: DType) -> np.ndarray[Any, Any]:
    out = np.empty(len(items), dtype.np)
    out[:] = items
    return out
