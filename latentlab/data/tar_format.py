"""Tar archives: their members one after the other, as Python's tarfile finds them in a stream."""

from __future__ import annotations

import itertools
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from latentlab.core.errors import Cancelled
from latentlab.data.compressed import Damaged, Stream

_BLOCK = 512
#: Bytes of names and other texts about one member: tarfile takes what a header says, whatever it says.
_MOST_TEXT = 2**20


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
    file = _Forward(stream)
    archive: tarfile.TarFile | None = None
    for number in itertools.count():
        if number % 64 == 0:
            look()
        try:
            archive = archive or tarfile.TarFile(fileobj=file)  # type: ignore[arg-type]
            found = archive.next()
        except (Damaged, Cancelled, OSError):
            raise
        except Exception:  # damaged headers make tarfile raise almost anything
            raise Damaged("it is damaged, or cut short" if number else "it holds no tar archive") from None
        if found is None:
            # What is no header ends an archive for tarfile; blocks of zeros at the end some leave out.
            if any(file.last):
                raise Damaged("it is damaged, or cut short")
            return
        archive.members = []  # type: ignore[attr-defined]  # it would keep them all
        if found.islnk() or found.issym():
            yield Member(found.name, 0, 0, "it is a link")
        elif found.issparse():
            yield Member(found.name, found.size, 0, "it is stored as a sparse file, which is not read")
        elif found.isreg():
            yield Member(found.name, found.size, found.offset_data)


def is_header(block: bytes) -> bool:
    """Whether a tar archive may begin so."""
    try:
        tarfile.TarInfo.frombuf(block[:_BLOCK], "utf-8", "surrogateescape")
    except (tarfile.TarError, ValueError):
        return False
    return True


class _Forward:
    """A stream as tarfile wants it: seeking forwards, and back to the last byte to see that it is there.

    last: the block that was read last.
    """

    def __init__(self, stream: Stream) -> None:
        self._stream, self._back = stream, 0
        self.last = b""

    def tell(self) -> int:
        return self._stream.position - self._back

    def seek(self, offset: int) -> None:
        self._back = max(0, self._stream.position - offset)
        self._stream.skip(max(0, offset - self._stream.position))

    def read(self, count: int) -> bytes:
        if count > _MOST_TEXT:
            raise Damaged("it is damaged: a name in it is too long")
        back, self._back = bytes(self._back), 0
        found = back + self._stream.read(count - len(back))
        if count > 1:
            self.last = found
        return found
