"""The Samples mode: the same latents, decoded again and again while the model learns, and the way back."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QHBoxLayout, QLabel, QMenu, QSlider, QStackedWidget, QVBoxLayout, QWidget

from latentlab.export.grid import compose
from latentlab.ui import theme
from latentlab.ui.session import Session
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.picture import GridView
from latentlab.ui.widgets.pixels import tile_picture
from latentlab.ui.widgets.plane_legend import PlaneLegend
from latentlab.ui.widgets.plane_view import PlaneView

SPACING = 2
#: Snapshots a second while the history plays, and how many are shown at most.
FPS, MOST_SHOWN = 20, 400
#: Looks at a snapshot that is still being read, until the next is gone to: a file may be damaged.
PATIENCE = 20


class SamplesPanel(QWidget):
    """A live grid of seeds 0 to 63, or the plane of points, with a scrubber from noise to now."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("samples_panel")
        self._session, self._latent = session, session.latent
        self._history = session.history
        self._points = session.points

        self.view = GridView(smooth=True)
        self.view.setObjectName("samples_view")
        self.view.setAccessibleName("Samples")
        self.view.set_empty_text("Samples of the model appear here while it learns")
        self.view.tile_tooltip = self._tooltip
        self.plane = PlaneView()
        self.plane.setObjectName("plane_view")
        self.plane.setAccessibleName("Points of the data and of the model")
        self.legend = PlaneLegend()
        self.canvas = QStackedWidget()
        self.canvas.addWidget(self.view)
        self.canvas.addWidget(self.plane)
        self.slider = QSlider(Qt.Orientation.Horizontal)
        self.slider.setObjectName("history_slider")
        self.slider.setAccessibleName("History of the training")
        self.slider.setToolTip("Scrub through the training, from the first step to now.")
        self.slider.setEnabled(False)
        self.slider.setRange(0, 0)
        tooltip = "Play the training from the first step to now."
        self.play = push_button("history_play", "", tooltip, "play", flat=True)
        self.play.setCheckable(True)
        self.play.setEnabled(False)
        self.step = QLabel("")
        self.step.setProperty("role", "secondary")
        self.step.setMinimumWidth(112)
        self.step.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.export = push_button(
            "history_export",
            "",
            "Export the training as a film or as a strip of its stages…",
            "film",
            flat=True,
        )
        self.export.setEnabled(False)
        menu = QMenu(self.export)
        menu.setObjectName("history_export_menu")
        menu.setToolTipsVisible(True)
        film = menu.addAction("Film of the training…", self.export_film)
        film.setToolTip("From the first step to now: GIF, APNG, WebP, MP4, PNG sequence.")
        strip = menu.addAction("Strip of its stages…", self.export_strip)
        strip.setToolTip("The first, the last and evenly between, as one picture.")
        self.export.setMenu(menu)
        self._waited = 0
        self._timer = QTimer(self)
        self._timer.setInterval(1000 // FPS)

        row = QHBoxLayout()
        row.setSpacing(8)
        row.addWidget(self.play)
        row.addWidget(self.slider, 1)
        row.addWidget(self.step)
        row.addWidget(self.export)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 12)
        layout.setSpacing(12)
        layout.addWidget(self.legend)
        layout.addWidget(self.canvas, 1)
        layout.addLayout(row)

        self.view.tile_clicked.connect(self._on_tile_clicked)
        self.slider.valueChanged.connect(self._history.go)
        self.slider.sliderPressed.connect(self._stop_playing)
        self.play.toggled.connect(self._on_play_toggled)
        self._timer.timeout.connect(self._on_tick)
        self._history.changed.connect(self._on_history_changed)
        self._history.shown.connect(self._on_shown)
        self.legend.toggled.connect(self._points.set_layer)
        self._points.changed.connect(self._show_points)
        self._points.layers_changed.connect(self._show_points)
        self._latent.explored.connect(self._on_explored)
        self._latent.space_changed.connect(self._on_space_changed)
        self._show_points()

    def _on_history_changed(self) -> None:
        count = len(self._history.steps)
        was_blocked = self.slider.blockSignals(True)
        self.slider.setRange(0, max(0, count - 1))
        self.slider.setValue(max(0, self._history.index))
        self.slider.blockSignals(was_blocked)
        self.slider.setEnabled(count > 1)
        self.play.setEnabled(count > 1)
        self.export.setEnabled(count > 0)
        if count == 0:
            self.view.set_picture(None)
            self.step.setText("")
        self._show_points()

    def _on_shown(self, step: int, images: np.ndarray) -> None:
        self.step.setText(f"step {step:,}")
        if self._points.active:
            self._show_points()
            return
        from latentlab.run import PREVIEW_COLUMNS

        count, _, height, width = images.shape
        rows = -(-count // PREVIEW_COLUMNS)
        picture = compose(images, PREVIEW_COLUMNS, SPACING)
        self.view.set_grid(picture, rows, PREVIEW_COLUMNS, height, width, SPACING, count)

    def _show_points(self) -> None:
        """The plane as it was at the snapshot that is looked at, where there is a plane."""
        points = self._points
        self.legend.setVisible(points.active)
        self.canvas.setCurrentWidget(self.plane if points.active else self.view)
        if not points.active:
            self.plane.set_scene(None)
            return
        step, pictures = self._history.looked_at or (None, None)
        scene = points.scene(step, pictures)
        self.plane.set_scene(scene)
        self.plane.set_layers(points.layers)
        self.legend.show_scene(scene, points.layers, points.note(scene, step))

    def _on_explored(self, images: np.ndarray, decode_ms: float, waited_ms: float) -> None:
        if self._points.active:
            self.plane.set_picture(tile_picture(images[0]))

    def _on_space_changed(self) -> None:
        self.plane.set_picture(None)

    def _tooltip(self, index: int) -> str:
        return f"seed {index}: click to explore it"

    def _on_tile_clicked(self, index: int) -> None:
        self.view.set_selected(index)
        self._latent.set_seed(index)

    def _on_play_toggled(self, playing: bool) -> None:
        theme.set_icon(self.play, "pause" if playing else "play")
        if playing:
            if self.slider.value() == self.slider.maximum():
                self.slider.setValue(0)
            self._timer.start()
        else:
            self._timer.stop()

    def _stop_playing(self) -> None:
        self.play.setChecked(False)

    def _on_tick(self) -> None:
        history, last = self._history, self.slider.maximum()
        shown = history.looked_at is not None and history.looked_at[0] == history.steps[history.index]
        if not shown and self._waited < PATIENCE:
            self._waited += 1
            return
        self._waited = 0
        if self.slider.value() >= last:
            self._stop_playing()
        else:
            self.slider.setValue(min(last, self.slider.value() + -(-last // MOST_SHOWN)))

    # The training as a file

    def export_film(self) -> None:
        """Open the export-film dialog for the training."""
        from latentlab.ui.film_dialog import FilmDialog

        FilmDialog(self._session, self.window(), subject="history").show()

    def export_strip(self) -> None:
        """Open the export-grid dialog with the stages of the training."""
        from latentlab.ui.export_dialog import ExportGridDialog

        ExportGridDialog(self._session, self.window(), source="history").show()
