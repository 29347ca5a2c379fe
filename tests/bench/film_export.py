"""How fast films are written beside a plain imageio loop, and what memory a long one takes.

    python -m pip install imageio imageio-ffmpeg
    python tests/bench/film_export.py [frames] [turns]

Frames of 512 px: soft shapes that change, in grey and in colour. Both sides are given the same arrays one by
one. MP4: imageio's FFmpeg at the same CRF; it codes BT.601 colours without saying so, ours are
BT.709. GIF: imageio (Pillow), which fits a palette to each frame as we do. Turns are interleaved, so that
what else the machine does falls on both; the median of the turns' ratios counts. PSNR (dB) is of the first
frames read again by PyAV, "near" that of both sides blurred, as eyes see dots that lie close together. APNG
and WebP are for information. Memory: the peak of a process of its own that writes 300 frames of 256 px, and
3,000 (on Linux only).
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from latentlab.export import write_frames

SIDE, FPS, JUDGED = 512, 25, 4

LONG = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from film_export import moving
from latentlab.export import write_frames
write_frames(sys.argv[1], moving(int(sys.argv[2]), 3, 256), 25)
# Not getrusage: what it calls the peak begins with that of the process which started this one.
print(Path("/proc/self/status").read_text().partition("VmHWM:")[2].split()[0])
"""


def moving(count: int, channels: int, side: int = SIDE) -> Iterator[np.ndarray]:
    """Soft shapes of a few pixels, enlarged, as a decoder makes them; they come back after 100 frames."""
    random = np.random.default_rng(0)
    a, b = random.normal(0, 0.22, (2, 14, 14, channels))
    for number in range(count):
        angle = 2 * np.pi * number / 100
        small = np.clip(0.45 + np.cos(angle) * a + np.sin(angle) * b, 0, 1) * 255
        tile = Image.fromarray(small.astype(np.uint8).squeeze())
        yield np.asarray(tile.resize((side, side), Image.Resampling.LANCZOS))


def plain(path: Path, frames: list[np.ndarray]) -> None:
    import imageio

    if path.suffix == ".mp4":
        quality = {"codec": "libx264", "quality": None, "output_params": ["-crf", "16"]}
        writer = imageio.get_writer(path, fps=FPS, macro_block_size=2, **quality)
    else:
        writer = imageio.get_writer(path, duration=1000 / FPS, loop=0)
    with writer:
        for frame in frames:
            writer.append_data(frame)


def ours(path: Path, frames: list[np.ndarray]) -> None:
    write_frames(path, iter(frames), FPS)


def seconds(write: Callable[[Path, list[np.ndarray]], None], path: Path, frames: list[np.ndarray]) -> float:
    path.unlink(missing_ok=True)
    started = time.perf_counter()
    write(path, frames)
    return time.perf_counter() - started


def psnr(a: np.ndarray, b: np.ndarray) -> float:
    error = float(np.mean((a.astype(float) - b) ** 2))
    return 10 * np.log10(255**2 / error) if error else 99.0


def judged(path: Path, frames: list[np.ndarray]) -> tuple[float, float]:
    """PSNR of the first frames against what they should be, and of both blurred."""
    import av

    found = []
    with av.open(str(path)) as film:
        for picture, frame in zip(film.decode(video=0), frames[:JUDGED], strict=False):
            true = frame if frame.ndim == 3 else np.repeat(frame[..., None], 3, axis=2)
            read = picture.to_ndarray(format="rgb24")
            soft = [Image.fromarray(p).filter(ImageFilter.GaussianBlur(1.2)) for p in (read, true)]
            found.append((psnr(read, true), psnr(np.asarray(soft[0]), np.asarray(soft[1]))))
    return statistics.mean(p for p, _ in found), statistics.mean(p for _, p in found)


def peak(path: Path, frames: int) -> int:
    """Kibibytes that a process holds at most while it writes so many frames."""
    command = [sys.executable, "-c", LONG, str(path), str(frames), str(Path(__file__).parent)]
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 150
    turns = int(sys.argv[2]) if len(sys.argv) > 2 else 3
    report: dict[str, object] = {"cores": os.cpu_count(), "frames": count, "turns": turns}
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        heads = ("plain, fps", "ours, fps", "ratio", "plain, dB", "ours, dB", "near", "near", "kB", "kB")
        print(f"{'film':12}" + "".join(f"{head:>11}" for head in heads))
        for ending in (".mp4", ".gif", ".apng", ".webp"):
            for kind, channels in (("grey", 1), ("colour", 3)):
                frames = list(moving(count, channels))
                ways = (plain, ours) if ending in (".mp4", ".gif") else (ours,)
                files = {way: folder / f"{way.__name__}{ending}" for way in ways}
                rows = []
                for turn in range(turns):
                    took = {w: seconds(w, files[w], frames) for w in (ways if turn % 2 else ways[::-1])}
                    rows.append([took[way] for way in ways])
                rates = [count / statistics.median(column) for column in zip(*rows, strict=True)]
                found = {"fps": round(rates[-1], 1), "kB": files[ours].stat().st_size // 1000}
                if len(ways) == 1:
                    print(f"{kind + ending:12}{'':11}{rates[0]:11.1f}{'':66}{found['kB']:11,}", flush=True)
                else:
                    ratio = statistics.median(theirs / mine for theirs, mine in rows)
                    quality = list(zip(*(judged(files[way], frames) for way in ways), strict=True))
                    sizes = [files[way].stat().st_size // 1000 for way in ways]
                    cells = [f"{rate:.1f}" for rate in rates] + [f"{ratio:.2f}"]
                    cells += [f"{value:.1f}" for pair in quality for value in pair]
                    cells += [f"{size:,}" for size in sizes]
                    print(f"{kind + ending:12}" + "".join(f"{cell:>11}" for cell in cells), flush=True)
                    found |= {"plain_fps": round(rates[0], 1), "ratio": round(ratio, 2)}
                    found |= {"plain_psnr": round(quality[0][0], 1), "psnr": round(quality[0][1], 1)}
                    found |= {"plain_kB": sizes[0]}
                report[kind + ending] = found
        if sys.platform != "linux":
            print(json.dumps(report))
            return
        print(f"\n{'peak, MiB':12}{'300':>11}{'3,000':>11}{'more':>11}")
        for ending in (".mp4", ".gif", ".apng", ".webp"):
            few, many = (peak(folder / f"long{ending}", frames) / 1024 for frames in (300, 3000))
            print(f"{ending:12}{few:11.1f}{many:11.1f}{many - few:11.1f}", flush=True)
            report[f"peak{ending}"] = {"300_MiB": round(few, 1), "3000_MiB": round(many, 1)}
    print(json.dumps(report))


if __name__ == "__main__":
    main()
