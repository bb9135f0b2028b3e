"""Linear memories of 2022 to 2024: what their discretisation and their gates promise, and where they begin."""

import numpy as np
import pytest
import torch
from scipy import signal, stats
from torch.nn.functional import softplus

from rnnbench.errors import UserError
from rnnbench.network.cells import CELLS
from rnnbench.network.cells.s5 import hippo_normal
from rnnbench.network.engines import ENGINES
from rnnbench.network.initialization import initialize


def follows(values, distribution):
    return stats.kstest(values.detach().flatten().double().numpy(), distribution.cdf).pvalue > 1e-4


def normal(variance):
    return stats.norm(scale=variance**0.5)


TIME_STEPS = stats.loguniform(0.001, 0.1)


class TestS6:
    @pytest.mark.parametrize(("decay", "least"), [("positive", 0), ("signed", -1)])
    def test_its_decay_fills_its_range(self, decay, least):
        cell = CELLS["s6"](3, 400, decay=decay)
        for parameter in cell.parameters():
            parameter.data = parameter.data + torch.randn_like(parameter)
        found, _ = cell.coefficients(cell.project(torch.randn(9, 2, 3)))
        assert found.shape == (9, 2, 400, 16)
        assert (found >= least).all()
        assert (found <= 1).all()
        assert found.min() < least + 0.01
        assert found.max() > 0.99

    @pytest.mark.usefixtures("double")
    def test_small_steps_follow_the_differential_equation(self):
        """h' = A h + B u with a constant input: exp(dt A) alone is exact, dt B differs from ZOH by O(dt)."""
        cell = CELLS["s6"](1, 1, state_size=4)
        u, b, a = 0.7, torch.randn(4), -torch.exp(cell.log_a[0]).detach()
        exact = (torch.exp(a) - 1) / a * b * u  # at time 1 from 0
        errors = []
        for steps in (50, 100):
            drive = torch.cat([torch.tensor([u, 1 / steps]), b, torch.zeros(4)]).expand(steps, 1, -1)
            h = cell.initial_state(1)
            for each in drive:
                h = cell.step(h, each)
            errors.append(((h.h[0, 0] - exact) / exact).abs().max().item())
        assert errors[0] < 0.05
        assert errors[0] / errors[1] == pytest.approx(2, rel=0.05)  # Euler on B: half the step, half the error
        free = cell.step(cell.initial_state(1)._replace(h=torch.ones(1, 1, 4)), torch.tensor([[0.0, 3.0, *[0.0] * 8]]))
        torch.testing.assert_close(free.h[0, 0], torch.exp(3 * a))

    def test_where_it_begins(self):
        cell = CELLS["s6"](20, 1000)
        assert follows(softplus(cell.step_projection.bias), TIME_STEPS)
        assert cell.step_projection.in_features == cell.rank == 63
        assert follows(cell.step_projection.weight, stats.uniform(-(63**-0.5), 2 * 63**-0.5))
        torch.testing.assert_close(torch.exp(cell.log_a), torch.arange(1.0, 17).expand(1000, 16))
        assert (cell.d == 1).all()


class TestS4D:
    @pytest.mark.usefixtures("double")
    def test_it_is_the_convolution_with_its_kernel(self):
        """K_l = 2 Re(sum_n C_n exp(dt A_n)^l (exp(dt A_n) - 1) / A_n): K_0 meets the input of the same step."""
        cell = CELLS["s4d"](2, 5, state_size=6, activation="identity")
        inputs = torch.randn(40, 1, 2)
        outputs, _ = ENGINES["associative"](cell, inputs, cell.initial_state(1))
        p = {name: each.detach().numpy() for name, each in cell.named_parameters()}
        a = -np.exp(p["log_a_real"]) + 1j * p["a_imaginary"]
        step, c = np.exp(p["log_dt"])[:, None] * a, p["c"][..., 0] + 1j * p["c"][..., 1]
        kernel = 2 * (c * (np.exp(step) - 1) / a * np.exp(step * np.arange(40)[:, None, None])).sum(-1).real  # [T, H]
        u = cell.project(inputs)[:, 0].detach().numpy()
        for unit in range(5):
            found = signal.fftconvolve(u[:, unit], kernel[:, unit])[:40] + p["d"][unit] * u[:, unit]
            np.testing.assert_allclose(outputs[:, 0, unit].detach(), found, rtol=1e-10, atol=1e-12)

    def test_where_it_begins(self):
        cell = CELLS["s4d"](20, 1000, state_size=8)
        assert follows(cell.log_dt.exp(), TIME_STEPS)
        assert follows(cell.c, normal(1 / 2))  # of both parts of a complex N(0, 1)
        assert follows(cell.d, normal(1))
        torch.testing.assert_close(cell.log_a_real.exp(), torch.full((1000, 4), 0.5))
        torch.testing.assert_close(cell.a_imaginary[7], torch.pi * torch.arange(4.0))


