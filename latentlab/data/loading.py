"""From the images of a source to a dataset: read, prepared and kept, or taken from the cache."""

from __future__ import annotations

import dataclasses
from collections import Counter

import numpy as np

from latentlab.core.errors import DataError
from latentlab.data import cache, store
from latentlab.data.dataset import Contents, Dataset, Skipped
from latentlab.data.naming import natural_key
from latentlab.data.originals import Listing, Originals, chosen_of
from latentlab.data.preparation import SourceConfig
from latentlab.data.report import SCALE, Part, Report, say

#: Settings that change no stored pixel: how often the training sees an image, and what it does to it then.
NOT_STORED = frozenset(
    {"path", "balance", "augment_flip", "augment_rotate", "augment_crop", "augment_colour"}
)


def load_originals(source: str, originals: Originals, config: SourceConfig, report: Report) -> Dataset:
    """What `originals` hold, as `config` wants it. DataError where nothing can be read.

    Reports on one scale from 0; whatever `report` raises ends it and leaves nothing behind.
    """
    stored = {k: v for k, v in config.model_dump(mode="json").items() if k not in NOT_STORED}
    name = cache.key(source=source, stamp=originals.stamp, settings=stored)
    entry = cache.find(name)
    report(0, SCALE)
    if entry is not None:
        contents = entry.contents
        images = entry.images(in_memory=int(np.prod(entry.shape)) <= store.budget())
    else:
        images, contents = _read(name, originals, config, report)
    report(SCALE, SCALE)
    known = {field.name: getattr(contents, field.name) for field in dataclasses.fields(Contents)}
    return Dataset(images, originals.name, source, config.model_dump(), originals=originals, **known)


def _read(
    name: str, originals: Originals, config: SourceConfig, report: Report
) -> tuple[np.ndarray, Contents]:
    say(report, "Looking for images")
    listing = originals.listing(Part(report, 0, 0.05))
    chosen = chosen_of(listing, config.limit)
    say(report, "Looking at sizes")
    settled = originals.settle(chosen, config, Part(report, 0.05, 0.3))
    say(report, "Reading images")
    shape = settled.preparation.shape
    skipped = [*listing.skipped]
    sizes: Counter[tuple[int, int]] = Counter()
    places: list[np.ndarray] = []
    total, colourless = np.zeros(shape), settled.unsure
    with store.writer(name, shape, len(chosen), originals.costly) as writer:
        for chunk in originals.chunks(chosen, settled.preparation, Part(report, 0.3, 1)):
            skipped += chunk.skipped
            if not len(chunk.images):
                continue
            writer.append(chunk.images)
            places.append(chunk.places)
            sizes.update(chunk.sizes)
            total += chunk.images.sum(0, dtype=np.float64)
            colourless = colourless and bool((chunk.images == chunk.images[:, :1]).all())
        if not places:
            raise DataError(_nothing(originals.name, listing, len(chosen), skipped))
        kept = np.concatenate(places)
        mean = (total / len(kept)).astype(np.float32)
        contents = _contents(listing, kept, skipped, sizes, mean[:1] if colourless else mean)
        return writer.finish(contents, grey=colourless), contents


def _nothing(name: str, listing: Listing, tried: int, skipped: list[Skipped]) -> str:
    first = min(skipped, key=lambda entry: natural_key(entry.path))
    return (
        f"No readable image in {name}: {tried:,} of {listing.count:,} image files tried, "
        f"all skipped (first {first.path}: {first.reason})."
    )


def _contents(
    listing: Listing,
    kept: np.ndarray,
    skipped: list[Skipped],
    sizes: Counter[tuple[int, int]],
    mean: np.ndarray,
) -> Contents:
    """What is known of the originals at the places `kept`."""
    heldout = None
    if listing.heldout is not None:
        heldout = np.flatnonzero(np.isin(kept, listing.heldout)).astype(np.int64)
    return Contents(
        labels=None if listing.labels is None else listing.labels[kept],
        label_names=listing.label_names,
        factors={factor: values[kept] for factor, values in listing.factors.items()},
        heldout=heldout,
        skipped=tuple(sorted(skipped, key=lambda entry: natural_key(entry.path))),
        names=None if listing.names is None else [listing.names[i] for i in kept],
        places=None if len(kept) == listing.count else kept,
        sizes=dict(sizes.most_common()),
        mean=mean,
        bytes_found=listing.bytes_found,
    )
