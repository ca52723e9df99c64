"""The package Pillow, which is imported when an image is read or written."""

from __future__ import annotations

from typing import Any


def pillow() -> Any:
    """Its module `Image`. Raises ImportError that says what to install."""
    try:
        from PIL import Image
    except ImportError:
        raise ImportError("images in files need the package pillow: pip install graphtf[images]") from None
    return Image
