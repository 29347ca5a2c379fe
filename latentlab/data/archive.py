"""The person's own images in one file: a zip or tar archive, read without unpacking it to disk."""

from __future__ import annotations

import zipfile
from abc import abstractmethod
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Generic, NamedTuple, TypeVar

import numpy as np

from latentlab.core.config import setting
from latentlab.core.errors import DataError
from latentlab.data import tar_format, zip_format
from latentlab.data.base import Report, Source, register
from latentlab.data.cifar import is_cifar_archive
from latentlab.data.compressed import Damaged, Expanded, Plain, compression
from latentlab.data.files import Container, Content, File, FileOriginals, FilesConfig, Found
from latentlab.data.image_file import Unreadable
from latentlab.data.image_kinds import LOOKED_AT
from latentlab.data.pile import ARCHIVES, KINDS, READ_ARCHIVES, Pile, is_hidden, sort_of
from latentlab.data.report import no_report, say
from latentlab.data.rows import stamp_of
from latentlab.data.tables import MOST_BYTES

#: Bytes that one member may expand to; files in all; bytes in all that any archive may expand to, and how
#: many more for each byte of its own. Archives that are made to fill memory and time go beyond one of them.
MOST_MEMBER, MOST_MEMBERS = 2**29, 2_000_000
MOST_EXPANDED, MOST_TIMES = 2**32, 100
#: Bytes of images of a compressed tar that are held in memory while it is loaded, all or none.
MOST_KEPT = 2**28
#: So many images are few, and so many bytes are kept of those.
_FEW, _FEW_BYTES = 64, 2**26
_KINDS = ".zip, .tar, .tar.gz, .tar.bz2 or .tar.xz"
_OTHERS = ((b"Rar!", "rar"), (b"7z\xbc\xaf\x27\x1c", "7z"), (b"\x28\xb5\x2f\xfd", "Zstandard"))

H = TypeVar("H")


class ArchiveConfig(FilesConfig):
    path: str = setting(
        "",
        "Archive",
        f"A {_KINDS} file with {KINDS} files; the folders in it become classes, as of a folder.",
    )


@register("archive")
class Archive(Source):
    """Images in a .zip or a .tar, plain or compressed with gzip, bzip2 or xz.

    As of a folder (see there): suffixes, what is hidden, classes, tables, size, channels and limit. The order
    is the natural one of the paths; of a compressed tar it is the archive's own, as it can only be read from
    its start. Names in an archive are only names: nothing is written, no link is followed.

    Members that are links, encrypted, compressed otherwise, archives themselves or larger than `MOST_MEMBER`
    are skipped. Of a damaged archive, or one that holds or expands to more than the bounds above, what comes
    before is taken; `skipped` says so under the archive's name. Raises DataError where it cannot be read, is
    no such archive, or holds no image.
    """

    Config = ArchiveConfig
    title = "Archive of images"
    about = f"A {_KINDS} file with your own images; the folders in it become classes."
    needs_path = True
    patterns = tuple(f"*{suffix}" for suffix in READ_ARCHIVES)

    @classmethod
    def accepts(cls, path: Path) -> bool:
        if not path.is_file() or is_cifar_archive(path.name):
            return False
        if path.suffix:
            return path.name.lower().endswith(ARCHIVES)
        try:
            return _kind(path) in ("zip", "tar")
        except OSError:
            return False

    @classmethod
    def open(cls, config: Any, report: Report) -> FileOriginals:
        path = Path(config.path).expanduser().absolute()
        if not path.is_file():
            raise DataError(
                f"{path} is a folder; expected an archive."
                if path.is_dir()
                else f"There is no archive {path}."
            )
        try:
            kind = _kind(path)
        except OSError as error:
            raise DataError(f"Cannot read {path}: {error.strerror}.") from None
        if kind not in ("zip", "tar", "gz", "bz2", "xz"):
            what = f"a {kind} archive, which is not read" if kind else "no archive that is read"
            raise DataError(f"{path} is {what}; expected {_KINDS}.")
        container: Container = _Streamed(path, kind)
        if kind in ("zip", "tar"):
            container = _Zip(path) if kind == "zip" else _Tar(path)
        return FileOriginals(_without_suffix(path.name), stamp_of([path])[0], container, config)