class TestS5:
    def legs(self, size):
        """HiPPO-LegS, and the rank-one term that makes it normal (Gu et al. 2022)."""
        odd = np.sqrt(2 * np.arange(size) + 1)
        return -(np.tril(np.outer(odd, odd), -1) + np.diag(np.arange(size) + 1)), np.outer(odd, odd) / 2

    @pytest.mark.usefixtures("double")
    def test_half_of_the_complex_system_is_the_whole_real_one(self):
        """x' = (LegS + p p^T) x + B u held over dt, y = C x, by scipy."""
        cell = CELLS["s5"](2, 3, state_size=6, activation="identity")
        cell.log_dt.data = torch.full((3,), np.log(0.3))
        _, vectors = hippo_normal(6)
        b, c, basis = (
            np.random.default_rng(0).normal(size=(6, 2)),
            np.arange(18.0).reshape(3, 6),
            vectors[:, :3].numpy(),
        )
        inside, seen = basis.conj().T @ b, c @ basis
        cell.input_projection.weight.data[:6] = torch.tensor(np.concatenate([inside.real, inside.imag]))
        cell.output_projection.weight.data = torch.tensor(np.concatenate([seen.real, -seen.imag], axis=1))
        d = cell.input_projection.weight[6:].detach().numpy()
        a, held, *_ = signal.cont2discrete((sum(self.legs(6)), b, c, d), 0.3, method="zoh")
        inputs, x = torch.randn(20, 1, 2), np.zeros(6)
        outputs, _ = ENGINES["associative"](cell, inputs, cell.initial_state(1))
        for u, y in zip(inputs[:, 0].numpy(), outputs[:, 0].detach().numpy(), strict=True):
            x = a @ x + held @ u
            np.testing.assert_allclose(y, c @ x + d @ u, rtol=1e-9, atol=1e-9)

    def test_where_it_begins(self):
        cell = CELLS["s5"](200, 300, state_size=64, blocks=2)
        values = np.linalg.eigvals(sum(self.legs(32)))
        for block in (slice(16), slice(16, 32)):
            found = torch.complex(cell.lambda_real, cell.lambda_imaginary)[block].detach().numpy()
            whole = np.concatenate([found, found.conj()])
            np.testing.assert_allclose(np.sort(whole.imag), np.sort(values.imag), rtol=1e-5)
            np.testing.assert_allclose(whole.real, values.real, rtol=1e-5)
        assert follows(CELLS["s5"](1, 1, state_size=2000, blocks=500).log_dt.exp(), TIME_STEPS)
        real, imaginary, skip = (part.detach() for part in cell.input_projection.weight.split([32, 32, 300]))
        assert (real.square() + imaginary.square()).mean().item() == pytest.approx(1 / 64, rel=0.05)
        assert follows(skip, normal(1 / 200))
        basis = torch.block_diag(*[hippo_normal(32)[1][:, :16].to(torch.complex64)] * 2)
        before = 2 * (basis @ torch.complex(real, imaginary)).real  # B' less what the other half holds of it: all
        limit = 2 / 64**0.5 / 0.8796
        assert before.abs().max() < limit * 1.0001
        assert follows(before, stats.truncnorm(-2, 2, scale=limit / 2))

    def test_a_real_part_never_grows(self):
        cell = CELLS["s5"](2, 3, state_size=4)
        cell.lambda_real.data.fill_(5.0)
        assert (cell.coefficients(cell.project(torch.randn(1, 1, 2)))[0].abs() < 1).all()

    def test_errors(self):
        with pytest.raises(UserError, match="cell.state_size=10: must be a multiple of 4"):
            CELLS["s5"](2, 3, state_size=10, blocks=2)
        with pytest.raises(UserError, match="cell.state_size=5: must be a multiple of 2"):
            CELLS["s4d"](2, 3, state_size=5)


class TestRGLRU:
    def test_its_memory_keeps_the_variance_of_what_enters(self):
        """h has the variance of i * u where these are white: sqrt(1 - a^2) makes up for the sum of a^(2k)."""
        cell = CELLS["rglru"](1, 500)
        drive = torch.randn(3000, 1, 1500)
        drive[..., 500:1000] = drive[0, 0, 500:1000]  # a constant a_t, each unit its own
        drive[..., 1000:] = 100.0  # an open gate
        decay, entering = cell.coefficients(drive)
        assert ((decay > 0) & (decay < 1)).all()
        h = torch.zeros(500)
        total = []
        for a, b in zip(decay[:, 0].detach(), entering[:, 0].detach(), strict=True):
            h = a * h + b
            total.append(h)
        fast = decay[0, 0] < 0.995  # the others are far from stationary, or few independent values
        variance = torch.stack(total)[1000:].square().mean(dim=0)[fast.detach()]
        assert fast.sum() > 200
        assert variance.mean().item() == pytest.approx(1, rel=0.05)

    def test_a_gate_that_rounds_to_zero_keeps_gradients_finite(self):
        cell = CELLS["rglru"](2, 3)
        drive = torch.full((1, 9), -200.0, requires_grad=True)
        final = cell.step(cell.initial_state(1), drive)
        found = torch.autograd.grad(final.h.sum(), [drive, cell.decay])
        assert final.h.isfinite().all()
        assert all(each.isfinite().all() for each in found)

    def test_where_it_begins(self):
        cell = CELLS["rglru"](40, 1000)
        longest = torch.sigmoid(cell.decay.double()) ** 8
        assert follows(longest, stats.uniform(0.9, 0.099))
        before = cell.decay.clone()
        initialize(cell, paper=True)
        assert torch.equal(cell.decay, before)
        assert follows(cell.input_projection.weight, normal(1 / 40))
        assert follows(cell.gate_projection.weight[:, :50], normal(1 / 1000))
        assert not cell.input_projection.bias.any()
        assert not cell.gate_projection.bias.any()
