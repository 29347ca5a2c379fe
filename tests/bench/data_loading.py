"""How fast a folder of images becomes a dataset, beside a plain loop over Pillow; how fast it opens again.

    python tests/bench/data_loading.py [files] [turns]

Folders of PNG and JPEG files, half of each: `files` of 64 px and of 256 px, a tenth as many of 1024 px, like
photographs in their shades and edges. The plain loop is what one writes first: open, convert to RGB, cut out
the middle, resize as latentlab does, np.asarray, one file after the other. latentlab's is a whole load with
nothing set but the size: it looks for files, sizes and colours, and writes the cache. Turns are interleaved,
so that what else the machine does falls on both; the median of the turns' ratios counts. "work" is the same
ratio in processor time: what remains of the other where no core is free. Files lie in the system's memory, as
after a first look at them; few are distinct, which no decoder notices.
"""

from __future__ import annotations

import io
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import PIL
from PIL import Image

from latentlab.data import cache, load

#: Name -> (side of the files, share of the number of files, size that is set).
FOLDERS = {"64 px": (64, 1.0, 0), "256 px": (256, 1.0, 64), "1024 px": (1024, 0.1, 128)}
DISTINCT = 24


def picture(side: int, seed: int) -> Image.Image:
    """Shades of every scale (amplitudes 1/f), some edges, a little noise."""
    random = np.random.default_rng(seed)
    frequency = np.fft.fftfreq(side)
    radius = np.hypot(*np.meshgrid(frequency, frequency))
    radius[0, 0] = 1
    shades = np.fft.ifft2(np.exp(2j * np.pi * random.random((side, side))) / radius**1.2).real
    pixels = (128 + 45 * (shades - shades.mean()) / shades.std())[:, :, None] * (0.6 + 0.4 * random.random(3))
    for _ in range(4):
        left, top, width, height = random.integers(0, side, 4)
        pixels[top : top + height, left : left + width] += random.integers(-60, 60, 3)
    return Image.fromarray((pixels + random.normal(0, 2, pixels.shape)).clip(0, 255).astype(np.uint8))


def fill(folder: Path, side: int, count: int) -> None:
    folder.mkdir()
    contents = []
    for seed in range(DISTINCT):
        image, png, jpeg = picture(side, seed), io.BytesIO(), io.BytesIO()
        image.save(png, "PNG")
        image.save(jpeg, "JPEG", quality=90)
        contents.append((png.getvalue(), jpeg.getvalue()))
    for i in range(count):
        png, jpeg = contents[i // 2 % DISTINCT]
        (folder / f"{i:06}.{'jpg' if i % 2 else 'png'}").write_bytes(jpeg if i % 2 else png)


def plain(folder: Path, size: int) -> np.ndarray:
    images = []
    for path in sorted(folder.iterdir()):
        with Image.open(path) as opened:
            image = opened.convert("RGB")
        if size:
            side = min(image.size)
            left, top = (image.width - side) // 2, (image.height - side) // 2
            image = image.crop((left, top, left + side, top + side))
            image = image.resize((size, size), Image.Resampling.LANCZOS, reducing_gap=3.0)
        images.append(np.asarray(image))
    return np.stack(images)


def ours(folder: Path, size: int) -> np.ndarray:
    return load(str(folder), {"size": size}).images


def took(work, *arguments) -> tuple[float, float]:
    """Seconds by the clock, and of all cores."""
    started, busy = time.perf_counter(), time.process_time()
    work(*arguments)
    return time.perf_counter() - started, time.process_time() - busy


def main() -> None:
    files = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    turns = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    report: dict[str, object] = {"cores": os.cpu_count(), "pillow": PIL.__version__, "turns": turns}
    with tempfile.TemporaryDirectory() as temporary:
        os.environ["LATENTLAB_HOME"] = str(Path(temporary, "home"))
        heads = ("count", "plain/s", "ours/s", "ratio", "work", "again, s", "faster")
        print(f"{'files':10}" + "".join(f"{head:>10}" for head in heads))
        for name, (side, share, size) in FOLDERS.items():
            folder, count = Path(temporary, name), max(2, round(files * share))
            fill(folder, side, count)
            rows = []
            for turn in range(turns):
                cache.clear()
                seconds = {}
                for work in (plain, ours) if turn % 2 else (ours, plain):
                    seconds[work] = took(work, folder, size)
                rows.append((*seconds[plain], *seconds[ours], took(ours, folder, size)[0]))
            theirs, _, mine, _, again = (statistics.median(column) for column in zip(*rows, strict=True))
            ratio = statistics.median(row[0] / row[2] for row in rows)
            work_ratio = statistics.median(row[1] / row[3] for row in rows)
            faster = statistics.median(row[2] / row[4] for row in rows)
            print(
                f"{name:10}{count:10,}{count / theirs:10,.0f}{count / mine:10,.0f}"
                f"{ratio:10.2f}{work_ratio:10.2f}{again:10.3f}{faster:10.0f}",
                flush=True,
            )
            report[name] = {
                "files": count,
                "plain_per_second": round(count / theirs),
                "latentlab_per_second": round(count / mine),
                "ratio": round(ratio, 2),
                "ratio_of_processor_time": round(work_ratio, 2),
                "cached_seconds": round(again, 3),
                "cached_ratio": round(faster, 1),
            }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
