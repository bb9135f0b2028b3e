import pytest
import torch

from own_cells import MatrixState
from rnnbench.network.states import HState, LSTMState, flatten, unflatten


def test_the_parts_of_a_state_lie_side_by_side():
    h, c = torch.randn(2, 3, 4, dtype=torch.float64)
    flat = flatten(LSTMState(h, c))
    torch.testing.assert_close(flat, torch.cat([h, c], dim=1), rtol=0, atol=0)
    back = unflatten(flat, LSTMState(h, c))
    assert isinstance(back, LSTMState)
    torch.testing.assert_close(back, LSTMState(h, c), rtol=0, atol=0)


def test_a_complex_part_is_pairs_of_reals():
    h, c = torch.randn(3, 1, dtype=torch.float64), torch.randn(3, 2, dtype=torch.complex128)
    flat = flatten(LSTMState(h, c))
    torch.testing.assert_close(flat[:, 0], h[:, 0])
    torch.testing.assert_close(flat[:, 1:], torch.view_as_real(c).reshape(3, 4), rtol=0, atol=0)
    torch.testing.assert_close(unflatten(flat, LSTMState(h, c)), LSTMState(h, c), rtol=0, atol=0)


@pytest.mark.parametrize("lead", [(2,), (6, 2)])
def test_a_matrix_lies_row_by_row(lead):
    state = MatrixState(torch.randn(*lead, 3, 4, dtype=torch.complex128), torch.randn(*lead, 3, dtype=torch.float64))
    flat = flatten(state, len(lead))
    assert flat.shape == (*lead, 27)
    torch.testing.assert_close(flat[..., 8:16], torch.view_as_real(state.h[..., 1, :]).flatten(-2), rtol=0, atol=0)
    torch.testing.assert_close(flat[..., 24:], state.n, rtol=0, atol=0)
    torch.testing.assert_close(unflatten(flat, state), state, rtol=0, atol=0)


def test_a_number_a_sequence_is_a_vector_of_one():
    state = LSTMState(torch.randn(2, 3), torch.randn(2))
    assert flatten(state, 1).shape == (2, 4)
    torch.testing.assert_close(unflatten(flatten(state, 1), state), state, rtol=0, atol=0)


def test_the_gradient_of_a_complex_part_flattens_like_the_part():
    flat = torch.randn(2, 6, dtype=torch.float64, requires_grad=True)
    like = HState(torch.zeros(2, 3, dtype=torch.complex128))
    z = unflatten(flat.detach(), like).h.requires_grad_()

    def loss(z):
        return (z.abs() ** 3 + z.real * z.imag**2).sum()

    loss(unflatten(flat, like).h).backward()
    loss(z).backward()
    torch.testing.assert_close(flatten(HState(z.grad)), flat.grad)
