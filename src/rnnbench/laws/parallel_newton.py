"""Whether a network's states can be found all at once depends on its largest Lyapunov exponent.

Gonzalez et al. 2025 (arXiv:2508.16817), theorem 2 and the figure on mean-field RNNs, of the Newton iteration of Lim et
al. 2024 (DEER, arXiv:2309.12252): it ends with the states of the step-by-step loop, after T iterations at the latest;
where the exponent is negative their number does not grow with T beyond its logarithm, where it is positive it grows
like T.

Measured by ``gradients.newton_solution`` and ``gradients.lyapunov_spectrum`` in float64, on one sequence of white noise
of standard deviation .1, through 64 tanh units with W ~ N(0, gain^2 / 64) and no biases: gain .8 is called stable, gain
3 chaotic (a mean-field network turns chaotic at gain 1). Numbers, of each network:

    NETWORK exponent       the largest Lyapunov exponent over 200 steps less the first 40, per step: negative where
                           stable, positive where chaotic
    NETWORK iterations T   until half the mean squared residual is at most 1e-10, at T = 50 and 200; stable 800 too
    NETWORK growth         ln(iterations at 200 / iterations at 50) / ln 4: 0 where flat in T, 1 where they grow like T
    NETWORK difference     the largest abs(state of the iteration - state of the loop) over units and the 200 steps: of
                           the order of the residual, 1e-5, where stable; where chaotic up to 2, because the steps after
                           the last iteration amplify that residual: it stops, and is elsewhere
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import nn

from rnnbench.gradients import lyapunov_spectrum, newton_solution
from rnnbench.laws.parts import drawing, driven, generator, silence_biases, white
from rnnbench.network.cells import Cell, Elman

UNITS = 64
GAINS = {"stable": 0.8, "chaotic": 3.0}
SHORT, LONG, LONGEST = 50, 200, 800
WARM_UP = 40
DRIVE = 0.1


def measure(seed: int) -> dict[str, float]:
    """Return the exponents, the iterations, their growth and where they end."""
    found = {}
    for name, gain in GAINS.items():
        cell = _cell(seed, gain)
        inputs = DRIVE * white(generator(seed), LONGEST, 1, 1)
        iterations = {}
        for steps in (SHORT, LONG, LONGEST) if name == "stable" else (SHORT, LONG):
            measurement = driven(cell, inputs[:steps])
            solution = newton_solution(measurement)[0][0]
            iterations[steps] = float(solution.iterations[0])
            found[f"{name} iterations {steps}"] = iterations[steps]
            if steps == LONG:
                found[f"{name} exponent"] = float(lyapunov_spectrum(measurement, count=1, warmup=WARM_UP)[0][0][0])
                states = measurement.paths[0][0].states.h[1:].numpy()
                found[f"{name} difference"] = float(np.abs(solution.states - states).max())
        found[f"{name} growth"] = math.log(iterations[LONG] / iterations[SHORT]) / math.log(LONG / SHORT)
    return found


@torch.no_grad()
def _cell(seed: int, gain: float) -> Cell[Any]:
    with drawing(seed):
        cell = Elman(1, UNITS).double()
        nn.init.normal_(cell.recurrent_projection.weight, std=gain * UNITS**-0.5)
        nn.init.normal_(cell.input_projection.weight)
    silence_biases(cell)
    return cell
