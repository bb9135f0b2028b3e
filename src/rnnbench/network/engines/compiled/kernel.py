"""Compile a kernel's text to machine code, keep that on disk, and load it.

The code is kept under the hash of the text, the processor and the version of LLVM.
"""

from __future__ import annotations

import ctypes
import hashlib
import threading
from collections.abc import Callable
from functools import cache
from typing import Any

import llvmlite
import llvmlite.binding as llvm

from rnnbench.kept import kept

OPTIMISATION = 3

compilations: list[str] = []
"""The names of what this process has compiled, and did not find on disk."""
_loaded: dict[str, tuple[Any, Callable[[int], None]]] = {}
_lock = threading.RLock()


def load(text: str) -> Callable[[int], None]:
    """The kernel of a text, as a function of the address of its frame."""
    with _lock:
        name = hashlib.sha256("\n".join((text, *_target())).encode()).hexdigest()
        if name not in _loaded:
            code = kept(f"kernels/{name}", lambda: _compile(name, text))
            engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
            engine.add_object_file(llvm.ObjectFileRef.from_data(code))
            engine.finalize_object()
            kernel = ctypes.CFUNCTYPE(None, ctypes.c_int64)(engine.get_function_address("kernel"))
            _loaded[name] = engine, kernel  # the code lives as long as its engine
        return _loaded[name][1]


def optimised(text: str) -> Any:
    """The module of a text, optimised for this processor."""
    module = llvm.parse_assembly(text)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=OPTIMISATION)
    options.loop_vectorization = True
    options.slp_vectorization = False
    options.loop_unrolling = True
    builder = llvm.create_pass_builder(_machine(), options)
    builder.getModulePassManager().run(module, builder)
    return module


def _compile(name: str, text: str) -> bytes:
    compilations.append(name)
    return bytes(_machine().emit_object(optimised(text)))


@cache
def _target() -> tuple[str, ...]:
    version = ".".join(map(str, llvm.llvm_version_info))
    return llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten(), version, llvmlite.__version__


@cache
def _machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    processor, features, *_ = _target()
    triple = llvm.Target.from_default_triple()
    return triple.create_target_machine(cpu=processor, features=features, opt=OPTIMISATION, jit=True)
