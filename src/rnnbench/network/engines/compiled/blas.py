"""The matrix product of a BLAS, by its address: torch's own where it brings MKL along, else SciPy's."""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path
from typing import Any

import torch


@cache
def gemm(double: bool) -> int:
    """The address of Fortran's dgemm or sgemm, with 32-bit sizes."""
    name = "dgemm" if double else "sgemm"
    return of_torch(name) or of_scipy(name)


def of_torch(name: str) -> int:
    """That of the MKL in torch's library, which follows torch's threads; 0 where there is none."""
    if torch.backends.mkl.is_available():
        for library in (Path(torch.__file__).parent / "lib").glob("libtorch_cpu.*"):
            try:
                found = getattr(ctypes.CDLL(str(library)), f"{name}_")
            except (OSError, AttributeError):  # no library that can be loaded, or one without such a name
                continue
            return ctypes.cast(found, ctypes.c_void_p).value or 0
    return 0


def of_scipy(name: str) -> int:
    """That of SciPy, whose threads follow torch's from now on."""
    from scipy.linalg import cython_blas

    threads.begin()
    capsule = cython_blas.__pyx_capi__[name]
    named, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    named.restype, named.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(pointer(capsule, named(capsule)))


class Threads:
    """Keeps SciPy's BLAS at the number of threads that torch has, from its first use on."""

    def __init__(self) -> None:
        self.number = 0
        self.controller: Any = None

    def follow(self) -> None:
        """Called before each pass."""
        number = torch.get_num_threads()
        if number == self.number or self.controller is None:
            return
        for library in self.controller.lib_controllers:
            if library.internal_api == "openblas" and "scipy" in library.filepath.rpartition("site-packages")[2]:
                library.set_num_threads(number)
        self.number = number

    def begin(self) -> None:
        from threadpoolctl import ThreadpoolController

        self.controller = ThreadpoolController()
        self.follow()


threads = Threads()
