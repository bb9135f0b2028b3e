"""Cells whose memory is a matrix: each paper's equations for one sequence, head by head."""

import numpy as np

from equations.blocks import sigmoid


def heads(cell, vector):
    return np.split(vector, cell.heads)


def silu(x):
    return x * sigmoid(x)


def normed(x):
    return x / np.sqrt(x @ x + 1e-6)


def softplus(x):
    return np.log1p(np.exp(x))


def each_head(function):
    """The equations of one head, which are given its number, for a state of all heads."""

    def of_all(p, x, *parts):
        found = [function(p, n, x, *(part[n] for part in parts)) for n in range(p.cell.heads)]
        return tuple(np.stack(part) for part in zip(*found, strict=True))

    return of_all


def each_reading(function):
    def of_all(p, x, *parts):
        return np.concatenate([function(p, n, x, *(part[n] for part in parts)) for n in range(p.cell.heads)])

    return of_all


def head(p, gate, n, x):
    return heads(p.cell, p.input(gate, x))[n]


def _elu1(a):
    return np.where(a > 0, a + 1, np.exp(np.minimum(a, 0)))


@each_head
def linear_attention(p, n, x, S, z):
    k = _elu1(head(p, "key", n, x))
    return S + np.outer(k, head(p, "value", n, x)), z + k


@each_reading
def linear_attention_readout(p, n, x, S, z):
    q = _elu1(head(p, "query", n, x))
    return S.T @ q / (z @ q + 1e-6)


def _rotation(size):
    """The matrix that turns each pair of rows by 10000^(-j / (pairs - 1))."""
    R, pairs = np.eye(size), size // 2
    for j in range(pairs):
        theta = 10000.0 ** (-j / max(pairs - 1, 1))
        R[2 * j : 2 * j + 2, 2 * j : 2 * j + 2] = [[np.cos(theta), -np.sin(theta)], [np.sin(theta), np.cos(theta)]]
    return R


@each_head
def retnet(p, n, x, S):
    k = head(p, "key", n, x) / np.sqrt(p.cell.key_size)
    return ((1 - 2.0 ** (-5 - n)) * _rotation(len(k)) @ S + np.outer(k, head(p, "value", n, x)),)


@each_reading
def reading(p, n, x, S):
    return S.T @ head(p, "query", n, x)


@each_reading
def scaled_reading(p, n, x, S):
    return S.T @ head(p, "query", n, x) / np.sqrt(p.cell.key_size)


def _low_rank(p, x, inner=lambda low: low):
    return p["decay.up.weight"] @ inner(p["decay.down.weight"] @ x) + p["decay.up.bias"]


@each_head
def gla(p, n, x, S):
    a = sigmoid(heads(p.cell, _low_rank(p, x))[n]) ** (1 / 16)
    return (np.diag(a) @ S + np.outer(head(p, "key", n, x), head(p, "value", n, x)),)


@each_head
def mlstm(p, n, x, C, n_, m):
    k = head(p, "key", n, x) / np.sqrt(p.cell.key_size)
    i, f = head(p, "input", n, x)[0], np.log(sigmoid(head(p, "forget", n, x)[0]))
    new = max(f + m, i)
    forget, entry = np.exp(f + m - new), np.exp(i - new)
    return forget * C + entry * np.outer(k, head(p, "value", n, x)), forget * n_ + entry * k, new


@each_reading
def mlstm_readout(p, n, x, C, n_, m):
    q, o = head(p, "query", n, x), sigmoid(head(p, "output", n, x))
    return o * (C.T @ q) / max(abs(n_ @ q), np.exp(-m))


def _delta(S, beta, k, v):
    return (np.eye(len(k)) - beta * np.outer(k, k)) @ S + beta * np.outer(k, v)


def _largest(p):
    return {"positive": 1, "signed": 2}[p.cell.eigenvalues]


@each_head
def deltanet(p, n, x, S):
    beta = _largest(p) * sigmoid(head(p, "rate", n, x)[0])
    return (_delta(S, beta, normed(silu(head(p, "key", n, x))), silu(head(p, "value", n, x))),)


@each_reading
def delta_reading(p, n, x, S):
    return S.T @ normed(silu(head(p, "query", n, x))) / np.sqrt(p.cell.key_size)


def _alpha(p, n, drive):
    return np.exp(-np.exp(p["decay.log_rate"][n]) * softplus(drive + p["decay.step_bias"][n]))


@each_head
def gated_deltanet(p, n, x, S):
    beta = _largest(p) * sigmoid(head(p, "rate", n, x)[0])
    k, v = normed(silu(head(p, "key", n, x))), silu(head(p, "value", n, x))
    alpha = _alpha(p, n, head(p, "decay", n, x)[0])
    return (alpha * (np.eye(len(k)) - beta * np.outer(k, k)) @ S + beta * np.outer(k, v),)


@each_head
def deltaproduct(p, n, x, S):
    if "decay" in p.W:
        S = _alpha(p, n, head(p, "decay", n, x)[0]) * S
    keys, values, rates = (np.split(head(p, gate, n, x), p.cell.micro_steps) for gate in ("key", "value", "rate"))
    for k, v, b in zip(keys, values, rates, strict=True):
        S = _delta(S, _largest(p) * sigmoid(b[0]), normed(silu(k)), silu(v))
    return (S,)


@each_head
def mamba2(p, n, x, S):
    dt = softplus(p.input("step", x)[n] + p["decay.step_bias"][n])
    a = np.exp(-np.exp(p["decay.log_rate"][n]) * dt)
    return (a * S + dt * np.outer(p.input("key", x), head(p, "value", n, x)),)


@each_reading
def mamba2_readout(p, n, x, S):
    return S.T @ p.input("query", x) + p["skip"][n] * head(p, "value", n, x)


@each_head
def hgrn2(p, n, x, S):
    lower = p.cell.lower_bound
    f = lower + (1 - lower) * sigmoid(head(p, "forget", n, x))
    return (np.diag(f) @ S + np.outer(1 - f, head(p, "value", n, x)),)


@each_reading
def hgrn2_readout(p, n, x, S):
    return S.T @ silu(head(p, "query", n, x))


def _rwkv7(p, n, x):
    k, a = head(p, "key", n, x), sigmoid(head(p, "rate", n, x))
    w = np.exp(-np.exp(-0.5) * sigmoid(heads(p.cell, _low_rank(p, x, np.tanh))[n]))
    return k * (1 + (a - 1) * p["key_rate"][n]), a, w, normed(k * p["key_scale"][n])


@each_head
def rwkv7(p, n, x, S):
    k, a, w, kappa = _rwkv7(p, n, x)
    return ((np.diag(w) - np.outer(a * kappa, kappa)) @ S + np.outer(k, head(p, "value", n, x)),)


@each_reading
def rwkv7_readout(p, n, x, S):
    r, k = head(p, "query", n, x), _rwkv7(p, n, x)[0]
    return S.T @ r + (r * k) @ p["bonus"][n] * head(p, "value", n, x)


@each_head
def m2rnn(p, n, x, S):
    f = _alpha(p, n, head(p, "decay", n, x)[0])
    Z = np.tanh(S @ p["mixing"][n] + np.outer(head(p, "key", n, x), head(p, "value", n, x)))
    return (f * S + (1 - f) * Z,)


@each_reading
def m2rnn_readout(p, n, x, S):
    return S.T @ head(p, "query", n, x) + p["skip"][n] * head(p, "value", n, x)
