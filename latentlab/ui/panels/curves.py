"""The Curves dock: every metric streams."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QHBoxLayout,
    QLabel,
    QSlider,
    QVBoxLayout,
    QWidget,
)

from latentlab import metrics
from latentlab.models.base import MODELS
from latentlab.training.events import Evaluated, Progress
from latentlab.ui.session import Session
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.workers import OpenedRun

if TYPE_CHECKING:
    from latentlab.ui.widgets.loss_plot import LossPlot

#: Shown from the start; the others can be switched on in the legend.
HIDDEN_AT_FIRST = ("active_units", "diversity", "heldout_reconstruction", "heldout_kl")
#: Where the legend has no room for the whole title.
SHORT = {"heldout_reconstruction": "Held-out rec.", "active_units": "Active"}


class CurvesPanel(QWidget):
    """Losses and figures over steps. The plot is built by `build`, because pyqtgraph is slow to import."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("curves_panel")
        self.setAccessibleName("Curves")
        self._session = session
        self.plot: LossPlot | None = None
        self._to_hide: set[str] = set()
        self._opened: OpenedRun | None = None

        self.smoothing = QSlider(Qt.Orientation.Horizontal)
        self.smoothing.setObjectName("curves_smoothing")
        self.smoothing.setAccessibleName("Smoothing")
        self.smoothing.setToolTip("Smoothing: 0 shows every step, further right a longer average.")
        self.smoothing.setRange(0, 99)
        self.smoothing.setValue(80)
        self.smoothing.setFixedWidth(72)
        self.log = QCheckBox("Log")
        self.log.setAccessibleName("Log scale")
        self.log.setObjectName("curves_log")
        self.log.setToolTip("Show values on a logarithmic scale.")
        self.export = push_button(
            "curves_export", "CSV", "Write every curve to a CSV file…", "export", flat=True
        )
        label = QLabel("Smoothing")
        label.setProperty("role", "secondary")
        label.setBuddy(self.smoothing)
        self.controls = QWidget()  # the window places it where there is room
        row = QHBoxLayout(self.controls)
        row.setContentsMargins(0, 0, 16, 0)
        row.setSpacing(12)
        for widget in (label, self.smoothing, self.log, self.export):
            row.addWidget(widget)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(12, 8, 16, 8)
        self._layout.setSpacing(4)

        session.run_opened.connect(self._on_run_opened)
        session.progressed.connect(self._on_progressed)
        session.evaluated.connect(self._on_evaluated)

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

    def _on_run_opened(self, opened: OpenedRun) -> None:
        self._opened = opened
        if self.plot is None:
            return
        self.plot.reset()
        self._to_hide = set(HIDDEN_AT_FIRST)
        known = opened.folder.info
        kind = MODELS.get(known["model"]["key"])
        for name, title in kind.metric_titles.items():
            self.plot.set_title(name, title)
        figures = metrics.figures(kind, known["image_shape"], bool(known["data"].get("label_names")))
        for name, title in figures.items():
            self.plot.set_title(name, SHORT.get(name, title), smoothed=False)
        for name, (steps, values) in opened.series.items():
            self._extend(name, steps, values)

    def _on_progressed(self, progress: Progress) -> None:
        if self.plot is not None:
            for name, values in progress.values.items():
                self._extend(name, progress.steps, values)

    def _on_evaluated(self, evaluated: Evaluated) -> None:
        if self.plot is not None:
            shown_first = sorted(evaluated.values.items(), key=lambda item: item[0] in HIDDEN_AT_FIRST)
            for name, value in shown_first:
                self._extend(name, np.array([evaluated.step]), np.array([value]))

    def _extend(self, name: str, steps: np.ndarray, values: np.ndarray) -> None:
        assert self.plot is not None
        self.plot.extend(name, steps, values)
        if name in self._to_hide:
            self._to_hide.discard(name)
            self.plot.legend.item(name).setChecked(False)

    def _on_smoothing_changed(self, value: int) -> None:
        if self.plot is not None:
            self.plot.set_smoothing(value / 100)

    def _on_export(self) -> None:
        plot, run = self.plot, self._session.run
        if plot is None or not plot.series():
            self._session.notify("info", "There are no curves to export yet.")
            return
        start = (run.path if run else Path.home()) / "curves.csv"
        name, _ = QFileDialog.getSaveFileName(self, "Export curves", str(start), "CSV (*.csv)")
        if name:
            self._session.start_task(lambda _: plot.export_csv(name), self._on_exported)

    def _on_exported(self, _: object) -> None:
        self._session.notify("good", "Curves written.")