class _Members(Container, Generic[H]):
    """The members of an archive, each with a handle by which it is read."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._images: list[tuple[str, H]] = []

    def find(self, report: Report) -> Found:
        say(report, "Looking into the archive")
        pile, total = Pile[H](), 0
        try:
            on_disk = self.path.stat().st_size
            most = MOST_EXPANDED + MOST_TIMES * on_disk
            for count, (name, size, handle, obstacle) in enumerate(self._members(report)):
                if count == MOST_MEMBERS:
                    raise Damaged(f"it holds more than {MOST_MEMBERS:,} files: the rest is left out")
                path = _cleaned(name)
                if not path or is_hidden(path):
                    continue
                if size > MOST_MEMBER:
                    obstacle = (
                        f"it takes {size / 2**20:,.0f} MiB; at most {MOST_MEMBER // 2**20} MiB are read"
                    )
                total += size if sort_of(path) and not obstacle else 0
                if total > most:
                    raise Damaged(f"it expands to more than {most / 2**30:,.0f} GiB: the rest is left out")
                pile.add(path, handle, obstacle)
        except Damaged as reason:
            pile.skip(self.path.name, str(reason))
        except OSError as error:
            raise DataError(f"Cannot read {self.path}: {error.strerror or error}.") from None
        pile.find_nameless(self._start, report)
        pile.refuse_if_empty(f"the archive {self.path}")
        for inner in pile.archives:
            pile.skip(inner, "it is an archive in the archive: unpack it, and open it by itself")
        self._arrange(pile, report)
        self._images = pile.images
        tables = {path: partial(self._read, handle) for path, handle in pile.tables}
        return Found([path for path, _ in pile.images], tables, pile.skipped, on_disk)

    def open(self, place: int) -> BinaryIO:
        self.found(no_report)
        path, handle = self._images[place]
        return Content(path, self._read(handle))

    def _arrange(self, pile: Pile[H], report: Report) -> None:
        pile.sort(report)

    def _start(self, handle: H) -> bytes:
        """A file's first bytes, none where they cannot be read."""
        try:
            return self._read(handle, LOOKED_AT)
        except Unreadable:
            return b""

    @abstractmethod
    def _members(self, report: Report) -> Iterator[tuple[str, int, H, str]]:
        """(name, size, handle, obstacle or "") of each; Damaged, OSError."""

    @abstractmethod
    def _read(self, handle: H, most: int | None = None) -> bytes:
        """A member's content, or its first bytes; Unreadable. Any thread may call it."""


class _Zip(_Members[zipfile.ZipInfo]):
    """Its directory is read when it is first asked for; the file stays open from then on."""

    def _members(self, report: Report) -> Iterator[tuple[str, int, zipfile.ZipInfo, str]]:
        self._archive = zip_format.opened(self.path, lambda: report(0, 1))
        for name, info, obstacle in zip_format.members(self._archive):
            yield name, info.file_size, info, obstacle

    def _read(self, handle: zipfile.ZipInfo, most: int | None = None) -> bytes:
        return zip_format.read(self._archive, handle, most)


class _Tar(_Members[tar_format.Member]):
    def _members(self, report: Report) -> Iterator[tuple[str, int, tar_format.Member, str]]:
        with self.path.open("rb") as file:
            stream, length = Plain(file), self.path.stat().st_size
            for member in tar_format.members(stream, lambda: report(stream.position, length)):
                yield member.name, member.size, member, member.obstacle

    def _read(self, handle: tar_format.Member, most: int | None = None) -> bytes:
        wanted = handle.size if most is None else min(most, handle.size)
        try:
            with self.path.open("rb", buffering=0) as file:
                file.seek(handle.offset)
                content = file.read(wanted)
        except OSError as error:
            raise Unreadable(f"the archive cannot be read: {error.strerror}") from None
        if len(content) < wanted:
            raise Unreadable("it is cut short in the archive")
        return content


class _Held(NamedTuple):
    """Which of the archive's members it is, and what is kept of it: all of a table, the start of a file
    without a suffix."""

    number: int
    content: bytes | None = None


