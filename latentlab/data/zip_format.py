"""Zip archives: what they hold, and one member at a time, without unpacking them.

After PKWARE's APPNOTE.TXT 6.3.10 (4.3 the records, 4.5.3 zip64, 4.6.9 names in UTF-8): stored and deflated
members of one file, also behind other bytes. Python's zipfile reads nothing of an archive that was cut short;
here the members' own headers are followed then.
"""

from __future__ import annotations

import itertools
import os
import stat
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from latentlab.data.compressed import Damaged
from latentlab.data.image_file import Unreadable

_LOCAL = struct.Struct("<4s5H3I2H")
_CENTRAL = struct.Struct("<4s6H3I5H2I")
_END = struct.Struct("<4s4H2IH")
_END64 = struct.Struct("<4sQ2H2I4Q")
_LOCATOR64 = struct.Struct("<4sIQI")
_DESCRIPTOR = b"PK\7\x08"
_ENCRYPTED, _SIZES_FOLLOW = 0x0001, 0x0008
_STORED, _DEFLATED = 0, 8
_METHODS = {9: "Deflate64", 12: "bzip2", 14: "LZMA", 93: "Zstandard", 95: "xz", 98: "PPMd", 99: "AES"}
_UNKNOWN = 0xFFFFFFFF
_NOWHERE = "it is not where the archive's directory says"
#: Bytes that are read from disk and expanded at a time.
_BLOCK = 2**18


@dataclass(frozen=True)
class Member:
    """A file in an archive. sizes in bytes; `offset` is where its own header begins; `obstacle` says in a
    clause why it cannot be read, or ""."""

    name: str
    method: int
    checksum: int
    compressed: int
    size: int
    offset: int
    obstacle: str = ""


def members(path: Path, look: Callable[[], None]) -> Iterator[Member]:
    """The files in an archive, in its order; folders are none. Calls `look` for every few.

    Damaged where there are no more that can be found, OSError where the file cannot be read.
    """
    with path.open("rb") as file:
        directory = _directory(file)
        if directory is None:
            yield from _followed(file, look)
            raise Damaged(
                "its directory is missing, as if it were cut short: what comes before the end is read"
            )
        start, end, shift = directory
        file.seek(start)
        for number in itertools.count():  # how many there are does not fit into every archive's own count
            if number % 256 == 0:
                look()
            if file.tell() >= end:
                return
            fixed = file.read(_CENTRAL.size)
            if len(fixed) < _CENTRAL.size or not fixed.startswith(b"PK\1\2"):
                raise Damaged(f"its directory is damaged: {number:,} members are found")
            (_, made_by, _, flags, method, _, _, checksum, compressed, size, name_length, extra_length,
             comment_length, _, _, attributes, offset) = _CENTRAL.unpack(fixed)  # fmt: skip
            name, extra = file.read(name_length), file.read(extra_length)
            file.seek(comment_length, os.SEEK_CUR)
            size, compressed, offset = _long(extra, size, compressed, offset)
            link = made_by >> 8 == 3 and stat.S_ISLNK(attributes >> 16)
            if not name.endswith(b"/"):
                obstacle = "it is a link" if link else _obstacle(flags, method)
                if offset + shift > start:
                    obstacle, offset = _NOWHERE, 0
                yield Member(_name(name, extra), method, checksum, compressed, size, offset + shift, obstacle)


def read(path: Path, member: Member, most: int | None = None) -> bytes:
    """A member's content, or its first `most` bytes. Raises Unreadable.

    Never expands to more than the member says, nor trusts what it gives: its checksum must fit.
    """
    if member.obstacle:
        raise Unreadable(member.obstacle)
    wanted = member.size if most is None else min(most, member.size)
    try:
        with path.open("rb", buffering=0) as file:
            content, checksum = _expanded(file, _content_start(file, member), member, wanted)
    except OSError as error:
        raise Unreadable(f"the archive cannot be read: {error.strerror}") from None
    except zlib.error as error:
        raise Unreadable(f"it is damaged in the archive ({error})") from None
    if len(content) < wanted:
        raise Unreadable("it is cut short in the archive")
    if wanted == member.size and checksum != member.checksum:
        raise Unreadable("it is damaged in the archive (its checksum does not fit)")
    return content


def has_directory(file: BinaryIO) -> bool:
    """Whether this is an archive, be there other bytes before it."""
    return _directory(file) is not None


def _directory(file: BinaryIO) -> tuple[int, int, int] | None:
    """(where the directory begins and ends, bytes before the archive); None where there is none."""
    length = file.seek(0, os.SEEK_END)
    begin = file.seek(max(0, length - _END.size - 2**16))
    tail = file.read()
    at = len(tail)
    while (at := tail.rfind(b"PK\5\6", 0, at)) >= 0:
        if len(tail) - at < _END.size:
            continue
        end, (*_, size, offset, _) = begin + at, _END.unpack_from(tail, at)
        # Where there is a zip64 record it counts, also if the values would have fitted into this one.
        end, size, offset = _long_end(file, end) or (end, size, offset)
        start = end - size
        if start < 0 or offset > start:
            continue  # no such record: a comment may hold anything
        file.seek(start)
        if not size or file.read(4) == b"PK\1\2":
            return start, end, start - offset
    return None


