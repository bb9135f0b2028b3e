"""Which program runs a cell, if any.

A program depends on all that a step may depend on but the numbers of its tensors: the class, the plain attributes of
the cell and its modules, and the shapes; and on whether torch has several threads. Cells that agree in these share it.
Before it runs for the first time it is compared with the cell's own step on random numbers, so that what was
misunderstood is refused, and never a result.
"""

from __future__ import annotations

import types
from contextlib import suppress
from enum import Enum
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import type_before_parametrizations

from rnnbench.network.cells import Cell
from rnnbench.network.engines.compiled.program import Program
from rnnbench.network.engines.compiled.projection import Rest, drive_of, projects_plainly
from rnnbench.network.engines.compiled.record import Unsupported
from rnnbench.network.engines.compiled.trace import (
    Stepped,
    computes_weights,
    plain_copy,
    trace,
    vector_jacobian,
    weight_names,
    weights_of,
)

STEPS, BATCH = 3, 5
DTYPES = {torch.float32: 2e-3, torch.float64: 1e-8}
"""The precisions, and by how much of its largest number a result may differ from the loop's."""
MOST = 256
HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
OWN = frozenset(vars(nn.Module())) - {"training"}
FIXED = (str, bytes, Enum, types.FunctionType, types.BuiltinFunctionType, type, torch.dtype, torch.device)

_programs: dict[Any, Entry] = {}


class Entry:
    """A program, or the reason why there is none."""

    def __init__(self, cell: Cell[Any]) -> None:
        self.names = weight_names(cell)
        self.reason = ""
        self.program: Program | None = None
        self.verified = False

    def trace(self, cell: Cell[Any], *, inside: bool = True) -> None:
        """``inside``: with what ``project`` makes of one product of the inputs, where it is that."""
        try:
            with torch.inference_mode(False), torch.random.fork_rng(devices=[]):
                self.program = _traced(cell, self.names, inside=inside)
        except Unsupported as error:
            self.reason = str(error)
        except Exception as error:  # whatever a cell does that cannot be traced
            lines = str(error).strip().splitlines()
            self.reason = f"it cannot be traced ({type(error).__name__}: {lines[0] if lines else ''})"

    def verify(self, cell: Cell[Any]) -> None:
        """Compile the program and compare it with the cell's own step."""
        if self.verified or self.program is None:
            return
        self.verified = True
        why, difference = "its compiled step gives other numbers than its own", float("nan")
        try:
            with torch.inference_mode(False), torch.random.fork_rng(devices=[]):
                difference = _difference(self.program, plain_copy(cell), self.names)
        except Exception as error:  # of the step, or of the program
            why = f"it cannot be run ({type(error).__name__}: {error})"
        if difference <= DTYPES[self.program.dtype]:
            return
        if self.program.traced.product is None or projects_plainly(cell):
            self.reason, self.program = why, None
            return
        self.program, self.verified = None, False
        self.trace(cell, inside=False)  # ``project`` does more than it did where it was traced
        self.verify(cell)


def entry(cell: Cell[Any]) -> Entry:
    """The entry of a cell, traced where it is new."""
    try:
        key = _key(cell)
    except Unsupported as error:
        found = Entry(cell)
        found.reason = str(error)
        return found
    if key not in _programs:
        while len(_programs) >= MOST:
            del _programs[next(iter(_programs))]
        made = Entry(cell)
        made.trace(cell)
        _programs[key] = made
    return _programs[key]


def _key(cell: Cell[Any]) -> Any:
    """All that a program depends on. Raises Unsupported for what cannot be compared."""
    key: list[Any] = [torch.get_num_threads() > 1]
    for path, module in cell.named_modules():
        key += (path, type_before_parametrizations(module))
        for name, value in () if computes_weights(path) else vars(module).items():
            if name in HOOKS and value:
                raise Unsupported("a hook of one of its modules")
            if name not in OWN and not isinstance(value, Tensor):
                key += (name, _frozen(name, value))
        for tensors in (vars(module)["_parameters"], vars(module)["_buffers"]):
            for name, each in tensors.items():
                key += (name, None if each is None else (each.shape, each.dtype))
    return tuple(key)


def _frozen(name: str, value: Any) -> Any:
    """A value of an attribute in a form that can be compared; numbers with their types, since 1 == 1.0 == True."""
    if value is None or isinstance(value, FIXED):
        return value
    if isinstance(value, bool | int | float):
        return type(value), value
    if isinstance(value, dict):
        return tuple((key, _frozen(name, each)) for key, each in value.items())
    if isinstance(value, list | tuple | set | frozenset):
        return type(value), tuple(_frozen(name, each) for each in value)
    raise Unsupported(f"an attribute of the cell that may change: {name}, a {type(value).__name__}")


