"""The Curves dock: every metric streams."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QHBoxLayout,
    QLabel,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from latentlab.core.files import write_bytes
from latentlab.data.base import Report
from latentlab.export.curves import write_csv
from latentlab.models.base import MODELS
from latentlab.training.events import Edited, Evaluated, Progress
from latentlab.ui import wording
from latentlab.ui.curves_picture import fill
from latentlab.ui.saving import choose_file
from latentlab.ui.session import Session
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.workers import OpenedRun

if TYPE_CHECKING:
    from latentlab.ui.widgets.loss_plot import LossPlot

#: What the dialog offers, and the ending that each brings.
FORMATS = {
    "CSV, every number (*.csv)": ".csv",
    "PNG, the plot as a picture (*.png)": ".png",
    "SVG, the plot as a drawing (*.svg)": ".svg",
}


class CurvesPanel(QWidget):
    """Losses and figures over steps. The plot is built by `build`, because pyqtgraph is slow to import."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("curves_panel")
        self.setAccessibleName("Curves")
        self._session = session
        self.plot: LossPlot | None = None
        self._opened: OpenedRun | None = None

        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setObjectName("curves_smoothing")
        self.smoothing.setAccessibleName("Smoothing")
        self.smoothing.setToolTip("Smoothing: 0 shows every step, further right a longer average.")
        self.smoothing.setRange(0, 99)
        self.smoothing.setValue(80)
        self.smoothing.setFixedWidth(64)
        self.log = QCheckBox("Log")
        self.log.setAccessibleName("Log scale")
        self.log.setObjectName("curves_log")
        self.log.setToolTip("Show values on a logarithmic scale.")
        self.export = push_button(
            "curves_export", "", "Export the curves as CSV, PNG or SVG…", "export", flat=True
        )
        label = QLabel("Smoothing")
        label.setProperty("role", "secondary")
        label.setBuddy(self.smoothing)
        self.controls = QWidget()  # the window places it where there is room
        row = QHBoxLayout(self.controls)
        row.setContentsMargins(0, 0, 12, 0)
        row.setSpacing(8)
        for widget in (label, self.smoothing, self.log, self.export):
            row.addWidget(widget)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(12, 8, 16, 8)
        self._layout.setSpacing(4)

        session.run_opened.connect(self._on_run_opened)
        session.progressed.connect(self._on_progressed)
        session.evaluated.connect(self._on_evaluated)
        session.edited.connect(self._on_edited)
        session.rewound.connect(self._on_rewound)
        session.comparison.choices_changed.connect(self._show_checkpoints)

    def build(self) -> None:
        """Make the plot; call once the window is painted."""
        from latentlab.ui.widgets.loss_plot import LossPlot

        self.plot = LossPlot(plot_name="curves_plot")
        self.plot.set_smoothing(self.smoothing.value() / 100)
        self._layout.addWidget(self.plot)
        self.smoothing.valueChanged.connect(self._on_smoothing_changed)
        self.log.toggled.connect(self.plot.set_log)
        self.export.clicked.connect(self._on_export)
        if self._opened is not None:  # a run that was there before the plot
            self._on_run_opened(self._opened)
            self._opened = None

    def _on_run_opened(self, opened: OpenedRun) -> None:
        if self.plot is None:
            self._opened = opened
            return
        self.plot.reset()
        fill(self.plot, opened.folder.info, opened.series)
        self._show_checkpoints()

    def _on_progressed(self, progress: Progress) -> None:
        if self.plot is not None:
            for name, values in progress.values.items():
                # Lines would not join what is measured every few steps over the gaps between.
                measured = ~np.isnan(values)
                if measured.any():
                    self.plot.extend(name, progress.steps[measured], values[measured])

    def _on_evaluated(self, evaluated: Evaluated) -> None:
        if self.plot is not None:
            for name, value in evaluated.values.items():
                self.plot.extend(name, np.array([evaluated.step]), np.array([value]))

    def _on_edited(self, edited: Edited) -> None:
        run = self._session.run
        if self.plot is not None and run is not None:
            kind = MODELS.get(run.info["model"]["key"])
            self.plot.marks.add_edit(edited.step, wording.edit_text(kind, edited.changes))

    def _on_rewound(self, step: int) -> None:
        if self.plot is not None:
            self.plot.rewind(step)

    def _show_checkpoints(self) -> None:
        if self.plot is not None:
            self.plot.marks.set_checkpoints(self._session.comparison.steps)

    def _on_smoothing_changed(self, value: int) -> None:
        if self.plot is not None:
            self.plot.set_smoothing(value / 100)

    def _on_export(self) -> None:
        plot, run = self.plot, self._session.run
        if plot is None or not plot.shown():
            self._session.notify("info", "There are no curves to export yet.")
            return
        start = (run.path if run else Path.home()) / "curves.csv"
        path = choose_file(self, "Export curves", start, FORMATS)
        if path is None:
            return
        suffix = path.suffix.lower()
        if suffix == ".csv":
            shown = plot.shown()

            def write(_: Report) -> None:
                write_csv({name: (at.array(), values.array()) for name, (at, values) in shown.items()}, path)

            self._session.exports.start(path, write)
        else:  # painted here, because it is a widget, and written elsewhere
            picture = plot.picture("svg" if suffix == ".svg" else "png")
            self._session.exports.start(path, lambda _: write_bytes(path, picture))
