"""Datasets of files, and files of datasets."""

from __future__ import annotations

import gzip
import random
import struct
import zlib
from pathlib import Path
from typing import Any

import pytest

import graphtf as tf
from graphtf.crc32c import crc32c, masked

Dataset = tf.data.Dataset


def bitwise(data: bytes) -> int:
    """CRC-32C by its definition: a division of polynomials, bit by bit."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


@pytest.mark.parametrize("count", [0, 1, 3, 63, 1023, 1024, 1025, 1088, 1089, 4096, 10001])
def test_crc32c(count: int) -> None:
    data = random.Random(count).randbytes(count)
    assert crc32c(data) == bitwise(data)


def framed(*records: bytes) -> bytes:
    out = b""
    for record in records:
        head = struct.pack("<Q", len(record))
        out += head + struct.pack("<I", masked(head)) + record + struct.pack("<I", masked(record))
    return out


RECORDS = (b"hello", b"", b"x" * 3000)
HELLO = "0500000000000000eab2043e68656c6c6fbb1f1c19"  # as TensorFlow writes it


def test_frames_are_tensorflows() -> None:
    assert framed(b"hello").hex() == HELLO


@pytest.mark.parametrize("compression", ["", "GZIP", "ZLIB"])
def test_tf_records(tmp_path: Path, compression: str) -> None:
    pack = {"": bytes, "GZIP": gzip.compress, "ZLIB": zlib.compress}[compression]
    path = tmp_path / "a"
    path.write_bytes(pack(framed(*RECORDS)))
    data = tf.data.TFRecordDataset(str(path), compression)
    assert list(data.as_numpy_iterator()) == list(RECORDS)
    assert isinstance(data, Dataset) and data.element_spec == tf.TensorSpec([], tf.string)
    twice = tf.data.TFRecordDataset([path, path], compression, num_parallel_reads=2)
    assert list(twice.as_numpy_iterator()) == [r for r in RECORDS for _ in range(2)]
    names = Dataset.list_files(str(tmp_path / "*"))
    assert len(list(names.interleave(lambda f: tf.data.TFRecordDataset(f, compression)))) == 3


@pytest.mark.parametrize("at", [0, 9, 13, 18])
def test_damaged_records(tmp_path: Path, at: int) -> None:
    whole = bytearray(framed(b"hello"))
    whole[at] ^= 1
    path = tmp_path / "a"
    path.write_bytes(bytes(whole))
    with pytest.raises(tf.errors.DataLossError, match="corrupted record"):
        list(tf.data.TFRecordDataset(str(path)))


@pytest.mark.parametrize("length", [5, 14, 20])
def test_records_cut_off(tmp_path: Path, length: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(framed(b"hello")[:length])
    with pytest.raises(tf.errors.DataLossError, match="truncated record"):
        list(tf.data.TFRecordDataset(str(path)))


def test_lines_and_fixed_lengths(tmp_path: Path) -> None:
    text, binary = tmp_path / "t", tmp_path / "b"
    text.write_bytes(b"one\ntwo\r\n\nthree")
    binary.write_bytes(b"HEADaabbccFOO")
    assert list(tf.data.TextLineDataset(str(text)).as_numpy_iterator()) == [b"one", b"two", b"", b"three"]
    fixed = tf.data.FixedLengthRecordDataset(str(binary), 2, header_bytes=4, footer_bytes=3)
    assert list(fixed.as_numpy_iterator()) == [b"aa", b"bb", b"cc"]
    with pytest.raises(tf.errors.InvalidArgumentError, match="not an exact multiple"):
        list(tf.data.FixedLengthRecordDataset(str(binary), 4))
    with pytest.raises(tf.errors.InvalidArgumentError):
        list(tf.data.TextLineDataset(str(text), compression_type="LZ"))


def test_csv(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('a,b,c\n1,2.5,x\n3,,"y,z"\n5,NA,"q""r"\n')
    data = tf.data.experimental.CsvDataset(str(path), [tf.int32, -1.0, ""], header=True, na_value="NA")
    assert list(data.as_numpy_iterator()) == [(1, 2.5, b"x"), (3, -1.0, b"y,z"), (5, -1.0, b'q"r')]
    some = tf.data.experimental.CsvDataset(str(path), [tf.int32, tf.string], header=True, select_cols=[0, 2])
    assert list(some.as_numpy_iterator()) == [(1, b"x"), (3, b"y,z"), (5, b'q"r')]
    with pytest.raises(tf.errors.InvalidArgumentError, match="Field 1 in record is not a valid float: NA"):
        list(tf.data.experimental.CsvDataset(str(path), [tf.int32, -1.0, ""], header=True))
    with pytest.raises(tf.errors.InvalidArgumentError, match="Expect 2 fields"):
        list(tf.data.experimental.CsvDataset(str(path), [tf.int32, -1.0], header=True))


def test_tables(tmp_path: Path) -> None:
    path = tmp_path / "b.csv"
    path.write_text("a,b,c\n1,2.5,x\n3,4,y\n5,6,z\n")
    data = tf.data.experimental.make_csv_dataset(str(path), 2, label_name="c", num_epochs=1, shuffle=False)
    features, label = data.element_spec
    assert list(features) == ["a", "b"] and label == tf.TensorSpec([None], tf.string)
    (first, names), _ = list(data.as_numpy_iterator())
    assert first["a"].tolist() == [1, 3] and first["b"].tolist() == [2.5, 4.0] and names.tolist() == [b"x", b"y"]


SAVED = {"x": [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], "s": ["a", "", "ccc"]}


@pytest.mark.parametrize("compression", [None, "GZIP"])
def test_save_and_load(tmp_path: Path, compression: str | None) -> None:
    data = Dataset.from_tensor_slices((SAVED, [1, 2, 3]))
    data.save(str(tmp_path / "d"), compression, shard_func=lambda _, k: tf.cast(k % 2, tf.int64))
    found = Dataset.load(str(tmp_path / "d"), compression=compression)
    assert found.element_spec == data.element_spec
    assert sorted(str(x) for x in found.as_numpy_iterator()) == sorted(str(x) for x in data.as_numpy_iterator())
    turns = lambda files: files.interleave(lambda d: d, cycle_length=2)  # noqa: E731 - given as a function
    again = Dataset.load(str(tmp_path / "d"), data.element_spec, compression, reader_func=turns)
    assert [int(k) for _, k in again] == [2, 1, 3]


def test_loading_what_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(tf.errors.NotFoundError):
        Dataset.load(str(tmp_path / "none"))
    Dataset.range(3).save(str(tmp_path / "d"))
    with pytest.raises(tf.errors.InvalidArgumentError):
        list(Dataset.load(str(tmp_path / "d"), tf.TensorSpec([], tf.float32)))


@pytest.mark.parametrize("seed", range(40))
def test_damaged_files_are_refused(tmp_path: Path, seed: int) -> None:
    """Whatever bytes a file has: elements, or an error of ours; never anything else."""
    data = Dataset.from_tensor_slices(SAVED)
    data.save(str(tmp_path / "d"))
    (path,) = (tmp_path / "d").glob("*.elements")
    whole, draw = bytearray(path.read_bytes()), random.Random(seed)
    if seed % 2:
        del whole[draw.randrange(len(whole)) :]
    for _ in range(draw.randrange(1, 4)):
        if whole:
            whole[draw.randrange(len(whole))] = draw.randrange(256)
    path.write_bytes(bytes(whole))
    try:
        for x in Dataset.load(str(tmp_path / "d")):
            assert x["x"].shape == [2]
    except (tf.errors.DataLossError, tf.errors.InvalidArgumentError):
        pass


def test_cache_in_a_file(tmp_path: Path) -> None:
    calls: list[int] = []

    def seen(x: Any) -> Any:
        calls.append(int(x))
        return x

    data = Dataset.range(3).map(lambda x: tf.py_function(seen, [x], tf.int64)).cache(str(tmp_path / "c"))
    next(iter(data))
    assert not [p for p in tmp_path.iterdir() if p.suffix == ".elements"]  # not a whole pass
    calls.clear()
    assert [int(x) for x in data] == [int(x) for x in data] == [0, 1, 2]
    assert calls == [0, 1, 2]


def test_snapshot(tmp_path: Path) -> None:
    first = Dataset.range(4).snapshot(str(tmp_path / "s"))
    assert [int(x) for x in first] == [0, 1, 2, 3]
    assert [int(x) for x in Dataset.range(9).snapshot(str(tmp_path / "s"))] == [0, 1, 2, 3]


def test_list_files(tmp_path: Path) -> None:
    for name in ("b.txt", "a.txt", "c.bin"):
        (tmp_path / name).touch()
    found = Dataset.list_files(str(tmp_path / "*.txt"), shuffle=False)
    assert [Path(x.decode()).name for x in found.as_numpy_iterator()] == ["a.txt", "b.txt"]
    assert len(list(Dataset.list_files([str(tmp_path / "*.txt"), str(tmp_path / "*.bin")]))) == 3
