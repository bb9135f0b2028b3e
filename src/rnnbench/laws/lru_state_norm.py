"""How much larger the LRU's state is than what enters it, at initialisation.

Orvieto et al. 2023 (arXiv:2303.06349), proposition 3 (3.3 in other versions), "forward-pass blow-up": with eigenvalues
uniform on the ring r_min < abs(lambda) < r_max and white-noise inputs u,

    E|h|^2 / E|B u|^2 -> ln((1 - r_min^2) / (1 - r_max^2)) / (r_max^2 - r_min^2)

and section 3.4: the normaliser gamma = sqrt(1 - abs(lambda)^2) brings that to 1.

Measured on 2048 units of the suite's cell as its constructor draws it, with 64 inputs from N(0, 1), in float64, as the
mean over 4 sequences of 400 steps, after 400 in which the largest ring forgets its zero state to e^-8. Numbers, without
a unit, each expected to be 1:

    ring A to B                 the measured ratio over the closed form, of the cell without its normaliser
    ring A to B normalised      the measured ratio itself, of the cell with it

Without the normaliser the draw of 2048 eigenvalues alone varies them by 1.1 % and 1.6 %: the standard deviation of
1 / (1 - abs(lambda)^2) is .5 (ring 0 to .9) and .7 (ring .9 to .99) of its mean.
"""

from __future__ import annotations

import math

import torch

from rnnbench.laws.parts import drawing, generator, white
from rnnbench.network.cells import LRU

RINGS = ((0.0, 0.9), (0.9, 0.99))
UNITS = 2048
INPUTS = 64
SEQUENCES = 4
WARM_UP = 400
STEPS = 400


def measure(seed: int) -> dict[str, float]:
    """Return the ratios of both rings, without and with the normaliser."""
    found = {}
    for r_min, r_max in RINGS:
        closed_form = math.log((1 - r_min**2) / (1 - r_max**2)) / (r_max**2 - r_min**2)
        found[f"ring {r_min} to {r_max}"] = _gain(seed, r_min, r_max, normalise=False) / closed_form
        found[f"ring {r_min} to {r_max} normalised"] = _gain(seed, r_min, r_max, normalise=True)
    return found


@torch.no_grad()
def _gain(seed: int, r_min: float, r_max: float, *, normalise: bool) -> float:
    """Return E|h|^2 / E|B u|^2."""
    with drawing(seed):
        cell = LRU(INPUTS, UNITS, r_min, r_max, normalise=normalise).double()
    random = generator(seed)
    state = cell.initial_state(SEQUENCES)
    entering = carried = 0.0
    for step in range(WARM_UP + STEPS):
        drive = cell.project(white(random, 1, SEQUENCES, INPUTS))[0]  # the real and imaginary parts of B u
        state = cell.step(state, drive)
        if step >= WARM_UP:
            entering += float(drive.square().sum())
            carried += float(torch.view_as_real(state.h).square().sum())
    return carried / entering
