"""Which dimensions of the present model matter, kept up to date while it learns."""

from __future__ import annotations

import functools
import time
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.data.base import Report
from latentlab.latent.importance import Importance, importance
from latentlab.models.vae import VAE
from latentlab.ui.kernel_threads import keep_to_one_kernel_thread, yield_to_the_window
from latentlab.ui.loan import Loan
from latentlab.ui.timers import single_shot

if TYPE_CHECKING:
    from latentlab.models.base import Model
    from latentlab.ui.session import Session

#: Images that the KL is averaged over: the order of the dimensions needs no more.
IMAGES = 1000
#: Milliseconds between two measurements of a model that learns, and how much of a core's time they may take.
MEASURE_EVERY, SHARE = 5000, 0.1
#: Below these a dimension carries nothing. KL: twice what a posterior mean costs whose variance over the data
#: is 0.01, the bound of `metrics.elbo`. Sensitivity: no pixel changes by one of 255 grey levels per sigma.
INACTIVE = {"KL": 0.01, "sensitivity": 1 / 255}


class ImportanceState(QObject):
    """`value` is that of the present model, or None until it is measured; see `latent.importance`.

    Measured on a lent model when one comes, when the dataset changes, and now and then while it learns: one
    measurement at a time, the newest question wins.
    """

    changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.value: Importance | None = None
        self._loan: Loan | None = None
        self._due = False  # whether the model learned on since it was measured
        self._begun_at = 0.0
        self._pacing = single_shot(self, self._on_paced)
        session.latent.space_changed.connect(self._on_space_changed)
        session.latent.weights_changed.connect(self._on_weights_changed)
        session.dataset_changed.connect(self._on_dataset_changed)

    @property
    def unit(self) -> str:
        """What `value` is in, or will be once it is measured: "KL" or "sensitivity"."""
        if self.value is not None:
            return self.value.unit
        model = self._session.latent.model
        return "KL" if model is None or (isinstance(model, VAE) and model.probabilistic) else "sensitivity"

    def inactive(self) -> set[int]:
        """The dimensions that carry nothing; none where that is not known."""
        if self.value is None:
            return set()
        return set(np.flatnonzero(self.value.values < INACTIVE[self.value.unit]).tolist())

    def notes(self, size: int) -> list[str]:
        """A word for each of `size` dimensions: "KL 2.68", "0.41 /σ", or nothing yet."""
        if self.value is None:
            return [""] * size
        shape = "KL {:.2f}" if self.value.unit == "KL" else "{:.2f} /σ"
        return [shape.format(value) for value in self.value.values]

    def _measure(self) -> None:
        if self._loan is not None:
            self._loan.cancel()
        self._due = False
        self._begun_at = time.perf_counter()
        work = functools.partial(_measured, self._fitting_images())
        self._loan = self._session.with_model(work, self._on_measured)
        self._loan.ended.connect(self._on_ended)

    def _fitting_images(self) -> np.ndarray | None:
        """The dataset's, where the model takes them."""
        dataset, model = self._session.dataset, self._session.latent.model
        if dataset is None or model is None or dataset.image_shape != model.image_shape:
            return None
        return dataset.images

    def _on_measured(self, value: Importance) -> None:
        self.value = value
        self.changed.emit()

    def _on_ended(self) -> None:
        if self.sender() is self._loan:
            self._loan = None
            took = 1000 * (time.perf_counter() - self._begun_at)
            self._pacing.start(max(MEASURE_EVERY, round(took / SHARE)))

    def _on_space_changed(self) -> None:
        self.value = None
        self.changed.emit()
        if self._session.latent.model is not None:
            self._measure()

    def _on_dataset_changed(self) -> None:
        if self._session.latent.model is not None:
            self._measure()

    def _on_weights_changed(self, step: int) -> None:
        self._due = True
        if self._loan is None and not self._pacing.isActive():
            self._measure()

    def _on_paced(self) -> None:
        if self._due and self._loan is None:
            self._measure()


def _measured(images: np.ndarray | None, model: Model, report: Report) -> Importance:
    yield_to_the_window()
    # Even when nothing is trained: the other cores are for what a person waits for.
    keep_to_one_kernel_thread()
    return importance(model, images, report, IMAGES)
