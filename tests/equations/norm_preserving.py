"""Networks that keep the norm of their gradient, and discretised differential equations."""

from typing import Any

import numpy as np
import scipy

from equations.blocks import sigmoid

RECURRENT = "recurrent_projection.parametrizations.weight"


def modrelu(values, bias):
    return np.where(np.abs(values) + bias > 0, np.sign(values) * (np.abs(values) + bias), 0)


def modrelu_network(p, x, h):
    return (modrelu(p("hidden", x, h), p["modrelu_bias"]),)


def orthogonal_matrix(p):
    """W_0 map(A) of the skew-symmetric A, from the raw parameters."""
    parametrization = p.cell.recurrent_projection.parametrizations.weight[0]
    lower = np.tril(p[f"{RECURRENT}.original"])
    skew, identity = lower - lower.T, np.eye(len(lower))
    if parametrization.orthogonal_map.name == "cayley":
        return parametrization.base.numpy() @ np.linalg.inv(identity - skew / 2) @ (identity + skew / 2)
    return parametrization.base.numpy() @ scipy.linalg.expm(skew)


def orthogonal(p, x, h):
    functions: dict[str, Any] = {
        "modrelu": lambda u: modrelu(u, p["modrelu_bias"]),
        "tanh": np.tanh,
        "relu": lambda u: np.maximum(u, 0),
        "linear": lambda u: u,
    }
    f = functions[p.cell.nonlinearity]
    return (f(orthogonal_matrix(p) @ h + p.input("hidden", x)),)


def damped_matrix(p):
    """W_h - W_h^T - gamma 1."""
    gamma = p.cell.recurrent_projection.parametrizations.weight[0].gamma
    weight = p[f"{RECURRENT}.original"]
    return weight - weight.T - gamma * np.eye(len(weight))


def antisymmetric(p, x, h):
    return (h + p.cell.epsilon * np.tanh(damped_matrix(p) @ h + p.input("hidden", x)),)


def gated_antisymmetric(p, x, h):
    A = damped_matrix(p)
    z = sigmoid(A @ h + p.input("update", x))
    return (h + p.cell.epsilon * z * np.tanh(A @ h + p.input("hidden", x)),)


def indrnn(p, x, h):
    return (np.maximum(p.input("hidden", x) + p["recurrent_weight"] * h, 0),)


def indrnn_tanh(p, x, h):
    return (np.tanh(p.input("hidden", x) + p["recurrent_weight"] * h),)


def cornn(p, x, y, z):
    dt, gamma, epsilon = p.cell.dt, p.cell.gamma, p.cell.epsilon
    force = np.tanh(p.R["position"] @ y + p.R["velocity"] @ z + p.input("velocity", x))
    new = z + dt * force - dt * gamma * y - dt * epsilon * z
    return y + dt * new, new


def lem(p, x, y, z):
    step_z, step_y = p.cell.dt * sigmoid(p("step_z", x, y)), p.cell.dt * sigmoid(p("step_y", x, y))
    new = (1 - step_z) * z + step_z * np.tanh(p("candidate_z", x, y))
    return (1 - step_y) * y + step_y * np.tanh(p("candidate_y", x, new)), new


def unicornn(p, x, y, z):
    step = p.cell.dt * sigmoid(p["step_weight"])
    new = z - step * (np.tanh(p["recurrent_weight"] * y + p.input("velocity", x)) + p.cell.alpha * y)
    return y + step * new, new
