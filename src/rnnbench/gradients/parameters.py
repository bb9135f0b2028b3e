"""The norm of the parameter gradient, whole and by kind of parameter, before and after clipping.

Pascanu, Mikolov & Bengio 2013 (arXiv:1211.5063), section 3.2. A threshold is usual between .5 and 10 times the mean
norm; how often clipping acts and by how much says whether it is a safety net or a second learning rate.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

GROUPS = ("input", "recurrent", "bias", "head")


def parameter_group(name: str) -> str:
    """Return the kind of the parameter called ``name`` in a Model: one of GROUPS.

    All biases, of norms too, are ``bias``; all else of a cell besides its input matrix is ``recurrent``; and what
    stands around the cells, an embedding or a block, is ``input``.
    """
    if name.startswith("head."):
        return "head"
    if name.removesuffix(".original").endswith("bias"):  # a parametrised bias is one too
        return "bias"
    return "input" if "input_projection" in name or ".cell." not in f".{name}" else "recurrent"


def membership(model: nn.Module) -> Tensor:
    """Return which parameters are in the whole and in each group: 0 or 1 [1 + GROUPS, parameters].

    On the model's device, in float64; in float32 on mps, which has no float64.
    """
    names, device = [name for name, _ in model.named_parameters()], next(model.parameters()).device
    table = [[1.0] * len(names), *([float(parameter_group(name) == group) for name in names] for group in GROUPS)]
    return torch.tensor(table, device=device, dtype=torch.float32 if device.type == "mps" else torch.float64)


def gradient_norms_by_group(gradients: Sequence[Tensor], table: Tensor) -> Tensor:
    """Return the 2-norm of the whole gradient and of each group's: [1 + GROUPS]. Does not wait for the device.

    ``gradients`` are those of all parameters in order, ``table`` their ``membership``. Squares are summed in its dtype,
    because those of an exploding gradient overflow float32 from 1e19 on.
    """
    squares = torch.stack([_norm(gradient, table.dtype) for gradient in gradients]).square()
    return (table @ squares).sqrt()


def _norm(gradient: Tensor, kind: torch.dtype) -> Tensor:
    real = torch.view_as_real(gradient) if gradient.is_complex() else gradient
    return torch.linalg.vector_norm(real, dtype=kind)
