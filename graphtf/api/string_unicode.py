"""Strings as characters: decoding, encoding, splitting, transcoding.

Invariant: encodings are Python's under TensorFlow's names; what is not valid is refused, replaced or left out, as
`errors` says. Entry points: the `tf.strings.unicode_…` functions below.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np

from graphtf.api.string_parts import in_rows, pieces
from graphtf.api.strings import as_strings, each
from graphtf.api.unicode_scripts import scripts_of
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.host_functions import HostFunction, host_function
from graphtf.ir import dtypes as dt
from graphtf.ragged_tensor import RaggedTensor
from graphtf.refusal import failed, invalid, wrong_dtype
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]
Character = tuple[int, int]  # its code point, and where it begins

_ERRORS = ("strict", "replace", "ignore")
_OUTPUT = {"UTF-8": "utf-8", "UTF-16-BE": "utf-16-be", "UTF-32-BE": "utf-32-be"}
_FIXED = {"utf-16-be": 2, "utf-32-be": 4, "utf-16-le": 2, "utf-32-le": 4}


def _codec(encoding: str, name: str) -> str:
    """Python's name. Raises InvalidArgumentError for an unknown encoding."""
    try:
        return codecs.lookup(_OUTPUT.get(encoding.upper(), encoding)).name
    except LookupError:
        error = invalid if name == "unicode_split" else failed  # which encodes again, by an attribute of an op
        raise error(name, f"could not create converter for input encoding {encoding!r}") from None


def _checked(errors: str, replacement: Any, name: str) -> int:
    if errors not in _ERRORS:
        raise invalid(name, f"errors must be one of strict, replace, ignore, got {errors!r}")
    code = int(replacement)
    if not 0 <= code <= 0x10FFFF or 0xD800 <= code < 0xE000:
        raise invalid(name, f"replacement_char out of unicode codepoint range: {replacement}")
    return code


class Decoder:
    """What turns bytes into characters."""

    def __init__(self, encoding: str, errors: str, replacement: Any, control: bool, name: str) -> None:
        self.codec, self.errors, self.control = _codec(encoding, name), errors, control
        self.replacement = _checked(errors, replacement, name)
        self.name = name
        self.width = _FIXED.get(self.codec)

    def __call__(self, s: bytes) -> list[Character]:
        """The characters of a string. Raises InvalidArgumentError for a bad one if that is asked."""
        out: list[Character] = []
        at = 0
        while at < len(s):
            try:
                self._valid(s[at:].decode(self.codec), at, out)
                break
            except UnicodeDecodeError as error:
                self._valid(s[at : at + error.start].decode(self.codec), at, out)
                if self.errors == "strict":
                    raise failed(self.name, "Invalid formatting on input string") from None
                if self.errors == "replace":
                    out.append((self.replacement, at + error.start))
                at += max(error.end, error.start + 1)
        if self.control:
            return [(self.replacement if code < 32 or code == 127 else code, where) for code, where in out]
        return out

    def _valid(self, text: str, at: int, out: list[Character]) -> None:
        for char in text:
            out.append((ord(char), at))
            at += len(char.encode(self.codec)) if self.width is None or ord(char) > 0xFFFF else self.width


def _decoded(input: Any, options: tuple[Any, ...], name: str, parts: str, dtypes: list[dt.DType]) -> list[Any]:
    """Of each character the `parts`: c (its code point), s (a string of it), o (where it begins)."""
    Decoder(*options, name)  # refuses bad options now
    x = input if isinstance(input, RaggedTensor) else as_strings(input, name)
    return pieces(x, HostFunction(cut_characters, options=list(options), name=name, parts=parts), dtypes)


