"""Cells of 2017 to 2025 whose memory is a vector, or a small vector a unit."""

import numpy as np
from scipy.signal import cont2discrete
from scipy.special import erf

from equations.blocks import sigmoid

THETA = 6.5
"""Steps that the memory of the LMU spans, in the catalogue."""


def softplus(value):
    return np.log1p(np.exp(value))


def s6(p, x, h):
    """Algorithm 2 unit by unit: A exactly, B by Euler's rule."""
    u, dt, b, _ = _selected(p, x)
    a = np.exp(np.outer(dt, np.ones(len(b))) * -np.exp(p["log_a"]))
    if p.cell.decay == "signed":
        a = 2 * a - 1
    new = np.empty_like(h)
    for unit in range(len(u)):
        new[unit] = a[unit] * h[unit] + dt[unit] * b * u[unit]
    return (new,)


def s6_readout(p, x, h):
    u, _, _, c = _selected(p, x)
    return np.array([h[unit] @ c + p["d"][unit] * u[unit] for unit in range(len(u))])


def _selected(p, x):
    u = p.input("content", x)
    rows = p["selection.weight"]
    n = p.cell.state_size
    low, b, c = rows[: -2 * n] @ u, rows[-2 * n : -n] @ u, rows[-n:] @ u
    return u, softplus(p["step_projection.weight"] @ low + p["step_projection.bias"]), b, c


def rglru(p, x, h):
    u = p.input("content", x)
    r, i = np.split(sigmoid(p["gate_projection.weight"] @ u + p["gate_projection.bias"]), 2)
    a = sigmoid(p["decay"]) ** (8 * r)
    return (a * h + np.sqrt(1 - a**2) * (i * u),)


def _gelu(y):
    return y * (1 + erf(y / np.sqrt(2))) / 2


def s4d(p, x, h):
    """x' = A x + u for each unit, with u held over a step of dt."""
    a = -np.exp(p["log_a_real"]) + 1j * p["a_imaginary"]
    decay = np.exp(np.exp(p["log_dt"])[:, None] * a)
    return (decay * h + (decay - 1) / a * p.input("content", x)[:, None],)


def s4d_readout(p, x, h):
    c = p["c"][..., 0] + 1j * p["c"][..., 1]
    y = 2 * np.array([(row @ memory).real for row, memory in zip(c, h, strict=True)]) + p["d"] * p.input("content", x)
    return _gelu(y) if p.cell.activation == "gelu" else y


def s5(p, x, h):
    rate = np.minimum(p["lambda_real"], -1e-4) + 1j * p["lambda_imaginary"]
    decay = np.exp(rate * np.exp(p["log_dt"]))
    return (decay * h + (decay - 1) / rate * ((p.W["real"] + 1j * p.W["imaginary"]) @ x),)


def s5_readout(p, x, h):
    real, minus = np.split(p["output_projection.weight"], 2, axis=1)
    y = 2 * ((real - 1j * minus) @ h).real + p.W["skip"] @ x
    return _gelu(y) if p.cell.activation == "gelu" else y


def mingru_signed(p, x, h):
    z, s = sigmoid(p.input("update", x)), np.tanh(p.input("sign", x))
    return (((1 - z) * s if p.cell.coupled else s) * h + z * p.input("candidate", x),)


def sru(p, x, h, c):
    """Both gates see the c before the step."""
    seen = {gate: p[f"peephole.{gate}"] if f"peephole.{gate}" in p.parameters else 0 for gate in ("forget", "reset")}
    f, r = (sigmoid(p.input(gate, x) + v * c) for gate, v in seen.items())
    new = f * c + (1 - f) * p.input("candidate", x)
    around = p.input("highway", x) if len(x) != len(h) else np.sqrt(1 + 2 * np.exp(-1.5)) * x
    return r * new + (1 - r) * around, new


def lmu(p, x, h, m):
    """A and B by scipy, from the paper's differential equation."""
    d = len(m)
    a = [[(2 * i + 1) * (-1 if i < j else (-1) ** (i - j + 1)) for j in range(d)] for i in range(d)]
    b = [[(2 * i + 1) * (-1) ** i] for i in range(d)]
    system = np.array(a) / THETA, np.array(b) / THETA, np.zeros((1, d)), np.zeros((1, 1))
    held, entering, *_ = cont2discrete(system, 1.0, method="zoh")
    u = p.W["encoder"] @ x + p["hidden_encoder.weight"] @ h + p["memory_encoder.weight"] @ m
    m = held @ m + entering @ u
    return np.tanh(p.W["hidden"] @ x + p.R["hidden"] @ h + p["memory_projection.weight"] @ m), m


def gru_diagonal(p, x, h):
    a_z, a_r, a_n = p["diagonal"]
    z, r = sigmoid(p.input("update", x) + a_z * h), sigmoid(p.input("reset", x) + a_r * h)
    n = np.tanh(p.input("candidate", x) + a_n * (r * h))
    return ((1 - z) * h + z * n,)


def lstm_diagonal(p, x, h, c):
    (a_f, a_o, a_c), (p_f, p_o) = p["diagonal"], p["peephole"]
    f = sigmoid(p.input("forget", x) + a_f * h + p_f * c)
    c = f * c + (1 - f) * np.tanh(p.input("candidate", x) + a_c * h)
    o = sigmoid(p.input("output", x) + a_o * h + p_o * c)
    return o * np.tanh(c), c
