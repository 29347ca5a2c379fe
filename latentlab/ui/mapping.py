"""The map of a cloud of latents: made in the background, kept until it is made anew."""

from __future__ import annotations

import dataclasses
import functools
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.data.base import Dataset, Report
from latentlab.latent import projection as maps
from latentlab.latent.projection import Cloud, Projection
from latentlab.ui.loan import Loan

if TYPE_CHECKING:
    from latentlab.models.base import Model
    from latentlab.ui.session import Session


@dataclasses.dataclass(frozen=True, eq=False)
class Drawn:
    """A map and what it is of: `dataset` is what its indices count, None for samples of the prior."""

    kind: str
    cloud: Cloud
    projection: Projection
    dataset: Dataset | None
    step: int

    def name(self, index: int) -> str:
        """What is known of a point, a line each."""
        if self.cloud.indices is None or self.dataset is None:
            return f"seed {index}"
        image = int(self.cloud.indices[index])
        labels, lines = self.dataset.labels, [f"#{image}"]
        if labels is not None:
            lines[0] += f" · {self.dataset.label_names[labels[image]]}"
        return "\n".join(
            [*lines, *(f"{name} {values[image]:.3g}" for name, values in self.dataset.factors.items())]
        )

    def at(self, z: np.ndarray) -> np.ndarray | None:
        """Where a latent (D,) lies, (2,): by the plane, or else where it is one of the points."""
        place = maps.place(self.projection, z)
        if place is not None:
            return place
        same = np.flatnonzero((self.cloud.latents == z).all(1))
        return self.projection.points[same[0]] if len(same) else None


class LatentMap(QObject):
    """Draws when somebody first watches, and when it is asked for another map; never because of training."""

    changed = Signal()  # `drawn`
    busy_changed = Signal(bool)
    progressed = Signal(int, int)

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session, self._latent = session, session.latent
        self.kind, self.dims, self.count = "pca", (0, 1), 2000
        self.drawn: Drawn | None = None
        self._cloud: tuple[Cloud, Dataset | None, int] | None = None  # with its dataset and step
        self._loan: Loan | None = None
        self._watched, self._due = False, True
        self._latent.space_changed.connect(self._on_space_changed)
        session.dataset_changed.connect(self._on_dataset_changed)

    @property
    def busy(self) -> bool:
        return self._loan is not None

    def watch(self, watched: bool) -> None:
        """Whether somebody looks."""
        self._watched = watched
        self._draw_if_due()

    def show_kind(self, kind: str, dims: tuple[int, int]) -> None:
        """Another map of the same cloud."""
        self.kind, self.dims = kind, dims
        self._ask()

    def set_count(self, count: int) -> None:
        """A cloud of at most so many images."""
        self.count = count
        self.update()

    def update(self) -> None:
        """A new cloud, of the model as it is now."""
        self._cloud = None
        self._ask()

    def cancel(self) -> None:
        """Give up what is being drawn; the map before it stays."""
        if self._loan is not None:
            self._loan.cancel()
            self._end()

    def _ask(self) -> None:
        self._due = True
        self.cancel()
        self._draw_if_due()

    def _draw_if_due(self) -> None:
        if not (self._due and self._watched) or self._latent.model is None or self.busy:
            return
        self._due = False
        work = functools.partial(_draw, self._session.dataset, self._cloud, self.count, self.kind, self.dims)
        self._loan = self._session.with_model(work, self._on_drawn)
        self._loan.progressed.connect(self._on_progressed)
        self._loan.ended.connect(self._on_ended)
        self.busy_changed.emit(True)

    def _end(self) -> None:
        self._loan = None
        self.busy_changed.emit(False)

    def _on_drawn(self, drawn: Drawn) -> None:
        if self.sender() is self._loan:
            self._cloud = drawn.cloud, drawn.dataset, drawn.step
            self.drawn = drawn
            self.changed.emit()

    def _on_progressed(self, done: int, total: int) -> None:
        if self.sender() is self._loan:
            self.progressed.emit(done, total)

    def _on_ended(self) -> None:
        if self.sender() is self._loan:
            self._end()
            self._draw_if_due()

    def _on_space_changed(self) -> None:
        self.drawn = None
        if max(self.dims) >= self._latent.size:
            self.dims = (0, min(1, self._latent.size - 1))
        self.changed.emit()
        self.update()

    def _on_dataset_changed(self, dataset: Dataset) -> None:
        self.update()


def _draw(
    dataset: Dataset | None,
    cloud: tuple[Cloud, Dataset | None, int] | None,
    count: int,
    kind: str,
    dims: tuple[int, int],
    model: Model,
    report: Report,
) -> Drawn:
    if cloud is None:
        made = maps.cloud(model, dataset, count, report=report)
        cloud = made, None if made.indices is None else dataset, model.step_count
    return Drawn(kind, cloud[0], maps.project(kind, cloud[0], dims, report=report), *cloud[1:])