@host_function
def cut_characters(values: Array, options: list[Any], name: str, parts: str) -> list[Array]:
    decode = Decoder(*options, name)
    codec = _codec(options[0], name)
    kinds = {"c": dt.int32, "s": dt.string, "o": dt.int64}
    views: dict[str, Callable[[Character], Any]] = {
        "c": lambda c: c[0], "s": lambda c: _encoded(c[0], codec), "o": lambda c: c[1],
    }  # fmt: skip
    chosen = [views[part] for part in parts]
    return in_rows(values, lambda s: [tuple(view(c) for view in chosen) for c in decode(s)], [kinds[k] for k in parts])


def unicode_decode(
    input: Any, input_encoding: str, errors: str = "replace", replacement_char: int = 0xFFFD,
    replace_control_characters: bool = False, name: str | None = None,
) -> Any:  # fmt: skip
    """Each string as its code points: int32, ragged with one axis more.

    Raises InvalidArgumentError for invalid strings if errors is "strict". Follows
    https://www.tensorflow.org/api_docs/python/tf/strings/unicode_decode.

    >>> unicode_decode(["G\\xf6\\xf6dnight", "\\U0001f60a"], "UTF-8").to_list()[1]
    [128522]
    """
    options = (input_encoding, errors, replacement_char, replace_control_characters)
    return _decoded(input, options, "unicode_decode", "c", [dt.int32])[0]


def unicode_decode_with_offsets(
    input: Any, input_encoding: str, errors: str = "replace", replacement_char: int = 0xFFFD,
    replace_control_characters: bool = False, name: str | None = None,
) -> tuple[Any, Any]:  # fmt: skip
    """`unicode_decode`, and the byte at which each character begins: int64.

    Follows https://www.tensorflow.org/api_docs/python/tf/strings/unicode_decode_with_offsets.

    >>> unicode_decode_with_offsets("\\xf6a", "UTF-8")[1].numpy().tolist()
    [0, 2]
    """
    options = (input_encoding, errors, replacement_char, replace_control_characters)
    codes, offsets = _decoded(input, options, "unicode_decode", "co", [dt.int32, dt.int64])
    return codes, offsets


def _encoded(code: int, codec: str) -> bytes:
    return chr(code).encode(codec)


def unicode_split(
    input: Any, input_encoding: str, errors: str = "replace", replacement_char: int = 0xFFFD, name: str | None = None
) -> Any:
    """Each string as strings of one character: ragged with one axis more.

    Follows https://www.tensorflow.org/api_docs/python/tf/strings/unicode_split.

    >>> unicode_split(["ab"], "UTF-8").to_list()
    [[b'a', b'b']]
    """
    options = (input_encoding, errors, replacement_char, False)
    return _decoded(input, options, "unicode_split", "s", [dt.string])[0]


def unicode_split_with_offsets(
    input: Any, input_encoding: str, errors: str = "replace", replacement_char: int = 0xFFFD, name: str | None = None
) -> tuple[Any, Any]:
    """`unicode_split`, and the byte at which each character begins: int64.

    Follows https://www.tensorflow.org/api_docs/python/tf/strings/unicode_split_with_offsets.

    >>> unicode_split_with_offsets("ab", "UTF-8")[1].numpy().tolist()
    [0, 1]
    """
    options = (input_encoding, errors, replacement_char, False)
    chars, offsets = _decoded(input, options, "unicode_split", "so", [dt.string, dt.int64])
    return chars, offsets


