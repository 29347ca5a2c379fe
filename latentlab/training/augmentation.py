"""What is done to images each time a training sees them: flips, turns, crops, other colours.

The settings belong to the data (`data.preparation.SourceConfig`). Only what a model learns from is changed;
what it is judged by, compared with and shown beside stays plain.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from latentlab.core.points import is_points
from latentlab.data.images import to_channels
from latentlab.data.preparation import rgb
from latentlab.training import memory

#: Sets these draws apart from others of the same seed.
_AUGMENTING = 0xA065
#: Numbers drawn for an image, whatever is switched on: one setting never changes what another draws.
_DRAWS = 10
#: What colours do at strength 1: factors of brightness and contrast lie in 1 ± 1/2, of saturation in 1 ± 1,
#: and the hue turns by up to an eighth of a turn either way.
BRIGHTNESS, CONTRAST, SATURATION, HUE = 0.5, 0.5, 1.0, 1 / 8
#: Luma of ITU-R BT.601.
LUMA = np.array([0.299, 0.587, 0.114])
#: RGB to YIQ: luma, and a plane of hues about it.
YIQ = np.array([LUMA, [0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])

Images = TypeVar("Images", np.ndarray, Tensor)


def augment(images: Images, config: Mapping[str, Any], seed: int, step: int) -> Images:
    """uint8 (N, C, H, W), an array or a tensor -> the same kind, as a training sees them in a step.

    `config` has values of the data's settings (`augment_flip`, ..., `background`); what is missing is off.
    Each image has draws of its own, which come from (seed, step) and its place alone. Where all is off, and
    of points, the very images are given back; they are never written to.
    """
    augmentation = Augmentation.of(config)
    if isinstance(images, Tensor):
        return augmentation(images, seed, step)
    if not augmentation.changes or is_points(images.shape[1:]):
        return images
    changed: np.ndarray = augmentation(torch.tensor(images), seed, step).numpy()
    return changed


@dataclass(frozen=True)
class Augmentation:
    """flip: "none", "horizontal", "vertical" or "both". rotate: degrees. crop: share of a side. colour: 0..1.

    background: red, green and blue (0..255) of what turns into the picture from outside.
    """

    flip: str = "none"
    rotate: float = 0.0
    crop: float = 0.0
    colour: float = 0.0
    background: tuple[int, int, int] = (0, 0, 0)

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Augmentation:
        """That of a dataset's settings."""
        return cls(
            config.get("augment_flip", "none"),
            config.get("augment_rotate", 0.0),
            config.get("augment_crop", 0.0),
            config.get("augment_colour", 0.0),
            rgb(config.get("background", "#000000")),
        )

    @property
    def changes(self) -> bool:
        """Whether it does anything."""
        return self.flip != "none" or self.rotate > 0 or self.crop > 0 or self.colour > 0

    def __call__(self, images: Tensor, seed: int, step: int) -> Tensor:
        """uint8 (N, C, H, W) on any device -> new ones there; the very tensor where nothing is to be done."""
        if not self.changes or is_points(tuple(images.shape[1:])):
            return images
        # Drawn on the CPU: the same on every device, and the same again in a run that is resumed.
        draws = np.random.default_rng([seed, _AUGMENTING, step]).random((len(images), _DRAWS)).T
        either_way = 2 * draws - 1
        if self.flip in ("horizontal", "both"):
            images = _flipped(images, draws[0] < 0.5, 3)
        if self.flip in ("vertical", "both"):
            images = _flipped(images, draws[1] < 0.5, 2)
        if not (self.rotate or self.crop or self.colour):
            return images
        changed = images.float()
        if self.rotate or self.crop:
            turns, cuts = math.radians(self.rotate) * either_way[2], self.crop * draws[3]
            changed = warp(changed, turns, cuts, either_way[4:6], self.background)
        if self.colour:
            brightness, contrast, saturation = (
                1 + self.colour * most * draw
                for most, draw in zip((BRIGHTNESS, CONTRAST, SATURATION), either_way[6:9], strict=True)
            )
            hue = 2 * math.pi * HUE * self.colour * either_way[9]
            changed = recolour(changed, brightness, contrast, saturation, hue)
        return changed.round_().clamp_(0, 255).to(torch.uint8)