def _long_end(file: BinaryIO, end: int) -> tuple[int, int, int] | None:
    """(where it begins, bytes of the directory, its offset) of the zip64 record before `end`."""
    file.seek(max(0, end - _LOCATOR64.size))
    locator = file.read(_LOCATOR64.size)
    if len(locator) < _LOCATOR64.size or not locator.startswith(b"PK\6\7"):
        return None
    # Bytes before the archive shift what it says of itself.
    for place in (_LOCATOR64.unpack(locator)[2], end - _LOCATOR64.size - _END64.size):
        file.seek(min(place, end))
        record = file.read(_END64.size)
        if len(record) == _END64.size and record.startswith(b"PK\6\6"):
            *_, size, offset = _END64.unpack(record)
            return place, size, offset
    return None


def _followed(file: BinaryIO, look: Callable[[], None]) -> Iterator[Member]:
    """The members by their own headers, one after the other, as far as they are whole."""
    length, offset = file.seek(0, os.SEEK_END), 0
    while True:
        look()
        file.seek(offset)
        fixed = file.read(_LOCAL.size)
        if len(fixed) < _LOCAL.size or not fixed.startswith(b"PK\3\4"):
            return
        _, _, flags, method, _, _, checksum, compressed, size, name_length, extra_length = _LOCAL.unpack(
            fixed
        )
        name, extra = file.read(name_length), file.read(extra_length)
        size, compressed, _ = _long(extra, size, compressed, 0)
        start = offset + _LOCAL.size + name_length + extra_length
        obstacle = _obstacle(flags, method)
        end = start + compressed
        if flags & _SIZES_FOLLOW:
            if method != _DEFLATED or obstacle:
                return  # where it ends stands behind it
            measured = _measured(file, start, look)
            if measured is None:
                yield Member(_name(name, extra), method, 0, 0, 0, offset, "it is cut short in the archive")
                return
            size, checksum, compressed = measured
            end = _after_descriptor(file, start + compressed)
        if end > length:
            obstacle = obstacle or "it is cut short in the archive"
        if not name.endswith(b"/"):
            yield Member(_name(name, extra), method, checksum, compressed, size, offset, obstacle)
        if end > length:
            return
        offset = end


def _measured(file: BinaryIO, start: int, look: Callable[[], None]) -> tuple[int, int, int] | None:
    """(size, checksum, compressed size) of deflated bytes, which tell their end; None if cut short."""
    expand, size, checksum, consumed = zlib.decompressobj(-15), 0, 0, 0
    file.seek(start)
    while not expand.eof:
        look()
        block = expand.unconsumed_tail or file.read(_BLOCK)
        if not block:
            return None
        consumed += 0 if expand.unconsumed_tail else len(block)
        try:
            part = expand.decompress(block, _BLOCK)
        except zlib.error:
            return None
        size, checksum = size + len(part), zlib.crc32(part, checksum)
    return size, checksum, consumed - len(expand.unused_data)


def _after_descriptor(file: BinaryIO, at: int) -> int:
    """Where the record of sizes behind a member ends: with a mark or without, of 4 or 8 bytes each."""
    file.seek(at)
    record = file.read(28)
    begin = 4 if record.startswith(_DESCRIPTOR) else 0
    long = record[begin + 20 : begin + 22] == b"PK" and record[begin + 12 : begin + 14] != b"PK"
    return at + begin + (20 if long else 12)


def _content_start(file: BinaryIO, member: Member) -> int:
    file.seek(member.offset)
    fixed = file.read(_LOCAL.size)
    if len(fixed) < _LOCAL.size or not fixed.startswith(b"PK\3\4"):
        raise Unreadable(_NOWHERE)
    *_, name_length, extra_length = _LOCAL.unpack(fixed)
    return member.offset + _LOCAL.size + int(name_length) + int(extra_length)


def _expanded(file: BinaryIO, start: int, member: Member, wanted: int) -> tuple[bytes, int]:
    """(at most `wanted` bytes, their checksum)."""
    file.seek(start)
    left, expand = member.compressed, zlib.decompressobj(-15)
    parts: list[bytes] = []
    size = checksum = 0
    while size < wanted and left > 0:
        block = file.read(min(left, _BLOCK))
        if not block:
            break
        left -= len(block)
        part = block[: wanted - size] if member.method == _STORED else expand.decompress(block, wanted - size)
        parts.append(part)
        size, checksum = size + len(part), zlib.crc32(part, checksum)
    return b"".join(parts), checksum


def _long(extra: bytes, size: int, compressed: int, offset: int) -> tuple[int, int, int]:
    """What did not fit into 4 bytes stands in the zip64 field, in this order."""
    found, values = _extra(extra, 1), []
    for value in (size, compressed, offset):
        if value == _UNKNOWN and len(found) >= 8:
            value, found = int.from_bytes(found[:8], "little"), found[8:]
        values.append(value)
    return values[0], values[1], values[2]


def _extra(extra: bytes, kind: int) -> bytes:
    while len(extra) >= 4:
        found, length = struct.unpack_from("<2H", extra)
        if found == kind:
            return extra[4 : 4 + length]
        extra = extra[4 + length :]
    return b""


def _name(raw: bytes, extra: bytes) -> str:
    # Info-ZIP's field: a version, the checksum of the name that it stands for, and the name in UTF-8.
    other = _extra(extra, 0x7075)
    if len(other) > 5 and int.from_bytes(other[1:5], "little") == zlib.crc32(raw):
        raw = other[5:]
    try:
        return raw.decode("utf-8")  # many write it without saying so
    except UnicodeDecodeError:
        return raw.decode("cp437")


def _obstacle(flags: int, method: int) -> str:
    if flags & _ENCRYPTED or method == 99:
        return "it is encrypted"
    if method not in (_STORED, _DEFLATED):
        return f"its compression ({_METHODS.get(method, f'method {method}')}) is not read"
    return ""
