"""A few images before and after their preparation, exactly as a load would make them."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from latentlab import data
from latentlab.core.config import Config
from latentlab.core.errors import DataError
from latentlab.data.base import Dataset, Skipped, Source
from latentlab.data.fetched import Fetched
from latentlab.data.files import FileOriginals
from latentlab.data.images import evenly_spaced, fit, to_array, to_channels, to_pillow
from latentlab.data.originals import Originals
from latentlab.data.preparation import AUGMENTING, Preparation, SourceConfig, rgb
from latentlab.data.report import Part, Report, no_report, say
from latentlab.export.grid import compose

#: Files whose headers are read to find what "as found" means; of more, those that are shown decide.
SETTLED_WHOLE = 500
#: Pixels a side of an original that is shown: a photograph of 50 million is no better to look at.
LONGEST = 512
#: Times that each image is augmented.
VARIANTS = 2
#: Grey between the pictures of a sheet.
BACKGROUND = 48
#: Rounds of other images that are tried in place of those that cannot be read.
_ROUNDS = 4
#: What `Source.open` may not depend on, for the person's own images and for others.
_PREPARED = frozenset(SourceConfig.model_fields)
_AFTERWARDS = AUGMENTING | {"balance", "fit"}


@dataclasses.dataclass(frozen=True, eq=False)
class PreparationPreview:
    """N images of a source, in its order.

    names: what each is called. sizes: (width, height) as found. originals: uint8 (c, h, w) each, of their own
    proportions and at most `LONGEST` a side. prepared: uint8 (N, C, H, W), to the bit what is loaded.
    augmented: uint8 (N, `VARIANTS`, C, H, W), as training may see them; None where nothing is. count: images
    that the source holds, within the limit. settled: whether what "as found" means was found out from all of
    them, not from these alone. skipped: what was to be shown and cannot be read.
    """

    names: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    originals: tuple[np.ndarray, ...]
    prepared: np.ndarray
    augmented: np.ndarray | None
    count: int
    settled: bool
    skipped: tuple[Skipped, ...] = ()


@dataclasses.dataclass(frozen=True, eq=False)
class Opened:
    """A source's originals, kept from one preview to the next. `known` is what they were opened with."""

    originals: Originals
    known: Mapping[str, Any]

    def fits(self, source: type[Source], config: SourceConfig) -> bool:
        """Whether they are what `source` would open with `config`."""
        return self.known == _known(source, config)


def opened(dataset: Dataset) -> Opened | None:
    """What a dataset was loaded from; None where that has no originals."""
    source = data.SOURCES.get(dataset.source)
    if dataset.originals is None:
        return None
    return Opened(dataset.originals, _known(source, source.Config(**dataset.config)))


def open_originals(source: type[Source], config: SourceConfig, report: Report = no_report) -> Opened:
    """What a source holds, not yet listed; fetches nothing. DataError."""
    if issubclass(source, Fetched) and (missing := source.bytes_missing()):
        raise DataError(f"{source.title} is not here yet: {missing / 1e6:.1f} MB come with the first load.")
    return Opened(source.open(config, report), _known(source, config))


def preview(
    spec: str,
    values: Mapping[str, Any] | None = None,
    count: int = 6,
    seed: int = 0,
    report: Report = no_report,
) -> PreparationPreview:
    """Some images of a source (its key, or a path) with these settings; see `prepared`. DataError,
    ConfigError.
    """
    source, config = data.resolve(spec, values)
    if not isinstance(config, SourceConfig):
        raise DataError(f"{source.title} are not prepared: they are what is drawn.")
    return prepared(open_originals(source, config, report), config, count, seed, report)


def prepared(
    opened: Opened,
    config: SourceConfig,
    count: int = 6,
    seed: int = 0,
    report: Report = no_report,
    loaded: Dataset | None = None,
) -> PreparationPreview:
    """At most `count` images, spread evenly over those that a load with `config` would take.

    Another `seed` takes others. Where "as found" is asked for, `loaded`, the dataset that was loaded from
    there, knows what it means, if its size, channels and limit were the same; else the headers are looked at.
    DataError where none can be read, or they would be no dataset.
    """
    originals = opened.originals
    say(report, "Looking for images")
    listing = originals.listing(Part(report, 0, 0.6))
    chosen = evenly_spaced(listing.count, config.limit)
    places = chosen[_spread(len(chosen), count, seed)]
    say(report, "Preparing a few")
    settled, unsure, preparation = _settle(originals, config, chosen, places, loaded, Part(report, 0.6, 0.8))
    found: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    skipped: list[Skipped] = []
    tried: set[int] = set()
    for turn in range(_ROUNDS):
        fresh = [place for place in places.tolist() if place not in tried][: count - len(found)]
        tried |= set(fresh)
        for chunk in originals.chunks(np.array(fresh, np.int64), preparation, Part(report, 0.8, 1)):
            skipped += chunk.skipped
            for place, image in zip(chunk.places.tolist(), chunk.images, strict=True):
                found[place] = originals.original(place), image
        if len(found) >= count or len(tried) >= len(chosen):
            break
        places = chosen[_spread(len(chosen), count, seed + 1 + turn)]
    if not found:
        first = skipped[0]
        raise DataError(
            f"None of the {len(tried)} images of {originals.name} that were tried can be read "
            f"(first {first.path}: {first.reason})."
        )
    order = sorted(found)
    images = np.stack([found[place][1] for place in order])
    if unsure and (images == images[:, :1]).all():
        images = np.ascontiguousarray(images[:, :1])
    Dataset(images, originals.name, "")  # says so where such images are none to learn from
    wholes = [found[place][0] for place in order]
    return PreparationPreview(
        names=tuple(f"#{place:,}" if listing.names is None else listing.names[place] for place in order),
        sizes=tuple((whole.shape[2], whole.shape[1]) for whole in wholes),
        originals=tuple(_reduced(whole) for whole in wholes),
        prepared=images,
        augmented=_augmented(images, config, seed),
        count=len(chosen),
        settled=settled,
        skipped=tuple(skipped),
    )


