"""Elman, LSTM, GRU."""

import numpy as np

from equations.blocks import sigmoid


def elman(p, x, h):
    return (np.tanh(p("hidden", x, h)),)


def elman_relu(p, x, h):
    return (np.maximum(p("hidden", x, h), 0),)


def lstm(p, x, h, c):
    i, f, o = (sigmoid(p(gate, x, h)) for gate in ("input", "forget", "output"))
    new = f * c + i * np.tanh(p("candidate", x, h))
    return o * np.tanh(new), new


def gru(p, x, h):
    r, z = sigmoid(p("reset", x, h)), sigmoid(p("update", x, h))
    candidate = np.tanh(p.input("candidate", x) + r * p.recurrent("candidate", h))
    return ((1 - z) * h + z * candidate,)
