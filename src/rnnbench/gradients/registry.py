"""The diagnostics by name, and those that each kind of probe takes."""

from __future__ import annotations

from rnnbench.gradients.capacity import DIAGNOSTIC as capacity
from rnnbench.gradients.contributions import DIAGNOSTIC as contributions
from rnnbench.gradients.diagnostic import Diagnostic
from rnnbench.gradients.gates import DIAGNOSTIC as gates
from rnnbench.gradients.jacobian import DIAGNOSTIC as jacobian
from rnnbench.gradients.lyapunov import DIAGNOSTIC as lyapunov
from rnnbench.gradients.newton import DIAGNOSTIC as newton
from rnnbench.gradients.omega import DIAGNOSTIC as omega
from rnnbench.gradients.profile import DIAGNOSTIC as profile
from rnnbench.gradients.rank import DIAGNOSTIC as rank
from rnnbench.gradients.saliency import DIAGNOSTIC as saliency
from rnnbench.gradients.sensitivity import DIAGNOSTIC as sensitivity
from rnnbench.gradients.sharpness import DIAGNOSTIC as sharpness
from rnnbench.gradients.transition import DIAGNOSTIC as transition
from rnnbench.gradients.weights import DIAGNOSTIC as weights

DIAGNOSTICS: dict[str, Diagnostic] = {
    "capacity": capacity,
    "contributions": contributions,
    "gates": gates,
    "jacobian": jacobian,
    "lyapunov": lyapunov,
    "newton": newton,
    "omega": omega,
    "profile": profile,
    "rank": rank,
    "saliency": saliency,
    "sensitivity": sensitivity,
    "sharpness": sharpness,
    "transition": transition,
    "weights": weights,
}

DEFAULT = ("profile", "contributions")
"""What ``probe=default`` takes, and every survey begins with: the headline is chosen by the profile."""
FULL = (*DEFAULT, "jacobian", "lyapunov", "omega", "gates", "weights", "saliency")
"""What ``probe=full`` takes."""
