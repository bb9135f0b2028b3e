"""The diagnostics by name, and those that each kind of probe takes."""

from __future__ import annotations

from rnnbench.gradients.contributions import DIAGNOSTIC as contributions
from rnnbench.gradients.diagnostic import Diagnostic
from rnnbench.gradients.gates import DIAGNOSTIC as gates
from rnnbench.gradients.jacobian import DIAGNOSTIC as jacobian
from rnnbench.gradients.lyapunov import DIAGNOSTIC as lyapunov
from rnnbench.gradients.omega import DIAGNOSTIC as omega
from rnnbench.gradients.profile import DIAGNOSTIC as profile
from rnnbench.gradients.saliency import DIAGNOSTIC as saliency
from rnnbench.gradients.weights import DIAGNOSTIC as weights

DIAGNOSTICS: dict[str, Diagnostic] = {
    "contributions": contributions,
    "gates": gates,
    "jacobian": jacobian,
    "lyapunov": lyapunov,
    "omega": omega,
    "profile": profile,
    "saliency": saliency,
    "weights": weights,
}

DEFAULT = ("profile", "contributions")
"""What ``probe=default`` takes, and every survey begins with: the headline is chosen by the profile."""
FULL = (*DEFAULT, "jacobian", "lyapunov", "omega", "gates", "weights", "saliency")
"""What ``probe=full`` takes."""
