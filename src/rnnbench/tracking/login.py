"""Checks that runs can be tracked as configured, before anything starts."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterable
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from rnnbench.config.schema import Config
from rnnbench.errors import UserError
from rnnbench.tracking.cache_folders import set_cache_folders

PATIENCE = 5
"""Seconds to wait for a connection. The client itself then gives up on the login after ten."""


def check(config: Config) -> None:
    """Raise UserError where the client rejects its settings; online, also where it has no key or no server."""
    mode = config.tracking.mode
    if mode == "disabled":
        return
    set_cache_folders(Path(config.runs_dir) / config.name)
    found = problem(online=mode == "online")
    if found is not None:
        other = "tracking=offline and upload later with rnnbench sync" if mode == "online" else "tracking=disabled"
        raise UserError(f"tracking={mode}: {found}, or use {other}")


def check_sweep(configs: Iterable[Config]) -> None:
    """Call ``check`` for the process that starts a sweep's runs; leaves nothing of the client in it to be forked."""
    tracked = {config.tracking.mode: config for config in configs if config.tracking.mode != "disabled"}
    for config in tracked.values():
        check(config)
    if tracked:
        import wandb

        wandb.teardown()


def problem(online: bool = True) -> str | None:
    """Return why the client cannot be set up or, ``online``, log in, and what to do, in one line; None if it can."""
    import wandb

    try:
        settings = wandb.Settings(silent=True)
        if online:  # else nothing: offline would stay in the process, and forbid a later login
            settings.mode = "online"
        server = wandb.setup(settings).settings.base_url
    except (wandb.Error, ValueError) as error:
        return f"{_refused(error)}; correct or unset it"
    if not online:
        return None
    parts = urlsplit(server)
    if parts.scheme not in getproxies() or proxy_bypass(parts.netloc):  # else a direct connection proves nothing
        try:
            port = parts.port or (443 if parts.scheme == "https" else 80)
            socket.create_connection((parts.hostname, port), timeout=PATIENCE).close()
        except OSError as error:
            return f"no W&B server at {server} ({error}); check the network and WANDB_BASE_URL"
    try:
        if wandb.login(prompt=False, verify=True):
            return None
    except wandb.Error as error:
        return f"W&B at {server} refuses the login ({str(error).splitlines()[0]}); use 'wandb login --relogin'"
    return "no W&B key; use 'wandb login'"


def _refused(error: Exception) -> str:
    """Return the environment variable that the client rejects, and why."""
    from pydantic import ValidationError

    reason = str(error).splitlines()[0]
    if not isinstance(error, ValidationError):
        return f"the W&B settings of the environment are not valid ({reason})"
    detail = error.errors()[0]
    given = [name for name, value in os.environ.items() if name.startswith("WANDB_") and value == detail["input"]]
    return f"{given[0] if given else detail['loc'][0]}={detail['input']}: {detail['msg']}"
