"""One image of the dataset as it was found, beside what it was prepared to."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable

import numpy as np
from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QDialog, QGridLayout, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from latentlab.core.errors import DataError
from latentlab.data.base import Dataset, Report
from latentlab.data.images import to_pillow
from latentlab.latent import inversion
from latentlab.models.base import Model
from latentlab.ui.session import Session
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.labels import ElidedLabel, plain_tooltip
from latentlab.ui.widgets.picture import PictureView
from latentlab.ui.widgets.pixels import tile_picture

#: Pixels of the longer side that an original is reduced to: more than any screen shows of it here.
MOST_PIXELS = 1600
#: What lies behind transparent pixels: two greys, in squares of so many pixels of the picture's longer side.
CHECKS, CHECKS_ACROSS = (0x66, 0x99), 32
#: Factors that are told.
FACTORS = 8
READING = "reading…"


@dataclasses.dataclass(frozen=True, eq=False)
class Seen:
    """Pictures of the image `index`, uint8 (H, W) or (H, W, 3). original: None where there is a `problem`.

    size: (width, height) as found.
    """

    index: int
    prepared: np.ndarray
    original: np.ndarray | None
    size: tuple[int, int] | None
    problem: str = ""


class OriginalDialog(QDialog):
    """Shows images one after the other. Not modal: arrows go to the next, Esc closes it.

    `neighbour(index, step)` is the image so many further on, or None. `moved` tells which is looked at.
    """

    moved = Signal(int)

    def __init__(
        self,
        session: Session,
        dataset: Dataset,
        neighbour: Callable[[int, int], int | None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setObjectName("dataset_original")
        self.setWindowTitle(f"Images of {dataset.name}")
        self.resize(760, 500)
        self._session, self._dataset, self._neighbour = session, dataset, neighbour
        self._index = self._read_index = -1
        self._reading = False
        self.seen: Seen | None = None

        self.name = ElidedLabel(role="heading")
        self.name.setObjectName("dataset_original_name")
        self.original = PictureView()
        self.original.setObjectName("dataset_original_picture")
        self.original.setAccessibleName("The image as it was found")
        self.original.set_empty_text(READING)
        self.prepared = PictureView()
        self.prepared.setObjectName("dataset_original_prepared")
        self.prepared.setAccessibleName("The image as it was prepared")
        self.prepared.set_empty_text(READING)
        self.original_title, self.prepared_title = (
            ElidedLabel(role="secondary"),
            ElidedLabel(role="secondary"),
        )
        self.facts = QLabel()
        self.facts.setObjectName("dataset_original_facts")
        self.facts.setTextFormat(Qt.TextFormat.PlainText)
        self.facts.setProperty("role", "secondary")
        self.facts.setWordWrap(True)
        self.back = push_button("dataset_original_back", "Back", "The image before this one (Left).")
        self.next = push_button("dataset_original_next", "Next", "The image after this one (Right).")
        self.go = push_button(
            "dataset_original_go", "Go there", "Encode this image and go to its latent in the canvas."
        )
        self.close_button = push_button("dataset_original_close", "Close", "Close this view (Esc).")
        self._lay_out()
        self._show_go()

        self.back.clicked.connect(self._on_back)
        self.next.clicked.connect(self._on_next)
        self.go.clicked.connect(self._on_go)
        self.close_button.clicked.connect(self.reject)
        for key, slot in (
            (Qt.Key.Key_Left, self._on_back),
            (Qt.Key.Key_Up, self._on_back),
            (Qt.Key.Key_Right, self._on_next),
            (Qt.Key.Key_Down, self._on_next),
        ):
            QShortcut(QKeySequence(key), self).activated.connect(slot)
        session.latent.space_changed.connect(self._show_go)
        self.next.setFocus()

    def _lay_out(self) -> None:
        pictures = QGridLayout()
        pictures.setHorizontalSpacing(16)
        pictures.setVerticalSpacing(4)
        for column, (title, view) in enumerate(
            ((self.original_title, self.original), (self.prepared_title, self.prepared))
        ):
            pictures.addWidget(title, 0, column)
            pictures.addWidget(view, 1, column)
            pictures.setColumnStretch(column, 1)
        pictures.setRowStretch(1, 1)
        below = QHBoxLayout()
        below.setSpacing(8)
        for button in (self.back, self.next, self.go, self.close_button):
            button.setAutoDefault(False)
        below.addWidget(self.back)
        below.addWidget(self.next)
        below.addStretch(1)
        below.addWidget(self.go)
        below.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addWidget(self.name)
        layout.addLayout(pictures, 1)
        layout.addWidget(self.facts)
        layout.addLayout(below)

    def show_image(self, index: int) -> None:
        """Read an image of the dataset and show it; the one before it stays until it is there."""
        self._index = index
        self.back.setEnabled(self._neighbour(index, -1) is not None)
        self.next.setEnabled(self._neighbour(index, 1) is not None)
        self._read()

    # Reading: never two at a time, and of those that are hurried past none but the last

    def _read(self) -> None:
        if self._reading or self._read_index == self._index:
            return
        self._reading, self._read_index = True, self._index
        self._session.start_task(
            functools.partial(look, self._dataset, self._index),
            self._on_seen,
            failed=self._on_failed,
            ended=self._on_ended,
        )

    def _on_seen(self, seen: Seen) -> None:
        self.seen = seen
        dataset, index = self._dataset, seen.index
        name = dataset.name_of(index)
        self.name.setText(name)
        self.name.setToolTip(plain_tooltip(name))
        self.original.set_empty_text(seen.problem)
        self.original.set_picture(seen.original)
        self.prepared.set_picture(seen.prepared)
        size = "" if seen.size is None else f" · {seen.size[0]}×{seen.size[1]}"
        self.original_title.setText(f"Original{size}")
        _, height, width = dataset.image_shape
        self.prepared_title.setText(f"Prepared · {width}×{height}")
        self.facts.setText(facts_of(dataset, index))
        self._show_go()

    def _on_failed(self, summary: str, details: str) -> None:
        self.original.set_empty_text(summary)
        self.original.set_picture(None)

    def _on_ended(self) -> None:
        self._reading = False
        self._read()

    # What can be done with it

    def _on_back(self) -> None:
        self._move(-1)

    def _on_next(self) -> None:
        self._move(1)

    def _move(self, step: int) -> None:
        goal = self._neighbour(self._index, step)
        if goal is not None:
            self.show_image(goal)
            self.moved.emit(goal)

    def _show_go(self) -> None:
        model = self._session.latent.model
        can = model is not None and model.can_encode and model.image_shape == self._dataset.image_shape
        self.go.setVisible(can and self.seen is not None)

    def _on_go(self) -> None:
        if self.seen is not None:
            work = functools.partial(_encode, self._dataset, self.seen.index)
            self._session.with_model(work, self._on_encoded)

    def _on_encoded(self, found: tuple[np.ndarray, str]) -> None:
        z, name = found
        self._session.latent.set_z(z, f"encode {name}")


def look(dataset: Dataset, index: int, report: Report) -> Seen:
    """Read an image, not in the window's thread."""
    prepared = picture_of(dataset.pictures(slice(index, index + 1))[0])
    try:
        pixels = dataset.original(index)
    except DataError as error:
        return Seen(index, prepared, None, None, str(error))
    return Seen(index, prepared, picture_of(pixels), (pixels.shape[2], pixels.shape[1]))


