"""The parameters of a cell, as its paper's equations address them."""

import numpy as np

from rnnbench.network.cells import Cell


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


class Blocks:
    """A cell's parameters as NumPy arrays by gate: ``W[gate] @ x + b[gate]`` and ``R[gate] @ h + c[gate]``.

    Any other parameter is ``p["its name"]``.
    """

    def __init__(self, cell: Cell) -> None:
        self.cell = cell
        self.parameters = {name: parameter.detach().numpy() for name, parameter in cell.named_parameters()}
        self.W, self.b = self._split(cell, "input_projection", cell.input_blocks)
        recurrent = dict.fromkeys(cell.recurrent_gates, cell.hidden_size)
        self.R, self.c = self._split(cell, "recurrent_projection", recurrent)

    @staticmethod
    def _split(cell, projection, blocks):
        if not blocks:
            return {}, {}
        linear = getattr(cell, projection)
        weight = linear.weight.detach().numpy()
        bias = np.zeros(len(weight)) if linear.bias is None else linear.bias.detach().numpy()
        ends = np.cumsum(list(blocks.values()))[:-1]
        return tuple(dict(zip(blocks, np.split(part, ends), strict=True)) for part in (weight, bias))

    def __getitem__(self, name):
        return self.parameters[name]

    def input(self, gate, x):
        return self.W[gate] @ x + self.b[gate]

    def recurrent(self, gate, h):
        return self.R[gate] @ h + self.c[gate]

    def __call__(self, gate, x, h):
        return self.input(gate, x) + self.recurrent(gate, h)
