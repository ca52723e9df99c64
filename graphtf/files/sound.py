"""`tf.audio`: WAV files of 16-bit samples.

Invariant: samples are floats, 32768 steps to 1. Entry points: `decode_wav`, `encode_wav`.
"""

from __future__ import annotations

import io
import wave
from typing import Any, NamedTuple

import numpy as np

from graphtf.api.strings import as_strings
from graphtf.convert import convert_to_tensor
from graphtf.deferred import on_host
from graphtf.host_functions import HostFunction, host_function
from graphtf.ir import dtypes as dt
from graphtf.refusal import failed, invalid
from graphtf.tensor import Tensor

Array = np.ndarray[Any, Any]


class DecodeWav(NamedTuple):
    """What `decode_wav` gives."""

    audio: Tensor
    sample_rate: Tensor


def decode_wav(
    contents: Any, desired_channels: int = -1, desired_samples: int = -1, name: str | None = None
) -> DecodeWav:
    """The samples of a WAV file, float32 [samples, channels] in [-1, 1], and their rate: int32.

    Channels and samples are repeated, cut or filled up with zeros to what is desired. Raises InvalidArgumentError for
    other files. Follows https://www.tensorflow.org/api_docs/python/tf/audio/decode_wav.

    >>> decode_wav(encode_wav([[0.5], [-0.5]], 8000)).audio.numpy().tolist()
    [[0.5], [-0.5]]
    """
    data = as_strings(contents, "decode_wav")
    if data.shape.rank not in (0, None):
        raise invalid("decode_wav", f"contents must be scalar, got shape {data.shape}")
    wanted = tuple(None if n < 0 else int(n) for n in (desired_samples, desired_channels))
    run = HostFunction(wav_samples, count=wanted[0], channels=wanted[1])
    audio, rate = on_host(run, [data], [dt.float32, dt.int32], [wanted, ()])
    return DecodeWav(audio, rate)


@host_function
def wav_samples(text: Array, count: int | None, channels: int | None) -> list[Array]:
    """The samples of a file, repeated, cut or filled up, and their rate."""
    samples, rate = _samples(text[()])
    length, width = (have if want is None else want for have, want in zip(samples.shape, (count, channels)))
    out = np.zeros((length, width), np.float32)
    kept = min(length, len(samples))
    for k in range(width):
        out[:kept, k] = samples[:kept, min(k, samples.shape[1] - 1)]
    return [out, np.array(rate, np.int32)]


def _samples(data: bytes) -> tuple[Array, int]:
    try:
        with wave.open(io.BytesIO(data)) as file:
            if file.getsampwidth() != 2:
                raise failed("decode_wav", f"Can only read 16-bit WAV files, but received {8 * file.getsampwidth()}")
            raw = file.readframes(file.getnframes())
            channels, rate = file.getnchannels(), file.getframerate()
    except (wave.Error, EOFError) as error:
        raise failed("decode_wav", f"it is no WAV file: {error}") from None
    whole = len(raw) // (2 * channels) * channels
    return np.frombuffer(raw, "<i2", whole).reshape(-1, channels) / np.float32(32768), rate


def encode_wav(audio: Any, sample_rate: Any, name: str | None = None) -> Tensor:
    """Samples [samples, channels] as a WAV file of 16 bits.

    Raises InvalidArgumentError for another rank or rate. Follows
    https://www.tensorflow.org/api_docs/python/tf/audio/encode_wav.
    """
    x = convert_to_tensor(audio, dt.float32)
    if x.shape.rank not in (2, None):
        raise invalid("encode_wav", f"audio must be 2-dimensional, got shape {x.shape}")

    def run(samples: Array, rate: Array) -> list[Array]:
        if samples.ndim != 2 or not samples.shape[1]:
            raise failed("encode_wav", f"audio must have at least one channel, got shape {list(samples.shape)}")
        if rate <= 0:
            raise failed("encode_wav", f"sample_rate must be positive, got {int(rate)}")
        out = np.empty((), object)
        out[()] = as_wav(samples, int(rate))
        return [out]

    (out,) = on_host(run, [x, convert_to_tensor(sample_rate)], [dt.string], [()])
    return out


def as_wav(samples: Array, rate: int) -> bytes:
    """The file of samples [samples, channels]."""
    scaled = np.asarray(samples, np.float32) * np.float32(32768)
    rounded = np.copysign(np.floor(np.abs(scaled) + 0.5), scaled)  # halves away from zero
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.clip(rounded, -32768, 32767).astype("<i2").tobytes())
    return out.getvalue()
