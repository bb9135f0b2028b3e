"""The diagnostics by name, and those that each kind of probe takes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from rnnbench.errors import UserError, unknown
from rnnbench.extensions import installed, load
from rnnbench.gradients.capacity import DIAGNOSTIC as capacity
from rnnbench.gradients.contributions import DIAGNOSTIC as contributions
from rnnbench.gradients.diagnostic import Diagnostic, Found, Options
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
"""The diagnostics of every survey: the profile determines the headline."""
KINDS = {
    "default": DEFAULT,
    "full": (*DEFAULT, "jacobian", "lyapunov", "omega", "gates", "weights", "saliency"),
    "off": (),
}
"""The diagnostics of each kind of probe. The others cost more and run only where they are named."""


def named(name: str) -> Diagnostic:
    """Return the diagnostic called ``name``, here or by an installed package, or that ``package.module:NAME`` holds.

    All that an external diagnostic finds begins with ``own_``. Raises UserError where there is none.
    """
    if name in DIAGNOSTICS:
        return DIAGNOSTICS[name]
    offered = installed("diagnostic")
    if name not in offered and ":" not in name and "." not in name:
        raise unknown("diagnostic", name, {**DIAGNOSTICS, **offered})
    found = load("diagnostic", offered.get(name, name), "NAME")
    if not isinstance(found, Diagnostic):
        raise UserError(f"diagnostic={name}: is no rnnbench.gradients.Diagnostic")
    return replace(found, of_path=_own(found.of_path), of_network=_own(found.of_network))


def _own(function: Callable[..., Found] | None) -> Callable[..., Found] | None:
    """Return ``function`` with ``own_`` before the name of everything that it finds."""
    if function is None:
        return None

    def renamed(subject: Any, options: Options) -> Found:
        found = function(subject, options)
        return Found(
            {f"own_{name}": values for name, values in found.arrays.items()},
            {f"own_{name}": number for name, number in found.numbers.items()},
            {
                place: {f"own_{name}": number for name, number in each.items()}
                for place, each in found.by_direction.items()
            },
        )

    return renamed
