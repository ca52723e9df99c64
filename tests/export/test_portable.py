"""The portable file: what is written comes back bit for bit, equal programs make equal files, and whatever is done to a
file, reading it gives the right program or a typed error, runs nothing, and writes nothing."""

from __future__ import annotations

import json
import pickle
import random
import zipfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import graphtf as tf
from graphtf.export.portable import Loaded, load, save, save_function
from graphtf.functions.concrete import ConcreteFunction
from graphtf.ir.builder import build
from graphtf.ir.dtypes import NATIVE, DType, as_dtype
from graphtf.ir.errors import DataLossError, InvalidArgumentError, NotFoundError
from graphtf.ir.graph import Graph, Value
from graphtf.ir.ops.io import register
from graphtf.ir.ops.prims import p
from graphtf.ir.state import Cell
from graphtf.ir.types import RefType, TensorType, tensor

from .programs import Counter, chain, counter

RNG = np.random.default_rng(3)


def same(a: Loaded, concrete: ConcreteFunction, bound: list[Any]) -> bool:
    """Is it that program, with those values?"""
    if len(a.bound) != len(bound) or [v.type for v in a.graph.inputs] != [v.type for v in concrete.ir.inputs]:
        return False
    if [n.op for n in a.graph.nodes] != [n.op for n in concrete.ir.nodes]:
        return False
    return all(_bits(x) == _bits(y) for x, y in zip(a.bound, bound))


def _bits(x: Any) -> Any:
    array = x.array if isinstance(x, Cell) else x
    return None if array is None else (array.dtype, array.shape, array.tobytes())


# ---- what is written comes back --------------------------------------------------------------------------------------


def test_a_program_runs_as_before(tmp_path: Path) -> None:
    concrete, bound = counter()
    save(concrete.ir, bound, tmp_path / "p.gtf")
    loaded = load(tmp_path / "p.gtf")
    assert same(loaded, concrete, bound)
    for n in (1, 4, 0):
        x = RNG.standard_normal((n, 3)).astype(np.float32)
        wanted = concrete(tf.constant(x))
        for a, b in zip(loaded(x), wanted):
            np.testing.assert_array_equal(a, b.numpy())


def test_variables_keep_what_is_assigned(tmp_path: Path) -> None:
    c = Counter()
    save_function(c.step, tmp_path / "p.gtf")
    loaded = load(tmp_path / "p.gtf")
    ones = np.ones((2, 3), np.float32)
    loaded(ones)
    loaded(ones)
    cell = next(b for b in loaded.bound if isinstance(b, Cell))
    np.testing.assert_array_equal(cell.array, [5.0, 6.0, 7.0])
    np.testing.assert_array_equal(c.total.numpy(), [1.0, 2.0, 3.0])


def test_the_text_names_files_without_folders(tmp_path: Path) -> None:
    concrete, bound = counter()
    save(concrete.ir, bound, tmp_path / "p.gtf")
    with zipfile.ZipFile(tmp_path / "p.gtf") as z:
        text = z.read("graph.ir").decode()
    assert "programs.py:" in text
    assert str(Path(__file__).parent) not in text