def _traced(cell: Cell[Any], names: list[tuple[str, str]], *, inside: bool) -> Program:
    twin = plain_copy(cell)
    dtypes = {each.dtype for each in (*twin.parameters(), *twin.buffers()) if each.is_floating_point()}
    if any(each.is_complex() for each in twin.parameters()):
        raise Unsupported("complex numbers")
    if len(dtypes) != 1 or not dtypes <= set(DTYPES):
        raise Unsupported(f"parameters in {', '.join(sorted(map(str, dtypes)))}")
    (dtype,) = dtypes
    state = twin.initial_state(1)
    for name, part in zip(state._fields, state, strict=True):
        if part.dim() < 2 or part.dtype != dtype:
            raise Unsupported(f"a state whose part {name} is {list(part.shape)[1:]} in {part.dtype}")
    draws = _draws(twin)
    inputs = torch.zeros(1, 1, cell.input_size, dtype=dtype)
    drive, rows, product = drive_of(twin.eval() if draws else twin, inputs, weights_of(twin, names))
    twin.train(cell.training)
    if drive.dim() != 3 or drive.dtype != dtype or not drive.shape[-1]:
        raise Unsupported(f"a drive of shape {list(drive.shape)} in {drive.dtype}")
    shapes = [part.shape[1:] for part in state]
    if projects_plainly(twin):
        return Program(trace(twin, names, drive, shapes, product))
    if product is not None and inside and not draws:
        with suppress(Exception):  # what of ``project`` no kernel can compute, torch does
            return Program(trace(twin, names, rows, shapes, product))
    return Program(trace(twin, names, drive, shapes))


def _draws(cell: Cell[Any]) -> bool:
    """Whether ``project`` may need masks that a layer draws before."""
    return type(cell).begin is not Cell.begin


@torch.enable_grad()
def _difference(program: Program, cell: Cell[Any], names: list[tuple[str, str]]) -> float:
    """The largest relative difference of results and gradients from those of the cell's own step."""
    random = torch.Generator().manual_seed(0)
    traced, dtype = program.traced, program.dtype

    def noise(*shape: int) -> Tensor:
        return torch.randn(shape, generator=random, dtype=dtype)

    drive = noise(STEPS, BATCH, traced.drive.meta["val"].shape[1]).requires_grad_()
    state = cell.initial_state(BATCH)
    parts = [each.detach().clone().requires_grad_() for each in state]
    tensors = {**dict(cell.named_parameters()), **dict(cell.named_buffers())}
    keys = [".".join(part for part in name if part) for name in names]
    weights = [(tensors[key] + noise(*tensors[key].shape) / 10).detach() for key in keys]
    for weight, node in zip(weights, traced.to_weights, strict=True):
        weight.requires_grad_(node is not None)
    step = Stepped(cell, type(state))
    given = dict(zip((f"cell.{key}" for key in keys), weights, strict=True))
    projected = Rest(cell, torch.zeros(STEPS, BATCH, cell.input_size, dtype=dtype))
    rows = torch.func.functional_call(projected, given, drive) if traced.product else drive
    outputs, now = [], parts
    for each in rows:
        *now, output = torch.func.functional_call(step, given, (now, each))
        outputs.append(output)
    results = [torch.stack(outputs), *now]
    seeds = [noise(*each.shape) for each in results]
    wanted = [drive, *parts, *weights]
    gradients = vector_jacobian(results, seeds, wanted)
    with torch.no_grad():
        plain = [each.detach() for each in weights]
        start = [each.detach() for each in parts]
        found, final, arrays = program.forward(drive.detach(), start, plain, keep=True)
        again, last, _ = program.forward(drive.detach(), start, plain, keep=False)
        to_drive, to_states, to_weights = program.backward(
            arrays, start, plain, seeds[0], list(seeds[1:]), [each.requires_grad for each in weights]
        )
    mine = [found, *final, again, *last, to_drive, *to_states, *to_weights]
    return max(map(_distance, mine, [*results, *results, *gradients]))


def _distance(found: Tensor | None, expected: Tensor | None) -> float:
    if found is None or expected is None:
        other = expected if found is None else found
        return 0.0 if other is None else float(other.abs().max())
    expected = expected.detach()
    if found.shape != expected.shape:
        return float("inf")
    same = torch.isclose(found, expected, rtol=0, atol=0, equal_nan=True)
    difference = torch.where(same, 0, found - expected).abs().max()
    return float(difference / expected.nan_to_num().abs().max().clamp(min=1e-3))
