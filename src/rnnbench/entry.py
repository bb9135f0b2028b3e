"""From the command line to a run: with ``rnnbench.sweep.compose`` and the plugins all that knows Hydra and OmegaConf.

Imports nothing heavy, so that ``--help`` and a typo answer at once.
"""

from __future__ import annotations

import gc
import os
import re
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any, cast

import yaml
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rnnbench.cell_options import cell_config
from rnnbench.config import OPTIMIZER_CONFIGS, Config
from rnnbench.errors import UserError, exit_on_user_error, unknown
from rnnbench.loading import loading
from rnnbench.provenance import COMMAND
from rnnbench.reuse import ended, published
from rnnbench.tasks import TASKS
from rnnbench.tracking import lend_folders

SWEPT = {
    r"Ambiguous value for argument '(.*)'": "{}: has several values; to sweep over them add -m, to give one with a "
    "comma quote it, as in 'key=\"a,b\"'",
    r"Sweep parameters '(.*)' requires --multirun": "{}: is a sweep; add -m",
    "Config group override must be": "a group takes the name of one of its files in conf/, as in cell=lstm",
}
"""What Hydra says of the commonest mistakes, in three lines or none, and what to do."""
EXAMPLES = {"task": "adding", "cell": "lstm", "optimizer": "adam"}


def parse(composed: DictConfig) -> Config:
    """Return the composed YAML as a checked, plain Config.

    Raises UserError for a wrong key, type, value or combination.
    """
    with explained():
        return checked(typed(composed))


def typed(composed: DictConfig) -> DictConfig:
    """Return the composed YAML with the types of a Config, which every later change of a value must have too."""
    schema = {
        "task": _choose("task", composed, TASKS),
        "cell": cell_config(_group("cell", composed)),
        "optimizer": _choose("optimizer", composed, OPTIMIZER_CONFIGS),
    }
    own = OmegaConf.masked_copy(composed, [str(key) for key in composed if key not in ("hydra", "protocol")])
    made = OmegaConf.structured(Config)
    for group, config_class in schema.items():
        made[group] = OmegaConf.structured(config_class)
    merged = OmegaConf.merge(made, own)
    assert isinstance(merged, DictConfig)
    return merged


def checked(made: DictConfig) -> Config:
    """Return a ``typed`` configuration as a Config, whose values and combinations are checked."""
    config = OmegaConf.to_object(made)
    assert isinstance(config, Config)
    config.task.check()
    return config


def is_group(loader: Any, key: str) -> bool:
    """Whether ``key`` chooses a file of ``conf/``, and is no value."""
    return bool(loader.get_group_options(key))


def check_groups(loader: Any, overrides: Iterable[Override]) -> None:
    """Raises UserError where a list is given for a group, of which Hydra would silently take a mixture."""
    for override in overrides:
        value = None if override.is_sweep_override() or override.is_delete() else override.value()
        if isinstance(value, list | dict) and is_group(loader, override.key_or_group):
            wanted = ",".join(map(str, value))
            raise UserError(
                f"{override.input_line}: a run has one {override.key_or_group}; to sweep over several: "
                f"-m {override.key_or_group}={wanted}"
            )


def execute(composed: DictConfig) -> float | None:
    """Run a composed configuration, one job of Hydra, and return its score, None where there is none.

    A single run ends here on a user's mistake. In a sweep the others go on, and ``launch`` reports it at the end.
    """
    single = HydraConfig.get().mode != RunMode.MULTIRUN
    with exit_on_user_error() if single else nullcontext():
        loader = GlobalHydra.instance().config_loader()
        given = OverridesParser.create(config_loader=loader).parse_overrides(list(HydraConfig.get().overrides.task))
        check_groups(loader, given)
        config = parse(composed)
        lend_folders(Path(config.runs_dir) / config.name)
        if single:
            old = ended(config, retry=True)
            if old is not None:
                return old.score
            reused = published([config]).get(config.run_id)
            if reused is not None:
                print(f"{config.run_id}: {reused.text}", flush=True)
                return cast(float, reused.row["score"])
            steps = f"{config.trainer.max_steps} training step{'s' if config.trainer.max_steps > 1 else ''}"
            print(f"{config.run_id}: at most {steps}, to {Path(config.runs_dir) / config.name}", flush=True)
        with loading():  # torch, Lightning and W&B, only once the configuration is valid
            if config.tracking.mode != "disabled":
                import wandb.apis.public  # noqa: F401  # before torch: it searches all modules that are loaded by then
            from rnnbench.run import run

        return run(config, retry=single or config.retry_failed).score


