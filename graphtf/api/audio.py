"""`tf.audio`: WAV files of 16-bit samples, as bytes. Follows https://www.tensorflow.org/api_docs/python/tf/audio.

Invariant: a sample is a float from -1 to 1, one row for each moment and one column for each channel. Entry points:
`decode_wav`, `encode_wav`.
"""

from __future__ import annotations

import io
import wave
from typing import Any, NamedTuple

import numpy as np

from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.ir import dtypes as dt
from graphtf.ir.errors import InvalidArgumentError
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]
_FULL = np.float32(2**15)


class DecodeWav(NamedTuple):
    """What a WAV file holds."""

    audio: Tensor
    sample_rate: Tensor


def decode_wav(
    contents: Any, desired_channels: int = -1, desired_samples: int = -1, name: str | None = None
) -> DecodeWav:
    """The samples [samples, channels] of a WAV file of 16 bits, float32, and how many there are in a second.

    Where more channels are desired than there are, the last is repeated; samples are cut off or filled up with zeros.
    Raises InvalidArgumentError for what is no such file.
    Follows https://www.tensorflow.org/api_docs/python/tf/audio/decode_wav.

    >>> decode_wav(encode_wav([[0.5], [-0.25]], 8000)).audio.numpy().ravel().tolist()
    [0.5, -0.25]
    """

    def decode(text: Array) -> list[Array]:
        samples, rate = _read(bytes(text.item()))
        if desired_channels >= 0:
            columns = np.minimum(np.arange(desired_channels), samples.shape[1] - 1)
            samples = samples[:, columns]
        if desired_samples >= 0:
            filler = np.zeros((max(0, desired_samples - len(samples)), samples.shape[1]), np.float32)
            samples = np.concatenate([samples[:desired_samples], filler])
        return [np.ascontiguousarray(samples), np.array(rate, np.int32)]

    shape = tuple(None if n < 0 else n for n in (desired_samples, desired_channels))
    audio, rate = on_host(decode, [convert_to_tensor(contents, dt.string)], [dt.float32, dt.int32], [shape, ()])
    return DecodeWav(audio, rate)


def _read(text: bytes) -> tuple[Array, int]:
    try:
        with wave.open(io.BytesIO(text)) as file:
            if file.getsampwidth() != 2:
                bits = 8 * file.getsampwidth()
                raise InvalidArgumentError(
                    None, None, f"decode_wav: can only read 16-bit WAV files, but received {bits}"
                )
            frames = np.frombuffer(file.readframes(file.getnframes()), "<i2")
            return frames.reshape(-1, file.getnchannels()).astype(np.float32) / _FULL, file.getframerate()
    except (wave.Error, EOFError) as e:
        raise InvalidArgumentError(None, None, f"decode_wav: the contents are no WAV file ({e})") from None


def encode_wav(audio: Any, sample_rate: Any, name: str | None = None) -> Tensor:
    """The bytes of a WAV file of samples [samples, channels], as 16-bit integers.

    Raises InvalidArgumentError for another shape. Follows https://www.tensorflow.org/api_docs/python/tf/audio/encode_wav.
    """

    def encode(samples: Array, rate: Array) -> list[Array]:
        if samples.ndim != 2 or not samples.shape[1]:
            raise InvalidArgumentError(
                None, None, f"encode_wav: audio must be 2-dimensional but got shape {samples.shape}"
            )
        scaled = samples * _FULL
        whole = np.clip(np.trunc(scaled + np.copysign(np.float32(0.5), scaled)), -(2**15), 2**15 - 1).astype("<i2")
        out = io.BytesIO()
        with wave.open(out, "wb") as file:
            file.setnchannels(samples.shape[1])
            file.setsampwidth(2)
            file.setframerate(int(rate))
            file.writeframes(whole.tobytes())
        text = np.empty((), object)
        text[()] = out.getvalue()
        return [text]

    operands = [convert_to_tensor(audio, dt.float32), convert_to_tensor(sample_rate, dt.int32)]
    (text,) = on_host(encode, operands, [dt.string], [()])
    return text
