"""Bytes of a file in their order, as they are or expanded while they are read."""

from __future__ import annotations

import bz2
import lzma
import os
import zlib
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO, Protocol

#: Bytes that are read from disk, and expanded, at a time.
_READ, _EXPAND = 2**17, 2**18
#: Memory that expanding xz may take; its strongest preset wants 65 MiB.
_XZ_MEMORY = 2**27
_MAGICS = ((b"\x1f\x8b", "gz"), (b"BZh", "bz2"), (b"\xfd7zXZ\0", "xz"))


class Damaged(Exception):  # noqa: N818 - a reason in plain words
    """Why an archive gives no more, in a clause."""


class Stream(Protocol):
    """position: how many bytes came so far."""

    position: int

    def read(self, count: int) -> bytes:
        """The next; fewer at the end. Raises Damaged."""

    def skip(self, count: int) -> None:
        """Pass over some."""


class Plain:
    """A file as it is."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.position = file, 0
        self._length = file.seek(0, os.SEEK_END)
        file.seek(0)

    def read(self, count: int) -> bytes:
        found = self._file.read(count)
        self.position += len(found)
        return found

    def skip(self, count: int) -> None:
        self.position = self._file.seek(min(self.position + count, self._length))


class Expanded:
    """What a compressed file expands to. `look` is called for every few bytes; Damaged beyond `most`."""

    def __init__(self, file: BinaryIO, kind: str, most: int, look: Callable[[], None]) -> None:
        self._parts, self._most = _parts(file, kind, look), most
        self._buffer, self._at, self.position = b"", 0, 0

    def read(self, count: int) -> bytes:
        found = self._buffer[self._at : self._at + count]
        self._at += len(found)
        if (missing := count - len(found)) > 0:
            pieces = [found]
            while missing > 0 and (part := next(self._parts, b"")):
                pieces.append(part[:missing])
                self._buffer, self._at = part, min(missing, len(part))
                missing -= self._at
            found = b"".join(pieces)
        self.position += len(found)
        if self.position > self._most:
            raise Damaged(f"it expands to more than {self._most / 2**30:,.0f} GiB")
        return found

    def skip(self, count: int) -> None:
        while count > 0 and (passed := len(self.read(min(count, _EXPAND)))):
            count -= passed


def compression(start: bytes) -> str:
    """gz, bz2 or xz, by a file's first bytes; "" for none of them."""
    return next((kind for magic, kind in _MAGICS if start.startswith(magic)), "")


def _parts(file: BinaryIO, kind: str, look: Callable[[], None]) -> Iterator[bytes]:
    """At most `_EXPAND` bytes at a time; of joined files all (RFC 1952, 2.2)."""
    data = file.read(_READ)
    while compression(data) == kind:
        expander = _expander(kind)
        while not expander.eof:
            look()
            # Of zlib what is left of the input is to be given again, the other two keep it.
            if not data and getattr(expander, "needs_input", True):
                data = file.read(_READ)
                if not data:
                    raise Damaged("it is cut short")
            try:
                part = expander.decompress(data, _EXPAND)
            except (zlib.error, lzma.LZMAError, OSError) as error:
                raise Damaged(f"it cannot be expanded ({error})") from None
            data = getattr(expander, "unconsumed_tail", b"")
            if part:
                yield part
        data = expander.unused_data + file.read(_READ)


def _expander(kind: str) -> Any:
    if kind == "gz":
        return zlib.decompressobj(16 + zlib.MAX_WBITS)
    if kind == "bz2":
        return bz2.BZ2Decompressor()
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, _XZ_MEMORY)
