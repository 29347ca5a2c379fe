"""Zip archives: what they hold, and one member at a time, by Python's zipfile."""

from __future__ import annotations

import lzma
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from latentlab.data.compressed import Damaged
from latentlab.data.image_file import Unreadable
from latentlab.data.parallel import in_order

_METHODS = {9: "Deflate64", 93: "Zstandard", 95: "xz", 98: "PPMd", 99: "AES"}
_READ = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA)
_UTF8 = 0x800
#: What damage makes zipfile raise.
_DAMAGE = (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, struct.error, ValueError, OSError)


def opened(path: Path, look: Callable[[], None]) -> zipfile.ZipFile:
    """The archive with its directory read, as large as it is: `look` may end the wait. Damaged, OSError."""
    try:
        (archive,) = in_order(zipfile.ZipFile, [path], look)
    except (zipfile.BadZipFile, struct.error, ValueError, NotImplementedError):
        raise Damaged("its directory at the end is missing or damaged, as if it were cut short") from None
    return archive


def members(archive: zipfile.ZipFile) -> Iterator[tuple[str, zipfile.ZipInfo, str]]:
    """(name, member, obstacle) of the files in it: a clause that says why one cannot be read, or ""."""
    for info in archive.infolist():
        if not info.is_dir():
            yield _name(info), info, _obstacle(info)


def read(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int | None = None) -> bytes:
    """A member's content, or its first `most` bytes; never more than it says. Any thread may. Unreadable."""
    try:
        with archive.open(info) as file:
            content = file.read(info.file_size if most is None else min(most, info.file_size))
    except RuntimeError:
        raise Unreadable("it is encrypted") from None
    except _DAMAGE as error:
        raise Unreadable(f"it is damaged in the archive ({error})") from None
    if most is None and len(content) < info.file_size:
        raise Unreadable("it is cut short in the archive")
    return content


def _obstacle(info: zipfile.ZipInfo) -> str:
    if info.create_system == 3 and stat.S_ISLNK(info.external_attr >> 16):
        return "it is a link"
    if info.flag_bits & 1 or info.compress_type == 99:
        return "it is encrypted"
    if info.compress_type not in _READ:
        method = _METHODS.get(info.compress_type, f"method {info.compress_type}")
        return f"its compression ({method}) is not read"
    return ""


def _name(info: zipfile.ZipInfo) -> str:
    if info.flag_bits & _UTF8:
        return info.filename
    try:
        return info.filename.encode("cp437").decode("utf-8")  # many write it without saying so
    except UnicodeError:
        return info.filename