def sheet(preview: PreparationPreview, side: int = 128) -> np.ndarray:
    """A picture of a preview, uint8 (H, W, 3): a row for each image, as found, prepared, then its variants.

    Pixels of prepared images are repeated a whole number of times, to `side` or a little more. What is
    transparent lies on grey.
    """
    most = max(preview.prepared.shape[2:])
    side = most * -(-side // most)
    tiles = []
    for index, original in enumerate(preview.originals):
        varied = () if preview.augmented is None else preview.augmented[index]
        tiles += [_tile(image, side) for image in (original, preview.prepared[index], *varied)]
    return compose(np.stack(tiles), len(tiles) // len(preview.names), spacing=4, background=BACKGROUND)


def _tile(image: np.ndarray, side: int) -> np.ndarray:
    """uint8 (c, h, w) -> (3, side, side), in its own proportions in the middle of grey."""
    grey = (BACKGROUND,) * 3
    image = to_channels(image[None], 3, grey)[0]
    if max(image.shape[1:]) > side:
        return to_array(fit(to_pillow(image), side, side, "pad", grey))
    times = side // max(image.shape[1:])
    _, height, width = (image := image.repeat(times, 1).repeat(times, 2)).shape
    tile = np.full((3, side, side), BACKGROUND, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    tile[:, top : top + height, left : left + width] = image
    return tile


def _known(source: type[Source], config: Config) -> dict[str, Any]:
    values = config.model_dump(mode="json")
    # A drawing may depend on its size and colours; of files only which they are matters.
    no_matter = _PREPARED if source.needs_path or issubclass(source, Fetched) else _AFTERWARDS
    return {"source": source.key} | {k: v for k, v in values.items() if k not in no_matter}


def _spread(total: int, count: int, seed: int) -> np.ndarray:
    """Ascending indices of at most `count` of `total` things, one of each part of it; by seed another one."""
    count = min(count, total)
    starts = np.arange(count + 1, dtype=np.int64) * total // max(1, count)
    # Steps of the golden ratio come to every place of a part before they return to one.
    share = seed * 0.618033988749895 % 1
    return starts[:-1] + (np.diff(starts) * share).astype(np.int64)


def _settle(
    originals: Originals,
    config: SourceConfig,
    chosen: np.ndarray,
    places: np.ndarray,
    loaded: Dataset | None,
    report: Report,
) -> tuple[bool, bool, Preparation]:
    """(whether all had a say, whether they become grey if none has colour, what every image becomes)."""
    told = ("size", "channels", "limit")
    if loaded is not None and all(loaded.config.get(name) == getattr(config, name) for name in told):
        return True, False, Preparation(*loaded.image_shape, config.fit, rgb(config.background))
    # All of an array have one shape; headers of many files take long to read.
    whole = not isinstance(originals, FileOriginals) or len(chosen) <= SETTLED_WHOLE
    whole = whole or bool(config.size and config.channels)
    found = originals.settle(chosen if whole else places, config, report)
    return whole, found.unsure, found.preparation


def _augmented(images: np.ndarray, config: SourceConfig, seed: int) -> np.ndarray | None:
    if not config.augments:  # asked here: torch takes a while to import
        return None
    from latentlab.training.augmentation import augment

    values = config.model_dump()
    return np.stack([augment(images, values, seed, step) for step in range(VARIANTS)], axis=1)


def _reduced(image: np.ndarray) -> np.ndarray:
    """uint8 (c, h, w) -> the same, or smaller with the same proportions."""
    if max(image.shape[1:]) <= LONGEST:
        return image
    small = to_pillow(image)
    small.thumbnail((LONGEST, LONGEST))
    return to_array(small)
