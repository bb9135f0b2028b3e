"""Layers against torch.nn with exchanged weights: depth, directions, lengths; and perturbations through all of them."""

import copy

import pytest
import torch
from torch import nn
from torch.nn.utils.parametrize import register_parametrization
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from catalogue import CELL_ROWS, TWINS
from own_cells import OWN_CELLS
from rnnbench.gradients import Measurement, gradient_profile, lyapunov_spectrum, omega, saliency
from rnnbench.network.cells import CELLS
from rnnbench.network.engines import ENGINES
from rnnbench.network.layers import Bidirectional, Recurrent, Stack
from rnnbench.network.model import Model
from rnnbench.network.states import flatten, map_state
from rnnbench.tasks import Batch

pytestmark = pytest.mark.usefixtures("double")

LENGTHS = torch.tensor([9, 4, 1, 7, 4])


def make_stack(row, depth, directions, engine="loop", dropout=0.0, inputs=3):
    layers = []
    for _ in range(depth):
        size = layers[-1].output_size if layers else inputs
        ways = [
            Recurrent(CELLS[row.name](size, 5, **row.options), engine, reverse=bool(way)) for way in range(directions)
        ]
        layers.append(ways[0] if directions == 1 else Bidirectional(*ways))
    return Stack(layers, dropout)


def make_twin(row, stack, depth, directions):
    """The torch.nn module with the same parameters."""
    twin = row.twin(3, 5, num_layers=depth, bidirectional=directions == 2, **row.options)
    for index, layer in enumerate(stack.layer_directions()):
        for way, direction in enumerate(layer):
            suffix = f"_l{index}" + ("_reverse" if way else "")
            for kind, projection in (
                ("ih", direction.cell.input_projection),
                ("hh", direction.cell.recurrent_projection),
            ):
                for name, value in (("weight", projection.weight), ("bias", projection.bias)):
                    rows = value.detach().clone().chunk(len(direction.cell.gates))
                    for gate, block in zip(direction.cell.gates, rows, strict=True):
                        if gate in row.negated:
                            block.neg_()
                    getattr(twin, f"{name}_{kind}{suffix}").data = torch.cat(rows)
    return twin


@pytest.mark.parametrize("engine", ["loop", "fused"])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("depth", [1, 3])
@pytest.mark.parametrize("row", TWINS.values(), ids=TWINS)
class TestAgainstTorch:
    def test_whole_sequences(self, row, depth, directions, engine):
        stack = make_stack(row, depth, directions, engine)
        inputs = torch.randn(9, 5, 3)
        outputs, final = stack(inputs)
        expected, last = make_twin(row, stack, depth, directions)(inputs)
        torch.testing.assert_close(outputs, expected, rtol=1e-10, atol=1e-12)
        self.check_final(stack, outputs, None, final, last)

    def test_lengths_against_packed_sequences(self, row, depth, directions, engine):
        stack = make_stack(row, depth, directions, engine)
        inputs = torch.randn(11, 5, 3)  # two steps of padding after the longest
        outputs, final = stack(inputs, LENGTHS)
        packed = pack_padded_sequence(inputs, LENGTHS, enforce_sorted=False)
        expected, last = make_twin(row, stack, depth, directions)(packed)
        padded, _ = pad_packed_sequence(expected, total_length=11)
        torch.testing.assert_close(outputs, padded, rtol=1e-10, atol=1e-12)
        self.check_final(stack, outputs, LENGTHS, final, last)

    @staticmethod
    def check_final(stack, outputs, lengths, final, last):
        """torch.nn stacks the final states of all layers and directions; ours are nested."""
        states = [
            way
            for layer in final
            for way in (layer if isinstance(layer, tuple) and not hasattr(layer, "h") else [layer])
        ]
        expected = last if isinstance(last, tuple) else (last,)
        for name, values in zip(states[0]._fields, expected, strict=True):
            torch.testing.assert_close(torch.stack([getattr(s, name) for s in states]), values, rtol=1e-10, atol=1e-12)
        top = [state.h for state in states[-len(stack.layer_directions()[-1]) :]]
        torch.testing.assert_close(stack.summary(outputs, lengths), torch.cat(top, dim=-1), rtol=0, atol=0)


