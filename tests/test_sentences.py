"""Every number that a person wrote of the results is that of their rows: in the notes, and in what docs/ says of them.

A phrase is made of the rows and must stand in the text; what is left of the text then has no digit.
"""

import re
from functools import cache
from pathlib import Path
from statistics import median

import pytest

from rnnbench.outcomes import result
from rnnbench.outcomes.settings import reported, solves
from rnnbench.report.answers import solved
from rnnbench.report.tables import number

ROOT = Path(__file__).parents[1]


@cache
def settings(name):
    """Each setting of a committed result by its label, after the task where there are several."""
    groups = reported(result.read(ROOT / "results" / name))
    several = len({group.task for group in groups}) > 1
    return {f"{group.task}, {group.label}" if several else group.label: group for group in groups}


def runs(groups):
    return [run for group in groups for run in group.runs]


def together(groups):
    """How many of all runs solved the task: "0 of 15"."""
    found = runs(groups)
    return f"{sum(map(solves, found))} of {len(found)}"


def of(cell, groups):
    return [group for group in groups.values() if group.cell == cell]


def share(group):
    return f"{len(group.solved)} of {len(group.runs)}"


def steps(group):
    return number(group.median_steps_to_solve)


def middle(found, column):
    values = [run[column] for run in found if run[column] is not None]
    return number(median(values))


def budget(groups):
    (most,) = {run["trainer.max_steps"] for run in runs(groups.values())}
    return f"within {most} steps"


def directionality():
    groups = settings("directionality")
    (length,) = {run["length"] for run in runs(groups.values())}
    one, two = groups["lstm, not bidirectional"], groups["lstm, bidirectional"]
    assert {run["headline_final"] for run in two.runs} == {"layer 1, backward"}
    assert {run["horizon_final"] for run in two.runs} == {length - 1}
    assert one.known("parameters") * 2 == two.known("parameters") + 2 - 1  # but for one bias of the head
    assert share(one) == share(two)
    assert all(median(group.scores) < 0 for group in of("elman", groups))
    gru = groups["gru, not bidirectional"], groups["gru, bidirectional"]
    return [
        budget(groups), f"solved T = {length} in {share(one)} runs both ways",
        f"at a median step of {steps(two)} with two directions and of {steps(one)} with one",
        f"horizon of {length - 1} steps",
        f"the forward one has a median horizon of {middle(two.runs, 'layer1_forward_horizon_final')}",
        f"{steps(gru[0])} steps with one direction, {steps(gru[1])} with two",
        f"solved it in {together(of('elman', groups))} runs",
    ]  # fmt: skip


def clipping():
    groups = settings("clipping")
    (length,) = {run["length"] for run in runs(groups.values())}
    assert {len(group.solved) for cell in ("gru", "lstm") for group in of(cell, groups)} == {5}
    lstm = {group.label.removeprefix("lstm, "): steps(group) for group in of("lstm", groups)}
    helped = ("norm, threshold 0.1", "norm, threshold 1.0", "value, threshold 0.1")
    (sooner,), (later,) = ({lstm[label] for label in helped}, {lstm[label] for label in lstm.keys() - set(helped)})
    slowest = max(time for cell in ("gru", "lstm") for group in of(cell, groups) for time in group.solved)
    free, tight = groups["lstm, none"], groups["lstm, norm, threshold 0.1"]
    early = [f"{sum(time <= 800 for time in group.solved)} of {len(group.runs)}" for group in (free, tight)]
    return [
        budget(groups), f"solve T = {length} in every run with and without clipping, the slowest at step {slowest}",
        f"the vanilla RNN in {together(of('elman', groups))}", "Clipping at .1 or 1 by norm, or at .1 by value",
        f"takes the LSTM from a median of {later} steps to {sooner}", "which 5 seeds cannot",
        f"A budget of 800 steps would make this small difference look like solved or not: by then {early[0]} LSTMs "
        f"have solved it without clipping, {early[1]} with a norm of at most .1",
    ]  # fmt: skip


def depth():
    groups = settings("depth")
    (length,) = {run["length"] for run in runs(groups.values())}
    lstm, gru = ([groups[f"{cell}, depth {layers}"] for layers in (1, 2, 4)] for cell in ("lstm", "gru"))
    won = [run for run in lstm[1].runs if solves(run)]
    assert {run["headline_final"] for run in won} == {"layer 1, forward"}
    assert {run["horizon_final"] for run in won} == {length - 1}
    assert sum(run["layer2_forward_decay_final"] == "grows" for run in gru[2].runs) >= 3
    return [
        budget(groups), f"solved T = {length} in {together(of('elman', groups))} runs",
        f"{share(lstm[0])} runs solved it with one layer (median step {steps(lstm[0])}), {share(lstm[1])} with two "
        f"(the last at step {max(lstm[1].solved)}), {share(lstm[2])} with four",
        f"in {sum(run['horizon_final'] == length - 1 for run in lstm[2].runs)} of {len(lstm[2].runs)} LSTMs of four",
        f"to a horizon of {length - 1}",
        f"the second has a median horizon of {middle(lstm[1].runs, 'layer2_forward_horizon_final')} in all",
        f"at a median step of {steps(gru[0])} with one layer, {steps(gru[1])} with two and {steps(gru[2])} with four",
    ]  # fmt: skip


