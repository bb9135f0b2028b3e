"""The network of every run: encoder -> Stack -> head, time-major throughout.

Real inputs [T, B, I] enter as they are, in the network's dtype. Tokens [T, B] enter as one-hot vectors, the definition
of the papers: it has no parameters, and a gradient with respect to the input exists. An embedding of symbols, or a
linear layer that brings real inputs to the width of a residual stream, comes after that, and a norm before the head.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrize import cached

from rnnbench.errors import UserError
from rnnbench.network.layers import Stack


class Output(NamedTuple):
    """``prediction``: [T, B, O] for a target at every step, [B, O] for one a sequence; ``state``: to carry on from."""

    prediction: Tensor
    state: list[Any]


class Embedding(nn.Module):
    """x W, W [symbols, D]: the rows of W stand for symbols that come as one-hot vectors.

    A product, and no look-up, so that a gradient with respect to the input exists. W begins as N(0, 1/D): its rows have
    a norm of about 1, as one-hot vectors do, and the logits of a tied head on normed features a variance of about 1.
    """

    def __init__(self, symbols: int, size: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(symbols, size) * size**-0.5)

    def forward(self, inputs: Tensor) -> Tensor:
        return inputs @ self.weight


class Model(nn.Module):
    """A stack of recurrent layers with a linear head, on every step or on the summary of the sequence.

    ``tokens`` says that inputs are symbols below ``input_size``; ``every_step`` that each step has a target.
    ``embedding`` stands before the stack, a linear layer where inputs are real, and ``norm`` after it; with
    ``tied_head`` the head's weight is the embedding's. Raises UserError where they do not fit each other.
    """

    def __init__(
        self,
        stack: Stack,
        input_size: int,
        output_size: int,
        *,
        tokens: bool,
        every_step: bool,
        embedding: Embedding | nn.Linear | None = None,
        norm: nn.Module | None = None,
        tied_head: bool = False,
    ) -> None:
        super().__init__()
        self.embedding = nn.Identity() if embedding is None else embedding
        self.stack = stack
        self.norm = nn.Identity() if norm is None else norm
        self.head = nn.Linear(stack.output_size if every_step else stack.summary_size, output_size)
        if tied_head:
            if not isinstance(embedding, Embedding) or self.head.weight.shape != embedding.weight.shape:
                given = str(list(embedding.weight.shape)) if isinstance(embedding, Embedding) else "none"
                raise UserError(
                    f"network.tied_head=true: the head is {list(self.head.weight.shape)} and the embedding {given}, "
                    "[symbols, width]; give network.embedding the width of what the head reads, or tied_head=false"
                )
            self.head.weight = embedding.weight
        self.input_size = input_size
        self.tokens = tokens
        self.every_step = every_step

    def encode(self, inputs: Tensor) -> Tensor:
        """Return the inputs as vectors [T, B, I] in the network's dtype: tokens [T, B] enter as one-hot vectors."""
        real = functional.one_hot(inputs, self.input_size) if self.tokens else inputs
        return real.to(self.head.weight.dtype)

    def forward(
        self,
        inputs: Tensor,
        lengths: Tensor | None = None,
        state: list[Any] | None = None,
        perturbation: list[Any] | None = None,
        final: bool = True,
    ) -> Output:
        """Return the predictions and the final state; ``state``, ``perturbation`` and ``final`` are those of Stack."""
        outputs, last = self.stack(self.embedding(self.encode(inputs)), lengths, state, perturbation, final)
        outputs = self.norm(outputs)
        features = outputs if self.every_step else self.stack.summary(outputs, lengths)
        return Output(self.head(features), last)

    @torch.no_grad()
    def generate(self, prompt: Tensor, steps: int, temperature: float, generator: torch.Generator) -> Tensor:
        """Continue ``prompt`` [T] by ``steps`` tokens, each drawn from softmax(logits / temperature)."""
        tokens = [prompt]
        inputs, state = prompt[:, None], None
        with cached():  # a parametrised weight is computed once, not for every token
            for _ in range(steps):
                logits, state = self(inputs, state=state)
                probabilities = functional.softmax(logits[-1, 0] / temperature, dim=-1).cpu()
                inputs = torch.multinomial(probabilities, 1, generator=generator)[:, None].to(prompt.device)
                tokens.append(inputs[:, 0])
        return torch.cat(tokens)


def per_target_loss(kind: str, prediction: Tensor, targets: Tensor) -> Tensor:
    """Return the loss of every target: ``mse`` over the last axis, or ``cross_entropy`` in nats of logits [..., O]."""
    if kind == "mse":
        return (prediction - targets).square().mean(dim=-1)
    loss = functional.cross_entropy(prediction.flatten(0, -2), targets.flatten(), reduction="none")
    return loss.view_as(targets)


def last_loss(model: Model, batch: Any, kind: str, perturbation: list[Any] | None = None) -> Tensor:
    """Return the loss [B] of each sequence's last target alone, so that the lag to it is the distance to the loss."""
    prediction = model(batch.inputs, batch.lengths, perturbation=perturbation).prediction
    losses = per_target_loss(kind, prediction, batch.targets)
    if not model.every_step:
        return losses
    if batch.lengths is None:
        return losses[-1]
    return losses.gather(0, (batch.lengths - 1)[None])[0]
