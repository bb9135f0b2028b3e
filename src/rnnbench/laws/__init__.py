from collections.abc import Callable

LAWS: dict[str, Callable[[int], dict[str, float]]] = {}
