"""LLVM IR text to object code, through llvmlite: parse, verify, optimise, emit.

Invariant: llvmlite is imported by the first call that needs it, and the three long calls into LLVM run without
llvmlite's global lock and without the GIL, each in an LLVM context of its own, so modules compile in parallel.
Entry points: `compile_ir`, `optimised_ir`, `assembly`, `fingerprint`.
"""
from __future__ import annotations

import contextlib
import ctypes
import functools
import hashlib
import importlib.util
import logging
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_LOG = logging.getLogger(__name__)

_ALWAYS_INLINE = "always_inliner_pass"


class CompileError(RuntimeError):
    """LLVM refused a module: a syntax or type error in generated IR, or a target it does not know."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What LLVM needs to know of a target: its triple, processor, features and relocation model."""

    triple: str
    cpu: str
    features: str


@dataclass(frozen=True, slots=True)
class HostDescription:
    """The processor this process runs on, in LLVM's words."""

    triple: str
    cpu: str
    features: str
    data_layout: str


@dataclass(frozen=True, slots=True)
class Pipeline:
    """What is done to a module before code is emitted: llvmlite pass names, or LLVM's own pipeline of `level`.

    `effort` is the code generator's own level (1 less, 2 default, 3 aggressive).
    """

    name: str
    passes: tuple[str, ...] = ()
    level: int = 0
    effort: int = 2

    @property
    def key(self) -> str:
        """Everything that shapes the code, as one line."""
        return f"{self.passes}|{self.level}|{self.effort}"


PIPELINES = {
    pipeline.name: pipeline
    for pipeline in (
        Pipeline("cheap", (_ALWAYS_INLINE,), effort=1),
        # Values come computed once and where they belong: what is left is to put register tiles into registers.
        Pipeline("default", (_ALWAYS_INLINE, "sroa_pass", "simplify_cfg_pass"), effort=1),
        Pipeline("full", level=2),
    )
}


def pipeline(name: str) -> Pipeline:
    """The pipeline called `name`; ValueError with the known names for any other."""
    if name not in PIPELINES:
        raise ValueError(f"compile: argument 'opt' is {name!r}, expected one of {', '.join(PIPELINES)}")
    return PIPELINES[name]


@functools.cache
def fingerprint() -> str:
    """Text that changes with the installed llvmlite and the LLVM in it; found without importing it."""
    spec = importlib.util.find_spec("llvmlite")
    if spec is None or spec.origin is None:
        raise CompileError("llvmlite is not installed: native code needs it")
    folder = Path(spec.origin).parent
    digest = hashlib.sha256((folder / "_version.py").read_bytes())
    for library in sorted((folder / "binding").glob("*llvmlite*")):
        status = library.stat()
        digest.update(f"{library.name}:{status.st_size}:{status.st_mtime_ns}".encode())
    return digest.hexdigest()


def describe_host() -> HostDescription:
    """Ask LLVM about the processor this process runs on."""
    binding = llvm_binding()
    triple = binding.get_process_triple()
    # Disabled features are named too: a virtual machine may hide what the processor of that name has.
    cpu, features = binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()
    return HostDescription(triple, cpu, features, data_layout(Machine(triple, cpu, features)))


def data_layout(machine: Machine) -> str:
    """LLVM's description of sizes and alignments on `machine`."""
    return str(_machine(machine, PIPELINES["default"].effort).target_data)


def compile_ir(text: str, machine: Machine, chosen: Pipeline) -> bytes:
    """The object file for the module `text`. Raises CompileError with LLVM's message."""
    with _optimised(text, machine, chosen) as (module, emitter):
        return _emit(module, emitter, as_object=True)


def assembly(text: str, machine: Machine, chosen: Pipeline) -> str:
    """The assembly text for the module `text`, for reading and for targets that are text (nvptx)."""
    with _optimised(text, machine, chosen) as (module, emitter):
        return _emit(module, emitter, as_object=False).decode()


def optimised_ir(text: str, machine: Machine, chosen: Pipeline) -> str:
    """The LLVM IR after the pipeline, for reading."""
    with _optimised(text, machine, chosen) as (module, _):
        return str(module)


@functools.cache
def llvm_binding() -> Any:
    """llvmlite.binding, with the native target ready. The one place where llvmlite is imported."""
    import llvmlite.binding as binding

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


@functools.cache
def _initialise_every_target() -> None:
    llvm_binding().initialize_all_targets()
    llvm_binding().initialize_all_asmprinters()


