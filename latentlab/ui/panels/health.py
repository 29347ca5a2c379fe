"""The Health dock: how the training is doing, in plain words, beside the figures that say so."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget

from latentlab.ui.health_state import HealthState
from latentlab.ui.session import Session
from latentlab.ui.widgets.findings import FindingList
from latentlab.ui.widgets.kl_bars import KLBars
from latentlab.ui.widgets.labels import ElidedLabel
from latentlab.ui.widgets.legend import format_value

NO_RUN = "Press Train, or open a run: what is measured of it is put into words here."
TOO_EARLY = "Too early to say: what is measured is put into words after some hundred steps."
NOTHING = "Nothing stands out in what was measured of this run."
#: What is shown of each family where it is known, the first few of them: name -> title. Those of VAEs, and
#: shares, are of held-out data.
FIGURES = {
    "gan": {
        "d_real": "D(x)",
        "d_fake": "D(G(z))",
        "d_accuracy": "D right",
        "modes": "Modes",
        "coverage": "Coverage",
        "diversity": "Diversity",
        "quality": "In a mode",
        "density": "Density",
    },
    "vae": {
        "heldout_neg_elbo": "−ELBO",
        "heldout_iw_nll": "NLL",
        "modes": "Modes",
        "coverage": "Coverage",
        "diversity": "Diversity",
    },
}
#: Shares of one.
SHARES = ("d_accuracy", "coverage", "quality")
#: Figures in a row; rows beside the bars of a VAE and without them.
COLUMNS, ROWS = 3, {"vae": 1, "gan": 2}
#: The figures' share of the panel's width, in pixels at least and at most.
SHARE, LEAST, MOST = 0.38, 176, 288


class HealthPanel(QWidget):
    """Sentences on the left, KL per dimension or the state of the game on the right."""

    gravest_changed = Signal(str)  # the level of the gravest finding; also when its mark's colour changed

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("health_panel")
        self.setAccessibleName("Health")
        self._session = session
        self.state = HealthState(session)

        self.text = FindingList()
        self.text.setObjectName("health_text")
        scroll = QScrollArea()
        scroll.setWidget(self.text)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setAccessibleName("Findings")
        self.summary = ElidedLabel(role="secondary")
        self.summary.setObjectName("health_kl_text")
        self.bars = KLBars()
        self.bars.setObjectName("health_kl")
        self.bars.setAccessibleName("KL per latent dimension")
        self.side = QWidget()
        names = dict.fromkeys(name for titles in FIGURES.values() for name in titles)
        self.figures = {name: Figure(name, self.side) for name in names}

        self._lay_out(scroll)
        self.bars.pointed.connect(self._show_summary)
        self.state.changed.connect(self._show)
        self.state.measured.connect(self._show_figures)
        session.state_changed.connect(self._show)
        self._show()

    def _lay_out(self, scroll: QScrollArea) -> None:
        self.grid = QGridLayout()
        self.grid.setHorizontalSpacing(12)
        self.grid.setVerticalSpacing(8)
        for column in range(COLUMNS):
            self.grid.setColumnStretch(column, 1)
        side = QVBoxLayout()
        side.setContentsMargins(0, 0, 0, 0)
        side.setSpacing(8)
        side.addWidget(self.summary)
        side.addWidget(self.bars, 1)
        side.addLayout(self.grid)
        side.addStretch()
        self.side.setLayout(side)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(24)
        layout.addWidget(scroll, 1)
        layout.addWidget(self.side)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.side.setFixedWidth(max(LEAST, min(MOST, int(SHARE * self.width()))))

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and hasattr(self, "state"):
            self.gravest_changed.emit(self.state.gravest)

    def _show(self, _: object = None) -> None:
        session = self._session
        empty = NO_RUN if session.run is None else TOO_EARLY if session.busy else NOTHING
        self.text.show_findings(self.state.findings, empty)
        self.gravest_changed.emit(self.state.gravest)
        self._show_figures()

    def _show_figures(self) -> None:
        state = self.state
        kl = state.kl if state.family == "vae" else None
        self.summary.setVisible(kl is not None)
        self.bars.setVisible(kl is not None)
        if kl is not None:
            self.bars.set_values(kl, state.active())
        known = [name for name in FIGURES.get(state.family, ()) if name in state.figures]
        known = known[: COLUMNS * ROWS.get(state.family, 0)]
        for name, figure in self.figures.items():
            figure.setVisible(name in known)
            if name in known:
                place = known.index(name)
                self.grid.addWidget(figure, place // COLUMNS, place % COLUMNS)
                figure.show_value(FIGURES[state.family][name], self._words(name))
        self.side.setVisible(kl is not None or bool(known))

    def _words(self, name: str) -> str:
        value = self.state.figures[name]
        if name == "modes":
            return f"{value:.0f} of {self.state.classes}"
        return f"{100 * value:.0f} %" if name in SHARES else format_value(value)

    def _show_summary(self, pointed: str) -> None:
        active = self.state.active() if self.state.kl is not None else ()
        self.summary.setText(f"KL per dimension · {pointed or f'{sum(active)} of {len(active)} active'}")


class Figure(QWidget):
    """A number over what it is."""

    def __init__(self, name: str, parent: QWidget) -> None:
        super().__init__(parent)
        self.value, self.title = QLabel(), ElidedLabel(role="secondary")
        self.value.setObjectName(f"health_{name}")
        self.value.setProperty("role", "title")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.value)
        column.addWidget(self.title)

    def show_value(self, title: str, value: str) -> None:
        self.title.setText(title)
        self.title.setToolTip(title)
        self.value.setText(value)
        self.value.setAccessibleName(f"{title}: {value}")
