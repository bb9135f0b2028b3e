"""The configuration keys of the network and its initialization."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from rnnbench.errors import UserError, check_choice, check_plain, check_range
from rnnbench.extensions import dotted
from rnnbench.network.budget import parse as parse_budget

ENGINE_NAMES = ("auto", "associative", "chunkwise", "compiled", "fused", "graphed", "loop")


@dataclass(kw_only=True)
class NetworkConfig:
    hidden_size: int | None
    budget: str | None
    depth: int
    bidirectional: bool
    dropout: float
    recurrent_dropout: float
    zoneout: float
    zoneout_memory: float
    engine: str
    # Neutral in configurations from before these keys.
    block: str = "none"
    norm: str = "layer"
    convolution: int = 0
    mlp: float = 0.0
    embedding: int | None = None
    tied_head: bool = False
    heads: int | None = None

    def __post_init__(self) -> None:
        if self.budget is not None:
            parse_budget(self.budget)
        elif self.hidden_size is None:
            raise UserError("network.hidden_size=null: give a width, or a network.budget such as parameters:70000")
        if self.hidden_size is not None:
            check_range("network.hidden_size", self.hidden_size, at_least=1, at_most=10**6)
        if self.budget is not None:
            self.hidden_size = None  # the budget decides
        check_range("network.depth", self.depth, at_least=1, at_most=1000)
        for key in ("dropout", "recurrent_dropout", "zoneout", "zoneout_memory"):
            check_range(f"network.{key}", getattr(self, key), at_least=0, below=1)
        if self.heads is not None:
            check_range("network.heads", self.heads, at_least=1, at_most=10**6)
        check_choice("network.engine", self.engine, ENGINE_NAMES)
        self._check_block()

    def _check_block(self) -> None:
        check_choice("network.block", self.block, ["none", "residual"])
        check_choice("network.norm", self.norm, ["layer", "rms"])
        check_range("network.convolution", self.convolution, at_least=0, at_most=10**4)
        check_range("network.mlp", self.mlp, at_least=0, at_most=1000)
        if self.convolution == 1:
            raise UserError("network.convolution=1: one step is no convolution; give 2 or more steps, or 0 for none")
        if self.embedding is not None:
            check_range("network.embedding", self.embedding, at_least=1, at_most=10**6)
        if self.block == "none":
            for key in ("convolution", "mlp"):
                if getattr(self, key):
                    raise UserError(
                        f"network.{key}={getattr(self, key)}: is part of a block; use network.block=residual"
                    )
            self.norm = "layer"  # there is none
        elif self.embedding is not None:
            raise UserError(f"network.embedding={self.embedding}: a block's stream has the width network.hidden_size, "
                            "and so has its embedding; leave it null")  # fmt: skip


@dataclass(kw_only=True)
class InitConfig:
    """Distributions by name (``rnnbench.network.initialization``), separate for the three kinds of parameters.

    ``_target_`` is a function of the user's own that comes last, ``arguments`` what it takes besides the cell.
    """

    name: str
    paper: bool
    input: str
    input_scale: float
    recurrent: str
    recurrent_scale: float
    bias: str
    bias_scale: float
    gate_bias: dict[str, float]
    memory: str
    t_max: float | None
    _target_: str | None = None  # a run from before there was one has a config.yaml without it
    arguments: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_plain("init.arguments", self.arguments)
        if self._target_ is not None:
            self._target_ = dotted(self._target_)
        elif self.arguments:
            raise UserError(f"init.arguments.{next(iter(self.arguments))}: goes with init._target_=my.module:function")
        if self.t_max is not None:
            check_range("init.t_max", self.t_max, above=2 if self.memory == "chrono" else 0, at_most=10**9)
        if self.memory != "chrono" and not self.paper:
            self.t_max = None  # so that nothing else depends on the length of the task
        elif self.memory == "chrono" and self.t_max is None:
            raise UserError("init.memory=chrono needs init.t_max, the longest time constant in steps")
        for kind in ("input", "recurrent", "bias"):
            scale = getattr(self, f"{kind}_scale")
            check_range(f"init.{kind}_scale", scale, at_least=-1000, at_most=1000)
            if getattr(self, kind) == "default" and scale != 1:
                raise UserError(f"init.{kind}_scale={scale}: choose a distribution to scale, init.{kind}=...")
        for gate, value in self.gate_bias.items():
            check_range(f"init.gate_bias.{gate}", value, at_least=-1000, at_most=1000)

    def options(self) -> dict[str, Any]:
        """Return the keyword arguments of ``initialize``."""
        own = {"target": self._target_, "arguments": self.arguments}
        return {key: value for key, value in asdict(self).items() if key not in ("name", "_target_")} | own
