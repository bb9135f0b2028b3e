"""Residual blocks: the layers around a recurrence in current models.

    h_t = x_t + W_o mixer(norm(x))_t                      pre-norm, residual (Xiong et al. 2020, arXiv:2002.04745)
    y_t = h_t + W_2 (silu(W_1 n_t) * W_3 n_t),  n = norm(h)      optional: SwiGLU (Shazeer 2020, arXiv:2002.05202)

The mixer is a cell over time, in one direction or in two, optionally after a short causal convolution of its inputs,
one filter a channel, and a SiLU (Gu & Dao 2023, arXiv:2312.00752; Poli et al. 2023, arXiv:2302.10866). The norm is
``layer`` (Ba, Kiros & Hinton 2016) or ``rms`` (Zhang & Sennrich 2019). The stream x, y has the width D throughout.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import conv1d, silu

from rnnbench.errors import check_choice, check_range
from rnnbench.network.layers import Bidirectional, Layer, Recurrent, last_of, valid_steps

EPSILON = 1e-5
"""What a norm adds to a variance. torch.nn.RMSNorm takes the dtype's, and a float64 copy would be another network."""


class RMSNorm(nn.RMSNorm):
    """x / sqrt(mean x^2 + EPSILON) * g over the last axis, in the dtype of g, under autocast too."""

    def __init__(self, size: int) -> None:
        super().__init__(size, eps=EPSILON)

    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs.to(self.weight.dtype))


NORMS: dict[str, Callable[[int], nn.Module]] = {"layer": partial(nn.LayerNorm, eps=EPSILON), "rms": RMSNorm}


def norm(kind: str, size: int) -> nn.Module:
    """Return a new norm over the last axis. Raises UserError for an unknown kind."""
    check_choice("network.norm", kind, NORMS)
    return NORMS[kind](size)


class Convolved(Layer):
    """``recurrent`` after a causal convolution over its last ``width`` inputs, causal in the order of its direction.

    The state is a pair: the last width - 1 inputs [B, width - 1, I], zeros at first, and that of ``recurrent``. Raises
    UserError for a width below 2.
    """

    def __init__(self, recurrent: Recurrent, width: int) -> None:
        check_range("network.convolution", width, at_least=2)
        super().__init__()
        self.recurrent = recurrent
        self.size, self.width = recurrent.cell.input_size, width
        self.output_size = self.summary_size = recurrent.output_size
        self.filter = nn.Parameter(torch.empty(self.size, 1, width).uniform_(-(width**-0.5), width**-0.5))
        self.bias = nn.Parameter(torch.zeros(self.size))

    def forward(
        self,
        inputs: Tensor,
        lengths: Tensor | None = None,
        state: Any = None,
        perturbation: Any = None,
        final: bool = True,
    ) -> tuple[Tensor, Any]:
        buffer, inner = self.initial_state(inputs.shape[1]) if state is None else state
        ordered = self.recurrent.running_order(inputs, lengths)
        known = torch.cat([buffer.movedim(1, 0), ordered])
        seen = silu(conv1d(known.permute(1, 2, 0), self.filter, self.bias, groups=self.size)).permute(2, 0, 1)
        seen = self.recurrent.running_order(seen, lengths)
        outputs, last = self.recurrent(seen, lengths, inner, perturbation, final)
        ends = torch.full_like(known[0, :, 0], len(inputs), dtype=torch.long) if lengths is None else lengths
        places = ends + torch.arange(self.width - 1, device=ends.device)[:, None]
        kept = known[places, torch.arange(len(ends), device=ends.device)]
        return outputs, (kept.movedim(0, 1), last)

    def initial_state(self, batch: int) -> Any:
        return self.filter.new_zeros(batch, self.width - 1, self.size), self.recurrent.initial_state(batch)

    def summary(self, outputs: Tensor, lengths: Tensor | None) -> Tensor:
        return self.recurrent.summary(outputs, lengths)


class GatedMLP(nn.Module):
    """SwiGLU: [..., D] to [..., D] through ``expansion`` times as many hidden units."""

    def __init__(self, size: int, expansion: float) -> None:
        super().__init__()
        hidden = max(1, round(expansion * size))
        self.gate, self.up = (nn.Linear(size, hidden, bias=False) for _ in range(2))
        self.down = nn.Linear(hidden, size, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        outputs: Tensor = self.down(silu(self.gate(inputs)) * self.up(inputs))
        return outputs


class Block(Layer):
    """A pre-norm residual block of width ``size`` around ``mixer``; ``expansion`` 0 leaves the MLP out.

    State and perturbation are those of the mixer. ``summary`` is the output at the sequence's end [B, D]; with two
    directions, which a residual stream does not keep apart, also that at its first step, where the other one ends.
    """

    def __init__(self, mixer: Layer, size: int, norm_kind: str = "layer", expansion: float = 0.0) -> None:
        super().__init__()
        self.mixer = mixer
        self.norm = norm(norm_kind, size)
        self.output_projection = nn.Linear(mixer.output_size, size, bias=False)
        self.mlp_norm = norm(norm_kind, size) if expansion > 0 else None
        self.mlp = GatedMLP(size, expansion) if expansion > 0 else None
        self.output_size = size
        self.summary_size = size * len(self.directions())

    def forward(
        self,
        inputs: Tensor,
        lengths: Tensor | None = None,
        state: Any = None,
        perturbation: Any = None,
        final: bool = True,
    ) -> tuple[Tensor, Any]:
        mixed, last = self.mixer(self.norm(inputs), lengths, state, perturbation, final)
        outputs = inputs + self.output_projection(mixed)
        if self.mlp is not None and self.mlp_norm is not None:
            outputs = outputs + self.mlp(self.mlp_norm(outputs))
        if lengths is not None:
            outputs = outputs.where(valid_steps(outputs, lengths)[..., None], 0)
        return outputs, last

    def initial_state(self, batch: int) -> Any:
        return self.mixer.initial_state(batch)

    def summary(self, outputs: Tensor, lengths: Tensor | None) -> Tensor:
        ends = [outputs[0] if direction.reverse else last_of(outputs, lengths) for direction in self.directions()]
        return torch.cat(ends, dim=-1)


def make_mixer(directions: list[Recurrent], convolution: int) -> Layer:
    """Return one direction or two side by side, each after its own convolution where ``convolution`` is a width."""
    layers = [Convolved(direction, convolution) if convolution else direction for direction in directions]
    return layers[0] if len(layers) == 1 else Bidirectional(*layers)
