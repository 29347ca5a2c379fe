"""Images of the data, or of a person's own, and the latents that come nearest to them."""

from __future__ import annotations

import dataclasses
import functools
import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from latentlab.core.points import draw, is_points, locate
from latentlab.data.base import Dataset, Report
from latentlab.data.one_image import read_one
from latentlab.latent import inversion
from latentlab.latent.inversion import Inversion
from latentlab.ui.loan import Loan
from latentlab.ui.timers import single_shot

if TYPE_CHECKING:
    from latentlab.models.base import Model
    from latentlab.ui.session import Session

#: Images that are drawn from the dataset: as many as the panel can show.
COUNT = 36
#: Milliseconds between two looks while training goes on.
REFRESH = 1000
#: Latents that a search begins from.
CANDIDATES = 512
#: Seconds between two pictures of a search.
TELL_EVERY = 0.05


@dataclasses.dataclass(frozen=True, eq=False)
class Pairs:
    """Images of the dataset and what comes back of them.

    indices: int64 (N,) of the dataset's images. images: uint8 (N, C, H, W), points drawn. latents,
    float32 (N, D), and answers, uint8 (N, C, H, W), are None without an encoder. heldout: whether training
    never saw them.
    """

    dataset: Dataset
    indices: np.ndarray
    heldout: bool
    images: np.ndarray
    latents: np.ndarray | None = None
    answers: np.ndarray | None = None

    def name(self, place: int) -> str:
        """``#7 · three``."""
        index, labels = int(self.indices[place]), self.dataset.labels
        return f"#{index}" if labels is None else f"#{index} · {self.dataset.label_names[labels[index]]}"

    def errors(self) -> np.ndarray:
        """Mean squared error of each pair, float64 (N,), for pixels, or x and y, in 0..1."""
        assert self.answers is not None
        if self.dataset.is_points:  # of x and y, not of dots
            return np.square(locate(self.images) - locate(self.answers)).mean(1)
        difference = (self.images.astype(np.float64) - self.answers) / 255
        return np.square(difference).mean((1, 2, 3))


@dataclasses.dataclass(frozen=True, eq=False)
class Sought:
    """One image, uint8 (C, H, W), and the best latent (D,) for it so far with its decode; None before that.

    A point is float32 (2, 1, 1), its decode a picture. psnr: how near that comes, in dB.
    """

    name: str
    image: np.ndarray
    z: np.ndarray | None = None
    answer: np.ndarray | None = None
    psnr: float = -math.inf

    @property
    def picture(self) -> np.ndarray:
        """The image, or the point drawn: uint8 (C, H, W)."""
        return draw(self.image[None])[0] if is_points(self.image.shape) else self.image


