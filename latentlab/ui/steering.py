"""Steering a training: what the forms say beside what it trains with, and what becomes of the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from latentlab.core.errors import LatentlabError
from latentlab.models.base import Model
from latentlab.training.control import Control
from latentlab.training.events import Diverged, Edited, OutOfMemory
from latentlab.training.run_folder import RunFolder
from latentlab.ui import wording
from latentlab.ui.timers import single_shot

if TYPE_CHECKING:
    from latentlab.ui.session import Session

#: Milliseconds after a step of a field's arrows or the wheel: where it comes to rest is what counts.
SEND_AFTER = 300


class Steering(QObject):
    """Sends edits of live settings to the training; the others wait for the next run.

    `waiting` names those ("model.width"). `apart` is what the forms are about once a person chose another
    model or preset while one trains, "" otherwise: nothing is sent then.
    """

    changed = Signal()  # waiting, apart, or whether there is a training to steer

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self._session = session
        self._control: Control | None = None
        self._soon = single_shot(self, self.send, SEND_AFTER)
        self._in_flight: dict[str, Any] = {}  # sent, and not yet heard of
        self._edits: list[Edited] = []  # of this training
        self._failure = ""  # to be told once training waits
        self.kind: type[Model] | None = None
        self.waiting: tuple[str, ...] = ()
        self.apart = ""
        session.plan_edited.connect(self.edited)
        session.plan_left.connect(self.depart)

    @property
    def active(self) -> bool:
        """Whether there is a training that edits reach."""
        return self._control is not None

    def begin(self, control: Control, folder: RunFolder, *, adopt: bool) -> None:
        """A training has begun, with the settings of run.json; with `adopt` the plan takes them over."""
        from latentlab.run.training import configs

        self.kind, self._config, self._training = configs(folder)
        self._control, self._in_flight, self._edits, self.apart = control, {}, [], ""
        self._preset = self._session.preset
        if adopt:
            self._session.set_plan(self.kind.key, *self._present())
        self._session.plan_changed.emit()  # the forms say what is trained, whoever began it
        self.changed.emit()
        self.send()  # what was changed while it was being prepared

    def end(self) -> None:
        """Nothing can be steered any more; the forms stay as they are."""
        self._soon.stop()
        self._control, self.waiting, self.apart = None, (), ""
        self.changed.emit()

    # What a person does

    def edited(self, name: str) -> None:
        """The forms have another value of a setting ("training.batch_size"); it is sent in a moment."""
        if self.active and not self.apart and self._compare(name):
            self._soon.start()

    def settled(self) -> None:
        """A person is done with a field: no need to wait."""
        if self._soon.isActive():
            self.send()

    def send(self) -> None:
        """Let the next step use what the forms say."""
        self._soon.stop()
        if self.active and not self.apart:
            self._tell(self._compare())

    def depart(self, title: str) -> None:
        """The forms are now about another run: of the model or preset of this title."""
        if self.active:
            self._soon.stop()
            self.apart, self.waiting = title, ()
            self.changed.emit()

    def put_back(self, section: str) -> None:
        """The forms say again what trains: what waits in "model" or "training", or all of another plan."""
        assert self.kind is not None
        session = self._session
        if self.apart:
            self.apart = ""
            session.set_plan(self.kind.key, *self._present(), self._preset)
            session.load_data_of_run()
            self.changed.emit()
        else:
            for name in self._waiting_in(section):
                self._say(name, self._value(name))
            session.plan_changed.emit()
        self._compare()

    def use_batch(self, size: int) -> None:
        """Go on with a batch size that fits into memory."""
        if self.active:
            if not self.apart:
                self._say("training.batch_size", size)
                self._session.plan_changed.emit()
            self._tell({"training.batch_size": size})
            self._session.train()

    def words(self, section: str) -> str:
        """What a person has to know of the settings in "model" or "training" that wait; "" for nothing."""
        if self.apart:
            applies = f"{self.apart} applies to the next run."
            return applies if section == "model" else "These settings are for the next run."
        mine = self._waiting_in(section)
        return wording.waiting_text(self.kind, mine) if mine and self.kind is not None else ""

    # What the training says

    def on_edited(self, edited: Edited) -> None:
        if self.kind is None:
            return
        self._edits.append(edited)
        text = wording.edit_text(self.kind, edited.changes)
        self._session.notify("info", f"From step {edited.step:,}: {text}")
        for name, (_, new) in edited.changes.items():
            if self._in_flight.get(name, new) == new:  # otherwise a newer value is on its way
                self._in_flight.pop(name, None)
                self._take(name, new)

    def on_diverged(self, diverged: Diverged) -> None:
        """The training has gone back, also behind edits."""
        if self.kind is None:
            return
        undone: dict[str, tuple[Any, Any]] = {}
        for edit in (edit for edit in reversed(self._edits) if edit.step > diverged.back_to):
            for name, (old, new) in edit.changes.items():
                undone[name] = undone.get(name, (new,))[0], old
        self._edits = [edit for edit in self._edits if edit.step <= diverged.back_to]
        for name, (_, old) in undone.items():
            self._take(name, old)
        again = f" with {wording.edit_text(self.kind, undone)} again" if undone else ""
        was, now = undone.get("training.learning_rate", (0, 0))
        remedy = "" if was > now else " Try a smaller learning rate."
        what = diverged.what[:1].upper() + diverged.what[1:]
        self._failure = (
            f"{what} was no finite number at step {diverged.step:,}. Training is back at step "
            f"{diverged.back_to:,}{again}, and paused.{remedy} Resume goes on from there."
        )

    def explain_pause(self) -> None:
        """Why training waits, where no person asked it to: after what else is told of the failure."""
        if self._failure:
            self._session.notify("error", self._failure)
            self._failure = ""

    def on_out_of_memory(self, told: OutOfMemory) -> None:
        text = f"{told.batch_size:,} images a step do not fit into memory; nothing is lost."
        if told.fits:
            self._session.notify(
                "error",
                f"{text} {told.fits:,} would fit.",
                action=(f"Use {told.fits:,}", lambda: self.use_batch(told.fits)),
            )
        else:
            self._session.notify(
                "error", f"{text} Not even the smallest batch does: try smaller nets or images."
            )

    # Inside

    def _compare(self, name: str = "") -> dict[str, Any]:
        """See what waits -> what can be sent. Where the values are refused, the edited setting goes back."""
        from latentlab import run

        session = self._session
        assert self.kind is not None
        # The device is chosen apart, and cannot be while it trains.
        training = session.training_values | {"device": self._training.device}
        try:
            found = run.changes(self.kind, self._config, self._training, session.model_values, training)
        except LatentlabError as error:
            session.notify("error", str(error))
            specs = wording.settings_of(self.kind)
            if name in specs and specs[name].live:
                self._say(name, self._value(name))
                session.plan_changed.emit()
            return {}
        if found.rest != self.waiting:
            self.waiting = found.rest
            self.changed.emit()
        return found.live

    def _tell(self, live: dict[str, Any]) -> None:
        if not live or self._control is None or self.kind is None:
            return
        edits = {name: (self._value(name), value) for name, value in live.items()}
        self._control.steer(live)
        self._in_flight |= live
        for name, value in live.items():
            self._set(name, value)
        if self._session.state == "paused":
            self._session.notify("info", f"When training goes on: {wording.edit_text(self.kind, edits)}")

    def _take(self, name: str, value: Any) -> None:
        """The training has this value now; the forms follow, unless they say something else by now."""
        before = self._value(name)
        self._set(name, value)
        if before != value and not self.apart and self._said(name) == before:
            self._say(name, value)
            self._session.plan_changed.emit()

    def _waiting_in(self, section: str) -> list[str]:
        return [name for name in self.waiting if name.startswith(f"{section}.")]

    def _present(self) -> tuple[dict[str, Any], dict[str, Any]]:
        return self._config.model_dump(), self._training.model_dump()

    # By full name: what trains, and what the forms say

    def _value(self, name: str) -> Any:
        section, _, field = name.partition(".")
        return getattr(self._config if section == "model" else self._training, field)

    def _set(self, name: str, value: Any) -> None:
        section, _, field = name.partition(".")
        if section == "model":
            self._config = self._config.model_copy(update={field: value})
        else:
            self._training = self._training.model_copy(update={field: value})

    def _said(self, name: str) -> Any:
        section, _, field = name.partition(".")
        return (self._session.model_values if section == "model" else self._session.training_values)[field]

    def _say(self, name: str, value: Any) -> None:
        section, _, field = name.partition(".")
        (self._session.model_values if section == "model" else self._session.training_values)[field] = value
