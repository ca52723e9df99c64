"""Objects are linked and loaded, or refused with a reason."""
import ctypes
import gc
import struct
from pathlib import Path

import pytest

from graphtf.llvm import elf, link, orc
from graphtf.llvm.elf import LinkError
from graphtf.llvm.objects import compile_object
from graphtf.llvm.target import host

from . import programs

ELF_HOST = pytest.mark.skipif(not link.LINKS_ITSELF, reason="this host uses LLVM's linker")


def call(loaded: link.Loaded, symbol: str = "program", argument: int = 0) -> int:
    return int(ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)(loaded.address(symbol))(argument))


@pytest.fixture(scope="module")
def references() -> list[bytes]:
    return [compile_object(text, host()) for text in (programs.REFERENCES, programs.ELSEWHERE)]


@pytest.mark.parametrize("opt", ["cheap", "default", "full"])
def test_a_program_runs(opt: str) -> None:
    loaded = link.load([compile_object(programs.INCREMENT, host(), opt)], {})
    numbers = (ctypes.c_int64 * 5)(*range(5))
    args = (ctypes.c_int64 * 2)(ctypes.addressof(numbers), 5)
    assert call(loaded, argument=ctypes.addressof(args)) == 5
    assert list(numbers) == [1, 2, 3, 4, 5]


def test_every_kind_of_reference(references: list[bytes]) -> None:
    loaded = link.load(references, {})
    assert [call(loaded) for _ in range(2)] == [60 + 6000 + 1, 60 + 7000 + 1]
    assert ctypes.c_int64.from_address(loaded.address("counter")).value == 7
    assert link.load(references[::-1], {}).address("elsewhere") != loaded.address("elsewhere")


def test_two_loads_share_no_data(references: list[bytes]) -> None:
    first, second = link.load(references, {}), link.load(references, {})
    assert call(first) == call(second) == 6061


def test_an_external_is_called_through_its_address(references: list[bytes]) -> None:
    elsewhere = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_int64)(lambda n: n * 7)
    address = ctypes.cast(elsewhere, ctypes.c_void_p).value
    assert address is not None
    assert call(link.load(references[:1], {"elsewhere": address})) == 60 + 5 * 7 + 1


def test_llvms_linker_does_the_same(references: list[bytes]) -> None:
    library = {name: link.library_symbol(name) for name in ("memset", "memcpy")}
    find = orc.link(references, library)
    loaded = link.Loaded(find)
    assert [call(loaded) for _ in range(2)] == [6061, 7061]
    with pytest.raises(LinkError, match="'nothing' is not defined"):
        loaded.address("nothing")
    with pytest.raises(LinkError, match="uses a name that is not defined"):
        link.Loaded(orc.link(references[:1], library)).address("program")


def test_names_nobody_defines_are_refused(references: list[bytes]) -> None:
    with pytest.raises(LinkError, match="'elsewhere' is not defined, and not one that generated code may use"):
        link.load(references[:1], {})
    text = "declare i32 @system(ptr)\ndefine i32 @program(ptr %a) {\n  %r = call i32 @system(ptr %a)\n  ret i32 %r\n}\n"
    with pytest.raises(LinkError, match="'system' is not defined"):
        link.load([compile_object(text, host())], {})
    with pytest.raises(LinkError, match="'nothing' is not defined by the loaded code"):
        link.load(references, {}).address("nothing")


def test_a_name_defined_twice_is_refused(references: list[bytes]) -> None:
    with pytest.raises(LinkError, match="defined twice"):
        link.load([*references, references[1]], {})


@ELF_HOST
def test_code_is_not_writable_and_data_not_executable(references: list[bytes]) -> None:
    loaded = link.load(references, {})

    def protection(address: int) -> str:
        for line in Path("/proc/self/maps").read_text().splitlines():
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if start <= address < end:
                return line.split()[1]
        return "none"

    assert protection(loaded.address("program")) == "r-xp"
    assert protection(loaded.address("table")) == "r--p"
    assert protection(loaded.address("counter")) == "rw-p"
    code = loaded.address("program")
    del loaded
    gc.collect()
    assert protection(code) == "none"


@ELF_HOST
def test_a_symbol_out_of_reach_is_refused() -> None:
    text = """
@near = external dso_local global i32
define i32 @program(ptr %a) {
  %v = load i32, ptr @near
  ret i32 %v
}
"""
    with pytest.raises(LinkError, match="too far away"):
        link.load([compile_object(text, host())], {"near": 0x10})


@ELF_HOST
def test_objects_of_other_platforms_are_refused() -> None:
    from graphtf.llvm.target import named

    for name in ("aarch64", "wasm32-simd128", "apple-m1"):
        text = "define i32 @program(ptr %a) {\n  ret i32 1\n}\n"
        with pytest.raises(LinkError, match=r"not a relocatable x86-64 ELF file|malformed"):
            link.load([compile_object(text, named(name))], {})


@ELF_HOST
def test_thread_local_data_and_initialisers_are_refused() -> None:
    local = "@x = thread_local global i32 1\ndefine ptr @program() {\n  ret ptr @x\n}\n"
    start = ("@llvm.global_ctors = appending global [1 x { i32, ptr, ptr }] [{ i32, ptr, ptr } "
             "{ i32 65535, ptr @f, ptr null }]\ndefine void @f() {\n  ret void\n}\n")
    for text in (local, start):
        with pytest.raises(LinkError, match="does not support"):
            link.load([compile_object(text, host())], {})


@ELF_HOST
def test_a_cut_object_is_refused_at_every_length(references: list[bytes]) -> None:
    data = references[0]
    for length in range(0, len(data), 7):
        with pytest.raises(LinkError):
            link.load([data[:length]], {"elsewhere": 4096})


@ELF_HOST
def test_an_altered_object_is_loaded_or_refused_but_never_reads_outside(references: list[bytes]) -> None:
    data = references[0]
    for position in range(len(data)):
        altered = bytearray(data)
        altered[position] ^= 0xFF
        try:
            link.load([bytes(altered)], {"elsewhere": 4096})
        except LinkError:
            continue


@ELF_HOST
def test_an_unknown_relocation_is_refused(references: list[bytes]) -> None:
    data = bytearray(references[0])
    table, count = struct.unpack_from("<Q", data, 40)[0], struct.unpack_from("<H", data, 60)[0]
    for header in range(table, table + 64 * count, 64):
        kind, offset = struct.unpack_from("<I", data, header + 4)[0], struct.unpack_from("<Q", data, header + 24)[0]
        if kind == 4:
            struct.pack_into("<I", data, offset + 8, 99)
    with pytest.raises(LinkError, match=r"relocation types \[99\]"):
        link.load([bytes(data)], {"elsewhere": 4096})


def test_an_empty_object_has_no_symbols() -> None:
    with pytest.raises(LinkError, match="'program' is not defined"):
        link.load([compile_object("", host())], {}).address("program")
    assert elf.read(compile_object("", host())).exported == {} if link.LINKS_ITSELF else True
