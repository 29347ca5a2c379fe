"""What keeps a discriminator smooth: penalties on its gradient by the image, and clipped weights."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

Critic = Callable[[Tensor], Tensor]


def gradient_penalty(critic: Critic, real: Tensor, fake: Tensor, generator: torch.Generator) -> Tensor:
    """E[(||grad D(x)||_2 - 1)^2] on x = e real + (1 - e) fake, e from Unif(0, 1) per pair (arXiv 1704.00028).

    Images (B, C, H, W) on the generator's device; unweighted. `critic` must treat each image by itself,
    which batch normalisation does not (section 4).
    """
    shape = (len(real), *[1] * (real.ndim - 1))
    e = torch.rand(shape, generator=generator, device=real.device, dtype=real.dtype)
    norms = _gradients(critic, fake.detach().lerp(real.detach(), e)).norm(dim=1)
    return (norms - 1).square().mean()


def r1(critic: Critic, real: Tensor) -> Tensor:
    """1/2 E||grad D(x)||_2^2 on real images (B, C, H, W) (Mescheder et al., arXiv 1801.04406); unweighted."""
    return 0.5 * _gradients(critic, real.detach()).square().sum(1).mean()


def _gradients(critic: Critic, images: Tensor) -> Tensor:
    """d critic(x) / d x of each image, (B, C H W), itself differentiable by the critic's weights."""
    images = images.requires_grad_()
    (gradients,) = torch.autograd.grad(critic(images).sum(), images, create_graph=True)
    return gradients.flatten(1)


def clip_weights(net: nn.Module, bound: float) -> None:
    """Clamp every parameter to [-bound, bound] (Arjovsky et al., arXiv 1701.07875, algorithm 1)."""
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.clamp_(-bound, bound)
