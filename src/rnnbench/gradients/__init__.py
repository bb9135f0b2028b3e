"""How a gradient flows back through time: pure functions of (model, batch), of a path through it, or of a cell."""

from rnnbench.gradients.decay import Decay, fit_decay
from rnnbench.gradients.gates import TimeConstants, time_constants
from rnnbench.gradients.jacobian import StepSpectra, step_jacobian, step_jacobians, step_spectra
from rnnbench.gradients.longterm import LongTerm, long_term
from rnnbench.gradients.lyapunov import lyapunov_spectrum
from rnnbench.gradients.omega import omega
from rnnbench.gradients.profile import gradient_profile, state_gradients
from rnnbench.gradients.saliency import Saliency, saliency
from rnnbench.gradients.states import flatten, unflatten
from rnnbench.gradients.trajectory import Trajectory, float64_copy, trajectory
from rnnbench.gradients.weights import WeightSpectrum, weight_spectra

__all__ = [
    "Decay",
    "LongTerm",
    "Saliency",
    "StepSpectra",
    "TimeConstants",
    "Trajectory",
    "WeightSpectrum",
    "fit_decay",
    "flatten",
    "float64_copy",
    "gradient_profile",
    "long_term",
    "lyapunov_spectrum",
    "omega",
    "saliency",
    "state_gradients",
    "step_jacobian",
    "step_jacobians",
    "step_spectra",
    "time_constants",
    "trajectory",
    "unflatten",
    "weight_spectra",
]
