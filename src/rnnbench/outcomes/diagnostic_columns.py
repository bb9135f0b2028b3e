"""The columns of the probe's diagnostics: of the headline, and of each layer and direction."""

from __future__ import annotations

import re
from dataclasses import replace

from rnnbench.outcomes.column import Column
from rnnbench.outcomes.layer_directions import DIRECTIONS, in_words

MOMENTS = {"initial": "before training", "final": "after training"}
HEADLINE = Column("headline", str, "the layer and direction whose gradient reaches furthest, with the largest horizon; "
                  "the other numbers of the gradient are its own")  # fmt: skip
DIAGNOSTICS = (
    Column("decay", str, "what the gradient norm does from lag 1 on: decays, flat (within a tenth), grows, or dead: "
           "exactly zero"),
    Column("slope", float, "of ln of the gradient norm against lag: the least-squares line over the lags from 1 on",
           "1/step", format=".3g"),
    Column("fit", float, "the share of the variance that this line explains, R^2", format=".2f"),
    Column("half_life", float, "after how many steps back the gradient norm has halved, by its slope; none where it "
           "does not decay or the line does not fit (R^2 below 0.9)", "steps", "higher", ".1f"),
    Column("horizon", int, "the largest lag with a gradient norm of at least 1 % of that at lag 1", "steps", "higher",
           ".0f"),
    Column("zero_from", int, "the lag from which on the gradient is exactly zero", "steps", format=".0f"),
    Column("vanishing_ratio", float, "the gradient norm at the largest lag over that at lag 0", "", "higher", ".2g"),
    Column("far_share", float, "the share of the parameters' gradient that comes from lags above T/2", "", "higher",
           ".2g"),
    Column("dead_share", float, "the share of sequences whose gradient is exactly zero from lag 1 on", "", "lower",
           ".2f"),
    Column("lyapunov_max", float, "the largest Lyapunov exponent", "1/step", format=".3f"),
    Column("omega", float, "how far the gradient is from keeping its norm on its way back: the squared relative change "
           "of each step, summed", "", "lower", ".3g"),
    Column("time_constant_median", float, "how long gates remember, the median over units", "steps", format=".1f"),
    Column("share_open", float, "the share of gate values above 0.9", format=".3f"),
    Column("share_closed", float, "the share of gate values below 0.1", format=".3f"),
    Column("newton_iterations", float, "how many Newton iterations find all states at once, the mean over sequences",
           "", "lower", ".1f"),
    Column("spectral_radius", float, "the largest absolute eigenvalue of a step's Jacobian, the mean over steps",
           format=".3f"),
    Column("share_negative", float, "the share of those eigenvalues with a negative real part", format=".3f"),
    Column("share_long", float, "the share of those eigenvalues above 0.99", format=".3f"),
    Column("effective_rank", float, "in how many directions the states vary", format=".1f"),
    Column("matrix_rank", float, "the effective rank of the matrices in a state, the mean", format=".1f"),
    Column("memory_capacity", float, "how many past inputs a linear reader finds in the state", "steps", "higher",
           ".1f"),
    Column("sensitivity", float, "the squared derivative of the last state by the recurrent parameters, summed",
           format=".3g"),
)  # fmt: skip
"""Of the norm of dL/ds over the whole state of a layer and direction, before and after training."""
NETWORK = (
    Column("saliency_share", float, "the share of the loss's gradient by the inputs that lies on those which carry the "
           "information", "", "higher", ".3f"),
    Column("sharpness", float, "the largest eigenvalue of the Hessian of the loss on the probe's batch", format=".3g"),
)  # fmt: skip
"""Of the whole network, before and after training."""


def measured(each: Column, moment: str, layer_direction: str = "") -> Column:
    """Return the column at a moment: of the headline, or of the layer and direction ``layer1_forward``."""
    where = f", {in_words(layer_direction)}" if layer_direction else ""
    return replace(
        each,
        name="_".join(filter(None, (layer_direction, each.name, moment))),
        meaning=f"{each.meaning}; {MOMENTS[moment]}{where}",
        path=("gradients", moment, f"{layer_direction}/{each.name}" if layer_direction else each.name),
        optional=True,
    )


GRADIENTS = tuple(measured(each, moment) for moment in MOMENTS for each in (HEADLINE, *DIAGNOSTICS, *NETWORK))
LAYER_DIRECTION = re.compile(
    rf"(layer\d+_(?:{'|'.join(DIRECTIONS)}))_({'|'.join(each.name for each in DIAGNOSTICS)})_({'|'.join(MOMENTS)})"
)
"""The names of the columns with the gradient of one layer and direction, of networks that have several."""
OWN = re.compile(rf"(?:(layer\d+_(?:{'|'.join(DIRECTIONS)}))_)?(own_\w+)_({'|'.join(MOMENTS)})")
"""The names of the columns of diagnostics that are not the suite's own."""
