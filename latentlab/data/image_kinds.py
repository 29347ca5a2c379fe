"""What a file is by its first bytes: the kinds of image that are read, and what people put beside them."""

from __future__ import annotations

import codecs
import re

#: First bytes -> what is read with Pillow. Content decides, not the name: a PNG may be called .jpg.
_READ = (
    (b"\x89PNG\r\n\x1a\n", "PNG"),
    (b"\xff\xd8\xff", "JPEG"),
    (b"GIF87a", "GIF"),
    (b"GIF89a", "GIF"),
    (b"BM", "BMP"),
    (b"(\0\0\0", "DIB"),
    (b"II*\0", "TIFF"),
    (b"MM\0*", "TIFF"),
    (b"II+\0\x08\0\0\0", "TIFF"),
    (b"MM\0+\0\x08\0\0", "TIFF"),
)
SUFFIXES = frozenset(
    (".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".bmp", ".dib", ".gif", ".tif", ".tiff")
)
CAMERA_RAW = "camera raw"
#: Those of cameras are TIFF inside, of which no more than a preview would be read.
_RAW = frozenset(
    (".3fr", ".arw", ".cr2", ".cr3", ".dng", ".nef", ".nrw", ".orf", ".pef", ".raf", ".rw2", ".srw", ".x3f")
)
#: Images that people have and that are not read.
_OTHER_SUFFIXES = {
    ".avif": "AVIF", ".cur": "cursor", ".dds": "DDS", ".djvu": "DjVu", ".emf": "EMF", ".eps": "EPS",
    ".exr": "OpenEXR", ".hdr": "Radiance HDR", ".heic": "HEIC", ".heif": "HEIC", ".icns": "icon",
    ".ico": "icon", ".j2k": "JPEG 2000", ".jp2": "JPEG 2000", ".jxl": "JPEG XL", ".kra": "Krita",
    ".pbm": "PNM", ".pcx": "PCX", ".pgm": "PNM", ".pnm": "PNM", ".ppm": "PNM", ".psb": "Photoshop",
    ".psd": "Photoshop", ".qoi": "QOI", ".svg": "SVG", ".svgz": "SVG", ".tga": "TGA", ".wmf": "WMF",
    ".xcf": "GIMP", ".xpm": "XPM",
} | dict.fromkeys(_RAW, CAMERA_RAW)  # fmt: skip
#: What a name must end in, in any case, to be taken for an image: if it is not read, people shall know why.
NAMED_AS_IMAGES = SUFFIXES | _OTHER_SUFFIXES.keys()

#: (offset, bytes there, what it is).
_OTHER_IMAGES = (
    (0, b"8BPS", "Photoshop"), (0, b"\0\0\1\0", "icon"), (0, b"icns", "icon"), (0, b"\0\0\2\0", "cursor"),
    (0, b"\0\0\0\x0cjP  ", "JPEG 2000"), (0, b"\xff\x4f\xff\x51", "JPEG 2000"),
    (0, b"\0\0\0\x0cJXL ", "JPEG XL"), (0, b"\xff\x0a", "JPEG XL"), (0, b"v/1\x01", "OpenEXR"),
    (0, b"#?RADIANCE", "Radiance HDR"), (0, b"#?RGBE", "Radiance HDR"), (0, b"DDS ", "DDS"),
    (0, b"qoif", "QOI"), (0, b"gimp xcf", "GIMP"), (0, b"AT&TFORM", "DjVu"), (0, b"SIMPLE  =", "FITS"),
    (128, b"DICM", "DICOM"), (0, b"\xd7\xcd\xc6\x9a", "WMF"), (0, b"/* XPM", "XPM"),
    (0, b"FUJIFILMCCD-RAW", CAMERA_RAW), (0, b"IIU\0", CAMERA_RAW), (0, b"IIRO", CAMERA_RAW),
    (0, b"FOVb", CAMERA_RAW), (8, b"CR\2\0", CAMERA_RAW),
)  # fmt: skip
#: Brands of files made of boxes (ISO/IEC 14496-12, 23008-12).
_BRANDS = {b"avif": "AVIF", b"avis": "AVIF", b"crx ": CAMERA_RAW} | dict.fromkeys(
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIC"
)
_OTHER_FILES = (
    (0, b"version https://git-lfs", "a pointer of Git LFS to it"), (0, b"%PDF", "a PDF document"),
    (0, b"%!PS", "a PostScript document"), (0, b"PK\3\4", "a zip archive"),
    (0, b"\x1f\x8b", "a gzip archive"), (0, b"Rar!", "a rar archive"),
    (0, b"7z\xbc\xaf", "a 7z archive"), (257, b"ustar", "a tar archive"), (0, b"\x1a\x45\xdf\xa3", "a film"),
    (4, b"ftyp", "a film"), (8, b"AVI ", "a film"),
)  # fmt: skip
#: Bytes of a file's start that `kind_of` and `why_not` look at.
LOOKED_AT = 512


def kind_of(start: bytes) -> str | None:
    """PNG, JPEG, WEBP, BMP, DIB, GIF or TIFF; None for anything else."""
    if start.startswith(b"RIFF") and start[8:12] == b"WEBP":
        return "WEBP"
    if start[8:12] == b"CR\2\0":
        return None
    return next((kind for first, kind in _READ if start.startswith(first)), None)


def why_not(start: bytes, suffix: str = "") -> str:
    """Why a file that begins so and is of no kind that is read cannot be used, as a clause."""
    if not start:
        return "the file is empty"
    found = next((kind for at, mark, kind in _OTHER_IMAGES if start.startswith(mark, at)), None)
    if found is None and start[4:8] == b"ftyp":
        found = _BRANDS.get(start[8:12])
    if found is None and _is_text(start) and (re.search(rb"<svg[\s>]", start) or suffix.lower() == ".svg"):
        found = "SVG"
    if found is None and re.match(rb"P[1-7]\s", start):
        found = "PNM"
    if found is None:
        other = next((what for at, mark, what in _OTHER_FILES if start.startswith(mark, at)), None)
        if other is None and not any(start):
            other = "zeros"
        if other is None and _is_text(start):
            page = re.match(rb"\s*<(!doctype html|html|head|body)", start, re.IGNORECASE)
            other = "a web page" if page else "text"
        if other is not None:
            return f"it is no image of a known kind, but {other}"
        found = _OTHER_SUFFIXES.get(suffix.lower())
    if found is None:
        return "it is no image of a known kind, or its start is damaged"
    return not_read(found)


def not_read(kind: str) -> str:
    """Why an image of a known kind ("HEIC") is not read, as a clause."""
    return f"{kind} images are not read; save it as PNG or JPEG"


def is_camera_raw(suffix: str) -> bool:
    """Whether a name ends as a camera's own files do; many are TIFF with a small preview."""
    return suffix.lower() in _RAW


def _is_text(start: bytes) -> bool:
    try:  # its last character may be cut through
        text = codecs.getincrementaldecoder("utf-8")().decode(start)
    except UnicodeDecodeError:
        return False
    return all(c.isprintable() or c in "\t\n\r\f\ufeff" for c in text)
