"""How the run that is open is doing: what was found, and the newest figures that it was found by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.latent import samplers
from latentlab.models.base import MODELS
from latentlab.training.events import Evaluated, Progress
from latentlab.training.health import Finding
from latentlab.ui.importance_state import INACTIVE
from latentlab.ui.workers import OpenedRun

if TYPE_CHECKING:
    from latentlab.ui.session import Session

#: Levels that a person should hear of at once.
GRAVE = ("error", "warning")
#: A figure of training jumps from step to step: of a run from disk the mean of so many is shown.
STEPS = 100


class HealthState(QObject):
    """Findings of training or of a run from disk; a grave one is told in a notice the first time only."""

    changed = Signal()  # the run, or its findings
    measured = Signal()  # figures or KL

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.figures: dict[str, float] = {}  # the newest of each name
        self.family = ""  # of the run's model; empty without a run
        self.classes = 0  # of the run's data
        self._kl: np.ndarray | None = None
        self._told: set[str] = set()
        session.run_opened.connect(self._on_run_opened)
        session.health_changed.connect(self._on_health_changed)
        session.progressed.connect(self._on_progressed)
        session.evaluated.connect(self._on_evaluated)
        session.importance.changed.connect(self.measured)

    @property
    def findings(self) -> tuple[Finding, ...]:
        """The gravest first."""
        return self._session.findings

    @property
    def gravest(self) -> str:
        """The level of the first finding; empty without any."""
        return self.findings[0].level if self.findings else ""

    @property
    def kl(self) -> np.ndarray | None:
        """Nats per latent dimension, float (D,): on held-out data while training, else on what is loaded."""
        importance, model = self._session.importance.value, self._session.latent.model
        if self._kl is not None or importance is None or importance.unit != "KL" or model is None:
            return self._kl
        return importance.values[samplers.continuous(model)]  # a class has no posterior

    def active(self) -> np.ndarray:
        """Which dimensions of `kl` carry something: bool (D,)."""
        assert self.kl is not None
        found: np.ndarray = self.kl >= INACTIVE["KL"]
        return found

    def _on_run_opened(self, opened: OpenedRun) -> None:
        info = opened.folder.info
        kind = MODELS.get(info["model"]["key"])
        self.family, self.classes = kind.family, len(info["data"].get("label_names", ()))
        self.figures = {
            name: float(values[-STEPS if name in kind.metric_titles else -1 :].mean())
            for name, (_, values) in opened.series.items()
        }
        self._kl = None
        self._told = {finding.key for finding in self.findings}  # it is opened to look at them
        self.changed.emit()
        self.measured.emit()

    def _on_health_changed(self, findings: tuple[Finding, ...]) -> None:
        self.changed.emit()
        for finding in findings:
            if self._session.busy and finding.level in GRAVE and finding.key not in self._told:
                self._told.add(finding.key)
                self._session.notify(finding.level, finding.text, finding.remedy)

    def _on_progressed(self, progress: Progress) -> None:
        for name, values in progress.values.items():
            if np.isfinite(values).any():
                self.figures[name] = float(np.nanmean(values))
        self.measured.emit()

    def _on_evaluated(self, evaluated: Evaluated) -> None:
        self.figures |= evaluated.values
        if evaluated.kl is not None:
            self._kl = evaluated.kl
        self.measured.emit()
