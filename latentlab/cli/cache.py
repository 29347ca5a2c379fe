"""``latentlab cache``: what is kept on disk to be quick another time, and how to be rid of it."""

from __future__ import annotations

from typing import Annotated

import typer

from latentlab.cli.data import size_in_words
from latentlab.cli.options import AsJson
from latentlab.cli.terminal import tell


def cache(
    clear: Annotated[
        bool, typer.Option("--clear", help="Remove prepared images; they are made again when needed.")
    ] = False,
    clear_downloads: Annotated[
        bool,
        typer.Option("--clear-downloads", help="Remove what was fetched; it is fetched again when needed."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Tell what prepared images and downloads take on disk, and where; remove them on request."""
    from latentlab.core import paths
    from latentlab.data import cache as prepared
    from latentlab.data import fetched

    if clear:
        prepared.clear()
    if clear_downloads:
        fetched.clear()
    count, size = prepared.usage()
    downloads = fetched.kept()
    values = {
        "folder": str(paths.cache_dir()),
        "prepared": {"datasets": count, "bytes": size},
        "downloads": downloads,
        "bytes": size + sum(downloads.values()),
    }
    sets = f"{count:,} dataset" + ("s" if count != 1 else "")
    lines = [f"Prepared images: {sets}, {size_in_words(size)}" if count else "Prepared images: none"]
    told = [f"{key} {size_in_words(taken)}" for key, taken in downloads.items()]
    lines += [f"Downloads: {', '.join(told) or 'none'}", f"Folder: {paths.cache_dir()}"]
    tell(values, "\n".join(lines), as_json)
