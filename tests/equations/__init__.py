"""The papers' equations in NumPy, for one sequence: what ``Cell.step`` is tested against.

Each is a function (parameters, x, *state) -> the state after one step, h first.
"""
