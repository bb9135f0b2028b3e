"""The relatives of the LSTM and the GRU."""

from typing import Any

import numpy as np

from equations.blocks import sigmoid


def lstm_peephole(p, x, h, c):
    i = sigmoid(p("input", x, h) + p["peephole.input"] * c)
    f = sigmoid(p("forget", x, h) + p["peephole.forget"] * c)
    new = np.tanh(p("candidate", x, h)) * i + c * f
    o = sigmoid(p("output", x, h) + p["peephole.output"] * new)
    return np.tanh(new) * o, new


def no_peepholes(p, x, h, c):
    i, f, o = (sigmoid(p(gate, x, h)) for gate in ("input", "forget", "output"))
    new = np.tanh(p("candidate", x, h)) * i + c * f
    return np.tanh(new) * o, new


def no_input_gate(p, x, h, c):
    f = sigmoid(p("forget", x, h) + p["peephole.forget"] * c)
    new = np.tanh(p("candidate", x, h)) + c * f
    o = sigmoid(p("output", x, h) + p["peephole.output"] * new)
    return np.tanh(new) * o, new


def no_forget_gate(p, x, h, c):
    i = sigmoid(p("input", x, h) + p["peephole.input"] * c)
    new = np.tanh(p("candidate", x, h)) * i + c
    o = sigmoid(p("output", x, h) + p["peephole.output"] * new)
    return np.tanh(new) * o, new


def no_output_gate(p, x, h, c):
    i = sigmoid(p("input", x, h) + p["peephole.input"] * c)
    f = sigmoid(p("forget", x, h) + p["peephole.forget"] * c)
    new = np.tanh(p("candidate", x, h)) * i + c * f
    return np.tanh(new), new


def no_input_activation(p, x, h, c):
    i = sigmoid(p("input", x, h) + p["peephole.input"] * c)
    f = sigmoid(p("forget", x, h) + p["peephole.forget"] * c)
    new = p("candidate", x, h) * i + c * f
    o = sigmoid(p("output", x, h) + p["peephole.output"] * new)
    return np.tanh(new) * o, new


def no_output_activation(p, x, h, c):
    i = sigmoid(p("input", x, h) + p["peephole.input"] * c)
    f = sigmoid(p("forget", x, h) + p["peephole.forget"] * c)
    new = np.tanh(p("candidate", x, h)) * i + c * f
    o = sigmoid(p("output", x, h) + p["peephole.output"] * new)
    return new * o, new


def coupled(p, x, h, c):
    i = sigmoid(p("input", x, h) + p["peephole.input"] * c)
    new = np.tanh(p("candidate", x, h)) * i + c * (1 - i)
    o = sigmoid(p("output", x, h) + p["peephole.output"] * new)
    return np.tanh(new) * o, new


def lstm_full_gate(p, x, h, c, i, f, o):
    def net(gate):
        seen = (p.R[f"{source}_to_{gate}"] @ old for source, old in (("input", i), ("forget", f), ("output", o)))
        return p(gate, x, h) + sum(seen)

    new_i = sigmoid(net("input") + p["peephole.input"] * c)
    new_f = sigmoid(net("forget") + p["peephole.forget"] * c)
    new = np.tanh(p("candidate", x, h)) * new_i + c * new_f
    new_o = sigmoid(net("output") + p["peephole.output"] * new)
    return np.tanh(new) * new_o, new, new_i, new_f, new_o


def lstm_1997(p, x, h, s):
    y_in, y_out = sigmoid(p("input", x, h)), sigmoid(p("output", x, h))
    new = s + y_in * (4 * sigmoid(p("candidate", x, h)) - 2)
    return y_out * (2 * sigmoid(new) - 1), new


def layer_norm(p, name, z):
    return p[f"{name}.weight"] * (z - z.mean()) / np.sqrt(z.var() + 1e-5) + p[f"{name}.bias"]


def lstm_layernorm(p, x, h, c):
    W_h, W_x, b = (np.concatenate([part[gate] for gate in p.cell.gates]) for part in (p.R, p.W, p.b))
    sums = layer_norm(p, "recurrent_norm", W_h @ h) + layer_norm(p, "input_norm", W_x @ x) + b
    i, f, g, o = np.split(sums, 4)
    new = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(layer_norm(p, "cell_norm", new)), new


def gru_reset_before(p, x, h):
    r, z = sigmoid(p("reset", x, h)), sigmoid(p("update", x, h))
    return ((1 - z) * h + z * np.tanh(p("candidate", x, r * h)),)


def mgu(p, x, h):
    f = sigmoid(p("forget", x, h))
    return ((1 - f) * h + f * np.tanh(p("candidate", x, f * h)),)


def ugrnn(p, x, h):
    c, g = np.tanh(p("candidate", x, h)), sigmoid(p("update", x, h))
    return (g * h + (1 - g) * c,)


def janet(p, x, h):
    s, candidate = p("forget", x, h), np.tanh(p("candidate", x, h))
    return (sigmoid(s) * h + (1 - sigmoid(s - p.cell.beta)) * candidate,)


def slstm(p, x, h, c, n, m):
    """Without the stabiliser, eqs. 8-14; m and what it divides are only translated from and to."""
    c, n = c * np.exp(m), n * np.exp(m)
    z, o, i = np.tanh(p("candidate", x, h)), sigmoid(p("output", x, h)), np.exp(p("input", x, h))
    forget: Any = np.exp if p.cell.forget == "exp" else sigmoid
    f = forget(p("forget", x, h))
    c, n = f * c + i * z, f * n + i
    m = np.maximum(np.log(f) + m, np.log(i))
    return o * c / n, c / np.exp(m), n / np.exp(m), m
