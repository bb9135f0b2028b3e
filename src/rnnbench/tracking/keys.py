"""The keys of what a run logs to W&B."""

from __future__ import annotations

STEP = "trainer/global_step"
"""The training step, under the name that Lightning gives it."""
LAG = "lag"
FLOOR = -45.0
"""log10 of the smallest norm that is told from zero: float32, in which networks are trained, ends at 1.4e-45."""
WHOLE = "state"
"""The part of a state that is all of it."""
TABLE = "gradient_profiles"
HEAT_MAP = "gradient_heat_map"
SPECTRUM = "jacobian_spectrum"
TIME_CONSTANTS = "time_constants_log10"

LENGTH = "test_length"
"""The length of a test, over which its accuracy is drawn."""
OVER_LENGTH = {"accuracy": "over_length/accuracy", "sequence_accuracy": "over_length/sequence_accuracy"}
"""The keys of the curves over length, by what they show."""


def curve_key(moment: str, layer_direction: str, part: str = WHOLE) -> str:
    """Return the key of a curve over lag of a ``layer1_forward``, ``initial`` or ``final``."""
    return f"grad_{moment}{'' if part == WHOLE else f'_{part}'}/{layer_direction}"
