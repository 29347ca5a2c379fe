"""The Timeline dock: keyframes in the latent space, a path through them, played and exported."""

from __future__ import annotations

import functools
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QIcon, QPixmap
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QListView,
    QListWidget,
    QListWidgetItem,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from latentlab import export
from latentlab.core.points import picture_shape
from latentlab.data.base import Report
from latentlab.latent import paths
from latentlab.models.base import Model
from latentlab.ui import theme
from latentlab.ui.bookmarks_state import Item, accepted, dropped
from latentlab.ui.session import Session
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.fields import ChoiceField, FloatField
from latentlab.ui.widgets.pixels import as_image, tile_picture

TICKS = 1000  # positions of the slider per leg
FPS = 25
ICON = 56
KINDS = {"slerp": "Slerp", "linear": "Linear"}


class TimelinePanel(QWidget):
    """Keyframes are exact latents with the picture they had when added. Play walks through them in a loop."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("timeline_panel")
        self.setAccessibleName("Timeline")
        self._session = session
        self._latent = session.latent
        self._tile: np.ndarray | None = None  # the image of the present latent, uint8 (C, H, W)
        self._latents: list[np.ndarray] = []
        self._played_at = 0.0

        self.add = push_button("keyframe_add", "Add", "Add the present latent as a keyframe (K)", "plus")
        self.remove = push_button("keyframe_remove", "", "Remove the chosen keyframe", "minus", flat=True)
        self.list = KeyframeList()
        self.list.setObjectName("keyframe_list")
        self.list.setAccessibleName("Keyframes")
        self.list.setFlow(QListView.Flow.LeftToRight)
        self.list.setWrapping(False)
        self.list.setIconSize(QSize(ICON, ICON))
        self.list.setHorizontalScrollMode(QListView.ScrollMode.ScrollPerPixel)
        self.kind = ChoiceField()
        self.kind.setObjectName("interpolation_kind")
        self.kind.setAccessibleName("Path")
        self.kind.setMinimumWidth(104)
        self.kind.setToolTip(
            "Slerp (spherical) keeps latents as long as the prior's own; linear cuts through the middle."
        )
        for key in paths.PATHS:
            self.kind.addItem(KINDS[key], key)
        self.seconds = FloatField(shown=1, unit="s")
        self.seconds.setObjectName("interpolation_seconds")
        self.seconds.setAccessibleName("Seconds from one keyframe to the next")
        self.seconds.setToolTip("Seconds from one keyframe to the next, 0.1 to 60.")
        self.seconds.setFixedWidth(72)
        self.seconds.setRange(0.1, 60)
        self.seconds.setValue(1.5)
        tooltip = "Walk through the keyframes and back to the first, again and again."
        self.play = push_button("interpolation_play", "Play", tooltip, "play")
        self.play.setCheckable(True)
        self.position = QSlider(Qt.Orientation.Horizontal)
        self.position.setObjectName("interpolation_position")
        self.position.setAccessibleName("Position on the path")
        self.position.setToolTip("Scrub along the path.")
        tooltip = "Export the loop through all keyframes as an animated GIF…"
        self.export = push_button("timeline_export", "", tooltip, "film")
        self.hint = QLabel("Add two keyframes to walk between them, or drop bookmarks here", self.list)
        self.hint.setProperty("role", "secondary")
        self.hint.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self._timer = QTimer(self)
        self._timer.setInterval(1000 // FPS)

        self._lay_out()
        self._update()
        self.add.clicked.connect(self.add_keyframe)
        self.remove.clicked.connect(self._on_remove)
        self.list.itemClicked.connect(self._on_item_clicked)
        self.list.dropped.connect(self._on_dropped)
        self.play.toggled.connect(self._on_play_toggled)
        self.position.valueChanged.connect(self._on_position_changed)
        self.export.clicked.connect(self._on_export)
        self._timer.timeout.connect(self._on_tick)
        self._latent.explored.connect(self._on_explored)
        self._latent.space_changed.connect(self._on_space_changed)

    def _lay_out(self) -> None:
        first = QHBoxLayout()
        first.setSpacing(8)
        first.addWidget(self.add)
        first.addWidget(self.remove)
        first.addStretch(1)
        for widget in (self.kind, self.seconds, self.play, self.export):
            first.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 8, 16, 12)
        layout.setSpacing(8)
        layout.addLayout(first)
        layout.addWidget(self.list, 1)
        over = QVBoxLayout(self.list)
        over.addWidget(self.hint, 0, Qt.AlignmentFlag.AlignCenter)
        layout.addWidget(self.position)

    def add_keyframe(self) -> None:
        """The present latent becomes the last keyframe."""
        if self._latent.model is None:
            return
        self._insert(len(self._latents), self._latent.z, self._tile)
        self._update()

    def _insert(self, row: int, z: np.ndarray, tile: np.ndarray | None) -> None:
        self._latents.insert(row, z.copy())
        self.list.insertItem(row, QListWidgetItem(_thumbnail(tile), ""))
        for at in range(row, self.list.count()):
            self.list.item(at).setToolTip(f"Keyframe {at + 1}: click to go there")

    def _on_dropped(self, items: list[Item], row: int) -> None:
        if any(len(item.z) != self._latent.size for item in items):
            self._session.notify("warning", "These latents are of another latent space.")
            return
        for place, item in enumerate(items):
            self._insert(row + place, item.z, item.tile)
        self._update()

    def loop(self) -> list[np.ndarray]:
        """The keyframes and the first again: a path that closes."""
        return [*self._latents, self._latents[0]]

    def _update(self) -> None:
        count = len(self._latents)
        self.add.setEnabled(self._latent.model is not None)
        self.remove.setEnabled(count > 0)
        for widget in (self.play, self.position, self.export):
            widget.setEnabled(count >= 2)
        self.hint.setVisible(count < 2)
        was_blocked = self.position.blockSignals(True)
        self.position.setRange(0, TICKS * count if count >= 2 else 0)
        self.position.blockSignals(was_blocked)
        if count < 2:
            self.play.setChecked(False)

    def _on_explored(self, images: np.ndarray, decode_ms: float, waited_ms: float) -> None:
        self._tile = images[0]

    def _on_space_changed(self) -> None:
        if self._latents and len(self._latents[0]) != self._latent.size:
            self._latents.clear()
            self.list.clear()
        self._update()

    def _on_remove(self) -> None:
        row = self.list.currentRow()
        row = row if row >= 0 else self.list.count() - 1
        self.list.takeItem(row)
        del self._latents[row]
        self._update()

    def _on_item_clicked(self, item: QListWidgetItem) -> None:
        self.play.setChecked(False)
        row = self.list.row(item)
        was_blocked = self.position.blockSignals(True)
        self.position.setValue(TICKS * row)
        self.position.blockSignals(was_blocked)
        self._latent.set_z(self._latents[row])

    def _on_position_changed(self, value: int) -> None:
        self._latent.path_through(self.loop(), value / TICKS, self.kind.currentData())

    def _on_play_toggled(self, playing: bool) -> None:
        theme.set_icon(self.play, "pause" if playing else "play")
        self.play.setText("Pause" if playing else "Play")
        if playing:
            self._played_at = time.perf_counter()
            self._timer.start()
        else:
            self._timer.stop()

    def _on_tick(self) -> None:
        now = time.perf_counter()
        moved = (now - self._played_at) / self.seconds.value() * TICKS
        self._played_at = now
        self.position.setValue(round(self.position.value() + moved) % self.position.maximum())

    def _on_export(self) -> None:
        folder = self._session.settings.export_folder or str(Path.home())
        start = str(Path(folder) / "walk.gif")
        name, _ = QFileDialog.getSaveFileName(self, "Export the walk", start, "Animated GIF (*.gif)")
        if name:
            self.export_to(Path(name))

    def export_to(self, path: Path) -> None:
        """Write the loop as a film; the picture is enlarged to some 256 pixels."""
        if path.suffix.lower() != ".gif":
            path = path.with_name(path.name + ".gif")
        kind = self.kind.currentData()
        frames = max(2, round(len(self._latents) * self.seconds.value() * FPS))
        latents = paths.round_trip(np.stack(self._latents), frames, kind, self._latent.choices)
        self._session.notify("info", f"Writing {path.name}…")
        self._session.with_model(functools.partial(_write, path, latents), self._on_written)
        self._session.remember(export_folder=str(path.parent))

    def _on_written(self, path: Path) -> None:
        self._session.notify("good", f"Written: {path}")


class KeyframeList(QListWidget):
    """Takes bookmarks that are dropped on it; says which, and before which row."""

    dropped = Signal(object, int)

    def __init__(self) -> None:
        super().__init__()
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        accepted(event)

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:
        accepted(event)

    def dropEvent(self, event: QDropEvent) -> None:
        if accepted(event) and (items := dropped(event.mimeData())):
            x, rows = event.position().x(), range(self.count())
            centres = [self.visualItemRect(self.item(row)).center().x() for row in rows]
            self.dropped.emit(items, sum(centre < x for centre in centres))


def _thumbnail(tile: np.ndarray | None) -> QIcon:
    if tile is None:
        return theme.icon("image", "secondary")
    size = QSize(2 * ICON, 2 * ICON)
    keep, smooth = Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
    # A pixmap owns its pixels, so the picture may go.
    return QIcon(QPixmap.fromImage(as_image(tile_picture(tile))).scaled(size, keep, smooth))


def _write(path: Path, latents: np.ndarray, model: Model, report: Report) -> Path:
    """Decode and write frame by frame, so that a long film needs no more memory than a short one."""
    from latentlab.models.pixels import render

    scale = max(1, 256 // max(picture_shape(model.image_shape)[1:]))

    def frames() -> Iterator[np.ndarray]:
        for done, z in enumerate(latents):
            report(done, len(latents))
            yield export.compose(render(model, z[None]), columns=1, spacing=0, scale=scale)

    export.write_frames(path, frames(), FPS)
    return path
