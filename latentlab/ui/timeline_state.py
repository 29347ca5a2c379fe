"""Keyframes, the walk through them, and where on it we are."""

from __future__ import annotations

import functools
import itertools
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Qt, QTimer, Signal

from latentlab.core.config import kept
from latentlab.data.base import Report
from latentlab.latent import keyframes, walks
from latentlab.latent.bookmarks import Bookmark
from latentlab.latent.walks import Route, WalkConfig
from latentlab.ui.bookmarks_state import CHUNK, ROUND_EVERY, Item
from latentlab.ui.kept_file import KeptFile
from latentlab.ui.route_finder import RouteFinder
from latentlab.ui.timers import single_shot
from latentlab.ui.workers import OpenedRun

if TYPE_CHECKING:
    from latentlab.models.base import Choice, Model
    from latentlab.ui.session import Session


class Timeline(QObject):
    """Keyframes of the present run, saved with it; they are walked through in the time that `walk` says.

    Times are seconds from the first keyframe, 0 to `duration`.
    """

    changed = Signal()  # `items`: which, their order, a name
    pictured = Signal()  # some have another tile
    walk_changed = Signal()  # `walk`
    route_changed = Signal()  # `route`, `seeking` or `problem`
    sought = Signal(int, int)  # how far the search for a geodesic is
    moved = Signal()  # `time`
    played = Signal(bool)  # whether it plays

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session, self._latent = session, session.latent
        self.items: list[Item] = []
        self.walk = WalkConfig()
        self.time = 0.0
        self.playing = False
        self._ages = itertools.count(1)
        self._path: Path | None = None
        self._size = 0
        self._file = KeptFile(keyframes.FILE, keyframes.load, keyframes.save, session)
        self._finder = RouteFinder(session, self)
        self._finder.changed.connect(self._on_route_changed)
        self._finder.progressed.connect(self.sought)
        # Playing follows the clock.
        self._begun = 0.0  # when time was 0, by the clock
        self._here: np.ndarray | None = None  # where playing went last
        self._clock = QTimer(self)
        self._clock.setTimerType(Qt.TimerType.PreciseTimer)
        self._clock.timeout.connect(self._on_tick)
        # Thumbnails
        self._watched = False
        self._due: list[Item] = []
        self._stamp = -1
        self._pacing = single_shot(self, self.picture, ROUND_EVERY)
        session.run_opened.connect(self._on_run_opened)
        session.state_changed.connect(self._on_state_changed)
        session.sampler.rendered.connect(self._on_rendered)
        self._file.loaded.connect(self._on_loaded)
        self._latent.space_changed.connect(self._on_space_changed)
        self._latent.weights_changed.connect(self._on_weights_changed)
        self._latent.changed.connect(self._on_latent_changed)

    # Keyframes

    def add(self, z: np.ndarray | None = None, name: str = "", place: int | None = None) -> Item | None:
        """A latent (D,), or the present one, as a keyframe; None without a model or of another."""
        z = self._latent.z if z is None else z
        if self._latent.model is None or len(z) != self._size:
            return None
        item = Item(name or self._free_name(), z.astype(np.float32), age=next(self._ages))
        self.items.insert(len(self.items) if place is None else place, item)
        self._changed()
        self._ask([*self._due, item])
        return item

    def take(self, dropped: Sequence[Item], place: int) -> None:
        """Keyframes of what was dropped, before the one at `place`."""
        if any(len(item.z) != self._size for item in dropped):
            self._session.notify("warning", "These latents are of another latent space.")
            return
        for number, item in enumerate(dropped):
            self.add(item.z, item.name, place + number)

    def move(self, items: Sequence[Item], place: int) -> None:
        """Put some before the one that is at `place` now."""
        at = place - sum(item in items for item in self.items[:place])
        moved = [item for item in self.items if item in items]
        rest = [item for item in self.items if item not in items]
        order = [*rest[:at], *moved, *rest[at:]]
        if order != self.items:
            self.items = order
            self._changed()

    def shift(self, items: Sequence[Item], by: int) -> None:
        """Move some by one place: -1 to the front, 1 to the back."""
        places = [place for place, item in enumerate(self.items) if item in items]
        if places:
            place = places[0] - 1 if by < 0 else places[-1] + 2
            if 0 <= place <= len(self.items):
                self.move(items, place)

    def remove(self, items: Sequence[Item]) -> None:
        """Forget some; the notice brings them back."""
        gone = [(place, item) for place, item in enumerate(self.items) if item in items]
        if gone:
            self.items = [item for item in self.items if item not in items]
            self._changed()
            what = f"“{gone[0][1].name}”" if len(gone) == 1 else f"{len(gone)} keyframes"
            back = functools.partial(self._restore, gone)
            self._session.notify("info", f"Removed {what} from the timeline.", action=("Restore", back))

    def _restore(self, gone: list[tuple[int, Item]]) -> None:
        missing = [(place, item) for place, item in gone if item not in self.items]
        if missing and all(len(item.z) == self._size for _, item in missing):
            for place, item in missing:
                self.items.insert(place, item)
            self._changed()
            self.picture()

    def duplicate(self, item: Item) -> Item | None:
        """The same once more, behind it."""
        return self.add(item.z, item.name, self.items.index(item) + 1)

    def update(self, item: Item) -> None:
        """Let a keyframe be the present latent."""
        if self._latent.model is not None and self._latent.size == self._size:
            item.z = self._latent.z.copy()
            self._changed()
            self._ask([*self._due, item])

    def rename(self, item: Item, name: str) -> None:
        """Call it something else; nothing but spaces leaves the name."""
        item.name = " ".join(name.split()) or item.name
        self._keep()
        self.changed.emit()

    def go(self, item: Item) -> None:
        """Stop there: one step of undo."""
        self.play(False)
        if len(item.z) == self._latent.size:
            if self.walk.kind != "noise" or item is self.items[0]:
                self._move_to(self.items.index(item) * self.walk.seconds)
            self._latent.set_z(item.z, item.name)

    def _free_name(self) -> str:
        taken = {item.name for item in self.items}
        return next(name for n in itertools.count(len(taken) + 1) if (name := f"View {n}") not in taken)

    def _changed(self) -> None:
        self._keep()
        self.changed.emit()
        self._find_route()

    def _keep(self) -> None:
        marks = [Bookmark(item.name, item.z) for item in self.items]
        self._file.keep(keyframes.Keyframes(marks, self.walk.model_dump(mode="json")))

    # The walk

    def set_walk(self, **changes: Any) -> None:
        """Walk in another way; the place on the path stays. ConfigError for what WalkConfig does not take."""
        walk = WalkConfig(**(self.walk.model_dump() | changes))
        if walk != self.walk:
            leg = self.time / self.walk.seconds
            self.walk = walk
            self._move_to(leg * walk.seconds)
            self._clock.setInterval(self._interval())
            self._keep()
            self.walk_changed.emit()
            self._find_route()

    @property
    def closed(self) -> bool:
        """Whether the end is the beginning."""
        return self.walk.loop or self.walk.kind == "noise"

    @property
    def duration(self) -> float:
        """Seconds from the beginning to the end."""
        return self.route.legs * self.walk.seconds if self.route is not None else 0.0

    @property
    def route(self) -> Route | None:
        """The way through the keyframes; None where there are too few of them."""
        return self._finder.route

    @property
    def problem(self) -> str:
        """Why a geodesic could not be found, or ""; `route` is a slerp then."""
        return self._finder.problem

    @property
    def seeking(self) -> bool:
        """Whether a geodesic is on its way; `route` is a slerp until it is there."""
        return self._finder.seeking

    def film(self) -> tuple[np.ndarray, WalkConfig, tuple[Choice, ...], Route | None]:
        """What a film is made of: keyframes (K, D), the walk, and its route where that is found already."""
        return self._keys(), self.walk, self._latent.choices, self._finder.ready

    def _keys(self) -> np.ndarray:
        return np.stack([item.z for item in self.items])

    def _find_route(self) -> None:
        least = 1 if self.walk.kind == "noise" else 2
        fits = len(self.items) >= least and all(len(item.z) == self._latent.size for item in self.items)
        self._finder.find(self._keys() if fits else None, self.walk)

    def _on_route_changed(self) -> None:
        if self.route is None:
            self.play(False)
        self.route_changed.emit()
        self._move_to(self.time)
        if self.playing:
            self._begun = time.perf_counter() - self.time

    # Where we are

    def place(self) -> float:
        """The position on `route` at the present time."""
        place = self.time / self.walk.seconds
        if self.walk.kind != "noise":
            place = float(walks.eased(np.array([place]), self.walk.easing)[0])
        return place

    def scrub(self, seconds: float) -> None:
        """Go to where the walk is at that time."""
        self._move_to(seconds)
        if self.playing:
            self._begun = time.perf_counter() - self.time
        self._go()

    def play(self, on: bool) -> None:
        """Walk as time passes, or stay. What does not loop begins anew at its end."""
        on = on and self.route is not None
        if on == self.playing:
            return
        self.playing = on
        if on:
            if not self.closed and self.time >= self.duration:
                self._move_to(0)
            self._latent.hold()  # one step of undo, however slow the frames
            self._begun = time.perf_counter() - self.time
            self._clock.start(self._interval())
            self._go()
        else:
            self._clock.stop()
            self._here = None
            self._latent.release()
        self.played.emit(on)

    def _interval(self) -> int:
        return math.ceil(1000 / self.walk.fps)

    def _on_tick(self) -> None:
        """The frame whose time it is: those that could not be shown in time are left out."""
        now = time.perf_counter() - self._begun
        if self.closed:
            now %= self.duration
        elif now >= self.duration:
            self.scrub(self.duration)
            self.play(False)
            return
        self._move_to(now)
        self._go()

    def _move_to(self, seconds: float) -> None:
        seconds = min(max(seconds, 0.0), self.duration)
        if seconds != self.time:
            self.time = seconds
            self.moved.emit()

    def _go(self) -> None:
        if self.route is not None:
            self._here = self.route.at(np.array([self.place()]))[0] if self.playing else None
            self._latent.walk_to(self.route, self.place())

    def _on_latent_changed(self) -> None:
        if self._here is not None and not np.array_equal(self._latent.z, self._here):
            self.play(False)  # a person went elsewhere

    # The run and its model

    def _on_run_opened(self, opened: OpenedRun) -> None:
        if opened.folder.path == self._path:
            return  # it is trained on: what is here is newer than its file
        self._path, self._size = opened.folder.path, opened.latent_size
        self.items, self._due = [], []
        self._finder.forget()
        self._file.show(opened)
        self.changed.emit()
        self._find_route()

    def _on_loaded(self, content: keyframes.Keyframes) -> None:
        early = self.items  # made while the file was read
        self.items = [Item(mark.name, mark.z, age=next(self._ages)) for mark in content.marks] + early
        if content.walk:
            self.walk = kept(
                WalkConfig, {k: v for k, v in content.walk.items() if k in WalkConfig.model_fields}
            )
            self.walk_changed.emit()
        if early:
            self._keep()
        self.changed.emit()
        self._find_route()
        self.picture()

    def _on_space_changed(self) -> None:
        for item in self.items:
            item.tile = None  # another model's
        self._finder.forget()
        self.play(False)
        self._find_route()
        self.pictured.emit()
        self.picture()

    def _on_weights_changed(self, step: int) -> None:
        self._finder.outdate()
        if self._watched and self.items and not self._pacing.isActive():
            self._pacing.start()

    def _on_state_changed(self, state: str) -> None:
        if state == "idle":
            self._finder.catch_up()

    # Thumbnails: a chunk at a time while nothing more urgent is asked for

    def watch(self, watched: bool) -> None:
        """Whether the thumbnails are seen."""
        self._watched = watched
        if watched:
            self.picture()

    def picture(self) -> None:
        """Decode every thumbnail anew."""
        self._ask(self.items)

    def _ask(self, items: Sequence[Item]) -> None:
        self._due = [item for item in items if len(item.z) == self._latent.size]
        self._stamp = -1
        if self._due and self._watched:
            self._stamp = self._latent.ask("keyframes", np.stack([item.z for item in self._due[:CHUNK]]))

    def _on_rendered(self, channel: str, stamp: int, tiles: np.ndarray, milliseconds: float) -> None:
        if channel == "keyframes" and stamp == self._stamp:
            for item, tile in zip(self._due, tiles, strict=False):  # the first of those that are due
                item.tile = tile
            self.pictured.emit()
            self._ask(self._due[len(tiles) :])


def latents(
    film: tuple[np.ndarray, WalkConfig, Sequence[Choice], Route | None], model: Model, report: Report
) -> np.ndarray:
    """The latents of a film's frames, float32 (F, D), of what `Timeline.film` gave; on any thread."""
    keys, walk, choices, ready = film
    route = ready or walks.route(keys, walk, choices, model, report)
    return route.at(walks.frames(route.legs, walk))
