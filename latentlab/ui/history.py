"""Every snapshot of the fixed latents, from the first step to now."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.core.points import picture_shape
from latentlab.training.events import Plane, Preview
from latentlab.training.run_folder import RunFolder

#: Bytes of snapshots that are kept in memory; older ones are read from the run folder again.
BUDGET = 128 * 2**20
#: Snapshots that are read at once: one that a lost drive never gives must not hold up the rest.
MOST_READ = 4
#: Planes of points that are kept, some 30 kB each: of older snapshots their pictures are left.
MOST_PLANES = 4000


class History(QObject):
    """The snapshots of a run, and the one that is looked at: the newest, unless a person scrubs back."""

    changed = Signal()  # there are more, or another is looked at
    shown = Signal(int, object)  # step, uint8 (N, C, H, W)

    def __init__(self, start_task: Callable[..., Any], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._start_task = start_task
        self.steps: list[int] = []
        self.index = -1  # which is looked at
        self._following = True
        self._paths: dict[int, Path] = {}
        self._cache: OrderedDict[int, np.ndarray] = OrderedDict()
        self._shape = (1, 1)
        self._folder: RunFolder | None = None
        self._reading: dict[object, int] = {}  # task -> step
        self.looked_at: tuple[int, np.ndarray] | None = None  # what `shown` told last of this run
        self.plane: Plane | None = None  # as it is now, of models of points
        self.planes: dict[int, Plane] = {}  # by step, of the snapshots that were seen to come

    def show(
        self, folder: RunFolder, samples: list[tuple[int, Path]], plane: Plane | None = None, step: int = 0
    ) -> None:
        """Begin with the snapshots that a run has already. `plane` is of its model, at `step`."""
        if self._folder is None or self._folder.path != folder.path:
            self.planes = {}
        self.plane = plane
        if plane is not None:
            self.planes[step] = plane
        self.steps, self._paths, self._reading, self.looked_at = [], {}, {}, None
        self._cache.clear()
        self._following = True
        _, height, width = picture_shape(folder.info["image_shape"])
        self._shape = (height, width)
        self._folder = folder
        for step, path in samples:
            self.steps.append(step)
            self._paths[step] = path
        self.index = len(self.steps) - 1
        self.changed.emit()
        self._look()

    def add(self, preview: Preview) -> None:
        """A new snapshot; it is looked at unless an older one is."""
        assert self._folder is not None, "a snapshot of no run"
        if preview.step not in self._paths:
            self.steps.append(preview.step)
        self._paths[preview.step] = self._folder.sample_path(preview.step)
        self._keep(preview.step, preview.images)
        if preview.plane is not None:
            self.plane = self.planes[preview.step] = preview.plane
            if len(self.planes) > MOST_PLANES:
                del self.planes[min(self.planes)]
        if self._following:
            self.index = len(self.steps) - 1
        self.changed.emit()
        if self._following:
            self._look()

    def rewind(self, step: int) -> None:
        """Forget the snapshots after `step`: training has gone back behind them."""
        self.steps = [at for at in self.steps if at <= step]
        for kept in (self._paths, self._cache, self.planes):
            for late in [at for at in kept if at > step]:
                del kept[late]
        self.index = min(self.index, len(self.steps) - 1)
        self.changed.emit()
        self._look()

    def go(self, index: int) -> None:
        """Look at a snapshot; the last one follows what comes."""
        if self.steps:
            self.index = min(max(index, 0), len(self.steps) - 1)
            self._following = self.index == len(self.steps) - 1
            self._look()

    def _look(self) -> None:
        if not 0 <= self.index < len(self.steps):
            return
        step = self.steps[self.index]
        if step in self._cache:
            self._cache.move_to_end(step)
            self._tell(step, self._cache[step])
            return
        path, (height, width) = self._paths[step], self._shape
        if len(self._reading) >= MOST_READ or step in self._reading.values():
            return  # when one of them has come, it is the turn of what is looked at by then

        def read(_: Any) -> tuple[int, Path, np.ndarray]:
            from PIL import Image

            from latentlab.export.grid import split

            with Image.open(path) as image:
                return step, path, split(np.asarray(image), height, width)

        self._reading[self._start_task(read, self._on_read, ended=self._on_reading_ended)] = step

    def _on_read(self, result: tuple[int, Path, np.ndarray]) -> None:
        step, path, images = result
        if self._paths.get(step) != path:
            return  # of the run before this one
        self._keep(step, images)
        if 0 <= self.index < len(self.steps) and self.steps[self.index] == step:
            self._tell(step, images)

    def _on_reading_ended(self) -> None:
        read = self._reading.pop(self.sender(), None)
        if read is None or not 0 <= self.index < len(self.steps):
            return  # of the run before this one
        step = self.steps[self.index]
        if step != read and (self.looked_at is None or self.looked_at[0] != step):
            self._look()

    def _tell(self, step: int, images: np.ndarray) -> None:
        self.looked_at = step, images
        self.shown.emit(step, images)

    def _keep(self, step: int, images: np.ndarray) -> None:
        self._cache[step] = images
        self._cache.move_to_end(step)
        while len(self._cache) > 1 and len(self._cache) * images.nbytes > BUDGET:
            self._cache.popitem(last=False)
