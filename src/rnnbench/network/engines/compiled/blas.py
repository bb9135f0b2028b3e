"""The matrix products of SciPy's BLAS, by their addresses."""

from __future__ import annotations

import ctypes
from functools import cache
from typing import Any

import torch


@cache
def gemm(double: bool) -> int:
    """The address of Fortran's dgemm or sgemm."""
    from scipy.linalg import cython_blas

    capsule = cython_blas.__pyx_capi__["dgemm" if double else "sgemm"]
    name, pointer = ctypes.pythonapi.PyCapsule_GetName, ctypes.pythonapi.PyCapsule_GetPointer
    name.restype, name.argtypes = ctypes.c_char_p, [ctypes.py_object]
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return int(pointer(capsule, name(capsule)))


class Threads:
    """Keeps SciPy's BLAS at the number of threads that torch has."""

    def __init__(self) -> None:
        self.number = 0
        self.controller: Any = None

    def follow(self) -> None:
        number = torch.get_num_threads()
        if number == self.number:
            return
        if self.controller is None:
            from threadpoolctl import ThreadpoolController

            gemm(double=False)
            self.controller = ThreadpoolController()
        for library in self.controller.lib_controllers:
            if library.internal_api == "openblas" and "scipy" in library.filepath.rpartition("site-packages")[2]:
                library.set_num_threads(number)
        self.number = number


threads = Threads()
