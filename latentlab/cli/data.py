"""Datasets in a terminal: loading them with a bar, what was left out in a line, all that is known of them."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from latentlab.cli.terminal import loading, note

if TYPE_CHECKING:
    from latentlab.core.config import Config
    from latentlab.data import Dataset, Skipped, Source

#: Of what was left out, of sizes and of classes so many are listed; --json has them all.
LISTED = 20
#: Rows of a sheet of images before and after.
SHOWN = 8
#: Reasons that the one line of a training gives.
_REASONS = 2


def load(source: type[Source], config: Config, title: str = "") -> Dataset:
    """Load with a bar of that title, and tell in a line what was left out."""
    with loading(title or source.title) as report:
        dataset = source.load(config, report)
    if dataset.skipped:
        count = len(dataset) + len(dataset.skipped)
        note(left_out(dataset.skipped, count, dataset.config.get("path") or dataset.source))
    return dataset


def tell_namesake(spec: str | None) -> None:
    """A note where a dataset's key is also the name of something here, which is not what is taken."""
    from latentlab.data import SOURCES

    if spec is not None and spec in SOURCES and Path(spec).exists():
        note(f"'{spec}' is the dataset of that name; what lies here is './{spec}'.")


def left_out(skipped: Sequence[Skipped], count: int, target: str) -> str:
    """``Left out 3 of 40: it is cut short (2), it has no pixels (1); 'latentlab info photos' lists them.``"""
    reasons = by_reason(skipped)
    told = ", ".join(f"{reason} ({n:,})" for reason, n in reasons.most_common(_REASONS))
    more = " and more" if len(reasons) > _REASONS else ""
    hint = f"'latentlab info {shlex.quote(target)}' lists them."
    return f"Left out {len(skipped):,} of {count:,}: {told}{more}; {hint}"


def by_reason(skipped: Sequence[Skipped]) -> Counter[str]:
    """How many were left out for which reason; duplicates are one, whatever they are duplicates of."""
    return Counter("it is a duplicate" if entry.is_duplicate else entry.reason for entry in skipped)


def size_in_words(count: int) -> str:
    """``640 bytes``, ``47 kB``, ``1.2 MB``, ``3.4 GB``, of a thousand each."""
    if count < 1000:
        return f"{count} bytes"
    amount, units = count / 1000, ["kB", "MB", "GB", "TB"]
    while amount >= 999.5 and len(units) > 1:
        amount /= 1000
        units.pop(0)
    return f"{amount:.0f} kB" if units[0] == "kB" else f"{amount:.3g} {units[0]}"


def described(source: type[Source], dataset: Dataset) -> tuple[dict[str, Any], list[str]]:
    """All that is known of a dataset: for JSON, and as lines."""
    channels, height, width = dataset.image_shape
    counts = dataset.class_counts()
    factors = {name: [float(v.min()), float(v.max())] for name, v in dataset.factors.items()}
    duplicates = sum(entry.is_duplicate for entry in dataset.skipped)
    brightness = None if dataset.mean is None else float(dataset.mean[:3].mean()) / 255  # no alpha
    values: dict[str, Any] = {
        "kind": "data",
        "source": source.key,
        "title": source.title,
        "name": dataset.name,
        "summary": dataset.summary(),
        "images": len(dataset),
        "channels": channels,
        "height": height,
        "width": width,
        "heldout": 0 if dataset.heldout is None else len(dataset.heldout),
        "sizes": [{"width": w, "height": h, "images": n} for (w, h), n in dataset.sizes.items()],
        "classes": counts,
        "factors": factors,
        "mean_brightness": brightness,
        "bytes_found": dataset.bytes_found,
        "bytes": dataset.images.nbytes,
        "mapped": dataset.is_mapped,
        "from_cache": dataset.from_cache,
        "duplicates": duplicates,
        "reasons": dict(by_reason(dataset.skipped).most_common()),
        "skipped": [{"path": s.path, "reason": s.reason} for s in dataset.skipped],
        "fingerprint": dataset.fingerprint,
        "config": dict(dataset.config),
    }
    lines = [f"{dataset.name}: {dataset.summary()}", f"{source.title}: {source.about}"]
    if dataset.sizes:
        sizes = sorted(dataset.sizes.items(), key=lambda entry: -entry[1])
        lines.append("Sizes found: " + listed([f"{w}×{h} ({n:,})" for (w, h), n in sizes], LISTED))
    if counts:
        lines += ["Classes: " + listed([f"{name} {n:,}" for name, n in counts.items()], LISTED)]
        lines += _balance(counts)
    if factors:
        ranges = [f"{name} {low:.3g} to {high:.3g}" for name, (low, high) in factors.items()]
        lines.append("Factors: " + listed(ranges, LISTED))
    if brightness is not None:
        lines.append(f"Mean brightness: {brightness:.0%}")
    kept = "on disk, mapped into memory" if dataset.is_mapped else "in memory"
    found = f"{size_in_words(dataset.bytes_found)} found, " if dataset.bytes_found else ""
    cached = ", from the cache" if dataset.from_cache else ""
    lines.append(f"Size: {found}{size_in_words(dataset.images.nbytes)} {kept}{cached}")
    return values, lines + _skipped(dataset.skipped)


def write_sheet(path: Path, dataset: Dataset, config: Config) -> None:
    """A picture of some images as they were found, beside what they become. DataError, ExportError."""
    from latentlab.core.errors import DataError
    from latentlab.data import SourceConfig
    from latentlab.export import write_picture
    from latentlab.run import preparing

    opened = preparing.opened(dataset)
    if opened is None or not isinstance(config, SourceConfig):
        raise DataError(f"{dataset.name} is drawn as it is: there is nothing to show before and after.")
    with loading(dataset.name) as report:
        preview = preparing.prepared(opened, config, SHOWN, report=report, loaded=dataset)
    write_picture(path, preparing.sheet(preview))


def _balance(counts: dict[str, int]) -> list[str]:
    """How unequal the classes are, where there are several."""
    fewest, most = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    if len(counts) < 2:
        return []
    if counts[fewest] == counts[most]:
        return ["Balance: all classes have the same number"]
    if not counts[fewest]:
        return [f"Balance: the largest is {most}; {fewest} is empty"]
    return [
        f"Balance: the largest ({most}) is {counts[most] / counts[fewest]:.3g} times the smallest ({fewest})"
    ]


def _skipped(skipped: Sequence[Skipped]) -> list[str]:
    """How many were left out and why, then the first of them by name."""
    if not skipped:
        return []
    reasons = [f"{reason} ({count:,})" for reason, count in by_reason(skipped).most_common()]
    lines = [f"Left out: {len(skipped):,}: {listed(reasons, LISTED)}"]
    lines += [f"  {entry.path}: {entry.reason}" for entry in skipped[:LISTED]]
    if len(skipped) > LISTED:
        lines.append(f"  and {len(skipped) - LISTED:,} more")
    return lines


def listed(texts: Sequence[str], most: int) -> str:
    """``a, b and 1,203 more``."""
    if len(texts) <= most:
        return ", ".join(texts)
    return f"{', '.join(texts[:most])} and {len(texts) - most:,} more"
