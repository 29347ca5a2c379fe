"""Files in no particular order: what their names say they are."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Generic, Literal, TypeVar

from latentlab.core.errors import DataError
from latentlab.data.dataset import Skipped
from latentlab.data.image_kinds import NAMED_AS_IMAGES, kind_of
from latentlab.data.naming import natural_key, printable
from latentlab.data.report import Report

READ_ARCHIVES = (
    ".zip", ".cbz", ".tar", ".cbt", ".tar.gz", ".tgz", ".tar.bz2", ".tbz", ".tbz2", ".tar.xz", ".txz"
)  # fmt: skip
ARCHIVES = (*READ_ARCHIVES, ".tar.zst", ".rar", ".7z")
_TABLES = frozenset({".csv", ".tsv"})
#: Texts that may be tables: CelebA's are called list_attr_celeba.txt and identity_CelebA.txt.
_TEXT_TABLES = re.compile(r"attr|label|class|annotation|identity|metadata")
#: Tables that are looked at; those that lie least deep come first.
MOST_TABLES = 16
#: Images that are sorted at a time.
_RUN = 8192
KINDS = "png, jpg, webp, bmp, gif or tif"

Sort = Literal["image", "table", "archive", "nameless", ""]
H = TypeVar("H")


def sort_of(path: str) -> Sort:
    """What a file may be by its name; nameless has no suffix."""
    name = path.rpartition("/")[2].lower()
    stem, dot, end = name.rpartition(".")
    suffix = dot + end if stem else ""
    if suffix in NAMED_AS_IMAGES:
        return "image"
    if suffix in _TABLES or (suffix == ".txt" and _TEXT_TABLES.search(name)):
        return "table"
    if name.endswith(ARCHIVES):
        return "archive"
    return "" if suffix else "nameless"


class Pile(Generic[H]):
    """Files under their paths (``/`` between folders), each with a handle by which it is opened.

    images: what is named as an image, whether it is read or not. archives: paths of archives.
    """

    def __init__(self) -> None:
        self.images: list[tuple[str, H]] = []
        self.archives: list[str] = []
        self.skipped: list[Skipped] = []
        self._tables: list[tuple[str, H]] = []
        self._nameless: list[tuple[str, H]] = []

    def add(self, path: str, handle: H, obstacle: str = "") -> None:
        """Take a file, if it is of any use. What has an `obstacle` (a clause) is skipped."""
        kind = sort_of(path)
        if kind and obstacle:
            self.skip(path, obstacle)
        elif kind == "archive":
            self.archives.append(path)
        elif kind:
            lists = {"image": self.images, "table": self._tables, "nameless": self._nameless}
            lists[kind].append((path, handle))

    def skip(self, path: str, reason: str) -> None:
        self.skipped.append(Skipped(printable(path), reason))

    @property
    def tables(self) -> Sequence[tuple[str, H]]:
        """The first `MOST_TABLES`."""
        order = sorted(self._tables, key=lambda table: (table[0].count("/"), natural_key(table[0])))
        return order[:MOST_TABLES]

    def useful(self) -> Iterator[H]:
        """Handles of what the images, and what is known of them, come from."""
        for _, handle in itertools.chain(self.images, self._tables, () if self.images else self._nameless):
            yield handle

    def find_nameless(self, start: Callable[[H], bytes], report: Report) -> None:
        """Where no image has a name like one, those without a suffix are taken: their first bytes tell.

        `start` gives the first `image_kinds.LOOKED_AT` bytes of a file, none where it cannot be read.
        """
        if self.images:
            return
        for done, (path, handle) in enumerate(self._nameless):
            report(done, len(self._nameless))
            if kind_of(start(handle)):
                self.images.append((path, handle))

    def sort(self, report: Report) -> None:
        """Images in the natural order of their paths."""
        order: list[tuple[Any, int]] = []
        for start in range(0, len(self.images), _RUN):
            report(start, len(self.images))
            run = enumerate(self.images[start : start + _RUN], start)
            order += sorted((natural_key(path), place) for place, (path, _) in run)
        order.sort()  # sorted runs are only merged: nobody could say meanwhile that it shall end
        self.images = [self.images[place] for _, place in order]

    def refuse_if_empty(self, where: str) -> None:
        """DataError where there is no image; `where` is what it lies in ("the folder /home/x")."""
        if self.images:
            return
        hint = ""
        if len(self.archives) == 1:
            hint = f" It holds {printable(self.archives[0])}: open that."
        elif self.archives:
            hint = (
                f" It holds {len(self.archives):,} archives, such as {printable(self.archives[0])}: open one."
            )
        elif self.skipped:
            hint = f" {self.skipped[0].path}: {self.skipped[0].reason}."
        raise DataError(f"No image in {where}: expected {KINDS} files in it or in its sub-folders.{hint}")


def is_hidden(path: str) -> bool:
    """Whether a part of a path is what people did not put there: a dot first, or a Mac's ``__MACOSX``."""
    return path.startswith(".") or "/." in path or "__MACOSX" in path.split("/")
