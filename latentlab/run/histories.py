"""How the fixed latents changed while a run was trained: as a film, or as a strip of stages."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from latentlab.core.config import Config, setting
from latentlab.core.errors import RunError
from latentlab.core.points import picture_shape
from latentlab.data.base import Report, no_report
from latentlab.export.base import write_frames
from latentlab.export.grid import split
from latentlab.export.layout import Layout
from latentlab.export.sheet import sheet
from latentlab.run.films import FilmConfig
from latentlab.run.training import PREVIEW_COLUMNS
from latentlab.training.run_folder import RunFolder

#: Seconds for which the last frame stands still: what one waits for should not be gone at once.
HOLD = 1.5
#: Pixels that the caption of a step takes at most.
CAPTION_ROOM = 256


class HistoryConfig(Config):
    """A film of the training."""

    seconds: float = setting(
        10.0,
        "Length",
        "From the first step to now; the snapshots are spread evenly.",
        ge=0.5,
        le=600,
        unit="s",
    )
    fps: float = setting(20.0, "Frame rate", "Frames a second at most.", ge=1, le=60, unit="fps")
    rows: int = setting(8, "Rows", "Of the fixed latents.", ge=1, le=8)
    columns: int = setting(8, "Columns", "Of the fixed latents.", ge=1, le=8)
    early: bool = setting(
        False, "More of the beginning", "Go slowly at first, because most is learned in the first seconds."
    )
    captions: bool = setting(True, "Steps", "Write the step below the pictures.")


def chosen(count: int, stages: int, early: bool = False) -> list[int]:
    """Which of `count` snapshots to show for so many stages: the first, the last and evenly between.

    With `early`, the more of them the earlier. Each once; fewer than `stages` where there are no more.
    """
    last = count - 1
    places = np.geomspace(1, last + 1, stages) - 1 if early else np.linspace(0, last, stages)
    return sorted({round(place) for place in places})


def snapshots(folder: RunFolder) -> list[tuple[int, Path]]:
    """(step, PNG) of every look at the fixed latents, oldest first. RunError where there is none."""
    samples = folder.samples()
    if not samples:
        raise RunError(f"{folder.path} has no samples yet: train it for a moment first.")
    return samples


def tiles_of(folder: RunFolder, path: Path) -> np.ndarray:
    """The tiles of a snapshot, uint8 (64, C, H, W). RunError where it is damaged."""
    from PIL import Image

    shape = tuple(picture_shape(folder.info["image_shape"]))
    try:
        with Image.open(path) as image:
            tiles = split(np.asarray(image), shape[1], shape[2])
        if tiles.shape[1:] != shape or len(tiles) % PREVIEW_COLUMNS:
            raise ValueError(f"its {len(tiles)} tiles are {tiles.shape[1:]}; expected {shape}")
        return tiles
    except (OSError, ValueError, SyntaxError) as error:  # Pillow calls broken chunks a matter of syntax
        raise RunError(f"The sample {path} is damaged: {error}.") from None


def history(
    folder: RunFolder,
    stages: int = 6,
    count: int = 8,
    *,
    early: bool = False,
    report: Report = no_report,
) -> tuple[list[int], np.ndarray]:
    """How the fixed latents changed: evenly chosen snapshots, first and last included; see `chosen`.

    -> their steps, and uint8 tiles (stages * count, C, H, W), a row per stage. RunError where none was kept.
    """
    samples = snapshots(folder)
    picked = [samples[place] for place in chosen(len(samples), stages, early)]
    rows = []
    for done, (_, path) in enumerate(picked):
        report(done, len(picked))
        rows.append(tiles_of(folder, path)[:count])
    return [step for step, _ in picked], np.concatenate(rows)


def frames(
    folder: RunFolder, config: HistoryConfig, look: FilmConfig, report: Report = no_report
) -> Iterator[np.ndarray]:
    """The frames of the film, read from the disk as they are needed. RunError as `history`."""
    samples = snapshots(folder)
    total = max(1, round(config.seconds * config.fps))
    if config.early:
        shown = np.geomspace(1, len(samples), total) - 1
    else:
        shown = np.linspace(0, len(samples) - 1, total)
    held = round(HOLD * config.fps)
    last, frame = -1, np.empty(0)
    for number, place in enumerate([*np.rint(shown).astype(int).tolist(), *[len(samples) - 1] * held]):
        report(number, total + held)
        if place != last:
            step, path = samples[place]
            frame, last = _frame(tiles_of(folder, path), step, config, look), place
        yield frame
    report(total + held, total + held)


def _frame(tiles: np.ndarray, step: int, config: HistoryConfig, look: FilmConfig) -> np.ndarray:
    rows, columns = config.rows, config.columns
    grid = tiles.reshape(-1, PREVIEW_COLUMNS, *tiles.shape[1:])[:rows, :columns]
    _, _, height, width = tiles.shape
    # As many whole pixels per pixel as the side allows, so that every tile is as sharp as its neighbour.
    longest = max(rows * height, columns * width)
    scale = min(64, max(1, look.side // longest))
    layout = Layout(
        scale=scale,
        resampling=look.resampling,
        # A narrow picture would be as wide as its caption, and frames must be alike.
        caption=f"step {step:,}" if config.captions and columns * width * scale >= CAPTION_ROOM else "",
        text_size=min(64, max(11, look.side // 40)),
    )
    return sheet(grid.reshape(-1, *tiles.shape[1:]), columns, layout)


def write_history(
    path: str | Path,
    folder: RunFolder,
    config: HistoryConfig,
    look: FilmConfig,
    report: Report = no_report,
) -> None:
    """Write the film. ExportError, RunError; `report` may cancel it."""
    write_frames(path, frames(folder, config, look, report), config.fps)
