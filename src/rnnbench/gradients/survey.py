"""Several diagnostics of one network on one batch: arrays with named axes, and summary numbers.

An entry of an array is nan where it does not exist (a long-term Jacobian with a singular factor); what a cell does not
have (gates, a recurrent matrix) is absent.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from rnnbench.gradients.diagnostic import LAYER_DIRECTION, Diagnostic, Found, Measured, Number, Options
from rnnbench.gradients.measurement import Measurement
from rnnbench.gradients.path import Array, LayerDirection
from rnnbench.gradients.registry import DEFAULT, DIAGNOSTICS

DIRECTIONS = ("forward", "backward")
Numbers = dict[str, Number]
OPTIONS = Options()


class Survey(NamedTuple):
    """The measurements at one moment."""

    arrays: dict[str, Measured]
    scalars: dict[str, Number]
    """None for no number. Plain names are those of the layer and direction that ``headline`` names, whose gradient
    reaches furthest; where there are several, those of each too, as ``layer1_forward/horizon``."""

    def of_headline(self, name: str) -> Array:
        """Return what an array [layer, direction, ...] holds for the layer and direction of the headline."""
        values = self.arrays[name].values
        head = self.scalars["headline"]
        found: Array = values[
            next(place for place in np.ndindex(values.shape[:2]) if layer_direction_name(*place) == head)
        ]
        return found


def survey(measurement: Measurement, diagnostics: Sequence[Diagnostic] = (), options: Options = OPTIONS) -> Survey:
    """Return what ``diagnostics`` say of a network on a batch, beside those of DEFAULT, which say what the headline is.

    Those of paths see the first ``options.sequences`` sequences alone. Paths are processed one at a time, because their
    Jacobians need the most memory. Raises FloatingPointError where a state is not finite.
    """
    chosen = list(dict.fromkeys([*(DIAGNOSTICS[name] for name in DEFAULT), *diagnostics]))
    found = [each.of_network(measurement, options) for each in chosen if each.of_network is not None]
    along = [each.of_path for each in chosen if each.of_path is not None]
    if along:
        found.append(
            _stacked(
                [
                    [[function(path, options) for function in along] for path in layer]
                    for layer in measurement.first(options.sequences)
                ]
            )
        )
    arrays: dict[str, Measured] = {}
    by_direction: dict[LayerDirection, Numbers] = {}
    network: Numbers = {}
    for each in found:
        arrays |= each.arrays
        network |= each.numbers
        for place, numbers in each.by_direction.items():
            by_direction[place] = by_direction.get(place, {}) | numbers
    return Survey(arrays, _scalars(by_direction, arrays["state"].values) | network)


def layer_direction_name(layer: int, direction: int) -> str:
    """Return the name of a layer and a direction, for people, who count layers from 1: "layer 2, backward"."""
    return f"layer {layer + 1}, {DIRECTIONS[direction]}"


def _stacked(found: list[list[list[Found]]]) -> Found:
    """Return what was found [layer][direction][diagnostic], with layers and directions as the first two axes.

    An array that only some of them have, because their cells differ, is left out.
    """
    arrays = [[{k: v for each in direction for k, v in each.arrays.items()} for direction in layer] for layer in found]
    names = [name for name in arrays[0][0] if all(name in direction for layer in arrays for direction in layer)]
    stacked = {
        name: Measured(
            (*LAYER_DIRECTION, *arrays[0][0][name].axes),
            np.array([[direction[name].values for direction in layer] for layer in arrays]),
        )
        for name in names
    }
    by_direction = {
        (layer, direction): {k: v for each in several for k, v in each.numbers.items()}
        for layer, row in enumerate(found)
        for direction, several in enumerate(row)
    }
    return Found(stacked, by_direction=by_direction)


def _scalars(found: dict[LayerDirection, Numbers], norms: Array) -> Numbers:
    """Return the headline's numbers under plain names, and those of each layer and direction where there are several.

    The headline has the largest horizon; of several the one with the largest of the ``norms`` that arrive there.
    """

    def reach(place: LayerDirection) -> tuple[int, float]:
        horizon = found[place]["horizon"]
        return (int(horizon), norms[place][int(horizon)]) if isinstance(horizon, int) else (-1, 0.0)

    head = max(found, key=reach)
    scalars: Numbers = {"headline": layer_direction_name(*head), **found[head]}
    if len(found) > 1:
        for (layer, direction), numbers in found.items():
            prefix = f"layer{layer + 1}_{DIRECTIONS[direction]}"
            scalars |= {f"{prefix}/{name}": value for name, value in numbers.items()}
    return scalars
