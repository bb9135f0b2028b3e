"""Which runs of a tuned sweep were for tuning, which were chosen, and the table that says so."""

from __future__ import annotations

import math
from typing import NamedTuple

from rnnbench.protocol import Choice, Protocol, Trial, choices
from rnnbench.records import Record
from rnnbench.report.summary import Setting
from rnnbench.report.tables import Table


class Parts(NamedTuple):
    """The runs of a sweep by what they are for."""

    reported: list[Record]
    tuning: list[Record]
    unused: list[Record]
    """With seeds that the protocol does not name, or of an earlier choice."""
    chosen: dict[str, Choice]
    protocol: Protocol | None


def divide(found: list[Record], protocol: Protocol | None) -> Parts:
    """All runs are reported where nothing was tuned, else those with fresh seeds at the chosen point of the grid."""
    if protocol is None:
        return Parts(found, [], [], {}, None)
    tuning = [record for record in found if record.seed in protocol.tune_seeds]
    chosen = choices(tuning, protocol)
    reported: list[Record] = []
    unused: list[Record] = []
    for record in found:
        if record.seed not in protocol.tune_seeds:
            choice = chosen.get(protocol.setting(record.config))
            fits = choice is not None and choice.best.point == protocol.point(record.config)
            (reported if fits and record.seed in protocol.report_seeds else unused).append(record)
    return Parts(reported, tuning, unused, chosen, protocol)


def table(parts: Parts, groups: list[Setting]) -> Table | None:
    """What each setting was tuned over and what was chosen; None where nothing was tuned."""
    protocol = parts.protocol
    if protocol is None:
        return None
    rows = []
    for setting in groups:
        choice = parts.chosen[protocol.setting(setting.records[0].config)]
        trials = "; ".join(f"{_point(trial)}: {_outcome(trial)}" for trial in choice.trials)
        edge = f"{', '.join(choice.edges)} at its edge" if choice.edges else "inside"
        rows.append([*setting.shown.values(), trials, _point(choice.best), edge])
    grid = "; ".join(f"{key}: {', '.join(map(str, values))}" for key, values in (protocol.tune or {}).items())
    seeds = "one seed that is" if len(protocol.tune_seeds) == 1 else f"{len(protocol.tune_seeds)} seeds that are"
    note = (
        f"Grid, the same for all: {grid}. Each point was trained with {seeds} not reported. The first choice is the "
        "point at which most runs solved the task; where all did at several points, the one that took fewer steps, "
        "else the one with the lowest mean validation loss after the last step. Test data were not looked at. A choice "
        "at the edge of its grid may not be the best there is."
    )
    return Table("Tuning", [*groups[0].factors, "trials", "chosen", "in its grid"], rows, note)


def warnings(parts: Parts, groups: list[Setting]) -> list[str]:
    """What a reader must know before the numbers."""
    protocol = parts.protocol
    if protocol is None:
        return []
    lines = []
    edges = [setting for setting in groups if parts.chosen[protocol.setting(setting.records[0].config)].edges]
    if edges:
        names = "; ".join(f"{setting.task}, {setting.label}" for setting in edges)
        lines.append(f"Chosen at the edge of the grid, a better value may lie beyond: {names}.")
    if parts.unused:
        count = "1 run is" if len(parts.unused) == 1 else f"{len(parts.unused)} runs are"
        lines.append(f"{count} left out: of an earlier choice, or with seeds that are not in the protocol.")
    return lines


def _point(trial: Trial) -> str:
    return ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in trial.point.items())


def _outcome(trial: Trial) -> str:
    if trial.solved == trial.runs:
        return f"solved in {trial.steps:.0f} steps"
    loss = "diverged" if math.isinf(trial.loss) else f"loss {trial.loss:.3g}"
    return f"{loss}, {trial.solved}/{trial.runs} solved" if trial.solved else loss