def test_equal_programs_make_equal_files(tmp_path: Path) -> None:
    for name in "ab":
        save(chain(), [None, None], tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize("dtype", NATIVE, ids=lambda d: d.name)
@pytest.mark.parametrize("shape", [(), (3,), (0, 2), (2, 3, 4)], ids=str)
def test_arrays_of_every_type_come_back(dtype: DType, shape: tuple[int, ...], tmp_path: Path) -> None:
    raw = RNG.integers(0, 2 if dtype.is_bool else 256, (int(np.prod(shape)) * dtype.size,)).astype(np.uint8)
    array = raw.view(dtype.np).reshape(shape)
    content = TensorType(dtype, shape)
    v = Value(RefType(content), "v")
    save(Graph((v,), (), (), "held"), [Cell(array, content, "v")], tmp_path / "p.gtf")
    (cell,) = load(tmp_path / "p.gtf").bound
    assert _bits(cell) == _bits(array)


def test_strides_and_byte_order_do_not_matter(tmp_path: Path) -> None:
    array = np.arange(12, dtype=">f4").reshape(3, 4).T
    v = Value(tensor("float32", 4, 3), "captured")
    save(Graph((v,), (), (v,), "held"), [array], tmp_path / "p.gtf")
    (out,) = load(tmp_path / "p.gtf")()
    np.testing.assert_array_equal(out, array)


def test_a_variable_of_open_size(tmp_path: Path) -> None:
    v = tf.Variable([[1.0, 2.0]], shape=tf.TensorShape([None, 2]))
    save_function(tf.function(lambda: v * 2.0), tmp_path / "p.gtf")
    (out,) = load(tmp_path / "p.gtf")()
    np.testing.assert_array_equal(out, [[2.0, 4.0]])


# ---- what cannot be written ------------------------------------------------------------------------------------------


def test_a_program_that_calls_python_is_refused(tmp_path: Path) -> None:
    attrs = {"function": register(np.sin), "dtypes": (as_dtype("float32"),), "shapes": ((2,),)}
    g = build([tensor("float32", 2)], lambda x: p.host_call(x, **attrs)[0], "out")
    with pytest.raises(InvalidArgumentError, match="no portable form: host_call reaches out"):
        save(g, [None], tmp_path / "p.gtf")
    assert list(tmp_path.iterdir()) == []


def test_a_program_that_writes_files_is_refused(tmp_path: Path) -> None:
    def printing(stream: str) -> Graph:
        return build([tensor("float32", 2)], lambda x: p.print(x, template="{}", stream=stream), "out")

    save(printing("stdout"), [None], tmp_path / "p.gtf")
    with pytest.raises(InvalidArgumentError, match="no portable form: print reaches out"):
        save(printing(f"file://{tmp_path}/x"), [None], tmp_path / "q.gtf")
    text = str(printing(f"file://{tmp_path}/x")).encode()
    with pytest.raises(DataLossError, match="print reaches out"):
        load(rewritten(tmp_path / "p.gtf", **{"graph.ir": text}))


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    save(chain(), [None, None], tmp_path / "p.gtf")
    before = (tmp_path / "p.gtf").read_bytes()
    with pytest.raises(InvalidArgumentError, match="1 bindings for 2 inputs"):
        save(chain(), [None], tmp_path / "p.gtf")
    assert (tmp_path / "p.gtf").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["p.gtf"]


def test_calls_are_checked() -> None:
    loaded = Loaded(chain(), [None, None])
    with pytest.raises(InvalidArgumentError, match=r"chain takes 2 arrays .*, got 1"):
        loaded(np.ones((2, 3), np.float32))
    with pytest.raises(InvalidArgumentError, match="shape"):
        loaded(np.ones((2, 3), np.float32), np.ones((2, 4), np.float32))


# ---- what was done to a file -----------------------------------------------------------------------------------------


@pytest.fixture
def whole(tmp_path: Path) -> tuple[Path, bytes, ConcreteFunction, list[Any]]:
    concrete, bound = counter()
    save(concrete.ir, bound, tmp_path / "p.gtf")
    return tmp_path / "p.gtf", (tmp_path / "p.gtf").read_bytes(), concrete, bound


def test_cut_anywhere(whole: tuple[Path, bytes, ConcreteFunction, list[Any]]) -> None:
    path, content, _, _ = whole
    for size in range(len(content)):
        path.write_bytes(content[:size])
        with pytest.raises(DataLossError):
            load(path)


def test_any_bit_flipped(whole: tuple[Path, bytes, ConcreteFunction, list[Any]]) -> None:
    path, content, concrete, bound = whole
    draw = random.Random(5)
    intact = 0
    for at in range(len(content)):
        damaged = bytearray(content)
        damaged[at] ^= 1 << draw.randrange(8)
        path.write_bytes(damaged)
        try:
            loaded = load(path)
        except DataLossError:
            continue
        assert same(loaded, concrete, bound), f"byte {at}"
        intact += 1
    assert intact < len(content) // 2  # dates and flags of the archive carry no meaning; the rest is checked


def rewritten(path: Path, **changes: Any) -> Path:
    """The archive with members replaced: bytes, or (bytes, how to compress); None leaves one out."""
    with zipfile.ZipFile(path) as z:
        members: dict[str, Any] = {i.filename: (z.read(i), i.compress_type) for i in z.infolist()}
    members |= changes
    with zipfile.ZipFile(path, "w") as z:
        for name, entry in members.items():
            if entry is not None:
                content, how = entry if isinstance(entry, tuple) else (entry, zipfile.ZIP_STORED)
                z.writestr(name, content, how)
    return path


def npy(array: np.ndarray[Any, Any], **options: Any) -> bytes:
    import io

    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def header(shape: tuple[int, ...], dtype: str = "<f4", fortran: bool = False) -> bytes:
    """The start of a .npy file, whatever follows."""
    import io

    buffer = io.BytesIO()
    content = {"descr": dtype, "fortran_order": fortran, "shape": shape}
    np.lib.format.write_array_header_1_0(buffer, content)
    return buffer.getvalue()


class Bomb:
    """Runs when unpickled."""

    fired = False

    def __reduce__(self) -> tuple[Any, ...]:
        return setattr, (Bomb, "fired", True)


def manifest(*inputs: Any, version: int = 1) -> bytes:
    return json.dumps({"format": "graphtf", "version": version, "inputs": inputs}).encode()


CALLING = b"""graph @x() {
  %0 = host_call() {function = 1, dtypes = (f32,), shapes = ((),)} : f32[]
  return %0
}"""
HOSTILE: dict[str, dict[str, Any]] = {
    "no text": {"graph.ir": None},
    "no manifest": {"manifest.json": None},
    "no array": {"arrays/0.npy": None},
    "text that is no graph": {"graph.ir": b"graph @x( {"},
    "text that is no UTF-8": {"graph.ir": b"\xff\xfe"},
    "an op that does not exist": {"graph.ir": b"graph @x() {\n  %0 = os_system() : f32[]\n  return %0\n}"},
    "another text": {"graph.ir": b"graph @x() {\n  return\n}"},
    "a manifest that is no JSON": {"manifest.json": b"{"},
    "a manifest of another kind": {"manifest.json": b"[]"},
    "a deep manifest": {"manifest.json": b"[" * 100_000},
    "a version to come": {"manifest.json": manifest(version=99)},
    "inputs of another kind": {"manifest.json": manifest(1, 2, 3)},
    "no array for a variable": {"manifest.json": manifest({"array": 0}, {"array": 0}, {"array": 0})},
    "calls of Python": {"graph.ir": CALLING, "manifest.json": manifest()},
    "a compressed array": {"arrays/0.npy": (npy(np.zeros(3, np.float32)), zipfile.ZIP_DEFLATED)},
    "an array of another type": {"arrays/0.npy": npy(np.zeros(3, np.float64))},
    "an array of another shape": {"arrays/0.npy": npy(np.zeros((3, 1), np.float32))},
    "an array too large": {"arrays/0.npy": npy(np.zeros(1 << 16, np.float32))},
    "an array that claims too much": {"arrays/0.npy": header((1 << 60,)) + bytes(12)},
    "an array that overflows": {"arrays/0.npy": header((1 << 62, 1 << 62)) + bytes(12)},
    "a negative shape": {"arrays/0.npy": header((-3,)) + bytes(12)},
    "an array cut": {"arrays/0.npy": header((3,)) + bytes(11)},
    "an array by columns": {"arrays/0.npy": header((3,), fortran=True) + bytes(12)},
    "raw bytes for floats": {"arrays/0.npy": header((3,), "|V8") + bytes(24)},
    "a header that is code": {"arrays/0.npy": b"\x93NUMPY\x01\x00\x20\x00__import__('os').getpid()      \n"},
    "pickled objects": {"arrays/0.npy": npy(np.array([Bomb()] * 3, object), allow_pickle=True)},
    "a pickle": {"arrays/0.npy": pickle.dumps(Bomb())},
    "nothing": {"arrays/0.npy": b""},
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_contents(name: str, whole: tuple[Path, bytes, ConcreteFunction, list[Any]]) -> None:
    path = rewritten(whole[0], **HOSTILE[name])
    with pytest.raises(DataLossError, match="cannot be read"):
        load(path)
    assert not Bomb.fired


def test_a_bomb_is_not_unpacked(whole: tuple[Path, bytes, ConcreteFunction, list[Any]]) -> None:
    path = whole[0]
    rewritten(path, **{"graph.ir": None})
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as z, z.open("graph.ir", "w") as member:
        for _ in range(260):
            member.write(bytes(1 << 20))
    assert path.stat().st_size < 1 << 21
    with pytest.raises(DataLossError):
        load(path)


def test_a_size_that_lies(whole: tuple[Path, bytes, ConcreteFunction, list[Any]]) -> None:
    path, content, _, _ = whole
    at = content.rfind(b"arrays/0.npy") - 46  # its entry in the central directory
    for field in (20, 24):  # compressed size, size
        damaged = bytearray(content)
        damaged[at + field : at + field + 4] = (0xFFFFFFF0).to_bytes(4, "little")
        path.write_bytes(damaged)
        with pytest.raises(DataLossError):
            load(path)


def test_other_members_are_not_looked_at(whole: tuple[Path, bytes, ConcreteFunction, list[Any]]) -> None:
    path, _, concrete, bound = whole
    before = {p.name for p in path.parent.parent.iterdir()}
    rewritten(path, **{"../escaped": b"x", "/tmp/escaped": b"x", "arrays/../../escaped": b"x", "run.py": b"1/0"})
    assert same(load(path), concrete, bound)
    assert {p.name for p in path.parent.parent.iterdir()} == before
    assert [p.name for p in path.parent.iterdir()] == ["p.gtf"]


@pytest.mark.parametrize("content", [b"", b"PK", b"not a zip file", bytes(1000), ml_dtypes.__name__.encode() * 100])
def test_foreign_files(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "p.gtf").write_bytes(content)
    with pytest.raises(DataLossError):
        load(tmp_path / "p.gtf")


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="no file"):
        load(tmp_path / "absent.gtf")
    with pytest.raises(DataLossError):
        load(tmp_path)


def test_the_types_of_the_text_are_those_of_the_arrays(tmp_path: Path) -> None:
    g = build([tensor("float32", 3)], lambda x: x, "same")
    save(g, [np.zeros(3, np.float32)], tmp_path / "p.gtf")
    for array in (np.zeros(3, np.int32), np.zeros(3, as_dtype("bfloat16").np).view("V2")):
        with pytest.raises(DataLossError):
            load(rewritten(tmp_path / "p.gtf", **{"arrays/0.npy": npy(array)}))
