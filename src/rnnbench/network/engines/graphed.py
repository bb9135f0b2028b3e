"""The graphed engine: the loop on a GPU, recorded as CUDA graphs the first time and replayed from then on.

A step of a recurrent cell is a handful of small kernels, which a GPU finishes sooner than Python launches the next. A
graph launches those of all steps, forward or backward, at once. The kernels are the loop's own.

A recording holds for one shape, dtype and place of all tensors involved. What it keeps for the gradient lies in memory
that its next call would write over, so it does not run again while that gradient may still be asked for.
"""

from __future__ import annotations

import gc
from typing import Any
from weakref import WeakKeyDictionary, ref

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.utils.parametrize import is_parametrized

from rnnbench.errors import UserError
from rnnbench.network.cells import CELLS, Cell
from rnnbench.network.cells.wrapper import Wrapper
from rnnbench.network.engines.loop import loop
from rnnbench.network.states import S

KEPT = 4
"""Recordings of one cell: training, validation and test have batches of their own, maybe in two lengths."""
SEEN = 3
"""How often ``auto`` runs a shape in the loop before it is worth a recording, which costs about six calls."""


class Claim:
    """What keeps a recording from running again: it dies with the autograd graph that still needs its memory."""


class _Claimed(torch.autograd.Function):
    """Copies the outputs of a recording, and claims it until their gradient was computed or nobody can ask for it."""

    @staticmethod
    def forward(ctx: Any, recording: Recording, *outputs: Tensor) -> tuple[Tensor, ...]:
        ctx.recording, ctx.claim = recording, Claim()
        recording.claim = ref(ctx.claim)
        return tuple(output.clone() for output in outputs)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        ctx.claim = None
        return None, *gradients


class _Loop(nn.Module):
    """The loop over a cell as a module, for parameters that are given."""

    def __init__(self, cell: Cell[Any], kind: type[Any]) -> None:
        super().__init__()
        self.cell, self.kind = cell, kind

    def forward(self, inputs: Tensor, *state: Tensor) -> tuple[Tensor, ...]:
        outputs, final = loop(self.cell, inputs, self.kind(*state))
        return outputs, *final


class Recording:
    """The loop of ``cell`` over tensors like ``inputs`` and ``state``, as two CUDA graphs.

    It reads the parameters where they lie, by other names: autograd would bind a parameter that an earlier call has
    used to that call's stream.
    """

    def __init__(self, cell: Cell[Any], inputs: Tensor, state: Any) -> None:
        kind = type(state)
        names = [f"cell.{name}" for name, _ in cell.named_parameters()]

        def run(*given: Tensor) -> Any:
            arguments, parameters = given[: len(state) + 1], given[len(state) + 1 :]
            return functional_call(_Loop(cell, kind), dict(zip(names, parameters, strict=True)), arguments)

        examples = [part.detach().clone().requires_grad_(part.requires_grad) for part in (inputs, *state)]
        examples += [part.detach().requires_grad_(part.requires_grad) for part in cell.parameters()]
        gc.collect()  # a graph that is destroyed while another is recorded would spoil it
        gc.disable()
        try:
            with torch.enable_grad(), _uncached_autocast():
                self.graphs: Any = torch.cuda.make_graphed_callables(run, tuple(examples), allow_unused_input=True)
        except RuntimeError as error:
            raise UserError(
                f"network.engine=graphed cannot run the cell {type(cell).__name__}: "
                f"{str(error).splitlines()[0]}; use network.engine=loop"
            ) from error
        finally:
            gc.enable()
        self.kind = kind
        self.claim: ref[Claim] | None = None

    @property
    def claimed(self) -> bool:
        """Whether a gradient of the last call may still be asked for."""
        return self.claim is not None and self.claim() is not None

    def __call__(self, inputs: Tensor, state: Any, parameters: list[Tensor]) -> tuple[Tensor, Any]:
        outputs, *final = _Claimed.apply(self, *self.graphs(inputs, *state, *parameters))
        return outputs, self.kind(*final)