@functools.cache
def _unlocked(name: str) -> Any:
    """llvmlite's C function `name` without the lock llvmlite takes around every call.

    For functions that touch nothing but a context, a module and a target machine of the calling thread.
    """
    locked = getattr(llvm_binding().ffi.lib, name)
    function = getattr(_library(), name)
    function.argtypes, function.restype = locked.argtypes, locked.restype
    return function


@functools.cache
def _library() -> ctypes.CDLL:
    return ctypes.CDLL(llvm_binding().ffi.lib._name)


class _PerThread(threading.local):
    """Target machines of this thread. LLVM fills tables inside them while it emits, so threads never share one."""

    def __init__(self) -> None:
        self.machines: dict[tuple[Machine, int], Any] = {}


_PER_THREAD = _PerThread()


def _machine(machine: Machine, effort: int) -> Any:
    found = _PER_THREAD.machines.get((machine, effort))
    if found is None:
        found = _create_machine(machine, effort)
        _PER_THREAD.machines[machine, effort] = found
    return found


def _create_machine(machine: Machine, effort: int) -> Any:
    binding = llvm_binding()
    if machine.triple != binding.get_process_triple():
        _initialise_every_target()
    try:
        # Position-independent code of the small model: constants and calls are pc-relative, which is both the
        # shortest code and what the loader expects.
        return binding.Target.from_triple(machine.triple).create_target_machine(
            cpu=machine.cpu, features=machine.features, opt=effort, reloc="pic", codemodel="small")
    except RuntimeError as error:
        raise CompileError(f"LLVM has no target {machine.triple!r}: {error}") from error


@contextlib.contextmanager
def _optimised(text: str, machine: Machine, chosen: Pipeline) -> Iterator[tuple[Any, Any]]:
    emitter = _machine(machine, chosen.effort)
    with llvm_binding().create_context() as context, _parse(text, context) as module:
        module.triple = machine.triple
        module.data_layout = str(emitter.target_data)
        try:
            module.verify()
        except RuntimeError as error:
            raise CompileError(f"generated LLVM IR is not valid: {error}") from error
        _run_passes(module, emitter, chosen)
        yield module, emitter


def _parse(text: str, context: Any) -> Any:
    binding = llvm_binding()
    with binding.ffi.OutputString() as message:
        pointer = _unlocked("LLVMPY_ParseAssembly")(context, text.encode(), message)
        if not pointer:
            raise CompileError(_with_line(text, str(message)))
    return binding.ModuleRef(pointer, context)


def _with_line(text: str, message: str) -> str:
    """LLVM's message, with the line it speaks of where it names one."""
    place = re.search(r":(\d+):\d+: error", message)
    lines = text.splitlines()
    number = int(place.group(1)) if place else 0
    quoted = f"\n  line {number}: {lines[number - 1].strip()}" if 0 < number <= len(lines) else ""
    return f"generated LLVM IR does not parse: {message.strip()}{quoted}"


def _run_passes(module: Any, emitter: Any, chosen: Pipeline) -> None:
    binding = llvm_binding()
    options = binding.create_pipeline_tuning_options(speed_level=max(1, chosen.level))
    # Loops come vectorised and unrolled as they should be; LLVM's own attempts cost time and code.
    options.loop_vectorization = options.slp_vectorization = False
    options.loop_unrolling = options.loop_interleaving = False
    with options, binding.create_pass_builder(emitter, options) as builder, _passes(builder, chosen) as passes:
        _unlocked("LLVMPY_RunNewModulePassManager")(passes, module, builder)


def _passes(builder: Any, chosen: Pipeline) -> Any:
    if chosen.level:
        return builder.getModulePassManager()
    passes = llvm_binding().create_new_module_pass_manager()
    for name in chosen.passes:
        getattr(passes, f"add_{name}")()
    return passes


def _emit(module: Any, emitter: Any, *, as_object: bool) -> bytes:
    library = llvm_binding().ffi.lib
    with llvm_binding().ffi.OutputString() as message:
        buffer = _unlocked("LLVMPY_TargetMachineEmitToMemory")(emitter, module, int(as_object), message)
        if not buffer:
            raise CompileError(f"LLVM emitted no code: {message}")
    try:
        return ctypes.string_at(library.LLVMPY_GetBufferStart(buffer), library.LLVMPY_GetBufferSize(buffer))
    finally:
        library.LLVMPY_DisposeMemoryBuffer(buffer)
