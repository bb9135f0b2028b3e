"""How a gradient flows back through time: pure functions of (model, batch)."""

from rnnbench.gradients.decay import Decay, fit_decay
from rnnbench.gradients.profile import gradient_profile, state_gradients

__all__ = ["Decay", "fit_decay", "gradient_profile", "state_gradients"]
