"""How nets are computed on the machine at hand: the same layers and weights, by kernels that are quick there.

Nets are built of plain layers; `adopt` then has them computed otherwise where that pays. Results differ from
the plain layers' by rounding alone.
"""

from __future__ import annotations

import functools
import platform
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Products with a side shorter than this are left to torch: starting oneDNN costs more than they do.
LEAST_SIDE = 16


def adopt(net: nn.Module, device: torch.device) -> None:
    """Move `net` to the device, in the layout and with the layers that are quick there."""
    if device.type == "mps":  # strided tensors have had silent errors there (pytorch issue 118115)
        net.to(device)
        return
    net.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    for layer in net.modules():
        layer.__class__ = STAND_INS.get(type(layer), type(layer))


@functools.cache
def has_onednn() -> bool:
    """Whether this torch has oneDNN's dense layer for x86; by itself it takes it in compiled graphs only."""
    x86 = platform.machine().lower() in ("x86_64", "amd64")
    return x86 and torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


class Flatten(nn.Flatten):
    """nn.Flatten whose gradient is laid out as the convolution before it wants it."""

    def forward(self, x: Tensor) -> Tensor:
        if x.dim() == 4 and x.requires_grad and not x.is_contiguous():
            return _Flatten.apply(x)
        return super().forward(x)


class _Flatten(torch.autograd.Function):
    """(N, C, H, W) by channels last -> (N, C H W), and back."""

    @staticmethod
    def forward(context: Any, x: Tensor) -> Tensor:
        context.shape = x.shape
        return x.flatten(1)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        return gradient.view(context.shape).contiguous(memory_format=torch.channels_last)


class Unflatten(nn.Unflatten):
    """nn.Unflatten whose images are laid out as the convolution behind it wants them."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x).contiguous(memory_format=torch.channels_last)


class Dense(nn.Linear):
    """nn.Linear whose training on a CPU goes through oneDNN.

    torch multiplies by MKL, which leaves AMD processors without AVX-512: half of what oneDNN reaches there.
    In evaluation it is nn.Linear, which function transforms and exporters know.
    """

    def forward(self, x: Tensor) -> Tensor:
        if self.training and x.device.type == "cpu" and x.dim() == 2 and x.dtype == torch.float32:
            return dense(x, self.weight, self.bias)
        return super().forward(x)


def dense(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """x (N, I) and weight (O, I), float32 -> x weight^T + bias (N, O), differentiable any number of times."""
    if min(*x.shape, *weight.shape) < LEAST_SIDE or not has_onednn():
        return functional.linear(x, weight, bias)
    return _Dense.apply(x, weight, bias)


class _Dense(torch.autograd.Function):
    """The product by oneDNN, and its gradients, which are such products too."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        context.save_for_backward(x, weight)
        return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], "")

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        (gradient,) = gradients
        x, weight = context.saved_tensors
        wanted = context.needs_input_grad
        return (
            dense(gradient, weight.t()) if wanted[0] else None,
            dense(gradient.t(), x.t()) if wanted[1] else None,
            gradient.sum(0) if wanted[2] else None,
        )


STAND_INS: dict[type[nn.Module], type[nn.Module]] = {
    nn.Linear: Dense,
    nn.Flatten: Flatten,
    nn.Unflatten: Unflatten,
}