def _flipped(images: Tensor, which: np.ndarray, dim: int) -> Tensor:
    return torch.where(_sent(which, images)[:, None, None, None], images.flip(dim), images)


def warp(
    images: Tensor,
    turns: np.ndarray,
    cuts: np.ndarray,
    places: np.ndarray,
    background: tuple[int, int, int] = (0, 0, 0),
) -> Tensor:
    """float32 (N, C, H, W) in 0..255, turned about their middle, then a part of each enlarged; bilinear.

    turns: (N,) radians anticlockwise. cuts: (N,) share of each side, from the middle of the first pixel to
    that of the last, that is cut off. places: (2, N) in -1..1, where across and down the part that is left
    lies. What comes in from outside is `background`, opaque. Colours of transparent pixels do not bleed.
    """
    _, channels, height, width = images.shape
    sin, cos, left = np.sin(turns), np.cos(turns), 1 - cuts
    across, down = cuts * places
    aspect = (height - 1) / (width - 1)
    # Where a pixel of the result, at (u, v) in -1..1 between the middles of the outermost ones, comes from.
    x = _sent(np.stack([left * cos, -left * sin * aspect, cos * across - sin * aspect * down]), images)
    y = _sent(np.stack([left * sin / aspect, left * cos, sin / aspect * across + cos * down]), images)
    u = torch.linspace(-1, 1, width, device=images.device)
    v = torch.linspace(-1, 1, height, device=images.device)
    across_and_down = [
        (by_u[:, None] * u + shift[:, None])[:, None, :] + (by_v[:, None] * v)[:, :, None]
        for by_u, by_v, shift in (x, y)
    ]
    grid = torch.stack(across_and_down, -1)

    if channels == 4:
        alpha = images[:, 3:]
        images = torch.cat([images[:, :3] * (alpha / 255), alpha], 1)
    # Outside is 0 on every device that torch knows; other kinds of padding some lack.
    behind = to_channels(np.array(background, np.uint8).reshape(1, 3, 1, 1), channels).astype(np.float64)
    fill = _sent(behind, images)
    seen = functional.grid_sample(images - fill, grid, align_corners=True).add_(fill)
    if channels == 4:
        colours, alpha = seen[:, :3], seen[:, 3:]
        return torch.cat([colours * (255 / alpha.clamp_min(1e-3)), alpha], 1)
    return seen


def recolour(
    images: Tensor, brightness: np.ndarray, contrast: np.ndarray, saturation: np.ndarray, hue: np.ndarray
) -> Tensor:
    """float32 (N, C, H, W) in 0..255 -> other colours, not clamped; alpha and its pixels' places stay.

    Factors (N,), 1 being no change: brightness of all values, contrast of what differs from the image's mean
    luma, saturation of what differs from a pixel's own. hue: (N,) radians in the plane of YIQ, which leaves
    luma and greys as they are.
    """
    channels = images.shape[1]
    plain, alpha = images[:, :3], images[:, 3:]
    if channels == 1:
        weights, mixing = np.ones(1), np.ones((len(images), 1, 1))
    else:
        weights = LUMA
        turned = np.zeros((len(images), 3, 3))
        turned[:, 0, 0] = 1
        turned[:, 1, 1] = turned[:, 2, 2] = saturation * np.cos(hue)
        turned[:, 2, 1] = saturation * np.sin(hue)
        turned[:, 1, 2] = -turned[:, 2, 1]
        mixing = np.linalg.inv(YIQ) @ turned @ YIQ
    matrix = _sent((brightness * contrast)[:, None, None] * mixing, images)
    mean = plain.mean((2, 3)) @ _sent(weights, images)
    offset = mean * _sent(brightness * (1 - contrast), images)
    mixed = torch.baddbmm(offset[:, None, None], matrix, plain.flatten(2)).view_as(plain)
    return torch.cat([mixed, alpha], 1) if channels == 4 else mixed


def _sent(values: np.ndarray, images: Tensor) -> Tensor:
    """Numbers as float32, or truth values, on the device of the images."""
    kind = np.bool_ if values.dtype == np.bool_ else np.float32
    return memory.sent(torch.from_numpy(values.astype(kind)), images.device)
