"""Building blocks that several nets share."""

from __future__ import annotations

import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize


def halvings(height: int, width: int, target: int = 8) -> list[tuple[int, int]]:
    """Sides from the image down, each about half the last, until the longer is at most `target`.

    (28, 28) -> [(28, 28), (14, 14), (7, 7)]. There is at least one halving, and no side falls below 2.
    """
    sizes = [(height, width)]
    while len(sizes) == 1 or max(sizes[-1]) > target:
        h, w = sizes[-1]
        if min(h, w) < 4:
            break
        sizes.append((math.ceil(h / 2), math.ceil(w / 2)))
    return sizes


def down(inputs: int, outputs: int, kernel: int, bias: bool = True) -> nn.Conv2d:
    """A convolution of stride 2 that takes sides s to ceil(s / 2). `kernel` is 4 or 5."""
    return (
        _Down(inputs, outputs, kernel, bias)
        if kernel == 4
        else nn.Conv2d(inputs, outputs, 5, 2, 2, bias=bias)
    )


class _Down(nn.Conv2d):
    """Kernel 4, stride 2, padding 1; an odd side gets one more at its end, so that it also rounds up."""

    def __init__(self, inputs: int, outputs: int, kernel: int, bias: bool) -> None:
        super().__init__(inputs, outputs, kernel, 2, 1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        height, width = x.shape[2:]
        if height % 2 or width % 2:
            x = nn.functional.pad(x, (0, width % 2, 0, height % 2))
        return super().forward(x)


def up(inputs: int, outputs: int, kernel: int, size: tuple[int, int], bias: bool = True) -> nn.Module:
    """A transposed convolution of stride 2 that ends at exactly `size` from ceil(size / 2)."""
    height, width = size
    if kernel == 5:
        extra = ((height + 1) % 2, (width + 1) % 2)
        return nn.ConvTranspose2d(inputs, outputs, 5, 2, 2, output_padding=extra, bias=bias)
    layer = nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=bias)
    return nn.Sequential(layer, Crop(size)) if height % 2 or width % 2 else layer


class Crop(nn.Module):
    """Keeps the first `size` rows and columns: the way from an even side back to an odd one."""

    def __init__(self, size: tuple[int, int]) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, : self.size[0], : self.size[1]]


