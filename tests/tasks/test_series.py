"""Series: by scalar recursions and SciPy's integrator; no split has a value of another; baselines by regression."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from catalogue import make_task
from rnnbench.tasks.lorenz import Lorenz
from rnnbench.tasks.mackey_glass import MackeyGlass

NARMA = {"narma10": (10, 0.3, 0.05, 1.5, 0.1), "narma30": (30, 0.2, 0.04, 1.5, 0.001)}


def recursion(u, n, a, b, c, d):
    """y_1 .. y_T as in print: n terms in the sum, y_t among them, and u_{t-n+1}; all is 0 before the first step."""
    y = [0.0]
    for t in range(len(u)):
        past = sum(y[t - i] for i in range(n) if t - i >= 0)
        delayed = u[t - n + 1] if t - n + 1 >= 0 else 0
        y.append(a * y[t] + b * y[t] * past + c * delayed * u[t] + d)
    return y[1:]


@pytest.mark.parametrize("variant", NARMA)
@pytest.mark.parametrize("length", [31, 80])
def test_narma(variant, length):
    task = make_task("narma", variant=variant, length=length, batch_size=20)
    batch = task.batch("train", 1, 2)
    order = NARMA[variant][0]
    for b in range(20):
        u = batch.inputs[:, b, 0].astype(float)
        np.testing.assert_allclose(batch.targets[:, b, 0], recursion(u, *NARMA[variant]), rtol=1e-4)
        assert u.min() >= 0
        assert u.max() < 0.5
    assert np.array_equal(batch.scored, np.arange(order * 20, length * 20))
    assert np.array_equal(batch.scored, batch.counted)


def test_a_sequence_that_diverges_is_drawn_again():
    task = make_task("narma", variant="narma10", length=200, batch_size=2000)
    u = np.random.default_rng(0).uniform(0, 0.5, (200, 20_000))
    assert (np.abs(task._run(u)[1]) >= 1).any()  # some do
    assert np.abs(task.batch("train", 0, 0).targets).max() < 1


@pytest.mark.parametrize("variant", NARMA)
def test_no_function_of_the_input_now_beats_the_baseline_of_narma(variant):
    """A cubic in u_t, for each step, fitted to other sequences."""
    task = make_task("narma", variant=variant, length=36, test_sequences=10_000)
    wide, other = (task.altered(batch_size=20_000).batch(split, 0, 0) for split in ("train", "test"))
    errors = []
    for t in range(NARMA[variant][0], 36):
        fit = np.polynomial.Polynomial.fit(wide.inputs[t, :, 0], wide.targets[t, :, 0], 3)
        errors.append((fit(other.inputs[t, :, 0]) - other.targets[t, :, 0]) ** 2)
    assert np.mean(errors) == pytest.approx(task.baseline("test"), rel=0.03)


def test_mackey_glass_is_the_rule_of_runge_and_kutta():
    shown = MackeyGlass.simulate(np.random.default_rng(3), 2, 100)
    x = list(1.2 + 0.2 * (np.random.default_rng(3).random((18, 2)) - 0.5))

    for t in range(17, 117):
        delayed = x[t - 17]

        def slope(now, delayed=delayed):
            return 0.2 * delayed / (1 + delayed**10) - 0.1 * now

        first = slope(x[t])
        second = slope(x[t] + first / 2)
        third = slope(x[t] + second / 2)
        fourth = slope(x[t] + third)
        x.append(x[t] + (first + 2 * second + 2 * third + fourth) / 6)
    np.testing.assert_allclose(shown / 4 + 0.9, x[18:], rtol=1e-10)


def test_lorenz_follows_the_equations():
    """Two time units, before chaos makes small errors large, by an integrator of high accuracy."""
    shown = Lorenz.simulate(np.random.default_rng(3), 1, 60)[:, 0] * 10
    start = 1 + np.random.default_rng(3).random((3, 1))[:, 0]
    exact = solve_ivp(
        lambda _, s: [10 * (s[1] - s[0]), s[0] * (28 - s[2]) - s[1], s[0] * s[1] - 8 / 3 * s[2]],
        (0, 1.8), start, rtol=1e-10, atol=1e-10, t_eval=0.03 * np.arange(1, 61),
    )  # fmt: skip
    assert np.abs(shown - exact.y[0]).max() < 0.5
    assert np.abs(shown - exact.y[0])[:10].max() < 0.02


@pytest.mark.parametrize("name", ["mackey_glass", "lorenz"])
@pytest.mark.parametrize(("length", "horizon"), [(21, 1), (50, 7)])
def test_a_window(name, length, horizon):
    task = make_task(name, length=length, horizon=horizon, batch_size=30)
    batch = task.batch("test", 1, 2)
    assert np.array_equal(batch.inputs[horizon:], batch.targets[:-horizon])
    assert np.array_equal(batch.scored, np.arange(20 * 30, length * 30))
    parts = np.split(task.series, 3, axis=1)
    assert all(part.shape[1] == 64 for part in parts)
    values = [set(part.ravel().tolist()) for part in parts]
    assert not values[0] & values[1] | values[0] & values[2] | values[1] & values[2]
    own = set(parts[2].astype(np.float32).ravel().tolist())
    assert set(batch.inputs.ravel().tolist()) <= own


@pytest.mark.parametrize("name", ["mackey_glass", "lorenz"])
def test_the_baseline_is_the_best_function_of_the_value_now(name):
    """By neighbours among values: a regression that shares nothing with bins."""
    task = make_task(name, validation_sequences=2000, test_sequences=2000)
    train, horizon = task.series[:, :64], task.horizon
    now, later = train[:-horizon].ravel(), train[horizon:].ravel()
    order = np.argsort(now)
    smooth = np.convolve(later[order], np.ones(801) / 801, mode="same")
    wide, count = task.held_out("test")
    errors = []
    for step in range(count):
        batch = wide.batch("test", 0, step)
        place = np.searchsorted(now[order], batch.inputs[20:]).clip(400, len(now) - 401)
        errors.append((smooth[place] - batch.targets[20:]) ** 2)
    assert np.mean(errors) == pytest.approx(task.baseline("test"), rel=0.03)
