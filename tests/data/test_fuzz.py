"""Small sound files of every kind, cut or changed at random: an image or a reason, and nothing else."""

import io
import warnings

import numpy as np
import pytest
from PIL import Image

from latentlab.data import load

KINDS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")


def encoded(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def broken_files(count):
    """Small sound files of every kind, cut or with some bits or a byte changed: name -> content."""
    random = np.random.default_rng(7)
    exif = Image.Exif()
    exif[0x0112] = 6
    coarse = Image.fromarray(random.integers(0, 256, (4, 6, 3), np.uint8))
    small = coarse.resize((20, 12), Image.Resampling.BICUBIC)
    seeds = {f"plain {kind}": encoded(small, kind) for kind in (*KINDS, "DIB", "MPO")}
    seeds |= {f"turned {kind}": encoded(small, kind, exif=exif) for kind in ("PNG", "JPEG", "WEBP", "TIFF")}
    seeds |= {f"palette {kind}": encoded(small.quantize(8), kind) for kind in ("PNG", "BMP", "GIF", "TIFF")}
    seeds |= {f"film {kind}": encoded(small, kind, save_all=True, append_images=[small.rotate(90)])
              for kind in ("PNG", "WEBP", "GIF", "TIFF")}  # fmt: skip
    seeds |= {f"packed {i}": encoded(small, "TIFF", compression=how)
              for i, how in enumerate(("tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"))}  # fmt: skip
    seeds["printed"] = encoded(small.convert("CMYK"), "JPEG", progressive=True)
    seeds["deep"] = encoded(Image.fromarray(np.arange(240, dtype=np.uint16).reshape(12, 20) * 273), "PNG")
    seeds["float"] = encoded(
        Image.fromarray(np.linspace(0, 1, 240, dtype=np.float32).reshape(12, 20)), "TIFF"
    )
    for number in range(count):
        content = bytearray(list(seeds.values())[number % len(seeds)])
        if (number // len(seeds)) % 3 == 0:
            del content[random.integers(len(content)) :]
        elif (number // len(seeds)) % 3 == 1:
            for at in random.integers(len(content), size=random.integers(1, 4)):
                content[at] ^= 1 << int(random.integers(8))
        else:  # where the header is
            content[random.integers(min(120, len(content)))] = random.integers(256)
        yield f"{number}.png", bytes(content)


@pytest.mark.parametrize(
    "settings", [{}, {"size": 16, "channels": 3}, {"size": 9, "channels": 4, "fit": "pad"}]
)
def test_whatever_is_broken_never_ends_a_load(tmp_path, write_image, settings):
    files = dict(broken_files(480))
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    write_image(tmp_path / "sound.png", (20, 12))
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        found = load(str(tmp_path), settings)
    assert [warning.message for warning in told] == []
    assert {*found.names, *(entry.path for entry in found.skipped)} == {*files, "sound.png"}
    assert len(found) + len(found.skipped) == len(files) + 1
    assert len(found) > 60 and len(found.skipped) > 150
    for entry in found.skipped:
        reason = entry.reason
        assert (
            0 < len(reason) < 120 and reason.isprintable() and not reason.endswith(".") and "0x" not in reason
        )