@pytest.mark.parametrize("row", CELL_ROWS.values(), ids=CELL_ROWS)
def test_carrying_the_state_on_is_reading_on(row):
    stack = make_stack(row, 2, 1, "auto", inputs=5)  # most have two layers of one shape, which are compiled once
    inputs = torch.randn(12, 5, 5)
    whole, end = stack(inputs)
    first, state = stack(inputs[:5])
    second, final = stack(inputs[5:], state=state)
    torch.testing.assert_close(torch.cat([first, second]), whole)
    torch.testing.assert_close(flatten(final[-1], 1), flatten(end[-1], 1))
    _, ends = stack(inputs, LENGTHS)
    for b, length in enumerate(LENGTHS):
        _, alone = stack(inputs[:length, b : b + 1])
        torch.testing.assert_close(flatten(ends[0], 1)[b], flatten(alone[0], 1)[0])


@pytest.mark.parametrize("row", CELL_ROWS.values(), ids=CELL_ROWS)
def test_without_the_states_at_the_ends_outputs_and_gradients_are_the_same(row):
    stack, inputs = make_stack(row, 2, 2), torch.randn(11, 5, 3)
    found = []
    for final in (True, False):
        leaves = [inputs.clone().requires_grad_(), *stack.parameters()]
        outputs, _ = stack(leaves[0], LENGTHS, final=final)
        found.append((outputs, *torch.autograd.grad(outputs.square().sum(), leaves, materialize_grads=True)))
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-9, atol=1e-11)
    assert not found[1][0][LENGTHS[0] :, 0].any()


def zeros_like_states(cell, steps, batch):
    """A perturbation of every state that changes nothing, to differentiate by."""
    return map_state(lambda part: part.new_zeros(steps, *part.shape).requires_grad_(), cell.initial_state(batch))


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("make", OWN_CELLS.values(), ids=OWN_CELLS)
def test_lengths_of_states_of_any_shape(make, reverse):
    """With as many sequences as keys and values, so that no axis can be taken for another unseen."""
    layer, inputs, lengths = Recurrent(make(3, 4), reverse=reverse), torch.randn(6, 4, 3), [3, 5, 1, 5]
    zeros, weights = zeros_like_states(layer.cell, 6, 4), torch.randn(6, 4, 4)
    outputs, final = layer(inputs, torch.tensor(lengths), perturbation=zeros)
    gradients = torch.autograd.grad((outputs * weights).sum(), list(zeros), materialize_grads=True)
    for b, length in enumerate(lengths):
        zeros = zeros_like_states(layer.cell, length, 1)
        alone, end = layer(inputs[:length, b : b + 1], perturbation=zeros)
        torch.testing.assert_close(outputs[:length, b : b + 1], alone)
        assert not outputs[length:, b].any()
        torch.testing.assert_close(map_state(lambda part, b=b: part[b : b + 1], final), end)
        expected = torch.autograd.grad((alone * weights[:length, b : b + 1]).sum(), list(zeros), materialize_grads=True)
        for mine, theirs in zip(gradients, expected, strict=True):
            torch.testing.assert_close(mine[:length, b : b + 1], theirs)
            assert not mine[length:, b].any()


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("row", CELL_ROWS.values(), ids=CELL_ROWS)
def test_a_perturbation_is_indexed_like_the_inputs(row, lengths):
    """Its gradient is that of the layer's own output at the same step, in both directions and every layer."""
    stack = make_stack(row, 2, 2)
    inputs = torch.randn(9, 5, 3)
    zeros = [tuple(zeros_like_states(way.cell, 9, 5) for way in layer) for layer in stack.layer_directions()]
    plain, _ = stack(inputs, lengths)
    outputs, _ = stack(inputs, lengths, perturbation=zeros)
    torch.testing.assert_close(outputs, plain, rtol=1e-10, atol=1e-12)

    # An output depends on its own perturbation one to one where no other path leads from it: the last step of the
    # forward direction, the first step of the backward direction, in the top layer.
    weights = torch.randn(9, 5, stack.output_size)
    hidden = [way[0] for layer in zeros for way in layer]
    gradients = torch.autograd.grad((outputs * weights).sum(), hidden)
    last = torch.full((5,), 9) if lengths is None else lengths
    rows = torch.arange(5)
    if row.readout is None:
        torch.testing.assert_close(gradients[2][last - 1, rows], weights[last - 1, rows, :5])
        torch.testing.assert_close(gradients[3][0], weights[0, :, 5:])
    assert all(gradient.abs().sum() > 0 for gradient in gradients)


