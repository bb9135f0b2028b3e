"""How a gradient flows back through time: pure functions of (model, batch), of a path through it, or of a cell."""

from rnnbench.gradients.contributions import far_shares
from rnnbench.gradients.decay import Decay, fit_decay
from rnnbench.gradients.gates import TimeConstants, time_constants
from rnnbench.gradients.jacobian import StepSpectra, step_jacobian, step_jacobians, step_spectra
from rnnbench.gradients.longterm import LongTerm, long_term
from rnnbench.gradients.lyapunov import lyapunov_spectrum
from rnnbench.gradients.omega import omega
from rnnbench.gradients.parameters import GROUPS, gradient_norms_by_group, membership, parameter_group
from rnnbench.gradients.profile import gradient_norms, gradient_profile, state_gradients
from rnnbench.gradients.saliency import Saliency, saliency
from rnnbench.gradients.survey import Measured, Survey, survey_all, survey_profile
from rnnbench.gradients.trajectory import Trajectory, float64_copy, precise, trajectory
from rnnbench.gradients.weights import WeightSpectrum, weight_spectra
from rnnbench.network.states import flatten, unflatten

__all__ = [
    "GROUPS",
    "Decay",
    "LongTerm",
    "Measured",
    "Saliency",
    "StepSpectra",
    "Survey",
    "TimeConstants",
    "Trajectory",
    "WeightSpectrum",
    "far_shares",
    "fit_decay",
    "flatten",
    "float64_copy",
    "gradient_norms",
    "gradient_norms_by_group",
    "gradient_profile",
    "long_term",
    "lyapunov_spectrum",
    "membership",
    "omega",
    "parameter_group",
    "precise",
    "saliency",
    "state_gradients",
    "step_jacobian",
    "step_jacobians",
    "step_spectra",
    "survey_all",
    "survey_profile",
    "time_constants",
    "trajectory",
    "unflatten",
    "weight_spectra",
]
