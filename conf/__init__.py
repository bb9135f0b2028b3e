"""Hydra's groups; in an installed package rnnbench.conf, for ``pkg://rnnbench.conf``."""
