"""The small pictures along sliders: decoded while nothing else is asked for, again when out of date."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PySide6.QtCore import QEvent, QObject

from latentlab.ui.session import Session
from latentlab.ui.timers import single_shot
from latentlab.ui.widgets.latent_list import LatentSliderList

#: Pictures along a track, and milliseconds until they are decoded again.
STRIP_TILES = 11
STRIPS_AFTER_MOVE, STRIPS_AFTER_SCROLL, STRIPS_WHILE_TRAINING = 200, 40, 1500


class Strips(QObject):
    """Fills the filmstrips of the rows in view, one row after the other, over a channel of the sampler.

    `latents` gives those of a row's pictures, (STRIP_TILES, D). A list that is hidden costs nothing.
    """

    def __init__(
        self,
        session: Session,
        sliders: LatentSliderList,
        channel: str,
        latents: Callable[[int], np.ndarray],
    ) -> None:
        super().__init__(sliders)
        self._latent, self._sliders = session.latent, sliders
        self._channel, self._latents = channel, latents
        self._rows: list[int] = []  # still to be decoded
        self._stamp = -1
        self._soon = single_shot(self, self._on_due)
        sliders.set_filmstrips(True)
        sliders.installEventFilter(self)
        sliders.rows_shown.connect(self._on_rows_shown)
        session.latent.changed.connect(self.refresh)
        session.latent.weights_changed.connect(self._on_weights_changed)
        session.sampler.rendered.connect(self._on_rendered)

    def refresh(self) -> None:
        """What is shown is out of date; begin again once it has been still for a moment."""
        self._rows = []
        self._soon.start(STRIPS_AFTER_MOVE)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Show:
            self._soon.start(STRIPS_AFTER_SCROLL)
        return False

    def _on_rows_shown(self, rows: list[int]) -> None:
        self._soon.start(STRIPS_AFTER_SCROLL)

    def _on_weights_changed(self, step: int) -> None:
        if not self._soon.isActive() and not self._rows:
            self._soon.start(STRIPS_WHILE_TRAINING)

    def _on_due(self) -> None:
        there = self._latent.model is not None and self._sliders.isVisible()
        self._rows = self._sliders.visible_dimensions() if there else []
        self._ask_next()

    def _ask_next(self) -> None:
        if self._rows:
            self._stamp = self._latent.ask(self._channel, self._latents(self._rows[0]))

    def _on_rendered(self, channel: str, stamp: int, tiles: np.ndarray, milliseconds: float) -> None:
        if channel == self._channel and stamp == self._stamp and self._rows:
            self._sliders.set_filmstrip(self._rows.pop(0), tiles)
            self._ask_next()
