"""The configuration of one run as plain dataclasses: every key, its type and its range.

Defaults are not here but in ``conf/``, in one place. A task is configured by its own class (``rnnbench.tasks``).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from rnnbench.config import plugins
from rnnbench.config.cell_config import CellConfig
from rnnbench.config.early_stop import SOLVED, EarlyStopConfig
from rnnbench.config.identity import digest
from rnnbench.config.matrix_cells import MatrixConfig
from rnnbench.config.network import InitConfig, NetworkConfig
from rnnbench.config.optimizer import OptimizerConfig
from rnnbench.config.schedule import ScheduleConfig
from rnnbench.errors import UserError, check_choice, check_folder_name, check_range
from rnnbench.tasks import Task, lengths

MOST_STEPS = 10**9


@dataclass(kw_only=True)
class ClipConfig:
    kind: str
    threshold: float | None

    def __post_init__(self) -> None:
        check_choice("clip.kind", self.kind, ["none", "norm", "value"])
        if self.threshold is not None:
            check_range("clip.threshold", self.threshold, above=0, at_most=10**9)
        elif self.kind != "none":
            raise UserError(f"clip={self.kind} needs a clip.threshold")
        if self.kind == "none":
            self.threshold = None  # so that a sweep over kinds and thresholds runs clip=none once


@dataclass(kw_only=True)
class ProbeConfig:
    kind: str
    every: int
    batch_size: int
    sequences: int
    exponents: int
    diagnostics: list[str] = field(default_factory=list)
    """More of them, beside those of ``kind``; none in a configuration from before this key."""

    def __post_init__(self) -> None:
        check_choice("probe.kind", self.kind, ["default", "full", "off"])
        if self.kind == "off" and self.diagnostics:
            raise UserError(f"probe.diagnostics={self.diagnostics}: probe=off measures nothing; use probe=default")
        check_range("probe.every", self.every, at_least=1, at_most=MOST_STEPS)
        for key in ("batch_size", "sequences", "exponents"):
            check_range(f"probe.{key}", getattr(self, key), at_least=1, at_most=10**6)


@dataclass(kw_only=True)
class TrackingConfig:
    mode: str
    project: str
    entity: str | None
    group: str | None
    # Neutral in configurations from before these keys.
    job_type: str = "report"
    factors: list[str] = field(default_factory=list)
    checkpoint: bool = False

    def __post_init__(self) -> None:
        check_choice("tracking.mode", self.mode, ["offline", "online", "disabled"])
        check_choice("tracking.job_type", self.job_type, ["tune", "report"])
        for key, without in (("project", "/\\#?%:"), ("entity", "/\\#?%:"), ("group", "")):
            name = getattr(self, key)
            if name is not None and not (name.strip() and len(name) <= 128 and name.isprintable()):
                raise UserError(f"tracking.{key}={name!r}: W&B takes 1 to 128 characters, no control characters")
            if name is not None and set(name) & set(without):
                raise UserError(f"tracking.{key}={name!r}: W&B takes none of the characters {' '.join(without)}")


@dataclass(kw_only=True)
class TrainerConfig:
    max_steps: int
    validate_every: int
    log_every: int
    stop_when_solved: bool
    accelerator: str
    threads: int
    progress: bool
    checkpoint_every: int
    # Neutral in configurations from before these keys.
    precision: str = "32"
    accumulate_grad_batches: int = 1
    steps_per_execution: int = 1

    def __post_init__(self) -> None:
        check_range("trainer.accumulate_grad_batches", self.accumulate_grad_batches, at_least=1, at_most=10**6)
        for key in ("max_steps", "validate_every", "log_every", "checkpoint_every", "steps_per_execution"):
            check_range(f"trainer.{key}", getattr(self, key), at_least=1, at_most=MOST_STEPS)
        check_range("trainer.threads", self.threads, at_least=1, at_most=1024)
        check_choice("trainer.precision", self.precision, ["64", "32", "bf16-mixed", "16-mixed"])
        check_choice("trainer.accelerator", self.accelerator, ["auto", "cpu", "cuda", "gpu", "mps", "tpu"])

    def check_executions(self, probe: ProbeConfig) -> None:
        """Raise UserError where something is due between two steps of one execution."""
        many = self.steps_per_execution
        due = {f"trainer.{key}": getattr(self, key)
               for key in ("max_steps", "validate_every", "log_every", "checkpoint_every")}  # fmt: skip
        if probe.kind != "off":
            due["probe.every"] = probe.every
        for key, steps in due.items():
            if steps % many:
                raise UserError(
                    f"trainer.steps_per_execution={many}: must divide {key}={steps}; nothing happens within "
                    "an execution"
                )
        for key, refused in (("accumulate_grad_batches", self.accumulate_grad_batches > 1),
                             ("precision", self.precision == "16-mixed")):  # fmt: skip
            if many > 1 and refused:
                value = getattr(self, key)
                raise UserError(
                    f"trainer.steps_per_execution={many}: does not go with trainer.{key}={value}; leave one out"
                )


@dataclass(kw_only=True)
class Config:
    """The complete configuration of one run."""

    seed: int
    name: str
    runs_dir: str
    results_dir: str
    force: bool
    retry_failed: bool
    reuse: bool
    cell: CellConfig
    network: NetworkConfig
    task: Task
    init: InitConfig
    clip: ClipConfig
    optimizer: OptimizerConfig
    probe: ProbeConfig
    tracking: TrackingConfig
    trainer: TrainerConfig
    # Neutral in configurations from before these keys.
    schedule: ScheduleConfig = field(default_factory=ScheduleConfig)
    early_stop: EarlyStopConfig = field(default_factory=EarlyStopConfig)
    callbacks: dict[str, Any] = field(default_factory=dict)
    loggers: dict[str, Any] = field(default_factory=dict)
    resume_from: str | None = None

    def __post_init__(self) -> None:
        check_range("seed", self.seed, at_least=0, at_most=2**32 - 1)  # NumPy and Lightning take no more
        check_folder_name("name", self.name)
        for key in ("runs_dir", "results_dir"):
            path = getattr(self, key)
            if not path.strip() or path.startswith("~") or "\0" in path:
                raise UserError(f"{key}={path!r}: must be the path of a folder, written out, as in $HOME/runs")
        if self.network.heads is not None:
            self._give_heads(self.network.heads)
        width, multiple = self.network.hidden_size, self.cell.width_multiple
        if width is not None and width % multiple:
            raise UserError(f"network.hidden_size={width}: must be a multiple of {multiple} for cell={self.cell.name}")
        if self.network.embedding is not None and not self.task.tokens:
            raise UserError(f"network.embedding={self.network.embedding}: the inputs of task={self.task.name} are real "
                            "numbers, not symbols; leave it null")  # fmt: skip
        lengths.check(self.task)
        if self.resume_from is not None and not (self.resume_from.isprintable() and Path(self.resume_from).name):
            raise UserError(f"resume_from={self.resume_from!r}: must be the folder of a run, or its run_id")
        self.callbacks = plugins.checked("callbacks", self.callbacks)
        self.loggers = plugins.checked("loggers", self.loggers)
        self.trainer.check_executions(self.probe)
        for group in (self.schedule, self.early_stop):
            group.check(self.trainer.max_steps, self.trainer.validate_every)
        if self.early_stop.name == SOLVED:
            if not self.trainer.stop_when_solved:
                raise UserError("early_stop=solved: contradicts trainer.stop_when_solved=false; leave one out")
            self.early_stop = EarlyStopConfig()  # two names of one run
        if self.network.tied_head:
            self._check_tied_head()
        if self.network.bidirectional and self.task.causal:
            raise UserError(
                f"network.bidirectional=true with task={self.task.name}: its backward direction would see the next "
                "input, which is the target; use network.bidirectional=false"
            )

    def _give_heads(self, heads: int) -> None:
        """Make network.heads the heads of the cell. Raise UserError where it has none."""
        if not isinstance(self.cell, MatrixConfig):
            raise UserError(f"network.heads={heads}: cell={self.cell.name} has no heads; leave it null, or use "
                            "cell.heads, which goes to the cells of a sweep that have them")  # fmt: skip
        self.cell = replace(self.cell, heads=heads)
        self.network.heads = None  # two names of one run

    def _check_tied_head(self) -> None:
        """Raise UserError where no width could make the head tied; for the actual width the Model checks it."""
        network, task = self.network, self.task
        if not (task.tokens and task.input_size == task.output_size):
            raise UserError(f"network.tied_head=true: task={task.name} does not predict the symbols it reads; "
                            "use network.tied_head=false")  # fmt: skip
        if network.block == "none" and network.embedding is None:
            raise UserError("network.tied_head=true: there is no embedding to share; give network.embedding the width "
                            "of what the head reads, or use network.block=residual")  # fmt: skip
        if network.block == "none" and network.budget is not None:
            raise UserError(f"network.tied_head=true: network.embedding={network.embedding} fits one width alone, and "
                            f"network.budget={network.budget} chooses it; use network.block=residual")  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return nested plain values, ready for JSON."""
        return asdict(self)

    @property
    def run_id(self) -> str:
        """A readable name that ends in a hash of everything that can change the result (``rnnbench.config.identity``).

        Folders, measurement, tracking and launcher do not change it.
        """
        values = self.to_dict()
        if self.resume_from is not None:
            values["resume_from"] = Path(self.resume_from).name  # that run's id, in any folder
        return f"{self.task.name}-{self.cell.name}-seed{self.seed}-{digest(values)}"
