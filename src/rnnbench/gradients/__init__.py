"""How a gradient flows back through time: diagnostics of a Measurement, one network on one batch."""

from rnnbench.gradients.capacity import memory_capacity
from rnnbench.gradients.contributions import far_shares
from rnnbench.gradients.decay import Decay, fit_decay
from rnnbench.gradients.diagnostic import Diagnostic, Found, Measured, Options
from rnnbench.gradients.gates import TimeConstants, time_constants
from rnnbench.gradients.jacobian import LongTerm, StepSpectra, long_term, step_jacobians, step_spectra
from rnnbench.gradients.lyapunov import lyapunov_spectrum
from rnnbench.gradients.measurement import Measurement
from rnnbench.gradients.newton import newton_iterations, newton_solution
from rnnbench.gradients.omega import omega
from rnnbench.gradients.parameters import GROUPS, gradient_norms_by_group, membership, parameter_group
from rnnbench.gradients.path import Path, step_jacobian
from rnnbench.gradients.precision import float64_copy, precise
from rnnbench.gradients.profile import gradient_norms, gradient_profile
from rnnbench.gradients.rank import effective_rank, state_ranks
from rnnbench.gradients.registry import DIAGNOSTICS
from rnnbench.gradients.saliency import Saliency, saliency
from rnnbench.gradients.sensitivity import parameter_sensitivity
from rnnbench.gradients.sharpness import sharpness
from rnnbench.gradients.survey import Survey, survey
from rnnbench.gradients.transition import transition_eigenvalues
from rnnbench.gradients.weights import WeightSpectrum, weight_spectra

__all__ = [
    "DIAGNOSTICS",
    "GROUPS",
    "Decay",
    "Diagnostic",
    "Found",
    "LongTerm",
    "Measured",
    "Measurement",
    "Options",
    "Path",
    "Saliency",
    "StepSpectra",
    "Survey",
    "TimeConstants",
    "WeightSpectrum",
    "effective_rank",
    "far_shares",
    "fit_decay",
    "float64_copy",
    "gradient_norms",
    "gradient_norms_by_group",
    "gradient_profile",
    "long_term",
    "lyapunov_spectrum",
    "membership",
    "memory_capacity",
    "newton_iterations",
    "newton_solution",
    "omega",
    "parameter_group",
    "parameter_sensitivity",
    "precise",
    "saliency",
    "sharpness",
    "state_ranks",
    "step_jacobian",
    "step_jacobians",
    "step_spectra",
    "survey",
    "time_constants",
    "transition_eigenvalues",
    "weight_spectra",
]
