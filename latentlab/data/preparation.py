"""How images are brought to one size and one number of channels: the same way wherever they come from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
from pydantic import BeforeValidator, field_validator

from latentlab.core.config import Config, setting
from latentlab.data.dataset import MAX_SIZE, MIN_SIZE
from latentlab.data.images import Box, fit, flattened, to_array, to_channels, to_pillow

if TYPE_CHECKING:
    from PIL import Image

Fit = Literal["crop", "pad", "stretch"]
#: Channels -> what Pillow calls an image that has so many.
MODES = {1: "L", 3: "RGB", 4: "RGBA"}
#: Side of images whose sizes differ or are none of a dataset, where none is set.
MIXED_SIZE = 64


def _as_int(value: Any) -> Any:
    return int(value) if isinstance(value, str) and value.isdigit() else value


Channels = Annotated[Literal[0, 1, 3, 4], BeforeValidator(_as_int)]
CHANNEL_LABELS = {"0": "as found", "1": "grey", "3": "colour", "4": "with alpha"}


class SourceConfig(Config):
    """Settings that every source of images has. Sub-classes add theirs."""

    size: int = setting(
        0, "Size", "Side of the square that images are brought to; 0 keeps what is found.", ge=0, le=MAX_SIZE,
        unit="px", zero="as found",
    )  # fmt: skip
    fit: Fit = setting(
        "crop",
        "Fit",
        "How an oblong image becomes a square: the middle is cut out, the background is added at its sides, "
        "or it is stretched.",
        labels={"crop": "crop", "pad": "pad", "stretch": "stretch"},
    )
    channels: Channels = setting(
        0, "Channels", "Grey (1), colour (3), colour with alpha (4), or as found (0).", labels=CHANNEL_LABELS
    )
    background: str = setting(
        "#000000",
        "Background",
        "The colour behind transparent pixels, beside padded images and in the corners of rotated ones.",
        colour=True,
    )
    limit: int = setting(0, "Limit", "Use at most so many images; 0 uses all.", ge=0, zero="all")
    duplicates: Literal["keep", "exact", "near"] = setting(
        "keep",
        "Duplicates",
        "Leave out images that are the same as one before them, or look the same (resized, recompressed, "
        "brighter by a trace).",
        labels={"keep": "keep", "exact": "leave out the same", "near": "leave out alike"},
        group="Clean up",
    )
    balance: Literal["none", "over", "under"] = setting(
        "none",
        "Balance",
        "Train on as many images of each class: those of small classes are repeated, or of large ones only "
        "some are seen.",
        labels={"none": "as found", "over": "repeat the few", "under": "thin the many"},
        group="Clean up",
    )
    augment_flip: Literal["none", "horizontal", "vertical", "both"] = setting(
        "none",
        "Flip",
        "Mirror half of the images, drawn anew each time they are seen: left to right, upside down, or both.",
        labels={
            "none": "never",
            "horizontal": "left to right",
            "vertical": "upside down",
            "both": "both ways",
        },
        group="Augmentation",
    )
    augment_rotate: float = setting(
        0, "Rotate", "Turn images by up to so much, either way.", ge=0, le=180, unit="°", zero="never",
        group="Augmentation",
    )  # fmt: skip
    augment_crop: float = setting(
        0,
        "Crop",
        "Show a part of the image, enlarged: up to this share of its side is cut off. 0.1 hides little.",
        ge=0,
        le=0.5,
        zero="never",
        group="Augmentation",
    )
    augment_colour: float = setting(
        0,
        "Colour",
        "Change brightness, contrast and (of colour images) saturation and hue, by up to this strength.",
        ge=0,
        le=1,
        zero="never",
        group="Augmentation",
    )

    @field_validator("size")
    @classmethod
    def _size_is_usable(cls, size: int) -> int:
        if 0 < size < MIN_SIZE:
            raise ValueError(f"0 (as found) or a whole number from {MIN_SIZE} to {MAX_SIZE}")
        return size

    @field_validator("background")
    @classmethod
    def _background_is_a_colour(cls, background: str) -> str:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", background):
            raise ValueError("a colour such as #000000 (black) or #ffffff (white)")
        return background.lower()

    @property
    def augments(self) -> bool:
        """Whether training is to see images changed."""
        return any(getattr(self, name) not in (0, "none") for name in AUGMENTING)


#: Settings that a training follows each time it sees an image.
AUGMENTING = frozenset(name for name in SourceConfig.model_fields if name.startswith("augment_"))


def rgb(colour: str) -> tuple[int, int, int]:
    """``#ff8000`` -> (255, 128, 0)."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)


@dataclass(frozen=True)
class Preparation:
    """What images become: uint8 (channels, height, width), nothing "as found" any more."""

    channels: int
    height: int
    width: int
    fit: Fit = "crop"
    background: tuple[int, int, int] = (0, 0, 0)

    @property
    def shape(self) -> tuple[int, int, int]:
        """(C, H, W)."""
        return self.channels, self.height, self.width

    def of_image(self, image: Image.Image, part: Box | None = None) -> np.ndarray:
        """A Pillow image of mode L, RGB or RGBA and any size, or a part of it -> uint8 (C, H, W)."""
        mode = MODES[self.channels]
        if image.mode == "RGBA" != mode:
            image = flattened(image, self.background)
        if image.mode != mode:
            image = image.convert(mode)
        return to_array(fit(image, self.width, self.height, self.fit, self.background, part))

    def of_array(self, images: np.ndarray) -> np.ndarray:
        """uint8 (N, c, h, w) with c of 1, 3 or 4 -> uint8 (N, C, H, W), C-contiguous; the same if so.

        Agrees with `of_image` to the bit.
        """
        if images.shape[2:] == (self.height, self.width):
            return np.ascontiguousarray(to_channels(images, self.channels, self.background))
        result = np.empty((len(images), *self.shape), np.uint8)
        for target, pixels in zip(result, images, strict=True):
            target[:] = self.of_image(to_pillow(pixels))
        return result


def as_found(shape: tuple[int, int, int], config: SourceConfig) -> Preparation:
    """What images of one shape (c, h, w) become: they keep their channels, and their size where it is one of
    a dataset; else it is `MIXED_SIZE`, as in a folder."""
    channels, *size = shape
    if config.size:
        size = [config.size, config.size]
    elif not all(MIN_SIZE <= side <= MAX_SIZE for side in size):
        size = [MIXED_SIZE, MIXED_SIZE]
    height, width = size
    return Preparation(config.channels or channels, height, width, config.fit, rgb(config.background))
