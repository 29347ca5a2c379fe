"""Tar archives: their members one after the other.

After POSIX.1-2001 (ustar and pax) with GNU's long names, large sizes and sparse files. Python's tarfile takes
as much memory as a header of long names says it needs, whatever it says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from latentlab.data.compressed import Damaged, Stream

_BLOCK = 512
#: Bytes of names and other texts about one member.
_MOST_TEXT = 2**20
_LONG_NAME, _LONG_LINK, _PAX, _PAX_OF_ALL, _SPARSE, _FOLDER = b"L", b"K", b"x", b"g", b"S", b"5"
_REGULAR = (b"0", b"\0", b"7")
_LINKS = (b"1", b"2")
#: Links, devices, folders and pipes: their size says something else, or nothing.
_WITHOUT_CONTENT = (*_LINKS, b"3", b"4", _FOLDER, b"6")


@dataclass(frozen=True)
class Member:
    """A file in an archive: its content begins at `offset`; `obstacle` says in a clause why it cannot be
    read, or "".
    """

    name: str
    size: int
    offset: int
    obstacle: str = ""


def members(stream: Stream, look: Callable[[], None]) -> Iterator[Member]:
    """The files in an archive; folders and devices are none. Calls `look` for every few.

    Between two the content may be read from the stream, all or some of it. Damaged where there are no more
    that can be found: it is no tar archive, or cut short, or damaged.
    """
    name, attributes, found = "", dict[str, str](), 0
    while True:
        if found % 64 == 0:
            look()
        header = stream.read(_BLOCK)
        if not any(header):
            if len(header) == _BLOCK or (found and not header):
                return  # some leave out the blocks of zeros at the end
            raise Damaged("it is cut short" if found else "it holds no tar archive")
        if not is_header(header):
            raise Damaged("it is damaged, or cut short" if found else "it holds no tar archive")
        found += 1
        size, kind = _number(header[124:136]), header[156:157]
        if kind in (_LONG_NAME, _LONG_LINK, _PAX, _PAX_OF_ALL):
            if size > _MOST_TEXT:
                raise Damaged("it is damaged: a name in it is too long")
            text = stream.read(size)
            stream.skip(-size % _BLOCK)
            if kind == _LONG_NAME:
                name = _decode(text)
            elif kind == _PAX:
                attributes = _attributes(text)
            continue
        sparse = kind == _SPARSE or any(key.startswith("GNU.sparse.") for key in attributes)
        if kind == _SPARSE and header[482]:
            while any((stream.read(_BLOCK) or bytes(505))[504:505]):
                pass  # where its parts lie
        size = _size(attributes, size)
        offset = stream.position
        whole = name or attributes.get("path") or _ustar_name(header)
        if kind in _WITHOUT_CONTENT:
            size = 0
        if kind in _LINKS:
            yield Member(whole, 0, offset, "it is a link")
        elif sparse:
            yield Member(whole, size, offset, "it is stored as a sparse file, which is not read")
        elif kind in _REGULAR and not whole.endswith("/"):
            yield Member(whole, size, offset)
        stream.skip(offset + size + -size % _BLOCK - stream.position)
        name, attributes = "", {}


def is_header(header: bytes) -> bool:
    """Whether the sum of its bytes is as it says, its own field counting as spaces."""
    if len(header) < _BLOCK:
        return False
    try:
        told = _number(header[148:156])
    except Damaged:
        return False
    return told == sum(header) - sum(header[148:156]) + 8 * ord(" ")


def _number(field: bytes) -> int:
    """Octal digits, or base 256 where the first bit is set (GNU). Damaged where it is neither."""
    if field[0] == 0x80:
        return int.from_bytes(field[1:], "big")
    digits = field.partition(b"\0")[0].strip()
    if digits.strip(b"01234567"):
        raise Damaged("it is damaged: a size in it is no number")
    return int(digits or b"0", 8)


def _ustar_name(header: bytes) -> str:
    name, prefix = header[:100].partition(b"\0")[0], header[345:500].partition(b"\0")[0]
    # GNU's own older format has times there.
    if header[257:263] == b"ustar\0" and prefix:
        name = prefix + b"/" + name
    return _decode(name)


def _attributes(text: bytes) -> dict[str, str]:
    """Records of pax: ``length key=value`` and a line's end, where the length counts all of it."""
    found = {}
    while text:
        digits, _, _ = text.partition(b" ")
        if not digits.isdigit() or len(digits) > 7 or not len(digits) < int(digits) <= len(text):
            raise Damaged("it is damaged: what it says of a member is cut short")
        key, _, value = text[len(digits) + 1 : int(digits) - 1].partition(b"=")
        found[_decode(key)] = _decode(value)
        text = text[int(digits) :]
    return found


def _size(attributes: dict[str, str], told: int) -> int:
    size = attributes.get("size", "")
    return int(size) if size.isascii() and size.isdigit() and len(size) < 20 else told


def _decode(raw: bytes) -> str:
    return raw.partition(b"\0")[0].decode("utf-8", "surrogateescape")
