"""Residual blocks, short convolutions, embeddings: against plain torch, and the laws of every layer."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from own_cells import OWN_CELLS
from rnnbench.builders.network import build_model, hidden_size, meta_model
from rnnbench.errors import UserError
from rnnbench.gradients import Measurement
from rnnbench.gradients.parameters import GROUPS, parameter_group
from rnnbench.gradients.recorder import Recorder
from rnnbench.network import costs
from rnnbench.network.block import Block, Convolved, GatedMLP, make_mixer
from rnnbench.network.cells import CELLS
from rnnbench.network.layers import Recurrent, Stack
from rnnbench.network.model import Embedding, Model, last_loss
from rnnbench.network.states import flatten, leaves, map_state
from rnnbench.tasks import Batch

pytestmark = pytest.mark.usefixtures("double")
SIZE, LENGTHS = 6, torch.tensor([9, 4, 7])
CELL = {name: CELLS[name] for name in ("elman", "gru", "lstm", "lru", "qrnn")} | {"matrix": OWN_CELLS["matrix"]}


def block(cell="gru", directions=1, convolution=3, expansion=1.5, norm="layer", engine="auto", hidden=5):
    """With random weights, those of the norms too."""
    make = CELL[cell]
    ways = [Recurrent(make(SIZE, hidden), engine, reverse) for reverse in (False, True)[:directions]]
    made = Block(make_mixer(ways, convolution), SIZE, norm, expansion)
    for parameter in made.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    return made.eval()


def inputs(steps=9, batch=3):
    return torch.randn(steps, batch, SIZE)


@pytest.mark.parametrize("norm", ["layer", "rms"])
@pytest.mark.parametrize("expansion", [0.0, 2.0])
def test_a_block_is_what_plain_torch_makes_of_its_parts(norm, expansion):
    made, x = block("lstm", convolution=4, expansion=expansion, norm=norm), inputs()
    plain = {"layer": nn.LayerNorm, "rms": nn.RMSNorm}[norm](SIZE, eps=1e-5)
    plain.load_state_dict(made.norm.state_dict())
    convolution = nn.Conv1d(SIZE, SIZE, 4, groups=SIZE, padding=3)
    convolution.weight.data, convolution.bias.data = made.mixer.filter.data, made.mixer.bias.data
    twin = nn.LSTM(SIZE, 5)
    cell = made.mixer.recurrent.cell
    for ours, theirs in zip(cell.parameters(), (twin.weight_ih_l0, twin.bias_ih_l0, twin.weight_hh_l0, twin.bias_hh_l0),
                            strict=True):  # fmt: skip
        theirs.data = ours.data
    seen = functional.silu(convolution(plain(x).permute(1, 2, 0))[..., :9]).permute(2, 0, 1)
    expected = x + twin(seen)[0] @ made.output_projection.weight.T
    if expansion:
        second = {"layer": nn.LayerNorm, "rms": nn.RMSNorm}[norm](SIZE, eps=1e-5)
        second.load_state_dict(made.mlp_norm.state_dict())
        n = second(expected)
        gate, up, down = (layer.weight.T for layer in (made.mlp.gate, made.mlp.up, made.mlp.down))
        expected = expected + (functional.silu(n @ gate) * (n @ up)) @ down
    torch.testing.assert_close(made(x)[0], expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("cell", CELL)
@pytest.mark.parametrize("directions", [1, 2])
def test_a_padded_sequence_is_itself_alone(cell, directions):
    stack, x = Stack([block(cell, directions), block(cell, directions)]), inputs()
    x[4:, 1] = 1e3  # padding may be anything
    outputs, final = stack(x, LENGTHS)
    summary = stack.summary(outputs, LENGTHS)
    for b, length in enumerate(LENGTHS.tolist()):
        alone, end = stack(x[:length, b : b + 1])
        torch.testing.assert_close(outputs[:length, b], alone[:, 0], rtol=1e-9, atol=1e-11)
        assert not outputs[length:, b].any()
        torch.testing.assert_close(summary[b], stack.summary(alone, None)[0], rtol=1e-9, atol=1e-11)
        for mine, theirs in zip(leaves(final), leaves(end), strict=True):
            torch.testing.assert_close(mine[b], theirs[0], rtol=1e-9, atol=1e-11)
    assert summary.shape == (3, stack.summary_size)


def mirror(values, lengths):
    """Each sequence's own steps in reverse, its padding where it was."""
    image = values.clone()
    for b, length in enumerate([len(values)] * values.shape[1] if lengths is None else lengths.tolist()):
        image[:length, b] = values[:length, b].flip(0)
    return image


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("convolution", [0, 4])
def test_law_10_the_mirror_image_of_the_directions_is_that_of_the_outputs(convolution, lengths):
    made, x = block("lstm", 2, convolution), inputs()
    ahead, back = made.directions()
    mirrored = block("lstm", 2, convolution)
    mirrored.load_state_dict(made.state_dict())
    pairs = zip(mirrored.directions(), (back, ahead), strict=True)
    for mine, theirs in pairs:
        mine.cell.load_state_dict(theirs.cell.state_dict())
    if convolution:
        mixer, source = mirrored.mixer, made.mixer
        for mine, theirs in ((mixer.forward_direction, source.backward_direction),
                             (mixer.backward_direction, source.forward_direction)):  # fmt: skip
            mine.filter.data, mine.bias.data = theirs.filter.data, theirs.bias.data
    weight = made.output_projection.weight.data
    mirrored.output_projection.weight.data = torch.cat(weight.split(5, dim=1)[::-1], dim=1)
    reversed_x = mirror(x, lengths)
    outputs, _ = made(x, lengths)
    image, _ = mirrored(reversed_x, lengths)
    torch.testing.assert_close(mirror(image, lengths), outputs, rtol=1e-10, atol=1e-12)
    swapped = torch.cat(made.summary(outputs, lengths).split(SIZE, dim=1)[::-1], dim=1)
    torch.testing.assert_close(mirrored.summary(image, lengths), swapped, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("cell", ["gru", "lru", "matrix"])
def test_law_12_a_block_sees_the_past_and_nothing_of_the_future(cell):
    made, x = block(cell), inputs(6, 1)
    jacobian = torch.autograd.functional.jacobian(lambda x: made(x)[0], x).movedim(3, 1).flatten(2).norm(dim=-1)
    seen = jacobian.view(6, 6, -1).norm(dim=-1) if jacobian.dim() > 2 else jacobian
    assert not seen.triu(1).any()
    assert (seen.tril() > 0).tril().sum() == 21


@pytest.mark.parametrize("cell", CELL)
def test_in_pieces_it_is_what_it_is_at_once(cell):
    """With the state carried on; also where sequences end in the first piece."""
    stack, x = Stack([block(cell), block(cell, convolution=5)]), inputs()
    outputs, final = stack(x)
    first, state = stack(x[:2])  # shorter than the convolution is wide
    second, end = stack(x[2:], state=state)
    torch.testing.assert_close(torch.cat([first, second]), outputs, rtol=1e-10, atol=1e-12)
    for mine, theirs in zip(leaves(end), leaves(final), strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-10, atol=1e-12)
    _, end = stack(x, LENGTHS)
    more, _ = stack(x[:3], state=end)
    alone, _ = stack(torch.cat([x[:4, 1:2], x[:3, 1:2]]))
    torch.testing.assert_close(more[:, 1], alone[4:, 0], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("cell", "engine"), [("lstm", "fused"), ("gru", "fused"), ("lru", "associative")])
def test_engines_agree_inside_a_block(cell, engine):
    made, x = block(cell, 2, engine=engine), inputs()
    other = block(cell, 2, engine="loop")
    other.load_state_dict(made.state_dict())
    found = [torch.autograd.grad(each(x, LENGTHS)[0].square().sum(), list(each.parameters())) for each in (made, other)]
    for mine, theirs in zip(*found, strict=True):
        torch.testing.assert_close(mine, theirs, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("cell", ["lstm", "matrix"])
def test_law_9_the_profile_inside_blocks_is_the_change_that_a_state_makes(cell):
    """dL/ds_t of the second layer's forward direction, against a change of s_t by hand."""
    model = Model(Stack([block(cell, 2), block(cell, 2)]), SIZE, 1, tokens=False, every_step=False)
    batch = Batch(inputs(5), torch.randn(3, 1), lengths=torch.tensor([5, 3, 4]))
    gradients = Measurement(model, batch, "mse").gradients
    zeros = [
        tuple(map_state(lambda p: p.new_zeros(5, *p.shape), way.cell.initial_state(3)) for way in layer)
        for layer in model.stack.layer_directions()
    ]

    def loss():
        prediction = model(batch.inputs, batch.lengths, perturbation=zeros).prediction
        return (prediction - batch.targets).square().mean(dim=-1).sum().item()

    moved = zeros[1][0]
    for part, gradient in zip(moved, gradients[1][0], strict=True):
        direction, losses = torch.randn_like(part[1]), []
        for change in (1e-6, -2e-6):
            part[1] += change * direction
            losses.append(loss())
        part[1] += 1e-6 * direction
        expected = (losses[0] - losses[1]) / 2e-6
        assert (gradient[1].conj() * direction).real.sum().item() == pytest.approx(expected, rel=1e-5, abs=1e-8)


class Retaining(Recorder):
    """A cell whose states keep their gradients, each part with the others held fixed."""

    def __init__(self, cell):
        super().__init__(cell, steps=9, sequences=3)
        self.after = []

    def step(self, state, drive):
        after = map_state(torch.clone, self.cell.step(state, drive))
        for part in after:
            part.retain_grad()
        self.after.append(after)
        return after


@pytest.mark.parametrize("lengths", [None, LENGTHS], ids=["whole", "lengths"])
@pytest.mark.parametrize("cell", CELL)
def test_a_perturbation_has_the_gradient_that_a_state_retains(cell, lengths):
    model = Model(Stack([block(cell, 2, engine="loop") for _ in range(2)]), SIZE, 1, tokens=False, every_step=False)
    batch = Batch(inputs(), torch.randn(3, 1), lengths=lengths)
    gradients = Measurement(model, batch, "mse").gradients
    for layer in model.stack.layer_directions():
        for way in layer:
            way.cell = Retaining(way.cell)
    last_loss(model, batch, "mse").sum().backward()
    for layer, found in zip(model.stack.layer_directions(), gradients, strict=True):
        for way, state in zip(layer, found, strict=True):
            for mine, *nodes in zip(state, *way.cell.after, strict=True):
                kept = torch.stack([torch.zeros_like(node) if node.grad is None else node.grad for node in nodes])
                torch.testing.assert_close(way.running_order(mine, lengths), kept, rtol=1e-9, atol=1e-11)
            assert any(part[1].any() for part in state)


def test_a_measurement_of_blocks_sees_what_the_cells_see():
    model = Model(Stack([block("lstm", 2), block("lstm", 2)]), SIZE, 1, tokens=False, every_step=False)
    batch = Batch(inputs(5), torch.randn(3, 1), lengths=torch.tensor([5, 3, 4]))
    path = Measurement(model, batch, "mse").paths[1][1]
    state = path.at(0)
    for t in range(5):
        after = path.cell.step(state, path.drives[t])
        for b in range(3):
            if t < path.lengths[b]:
                torch.testing.assert_close(flatten(path.at(t + 1), 1)[b], flatten(after, 1)[b])
        state = path.at(t + 1)


class TestEmbedding:
    def model(self, *, tied=False, width=SIZE):
        stack = Stack([block(convolution=0), block()])
        return Model(stack, 4, 4, tokens=True, every_step=True, embedding=Embedding(4, width), tied_head=tied)

    def test_it_is_a_look_up(self):
        model, tokens = self.model(), torch.randint(4, (7, 2))
        expected = model.head(model.stack(model.embedding.weight[tokens])[0])
        torch.testing.assert_close(model(tokens).prediction, expected)

    def test_a_tied_head_is_the_same_parameter_and_gets_both_gradients(self):
        model, tokens = self.model(tied=True), torch.randint(4, (7, 2))
        assert model.head.weight is model.embedding.weight
        names = dict(model.named_parameters())
        assert costs.parameters(model) == sum(p.numel() for p in names.values())
        assert "head.weight" not in names
        model(tokens).prediction.square().sum().backward()
        together = model.embedding.weight.grad
        first = self.model()
        first.load_state_dict(model.state_dict())
        first(tokens).prediction.square().sum().backward()
        torch.testing.assert_close(first.embedding.weight.grad + first.head.weight.grad, together)

    def test_a_head_that_does_not_fit_is_a_line(self):
        with pytest.raises(UserError, match=r"network.tied_head=true: the head is \[4, 6\] and the embedding \[4, 3\]"):
            Model(Stack([block()]), 4, 4, tokens=True, every_step=True, embedding=Embedding(4, 3), tied_head=True)

    def test_generation_one_by_one_is_the_whole(self):
        model = self.model(tied=True)
        tokens = model.generate(torch.tensor([1, 2, 0]), 6, 1e-6, torch.Generator().manual_seed(0))
        logits = model(tokens[:, None]).prediction[:, 0]
        assert tokens[3:].tolist() == logits[2:-1].argmax(dim=-1).tolist()


def test_flops_parameters_and_state_count_all_that_is_there():
    made = Model(Stack([block("gru", convolution=3, expansion=2.0)]), SIZE, 2, tokens=False, every_step=True,
                 embedding=nn.Linear(SIZE, SIZE), norm=nn.LayerNorm(SIZE))  # fmt: skip
    cell = 3 * 5 * SIZE + 3 * 5 * 5
    dense = SIZE * SIZE + 3 * SIZE + 5 * SIZE + 3 * 12 * SIZE + 2 * SIZE  # embedding, filter, projection, MLP, head
    assert costs.flops(made) == 2 * (cell + dense)
    assert costs.state(made) == 5 + 2 * SIZE  # h, and the last two inputs
    assert costs.parameters(made) == cell + 2 * 15 + dense + 2 * SIZE + 6 * SIZE + 2  # biases: all but norms, head


def test_every_parameter_has_a_group():
    model = Model(Stack([block("lstm", 2)]), SIZE, 2, tokens=False, every_step=True,
                  embedding=nn.Linear(SIZE, SIZE), norm=nn.LayerNorm(SIZE))  # fmt: skip
    groups = {name: parameter_group(name) for name, _ in model.named_parameters()}
    assert set(groups.values()) == set(GROUPS)
    for name, group in groups.items():
        if "recurrent_projection.weight" in name:
            assert group == "recurrent"
        elif "mlp" in name or "filter" in name or name == "embedding.weight":
            assert group == ("bias" if name.endswith("bias") else "input")


@pytest.mark.parametrize("norm", ["layer", "rms"])
@pytest.mark.parametrize("task", ["adding", "char_lm", "latch"])
def test_a_network_of_blocks_is_what_plain_torch_makes_of_its_parts(configure, norm, task):
    """Whole: the width of the stream comes in, a norm and the head go out, at every step or of the last."""
    config = configure(f"task={task}", "network.block=residual", f"network.norm={norm}", "network.depth=2")
    model, task = build_model(config).eval(), config.task
    for parameter in model.parameters():
        parameter.data += 0.2 * torch.randn_like(parameter)
    x = torch.randint(task.input_size, (7, 2)) if task.tokens else torch.randn(7, 2, task.input_size)
    stream = functional.embedding(x, model.embedding.weight) if task.tokens else functional.linear(
        x, model.embedding.weight, model.embedding.bias
    )  # fmt: skip
    for layer in model.stack.layers:
        stream = stream + layer.output_projection(layer.mixer(layer.norm(stream))[0])
    weights = list(model.norm.parameters())
    expected = functional.layer_norm(stream, (8,), *weights) if norm == "layer" else (
        stream / (stream.square().mean(dim=-1, keepdim=True) + 1e-5).sqrt() * weights[0]
    )  # fmt: skip
    expected = model.head(expected if task.every_step else expected[-1])
    torch.testing.assert_close(model(x).prediction, expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("task", ["latch", "copy task.variant=tcn"])
@pytest.mark.parametrize("norm", ["layer", "rms"])
def test_a_cell_in_a_block_sees_how_large_a_real_input_is(configure, task, norm):
    """A norm of x W alone would leave the sign of a single number x."""
    config = configure(*f"task={task}".split(), "network.block=residual", f"network.norm={norm}")
    model, seen = build_model(config), []
    model.stack.layers[0].mixer.register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    x = 0.5 + torch.rand(6, 2, 1)
    model(x), model(3 * x)
    assert ((seen[0] - seen[1]).norm(dim=-1) > 0.1).all()


@pytest.mark.parametrize("norm", ["layer", "rms"])
def test_a_copy_in_another_precision_is_the_same_network(norm):
    """Where a vector is zero too, at which the gradient is 1 / sqrt(epsilon)."""
    made = block("elman", 2, norm=norm)
    zero, gradients = torch.zeros(4, 2, SIZE, requires_grad=True), []
    for dtype in (torch.float64, torch.float32):
        outputs = made.to(dtype)(zero.to(dtype))[0]
        gradients += torch.autograd.grad(outputs.double().sin().sum(), zero)
    torch.testing.assert_close(*gradients, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize("norm", ["layer", "rms"])
def test_under_autocast_a_block_is_near_itself(norm):
    """Without a warning, which would be an error here."""
    made = block("gru", 2, norm=norm).float()
    x = inputs().float()
    expected, _ = made(x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        outputs, state = made(x.bfloat16())  # as the product with an embedding is
        made(x.bfloat16(), state=state)
    assert (outputs - expected).norm() < 0.05 * expected.norm()


def test_a_convolution_of_one_step_is_none():
    with pytest.raises(UserError, match="network.convolution"):
        Convolved(Recurrent(CELLS["gru"](3, 5)), 1)
    assert GatedMLP(3, 0.01).up.weight.shape == (1, 3)


class TestConfiguration:
    def test_what_does_nothing_is_refused_or_neutral(self, configure):
        plain, text = configure(), "task=char_lm"
        assert configure("network.norm=rms").run_id == plain.run_id
        assert configure("network.block=residual").run_id != plain.run_id
        for override, message in (
            ("network.mlp=2", "network.mlp=2.0: .* use network.block=residual"),
            ("network.convolution=4", "network.convolution=4: .* use network.block=residual"),
            ("network.embedding=4", "network.embedding=4: the inputs of task=adding are real numbers"),
            ("network.tied_head=true", "network.tied_head=true: task=adding does not predict"),
            ("network.convolution=1", "network.convolution=1: one step is no convolution"),
            (f"{text} network.tied_head=true", "network.tied_head=true: there is no embedding to share"),
            (
                f"{text} network.tied_head=true network.embedding=9 network.budget=state:9",
                "network.tied_head=true: network.embedding=9 fits one width alone, and network.budget=state:9 chooses",
            ),
        ):
            with pytest.raises(UserError, match=message):
                configure(*override.split())
        with pytest.raises(UserError, match="network.embedding=3: a block's stream has the width"):
            configure("network.block=residual", "task=char_lm", "network.embedding=3")

    @pytest.mark.parametrize("kind", costs.COSTS)
    @pytest.mark.parametrize("directions", ["network.bidirectional=true", "task=char_lm network.tied_head=true"])
    def test_every_kind_of_budget_and_shapes_alone(self, configure, kind, directions):
        amount = 300 if kind == "state" else 9000
        given = f"cell=gru network.block=residual network.convolution=3 network.mlp=1.5 network.budget={kind}:{amount}"
        config = configure(*given.split(), *directions.split())
        model = build_model(config)
        assert costs.COSTS[kind](model) == pytest.approx(amount, rel=0.05)
        shapes = meta_model(config, hidden_size(config))
        assert all(cost(shapes) == cost(model) for cost in costs.COSTS.values())

    def test_a_budget_is_met_with_blocks(self, configure):
        config = configure("network.block=residual", "network.mlp=2", "network.budget=parameters:9000",
                           "network.convolution=4")  # fmt: skip
        assert costs.parameters(build_model(config)) == pytest.approx(9000, rel=0.05)