def picture_of(pixels: np.ndarray) -> np.ndarray:
    """uint8 (C, H, W) of any size -> a picture uint8 (H, W) or (H, W, 3) of at most `MOST_PIXELS` a side."""
    if max(pixels.shape[1:]) > MOST_PIXELS:
        image = to_pillow(pixels)
        image.thumbnail((MOST_PIXELS, MOST_PIXELS))
        picture = np.array(image)
    else:
        picture = tile_picture(pixels)
    return on_checks(picture) if picture.ndim == 3 and picture.shape[2] == 4 else picture


def on_checks(picture: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 4) with straight alpha -> (H, W, 3) on a checkerboard."""
    height, width = picture.shape[:2]
    side = max(1, max(height, width) // CHECKS_ACROSS)
    squares = (np.arange(height)[:, None] // side + np.arange(width) // side) % 2
    behind = np.where(squares, *CHECKS).astype(np.uint16)[..., None]
    alpha = picture[..., 3:].astype(np.uint16)
    return ((picture[..., :3] * alpha + behind * (255 - alpha) + 127) // 255).astype(np.uint8)


def facts_of(dataset: Dataset, index: int) -> str:
    """``#12 of 1,797 · class three · held out · scale 0.5``."""
    parts = [f"#{index:,} of {len(dataset):,}"]
    if dataset.labels is not None:
        parts.append(f"class {dataset.label_names[dataset.labels[index]]}")
    if dataset.heldout is not None and index in dataset.heldout:
        parts.append("held out")
    parts += [f"{name} {values[index]:.3g}" for name, values in list(dataset.factors.items())[:FACTORS]]
    return " · ".join(parts)


def _encode(dataset: Dataset, index: int, model: Model, report: Report) -> tuple[np.ndarray, str]:
    image = np.ascontiguousarray(dataset.images[index : index + 1])
    return inversion.locate(model, image, report)[0], dataset.name_of(index)
