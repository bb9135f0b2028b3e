"""Record what torch computes, as a graph without operations in place.

``torch.fx.experimental.proxy_tensor.make_fx`` does this too, and loads all of torch's compiler for it, which takes
longer than a short run.
"""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor, fx
from torch.utils._python_dispatch import TorchDispatchMode  # as torch's notes on extending it have it

from rnnbench.network.engines.compiled import decompositions
from rnnbench.network.engines.compiled.operations import POINTWISE, REDUCTIONS

aten = torch.ops.aten
SAME = {aten.alias.default, aten.detach.default, aten.clone.default}
"""Operations that return their first argument's values."""
RESHAPING = {
    aten.view.default, aten.expand.default, aten.unsqueeze.default, aten.squeeze.dim, aten.squeeze.dims,
    aten._to_copy.default, aten._unsafe_view.default,
}  # fmt: skip
"""Operations that leave numbers in their order, or repeat them."""
FILLS = {
    aten.full.default, aten.scalar_tensor.default, aten.zeros.default, aten.ones.default, aten.full_like.default,
    aten.zeros_like.default, aten.ones_like.default, aten.new_zeros.default, aten.new_ones.default,
    aten.new_full.default,
}  # fmt: skip
COUNTS = {aten.arange.default, aten.arange.start, aten.arange.start_step, aten.eye.default, aten.linspace.default}
"""Operations that return the same numbers each time, of no tensor."""
WHOLE = {*COUNTS, aten.cos.default, aten.sin.default, aten.pow.Scalar}
"""Operations that torch computes, of weights alone."""
SPLITS = {aten.split_with_sizes.default, aten.split.Tensor}
PARTS = {aten.slice.Tensor, aten.select.int}
SCATTERS = {aten.slice_scatter.default, aten.select_scatter.default}
OTHERS = {aten.mm.default, aten.permute.default, aten.cat.default, aten.copy.default, aten.empty.memory_format}
KNOWN = {*POINTWISE, *REDUCTIONS, *SAME, *RESHAPING, *FILLS, *SPLITS, *PARTS, *SCATTERS, *OTHERS}
VIEWS = {*SAME, *RESHAPING, *SPLITS, *PARTS, aten.permute.default} - {aten.clone.default, aten._to_copy.default}


class Unsupported(Exception):
    """The engine cannot run a cell; the text says which part of its step."""


class Recording:
    """Records in ``graph`` what is computed of ``inputs``. Raises Unsupported for a tensor from elsewhere."""

    def __init__(self) -> None:
        self.graph = fx.Graph()
        self._nodes: dict[int, fx.Node] = {}
        self._tensors: list[Tensor] = []  # so that no identity is used again
        self._viewed: set[int] = set()

    def _on(self) -> Recorder:
        assert isinstance(self, Recorder)
        return self

    def input(self, tensor: Tensor) -> fx.Node:
        node = self.graph.placeholder(f"input{len(self._tensors)}")
        self._viewed.add(id(tensor))
        return self._note(tensor, node)

    def node(self, tensor: Tensor | None) -> fx.Node | None:
        """The node of a tensor."""
        if tensor is None:
            return None
        if id(tensor) not in self._nodes:
            raise Unsupported("a tensor that is neither a parameter nor a buffer")
        return self._nodes[id(tensor)]

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        name, _, overload = str(func).removeprefix("aten.").partition(".")
        if name.endswith("_") and not name.endswith("__"):
            return self._in_place(name, overload, args, kwargs)
        if func is aten.promote_types.default:
            return func(*args)
        simpler = None if func in KNOWN or func in WHOLE else decompositions.of(func)
        if simpler is not None:
            with self._on():
                return simpler(*args, **kwargs)
        result = func(*args, **kwargs)
        if not isinstance(result, Tensor | list | tuple):
            raise Unsupported(f"the operation {func}, which gives no tensor")
        node = self.graph.call_function(func, self._plain(args), self._plain(kwargs))
        if func in VIEWS:
            self._viewed.add(id(args[0]))
        if isinstance(result, Tensor):
            if func in VIEWS:
                self._viewed.add(id(result))
            self._note(result, node)
        elif isinstance(result, list | tuple):
            node.meta["val"] = result
            for place, each in enumerate(result):
                if isinstance(each, Tensor):
                    self._viewed.add(id(each))
                    self._note(each, self.graph.call_function(operator.getitem, (node, place)))
        return result

    def _in_place(self, name: str, overload: str, args: Any, kwargs: Any) -> Tensor:
        """An operation in place as one that returns, which is the same where nothing else sees the tensor's memory."""
        target: Tensor = args[0]
        functional = getattr(getattr(aten, name[:-1], None), overload, None)
        if id(target) in self._viewed or id(target) not in self._nodes or functional is None:
            raise Unsupported(f"the operation aten.{name} in place")
        with self._on():
            result = functional(*args, **kwargs)
        self._nodes[id(target)] = self._nodes[id(result)]
        return target

    def _note(self, tensor: Tensor, node: fx.Node) -> fx.Node:
        node.meta["val"] = tensor
        self._nodes[id(tensor)] = node
        self._tensors.append(tensor)
        return node

    def _plain(self, value: Any) -> Any:
        """Arguments with nodes in place of tensors."""
        if isinstance(value, Tensor):
            return self.node(value)
        if isinstance(value, dict):
            return {key: self._plain(each) for key, each in value.items()}
        return type(value)(map(self._plain, value)) if isinstance(value, list | tuple) else value


class Recorder(Recording, TorchDispatchMode):
    """Recording as a context. torch wraps a mode's own method so that it loads its compiler, an inherited one not."""

    def __init__(self) -> None:
        Recording.__init__(self)
        TorchDispatchMode.__init__(self)
