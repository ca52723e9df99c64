"""`tf.compat`: text and bytes, and classes of numbers.

Entry points: the functions below.
"""

from __future__ import annotations

import codecs
import numbers
import os
from typing import Any

import numpy as np

bytes_or_text_types = (bytes, str)
integral_types = (numbers.Integral, np.integer)
real_types = (numbers.Real, np.integer, np.floating)
complex_types = (numbers.Complex, np.number)


def as_bytes(bytes_or_text: Any, encoding: str = "utf-8") -> bytes:
    """Text encoded; bytes as they are. Raises TypeError for other things.

    Follows https://www.tensorflow.org/api_docs/python/tf/compat/as_bytes.

    >>> as_bytes("ä")
    b'\\xc3\\xa4'
    """
    encoding = codecs.lookup(encoding).name
    if isinstance(bytes_or_text, (bytes, bytearray)):
        return bytes(bytes_or_text)
    if isinstance(bytes_or_text, str):
        return bytes_or_text.encode(encoding)
    raise TypeError(f"Expected binary or unicode string, got {bytes_or_text!r}")


def as_text(bytes_or_text: Any, encoding: str = "utf-8") -> str:
    """Bytes decoded; text as it is. Raises TypeError for other things.

    Follows https://www.tensorflow.org/api_docs/python/tf/compat/as_text.

    >>> as_text(b"a")
    'a'
    """
    encoding = codecs.lookup(encoding).name
    if isinstance(bytes_or_text, str):
        return bytes_or_text
    if isinstance(bytes_or_text, bytes):
        return bytes_or_text.decode(encoding)
    raise TypeError(f"Expected binary or unicode string, got {bytes_or_text!r}")


as_str = as_text


def as_str_any(value: Any, encoding: str = "utf-8") -> str:
    """Bytes decoded, other things as `str` gives them.

    Follows https://www.tensorflow.org/api_docs/python/tf/compat/as_str_any.

    >>> as_str_any(b"a"), as_str_any(1)
    ('a', '1')
    """
    return as_str(value, encoding) if isinstance(value, bytes) else str(value)


def path_to_str(path: Any) -> Any:
    """A path object as text, other things as they are.

    Follows https://www.tensorflow.org/api_docs/python/tf/compat/path_to_str.
    """
    return as_str_any(os.fspath(path)) if hasattr(path, "__fspath__") else path