class _Streamed(_Members[_Held]):
    """A compressed tar: it is expanded from its start each time, by the thread that asks.

    While it is loaded its images are held in memory, if they take little; afterwards the last few that were
    read, as people look at those next.
    """

    def __init__(self, path: Path, kind: str) -> None:
        super().__init__(path)
        self._kind = kind
        self._memory: dict[int, bytes] = {}
        self._room = 0
        self._last: list[int] = []

    def hold(self) -> None:
        if self._found is None:
            self._room = MOST_KEPT

    def let_go(self) -> None:
        self._memory = {number: self._memory[number] for number in self._last if number in self._memory}

    def each(self, places: np.ndarray, look: Callable[[], None]) -> Iterator[File]:
        self.found(no_report)
        numbers = [self._images[place][1].number for place in places.tolist()]
        few = len(numbers) <= _FEW
        self._last = numbers if few else []
        memory = self._memory
        if all(number in memory for number in numbers):
            for place, number in zip(places.tolist(), numbers, strict=True):
                yield File(place, partial(Content, self._images[place][0], memory[number]))
            return
        if few:
            self._memory, self._room = {}, _FEW_BYTES
        waiting = zip(numbers, places.tolist(), strict=True)
        number, place = next(waiting)
        reason = "it is not where it was in the archive"
        try:
            with self.path.open("rb") as file:
                stream = Expanded(file, self._kind, self._most(), look)
                for found, member in enumerate(tar_format.members(stream, look)):
                    if found != number:
                        continue
                    content = _whole(stream, member)
                    if few:
                        self._keep(number, content)
                    yield File(place, partial(Content, self._images[place][0], content), len(content))
                    number, place = next(waiting, (-1, -1))
                    if number < 0:
                        return
        except (Damaged, OSError) as error:
            reason = f"the archive cannot be read so far: {error}"
        for _, left in ((number, place), *waiting):
            yield File(left, partial(_unreadable, reason))

    def open(self, place: int) -> BinaryIO:
        self.found(no_report)
        path, handle = self._images[place]
        content = self._memory.get(handle.number)
        if content is not None:
            return Content(path, content)
        (file,) = self.each(np.array([place]), lambda: None)
        opened = file.open()
        assert not isinstance(opened, Path)
        return opened

    def _keep(self, number: int, content: bytes) -> None:
        self._room -= len(content)
        if self._room >= 0:
            self._memory[number] = content

    def _members(self, report: Report) -> Iterator[tuple[str, int, _Held, str]]:
        room, self._memory = MOST_BYTES, {}
        with self.path.open("rb") as file:
            length = self.path.stat().st_size

            def look() -> None:
                report(file.tell(), length)

            stream = Expanded(file, self._kind, self._most(), look)
            for number, member in enumerate(tar_format.members(stream, look)):
                sort, content = sort_of(member.name), None
                if sort == "nameless":
                    content = stream.read(min(member.size, LOOKED_AT))
                elif sort == "table" and member.size <= room:
                    content = _whole(stream, member)
                    room -= member.size
                elif sort == "image" and member.size <= self._room:
                    self._keep(number, _whole(stream, member))
                elif sort == "image":
                    self._memory, self._room = {}, -1  # some do not help
                yield member.name, member.size, _Held(number, content), member.obstacle

    def _read(self, handle: _Held, most: int | None = None) -> bytes:
        if handle.content is None:
            raise Unreadable(f"the tables take more than {MOST_BYTES // 2**20} MiB")
        return handle.content[:most]

    def _arrange(self, pile: Pile[_Held], report: Report) -> None:
        """As they come."""

    def _most(self) -> int:
        return MOST_EXPANDED + MOST_TIMES * self.path.stat().st_size


def _whole(stream: Expanded, member: tar_format.Member) -> bytes:
    content = stream.read(member.size)
    if len(content) < member.size:
        raise Damaged("it is cut short")
    return content


def _unreadable(reason: str) -> BinaryIO:
    raise Unreadable(reason)


def _kind(path: Path) -> str:
    """zip, tar, gz, bz2 or xz by its content; rar, 7z or Zstandard, which are not read; else "". OSError."""
    with path.open("rb") as file:
        start = file.read(LOOKED_AT)
        if found := compression(start):
            return found
        if tar_format.is_header(start):
            return "tar"
        if start.startswith((b"PK\3\4", b"PK\5\6", b"PK\7\x08")) or zipfile.is_zipfile(file):
            return "zip"
    return next((kind for magic, kind in _OTHERS if start.startswith(magic)), "")


def _cleaned(name: str) -> str:
    """A member's name as a path within the archive."""
    return "/".join(part for part in name.replace("\\", "/").split("/") if part not in ("", ".", ".."))


def _without_suffix(name: str) -> str:
    suffix = max((end for end in ARCHIVES if name.lower().endswith(end)), key=len, default="")
    return name[: len(name) - len(suffix)] or name
