"""The gradient through time of each cell as it begins, drawn for its section of the reference when the pages are built.

Adding over 100 steps with 32 units, the mean of three draws of the parameters; the LSTM's beside it, in gray.
"""

from functools import cache
from pathlib import Path

import altair as alt
import pandas as pd
import torch
import vl_convert

import rnnbench
from rnnbench.report.charts import theme
from rnnbench.sweep.configuration import configure
from rnnbench.training.data import held_out_batch

FOLDER = Path(__file__).parents[1] / "reference" / "profiles"
SETTINGS = ("network.hidden_size=32", "task=adding", "task.length=100")
DRAWS, FLOOR = 3, 1e-12
OTHER = "lstm"


@cache
def profile(cell: str) -> pd.DataFrame:
    """Return the columns lag and share, ||dL/ds_{T-k}|| over that at k = 0, of a cell as its constructor draws it."""
    config = configure(f"cell={cell}", *SETTINGS)
    batch = held_out_batch(config.task, "validation", 32)
    found = []
    for seed in range(DRAWS):
        torch.manual_seed(seed)
        network = rnnbench.build_network(f"cell={cell}", *SETTINGS)
        found.append(rnnbench.profile(network, batch.inputs, batch.targets).set_index("lag").state)
    mean = pd.concat(found, axis=1).mean(axis=1)
    return (mean / mean[0]).clip(lower=FLOOR).rename("share").reset_index().assign(cell=cell)


def draw(cell: str) -> str:
    """Write the picture of a cell and return the Markdown that shows it."""
    names = [OTHER, cell] if cell != OTHER else [cell]
    shown = pd.concat([profile(name) for name in names])
    ink = theme.INK["light"]["soft"]
    chart = (
        alt.Chart(shown, width=420, height=170)
        .mark_line()
        .encode(
            alt.X("lag", title="steps back from the last", scale=alt.Scale(nice=False)),
            alt.Y("share", title="‖dL/ds‖, of that at the last", axis=alt.Axis(format=".0e", tickCount=5),
                  scale=alt.Scale(type="log", nice=False)),
            alt.Color("cell", title=None, scale=alt.Scale(domain=names, range=[ink, theme.CELLS[cell]][-len(names):])),
        )
    )  # fmt: skip
    FOLDER.mkdir(exist_ok=True)
    text = vl_convert.vegalite_to_svg(chart.to_dict(), config=theme.config())
    (FOLDER / f"{cell}.svg").write_text(text, encoding="utf-8")
    return (
        f"![The gradient of {cell} as it begins, by lag](profiles/{cell}.svg)\n\n"
        f"The gradient through time as it begins: adding over 100 steps, 32 units, the mean of {DRAWS} draws."
    )
