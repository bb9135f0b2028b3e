"""The titled sections of a sweep's page in W&B, the same in its workspace and its report.

Curves are grouped by the setting: by all that the sweep varies less the seed. W&B draws a mean of the runs of a setting
and the range from the lowest to the highest, as the report does; of the curves over lag, which are logarithms, that is
the geometric mean. Of the other curves it is the arithmetic one, and of a number at the end the median. A title says
which.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

import wandb_workspaces.reports.v2 as panels

from rnnbench.outcomes.columns import COLUMNS
from rnnbench.outcomes.diagnostic_columns import MOMENTS
from rnnbench.outcomes.layer_directions import in_words
from rnnbench.tracking.keys import HEAT_MAP, LAG, LENGTH, OVER_LENGTH, SPECTRUM, STEP, TIME_CONSTANTS, curve_key

SETTING = panels.Config("setting")
RANGE = "band min to max"
BARS = {
    "score": "score after training: median, min to max",
    "length_area": "area under the accuracy over log length: median, min to max",
    "solved_at_step": "solved at step: median of the runs that solved it, min to max",
    "horizon_final": "horizon after training: median, min to max",
}
NUMBERS = {
    "horizon": "horizon (steps)",
    "half_life": "half-life (steps)",
    "lyapunov_max": "largest Lyapunov exponent (per step)",
}
LEARNING = {"val/loss": "validation loss", "train/loss": "training loss"}
CLIPPING = {"grad_norm_before": "gradient norm before clipping", "grad_norm_after": "gradient norm after clipping"}
PARAMETERS = {
    "input": "the input matrices",
    "recurrent": "the recurrent matrices",
    "bias": "biases",
    "head": "the head",
}
"""The kinds of parameters whose gradients are measured by themselves, before clipping."""
RATES = {"clip_rate": "share of clipped steps", "clip_scale": "what a clipped gradient is multiplied by"}
NAMED = 30  # failures that the page names; more are counted
MOST = 1000  # lines that W&B draws in a panel


class Sweep(NamedTuple):
    """What a page says of a sweep."""

    name: str
    """The experiment."""
    project: str
    entity: str | None
    """None: the default entity of the user who saves it."""
    factors: Sequence[str]
    """What is varied, as the columns of the table of settings have it."""
    runs: int
    """Reported ones."""
    columns: Collection[str]
    """The columns of runs.csv in which any run has a value: there are no panels for the others."""
    layer_directions: Sequence[str]
    """That were measured in any run, as ``layer1_forward``."""
    answers: Sequence[str]
    """What was seen on each problem, as Markdown."""
    failures: Sequence[str]
    """The runs that diverged or failed or are missing, and why, as Markdown."""
    table: str
    """The settings with their intervals, and what its columns mean, as Markdown."""
    commands: Sequence[str]


def sections(sweep: Sweep) -> dict[str, list[Any]]:
    """Return the panels of each section by its title."""
    return {
        "What is the answer?": _answer(sweep),
        **_lengths(sweep),
        "Does the gradient still arrive? Its size over lag": _gradient(sweep),
        "How do they learn?": [
            *(_curve(sweep, key, f"{title}: mean of the runs still in training", log=True)
              for key, title in LEARNING.items()),
            _curve(sweep, "val/score", "validation score: mean of the runs still in training"),
        ],
        "How large are the parameters' gradients, and what does clipping do?": [
            *(_curve(sweep, key, f"{title}: mean", log=True) for key, title in CLIPPING.items()),
            *(_curve(sweep, key, f"{title}: mean") for key, title in RATES.items()),
            *(_curve(sweep, f"grad_norm_before/{key}", f"gradient norm of {kind} before clipping: mean", log=True)
              for key, kind in PARAMETERS.items()),
        ],
        "What failed, and how do runs differ?": [
            panels.MarkdownPanel(markdown=_failures(sweep)),
            panels.RunComparer(diff_only="split"),
        ],
    }  # fmt: skip


def _answer(sweep: Sweep) -> list[Any]:
    scatter = panels.ScatterPlot(
        title="horizon against score, a point a run", x=panels.SummaryMetric("horizon_final"),
        y=panels.SummaryMetric("score"),
    )  # fmt: skip
    return [
        panels.MarkdownPanel(markdown="\n".join(f"* {line}" for line in sweep.answers)),
        *(
            panels.BarPlot(
                title=title, metrics=[metric], title_x=COLUMNS[metric].unit or None, groupby=SETTING,
                groupby_aggfunc="median", groupby_rangefunc="minmax", max_runs_to_show=MOST,
                max_bars_to_show=min(MOST, sweep.runs),
            )
            for metric, title in BARS.items()
            if metric in sweep.columns
        ),
        *([scatter] if "horizon_final" in sweep.columns else []),
    ]  # fmt: skip


def _lengths(sweep: Sweep) -> dict[str, list[Any]]:
    """Return the section of tests at several lengths; none where all were at one."""
    if "length_area" not in sweep.columns:
        return {}
    titles = {"accuracy": "accuracy at scored positions", "sequence_accuracy": "accuracy of whole sequences"}
    return {
        "Does it hold at other lengths?": [
            _curve(sweep, key, f"{titles[name]}: mean", x=LENGTH, axes=("length of the test", "accuracy"), log_x=True)
            for name, key in OVER_LENGTH.items()
        ]
    }


def _gradient(sweep: Sweep) -> list[Any]:
    if not sweep.layer_directions:
        return [panels.MarkdownPanel(markdown="No run measured its gradients; use probe=default.")]
    curves = [
        _curve(
            sweep, curve_key(moment, each), f"{in_words(each)}, {MOMENTS[moment]}: geometric mean", x=LAG,
            axes=("lag (steps before the loss)", "log10 of ||dL/ds||"),
        )
        for each in sweep.layer_directions
        for moment in MOMENTS
    ]  # fmt: skip
    numbers = [
        _curve(sweep, key, f"{title}: mean") for key, title in NUMBERS.items() if f"{key}_final" in sweep.columns
    ]
    media = {"log10 of ||dL/ds|| over training step and lag": [HEAT_MAP]}
    if "lyapunov_max_final" in sweep.columns:
        media["Lyapunov exponents and singular values"] = [SPECTRUM]
    if "time_constant_median_final" in sweep.columns:
        media["time constants of gates (log10 steps)"] = [f"{TIME_CONSTANTS}/{each}" for each in sweep.layer_directions]
    return [*curves, *numbers, *(panels.MediaBrowser(title=title, media_keys=keys) for title, keys in media.items())]


def _failures(sweep: Sweep) -> str:
    if not sweep.failures:
        return f"All {sweep.runs} runs are done."
    more = len(sweep.failures) - NAMED
    lines = [f"* {line}" for line in sweep.failures[:NAMED]]
    return "\n".join([*lines, *([f"* and {more} more"] if more > 0 else [])])


def _curve(
    sweep: Sweep, key: str, title: str, x: str = STEP, axes: tuple[str, str] | None = None, log: bool = False,
    log_x: bool = False,
) -> Any:  # fmt: skip
    title_x, title_y = axes or ("training step", None)
    return panels.LinePlot(
        title=f"{title}, {RANGE}", x=x, y=[key], title_x=title_x, title_y=title_y, log_x=log_x or None,
        log_y=log or None, groupby=SETTING, groupby_aggfunc="mean", groupby_rangefunc="minmax",
        max_runs_to_show=min(MOST, sweep.runs),
    )  # fmt: skip
