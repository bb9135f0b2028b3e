"""Cells whose memory is a linear recurrence."""

import numpy as np
from scipy.special import erf

from equations.blocks import sigmoid


def _positive(value):
    return np.where(value >= 0, value + 0.5, sigmoid(value))


def mingru(p, x, h):
    z, candidate = sigmoid(p.input("update", x)), p.input("candidate", x)
    return ((1 - z) * h + z * candidate,)


def mingru_positive(p, x, h):
    z, candidate = sigmoid(p.input("update", x)), _positive(p.input("candidate", x))
    return ((1 - z) * h + z * candidate,)


def minlstm(p, x, h):
    f, i = sigmoid(p.input("forget", x)), sigmoid(p.input("input", x))
    return (f / (f + i) * h + i / (f + i) * p.input("candidate", x),)


def minlstm_positive(p, x, h):
    f, i = sigmoid(p.input("forget", x)), sigmoid(p.input("input", x))
    return (f / (f + i) * h + i / (f + i) * _positive(p.input("candidate", x)),)


def qrnn_fo(p, x, h, c):
    f, o = sigmoid(p.input("forget", x)), sigmoid(p.input("output", x))
    c = f * c + (1 - f) * np.tanh(p.input("candidate", x))
    return o * c, c


def qrnn_ifo(p, x, h, c):
    f, i, o = (sigmoid(p.input(gate, x)) for gate in ("forget", "input", "output"))
    c = f * c + i * np.tanh(p.input("candidate", x))
    return o * c, c


def lru(p, x, h):
    decay = np.exp(-np.exp(p["nu"]) + 1j * np.exp(p["theta"]))
    scale = 1 if p.cell.gamma is None else np.exp(p["gamma"])
    return (decay * h + scale * (p.W["real"] @ x + 1j * (p.W["imaginary"] @ x)),)


def lru_readout(p, x, h):
    real, imaginary = np.split(p["output_projection.weight"], 2, axis=1)
    y = ((real - 1j * imaginary) @ h).real + (p.W["skip"] @ x if p.cell.skip else 0)
    return y * (1 + erf(y / np.sqrt(2))) / 2 if p.cell.activation == "gelu" else y
