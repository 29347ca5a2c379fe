"""The plane of points: whether there is one, what lies on it, and what of that a person wants to see."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.core.points import is_points, locate
from latentlab.data.base import Dataset
from latentlab.data.images import evenly_spaced
from latentlab.training.events import Evaluated, Plane
from latentlab.ui.scene import LAYERS, Scene
from latentlab.ui.workers import OpenedRun

if TYPE_CHECKING:
    from latentlab.ui.session import Session

#: Points of the data that are shown: more would hide those that are made.
REAL_POINTS = 2000


class PointsState(QObject):
    """Scenes of the run that is open, or of a dataset that nothing was trained on yet."""

    changed = Signal()  # the data, the run, or how much of the data it covers
    layers_changed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self.layers = frozenset(LAYERS)
        self._real: np.ndarray | None = None
        self._modes: dict[int, float] = {}  # how many were covered, by step
        self._classes = 0
        session.run_opened.connect(self._on_run_opened)
        session.evaluated.connect(self._on_evaluated)
        session.dataset_changed.connect(self._on_changed)

    @property
    def active(self) -> bool:
        """Whether what is open is points."""
        run, dataset = self._session.run, self._session.dataset
        if run is not None:
            return is_points(tuple(run.info["image_shape"]))
        return dataset is not None and dataset.is_points

    def scene(self, step: int | None = None, pictures: np.ndarray | None = None) -> Scene:
        """The plane as it was at a snapshot, or as it is now.

        Of snapshots before this session only `pictures`, uint8 (N, 1, 64, 64), are left: the points in them.
        """
        history, run = self._session.history, self._session.run
        plane = history.plane if step is None else history.planes.get(step)
        if plane is None and pictures is not None:
            plane = Plane(locate(pictures).astype(np.float32))
        loss = run.info["model"]["config"].get("loss", "") if run is not None else ""
        return Scene(plane, self._real, str(loss))

    def note(self, scene: Scene, step: int | None = None) -> str:
        """What else is to be said of a scene: how much of the data was covered then, if known."""
        if self._session.run is None:
            return "Press Train: generated points appear here"
        measured = [at for at in self._modes if step is None or at <= step]
        if measured:
            return f"{self._modes[max(measured)]:.0f} of {self._classes} modes"
        return "" if scene.real is not None else "The data of this run is not loaded"

    def set_layer(self, layer: str, shown: bool) -> None:
        """Show one of `LAYERS`, or hide it."""
        self.layers = self.layers | {layer} if shown else self.layers - {layer}
        self.layers_changed.emit()

    def _on_run_opened(self, opened: OpenedRun) -> None:
        steps, values = opened.series.get("modes", ((), ()))
        self._modes = {int(step): float(value) for step, value in zip(steps, values, strict=True)}
        self._classes = len(opened.folder.info["data"].get("label_names", ()))
        self._on_changed(opened)

    def _on_evaluated(self, evaluated: Evaluated) -> None:
        if "modes" in evaluated.values:
            self._modes[evaluated.step] = evaluated.values["modes"]
            self.changed.emit()

    def _on_changed(self, _: object) -> None:
        dataset, run = self._session.dataset, self._session.run
        self._real = None
        if dataset is not None and dataset.is_points:
            # Points that the run did not learn from say nothing about it.
            same = run is None or run.info["data"]["fingerprint"] == dataset.fingerprint
            self._real = some_points(dataset) if same else None
        self.changed.emit()


def some_points(dataset: Dataset) -> np.ndarray:
    """Float32 (N, 2) of a dataset of points, evenly spread over it."""
    return dataset.images[evenly_spaced(len(dataset), REAL_POINTS), :, 0, 0]
