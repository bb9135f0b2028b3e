"""``rnnbench sample``: continue a text with a network that was trained on one."""

from __future__ import annotations

from pathlib import Path

import click

from rnnbench.cli import options
from rnnbench.errors import UserError


@click.command("sample")
@click.argument("folder", type=options.FOLDER)
@click.option("--prompt", help="The text to continue, by default the run's own task.prompt.")
@click.option("--length", type=click.IntRange(1), help="How many characters to add, by default task.sample_length.")
@click.option("--temperature", type=float, help="What logits are divided by, by default task.temperature.")
@click.option(
    "--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Another seed, another text."
)
def command(folder: Path, prompt: str | None, length: int | None, temperature: float | None, seed: int) -> None:
    """Continue a text with the network of the run in FOLDER, runs/NAME/RUN_ID, that learned task=char_lm."""
    from rnnbench.api.runs import load  # loads torch
    from rnnbench.tasks.char_lm import CharLM
    from rnnbench.training.sampling import continue_text

    network, config, _ = load(folder)
    if not isinstance(config.task, CharLM):
        raise UserError(f"{folder}: learned task={config.task.name}; only a run of task=char_lm continues a text")
    wanted = {"prompt": prompt, "sample_length": length, "temperature": temperature}
    task = config.task.altered(**{key: value for key, value in wanted.items() if value is not None})
    request = task.continuation()
    if request is None:
        raise UserError(f"{folder}: its task.sample_length is 0; say how many characters with --length")
    if request.note:
        raise UserError(request.note.partition(";")[0])
    print(continue_text(task, request, network, seed))
