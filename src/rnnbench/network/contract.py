"""The contract of a cell, as rules that can be checked on any cell, a user's own too.

Layers, engines and diagnostics know nothing of a cell but this. Each rule is a function of a Trial; it returns where
the cell keeps it and raises ``Broken``, with what was seen, where it does not.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from rnnbench.network.cells.base import Cell
from rnnbench.network.engines import ENGINES, loop, supporting
from rnnbench.network.layers import Recurrent
from rnnbench.network.states import flatten, leaves, map_state

STEPS, BATCH, INPUTS, HIDDEN = 7, 3, 2, 5
EXACT = {"rtol": 1e-9, "atol": 1e-11}


class Broken(Exception):
    """Raised with what was seen where a cell breaks a rule."""


class Trial(NamedTuple):
    """A cell in float64 with random parameters, and inputs [T, B, I]."""

    cell: Cell[Any]
    inputs: Tensor

    def run(self, inputs: Tensor | None = None, state: Any = None) -> tuple[Tensor, Any]:
        """Return the outputs and the final state of the loop engine."""
        inputs = self.inputs if inputs is None else inputs
        return loop(self.cell, inputs, self.cell.initial_state(inputs.shape[1]) if state is None else state)


class Rule(NamedTuple):
    """One rule, how to keep it, and its check."""

    name: str
    advice: str
    check: Callable[[Trial], None]


class Verdict(NamedTuple):
    """The result of a rule: ``reason`` is empty where the cell keeps it."""

    rule: Rule
    reason: str


def check_cell(make: Callable[[int, int], Cell[Any]]) -> list[Verdict]:
    """Check every rule on fresh cells that ``make`` (input_size, hidden_size) makes, from fixed random numbers."""
    return [Verdict(rule, _reason(rule, make)) for rule in RULES]


def _reason(rule: Rule, make: Callable[[int, int], Cell[Any]]) -> str:
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(0)
        try:
            cell = _as(make(INPUTS, HIDDEN), torch.float64).eval()
            for parameter in cell.parameters():
                parameter.data = parameter.data + 0.1 * torch.randn_like(parameter)
            with torch.no_grad():
                cell.constrain()
            rule.check(Trial(cell, torch.randn(STEPS, BATCH, INPUTS, dtype=torch.float64)))
        except Broken as broken:
            return str(broken)
        except Exception as error:  # external code can raise anything
            return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"
    return ""


def _as(cell: Cell[Any], dtype: torch.dtype) -> Cell[Any]:
    """Return ``cell`` with its parameters and buffers in ``dtype``, complex ones in the complex type of that width."""
    for tensor in (*cell.parameters(), *cell.buffers()):
        if tensor.is_floating_point() or tensor.is_complex():
            tensor.data = tensor.data.to(dtype.to_complex() if tensor.is_complex() else dtype)
    return cell


def _shapes(trial: Trial) -> None:
    cell = trial.cell
    start = cell.initial_state(BATCH)
    if not isinstance(start, tuple) or not hasattr(start, "_fields"):
        raise Broken(f"initial_state returns a {type(start).__name__}")
    drive = cell.project(trial.inputs)
    if drive.shape[:2] != trial.inputs.shape[:2]:
        raise Broken(f"project returns {list(drive.shape)} for inputs {list(trial.inputs.shape)}")
    after = cell.step(start, drive[0])
    if type(after) is not type(start):
        raise Broken(f"step returns a {type(after).__name__}, initial_state a {type(start).__name__}")
    for name, one, other in zip(start._fields, start, after, strict=True):
        if len(one) != BATCH or one.shape != other.shape or one.dtype != other.dtype:
            raise Broken(f"{name} is {list(one.shape)} of {one.dtype} before a step of {BATCH} sequences, and "
                         f"{list(other.shape)} of {other.dtype} after it")  # fmt: skip
    seen = cell.readout(after, drive[0])
    if list(seen.shape) != [BATCH, cell.output_size]:
        raise Broken(f"readout returns {list(seen.shape)}, output_size is {cell.output_size}")


def _project(trial: Trial) -> None:
    whole = trial.cell.project(trial.inputs)
    for t in range(STEPS):
        alone = trial.cell.project(trial.inputs[t : t + 1])[0]
        _equal(whole[t], alone, f"the drive of step {t + 1}, with others and alone")


def _engines(trial: Trial) -> None:
    parameters = [each for each in trial.cell.parameters() if each.requires_grad]
    expected = _outcome(trial, "loop", parameters)
    for name in supporting(trial.cell):
        for mine, theirs in zip(_outcome(trial, name, parameters), expected, strict=True):
            _equal(mine, theirs, f"outputs or gradients of the engine {name} and of the loop")


def _outcome(trial: Trial, engine: str, parameters: Sequence[Tensor]) -> list[Tensor]:
    inputs = trial.inputs.clone().requires_grad_()
    outputs, final = ENGINES[engine](trial.cell, inputs, trial.cell.initial_state(BATCH))
    weights = torch.linspace(-1, 1, outputs.numel(), dtype=outputs.dtype).view_as(outputs)
    found = torch.autograd.grad((outputs * weights).sum(), [inputs, *parameters], materialize_grads=True)
    return [outputs, *final, *found]


def _gradients(trial: Trial) -> None:
    start = trial.run()[1]
    parts = [part.detach().clone().requires_grad_() for part in map_state(lambda part: part[:1], start)]
    inputs = trial.inputs[:2, :1].clone().requires_grad_()

    def run(inputs: Tensor, *others: Tensor) -> tuple[Tensor, ...]:  # the parameters are changed in place
        outputs, final = trial.run(inputs, type(start)(*others[: len(parts)]))
        return outputs, *final

    given = (inputs, *parts, *(each for each in trial.cell.parameters() if each.requires_grad))
    if not torch.autograd.gradcheck(run, given, raise_exception=False, fast_mode=True):  # along random directions
        raise Broken("the gradient is not that of finite differences")


def _batch(trial: Trial) -> None:
    outputs, final = trial.run()
    for b in range(BATCH):
        alone, end = trial.run(trial.inputs[:, b : b + 1])
        _equal(outputs[:, b], alone[:, 0], f"the outputs of sequence {b + 1}, among others and alone")
        _equal(flatten(final, 1)[b], flatten(end, 1)[0], f"the state of sequence {b + 1}, among others and alone")


def _causality(trial: Trial) -> None:
    outputs, _ = trial.run()
    for t in range(1, STEPS):
        changed = trial.inputs.clone()
        changed[t:] += 1
        _equal(trial.run(changed)[0][:t], outputs[:t], f"the outputs before step {t + 1}, whatever comes then")


def _lengths(trial: Trial) -> None:
    lengths = torch.tensor([STEPS, 2, 5])
    for reverse in (False, True):
        layer = Recurrent(trial.cell, "loop", reverse)
        outputs, final = layer(trial.inputs, lengths)
        for b, length in enumerate(lengths.tolist()):
            alone, end = layer(trial.inputs[:length, b : b + 1])
            _equal(outputs[:length, b], alone[:, 0], f"the outputs of a sequence of {length} steps, padded and alone")
            _equal(flatten(final, 1)[b], flatten(end, 1)[0], f"its state after {length} steps, padded and alone")


def _perturbation(trial: Trial) -> None:
    start, delta = trial.cell.initial_state(BATCH), 1e-6
    zeros = map_state(lambda part: part.new_zeros(STEPS, *part.shape).requires_grad_(), start)
    outputs, _ = loop(trial.cell, trial.inputs, start, zeros)
    weights = torch.linspace(-1, 1, outputs.numel(), dtype=outputs.dtype).view_as(outputs)
    found = torch.autograd.grad((outputs * weights).sum(), list(zeros), materialize_grads=True)
    for place, (name, gradient) in enumerate(zip(zeros._fields, found, strict=True)):
        direction = torch.randn_like(gradient[2])
        losses = []
        for sign in (1, -1):
            moved = [part.detach().clone() for part in zeros]
            moved[place][2] += sign * delta * direction
            losses.append((loop(trial.cell, trial.inputs, start, type(zeros)(*moved))[0] * weights).sum().item())
        expected = (losses[0] - losses[1]) / (2 * delta)
        along = (gradient[2].conj() * direction).real.sum().item()
        if abs(along - expected) > 1e-5 * (1 + abs(expected)):
            raise Broken(
                f"a change of {name} after step 3 changes the loss by {expected:.6g}, its gradient says {along:.6g}"
            )


def _pieces(trial: Trial) -> None:
    whole, end = trial.run()
    first, state = trial.run(trial.inputs[:3])
    second, final = trial.run(trial.inputs[3:], map_state(Tensor.detach, state))
    _equal(torch.cat([first, second]), whole, "the outputs in two pieces and at once")
    for name, mine, theirs in zip(end._fields, final, end, strict=True):
        _equal(mine, theirs, f"the final {name} in two pieces and at once")


def _precisions(trial: Trial) -> None:
    expected = trial.run()[0]
    single = Trial(_as(trial.cell, torch.float32), trial.inputs.float())
    outputs, final = single.run()
    if outputs.dtype != torch.float32 or any(part.dtype not in (torch.float32, torch.complex64) for part in final):
        raise Broken(f"in float32 the outputs are {outputs.dtype}, the state {[str(part.dtype) for part in final]}")
    _equal(outputs.double(), expected, "the outputs in float32 and in float64", rtol=1e-3, atol=1e-4)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = single.run()[0].double()
    if not half.isfinite().all() or (half - expected).norm() > 0.25 * expected.norm() + 0.1:
        raise Broken("under autocast to bfloat16 the outputs are far from those in float64")


def _device(trial: Trial) -> None:
    parts = leaves(trial.cell.to("meta").initial_state(2))
    if not all(part.is_meta for part in parts):
        raise Broken("initial_state makes tensors on another device than that of the parameters")


def _repeats(trial: Trial) -> None:
    _equal(trial.run()[0], trial.run()[0], "the outputs of two runs", rtol=0, atol=0)


def _equal(mine: Tensor, theirs: Tensor, what: str, rtol: float = EXACT["rtol"], atol: float = EXACT["atol"]) -> None:
    if not torch.allclose(mine.detach(), theirs.detach(), rtol=rtol, atol=atol, equal_nan=True):
        raise Broken(f"{what}, differ by up to {(mine - theirs).abs().max().item():.2g}")


RULES = (
    Rule("shapes", "initial_state and step return one NamedTuple of tensors [B, *], readout [B, output_size]", _shapes),
    Rule("repeats", "in evaluation nothing may be random; draw masks in project while self.training", _repeats),
    Rule("project", "project sees each step by itself: what depends on other steps belongs into step", _project),
    Rule("causality", "an output may depend on this input and those before it", _causality),
    Rule(
        "batch independence", "sequences do not see each other: reduce over the last axes, not over the batch", _batch
    ),
    Rule(
        "gradients",
        "compute with differentiable operations of torch; no .data, no in-place change, no float()",
        _gradients,
    ),
    Rule("engines", "coefficients, memory and emit must say what step says", _engines),
    Rule("lengths", "keep nothing between calls but in the state, and address parts by their last axes", _lengths),
    Rule("perturbation", "all that later steps read of this one must be in the state that step returns", _perturbation),
    Rule("resume", "all that later steps read must be in the state: no attribute that step sets", _pieces),
    Rule("precision", "make new tensors like the parameters (new_zeros), never of a fixed dtype", _precisions),
    Rule("device", "make new tensors like the parameters (new_zeros), never on a fixed device", _device),
)
