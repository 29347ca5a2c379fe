"""Files of the network: from whichever mirror has them, checked, and gone on with where they broke off."""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from latentlab.core.errors import DataError
from latentlab.core.files import write_json
from latentlab.data.parallel import PATIENCE
from latentlab.data.remote import Answer, BrokeOff, Failed, Head
from latentlab.data.report import Report, say

#: How often one mirror is asked again where it broke off; each time must have brought something.
TRIES = 10
_BLOCK = 2**20
_VERIFIED = "verified.json"


@dataclass(frozen=True)
class File:
    """A file of `bytes` bytes and a SHA-256 of `checksum` (hex), the same at all of `urls`."""

    name: str
    urls: tuple[str, ...]
    checksum: str
    bytes: int


def fetch(title: str, files: Sequence[File], folder: Path, report: Report) -> None:
    """Have all `files` in `folder`, whole and right. What is there, whoever put it there, is not fetched.

    Each is checked once and then known by its size and time. Reports bytes of those that were not known.
    Whatever `report` raises ends it within a second; what came so far is kept in a partial file, and the
    next time goes on from there. DataError says what to download from where, and where to put it.
    """
    unknown = [file for file in files if not _is_known(file, folder)]
    progress = _Progress(report, sum(file.bytes for file in unknown))
    missing = [file for file in unknown if not _is_right(file, folder, progress)]
    if not missing:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _alone(folder / ".lock", progress):
            for file in missing:
                progress.begin(file, "Fetching")
                if not _is_known(file, folder):  # another process may have been faster
                    _from_mirrors(file, folder, progress)
                progress.end(file)
    except Failed as failed:
        raise DataError(_by_hand(title, missing, folder, str(failed))) from None
    except OSError as error:
        raise DataError(f"Cannot keep {title} in {folder}: {error.strerror or error}.") from error


def are_known(files: Sequence[File], folder: Path) -> bool:
    """Whether all are there and were checked: `fetch` would do nothing."""
    return all(_is_known(file, folder) for file in files)


def bytes_missing(files: Sequence[File], folder: Path) -> int:
    """How much of them is not there yet, judged by size alone."""
    return sum(
        max(0, file.bytes - max(_size(folder / file.name), _size(_partial(file, folder)))) for file in files
    )


def _by_hand(title: str, missing: Sequence[File], folder: Path, why: str) -> str:
    missing = [file for file in missing if not _is_known(file, folder)]
    wrong = [file.name for file in missing if (folder / file.name).exists()]
    there = f" (what lies there as {', '.join(wrong)} is another file, or not whole)" if wrong else ""
    urls = " and ".join(file.urls[0] for file in missing)
    return (
        f"Cannot fetch {title}: {why}; try again later, or download {urls} into the folder {folder}{there}."
    )


class _Progress:
    """Tells a `Report` the bytes of all files that are done; never fewer than before."""

    def __init__(self, report: Report, total: int) -> None:
        self._report, self._total = report, total
        self._ended, self._most = 0, 0
        self._doing, self._file, self._said = "", File("", (), "", 0), ""

    def begin(self, file: File, doing: str) -> None:
        """What happens to which file from now on."""
        self._file, self._doing = file, doing
        self.at(0)

    def at(self, done: int) -> None:
        """So many bytes of this file are done."""
        text = f"{self._doing} {self._file.name}, {megabytes(done)} of {megabytes(self._file.bytes)}"
        if text != self._said:
            self._said = text
            say(self._report, text)
        self._most = max(self._most, self._ended + done)
        self.look()

    def end(self, file: File) -> None:
        self._ended += file.bytes
        self._most = max(self._most, self._ended)
        self.look()

    def wait(self, text: str) -> None:
        """Nothing is done but waiting."""
        if text != self._said:
            self._said = text
            say(self._report, text)
        self.look()

    def look(self) -> None:
        """Whoever listens may end the work."""
        self._report(self._most, self._total)


def megabytes(count: int) -> str:
    """``12.3 MB``, of a million bytes each, as browsers and servers have them."""
    return f"{count / 1e6:.1f} MB"


# What is there


def _is_known(file: File, folder: Path) -> bool:
    """Whether it was checked, and is as it was then."""
    mark = _mark(file, folder)
    return mark is not None and _known(folder).get(file.name) == mark


