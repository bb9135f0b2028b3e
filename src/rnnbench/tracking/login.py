"""Whether W&B can be reached, said before anything starts."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from rnnbench.errors import UserError

PATIENCE = 5
"""Seconds to wait for a connection. The client itself then gives up on the login after ten."""


def check_online() -> None:
    """Raises UserError where ``tracking=online`` has no key, a wrong one, or no server."""
    found = problem()
    if found is not None:
        raise UserError(f"tracking=online: {found}, or use tracking=offline and upload later with scripts/sync.py")


def check_sweep() -> None:
    """``check_online`` for the process that starts a sweep's runs; leaves nothing of the client in it to be forked."""
    import wandb

    check_online()
    wandb.teardown()


def problem() -> str | None:
    """Why the client cannot log in and what to do, in one line; None where it is logged in."""
    import wandb

    server = wandb.setup(wandb.Settings(silent=True, mode="online")).settings.base_url
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
