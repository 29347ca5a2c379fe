"""From the images of a source to a dataset: read, prepared and kept, or taken from the cache."""

from __future__ import annotations

import contextlib
import dataclasses

import numpy as np

from latentlab.core.errors import DataError
from latentlab.data import cache, store
from latentlab.data.dataset import LOOKS_LIKE, SAME_AS, Contents, Dataset, Skipped
from latentlab.data.duplicates import Duplicates, Twins
from latentlab.data.images import evenly_spaced
from latentlab.data.naming import natural_key
from latentlab.data.originals import Listing, Originals, Settled
from latentlab.data.preparation import AUGMENTING, SourceConfig
from latentlab.data.report import SCALE, Part, Report, Rising, say

#: Settings that change no stored pixel: how often the training sees an image, and what it does to it then.
#: Where a path leads is in the stamp of what is there.
NOT_STORED = AUGMENTING | {"path", "balance"}

#: Images that are looked at again in a row.
_TOGETHER = 64


def load_originals(source: str, originals: Originals, config: SourceConfig, report: Report) -> Dataset:
    """What `originals` hold, as `config` wants it. DataError where nothing can be read.

    Reports on one scale from 0; whatever `report` raises ends it and leaves nothing behind.
    """
    stored = {k: v for k, v in config.model_dump(mode="json").items() if k not in NOT_STORED}
    name = cache.key(source=source, stamp=originals.stamp, settings=stored)
    report = Rising(report)
    report(0, SCALE)
    kept = store.kept(name, Part(report, 0, 1))
    images, contents = kept or _read(name, originals, config, report)
    report(SCALE, SCALE)
    known = {field.name: getattr(contents, field.name) for field in dataclasses.fields(Contents)}
    values, from_cache = config.model_dump(), kept is not None
    return Dataset(
        images, originals.name, source, values, originals=originals, from_cache=from_cache, **known
    )


def _read(
    name: str, originals: Originals, config: SourceConfig, report: Report
) -> tuple[np.ndarray, Contents]:
    say(report, "Looking for images")
    listing = originals.listing(Part(report, 0, 0.05))
    chosen = evenly_spaced(listing.count, config.limit)
    for settle in (originals.guess, originals.settle):
        say(report, "Looking at sizes")
        settled = settle(chosen, config, Part(report, 0.05, 0.25))
        found = _gathered(name, originals, config, listing, chosen, settled, report)
        if found is not None:
            return found
    raise AssertionError("what is settled holds")


def _gathered(
    name: str,
    originals: Originals,
    config: SourceConfig,
    listing: Listing,
    chosen: np.ndarray,
    settled: Settled,
    report: Report,
) -> tuple[np.ndarray, Contents] | None:
    """None where an image is found that `settled` did not provide for."""
    say(report, "Reading images")
    shape = settled.preparation.shape
    skipped = [*listing.skipped]
    places: list[np.ndarray] = []
    sizes: list[np.ndarray] = []
    total, colourless = np.zeros(shape), settled.unsure
    duplicates = None if config.duplicates == "keep" else Duplicates(config.duplicates)
    with contextlib.ExitStack() as stack:
        writer = stack.enter_context(store.writer(name, shape, len(chosen), originals.costly))
        chunks = originals.chunks(chosen, settled.preparation, Part(report, 0.25, 0.85))
        # Whatever ends the work ends the threads that read ahead, at once.
        stack.callback(getattr(chunks, "close", lambda: None))
        for chunk in chunks:
            skipped += chunk.skipped
            if not len(chunk.images):
                continue
            if settled.provided and any(size != settled.provided for size in chunk.sizes):
                return None
            writer.append(chunk.images)
            places.append(chunk.places)
            sizes.append(np.array(chunk.sizes, np.int32))
            total += chunk.images.sum(0, dtype=np.float64)
            colourless = colourless and bool((chunk.images == chunk.images[:, :1]).all())
            if duplicates is not None:
                duplicates.add(chunk.images)
        if not places:
            raise DataError(_nothing(originals.name, listing, len(chosen), skipped))
        there, found, rows = np.concatenate(places), np.concatenate(sizes), None
        if duplicates is not None:
            say(report, "Looking for duplicates")
            twins = duplicates.find(writer.rows, _order(listing, there), Part(report, 0.85, 0.93))
            gone = np.flatnonzero(twins.of >= 0)
            if len(gone):
                skipped += _duplicates(listing, there, gone, twins)
                for start in range(0, len(gone), _TOGETHER):
                    Part(report, 0.93, 0.94)(start, len(gone))
                    total -= writer.rows(gone[start : start + _TOGETHER]).sum(0, dtype=np.float64)
                rows = np.flatnonzero(twins.of < 0)
                there, found = there[rows], found[rows]
        mean = (total / len(there)).astype(np.float32)
        contents = _contents(listing, there, skipped, found, mean[:1] if colourless else mean)
        return writer.finish(contents, rows, colourless, Part(report, 0.94, 1)), contents


def _order(listing: Listing, places: np.ndarray) -> np.ndarray:
    """The rows of the images at `places`, those that stay where others are the same before the others.

    In their order, but what is held out comes last: what a model is tested with it must not have seen.
    """
    if listing.heldout is None:
        return np.arange(len(places))
    return np.argsort(np.isin(places, listing.heldout), kind="stable")


def _duplicates(listing: Listing, places: np.ndarray, gone: np.ndarray, twins: Twins) -> list[Skipped]:
    def name(row: int) -> str:
        return listing.names[places[row]] if listing.names is not None else f"#{places[row]:,}"

    found = zip(gone.tolist(), twins.of[gone].tolist(), twins.same[gone].tolist(), strict=True)
    return [Skipped(name(row), (SAME_AS if same else LOOKS_LIKE) + name(of)) for row, of, same in found]


def _nothing(name: str, listing: Listing, tried: int, skipped: list[Skipped]) -> str:
    first = min(skipped, key=lambda entry: natural_key(entry.path))
    return (
        f"No readable image in {name}: {tried:,} of {listing.count:,} image files tried, "
        f"all skipped (first {first.path}: {first.reason})."
    )


def _contents(
    listing: Listing, kept: np.ndarray, skipped: list[Skipped], sizes: np.ndarray, mean: np.ndarray
) -> Contents:
    """What is known of the originals at the places `kept`, found in these `sizes`, int32 (N, 2)."""
    heldout = None
    if listing.heldout is not None:
        heldout = np.flatnonzero(np.isin(kept, listing.heldout)).astype(np.int64)
    found, counts = np.unique(sizes, axis=0, return_counts=True)
    return Contents(
        labels=None if listing.labels is None else listing.labels[kept],
        label_names=listing.label_names,
        factors={factor: values[kept] for factor, values in listing.factors.items()},
        heldout=heldout,
        skipped=tuple(sorted(skipped, key=lambda entry: natural_key(entry.path))),
        names=None if listing.names is None else [listing.names[i] for i in kept],
        places=None if len(kept) == listing.count else kept,
        sizes={tuple(found[i].tolist()): int(counts[i]) for i in np.argsort(-counts, kind="stable")},
        mean=mean,
        bytes_found=listing.bytes_found,
    )
