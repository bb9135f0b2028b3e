"""From overrides to a Config as a sweep makes it, by one composer for a session.

``test_compose.py`` shows that a single run's configuration, composed by itself, is the same.
"""

from functools import cache
from pathlib import Path

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode

from rnnbench.sweep.compose import Composer

CONF = Path(__file__).parents[1] / "conf"
SMALL = (
    "tracking=disabled",
    "task.length=10",
    "network.hidden_size=8",
    "trainer.max_steps=20",
    "trainer.validate_every=10",
    "trainer.log_every=5",
    "task.validation_sequences=32",
    "task.test_sequences=32",
    "probe.every=10",
    "probe.batch_size=4",
)


@cache
def composer():
    """The composer of everything in ``conf/``; it knows no files that come later."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
    made = Composer(loader, loader.load_configuration("train", [], run_mode=RunMode.RUN))
    made.begin_with_base()
    return made


def config(*overrides):
    """The Config that ``overrides`` of the defaults make."""
    return composer().config(overrides)