def launch(main: Callable[[], Any]) -> None:
    """Runs a script's Hydra main; a user's mistake becomes one line and exit code 2."""
    os.environ[COMMAND] = shlex.join(["python", f"scripts/{Path(sys.argv[0]).name}", *sys.argv[1:]])
    if os.environ.get("HYDRA_FULL_ERROR") == "1":  # the user asks for tracebacks
        return main()
    os.environ["HYDRA_FULL_ERROR"] = "1"  # else Hydra prints several lines and exits with 1 by itself
    try:
        with exit_on_user_error(), explained():
            main()
    finally:
        gc.freeze()  # Python would look through all of torch for garbage as it ends


def configure(conf: Path, *overrides: str) -> Config:
    """The Config that ``overrides`` of the defaults in the folder ``conf`` make, without running anything.

    Raises UserError where they are not valid.
    """
    with explained(), initialize_config_dir(str(conf.resolve()), version_base="1.3"):
        loader = GlobalHydra.instance().config_loader()
        check_groups(loader, OverridesParser.create(config_loader=loader).parse_overrides(list(overrides)))
        return parse(compose("train", list(overrides)))


def read(path: Path) -> Config:
    """The Config of the run that left ``path``, its config.yaml. Raises UserError where it is not one."""
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: cannot be read ({' '.join(str(error).split())})") from error
    if not isinstance(found, dict):
        raise UserError(f"{path}: is no configuration")
    with explained():
        return parse(OmegaConf.create(_literal(found)))


def _literal(value: Any) -> Any:
    """``value`` for OmegaConf, which takes ``${`` for an interpolation, and a backslash before it for an escape."""
    if isinstance(value, dict):
        return {key: _literal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_literal(each) for each in value]
    return re.sub(r"(\\*)\$\{", r"\1\1\\${", value) if isinstance(value, str) else value


@contextmanager
def explained() -> Iterator[None]:
    """Turn an error of Hydra or OmegaConf, which is about what the user gave them, into a UserError of one line."""
    try:
        yield
    except (HydraException, OmegaConfBaseException) as error:
        raise UserError(explain(error)) from error
    except (UserError, OSError):
        raise
    except Exception as error:
        if _comes_from_composition(error):
            raise UserError(explain(error)) from error
        raise


def _comes_from_composition(error: BaseException) -> bool:
    """Whether the libraries that compose a configuration raised it: they meet odd values with errors of any kind."""
    frame = error.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    module = "" if frame is None else str(frame.tb_frame.f_globals.get("__name__"))
    return module.partition(".")[0] in ("hydra", "omegaconf", "yaml", "antlr4")


def explain(error: Exception) -> str:
    """One line for a person from an error of Hydra or OmegaConf."""
    if isinstance(error, MissingConfigException) and error.options is not None:
        group, _, choice = (error.missing_cfg_file or "").rpartition("/")
        return str(unknown(group or "configuration", choice, error.options))
    if isinstance(error, OverrideParseException):
        return f"cannot read the override '{error.override}'{quoted(error.override)}"
    for pattern, advice in SWEPT.items():
        if (found := re.match(pattern, str(error))) is not None:
            return advice.format(*found.groups())
    cause = error if isinstance(error, OmegaConfBaseException) else error.__cause__
    if isinstance(cause, OmegaConfBaseException):
        if (cause.parent_node is not None and "is not in struct" in str(cause)) or "not in '" in str(cause):
            prefix = str(cause.full_key or cause.key).rpartition(".")[0]
            known = [f"{prefix}.{key}" if prefix else str(key) for key in cause.parent_node or ()]
            return str(unknown("key", cause.full_key or cause.key, known))
        return f"{cause.full_key}: {str(cause).splitlines()[0]}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return re.sub(r"\s+", " ", lines[0] if lines else type(error).__name__)


def quoted(override: str) -> str:
    """The advice to quote a value that cannot be read as it is; empty where that would not help."""
    key, equals, value = override.partition("=")
    text = value.replace("\\", "\\\\").replace('"', '\\"')
    try:
        OverridesParser.create().parse_override(f'{key}="{text}"')
    except HydraException:
        return "; give key=value"
    return f"; quote the value: '{key}=\"{text}\"'" if equals else "; give key=value"


def _group(group: str, composed: DictConfig) -> DictConfig:
    """What was chosen for a group."""
    chosen = composed.get(group)
    if not isinstance(chosen, DictConfig) or not isinstance(chosen.get("name"), str):
        raise UserError(f"{group}: nothing is chosen; give one, as in {group}={EXAMPLES[group]}")
    return chosen


def _choose(group: str, composed: DictConfig, known: dict[str, Any]) -> Any:
    name = _group(group, composed).name
    if name not in known:
        raise unknown(group, name, known)
    return known[name]
