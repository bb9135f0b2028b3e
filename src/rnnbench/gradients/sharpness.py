"""Sharpness: the largest eigenvalue of the Hessian of the training loss.

Gradient descent with step lr is stable up to 2 / lr; training moves towards that edge (Cohen et al. 2021,
arXiv:2103.00065). Hessian-vector products by differentiating twice (Pearlmutter 1994, "Fast exact multiplication by the
Hessian"), the eigenvalue by Lanczos iteration (ARPACK, through scipy).
"""

from __future__ import annotations

import numpy as np
import torch
from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh
from torch import Tensor

from rnnbench.gradients.diagnostic import Diagnostic, Found, Options
from rnnbench.gradients.measurement import Measurement
from rnnbench.gradients.path import Array
from rnnbench.gradients.precision import evaluation
from rnnbench.gradients.recorder import stepping
from rnnbench.network.model import per_target_loss

TOLERANCE, PRODUCTS = 1e-4, 300


def sharpness(measurement: Measurement) -> float | None:
    """Return the largest eigenvalue of the Hessian of the mean loss of the batch, by all parameters.

    In units of loss per squared unit of parameter, to four digits; a complex parameter counts as two real ones. None
    where the iteration does not converge, or the loss is not finite.
    """
    model, batch = measurement.model, measurement.batch
    reader = stepping(model)
    named = dict(reader.named_parameters())
    reals = [_real(parameter.detach()).clone().requires_grad_() for parameter in named.values()]
    with evaluation(reader), torch.enable_grad():
        given = {
            name: torch.complex(real[..., 0], real[..., 1]) if old.is_complex() else real
            for (name, old), real in zip(named.items(), reals, strict=True)
        }
        arguments = (model.encode(batch.inputs), batch.lengths)
        prediction = torch.func.functional_call(reader, given, arguments).prediction
        losses = per_target_loss(measurement.loss, prediction, batch.targets)
        loss = (losses if batch.counted is None else losses.flatten()[batch.counted]).mean()
        slope = torch.cat([each.flatten() for each in torch.autograd.grad(loss, reals, create_graph=True)])

    def product(vector: Array) -> Array:
        direction = torch.as_tensor(vector.ravel()).to(slope)
        found = torch.autograd.grad(slope @ direction, reals, retain_graph=True, materialize_grads=True)
        return torch.cat([each.flatten() for each in found]).cpu().numpy()

    count = len(slope)
    if not slope.isfinite().all():
        return None
    if count < 3:  # ARPACK needs room
        dense = np.stack([product(row) for row in np.eye(count)])
        return float(np.linalg.eigvalsh(dense)[-1])
    start = np.random.default_rng(0).standard_normal(count)
    operator = LinearOperator((count, count), matvec=product, dtype=np.float64)
    try:
        (found,) = eigsh(
            operator, k=1, which="LA", v0=start, tol=TOLERANCE, maxiter=PRODUCTS, return_eigenvectors=False
        )
    except ArpackNoConvergence:
        return None
    return float(found)


def _real(parameter: Tensor) -> Tensor:
    return torch.view_as_real(parameter) if parameter.is_complex() else parameter


def _of_network(measurement: Measurement, options: Options) -> Found:
    return Found(numbers={"sharpness": sharpness(measurement)})


DIAGNOSTIC = Diagnostic(
    name="sharpness",
    title="the largest curvature of the training loss, to hold against 2 / lr",
    formula="the largest eigenvalue of d^2 L / dtheta^2, L the mean loss of the batch",
    source="Cohen et al. 2021; Pearlmutter 1994",
    needs=("training",),
    cost="some tens of Hessian-vector products, each about two passes forward and back of the loop engine",
    law="that of the dense Hessian of a small network",
    of_network=_of_network,
)