class Recordings:
    """Those of one cell, the newest last, and how often each shape was seen."""

    def __init__(self) -> None:
        self.made: dict[Any, Recording] = {}
        self.seen: dict[Any, int] = {}

    def get(self, cell: Cell[Any], inputs: Tensor, state: Any) -> Recording:
        key = _key(cell, inputs, state)
        if key not in self.made:
            while len(self.made) >= KEPT:
                del self.made[next(iter(self.made))]
            self.made[key] = Recording(cell, inputs, state)
        return self.made[key]

    def worthwhile(self, cell: Cell[Any], inputs: Tensor, state: Any) -> bool:
        key = _key(cell, inputs, state)
        self.seen[key] = self.seen.get(key, 0) + 1
        if key in self.made:
            return not self.made[key].claimed
        return self.seen[key] > SEEN and len(self.made) < KEPT


_recordings: WeakKeyDictionary[Cell[Any], Recordings] = WeakKeyDictionary()


def _uncached_autocast() -> Any:
    """Autocast as it is, without its cache of weights, which a graph cannot follow."""
    return torch.autocast(
        "cuda", dtype=torch.get_autocast_dtype("cuda"), enabled=torch.is_autocast_enabled("cuda"), cache_enabled=False
    )


def _key(cell: Cell[Any], inputs: Tensor, state: Any) -> Any:
    """All that a recording depends on: shapes and dtypes, who wants a gradient, where the parameters lie."""
    given = [(part.shape, part.dtype, part.requires_grad) for part in (inputs, *state)]
    parameters = [(parameter.data_ptr(), parameter.requires_grad) for parameter in cell.parameters()]
    autocast = torch.get_autocast_dtype("cuda") if torch.is_autocast_enabled("cuda") else None
    return (*given, *parameters, autocast, cell.training)


def supports(cell: Cell[Any]) -> bool:
    """Whether the loop of ``cell`` can be recorded: it draws nothing and computes no weight from others."""
    wrapped = any(isinstance(module, Wrapper) for module in cell.modules())
    return not wrapped and not any(is_parametrized(module) for module in cell.modules())


def supports_inputs(inputs: Tensor) -> bool:
    """Whether ``inputs`` lie on a CUDA GPU."""
    return inputs.device.type == "cuda"


def worthwhile(cell: Cell[Any], inputs: Tensor, state: Any) -> bool:
    """Whether ``cell`` has met these shapes often enough for a recording to pay.

    Only for the suite's own cells: a step that waits for the GPU cannot be recorded, and the attempt fails the run.
    """
    return (
        supports_inputs(inputs)
        and type(cell) in CELLS.values()
        and supports(cell)
        and _recordings.setdefault(cell, Recordings()).worthwhile(cell, inputs, state)
    )


def check(cell: Cell[Any]) -> None:
    """Raises UserError unless the loop of ``cell`` can be recorded."""
    if not supports(cell):
        raise UserError(
            f"network.engine=graphed cannot run the cell {type(cell).__name__}: it draws random numbers or computes a "
            "weight in each call; use network.engine=auto or network.engine=loop"
        )


def graphed(cell: Cell[S], inputs: Tensor, state: S, perturbation: Any = None) -> tuple[Tensor, S]:
    """Runs ``cell`` over ``inputs`` [T, B, I] from ``state``; returns outputs [T, B, O] and the final state.

    Raises UserError for a cell that cannot be recorded, for inputs that are not on a CUDA GPU, for a perturbation, and
    for a second call with the same shapes while the gradient of the first may still be asked for.
    """
    check(cell)
    if not supports_inputs(inputs):
        raise UserError(
            f"network.engine=graphed needs a CUDA GPU, the inputs are on {inputs.device.type}; use "
            "trainer.accelerator=cuda or network.engine=auto"
        )
    if perturbation is not None:
        raise UserError("engine=graphed cannot take a perturbation, its steps are recorded without one; use loop")
    recording = _recordings.setdefault(cell, Recordings()).get(cell, inputs, state)
    if recording.claimed:
        raise UserError(
            "network.engine=graphed runs once with the same shapes, then its gradient: a second call would write over "
            "what the gradient of the first needs; use network.engine=auto or network.engine=loop"
        )
    return recording(inputs, state, list(cell.parameters()))