def leaderboard_long():
    groups = settings("leaderboard_long")
    (length,) = {run["length"] for run in runs(groups.values())}
    assert {cell for cell, group in groups.items() if group.solved} == {"gru", "mingru"}
    assert {run["horizon_final"] for run in groups["gru"].runs} == {length - 1}
    assert {run["horizon_initial"] for run in groups["irnn"].runs} == {length - 1}
    (learned,) = (score for score in groups["lru"].scores if score > 0.1)
    assert learned < 0.5
    return [
        budget(groups), f"the GRU solved T = {length} in {share(groups['gru'])} runs, at a median step of "
        f"{steps(groups['gru'])}, and its gradient then reaches all {length - 1} steps back",
        f"minGRU in {share(groups['mingru'])}, with a median score of {median(groups['mingru'].scores):.3f}",
        f"that of the IRNN has a horizon of {length - 1} before training, and its median score is "
        f"{median(groups['irnn'].scores):.3f}", f"the LRU has learned something in 1 of {len(groups['lru'].runs)} runs",
    ]  # fmt: skip


def initialization():
    groups = settings("initialization")
    (length,) = {run["length"] for run in runs(groups.values())}
    elman, lstm, gru = ({group.label.partition(", ")[2]: group for group in of(cell, groups)}
                        for cell in ("elman", "lstm", "gru"))  # fmt: skip
    assert {share(group) for group in (*lstm.values(), *gru.values())} == {"5 of 5"}
    assert steps(lstm["glorot"]) == steps(lstm["orthogonal"])
    assert middle(elman["identity"].runs, "horizon_initial") == middle(elman["glorot"].runs, "horizon_initial")
    ends = sorted(median(group.numbers("horizon_final")) for group in elman.values())
    times = sorted(group.median_steps_to_solve for group in gru.values())

    def start(group):
        return middle(group.runs, "half_life_initial")

    return [
        budget(groups),
        f"halves every {start(elman['default'])} steps by default and every {start(elman['orthogonal'])}",
        f"a median horizon of {middle(elman['glorot'].runs, 'horizon_initial')}",
        f"its median horizon is {number(ends[0])} to {number(ends[-1])} steps",
        f"solved T = {length} in {together(elman.values())} runs",
        f"halves every {start(lstm['default'])} steps by default, begins with {start(lstm['identity'])} with the "
        "identity",
        f"at a median step of {steps(lstm['default'])} by default, {steps(lstm['glorot'])} with Glorot's or an "
        f"orthogonal one, {steps(lstm['identity'])} with the identity",
        f"at {number(times[0])} to {number(times[-1])} steps with each",
    ]  # fmt: skip


def vanishing_gradients():
    groups = settings("vanishing_gradients")
    lengths = (50, 100, 200)
    gru, lstm, elman = ([groups[f"{cell}, length {length}"] for length in lengths] for cell in ("gru", "lstm", "elman"))
    won = [run for run in runs([*gru, *lstm]) if solves(run)]
    assert all(run["horizon_final"] == run["length"] - 1 for run in won)
    starts = sorted({middle(group.runs, "half_life_initial") for group in groups.values()})
    ends = sorted(median(group.numbers("horizon_final")) for group in elman)
    assert {run["optimizer.lr"] for run in runs(groups.values())} == {0.01}
    return [
        budget(groups), f"halves every {starts[0]} to {starts[-1]} steps in all",
        f"in {share(gru[0])} runs, at a median step of {steps(gru[0])}, {steps(gru[1])} and {steps(gru[2])} for "
        "T = 50, 100 and 200",
        f"the LSTM in {len(lstm[0].solved)}, {len(lstm[1].solved)} and {share(lstm[2])}, at {steps(lstm[0])}, "
        f"{steps(lstm[1])} and {steps(lstm[2])}, the last of them at step {max(lstm[2].solved)}",
        "a horizon of T - 1", f"solved it in {together(elman)} runs",
        f"its horizon ends at a median of {number(ends[0])} to {number(ends[-1])} steps",
        "the learning rate .01",
    ]  # fmt: skip


EXPERIMENTS = (directionality, clipping, depth, initialization, leaderboard_long, vanishing_gradients)
NOTES = {each.__name__: each for each in EXPERIMENTS}


