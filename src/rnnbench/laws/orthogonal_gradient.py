"""Whether an orthogonal recurrent matrix keeps the gradient over 220 steps, and a Glorot one does not.

Vorontsov, Trabelsi, Kadoury & Pal 2017 (arXiv:1702.00071), figure 3: the norm of the gradient of the loss at the last
step by h_t, on the copy task with T = 200, so of 220 steps, here at initialisation alone. Theory: where f' = 1 the
gradient is multiplied by W^T each step, so an orthogonal W keeps its norm exactly. Each f' < 1 of tanh takes from it,
whatever W is. Glorot's W has independent entries of variance 1/H, hence a spectral radius of about 1, give or take .1
as W is drawn. W is not normal, so the gradient falls over the first steps; then it decays where the radius is below 1,
and goes up or down where it is above, because the state grows until tanh saturates.

Measured by ``gradients.gradient_profile``, in float64, as the mean over 8 test sequences of ||dL/dh_t||, for 128 units,
Glorot-normal input weights and no biases. Networks:

    orthogonal linear             the cell ``orthogonal`` with nonlinearity=linear
    orthogonal near linear        the cell ``elman``, W orthogonal, inputs 1 % as strong
    glorot near linear            the same with W Glorot-normal
    orthogonal tanh, glorot tanh  the same two with inputs at full strength

Numbers, in powers of ten, of each network, g(k) the norm k steps before the loss:

    NETWORK change        log10 g(219) / g(0): the gradient at the first step against that at the last one
    NETWORK range         the largest log10 g less the smallest, over all steps: 0 where the gradient is flat

Both are 0 for ``orthogonal linear`` to rounding, and near it for ``orthogonal near linear``; the range of ``glorot near
linear`` is not. With inputs at full strength theory ranks neither matrix first.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from rnnbench.gradients import Measurement, gradient_profile
from rnnbench.laws.parts import drawing
from rnnbench.network.cells import Cell, Elman, Orthogonal
from rnnbench.network.initialization import initialize
from rnnbench.network.layers import Recurrent, Stack
from rnnbench.network.model import Model
from rnnbench.tasks import Batch, Copy

BLANKS = 200
UNITS = 128
SEQUENCES = 8
NEAR_LINEAR = 0.01


def measure(seed: int) -> dict[str, float]:
    """Return the change and the range of the gradient in the five networks."""
    task = Copy(
        name="copy", length=BLANKS, batch_size=SEQUENCES, test_lengths=[], validation_sequences=1, test_sequences=1,
        variant="standard",
    )  # fmt: skip
    batch = task.batch("test", seed, 0)
    tensors = Batch(torch.from_numpy(batch.inputs), torch.from_numpy(batch.targets))
    found = {}
    for name, recurrent, scale in (
        ("orthogonal linear", "orthogonal", 1.0),
        ("orthogonal near linear", "orthogonal", NEAR_LINEAR),
        ("glorot near linear", "glorot_normal", NEAR_LINEAR),
        ("orthogonal tanh", "orthogonal", 1.0),
        ("glorot tanh", "glorot_normal", 1.0),
    ):
        with drawing(seed):
            cell: Cell[Any] = (
                Orthogonal(task.input_size, UNITS, nonlinearity="linear")
                if name == "orthogonal linear"
                else Elman(task.input_size, UNITS)
            )
            cell.double()
            initialize(cell, input="glorot_normal", recurrent=recurrent, bias="zero", input_scale=scale)
            layers = Stack([Recurrent(cell)])
            model = Model(layers, task.input_size, task.output_size, tokens=True, every_step=True).double()
        profile = gradient_profile(Measurement(model, tensors, "cross_entropy"))["state"][0, 0]
        powers = np.log10(profile)
        found[f"{name} change"] = float(powers[-1] - powers[0])
        found[f"{name} range"] = float(powers.max() - powers.min())
    return found
