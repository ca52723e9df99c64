"""What code is generated for: the host's processor, or a named one for export.

Invariant: a `Target` is plain data that determines the machine code completely, so its `key` can name cached
objects. Code generation above asks it only for widths, register counts and capabilities, never for a processor.
Entry points: `host()`, `named(name)`, `usable_cores()`.
"""
from __future__ import annotations

import functools
import json
import os
import platform
import re
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from graphtf.llvm import toolchain
from graphtf.llvm.cache import ObjectCache, cache_key, default_cache

_SAFE_WORD = re.compile(r"[A-Za-z0-9_.,:+\- ]*\Z")


@dataclass(frozen=True, slots=True)
class CacheSizes:
    """Data cache capacities in bytes, per core for `l1` and `l2`, shared for `l3`."""

    l1: int = 32 << 10
    l2: int = 512 << 10
    l3: int = 8 << 20


@dataclass(frozen=True, slots=True)
class Target:
    """A processor as LLVM names it, and the few facts code generation may depend on.

    `capabilities` holds neutral names: "fma" (fused multiply-add is one instruction), "half" (float16 converts in
    hardware), "gather" (vector loads from vector addresses), "mask" (per-lane masked loads and stores), "indexed" (one
    memory operand adds a base, a scaled index and an offset).
    """

    name: str
    triple: str
    cpu: str
    features: str
    data_layout: str
    vector_bits: int
    vector_registers: int
    pointer_bits: int = 64
    object_format: str = "elf"
    capabilities: frozenset[str] = frozenset()
    caches: CacheSizes = CacheSizes()

    def lanes(self, element_bits: int) -> int:
        """Elements of `element_bits` bits in one vector register; 1 where the target has no vectors."""
        return max(1, self.vector_bits // element_bits)

    def supports(self, capability: str) -> bool:
        """Whether the neutral `capability` (see the class) is there."""
        return capability in self.capabilities

    @property
    def machine(self) -> toolchain.Machine:
        """What LLVM sees of this target."""
        return toolchain.Machine(self.triple, self.cpu, self.features)

    @property
    def key(self) -> str:
        """Everything that decides the machine code, as one line; part of every cached object's key."""
        return f"{self.triple}|{self.cpu}|{self.features}"

    @property
    def runs_here(self) -> bool:
        """Whether objects for this target are meant for this process."""
        return self.name == "host"


_LAYOUT_X86 = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-f80:128-n8:16:32:64-S128"
_LAYOUT_ARM = "e-m:e-p270:32:32-p271:32:32-p272:64:64-i8:8:32-i16:16:32-i64:64-i128:128-n32:64-S128-Fn32"
_LAYOUT_ARM_APPLE = "e-m:o-p270:32:32-p271:32:32-p272:64:64-i64:64-i128:128-n32:64-S128-Fn32"
_LAYOUT_WASM = "e-m:e-p:32:32-p10:8:8-p20:8:8-i64:64-i128:128-n32:64-S128-ni:1:10:20"
_LAYOUT_PTX = "e-p6:32:32-i64:64-i128:128-i256:256-v16:16-v32:32-n16:32:64"


def _x86(name: str, bits: int, registers: int, *capabilities: str) -> Target:
    return Target(name, "x86_64-unknown-linux-gnu", name, "", _LAYOUT_X86, bits, registers,
                  capabilities=frozenset({"indexed", *capabilities}))


_NAMED = {
    target.name: target
    for target in (
        _x86("x86-64", 128, 16),
        _x86("x86-64-v2", 128, 16),
        _x86("x86-64-v3", 256, 16, "fma", "half", "gather", "mask"),
        _x86("x86-64-v4", 512, 32, "fma", "half", "gather", "mask"),
        Target("aarch64", "aarch64-unknown-linux-gnu", "generic", "+neon", _LAYOUT_ARM, 128, 32,
               capabilities=frozenset({"fma", "half"})),
        Target("apple-m1", "arm64-apple-macosx11", "apple-m1", "", _LAYOUT_ARM_APPLE, 128, 32,
               object_format="macho", capabilities=frozenset({"fma", "half"}),
               caches=CacheSizes(128 << 10, 4 << 20, 8 << 20)),
        Target("wasm32-simd128", "wasm32-unknown-unknown", "generic", "+simd128", _LAYOUT_WASM, 128, 16,
               pointer_bits=32, object_format="wasm"),
        Target("wasm32", "wasm32-unknown-unknown", "generic", "", _LAYOUT_WASM, 0, 16,
               pointer_bits=32, object_format="wasm"),
        Target("nvptx64", "nvptx64-nvidia-cuda", "sm_75", "", _LAYOUT_PTX, 0, 64,
               object_format="ptx", capabilities=frozenset({"fma", "half"})),
    )
}


def names() -> tuple[str, ...]:
    """The names `named` knows, "host" first."""
    return ("host", *_NAMED)


def named(name: str) -> Target:
    """The target called `name`, one of `names()`.

    Raises ValueError with the known names for any other.

    >>> named("x86-64-v3").lanes(32)
    8
    """
    if name == "host":
        return host()
    if name not in _NAMED:
        raise ValueError(f"named: argument 'name' is {name!r}, expected one of {', '.join(names())}")
    return _NAMED[name]


@functools.cache
def host() -> Target:
    """The processor this process runs on, features included.

    LLVM is asked once per machine: its answer lies in the disk cache under a fingerprint of the processor, so a
    warm start does not load LLVM.
    """
    fingerprint = _processor_fingerprint()
    cache = default_cache() if fingerprint else ObjectCache(None)
    key = cache_key("host-target", fingerprint, toolchain.fingerprint())
    described = _decode(cache.get(key))
    if described is None:
        described = toolchain.describe_host()
        cache.put(key, json.dumps(asdict(described)).encode())
    return _host_target(described)


def _decode(blob: bytes | None) -> toolchain.HostDescription | None:
    if blob is None:
        return None
    try:
        fields = json.loads(blob)
        described = toolchain.HostDescription(**fields)
    except (ValueError, TypeError):
        return None
    words = asdict(described).values()
    return described if all(isinstance(w, str) and _SAFE_WORD.match(w) for w in words) else None


def _host_target(described: toolchain.HostDescription) -> Target:
    enabled = {word[1:] for word in described.features.split(",") if word.startswith("+")}
    bits, registers, capabilities = _vector_unit(described.triple, enabled)
    return Target(
        "host", described.triple, described.cpu, described.features, described.data_layout, bits, registers,
        pointer_bits=64 if sys.maxsize > 1 << 32 else 32,
        object_format="macho" if "apple" in described.triple else "elf",
        capabilities=capabilities, caches=_cache_sizes(),
    )


def _vector_unit(triple: str, enabled: set[str]) -> tuple[int, int, frozenset[str]]:
    """Register width, register count and capabilities, from LLVM's feature names."""
    if triple.startswith(("aarch64", "arm64")):
        return 128, 32, frozenset({"fma", "half"})
    if not triple.startswith("x86_64"):
        return 128, 16, frozenset()
    found = {name for name, needed in (("fma", "fma"), ("half", "f16c"), ("gather", "avx2"), ("mask", "avx2"))
             if needed in enabled} | {"indexed"}
    if {"avx512f", "avx512vl", "avx512bw", "avx512dq"} <= enabled:
        return 512, 32, frozenset(found)
    if "avx2" in enabled:
        return 256, 16, frozenset(found)
    return 128, 16, frozenset(found)


def _processor_fingerprint() -> str:
    """Text that changes when the processor or its usable features do; empty where the system does not tell."""
    try:
        first = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n", 1)[0]
    except OSError:
        return ""
    stable = ("vendor_id", "cpu family", "model", "stepping", "flags", "Features", "CPU implementer",
              "CPU architecture", "CPU variant", "CPU part", "CPU revision", "isa")
    facts = [line for line in first.splitlines() if line.split(":", 1)[0].strip() in stable]
    return "\n".join([platform.machine(), sys.platform, *facts]) if facts else ""


def _cache_sizes() -> CacheSizes:
    """Data cache sizes of core 0, from Linux' sysfs; the defaults for what it does not tell."""
    sizes: dict[int, int] = {}
    try:
        indexes = sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"))
        for index in indexes:
            if (index / "type").read_text().strip() == "Instruction":
                continue
            level = int((index / "level").read_text())
            sizes[level] = _parse_size((index / "size").read_text().strip())
    except (OSError, ValueError):
        pass
    defaults = CacheSizes()
    return CacheSizes(sizes.get(1) or defaults.l1, sizes.get(2) or defaults.l2, sizes.get(3) or defaults.l3)


def _parse_size(text: str) -> int:
    """Bytes in sysfs' notation, such as `512K`."""
    units = {"K": 1 << 10, "M": 1 << 20, "G": 1 << 30}
    return int(text[:-1]) * units[text[-1]] if text[-1:] in units else int(text)


def usable_cores() -> int:
    """Threads to compute with: GRAPHTF_NUM_THREADS, else the cores this process may use.

    Counts the scheduler's affinity mask and a container's processor quota. Raises ValueError for a setting that is
    not a positive number.
    """
    setting = os.environ.get("GRAPHTF_NUM_THREADS", "").strip()
    if setting:
        if not setting.isdecimal() or int(setting) < 1:
            raise ValueError(f"GRAPHTF_NUM_THREADS is {setting!r}, expected a positive number of threads")
        return int(setting)
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return max(1, min(cores, _quota_cores(cores)))


def _quota_cores(default: int) -> int:
    """Whole cores a control group's quota allows, rounded up; `default` where there is none."""
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return default if quota == "max" else -(-int(quota) // int(period))
    except (OSError, ValueError, ZeroDivisionError):
        return default
