"""Preloads W&B and matplotlib in the server that forks tracked runs: their first use takes 1.5 s, here once."""

from io import BytesIO

import numpy as np
import opentelemetry.exporter.otlp.proto.http._log_exporter  # noqa: F401
import opentelemetry.exporter.otlp.proto.http.metric_exporter  # noqa: F401
import pandas  # noqa: F401
import wandb.sdk.launch.inputs.internal  # noqa: F401

from rnnbench.tracking import charts

charts.heat_map(np.array([0, 1]), np.zeros((2, 1, 1, 2)), floor=-1).savefig(BytesIO())
