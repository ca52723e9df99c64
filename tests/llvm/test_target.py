"""Targets are plain data that LLVM agrees with."""
import json
import os
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from graphtf.llvm import target as target_module
from graphtf.llvm import toolchain
from graphtf.llvm.target import host, named, names, usable_cores

TRIVIAL = "define i32 @program(ptr %args) {\n  ret i32 7\n}\n"


@pytest.mark.parametrize("name", names())
def test_llvm_makes_code_for_every_named_target(name: str) -> None:
    target = named(name)
    text = toolchain.assembly(TRIVIAL, target.machine, toolchain.pipeline("default"))
    assert "program" in text


@pytest.mark.parametrize("name", [name for name in names() if name != "nvptx64"])
def test_object_format_is_what_llvm_writes(name: str) -> None:
    target = named(name)
    magic = {"elf": b"\x7fELF", "macho": b"\xcf\xfa\xed\xfe", "wasm": b"\0asm"}[target.object_format]
    assert toolchain.compile_ir(TRIVIAL, target.machine, toolchain.pipeline("default")).startswith(magic)


@pytest.mark.parametrize("name", names())
def test_data_layout_is_llvms(name: str) -> None:
    target = named(name)
    assert toolchain.data_layout(target.machine) == target.data_layout
    assert target.pointer_bits == (32 if "wasm32" in name else 64)


def test_host_is_found_once_and_has_vectors() -> None:
    assert host() is host()
    assert named("host") is host()
    assert host().vector_bits in (128, 256, 512)
    assert host().lanes(32) == host().vector_bits // 32
    assert host().caches.l1 <= host().caches.l2 <= host().caches.l3


def test_vector_unit_follows_the_features() -> None:
    unit = target_module._vector_unit
    assert unit("x86_64-pc-linux", {"sse2"}) == (128, 16, frozenset({"indexed"}))
    assert unit("x86_64-pc-linux", {"avx2", "fma"}) == (256, 16, frozenset({"fma", "gather", "mask", "indexed"}))
    avx512 = {"avx2", "fma", "f16c", "avx512f", "avx512vl", "avx512bw", "avx512dq"}
    assert unit("x86_64-pc-linux", avx512) == (512, 32, frozenset({"fma", "half", "gather", "mask", "indexed"}))
    assert unit("x86_64-pc-linux", avx512 - {"avx512vl"})[0] == 256
    assert unit("aarch64-linux-gnu", set())[:2] == (128, 32)


def test_a_target_without_vectors_has_one_lane() -> None:
    assert named("wasm32").lanes(32) == 1
    assert named("x86-64-v3").lanes(64) == 4
    assert named("x86-64-v3").supports("fma")
    assert not named("x86-64-v2").supports("fma")


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"'pdp11', expected one of host, x86-64,"):
        named("pdp11")


@pytest.mark.parametrize("blob", [b"", b"[]", b"{}", b"\xff", b'{"triple": 1, "cpu": "", "features": "",'
                                  b' "data_layout": ""}', b'{"triple": "a;b", "cpu": "", "features": "",'
                                  b' "data_layout": ""}'])
def test_a_stored_description_that_is_none_is_ignored(blob: bytes) -> None:
    assert target_module._decode(blob) is None


def test_a_stored_description_is_the_one_llvm_gave() -> None:
    described = toolchain.describe_host()
    assert target_module._decode(json.dumps(asdict(described)).encode()) == described


def test_a_warm_start_does_not_load_llvm(tmp_path: Path) -> None:
    code = ("import sys; from graphtf.llvm.engine import engine; engine().compile('define i32 @program(ptr %a) {\\n"
            "  ret i32 7\\n}\\n'); print('llvmlite' in sys.modules)")
    environment = {**os.environ, "GRAPHTF_CACHE_DIR": str(tmp_path)}
    loaded = [subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
              .stdout.strip() for _ in range(2)]
    assert loaded == ["True", "False"]


def test_threads_come_from_the_affinity_or_the_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GRAPHTF_NUM_THREADS", raising=False)
    assert 1 <= usable_cores() <= (os.cpu_count() or 1)
    monkeypatch.setenv("GRAPHTF_NUM_THREADS", " 7 ")
    assert usable_cores() == 7
    for bad in ("0", "-1", "two", "1.5"):
        monkeypatch.setenv("GRAPHTF_NUM_THREADS", bad)
        with pytest.raises(ValueError, match="GRAPHTF_NUM_THREADS is '" + bad):
            usable_cores()


def test_sizes_as_sysfs_writes_them() -> None:
    assert [target_module._parse_size(text) for text in ("32K", "8M", "1G", "512")] == [1 << 15, 1 << 23, 1 << 30, 512]
