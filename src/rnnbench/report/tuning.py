"""The choices of a tuned experiment, and their table."""

from __future__ import annotations

import math

from rnnbench.outcomes.columns import UNUSED
from rnnbench.outcomes.phases import baseline, chosen_points
from rnnbench.outcomes.result import Result
from rnnbench.outcomes.settings import Setting
from rnnbench.report.tables import Table
from rnnbench.store.protocol import LEARNED, Choice, Trial

UNDECIDED = "undecided"
UNDECIDED_MEANS = (
    f"Undecided: no trial solved the task in any run, and none had a mean validation loss more than "
    f"{100 * LEARNED:.0f} % below the memoryless one, so that chance chose."
)


def undecided(setting: Setting, choice: Choice) -> bool:
    """Return whether a choice says nothing, because no trial of the setting learned anything."""
    known = (found for run in setting.runs if (found := baseline(run)))
    return choice.undecided(next(known, None))


def table(result: Result, groups: list[Setting]) -> Table | None:
    """Return what each setting was tuned over and what was chosen; None where nothing was tuned."""
    protocol = result.protocol
    if protocol is None:
        return None
    chosen = chosen_points(result)
    rows = []
    for setting in groups:
        choice = chosen[protocol.setting(setting.runs[0])]
        trials = "; ".join(f"{_point(trial)}: {_outcome(trial)}" for trial in choice.trials)
        edge = f"{', '.join(choice.edges)} at its edge" if choice.edges else "inside"
        rows.append(
            [*setting.shown.values(), trials, _point(choice.best), UNDECIDED if undecided(setting, choice) else edge]
        )
    grid = "; ".join(f"{key}: {', '.join(map(str, values))}" for key, values in (protocol.tune or {}).items())
    seeds = "one seed that is" if len(protocol.tune_seeds) == 1 else f"{len(protocol.tune_seeds)} seeds that are"
    note = (
        f"Grid, the same for all: {grid}. Each point was trained with {seeds} not reported. The first choice is the "
        "point at which most runs solved the task; where all did at several points, the one that took fewer steps, "
        "else the one with the lowest mean validation loss after the last step. Test data were not looked at. A choice "
        f"at the edge of its grid may not be the best there is. {UNDECIDED_MEANS}"
    )
    return Table("Tuning", [*groups[0].factors, "trials", "chosen", "in its grid"], rows, note)


def warnings(result: Result, groups: list[Setting]) -> list[str]:
    """Return what a reader must know before the numbers."""
    protocol = result.protocol
    if protocol is None:
        return []
    lines, chosen = [], chosen_points(result)
    open_, edges = [], []
    for setting in groups:
        choice = chosen[protocol.setting(setting.runs[0])]
        if undecided(setting, choice):
            open_.append(setting)
        elif choice.edges:
            edges.append(setting)
    if edges:
        lines.append(f"Chosen at the edge of the grid, a better value may lie beyond: {_names(edges)}.")
    if open_:
        lines.append(f"Undecided, because no trial learned anything: {_names(open_)}.")
    unused = int((result.rows["phase"] == UNUSED).sum())
    if unused:
        count = "1 run is" if unused == 1 else f"{unused} runs are"
        lines.append(f"{count} left out: of an earlier choice, or with seeds that are not in the protocol.")
    return lines


def _names(settings: list[Setting]) -> str:
    return "; ".join(f"{setting.task}, {setting.label}" for setting in settings)


def _point(trial: Trial) -> str:
    return ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in trial.point.items())


def _outcome(trial: Trial) -> str:
    if trial.solved == trial.runs:
        return f"solved in {trial.steps:.0f} steps"
    loss = "diverged" if math.isinf(trial.loss) else f"loss {trial.loss:.3g}"
    return f"{loss}, {trial.solved}/{trial.runs} solved" if trial.solved else loss
