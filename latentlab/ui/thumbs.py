"""Thumbnails made beside the window: first those that are looked at, then those that scrolling will bring."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QObject, QSize, Signal
from PySide6.QtGui import QImage

from latentlab.data.gathering import gather
from latentlab.ui.mailbox import Mailbox
from latentlab.ui.widgets.pixels import as_image, scaled, tile_picture
from latentlab.ui.workers import Worker, explain

#: Thumbnails that are handed over at a time; a newer wish is looked for after so many.
TOGETHER = 32
#: After so many the interpreter's lock is let go for so many seconds. The window's thread would wait 5 ms for
#: it at every turn otherwise, more than it takes to paint all it shows; a core of its own does not help it.
IN_A_ROW, BREATH = 4, 1e-4


@dataclass(frozen=True, eq=False)
class Wanted:
    """images: uint8 (N, C, H, W), perhaps a memory map; C is 1, 3 or 4. places: int64 of those to be made, in
    the order they are needed. side: device pixels of a thumbnail's longer side.
    """

    images: np.ndarray
    places: np.ndarray
    side: int


class Thumbnailer(Worker):
    """Makes thumbnails of what was wanted last; what was wanted before is given up."""

    made = Signal(object, object)  # Wanted, {place: QImage}: some of them

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._mailbox = Mailbox(("thumbnails",))
        self._newest = 0

    def ask(self, wanted: Wanted) -> None:
        """Make these now, and no longer those before them."""
        self._newest += 1
        self._mailbox.put("thumbnails", (self._newest, wanted))

    def stop(self) -> None:
        """End after the present handful."""
        self._newest = 0
        self._mailbox.close()

    def work(self) -> None:
        while self._serve():
            pass

    def _serve(self) -> bool:
        letter = self._mailbox.take()
        if letter is None:
            return False
        stamp, wanted = letter[1]
        try:
            self._make(stamp, wanted)
        except Exception as error:  # one file of the cache that cannot be read must not end the thread
            self.failed.emit(*explain(error))
        return True  # and nothing holds the images any more

    def _make(self, stamp: int, wanted: Wanted) -> None:
        for start in range(0, len(wanted.places), TOGETHER):
            if stamp != self._newest:
                return
            places = wanted.places[start : start + TOGETHER]
            # A copy, read from the file of a map: its pages may lie on a slow disk, and Qt would touch them
            # with the interpreter's lock in its hands.
            images = gather(wanted.images, places)
            made: dict[int, QImage] = {}
            for place, image in zip(places.tolist(), images, strict=True):
                made[place] = thumbnail(image, wanted.side)
                if len(made) % IN_A_ROW == 0:
                    time.sleep(BREATH)
            self.made.emit(wanted, made)


def thumbnail(image: np.ndarray, side: int) -> QImage:
    """uint8 (C, H, W) -> an image of its own pixels whose longer side is `side`, ready to be painted."""
    picture = tile_picture(image)
    height, width = picture.shape[:2]
    factor = side / max(height, width)
    size = QSize(max(1, round(width * factor)), max(1, round(height * factor)))
    alpha = picture.ndim == 3 and picture.shape[2] == 4
    form = QImage.Format.Format_ARGB32_Premultiplied if alpha else QImage.Format.Format_RGB32
    return scaled(as_image(picture), size, smooth=True).convertToFormat(form)
