"""What is known of a dataset, in words."""

from __future__ import annotations

from latentlab.data.base import Dataset

CHANNELS = {1: "grey", 3: "colour", 4: "colour with alpha"}


def facts(dataset: Dataset) -> list[tuple[str, str]]:
    """(title, words) of all that can be said; what does not apply is not there."""
    found = [
        *_found(dataset),
        ("Prepared", _prepared(dataset)),
        *_classes(dataset),
        ("Factors", ", ".join(map(shortened, dataset.factors))),
        ("Held out", _held_out(dataset)),
        ("Left out", left_out(dataset)),
        ("On disk", size_words(dataset.bytes_found) if dataset.bytes_found else ""),
        ("Pixels", _kept(dataset)),
    ]
    return [(title, words) for title, words in found if words]


def gist(dataset: Dataset) -> str:
    """The shortest that is worth reading of them."""
    kept = size_words(dataset.images.nbytes) + (" on disk" if dataset.is_mapped else "")
    return f"{len(dataset.sizes):,} sizes · {kept}" if len(dataset.sizes) > 1 else kept


def size_words(count: int) -> str:
    """``640 bytes``, ``47 kB``, ``1.2 MB``, ``3.4 GB``, of a thousand each."""
    if count < 1000:
        return f"{count} bytes"
    units = ("kB", "MB", "GB", "TB")
    power = next((i for i in range(4) if count < 999.5 * 1000 ** (i + 1)), 3)
    amount = count / 1000 ** (power + 1)
    return f"{amount:.1f} {units[power]}" if amount < 9.95 and power else f"{amount:.0f} {units[power]}"


def left_out_words(dataset: Dataset) -> str:
    """``1,203 left out · see why``; empty for none."""
    return f"{len(dataset.skipped):,} left out · see why" if dataset.skipped else ""


def shortened(name: str, longest: int = 24) -> str:
    """A name that others chose, of at most so many letters."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"


def _found(dataset: Dataset) -> list[tuple[str, str]]:
    """The sizes of the originals: ``12 sizes``, ``640×480 (3,120)``."""
    if not dataset.sizes:
        return []
    (width, height), count = max(dataset.sizes.items(), key=lambda entry: entry[1])
    if len(dataset.sizes) == 1:
        return [("Found", f"{width}×{height}")]
    mostly = "Mostly" if 2 * count > sum(dataset.sizes.values()) else "Most often"
    return [("Found", f"{len(dataset.sizes):,} sizes"), (mostly, f"{width}×{height} ({count:,})")]


def _prepared(dataset: Dataset) -> str:
    if dataset.is_points:
        return "points of a plane"
    channels, height, width = dataset.image_shape
    return f"{width}×{height}, {CHANNELS[channels]}"


def _classes(dataset: Dataset) -> list[tuple[str, str]]:
    """``10 of 500 each``, or ``10``, ``12 (cat)``, ``6,742 (dog)``."""
    counts = dataset.class_counts()
    if not counts:
        return []
    fewest, most = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    if counts[fewest] == counts[most]:
        return [("Classes", f"{len(counts):,} of {counts[most]:,} each")]
    return [
        ("Classes", f"{len(counts):,}"),
        ("Smallest", f"{counts[fewest]:,} ({shortened(fewest)})"),
        ("Largest", f"{counts[most]:,} ({shortened(most)})"),
    ]


def _held_out(dataset: Dataset) -> str:
    count = 0 if dataset.heldout is None else len(dataset.heldout)
    return f"{count:,} for testing" if count else ""


def left_out(dataset: Dataset) -> str:
    """``12 files, 340 duplicates``."""
    twins = sum(entry.is_duplicate for entry in dataset.skipped)
    others = len(dataset.skipped) - twins
    parts = [
        f"{count:,} {noun}{'s' if count != 1 else ''}"
        for count, noun in ((others, "file"), (twins, "duplicate"))
        if count
    ]
    return ", ".join(parts)


def _kept(dataset: Dataset) -> str:
    where = "on disk, mapped" if dataset.is_mapped else "in memory"
    return f"{size_words(dataset.images.nbytes)} {where}"
