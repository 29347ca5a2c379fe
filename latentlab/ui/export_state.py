"""A grid on its way to a file: what it is made from, decoded on a loan, laid out, and its last settings."""

from __future__ import annotations

import dataclasses
import functools
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from pydantic import ConfigDict, Field
from PySide6.QtCore import QObject, Signal

from latentlab.core.config import Config
from latentlab.core.errors import Cancelled, LatentlabError
from latentlab.data.base import Report
from latentlab.export.layout import Layout
from latentlab.export.state import State
from latentlab.latent.bookmarks import Bookmark
from latentlab.run import grids
from latentlab.ui.loan import Loan
from latentlab.ui.reconstruction import Reconstruction
from latentlab.ui.workers import Task

if TYPE_CHECKING:
    from latentlab.models.base import Model
    from latentlab.ui.session import Session

#: The longer side of what a screen is given of a large picture, in pixels.
SCREEN = 2400


class LastSettings(Config):
    """What the dialog was set to, as `Settings.exports["grid"]`; what a version does not know it drops."""

    model_config = ConfigDict(extra="ignore")

    source: str = "seeds"
    sources: dict[str, dict[str, Any]] = Field(default_factory=dict)
    layout: dict[str, Any] = Field(default_factory=dict)
    suffix: str = ".png"
    state: bool = True


def material(session: Session) -> grids.Material:
    """What there is for a grid beside the model. There must be a run, and the model of it."""
    latent, model, run = session.latent, session.latent.model, session.run
    assert model is not None and run is not None
    size, dataset = latent.size, session.dataset
    down_right = None
    if latent.axes is not None:
        down, right = latent.axes
        down_right = (down.name, down.vector), (right.name, right.vector)
    own = session.findChild(Reconstruction)
    sought = own.sought if isinstance(own, Reconstruction) else None
    mine = sought is not None and sought.image.shape == model.image_shape
    return grids.Material(
        folder=run,
        z=latent.z.copy(),
        truncation=latent.truncation,
        axes=down_right,
        step=latent.around_step,
        directions=[
            (item.name, item.vector)
            for item in session.directions.items
            if item.kept and len(item.vector) == size
        ],
        bookmarks=[Bookmark(item.name, item.z) for item in session.bookmarks.items if len(item.z) == size],
        dataset=dataset if dataset is not None and dataset.image_shape == model.image_shape else None,
        images=sought.image[None] if sought is not None and mine else None,
        image_names=(sought.name,) if sought is not None and mine else (),
    )


def same(one: Any, other: Any) -> bool:
    """Whether two materials, or parts of them, are alike to the last bit."""
    if isinstance(one, np.ndarray):
        return isinstance(other, np.ndarray) and np.array_equal(one, other)
    if isinstance(one, list | tuple):
        return isinstance(other, list | tuple) and len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, grids.Material | Bookmark):
        return all(
            same(getattr(one, field.name), getattr(other, field.name)) for field in dataclasses.fields(one)
        )
    return one is other or (isinstance(one, str | float) and one == other)


@dataclasses.dataclass(frozen=True, eq=False)
class Made:
    """Decoded tiles, what their picture tells of them, and the seconds that they took."""

    grid: grids.Grid
    state: State
    seconds: float


@dataclasses.dataclass(frozen=True, eq=False)
class Laid:
    """A picture as it is written, uint8 (H, W) or (H, W, C), smaller for the screen, and its state."""

    picture: np.ndarray
    small: np.ndarray
    state: State


