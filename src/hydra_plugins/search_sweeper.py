"""The sweeper of a search: Hydra's Optuna sweeper, whose grid also survives that its last trial fails."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from hydra.plugins.sweeper import Sweeper


class SearchSweeper(Sweeper):
    """Takes the options of ``OptunaSweeper``; the defaults are in conf/hydra/sweeper/search.yaml."""

    def __init__(self, **options: Any) -> None:
        self.options = options

    def setup(self, *, hydra_context: Any, task_function: Any, config: Any) -> None:
        from hydra_plugins.hydra_optuna_sweeper.optuna_sweeper import OptunaSweeper  # --help does without

        self.sweeper = OptunaSweeper(**self.options)
        self.sweeper.setup(hydra_context=hydra_context, task_function=task_function, config=config)

    def sweep(self, arguments: list[str]) -> Any:
        with grids_never_stop():
            return self.sweeper.sweep(arguments)


@contextmanager
def grids_never_stop() -> Iterator[None]:
    """Let Optuna's grid sampler end a study that asks and tells, which has no loop that it could stop.

    It then raises RuntimeError, which the sweeper ignores of a trial with a value and not of one that failed.
    """
    from optuna.samplers import GridSampler

    after_trial = GridSampler.after_trial

    def ignoring(*arguments: Any) -> None:
        with suppress(RuntimeError):
            after_trial(*arguments)

    GridSampler.after_trial = ignoring  # type: ignore[method-assign, assignment]
    try:
        yield
    finally:
        GridSampler.after_trial = after_trial  # type: ignore[method-assign]
