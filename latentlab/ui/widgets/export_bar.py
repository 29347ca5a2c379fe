"""How far the file is that is being written, in the status bar, and a button that gives it up."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QWidget

from latentlab.ui.exports import Exports
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.labels import ElidedLabel, plain_tooltip

#: Pixels of a name: what is said beside it needs the room.
WIDEST = 280


class ExportBar(QWidget):
    """Shows the first job; hidden while there is none."""

    def __init__(self, exports: Exports, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._exports = exports
        self.text = ElidedLabel("", role="secondary")
        self.text.setMinimumWidth(120)
        self.text.setMaximumWidth(WIDEST)
        self.bar = QProgressBar()
        self.bar.setObjectName("export_progress")
        self.bar.setAccessibleName("Progress of the export")
        self.bar.setTextVisible(False)
        self.bar.setFixedSize(120, 4)
        self.cancel = push_button("export_cancel", "Cancel", "Give up what is being written", flat=True)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 12, 0)
        layout.setSpacing(8)
        for widget in (self.text, self.bar, self.cancel):
            layout.addWidget(widget)
        self.cancel.clicked.connect(self._on_cancel)
        exports.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        jobs = self._exports.jobs
        self.setVisible(bool(jobs))
        if jobs:
            more = f" and {len(jobs) - 1} more" if len(jobs) > 1 else ""
            room = WIDEST - self.fontMetrics().horizontalAdvance(more)
            name = self.fontMetrics().elidedText(jobs[0].path.name, Qt.TextElideMode.ElideMiddle, room)
            self.text.setText(f"{name}{more}")
            self.text.setToolTip(plain_tooltip("\n".join(str(job.path) for job in jobs)))
            self.bar.setRange(0, jobs[0].total)
            self.bar.setValue(jobs[0].done)

    def _on_cancel(self) -> None:
        if self._exports.jobs:
            self._exports.cancel(self._exports.jobs[0])
