"""All families of recorded cases."""

from __future__ import annotations

from tests.recorded import files, images, late_sizes, lookup, pictures, ragged, sparse, strings

FAMILIES = (
    strings.FAMILY, ragged.FAMILY, sparse.FAMILY, lookup.FAMILY, files.FAMILY, images.FAMILY, pictures.FAMILY,
    late_sizes.FAMILY,
)  # fmt: skip