def demo():
    groups = settings("demo")
    lstm, gru, elman = (groups[f"adding, {cell}"] for cell in ("lstm", "gru", "elman"))
    text = [groups[f"char_lm, {cell}"] for cell in ("gru", "lstm", "elman")]
    starts = sorted({middle(group.runs, "half_life_initial") for group in groups.values()})
    (reached,) = {run["horizon_final"] for run in runs([lstm, gru])}
    assert reached == lstm.runs[0]["length"] - 1
    assert share(lstm) == share(gru)
    assert median(elman.scores) < 0
    count = text[0].known("order_3_bits")
    assert [max(group.numbers("test_metric")) < count for group in text] == [True, True, False]
    return [
        f"halves every {starts[0]} to {starts[-1]} steps in all three cells",
        f"they solve adding in {share(gru)} runs, at step {steps(lstm)} and {steps(gru)}",
        f"reaches all {reached} steps back", f"solves it in {share(elman)} runs, {budget(groups)}",
        f"below what an order-3 count model of the same text reaches, {count:.3f} bits per character",
    ]  # fmt: skip


def experiments():
    found = {name: settings(name) for name in NOTES}
    long, ways, deep, start, clip = (
        found[name] for name in ("vanishing_gradients", "directionality", "depth", "initialization", "clipping")
    )
    lstm = [deep[f"lstm, depth {layers}"] for layers in (1, 2, 4)]
    slowest = max(of("lstm", start), key=lambda group: group.median_steps_to_solve)
    furthest = max(of("lstm", start), key=lambda group: median(group.numbers("horizon_initial")))
    assert slowest.label == furthest.label == "lstm, identity"
    assert all(len(group.solved) == 5 for group in [*of("gru", deep), *of("gru", clip), *of("lstm", clip)])
    one, two = ways["lstm, not bidirectional"], ways["lstm, bidirectional"]
    every = [run for path in (ROOT / "results").glob("*/runs.csv") for run in runs(settings(path.parent.name).values())]
    adding = [run for run in every if run["task"] == "adding"]
    reached = [run for run in adding if run["horizon_final"] == run["length"] - 1]
    assert all(run in reached for run in adding if solves(run))
    assert 0 < sum(not solves(run) for run in reached) < len(reached) / 10
    return [
        f"{budget(long)} the GRU solves adding at T = 200 in {share(long['gru, length 200'])} runs, the LSTM in "
        f"{share(long['lstm, length 200'])}, the vanilla RNN at T = 50 in {share(long['elman, length 50'])}",
        f"{budget(ways)} the LSTM solves T = 100 in {share(one)} runs either way, at a median step of {steps(two)} "
        f"with two directions and {steps(one)} with one",
        f"{budget(deep)} more layers slow the LSTM down ({len(lstm[0].solved)}, {len(lstm[1].solved)} and "
        f"{share(lstm[2])} runs solve T = 60 with 1, 2 and 4)",
        f"after {budget(start).removeprefix('within ')}",
        f"{budget(clip)} the GRU and the LSTM solve T = 60 in every run with and without it, the vanilla RNN in "
        f"{together(of('elman', clip))}",
    ]


SECTIONS = {
    demo: ("demo.md", "Before training the gradient", "Columns and method are explained"),
    experiments: (
        "experiments.md",
        "what was seen, over five seeds, in their report:",
        "<!-- end of what was seen -->",
    ),
}


@pytest.mark.parametrize("phrases", SECTIONS)
def test_every_number_of_a_result_in_the_documentation_is_that_of_the_rows(phrases):
    page, start, end = SECTIONS[phrases]
    text = " ".join((ROOT / "docs" / "start" / page).read_text(encoding="utf-8").split())
    text = text[text.index(start) : text.index(end)]
    assert re.findall(r"\d+", left(text, phrases())) == []


def left(text, phrases):
    """The text on one line, without its phrases, each of which must stand there."""
    text = " ".join(text.split())
    for phrase in phrases:
        assert phrase in text, phrase
        text = text.replace(phrase, "")
    return text


@pytest.mark.parametrize("name", NOTES)
def test_every_number_in_the_notes_is_that_of_the_rows(name):
    text = (ROOT / "results" / name / "NOTES.md").read_text(encoding="utf-8").partition("Seen")
    assert text[1]  # what was expected has no numbers of runs
    assert re.findall(r"\d+", left(text[2], NOTES[name]())) == []


def test_all_notes_are_checked():
    assert {path.parent.name for path in (ROOT / "results").glob("*/NOTES.md")} == set(NOTES)


def test_a_number_that_no_row_has_is_found():
    assert re.findall(r"\d+", left("solved by 3 of 5 in 20 steps", ["3 of 5"])) == ["20"]
    with pytest.raises(AssertionError, match="4 of 5"):
        left("solved by 3 of 5", ["4 of 5"])
    assert solved(settings("directionality")["lstm, bidirectional"]).startswith("5 of 5")
