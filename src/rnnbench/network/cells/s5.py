"""The simplified state space model S5: one linear system for all units, diagonal in complex numbers.

Paper: Smith, Warrington & Linderman 2022, "Simplified state space layers for sequence modeling" (arXiv:2208.04933),
section 3.

    x'_t = exp(lambda dt) * x'_{t-1} + (exp(lambda dt) - 1) / lambda * B x_t
    y_t = gelu(2 Re(C x'_t) + D x_t)

Shapes: x_t [B, I]; lambda and dt [P/2], the memory x', our h, complex [B, P/2], because the other half is its
conjugate; y_t, what the layer above sees, [B, H]. P is ``state_size``, of any size beside H. Differs from the paper: of
the block around it (gated linear unit, skip connection, normalisation) there is the GELU alone, and none with
``activation=identity``; here I may differ from H, so D is a matrix [H, I] ~ N(0, 1/I), not a vector ~ N(0, 1): a third
block of rows of ``input_projection``. Re lambda is at most -.0001, as in the authors' code with clip_eigs. In half
precision the memory stays complex64.

Begins as the authors' code, with init=paper too: lambda and V are half of the eigenvalues and eigenvectors of HiPPO-N,
the normal part of HiPPO-LegS, of ``blocks`` of them side by side; B = V^H B' and C = C' V with B' and C', real and
complex, normal of variance 1/P and cut at two standard deviations; dt is uniform in its logarithm between .001 and .1,
one for each lambda.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from rnnbench.errors import check_choice, check_multiple, check_range
from rnnbench.network.cells.base import LinearCell
from rnnbench.network.cells.drawing import time_steps
from rnnbench.network.cells.lru import ACTIVATIONS, single
from rnnbench.network.states import HState

SHRUNK = 0.87962566103423978
"""The standard deviation of a standard normal variable that is cut at 2."""


def hippo_normal(size: int) -> tuple[Tensor, Tensor]:
    """Return the eigenvalues [size] and eigenvectors [size, size] of HiPPO-N, in complex128.

    They are in order of their imaginary parts, so that the second half are the conjugates of the first.
    """
    root = (torch.arange(size, dtype=torch.float64) + 0.5).sqrt()
    product = torch.outer(root, root)
    skew = torch.triu(product, 1) - torch.tril(product, -1)  # HiPPO-N is -1/2 beside it
    imaginary, vectors = torch.linalg.eigh(torch.complex(torch.zeros_like(skew), -skew))
    return torch.complex(torch.full_like(imaginary, -0.5), imaginary), vectors


def cut_normal(*shape: int, variance: float) -> Tensor:
    """Return normal numbers of ``variance``, cut at two standard deviations of those before, in float64."""
    std = variance**0.5 / SHRUNK
    return nn.init.trunc_normal_(torch.empty(shape, dtype=torch.float64), std=std, a=-2 * std, b=2 * std)


class S5(LinearCell[HState]):
    """The S5 with ``state_size`` numbers from ``blocks`` of HiPPO-N; ``activation`` is ``gelu`` or ``identity``.

    h is complex [B, state_size / 2]. Raises UserError for another activation and for a state size that is no positive
    multiple of 2 blocks.
    """

    source = "Smith et al. 2022"
    spectrum = "complex"
    gates = ("real", "imaginary", "skip")
    input_bias = False

    def __init__(
        self, input_size: int, hidden_size: int, state_size: int = 64, blocks: int = 1, activation: str = "gelu"
    ) -> None:
        check_range("cell.blocks", blocks, at_least=1)
        check_range("cell.state_size", state_size, at_least=2)
        check_multiple("cell.state_size", state_size, 2 * blocks)
        check_choice("cell.activation", activation, ACTIVATIONS)
        self.modes = state_size // 2
        super().__init__(input_size, hidden_size)
        self.activation = activation
        values, vectors = hippo_normal(state_size // blocks)
        kept = len(values) // 2
        values, basis = values[:kept].repeat(blocks), torch.block_diag(*[vectors[:, :kept]] * blocks)
        dtype = self.input_projection.weight.dtype
        self.lambda_real = nn.Parameter(values.real.to(dtype))
        self.lambda_imaginary = nn.Parameter(values.imag.to(dtype))
        self.log_dt = nn.Parameter(time_steps(self.modes).log())
        b = basis.mH @ cut_normal(state_size, input_size, variance=1 / state_size).to(basis.dtype)
        skip = torch.randn(hidden_size, input_size, dtype=torch.float64) * input_size**-0.5
        self.input_projection.weight = nn.Parameter(torch.cat([b.real, b.imag, skip]).to(dtype))
        c = torch.view_as_complex(cut_normal(hidden_size, state_size, 2, variance=1 / state_size)) @ basis
        self.output_projection = nn.Linear(state_size, hidden_size, bias=False)  # Re(C x) = Re C Re x - Im C Im x
        self.output_projection.weight = nn.Parameter(torch.cat([c.real, -c.imag], dim=-1).to(dtype))

    @property
    def input_blocks(self) -> dict[str, int]:
        return {"real": self.modes, "imaginary": self.modes, "skip": self.hidden_size}

    def coefficients(self, drive: Tensor) -> tuple[Tensor, Tensor]:
        rate = torch.complex(self._real(), single(self.lambda_imaginary))
        decay = torch.exp(rate * single(self.log_dt).exp())
        real, imaginary, _ = single(drive).split(list(self.input_blocks.values()), dim=-1)
        return decay, (decay - 1) / rate * torch.complex(real, imaginary)

    def emit(self, memory: Tensor, drive: Tensor) -> HState:
        return HState(h=memory)

    def readout(self, state: HState, drive: Tensor) -> Tensor:
        x = torch.cat([state.h.real, state.h.imag], dim=-1).to(self.output_projection.weight.dtype)
        return ACTIVATIONS[self.activation](2 * self.output_projection(x) + drive[..., 2 * self.modes :])

    def initial_state(self, batch: int) -> HState:
        zero = single(self.lambda_real.new_zeros(batch, self.modes))
        return HState(h=torch.complex(zero, zero))

    def retention(self, state: HState, drive: Tensor) -> Tensor:
        """Return abs(exp(lambda dt)) [B, P/2]."""
        return torch.exp(self._real() * single(self.log_dt).exp()).expand(len(drive), -1)

    def _real(self) -> Tensor:
        """Return Re lambda, below 0."""
        return single(self.lambda_real).clamp(max=-1e-4)
