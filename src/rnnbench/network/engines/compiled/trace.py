"""The graph of a cell's step, its readout and their gradient, traced once with make_fx.

The cell is copied with plain weights in place of parametrised ones (a parametrisation is computed outside the loop) and
traced on the meta device, on which a step that looks at numbers fails. The graph is in the core operations of aten and
functional: an operation in place has become one that returns. What is not a function of state, drive, parameters and
buffers alone is refused here: a tensor from elsewhere, a changed attribute, an argument changed in place.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, fx, nn
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils.parametrize import cached, is_parametrized, type_before_parametrizations

from rnnbench.network.cells import Cell
from rnnbench.network.states import State

PRIMES = (7, 11, 13, 17, 19, 23, 29, 31, 37, 41, 43, 47, 53, 59, 61, 67)
"""Numbers of sequences to trace with: one that is no width of the cell, so that the axes cannot be confused."""
CONTAINERS = (list, dict, set, tuple)


class Unsupported(Exception):
    """The engine cannot run a cell; the text says which part of its step."""


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


class Stepped(nn.Module):
    """A cell as a function of (parts of a state, drive) that returns the parts of the next and the output."""

    def __init__(self, cell: Cell[Any], kind: Callable[..., Any]) -> None:
        super().__init__()
        self.cell = cell
        self.kind = kind

    def forward(self, state: list[Tensor], drive: Tensor) -> list[Tensor]:
        after: State = self.cell.step(self.kind(*state), drive)
        return [*after, self.cell.readout(after, drive)]


def weight_names(cell: Cell[Any]) -> list[tuple[str, str]]:
    """(module, name) of every tensor that a step may read: parameters, parametrised weights and real buffers."""
    found: list[tuple[str, str]] = []
    seen: set[int] = set()  # a tensor under two names is one
    for path, module in cell.named_modules():
        if ".parametrizations." in f".{path}." or path.startswith("parametrizations."):
            continue
        given: list[str] = list(module.parametrizations) if is_parametrized(module) else []  # type: ignore[arg-type]
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


@torch.no_grad()
def plain_copy(cell: Cell[Any]) -> Cell[Any]:
    """A copy of the cell whose parametrised weights are plain parameters of the same values."""
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


def trace(cell: Cell[Any], names: list[tuple[str, str]], drive: Tensor, widths: list[int]) -> Traced:
    """Trace a ``plain_copy`` of a cell for a drive [..., D] and a state of parts [B, *widths]. Raises Unsupported."""
    twin = copy.deepcopy(cell).to("meta")
    sizes = {*widths, drive.shape[-1], *(size for each in cell.parameters() for size in each.shape)}
    batch = next((prime for prime in PRIMES if prime not in sizes), 71)
    dtype = drive.dtype
    before = _attributes(twin)
    with torch.device("meta"), torch.enable_grad():
        step = Stepped(twin, type(twin.initial_state(batch)))
        keys = [".".join(part for part in ("cell", path, name) if part) for path, name in names]
        differentiable = {f"cell.{key}" for key, _ in twin.named_parameters()}
        tensors = {**dict(step.named_parameters()), **dict(step.named_buffers())}
        counts: list[int] = []

        def passes(state: list[Tensor], drive: Tensor, weights: list[Tensor], cotangents: list[Tensor]) -> list[Any]:
            results = torch.func.functional_call(step, dict(zip(keys, weights, strict=True)), (state, drive))
            _check_shapes(results, [*state, cotangents[-1]])
            pairs = [(each, seed) for each, seed in zip(results, cotangents, strict=True) if each.requires_grad]
            wanted = [*state, drive, *weights]
            gradients: list[Any] = [None] * len(wanted)
            index = [place for place, each in enumerate(wanted) if each.requires_grad]
            if pairs:
                values, seeds = [each for each, _ in pairs], [seed for _, seed in pairs]
                found = torch.autograd.grad(values, [wanted[place] for place in index], seeds, allow_unused=True)
                for place, each in zip(index, found, strict=True):
                    gradients[place] = each
            counts[:] = [len(results)]
            return [*results, *gradients]

        def leaf(*shape: int) -> Tensor:
            return torch.empty(*shape, dtype=dtype, requires_grad=True)

        state = [leaf(batch, width) for width in widths]
        weights = [tensors[key].detach().clone().requires_grad_(key in differentiable) for key in keys]
        seeds = [torch.empty(batch, width, dtype=dtype) for width in (*widths, twin.output_size)]
        given = (state, leaf(batch, drive.shape[-1]), weights, seeds)
        module = make_fx(passes, decomposition_table=_decompositions())(*given)
        flat = [[each.detach() for each in part] if isinstance(part, list) else part.detach() for part in given]
        module = make_fx(torch.func.functionalize(module))(*flat)
    if _attributes(twin) != before:
        raise Unsupported("a step that changes an attribute of the cell")
    return _parts(module.graph, batch, len(widths), len(names), counts[0])


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


def _decompositions() -> dict[Any, Any]:
    """Into aten's core operations, and a little further: a product and a bias apart, a layer norm in its sums."""
    return {**torch.export.default_decompositions(), **FURTHER}


def _addmm(bias: Tensor, first: Tensor, second: Tensor, beta: float = 1, alpha: float = 1) -> Tensor:
    if beta != 1 or alpha != 1:
        raise Unsupported("addmm with factors")
    return torch.mm(first, second) + bias


def _layer_norm(
    inputs: Tensor, shape: list[int], weight: Tensor | None, bias: Tensor | None, epsilon: float
) -> tuple[Tensor, Tensor, Tensor]:
    if len(shape) != 1:
        raise Unsupported("a layer norm over several axes")
    mean = inputs.mean(-1, keepdim=True)
    centred = inputs - mean
    scale = torch.rsqrt((centred * centred).mean(-1, keepdim=True) + epsilon)
    normed = centred * scale
    normed = normed if weight is None else normed * weight
    return normed if bias is None else normed + bias, mean, scale


FURTHER = {torch.ops.aten.addmm.default: _addmm, torch.ops.aten.native_layer_norm.default: _layer_norm}


def _parts(graph: fx.Graph, batch: int, states: int, weights: int, results: int) -> Traced:
    for node in graph.nodes:
        if node.op == "call_function" and str(node.target).partition(".")[2].partition(".")[0].endswith("_"):
            raise Unsupported(f"the operation {node.target} in place")
    graph.eliminate_dead_code()
    if any(node.op == "get_attr" for node in graph.nodes):
        raise Unsupported("a tensor that is neither a parameter nor a buffer")
    inputs = [node for node in graph.nodes if node.op == "placeholder"]
    found: list[Any] = list(next(node for node in graph.nodes if node.op == "output").args[0])
    outcome, gradients = found[:results], found[results:]
    return Traced(
        batch,
        states=inputs[:states],
        drive=inputs[states],
        weights=inputs[states + 1 : states + 1 + weights],
        cotangents=inputs[states + 1 + weights :],
        after=outcome[:-1],
        output=outcome[-1],
        to_states=gradients[:states],
        to_drive=gradients[states],
        to_weights=gradients[states + 1 :],
    )