class Counted(nn.Module):
    """The parametrisation W = 2 V, which counts how often it is computed, by its copies too."""

    calls = 0

    def forward(self, weight):
        Counted.calls += 1
        return 2 * weight

    def right_inverse(self, weight):
        return weight / 2


def counted(reverse=False):
    """A layer whose recurrent weight is ``Counted``, and the same layer with a plain weight."""
    layer = Recurrent(CELLS["mgu"](3, 5), reverse=reverse)
    plain = copy.deepcopy(layer)
    register_parametrization(layer.cell.recurrent_projection, "weight", Counted())
    Counted.calls = 0
    return layer, plain


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("reverse", [False, True])
def test_a_parametrised_weight_is_computed_once_a_pass(reverse, lengths):
    """Whatever the number of steps and of lengths, and with the gradients of the plain weight."""
    layer, plain = counted(reverse)
    inputs, weights = torch.randn(9, 5, 3, requires_grad=True), torch.randn(9, 5, 5)
    outputs, _ = layer(inputs, lengths)
    assert Counted.calls == 1
    expected, _ = plain(inputs, lengths)
    torch.testing.assert_close(outputs, expected)
    names = [layer.cell.recurrent_projection.parametrizations.weight.original, plain.cell.recurrent_projection.weight]
    ours = torch.autograd.grad((outputs * weights).sum(), [inputs, names[0]])
    theirs = torch.autograd.grad((expected * weights).sum(), [inputs, names[1]])
    torch.testing.assert_close(ours[0], theirs[0])
    torch.testing.assert_close(ours[1], 2 * theirs[1])
    with torch.no_grad():
        names[0].zero_()  # and again after it has changed
    assert not torch.equal(layer(inputs, lengths)[0], outputs)
    assert Counted.calls == 2


def test_nor_does_a_bare_engine_a_text_or_a_diagnostic_compute_it_at_every_step():
    layer, _ = counted()
    ENGINES["loop"](layer.cell, torch.randn(9, 2, 3), layer.cell.initial_state(2))
    assert Counted.calls == 1
    model = Model(Stack([layer]), 3, 3, tokens=True, every_step=True)
    tokens = torch.randint(3, (9, 2))
    for each in (
        lambda: model(tokens),
        lambda: model.generate(tokens[:, 0], 20, 1.0, torch.Generator().manual_seed(0)),
    ):
        Counted.calls = 0
        each()
        assert Counted.calls == 1
    batch = Batch(tokens, tokens)
    for diagnostic in (gradient_profile, lyapunov_spectrum, omega, saliency):
        Counted.calls = 0
        diagnostic(Measurement(model, batch, "cross_entropy"))
        assert Counted.calls == 1  # for the copy with plain weights


def test_dropout_acts_between_layers_and_only_in_training():
    row = CELL_ROWS["lstm"]
    inputs = torch.randn(9, 5, 3)
    single, double = make_stack(row, 1, 1, dropout=0.9), make_stack(row, 2, 1, dropout=0.9)
    torch.testing.assert_close(single(inputs)[0], single(inputs)[0], rtol=0, atol=0)
    assert not torch.equal(double(inputs)[0], double(inputs)[0])
    double.eval()
    torch.testing.assert_close(double(inputs)[0], double(inputs)[0], rtol=0, atol=0)
