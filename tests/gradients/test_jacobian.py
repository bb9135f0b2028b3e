import numpy as np
import pytest
import torch
from gradient_networks import (
    DIRECTIONS,
    EVERY,
    MAKERS,
    alone,
    linear,
    measured,
    network,
    of_path,
    orthogonal,
    real_batch,
    single,
)

from catalogue import CELL_ROWS, reached
from rnnbench.gradients import step_jacobian, step_jacobians, step_spectra
from rnnbench.network.states import flatten, unflatten


@pytest.mark.parametrize("direction", DIRECTIONS)
@pytest.mark.parametrize("cell", EVERY)
def test_jacobians_agree_with_finite_differences(cell, direction):
    paths = measured(network(cell, depth=2, direction=direction), real_batch(3, lengths=[3, 3, 2])).paths
    for path in (path for row in paths for path in row):
        jacobians = of_path(step_jacobians, path)
        for t, drive in enumerate(path.drives):
            check(jacobians[t], path.cell, path.at(t), drive)


@pytest.mark.parametrize("row", CELL_ROWS.values(), ids=CELL_ROWS)
@pytest.mark.usefixtures("double")
def test_every_cell_has_a_jacobian(row):
    cell = row.make()
    state, drive = reached(cell), cell.project(torch.randn(1, 2, 3))[0]
    check(step_jacobian(cell, state, drive), cell, state, drive)


def check(jacobian, cell, state, drive, delta=1e-6):
    """A Jacobian against central differences, column by column."""
    flat = flatten(state, 1)
    for j, column in enumerate(delta * torch.eye(flat.shape[1], dtype=flat.dtype)):
        up, down = (flatten(cell.step(unflatten(flat + d, state), drive), 1) for d in (column, -column))
        torch.testing.assert_close(jacobian[:, :, j], (up - down) / (2 * delta), rtol=1e-7, atol=1e-8)


def test_the_tanh_network_has_its_closed_form():
    path = measured(network("elman", hidden=4, scale=1), real_batch(6)).paths[0][0]
    slope = 1 - path.states.h[1:] ** 2
    expected = slope[..., None] * path.cell.recurrent_projection.weight
    torch.testing.assert_close(of_path(step_jacobians, path), expected, rtol=1e-12, atol=1e-15)
    np.testing.assert_allclose(
        of_path(step_spectra, path).largest,
        np.linalg.norm(expected.detach().numpy(), 2, axis=(2, 3)).mean(axis=1),
        rtol=1e-12,
    )


def test_law_4_at_rest_the_tanh_network_is_its_matrix():
    model = network("elman", hidden=4)
    cell = model.stack.layers[0].cell
    for bias in (cell.input_projection.bias, cell.recurrent_projection.bias):
        bias.data.zero_()
    batch = real_batch(3)
    path = measured(model, batch._replace(inputs=torch.zeros_like(batch.inputs))).paths[0][0]
    weight = cell.recurrent_projection.weight.detach()
    torch.testing.assert_close(of_path(step_jacobians, path), weight.expand(3, 3, 4, 4), rtol=0, atol=0)
    values = np.linalg.svd(weight.numpy(), compute_uv=False)
    spectra = of_path(step_spectra, path)
    np.testing.assert_allclose(spectra.largest, values[0], rtol=1e-12)
    np.testing.assert_allclose(spectra.smallest, values[-1], rtol=1e-12)
    np.testing.assert_allclose(spectra.mean_log, np.linalg.slogdet(weight.numpy()).logabsdet / 4, rtol=1e-12)


def test_a_complex_unit_is_a_rotation():
    model = network("spiral", hidden=1)
    decay = torch.tensor([0.6 + 0.3j], dtype=torch.complex128)
    model.stack.layers[0].cell.decay.data = decay
    expected = torch.tensor([[0.6, -0.3], [0.3, 0.6]], dtype=torch.float64)
    path = measured(model, real_batch(2)).paths[0][0]
    torch.testing.assert_close(of_path(step_jacobians, path), expected.expand(2, 3, 2, 2), rtol=0, atol=0)
    np.testing.assert_allclose(of_path(step_spectra, path).mean_log, np.log(decay.abs().item()), rtol=1e-12)


def test_spectra_are_means_over_the_sequences_still_running():
    model, batch = network("lstm"), real_batch(5, lengths=[2, 4, 1])
    together = step_spectra(measured(model, batch))[0][0]
    singles = [step_spectra(measured(model, alone(batch, b)))[0][0] for b in range(3)]
    for name in together._fields:
        assert getattr(together, name).shape == (4,)
        for t in range(4):
            expected = np.mean([getattr(one, name)[t] for one in singles if len(one.largest) > t])
            assert getattr(together, name)[t] == pytest.approx(expected, rel=1e-12)


def test_a_singular_step_has_finite_logarithms():
    batch = real_batch(2, outputs=1)
    weight = torch.diag(torch.tensor([2.0, 0.5, 0.0], dtype=torch.float64))
    spectra = step_spectra(measured(single(linear(weight), batch), batch))[0][0]
    np.testing.assert_allclose(spectra.smallest, 0, atol=1e-15)
    np.testing.assert_allclose(spectra.mean_log, (np.log(2 * 0.5) + np.log(3 * np.finfo(float).eps * 2)) / 3)
    zero = step_spectra(measured(single(linear(torch.zeros(3, 3)), batch), batch))[0][0]
    assert np.isfinite(zero).all()


@pytest.mark.parametrize("cell", MAKERS)
def test_the_jacobian_of_one_step_is_in_the_dtype_of_its_state(cell):
    single = network(cell, dtype=torch.float32).stack.layers[0].cell
    state, drive = reached(single), single.project(torch.randn(1, 2, 2))[0]
    jacobian = step_jacobian(single, state, drive)
    assert jacobian.dtype == torch.float32
    assert not jacobian.requires_grad


def test_orthogonal_steps_neither_stretch_nor_shrink():
    batch = real_batch(3, outputs=1)
    spectra = step_spectra(measured(single(linear(orthogonal(5)), batch), batch))[0][0]
    np.testing.assert_allclose([spectra.largest, spectra.smallest], 1, rtol=1e-12)
    np.testing.assert_allclose(spectra.mean_log, 0, atol=1e-14)