def _known(folder: Path) -> dict[str, Any]:
    try:
        known = json.loads((folder / _VERIFIED).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _mark(file: File, folder: Path) -> list[Any] | None:
    try:
        status = (folder / file.name).stat()
    except OSError:
        return None
    return [file.checksum, status.st_size, status.st_mtime_ns]


def _remember(file: File, folder: Path) -> None:
    with contextlib.suppress(OSError):  # where nothing can be written, it is checked each time
        write_json(folder / _VERIFIED, _known(folder) | {file.name: _mark(file, folder)})


def _is_right(file: File, folder: Path, progress: _Progress) -> bool:
    """Whether a file that somebody put there is the one that is wanted."""
    path = folder / file.name
    if _size(path) != file.bytes:
        return False
    progress.begin(file, "Checking")
    digest, done = hashlib.sha256(), 0
    try:
        with path.open("rb") as opened:
            while block := opened.read(_BLOCK):
                digest.update(block)
                done += len(block)
                progress.at(done)
    except OSError:
        return False
    if digest.hexdigest() != file.checksum:
        return False
    _remember(file, folder)
    progress.end(file)
    return True


def _size(path: Path) -> int:
    """0 where there is no such file."""
    try:
        return path.stat().st_size if path.is_file() else 0
    except OSError:
        return 0


# From the network


def _from_mirrors(file: File, folder: Path, progress: _Progress) -> None:
    for leftover in folder.glob("tmp????????"):  # pooch's, of a process that was killed
        leftover.unlink(missing_ok=True)
    problems = []
    for url in file.urls:
        try:
            _from_mirror(url, file, folder, progress)
        except Failed as failed:
            problems.append(f"{urlsplit(url).hostname}: {failed}")
        else:
            _remember(file, folder)
            return
    raise Failed(f"no {file.name} ({'; '.join(problems)})")


def _from_mirror(url: str, file: File, folder: Path, progress: _Progress) -> None:
    import pooch

    partial = _partial(file, folder)
    for _ in range(TRIES):
        before = _size(partial)
        try:
            with _quiet(pooch.get_logger()):
                pooch.retrieve(
                    url,
                    f"sha256:{file.checksum}",
                    file.name,
                    folder,
                    downloader=_Resuming(file, partial, progress),
                )
            return
        except ValueError:  # pooch's word for a wrong checksum; what came is gone
            if not before:
                raise Failed("its checksum is wrong") from None
            # A part of it came from another mirror, or another time: once more, all from this one.
        except BrokeOff:
            if _size(partial) <= before:
                raise
    raise Failed("the connection breaks off again and again")


def _partial(file: File, folder: Path) -> Path:
    return folder / f".partial-{file.name}"


@contextlib.contextmanager
def _quiet(logger: logging.Logger) -> Iterator[None]:
    """pooch tells stderr what it does."""
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)


class _Resuming:
    """Downloads for pooch; what came stays in `partial` until it is whole."""

    def __init__(self, file: File, partial: Path, progress: _Progress) -> None:
        self._file, self._partial, self._progress = file, partial, progress

    def __call__(self, url: str, output_file: str, pooch: object, check_only: bool = False) -> None:
        if _size(self._partial) < self._file.bytes:
            self._receive(url)
        self._progress.at(self._file.bytes)
        self._partial.replace(output_file)

    def _receive(self, url: str) -> None:
        wanted = self._file.bytes
        with contextlib.closing(Answer(url, _size(self._partial), self._progress.look)) as answer:
            head = answer.head()
            have = self._beginning(head)
            with self._partial.open("ab" if have else "wb") as file:
                for block in answer.blocks():
                    have += len(block)
                    if have > wanted:
                        break
                    file.write(block)
                    self._progress.at(have)
                file.flush()
                os.fsync(file.fileno())
        if have > wanted:
            self._partial.unlink()
            raise Failed(f"it sends more than the {wanted:,} bytes expected")
        if have < wanted:
            raise BrokeOff("the connection broke off")

    def _beginning(self, head: Head) -> int:
        """From which byte on the answer is; Failed where it is not the file."""
        have = _size(self._partial)
        if head.status not in (200, 206):
            raise Failed(f"it answers {head.status}")
        if head.status == 200:  # all of it, whatever was asked for
            have = 0
        elif not head.range.startswith(f"bytes {have}-"):
            raise Failed("it sends another part than it was asked for")
        if head.length.isdecimal() and have + int(head.length) != self._file.bytes:
            raise Failed(f"it has {have + int(head.length):,} bytes; expected {self._file.bytes:,}")
        return have


# One process at a time


@contextlib.contextmanager
def _alone(path: Path, progress: _Progress) -> Iterator[None]:
    """Wait while another process, or thread, is in here with the same file; a killed one leaves no lock."""
    with path.open("ab") as file:
        while not _locked(file.fileno()):
            progress.wait("Waiting for another latentlab that fetches the same")
            time.sleep(PATIENCE)
        yield  # closing the file unlocks it


def _locked(descriptor: int) -> bool:
    """Lock an open file; False where another has it locked. A disk that knows no locks is not waited for."""
    if sys.platform == "win32":
        import msvcrt

        try:
            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        pass
    return True
