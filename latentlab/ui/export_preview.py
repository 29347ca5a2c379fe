"""What will be written, how large it is, and how far its making is."""

from __future__ import annotations

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from latentlab.ui.export_state import Laid
from latentlab.ui.timers import single_shot
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.labels import PartsLabel
from latentlab.ui.widgets.segments import Segments
from latentlab.ui.widgets.zoom_picture import ZoomPicture

#: Milliseconds after which a picture that is still there counts as outdated: not while a number is typed.
FADE_AFTER = 250


class ExportPreview(QWidget):
    """A picture, whole or pixel by pixel, its size in words, a bar while another is made, and Refresh."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._laid: Laid | None = None
        self._format = ""
        self.view = ZoomPicture()
        self.view.setObjectName("export_preview")
        self.view.setAccessibleName("Preview")
        self.view.setToolTip("What will be written. A double click shows it pixel by pixel.")
        self.progress = QProgressBar()
        self.progress.setObjectName("export_making")
        self.progress.setAccessibleName("Progress of the preview")
        self.progress.setTextVisible(False)
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)  # nothing below it jumps
        self.progress.setSizePolicy(policy)
        self.progress.hide()
        self.size_text = PartsLabel("", role="secondary")
        self.size_text.setObjectName("export_size")
        self.refresh = push_button(
            "export_refresh",
            "",
            "Make it anew, of the model and the latent as they are now (F5)",
            "reset",
            flat=True,
        )
        self.refresh.setShortcut("F5")
        self.zoom = Segments()
        self.fit = self.zoom.add("export_fit", "Fit", "Show the whole picture")
        self.actual = self.zoom.add("export_actual", "100%", "A pixel of the picture is one of the screen")
        self._fading = single_shot(self, self._on_faded, FADE_AFTER)

        below = QHBoxLayout()
        below.setSpacing(8)
        below.addWidget(self.size_text, 1)
        below.addWidget(self.refresh)
        below.addWidget(self.zoom)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.view, 1)
        layout.addWidget(self.progress)
        layout.addLayout(below)
        self.zoom.chosen.connect(self._on_zoom_chosen)
        self.view.actual_changed.connect(self._on_actual_changed)
        self.view.resized.connect(self._show_size)

    def show_laid(self, laid: Laid | None, busy: bool) -> None:
        """Show the picture that is there, or that the one before is none any more; `busy`: another comes."""
        if laid is not None and laid is not self._laid:
            self.view.set_picture(laid.picture, laid.small)
            self._laid = laid
        if laid is not None or not busy:
            self._fading.stop()
            self.progress.hide()
            self.view.set_outdated(laid is None)
            self._laid = laid
        elif not self._fading.isActive() and not self.progress.isVisibleTo(self):
            self.progress.setRange(0, 0)  # until it is known how far it is
            self._fading.start()
        self._show_size()

    def show_nothing(self) -> None:
        """Take the picture away."""
        self._laid = None
        self.view.set_picture(None)
        self._show_size()

    def show_progress(self, done: int, total: int) -> None:
        """How far the next picture is."""
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        self._show_size()

    def set_format(self, title: str) -> None:
        """What kind of file it becomes."""
        self._format = title
        self._show_size()

    def _on_faded(self) -> None:
        self.view.set_outdated(True)
        self.progress.show()
        self._show_size()

    def _show_size(self) -> None:
        parts, bar = [], self.progress
        if bar.isVisibleTo(self):  # what is shown is no longer what would be written
            parts = ["Decoding…"]
            if bar.maximum() > 0:
                parts = [f"Decoding… {100 * bar.value() // bar.maximum()}%"]
        elif self._laid is not None:
            height, width = self._laid.picture.shape[:2]
            parts = [f"{width:,} × {height:,} pixels", self._format, f"step {self._laid.state.step:,}"]
            parts.append(f"shown at {100 * self.view.magnification():.0f}%")
        self.size_text.setText(" · ".join(parts))
        self.size_text.setToolTip(self.size_text.text())
        self.view.setAccessibleDescription(self.size_text.text())

    def _on_zoom_chosen(self, index: int) -> None:
        self.view.set_actual(index == 1)

    def _on_actual_changed(self, actual: bool) -> None:
        (self.actual if actual else self.fit).setChecked(True)
        self._show_size()
