"""`tf.experimental.dtensor` for one device: meshes and layouts can be described, and every tensor is whole.

Invariant: a mesh has as many devices as the product of its sizes. Entry points: `Mesh`, `Layout`, `create_mesh`.
Follows https://www.tensorflow.org/api_docs/python/tf/experimental/dtensor.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from graphtf.ir.errors import Unsupported
from graphtf.placement import CPU

UNSHARDED, MATCH = "unsharded", "match"


class Mesh:
    """Devices in a grid with named axes. Raises ValueError if there are more or fewer than its places.

    Follows https://www.tensorflow.org/api_docs/python/tf/experimental/dtensor/Mesh.

    >>> Mesh(["x"], np.array([0]), [0], [CPU]).dim_size("x")
    1
    """

    def __init__(
        self, dim_names: Sequence[str], global_device_ids: Any, local_device_ids: Sequence[int],
        local_devices: Sequence[Any], mesh_name: str = "", global_devices: Any = None, use_xla_spmd: bool = False,
    ) -> None:  # fmt: skip
        ids = np.asarray(global_device_ids)
        if len(dim_names) != ids.ndim:
            raise ValueError(f"Mesh: {len(dim_names)} names for a grid of {ids.ndim} axes")
        if len(local_device_ids) != len(local_devices):
            raise ValueError(f"Mesh: {len(local_device_ids)} ids for {len(local_devices)} devices")
        self.dim_names, self.name = list(dim_names), mesh_name
        self._shape = ids.shape
        self._devices = [str(d) for d in local_devices]

    def shape(self) -> list[int]:
        """The sizes of the axes."""
        return list(self._shape)

    @property
    def size(self) -> int:
        """How many devices there are."""
        return math.prod(self._shape)

    def dim_size(self, dim_name: str) -> int:
        """The size of an axis. Raises ValueError for an unknown name."""
        if dim_name not in self.dim_names:
            raise ValueError(f"{dim_name!r} is not an axis of the mesh: it has {self.dim_names}")
        return self._shape[self.dim_names.index(dim_name)]

    def local_devices(self) -> list[str]:
        """The devices of this process."""
        return list(self._devices)


class Layout:
    """How each axis of a tensor lies on a mesh: along one of its axes, or whole.

    Raises ValueError for an axis the mesh has not. Follows
    https://www.tensorflow.org/api_docs/python/tf/experimental/dtensor/Layout.
    """

    def __init__(self, sharding_specs: Sequence[str], mesh: Mesh) -> None:
        unknown = [s for s in sharding_specs if s != UNSHARDED and s not in mesh.dim_names]
        if unknown:
            raise ValueError(f"Layout: {unknown} are not axes of the mesh, which has {mesh.dim_names}")
        self.sharding_specs, self.mesh = list(sharding_specs), mesh

    @property
    def rank(self) -> int:
        return len(self.sharding_specs)

    def is_fully_replicated(self) -> bool:
        """Does every device hold the whole tensor?"""
        return all(s == UNSHARDED or self.mesh.dim_size(s) == 1 for s in self.sharding_specs)

    @classmethod
    def replicated(cls, mesh: Mesh, rank: int) -> Layout:
        """Whole along every axis."""
        return cls([UNSHARDED] * rank, mesh)


def create_mesh(
    mesh_dims: Any = None, mesh_name: str = "", devices: Sequence[Any] | None = None, device_type: str | None = None,
    use_xla_spmd: bool = False,
) -> Mesh:  # fmt: skip
    """The mesh of the one device there is: sizes of axes must be 1. Raises Unsupported for others.

    Follows https://www.tensorflow.org/api_docs/python/tf/experimental/dtensor/create_mesh.

    >>> create_mesh([("x", 1)]).shape()
    [1]
    """
    dims = list(mesh_dims.items() if isinstance(mesh_dims, dict) else mesh_dims or [("x", 1)])
    sizes = tuple(int(size) for _, size in dims)
    if math.prod(sizes) != 1:
        raise Unsupported(f"a mesh of {math.prod(sizes)} devices: there is one, {CPU}")
    return Mesh([str(name) for name, _ in dims], np.zeros(sizes, np.int64), [0], devices or [CPU], mesh_name)


def create_distributed_mesh(
    mesh_dims: Any, mesh_name: str = "", local_devices: Sequence[Any] | None = None, device_type: str | None = None,
    use_xla_spmd: bool = False,
) -> Mesh:  # fmt: skip
    """As `create_mesh`: there is one process.

    Follows https://www.tensorflow.org/api_docs/python/tf/experimental/dtensor/create_distributed_mesh.
    """
    return create_mesh(mesh_dims, mesh_name, None if local_devices is None else list(local_devices))
