"""Differentiable augmentation of everything a discriminator sees (Zhao et al., arXiv 2006.10738)."""

from __future__ import annotations

import torch
from torch import Tensor

#: Shifts go up to this share of each side, as in the paper.
SHIFT = 1 / 8


def diff_augment(images: Tensor, policy: str, generator: torch.Generator) -> Tensor:
    """Images (B, C, H, W) in [-1, 1] -> the same, each changed by draws of its own.

    `policy` is "none" (the very tensor given), "translation", "colour-translation" or
    "colour-translation-cutout"; `generator` lies on the images' device. Differentiable by the images. Colour
    leaves an alpha channel alone and the range is not clamped, which would stop gradients.

    What moves in from outside and what is cut out is 0, mid-grey, as in the paper: as black it would pass for
    the background of digits and sprites, and a generator could learn off-centre and broken ones unpunished.
    """
    if policy == "none":
        return images
    if policy.startswith("colour"):
        images = _colour(images, generator)
    images = _translate(images, generator)
    if policy.endswith("cutout"):
        images = _cut_out(images, generator)
    return images


def _colour(images: Tensor, generator: torch.Generator) -> Tensor:
    """Brightness +-1/2, saturation 0 to 2 (where there are colours) and contrast 1/2 to 3/2."""
    brightness, saturation, contrast = _uniform(images, 3, generator)[..., None, None, None]
    colour, alpha = images[:, :3], images[:, 3:]
    colour = colour + (brightness - 0.5)
    if colour.shape[1] == 3:
        colour = torch.lerp(colour.mean(1, keepdim=True), colour, 2 * saturation)
    colour = torch.lerp(colour.mean((1, 2, 3), keepdim=True), colour, contrast + 0.5)
    return torch.cat([colour, alpha], 1) if alpha.shape[1] else colour


def _translate(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shifts by whole pixels down and across, each up to an eighth of its side."""
    draws = _uniform(images, 2, generator)
    for dim, draw in zip((2, 3), draws, strict=True):
        side = images.shape[dim]
        most = int(side * SHIFT + 0.5)
        shift = (draw * (2 * most + 1)).floor().long() - most
        source = torch.arange(side, device=images.device) - shift[:, None]  # (B, side)
        shape = (len(images), 1, side, 1) if dim == 2 else (len(images), 1, 1, side)
        index = source.clamp(0, side - 1).view(shape).expand_as(images)
        images = images.gather(dim, index) * (source >= 0).logical_and(source < side).view(shape)
    return images


def _cut_out(images: Tensor, generator: torch.Generator) -> Tensor:
    """Blanks a box of half of each side, whose centre lies anywhere in the image."""
    inside = []
    for side, draw in zip(images.shape[2:], _uniform(images, 2, generator), strict=True):
        size = int(side / 2 + 0.5)
        start = (draw * (side + 1 - size % 2)).floor().long() - size // 2
        place = torch.arange(side, device=images.device) - start[:, None]
        inside.append((place >= 0).logical_and(place < size))
    down, across = inside
    return images * ~(down[:, None, :, None] & across[:, None, None, :])


def _uniform(images: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """Unif(0, 1) draws (count, B), of the images' type."""
    shape = (count, len(images))
    return torch.rand(shape, generator=generator, device=images.device, dtype=images.dtype)