class GridMaker(QObject):
    """Makes the picture of the newest wish: tiles on a loan, the layout in a task. None of it is in the
    window's thread; a wish that is overtaken is given up.
    """

    changed = Signal()  # `made`, `laid`, `problem` or `busy`
    progressed = Signal(int, int)

    def __init__(self, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._session = session
        self.given: grids.Material | None = None  # what the newest wish is made from
        self.made: Made | None = None
        self.laid: Laid | None = None
        #: Why there is none: of the "source" or of the "layout", and a sentence; ("", "") where all is well.
        self.problem = ("", "")
        self._layout = Layout()
        self._loan: Loan | None = None
        self._task: Task | None = None
        self._again = False  # whether the layout changed while it was laid out

    @property
    def busy(self) -> bool:
        """Whether a picture is on its way."""
        return self._loan is not None or self._task is not None

    def ask(self, source: str, values: Mapping[str, Any], layout: Layout) -> None:
        """Decode the tiles of a source of GRIDS and lay them out."""
        self.outdate()
        self._layout, self.given = layout, material(self._session)
        work = functools.partial(_make, source, dict(values), self.given, layout)
        self._loan = self._session.with_model(work, self._on_made)
        self._loan.progressed.connect(self._on_progressed)
        self._loan.failed.connect(self._on_failed)
        self._loan.ended.connect(self._on_loan_ended)
        self.changed.emit()

    def lay_out(self, layout: Layout) -> None:
        """Lay the same tiles out in another way; they are not decoded again."""
        self._layout, self.laid, self.problem = layout, None, ("", "")
        if self._task is not None:
            self._again = True  # never two at a time: each may take as much memory as the picture
        elif self.made is not None:
            work = functools.partial(_lay_out, self.made, layout)
            self._task = self._session.start_task(
                work, self._on_laid, failed=self._on_failed, ended=self._on_task_ended
            )
        self.changed.emit()

    def outdate(self, problem: tuple[str, str] = ("", "")) -> None:
        """What is here, or on its way, is no longer what is wanted."""
        if self._loan is not None:
            self._loan.cancel()
        self._loan = self.given = self.made = self.laid = None
        self.problem = problem
        self._again = self._task is not None
        self.changed.emit()

    def _on_made(self, made: Made | str) -> None:
        if self.sender() is not self._loan:
            return
        self._loan = None
        if isinstance(made, str):
            self.problem = ("source", made)
            self.changed.emit()
        else:
            self.made = made
            self.lay_out(self._layout)

    def _on_laid(self, laid: Laid | str) -> None:
        if self.sender() is not self._task or self._again:
            return
        self._task = None
        if isinstance(laid, str):
            self.problem = ("layout", laid)
        else:
            self.laid = laid
        self.changed.emit()

    def _on_task_ended(self) -> None:
        if self.sender() is not self._task:
            return
        self._task = None  # without a picture that is wanted
        if self._again:
            self._again = False
            if self.made is not None:
                self.lay_out(self._layout)
        self.changed.emit()

    def _on_loan_ended(self) -> None:
        if self.sender() is self._loan:  # without a result: it failed
            self._loan = None
            self.changed.emit()

    def _on_failed(self, summary: str, details: str) -> None:
        if self.sender() in (self._loan, self._task):
            self.problem = ("source", summary)

    def _on_progressed(self, done: int, total: int) -> None:
        if self.sender() is self._loan:
            self.progressed.emit(done, total)


def _make(
    source: str,
    values: dict[str, Any],
    given: grids.Material,
    layout: Layout,
    model: Model,
    report: Report,
) -> Made | str:
    """The tiles; a sentence where the settings do not allow any."""
    if given.z is not None and given.z.shape != model.latent_shape:
        raise Cancelled  # another model came in between, of which the session tells
    started = time.monotonic()
    try:
        grid = grids.make(source, values, model, given, report)
    except LatentlabError as error:
        return str(error)
    state = grids.state(grid, source, values, layout, model, given)
    return Made(grid, state, time.monotonic() - started)


def _lay_out(made: Made, layout: Layout, report: Report) -> Laid | str:
    """The picture; a sentence where it would be too large."""
    try:
        picture = np.ascontiguousarray(grids.compose(made.grid, layout))
    except LatentlabError as error:
        return str(error)
    state = made.state.model_copy(update={"layout": layout.model_dump(mode="json")})
    return Laid(picture, _reduced(picture), state)


def _reduced(picture: np.ndarray) -> np.ndarray:
    """With averaged pixels where it is larger than any screen, so that painting it takes no time."""
    from PIL import Image

    factor = -(-max(picture.shape[:2]) // SCREEN)
    if factor == 1:
        return picture
    # A strip of labels may be narrower than the factor.
    across = min(factor, picture.shape[1]), min(factor, picture.shape[0])
    return np.asarray(Image.fromarray(picture).reduce(across))