class Reconstruction(QObject):
    """What the present model makes of images. Looks again while it learns, as long as somebody watches."""

    pairs_changed = Signal()
    sought_changed = Signal()
    searching_changed = Signal(bool)
    progressed = Signal(int, int)  # of the search

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session, self._latent = session, session.latent
        self.pairs: Pairs | None = None
        self.sought: Sought | None = None
        self.steps = 200
        self._draw, self._attempt = 0, 0
        self._watched = self._outdated = False
        self._look: Loan | None = None
        self._reading: Loan | None = None
        self._search: Loan | None = None
        self._pacing = single_shot(self, self._look_again, REFRESH)
        self._latent.space_changed.connect(self._on_space_changed)
        self._latent.weights_changed.connect(self._on_weights_changed)
        session.run_opened.connect(self._start_afresh)
        session.dataset_changed.connect(self._start_afresh)

    @property
    def searching(self) -> bool:
        return self._search is not None

    # What a person does

    def watch(self, watched: bool) -> None:
        """Whether somebody looks: nothing is computed for nobody."""
        self._watched = watched
        self._look_again()

    def shuffle(self) -> None:
        """Other images of the dataset."""
        self._draw += 1
        self._start_afresh()

    def choose(self, place: int) -> None:
        """Go to the latent of an image of `pairs`, or search it where there is no encoder."""
        assert self.pairs is not None
        if self.pairs.latents is not None:
            self._latent.set_z(self.pairs.latents[place], "encode")
        else:
            index = self.pairs.indices[place]
            self._seek(Sought(self.pairs.name(place), self.pairs.dataset.images[index]))
            self.search()

    def open(self, path: Path) -> None:
        """Bring an image file to the model's shape and go to the latent that comes nearest."""
        if self._latent.model is None:
            self._session.notify(
                "warning",
                f"There is no model yet that could reconstruct {path.name}: press Train, or open a run. "
                "To train on images, drop their folder.",
            )
            return
        if is_points(self._latent.model.image_shape):
            text = f"This model makes points, not images: it cannot take {path.name}."
            self._session.notify("warning", text)
            return
        self._give_up()
        self._reading = self._session.with_model(functools.partial(_read, path), self._on_read)

    def close(self) -> None:
        """Put the sought image away."""
        self._give_up()
        self._seek(None)

    def go(self) -> None:
        """Go to the best latent that is known for the sought image."""
        if self.sought is not None and self.sought.z is not None:
            self._latent.set_z(self.sought.z, f"encode {self.sought.name}")

    def search(self) -> None:
        """Look for a nearer latent by optimisation; the second time from other latents than the first."""
        if self.sought is None or self._latent.model is None:
            return
        self._give_up()
        image, steps, seed = self.sought.image, self.steps, CANDIDATES * self._attempt
        self._attempt += 1

        def seek(model: Model, report: Report) -> Inversion:
            return _search(model, image, steps, seed, report, loan.tell)

        loan = self._session.with_model(seek, self._on_found)
        loan.told.connect(self._on_told)
        loan.progressed.connect(self._on_progressed)
        loan.ended.connect(self._on_search_ended)
        self._search = loan
        self.searching_changed.emit(True)

    def end_search(self) -> None:
        """Take what was found so far."""
        if self._give_up():
            self._arrive()

    # Searching

    def _give_up(self) -> bool:
        """End a search and a reading without a result; whether there was a search."""
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None
        if self._search is None:
            return False
        self._search.cancel()
        self._end_search()
        return True

    def _end_search(self) -> None:
        self._search = None
        self.searching_changed.emit(False)
        self._look_again()

    def _seek(self, sought: Sought | None) -> None:
        self.sought, self._attempt = sought, 0
        self.sought_changed.emit()

    def _arrive(self) -> None:
        sought = self.sought
        if sought is not None and sought.z is not None:
            self._latent.set_z(sought.z, f"find {sought.name}")

    def _on_read(self, sought: Sought) -> None:
        if self.sender() is not self._reading:
            return
        self._reading = None
        self._seek(sought)
        if sought.z is None:
            self.search()
        else:
            self.go()

    def _on_told(self, found: Inversion) -> None:
        if self.sender() is self._search and self.sought is not None and found.psnr > self.sought.psnr:
            self.sought = dataclasses.replace(self.sought, z=found.z, answer=found.image, psnr=found.psnr)
            self.sought_changed.emit()

    def _on_progressed(self, done: int, total: int) -> None:
        if self.sender() is self._search:
            self.progressed.emit(done, total)

    def _on_found(self, found: Inversion) -> None:
        if self.sender() is self._search:
            self._on_told(found)
            self._end_search()
            self._arrive()

    def _on_search_ended(self) -> None:
        if self.sender() is self._search:  # it failed, of which the session told
            self._end_search()

    # Looking at the dataset's images

    def _start_afresh(self, _: object = None) -> None:
        """What is shown is of another model, dataset or draw."""
        if self._look is not None:
            self._look.cancel()
        self._pacing.stop()
        self._outdated = True
        self._look_again()

    def _look_again(self) -> None:
        """Encode and decode once more where that is due: never two at a time."""
        if self._latent.model is None or not (self._watched and self._outdated):
            return
        if self._look is not None or self._search is not None or self._pacing.isActive():
            return
        self._outdated = False
        self._pacing.start()
        run = self._session.run
        info = run.info if run is not None else None
        work = functools.partial(_look, self._session.dataset, info, self._draw, self.sought)
        self._look = self._session.with_model(work, self._on_looked)
        self._look.ended.connect(self._on_look_ended)

    def _on_looked(self, result: tuple[Pairs | None, Sought | None, Sought | None]) -> None:
        self.pairs, asked, answered = result
        self.pairs_changed.emit()
        if asked is self.sought and asked is not answered and not self.searching:
            self.sought = answered
            self.sought_changed.emit()

    def _on_look_ended(self) -> None:
        self._look = None
        self._look_again()

    def _on_space_changed(self) -> None:
        self._give_up()
        self.pairs = None
        self.pairs_changed.emit()
        if self.sought is not None:
            model = self._latent.model
            same = model is not None and model.image_shape == self.sought.image.shape
            self._seek(Sought(self.sought.name, self.sought.image) if same else None)
        self._start_afresh()

    def _on_weights_changed(self, step: int) -> None:
        model, found = self._latent.model, self.sought is not None and self.sought.z is not None
        if found or (model is not None and model.can_encode):
            self._outdated = True
            self._look_again()


