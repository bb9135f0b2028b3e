"""The compiled engine: a cell's step and its gradient as two kernels over time, generated from ``step`` itself.

trace       the graph of a step, its readout and their gradient; record is how, in the words of decompositions
projection  what of ``project`` is computed where the step is
values      what its nodes are: rows, constants, sums over the batch
index       places in arrays as functions of the counters of loops; moves where what only moves comes from
stages      what a kernel stores, where and in which order; plan which values these are
nests       which loops these are
emit, loops the kernels in LLVM's language, by llvmlite; operations and arithmetic are its vocabulary
tiles       sums of products in registers, products those of rows and weights; vectors is what they are written in
kernel      machine code, kept on disk
program     from tensors to kernels and back; run is what torch differentiates
programs    which program runs a cell, compared with its step before it runs for the first time

Matrix products are tiles or BLAS; between them one loop computes everything elementwise. The gradients of the weights
are products over all steps at once. A step may use what ``operations`` lists, on a state of any shape and a drive of
vectors; what it does not understand it refuses. On a CPU, in float32 and float64.
"""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn.utils.parametrize import cached

from rnnbench.errors import UserError
from rnnbench.network.cells import Cell
from rnnbench.network.cells.external import External
from rnnbench.network.engines.fused import precision
from rnnbench.network.states import S

if TYPE_CHECKING:
    from rnnbench.network.engines.compiled.programs import Entry

DTYPES = (torch.float32, torch.float64)
_told: set[str] = set()


def reason(cell: Cell[Any], *, verify: bool = False) -> str:
    """Why the engine cannot run ``cell``; empty where it can. ``verify``: compile it and compare it with its step."""
    from rnnbench.network.engines.compiled.programs import entry

    devices = {each.device.type for each in cell.parameters()}
    if "meta" in devices:
        return ""  # shapes alone, which are not run
    if devices - {"cpu"}:
        return "it is not on a CPU"
    found = entry(cell)
    if verify and not found.reason:
        found.verify(cell)
    return found.reason


def supports(cell: Cell[Any]) -> bool:
    """Whether the engine can run the cell."""
    return not reason(cell)


def check(cell: Cell[Any]) -> None:
    """Raises UserError unless the engine can run ``cell``."""
    why = reason(cell)
    if why:
        raise _refusal(cell, why)


def _refusal(cell: Cell[Any], why: str) -> UserError:
    return UserError(
        f"network.engine=compiled cannot run the cell {_name(cell)}: {why}; use network.engine=auto or "
        "network.engine=loop"
    )


def suits(cell: Cell[Any], inputs: Tensor, state: Any = ()) -> bool:
    """Whether the engine can run ``cell`` on these inputs."""
    return ready(cell, inputs, state) is not None


def ready(cell: Cell[Any], inputs: Tensor, state: Any = ()) -> Entry | None:
    """What ``compiled`` runs ``cell`` by on these inputs; None where it cannot."""
    from rnnbench.network.engines.compiled.programs import entry

    if _unsuited(cell, inputs, state):
        return None
    found = entry(cell)
    found.verify(cell)
    return None if found.reason else found


def tell(cell: Cell[Any], inputs: Tensor, state: Any = ()) -> None:
    """Warn, once, where only the cell's step is in the way."""
    why = "" if _unsuited(cell, inputs, state) else reason(cell, verify=True)
    text = f"{_name(cell)} runs step by step, it cannot be compiled: {why}"
    if why and text not in _told:
        _told.add(text)
        warnings.warn(text, stacklevel=2)


def _name(cell: Cell[Any]) -> str:
    return type(cell.module if isinstance(cell, External) else cell).__name__


def _unsuited(cell: Cell[Any], inputs: Tensor, state: Any) -> str:
    """What about the inputs and the state, or where they are used, does not suit the engine; empty if all does."""
    if inputs.device.type != "cpu":
        return f"on the device {inputs.device.type}"
    if precision(inputs) not in DTYPES:
        return f"in {precision(inputs)}"
    if not inputs.numel():
        return "on no steps or sequences"
    if any(part.dtype != inputs.dtype or part.device != inputs.device or part.dim() < 2 for part in state):
        return "from a state of another kind than the inputs"
    tensors = (inputs, *state, *cell.parameters())
    if torch.compiler.is_compiling() or torch.jit.is_tracing() or not all(map(_real, tensors)):
        return "inside a transformation of torch"
    return ""


def _real(tensor: Tensor) -> bool:
    """Whether a tensor has memory of its own, and does not stand for others."""
    if type(tensor) not in (Tensor, torch.nn.Parameter):
        return False
    try:
        return tensor.data_ptr() != 0 or not tensor.numel()
    except RuntimeError:
        return False


def compiled(
    cell: Cell[S], inputs: Tensor, state: S, perturbation: Any = None, *, found: Entry | None = None
) -> tuple[Tensor, S]:
    """Runs ``cell`` over ``inputs`` [T, B, I] from ``state``; returns outputs [T, B, O] and the final state.

    ``found`` is what ``ready`` returned for them.

    Raises UserError for a cell whose step it does not understand, for inputs that are not on a CPU in float32 or
    float64, for a perturbation, and where its gradient is differentiated again.
    """
    from rnnbench.network.engines.compiled.run import project, run
    from rnnbench.network.engines.compiled.trace import weights_of

    if perturbation is not None:
        raise UserError("engine=compiled cannot take a perturbation: its kernels hide h_t; use loop")
    found = found or ready(cell, inputs, state)
    if found is None or found.program is None:
        unsuited = _unsuited(cell, inputs, state)
        if not unsuited:
            raise _refusal(cell, reason(cell, verify=True))
        raise UserError(
            f"network.engine=compiled cannot run the cell {_name(cell)} {unsuited}; use network.engine=auto or "
            "network.engine=loop"
        )
    with cached():
        weights = weights_of(cell, found.names)
        drive = project(found.program, cell, inputs, weights)
        if not found.program.fits(drive, list(state), weights):
            raise _refusal(cell, "its drive, state or weights are not of the shapes and precision of its first ones")
        outputs, final = run(found.program, drive, list(state), weights)
    return outputs, type(state)(*final)
