"""The route of a walk: at once, or for a geodesic sought on a loan while a slerp stands in."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.data.base import Report
from latentlab.latent import walks
from latentlab.latent.walks import Route, WalkConfig
from latentlab.ui.loan import Loan
from latentlab.ui.timers import single_shot

if TYPE_CHECKING:
    from latentlab.models.base import Choice, Model
    from latentlab.ui.session import Session

#: Milliseconds after the last change until a geodesic is sought.
SEEK_AFTER = 200
#: What a geodesic depends on, besides the weights.
Asked = tuple[bool, bytes]


class RouteFinder(QObject):
    """Knows the route of the newest wish; a search that is overtaken is given up."""

    changed = Signal()  # `route`, `seeking` or `problem`
    progressed = Signal(int, int)

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self.route: Route | None = None
        self.problem = ""  # why a geodesic could not be found
        self._keys: np.ndarray | None = None
        self._walk = WalkConfig()
        self._found: tuple[Asked, Route] | None = None
        self._stale = False  # whether the weights are others since it was sought
        self._loan: Loan | None = None
        self._soon = single_shot(self, self._seek, SEEK_AFTER)

    @property
    def seeking(self) -> bool:
        """Whether a geodesic is on its way; `route` is a slerp until it is there."""
        return self._loan is not None or self._soon.isActive()

    @property
    def ready(self) -> Route | None:
        """The route, unless it only stands in for a geodesic."""
        return None if self._walk.kind == "geodesic" and not self._is_found() else self.route

    def find(self, keys: np.ndarray | None, walk: WalkConfig) -> None:
        """The route through keyframes (K, D), enough of them; None for none."""
        self._keys, self._walk, self.problem = keys, walk, ""
        if self._loan is not None:
            self._loan.cancel()
            self._loan = None
        self._soon.stop()
        choices = self._session.latent.choices
        if keys is None:
            self.route = None
        elif walk.kind != "geodesic":
            self.route = walks.route(keys, walk, choices)
        elif self._is_found() and self._found is not None:
            self.route = self._found[1]
        else:
            self.route = walks.route(keys, walk.model_copy(update={"kind": "slerp"}), choices)
            self._soon.start()
        self.changed.emit()

    def forget(self) -> None:
        """What was found is of another model."""
        self._found = None

    def outdate(self) -> None:
        """The weights are others, and so are the shortest ways; while they learn on, the last one stays."""
        self._stale = True
        if not self._session.busy:
            self.catch_up()

    def catch_up(self) -> None:
        """Seek anew what the training made stale."""
        if self._stale and self._walk.kind == "geodesic":
            self.find(self._keys, self._walk)

    def _asked(self) -> Asked:
        assert self._keys is not None
        return self._walk.loop, self._keys.tobytes()

    def _is_found(self) -> bool:
        return self._found is not None and not self._stale and self._found[0] == self._asked()

    def _seek(self) -> None:
        self._stale = False
        assert self._keys is not None
        work = functools.partial(
            _geodesic, self._keys, self._walk, self._session.latent.choices, self._asked()
        )
        self._loan = self._session.with_model(work, self._on_found)
        self._loan.progressed.connect(self._on_progressed)
        self._loan.failed.connect(self._on_failed)
        self._loan.ended.connect(self._on_ended)
        self.changed.emit()

    def _on_progressed(self, done: int, total: int) -> None:
        if self.sender() is self._loan:
            self.progressed.emit(done, total)

    def _on_found(self, found: tuple[Asked, Route]) -> None:
        if self.sender() is self._loan:
            self._loan = None
            self._found, self.route = found, found[1]
            self.changed.emit()

    def _on_failed(self, summary: str, details: str) -> None:
        if self.sender() is self._loan:
            self.problem = f"No geodesic was found: {summary}"

    def _on_ended(self) -> None:
        if self.sender() is self._loan:  # without a result
            self._loan = None
            self.changed.emit()


def _geodesic(
    keys: np.ndarray, walk: WalkConfig, choices: Sequence[Choice], asked: Asked, model: Model, report: Report
) -> tuple[Asked, Route]:
    return asked, walks.route(keys, walk, choices, model, report)
