"""The graph of a cell's step, its readout and their gradient.

The cell is copied with plain weights in place of parametrised ones: a parametrisation is computed outside the loop.
What is not a function of state, drive, parameters and buffers alone is refused here: a tensor from elsewhere, a changed
attribute, an argument changed in place, a decision on numbers.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.nn.utils.parametrize import cached, is_parametrized, type_before_parametrizations

from rnnbench.network.cells import Cell
from rnnbench.network.engines.compiled.projection import Product, Rest, projects_plainly
from rnnbench.network.engines.compiled.record import Recorder, Unsupported
from rnnbench.network.states import State

PRIMES = (7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67)
"""Numbers of sequences to trace with: one that divides no size of the cell, so that the axes cannot be confused."""
CONTAINERS = (list, dict, set, tuple)


@dataclass(frozen=True)
class Traced:
    """The graph and its parts; ``to_*`` are the gradients, None where there is none."""

    batch: int
    states: list[fx.Node]
    drive: fx.Node
    weights: list[fx.Node]
    cotangents: list[fx.Node]
    """Of each part of the new state, then of the output."""
    after: list[fx.Node]
    output: fx.Node
    to_states: list[fx.Node | None]
    to_drive: fx.Node | None
    to_weights: list[fx.Node | None]
    product: Product | None
    """That of the inputs which ``drive`` is; None where it is what ``project`` returns."""
    to_rest: fx.Node | None
    """The gradient of what ``project`` makes of that product, with which the step begins; None where it is nothing."""


class Stepped(nn.Module):
    """A cell as a function of (parts of a state, drive) that returns the parts of the next and the output."""

    def __init__(self, cell: Cell[Any], kind: Callable[..., Any]) -> None:
        super().__init__()
        self.cell = cell
        self.kind = kind

    def forward(self, state: list[Tensor], drive: Tensor) -> list[Tensor]:
        after: State = self.cell.step(self.kind(*state), drive)
        return [*after, self.cell.readout(after, drive)]


class _Ends(torch.autograd.Function):
    """A number of any tensors whose gradients with respect to it are ``seeds``."""

    @staticmethod
    def forward(context: Any, seeds: list[Tensor], *results: Tensor) -> Tensor:
        context.seeds = seeds
        return torch.zeros((), dtype=results[0].dtype)

    @staticmethod
    def backward(context: Any, _: Tensor) -> tuple[Tensor | None, ...]:
        return None, *context.seeds


def vector_jacobian(results: list[Tensor], seeds: list[Tensor], wanted: list[Tensor]) -> list[Tensor | None]:
    """The gradient of each of ``wanted`` where ``seeds`` arrive at ``results``; None where there is none.

    As torch.autograd.grad with grad_outputs, for which torch loads its symbolic algebra.
    """
    pairs = [(each, seed) for each, seed in zip(results, seeds, strict=True) if each.requires_grad]
    asked = [each for each in wanted if each.requires_grad]
    if not pairs or not asked:
        return [None] * len(wanted)
    end = _Ends.apply([seed for _, seed in pairs], *(each for each, _ in pairs))
    found = iter(torch.autograd.grad(end, asked, allow_unused=True))
    return [next(found) if each.requires_grad else None for each in wanted]


def computes_weights(path: str) -> bool:
    """Whether a module of a cell belongs to a parametrisation, which is no part of a step."""
    return "parametrizations" in path.split(".")


def weight_names(cell: Cell[Any]) -> list[tuple[str, str]]:
    """(module, name) of every tensor that a step may read: parameters, parametrised weights and real buffers."""
    found: list[tuple[str, str]] = []
    seen: set[int] = set()  # a tensor under two names is one
    for path, module in cell.named_modules():
        if computes_weights(path):
            continue
        given: list[str] = list(module.parametrizations) if is_parametrized(module) else []
        own = [name for name, each in module.named_parameters(recurse=False)]
        own += [name for name, each in module.named_buffers(recurse=False) if each.is_floating_point()]
        found += [(path, name) for name in given]
        for name in own:
            if id(getattr(module, name)) not in seen:
                found.append((path, name))
                seen.add(id(getattr(module, name)))
    return found


def weights_of(cell: Cell[Any], names: list[tuple[str, str]]) -> list[Tensor]:
    """The present values of ``weight_names``."""
    return [getattr(cell.get_submodule(path), name) for path, name in names]


def plain_copy(cell: Cell[Any]) -> Cell[Any]:
    """A copy of the cell whose parametrised weights are plain parameters of the same values.

    These are computed with gradients where the caller is, because a layer keeps what was computed first.
    """
    twin = copy.deepcopy(cell)
    with cached():
        for module, other in zip(list(cell.modules()), list(twin.modules()), strict=True):
            if is_parametrized(module):
                parametrized: Any = module.parametrizations
                values = {name: getattr(module, name).detach().clone() for name in parametrized}
                other.__class__ = type_before_parametrizations(module)
                del other.parametrizations
                for name, value in values.items():
                    other.register_parameter(name, nn.Parameter(value))
    return twin


def trace(
    twin: Cell[Any], names: list[tuple[str, str]], drive: Tensor, shapes: list[torch.Size],
    product: Product | None = None,
) -> Traced:  # fmt: skip
    """Trace a ``plain_copy`` of a cell for a drive [..., D] and parts of a state [B, *shape]. Raises Unsupported.

    ``product`` is that of the inputs which the drive is, if any: then the step begins with what the cell makes of it.
    """
    sizes = {drive.shape[-1], twin.output_size, *(size for each in (*shapes, *_shapes(twin)) for size in each)}
    batch = next((prime for prime in PRIMES if all(size % prime for size in sizes)), 71)
    before = _attributes(twin)
    tensors = {**dict(twin.named_parameters()), **dict(twin.named_buffers())}
    recorder = Recorder()

    def leaf(*shape: int, differentiable: bool = True) -> Tensor:
        return torch.zeros(shape, dtype=drive.dtype, requires_grad=differentiable)

    keys = [".".join(part for part in name if part) for name in names]
    weights = [leaf(*tensors[key].shape, differentiable=tensors[key].requires_grad) for key in keys]
    state = [leaf(batch, *shape) for shape in shapes]
    given = leaf(batch, drive.shape[-1])
    seeds = [leaf(batch, *shape, differentiable=False) for shape in (*shapes, (twin.output_size,))]
    wanted = [*state, given, *weights]
    inputs = [recorder.input(each) for each in (*wanted, *seeds)]
    step = Stepped(twin, type(twin.initial_state(1)))
    apart = torch.zeros(batch, 1, twin.input_size, dtype=drive.dtype)  # steps for sequences: none may see another
    with torch.enable_grad(), recorder:
        parameters = {f"cell.{key}": weight for key, weight in zip(keys, weights, strict=True)}
        rows = given
        if product is not None and not projects_plainly(twin):
            whole = given[:, None]
            made = torch.func.functional_call(Rest(twin, apart), parameters, whole)
            rows = given if made is whole else made.squeeze(1)
        if any(node.target is torch.ops.aten.mm.default for node in recorder.graph.nodes):
            raise Unsupported("a product in project")  # one for all steps at once is faster
        results = torch.func.functional_call(step, parameters, (state, rows))
        _check_shapes(results, [*state, seeds[-1]])
        gradients = vector_jacobian(results, seeds, [*wanted, rows])
    if _attributes(twin) != before:
        raise Unsupported("a step that changes an attribute of the cell")
    outcome = [recorder.node(each) for each in results]
    to = [recorder.node(each) for each in gradients]
    recorder.graph.output([*outcome, *to])
    recorder.graph.eliminate_dead_code()
    parts = len(shapes)
    return Traced(
        batch,
        states=inputs[:parts],
        drive=inputs[parts],
        weights=inputs[parts + 1 : len(wanted)],
        cotangents=inputs[len(wanted) :],
        after=outcome[:-1],  # type: ignore[arg-type]  # results are tensors
        output=outcome[-1],  # type: ignore[arg-type]
        to_states=to[:parts],
        to_drive=to[parts],
        to_weights=to[parts + 1 : -1],
        product=product,
        to_rest=None if rows is given else to[-1],
    )


def _shapes(cell: Cell[Any]) -> list[torch.Size]:
    return [each.shape for each in (*cell.parameters(), *cell.buffers())]


def _check_shapes(results: list[Tensor], like: list[Tensor]) -> None:
    for each, other in zip(results, like, strict=True):
        if each.shape != other.shape or each.dtype != other.dtype:
            raise Unsupported(f"a step from {list(other.shape)} {other.dtype} to {list(each.shape)} {each.dtype}")


def _attributes(cell: Cell[Any]) -> list[Any]:
    """The attributes of the cell's modules and what their containers hold, such that a change can be seen."""
    found: list[Any] = []
    for module in cell.modules():
        for name, value in vars(module).items():
            held = list(value.values() if isinstance(value, dict) else value) if isinstance(value, CONTAINERS) else []
            found += (name, id(value) if isinstance(value, Tensor) else value, [id(each) for each in held])
    return found
