"""A trained network continues a text."""

from __future__ import annotations

import torch

from rnnbench.network.model import Model
from rnnbench.tasks.base import Continuation, Task


def continue_text(task: Task, request: Continuation, network: Model, seed: int) -> str:
    """Return the text of ``request`` with what ``network`` adds to it, a function of ``seed``."""
    prompt = torch.from_numpy(request.tokens).to(next(network.parameters()).device)
    generator = torch.Generator().manual_seed(seed)
    tokens = network.eval().generate(prompt, request.steps, request.temperature, generator)
    return task.decode(tokens.cpu().numpy())