def _read(path: Path, model: Model, report: Report) -> Sought:
    sought = Sought(path.name, read_one(path, model.image_shape))
    return _encoded(model, sought) if model.can_encode else sought


def _encoded(model: Model, sought: Sought) -> Sought:
    """With the encoder's answer, or else what the known latent decodes to now."""
    from latentlab.models.pixels import render

    z = inversion.locate(model, sought.image[None])[0] if model.can_encode else sought.z
    if z is None:
        return sought
    answer = render(model, z[None])[0]
    if is_points(sought.image.shape):
        psnr = inversion.psnr(locate(answer[None])[0], sought.image.flatten())
    else:
        psnr = inversion.psnr(answer, sought.image)
    return dataclasses.replace(sought, z=z, answer=answer, psnr=psnr)


def _search(
    model: Model,
    image: np.ndarray,
    steps: int,
    seed: int,
    report: Report,
    tell: Callable[[Inversion], None],
) -> Inversion:
    told = 0.0
    for found in inversion.invert(model, image, steps=steps, candidates=CANDIDATES, seed=seed):
        if time.monotonic() - told > TELL_EVERY:  # signals have no back-pressure
            tell(found)
            told = time.monotonic()
        report(found.step, found.total)
    return found


def _look(
    dataset: Dataset | None,
    info: Mapping[str, Any] | None,
    draw: int,
    sought: Sought | None,
    model: Model,
    report: Report,
) -> tuple[Pairs | None, Sought | None, Sought | None]:
    """The pairs, and the sought image before and now."""
    from latentlab.models.pixels import render

    pairs = None
    if dataset is not None and dataset.image_shape == model.image_shape:
        indices, heldout = _drawn(dataset, info, draw)
        pairs = Pairs(dataset, indices, heldout, dataset.pictures(indices))
        if model.can_encode:
            latents = inversion.locate(model, dataset.images[indices], report)
            pairs = dataclasses.replace(pairs, latents=latents, answers=render(model, latents))
    report(1, 1)
    return pairs, sought, None if sought is None else _encoded(model, sought)


def _drawn(dataset: Dataset, info: Mapping[str, Any] | None, draw: int) -> tuple[np.ndarray, bool]:
    """Indices of images that the run has not learned from; of any where that cannot be known, and False."""
    heldout = np.empty(0, np.int64)
    if info is not None and info["data"]["fingerprint"] == dataset.fingerprint:
        _, heldout = dataset.split(info["training"]["heldout"], info["training"]["seed"])
    pool = heldout if len(heldout) else np.arange(len(dataset))
    return np.random.default_rng(draw).permutation(pool)[:COUNT], bool(len(heldout))