def unicode_encode(
    input: Any, output_encoding: str, errors: str = "replace", replacement_char: int = 0xFFFD, name: str | None = None
) -> Any:
    """Rows of code points as strings in UTF-8, UTF-16-BE or UTF-32-BE.

    Raises InvalidArgumentError for a code point that is none if errors is "strict". Follows
    https://www.tensorflow.org/api_docs/python/tf/strings/unicode_encode.

    >>> unicode_encode([[71, 246]], "UTF-8").numpy().tolist()
    [b'G\\xc3\\xb6']
    """
    if output_encoding not in _OUTPUT:
        raise invalid("unicode_encode", f"output_encoding must be one of {sorted(_OUTPUT)}, got {output_encoding!r}")
    replacement = _checked(errors, replacement_char, "unicode_encode")
    x = input if isinstance(input, RaggedTensor) else convert_to_tensor(input)
    if not x.dtype.is_integer:
        raise wrong_dtype("unicode_encode", f"expected integers, got {x.dtype.name}")
    if x.shape.rank is None or x.shape.rank == 0:
        raise ValueError(f"unicode_encode: expected at least one axis of known rank, got shape {x.shape}")
    encode = Encoder(_OUTPUT[output_encoding], errors, replacement)
    if not isinstance(x, RaggedTensor):
        return _rows_encoded(x, encode)
    if isinstance(x.values, RaggedTensor) or x.values.shape.rank > 1:
        return x.with_values(unicode_encode(x.values, output_encoding, errors, replacement_char))

    def run(splits: Array, values: Array) -> list[Array]:
        flat, ends = values.tolist(), splits.tolist()
        out = np.empty(len(ends) - 1, object)
        out[:] = [encode(flat[a:b]) for a, b in pairwise(ends)]
        return [out]

    (out,) = on_host(run, [x.row_splits, x.values], [dt.string], [x.shape.as_list()[:1]])
    return out


class Encoder:
    """What turns code points into bytes."""

    def __init__(self, codec: str, errors: str, replacement: int) -> None:
        self.codec, self.errors, self.replacement = codec, errors, replacement

    def __call__(self, codes: list[int]) -> bytes:
        return "".join(map(self._character, codes)).encode(self.codec)

    def _character(self, code: int) -> str:
        if 0 <= code <= 0x10FFFF and not 0xD800 <= code < 0xE000:
            return chr(code)
        if self.errors == "strict":
            raise failed("unicode_encode", f"Code point is out of range for Unicode, or a noncharacter: {code}")
        return chr(self.replacement) if self.errors == "replace" else ""


def _rows_encoded(x: Tensor, encode: Encoder) -> Tensor:
    def run(values: Array) -> list[Array]:
        out = np.empty(values.shape[:-1], object)
        out.reshape(-1)[:] = [encode(row) for row in values.reshape(out.size, values.shape[-1]).tolist()]
        return [out]

    (out,) = on_host(run, [x], [dt.string], [x.ir_type.dims[:-1]])
    return out


def unicode_transcode(
    input: Any, input_encoding: str, output_encoding: str, errors: str = "replace", replacement_char: int = 0xFFFD,
    replace_control_characters: bool = False, name: str | None = None,
) -> Tensor:  # fmt: skip
    """Strings in another encoding: UTF-8, UTF-16-BE or UTF-32-BE.

    Raises InvalidArgumentError for invalid strings if errors is "strict". Follows
    https://www.tensorflow.org/api_docs/python/tf/strings/unicode_transcode.

    >>> unicode_transcode("A", "UTF-8", "UTF-16-BE").numpy()
    b'\\x00A'
    """
    if output_encoding not in _OUTPUT:
        raise invalid("unicode_transcode", f"output_encoding must be one of {sorted(_OUTPUT)}, got {output_encoding!r}")
    decode = Decoder(input_encoding, errors, replacement_char, replace_control_characters, "unicode_transcode")
    codec = _OUTPUT[output_encoding]
    return each(
        as_strings(input, "unicode_transcode"), lambda s: "".join(chr(code) for code, _ in decode(s)).encode(codec)
    )


def unicode_script(input: Any, name: str | None = None) -> Tensor:
    """The script of each code point as ICU numbers it, -1 for what is none: int32.

    Follows https://www.tensorflow.org/api_docs/python/tf/strings/unicode_script.

    >>> unicode_script([1, 31, 38]).numpy().tolist()
    [0, 0, 0]
    """
    x = convert_to_tensor(input, None if isinstance(input, Tensor) else dt.int32)
    if x.dtype is not dt.int32:
        raise wrong_dtype("unicode_script", f"expected int32, got {x.dtype.name}")
    (out,) = on_host(lambda codes: [scripts_of(codes)], [x], [dt.int32], [x.ir_type.shape])
    return out