class Joined(nn.Module):
    """What a layer makes of (B, C, H, W), put behind its input (dense connections, arXiv 1608.06993)."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([x, self.layer(x)], 1)


class Dropout(nn.Module):
    """Dropout (Srivastava et al. 2014) whose mask comes from random bytes and a generator of its own.

    On a CPU a mask from bytes takes a third of the time of `bernoulli_`, which alone is 14-40% of a GAN's
    step there. The rate is rounded to 1/256 and the scale fits the rounded rate, so the mean is exact.
    `generator` must be set before training and lie on the input's device.
    """

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.threshold = round(256 * rate)
        self.generator: torch.Generator | None = None

    def forward(self, x: Tensor) -> Tensor:
        if not self.training or self.threshold == 0:
            return x
        kept = torch.empty_like(x)
        if x.device.type == "cpu":
            # One 64-bit draw fills eight bytes.
            words = torch.empty((x.numel() + 7) // 8, dtype=torch.int64)
            words.random_(-(2**63), None, generator=self.generator)
            octets = words.view(torch.uint8)[: x.numel()]
        else:
            octets = torch.empty(x.numel(), dtype=torch.uint8, device=x.device)
            octets.random_(0, 256, generator=self.generator)
        # Floats in the order of memory: a product with bools, or of two layouts, takes three times as long.
        torch.ge(octets, self.threshold, out=kept.as_strided((x.numel(),), (1,)))
        return x * kept.mul_(256 / (256 - self.threshold))


def layer_norm2d(channels: int) -> nn.GroupNorm:
    """Layer normalisation (arXiv 1607.06450) of (B, C, H, W): each image by itself, a scale per channel."""
    return nn.GroupNorm(1, channels)


class SpectralNorm(nn.Module):
    """Divides a weight by its largest singular value, as power iteration estimates it (arXiv 1802.05957).

    The weight is seen as a matrix (outputs, the rest); `u` holds the estimate of its first left singular
    vector, turned further by each forward in training mode and by none in evaluation.
    """

    #: A first estimate this good keeps the first steps from starting with far too large weights.
    FIRST = 15

    u: Tensor

    def __init__(self, weight: Tensor, transposed: bool, generator: torch.Generator) -> None:
        super().__init__()
        self.transposed = transposed
        matrix = self._matrix(weight.detach())
        self.register_buffer("u", torch.randn(len(matrix), generator=generator))
        for _ in range(self.FIRST):
            self._turn(matrix)

    def _matrix(self, weight: Tensor) -> Tensor:
        """Transposed convolutions have their outputs in the second place."""
        return (weight.transpose(0, 1) if self.transposed else weight).flatten(1)

    def _turn(self, matrix: Tensor) -> None:
        self.u.copy_(_unit(matrix @ _unit(matrix.T @ self.u)))

    def forward(self, weight: Tensor) -> Tensor:
        matrix = self._matrix(weight)
        with torch.no_grad():
            if self.training:
                self._turn(matrix)
            u = self.u.clone()  # the next forward turns it while this one's graph is still in use
            v = _unit(matrix.T @ u)
        return weight / torch.dot(u, matrix @ v)


def _unit(vector: Tensor) -> Tensor:
    return nn.functional.normalize(vector, dim=0)


def spectral_norm(net: nn.Module, generator: torch.Generator) -> None:
    """Keep the largest singular value of every dense and convolutional layer of `net` at about 1.

    Call it on a net on the CPU after `initialize`; `generator` draws the first estimates. (torch's own takes
    them from the global generator.)
    """
    for layer in list(net.modules()):
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            transposed = isinstance(layer, nn.ConvTranspose2d)
            norm = SpectralNorm(layer.weight, transposed, generator).eval()
            parametrize.register_parametrization(layer, "weight", norm)
            norm.train(layer.training)


def initialize(net: nn.Module, generator: torch.Generator, normal: float | None = None) -> None:
    """Draw the weights of dense and convolutional layers from a CPU generator.

    `normal` None: torch's own default, uniform within 1/sqrt(fan in). Otherwise N(0, normal^2), zero biases
    and batch normalisation scales from N(1, normal^2) (Radford et al., arXiv 1511.06434, section 4).
    """
    for layer in net.modules():
        if isinstance(layer, nn.Linear | nn.Conv2d | nn.ConvTranspose2d):
            if normal is None:
                nn.init.kaiming_uniform_(layer.weight, a=math.sqrt(5), generator=generator)
                fan_in, _ = nn.init._calculate_fan_in_and_fan_out(layer.weight)
                bound = 1 / math.sqrt(fan_in)
            else:
                nn.init.normal_(layer.weight, 0.0, normal, generator=generator)
                bound = 0.0
            if layer.bias is not None:
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)
        elif isinstance(layer, nn.BatchNorm1d | nn.BatchNorm2d) and normal is not None:
            nn.init.normal_(layer.weight, 1.0, normal, generator=generator)
            nn.init.zeros_(layer.bias)


def adam(
    nets: list[nn.Module], learning_rate: float, betas: tuple[float, float], device: torch.device
) -> torch.optim.Adam:
    """Adam (arXiv 1412.6980) over the nets' parameters, fused into one kernel where the device has it."""
    parameters = [p for net in nets for p in net.parameters()]
    return torch.optim.Adam(parameters, learning_rate, betas, fused=device.type in ("cpu", "cuda") or None)


def gradient_norm(nets: Iterable[nn.Module]) -> Tensor:
    """The L2 norm of all their parameters' gradients together, a scalar on their device."""
    gradients = [p.grad for net in nets for p in net.parameters() if p.grad is not None]
    return nn.utils.get_total_norm(gradients)
