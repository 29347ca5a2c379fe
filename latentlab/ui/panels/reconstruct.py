"""The Reconstruct mode: originals over what comes back of them, and any image brought into the space."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import (
    QBoxLayout,
    QFileDialog,
    QHBoxLayout,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from latentlab.core.points import is_points
from latentlab.data.image_file import SUFFIXES
from latentlab.export.grid import compose
from latentlab.ui import theme
from latentlab.ui.reconstruction import COUNT, Reconstruction, Sought
from latentlab.ui.session import Session
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.fields import IntField
from latentlab.ui.widgets.labels import ElidedLabel
from latentlab.ui.widgets.picture import GridView, PictureView
from latentlab.ui.widgets.pixels import tile_picture

NO_MODEL = (
    "Press Train, or open a run: images of the data appear here over what the model makes of them,\n"
    "and any image that you drop."
)
NO_ENCODER = (
    "A GAN has no encoder: drop an image here and it is searched for,\n"
    "from many latents at once towards the one that comes nearest."
)
OTHER_SHAPE = "Load images of that shape, or drop any one image here."
#: Images are large from so many pixels a side: fewer rows of them then. A row holds no fewer than four.
LARGE, FEWEST = 48, 4


class ReconstructPanel(QWidget):
    """Pairs of the dataset's images and their reconstructions, beside an image of one's own."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("reconstruct_panel")
        self._session = session
        self.state = Reconstruction(session)

        self.open = push_button(
            "reconstruct_open",
            "Open an image…",
            "Find the latent of an image of your own (Ctrl+I); dropping it here does the same.",
            "image",
        )
        self.shuffle = push_button(
            "reconstruct_shuffle", "Other images", "Draw other images of the dataset.", "dice"
        )
        self.steps = IntField(minimum=10, maximum=5000, unit="steps")
        self.steps.setObjectName("reconstruct_steps")
        self.steps.setAccessibleName("Steps of the search")
        self.steps.setToolTip("Steps of the search for a latent: more come nearer, and take longer.")
        self.steps.setSingleStep(50)
        self.steps.setFixedWidth(88)
        self.steps.setValue(self.state.steps)
        self.view = GridView(smooth=True)
        self.view.setObjectName("reconstruct_view")
        self.view.setAccessibleName("Images of the dataset over their reconstructions")
        self.view.tile_tooltip = self._tooltip
        self.view.installEventFilter(self)
        self.own = OwnImage()
        self.own.hide()
        self.caption = ElidedLabel(role="secondary")
        self.caption.setObjectName("reconstruct_caption")

        self._lay_out()
        self.open.clicked.connect(self.choose_image)
        self.shuffle.clicked.connect(self.state.shuffle)
        self.steps.valueChanged.connect(self._on_steps_changed)
        self.view.tile_clicked.connect(self.state.choose)
        self.own.refine.clicked.connect(self.state.search)
        self.own.cancel.clicked.connect(self.state.end_search)
        self.own.close_button.clicked.connect(self.state.close)
        self.own.answer.tile_clicked.connect(self._on_answer_clicked)
        self.state.pairs_changed.connect(self._show)
        self.state.sought_changed.connect(self._show_own)
        self.state.searching_changed.connect(self._show_own)
        self.state.progressed.connect(self.own.show_progress)
        session.latent.space_changed.connect(self._show)
        session.dataset_changed.connect(self._show)
        self._show()

    def _lay_out(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.open)
        row.addWidget(self.shuffle)
        row.addStretch()
        row.addWidget(self.steps)
        body = QHBoxLayout()
        body.setSpacing(16)
        body.addWidget(self.own, 2)
        body.addWidget(self.view, 5)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addLayout(row)
        layout.addLayout(body, 1)
        layout.addWidget(self.caption)

    def choose_image(self) -> None:
        """Ask for an image file and find its latent."""
        kinds = " ".join(f"*{suffix}" for suffix in sorted(SUFFIXES))
        name, _ = QFileDialog.getOpenFileName(self, "Open an image", str(Path.home()), f"Images ({kinds})")
        if name:
            self.open_image(Path(name))

    def open_image(self, path: Path) -> None:
        """Find the latent of an image file: encoded, or searched for where the model has no encoder."""
        self.state.open(path)

    # What there is to see

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.state.watch(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.state.watch(False)

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "caption"):
            self._show()  # the gaps are of the window's grey

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:  # the view has room for more pairs, or for fewer
            self._show()
        return super().eventFilter(watched, event)

    def _show(self, _: object = None) -> None:
        pairs, model = self.state.pairs, self._session.latent.model
        self.shuffle.setEnabled(pairs is not None)
        of_points = model is not None and is_points(model.image_shape)
        self.shuffle.setText("Other points" if of_points else "Other images")
        self.open.setEnabled(not of_points)
        self._show_own()
        if pairs is None:
            self.view.set_empty_text(self._reason())
            self.view.set_picture(None)
            self.caption.setText("")
            return
        _, channels, height, width = pairs.images.shape
        rows, columns = self._shape(height, width, pairs.answers is not None)
        tiles, gap = pairs.images, max(1, height // 14)
        ground = theme.current().color("window")
        if pairs.answers is not None:
            between = np.full((len(tiles), channels, gap, width), ground.lightness(), np.uint8)
            tiles = np.concatenate([tiles, between, pairs.answers], axis=2)
        tiles = tiles[: rows * columns]
        rows = -(-len(tiles) // columns)
        picture = compose(tiles, columns, spacing=2 * gap)
        self.view.set_grid(picture, rows, columns, tiles.shape[2], width, 2 * gap, len(tiles))
        noun = ("held-out " if pairs.heldout else "") + ("points" if pairs.dataset.is_points else "images")
        text = f"{len(tiles)} {noun} of {pairs.dataset.name}"
        if pairs.answers is None:
            assert model is not None
            own = "" if pairs.dataset.is_points else ", or drop your own,"
            text += f" · a {model.family.upper()} has no encoder: click one{own} to search for it"
        else:
            error = float(pairs.errors()[: len(tiles)].mean())
            text = f"{decibels(_psnr(error))} · squared error {error:.4f} · {text} over their reconstructions"
        self.caption.setText(text)
        self.caption.setToolTip(text)

    def _shape(self, height: int, width: int, double: bool) -> tuple[int, int]:
        """Rows and columns that fill the view."""
        rows = 2 if max(height, width) >= LARGE else 3
        rows += not double
        tile_width = self.view.height() / rows * width / (height * (2 if double else 1))
        columns = max(FEWEST, min(COUNT // rows, int(self.view.width() / max(1.0, tile_width))))
        return rows, columns

    def _reason(self) -> str:
        model, dataset = self._session.latent.model, self._session.dataset
        if model is None:
            return NO_MODEL
        if not model.can_encode and not is_points(model.image_shape):
            return NO_ENCODER
        if dataset is not None and dataset.image_shape != model.image_shape:
            return (
                f"{dataset.name} holds {_what(dataset.image_shape)}, "
                f"this model makes {_what(model.image_shape)}.\n"
                + ("Load points." if is_points(model.image_shape) else OTHER_SHAPE)
            )
        return ""

    def _show_own(self, _: object = None) -> None:
        sought, model = self.state.sought, self._session.latent.model
        self.steps.setVisible(model is not None and (sought is not None or not model.can_encode))
        self.own.setVisible(sought is not None)
        self.view.setVisible(sought is None or self.state.pairs is not None)
        if sought is not None:
            encoder = model is not None and model.can_encode
            self.own.show_image(sought, self.state.searching, encoder, alone=self.view.isHidden())

    def _tooltip(self, place: int) -> str:
        pairs = self.state.pairs
        assert pairs is not None
        if pairs.answers is None:
            return f"{pairs.name(place)}: click to search for it"
        error = float(pairs.errors()[place])
        return (
            f"{pairs.name(place)} · squared error {error:.4f} · {decibels(_psnr(error))}: click to explore it"
        )

    def _on_answer_clicked(self, _: int) -> None:
        self.state.go()

    def _on_steps_changed(self, steps: int) -> None:
        self.state.steps = steps


class OwnImage(QWidget):
    """One image over the best that the model makes of it, how near that comes, and the search for better."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name, self.found = ElidedLabel(role="secondary"), ElidedLabel(role="secondary")
        self.target = PictureView(smooth=True)
        self.target.setObjectName("reconstruct_target")
        self.target.setAccessibleName("Your image")
        self.answer = GridView(smooth=True)
        self.answer.setObjectName("reconstruct_answer")
        self.answer.setAccessibleName("What the model makes of your image")
        self.answer.tile_tooltip = self._tooltip
        self.close_button = push_button("reconstruct_close", "", "Put this image away.", "close", flat=True)
        self.refine = push_button(
            "reconstruct_refine",
            "Refine",
            "Search for a latent that comes nearer, by optimisation from here and from many others.",
            flat=True,
        )
        self.cancel = push_button("reconstruct_cancel", "Cancel", "End the search and keep the best so far.")
        self.progress = QProgressBar()
        self.progress.setObjectName("reconstruct_progress")
        self.progress.setAccessibleName("Progress of the search")
        self.progress.setTextVisible(False)
        self.progress.setMinimumWidth(24)
        self.setMinimumWidth(168)  # so that nothing moves when a search begins

        self.pictures = QBoxLayout(QBoxLayout.Direction.TopToBottom)
        self.pictures.setSpacing(8)
        for label, view in ((self.name, self.target), (self.found, self.answer)):
            label.setFixedHeight(24)  # as the button beside it, so that both pictures are equally large
            row = QHBoxLayout()
            row.addWidget(label)
            if view is self.target:
                row.addWidget(self.close_button)
            column = QVBoxLayout()
            column.setSpacing(4)
            column.addLayout(row)
            column.addWidget(view, 1)
            self.pictures.addLayout(column, 1)
        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.refine)
        below.addWidget(self.progress, 1, Qt.AlignmentFlag.AlignVCenter)
        below.addStretch()
        below.addWidget(self.cancel)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        layout.addLayout(self.pictures, 1)
        layout.addLayout(below)

    def show_image(self, sought: Sought, searching: bool, encoder: bool, *, alone: bool) -> None:
        """Show `sought`, beside one another where it is `alone` in the panel."""
        directions = QBoxLayout.Direction
        self.pictures.setDirection(directions.LeftToRight if alone else directions.TopToBottom)
        self.name.setText(sought.name)
        self.name.setToolTip(sought.name)
        self.target.set_picture(tile_picture(sought.picture))
        if sought.answer is None:
            self.answer.set_picture(None)
            self.answer.set_empty_text("searching…" if searching else "nothing found yet")
            self.found.setText("")
        else:
            picture = tile_picture(sought.answer)
            height, width = picture.shape[:2]
            self.answer.set_grid(picture, 1, 1, height, width, 0)
            self.found.setText(decibels(sought.psnr))
        self.refine.setText("Refine" if encoder else "Search" if sought.answer is None else "Search on")
        self.refine.setVisible(not searching)
        if not searching:
            self.progress.setValue(0)
        self.progress.setVisible(searching)
        self.cancel.setVisible(searching)

    def show_progress(self, done: int, total: int) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)

    def _tooltip(self, _: int) -> str:
        return "Click to go there again"


def decibels(psnr: float) -> str:
    """A peak signal-to-noise ratio in words."""
    return "exactly alike" if math.isinf(psnr) else f"PSNR {psnr:.1f} dB"


def _psnr(error: float) -> float:
    return -10 * math.log10(error) if error > 0 else math.inf


def _what(shape: tuple[int, int, int]) -> str:
    if is_points(shape):
        return "points of a plane"
    channels, height, width = shape
    return f"images of {width}×{height} {({1: 'in grey', 3: 'in colour', 4: 'with alpha'})[channels]}"
