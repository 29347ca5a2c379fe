"""What the next run is to be: data, model and settings as the forms and presets say."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal

from latentlab.core import presets
from latentlab.core.errors import LatentlabError
from latentlab.models.base import MODELS
from latentlab.training.config import TrainingConfig
from latentlab.ui.background import Background
from latentlab.ui.workers import Task, look_for_weights

if TYPE_CHECKING:
    from latentlab.run import Plan


class PlanState(Background):
    """The chosen preset, and the values that the forms show. While a model trains they are its own, until a
    person asks for something that only another run can have: `plan_left`.
    """

    preset_changed = Signal(object)  # Preset
    plan_changed = Signal()  # model or training settings, by another hand than their form's
    plan_edited = Signal(str)  # by a form: "model.width"
    plan_left = Signal(str)  # for another model or preset, of this title
    start_from_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.presets = presets.built_in()
        self.preset = self.presets[0]
        self.source, self.data_values = "", {}  # type: tuple[str, dict[str, Any]]
        self.model_key, self.model_values = "", {}  # type: tuple[str, dict[str, Any]]
        self.training_values: dict[str, Any] = {}
        #: The run whose weights the next one begins with. It stays once that has begun, as all that the forms
        #: say: a person who fine-tunes tries another learning rate from the same weights.
        self.start_from: Path | None = None
        self._looking: Task | None = None
        self._take_plan(self.preset)

    def load_dataset(self, source: str, values: Mapping[str, Any]) -> None:
        """Load the images that a preset names."""
        raise NotImplementedError

    def plan(self) -> Plan | None:
        """What the forms say, validated; None, and a notice, where it is not allowed."""
        from latentlab import run

        try:
            return run.plan(self.model_key, self.model_values, self.training_values)
        except LatentlabError as error:
            self.notify("error", str(error))
            return None

    def apply_preset(self, preset: presets.Preset) -> None:
        """Take over a preset's data, model and training settings."""
        device = self.training_values["device"]
        self._take_plan(preset)
        self.set_start_from(None)  # what a preset promises, it does from random weights
        self.training_values["device"] = device  # this machine's matter, not the preset's
        self.plan_left.emit(f"The preset {preset.title}")
        self.preset_changed.emit(preset)
        self.plan_changed.emit()
        self.load_dataset(self.source, self.data_values)

    def _take_plan(self, preset: presets.Preset) -> None:
        self.preset = preset
        self.data_values = {k: v for k, v in preset.data.items() if k != "source"}
        self.source = preset.data.get("source", "digits")
        self.model_key = preset.model.get("key", next(iter(MODELS)))
        self.model_values, self.training_values = self.preset_values(self.model_key)

    def preset_values(self, model_key: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """All model and training settings that the preset gives to a model, defaults filled in."""
        kind = MODELS.get(model_key)
        mine = self.preset.model.get("key") == model_key
        model = {k: v for k, v in self.preset.model.items() if k != "key"} if mine else {}
        training = {**kind.training_defaults, **(self.preset.training if mine else {})}
        return kind.Config(**model).model_dump(), TrainingConfig(**training).model_dump()

    def set_start_from(self, path: Path | None) -> None:
        """Begin the next run with another's weights, None: with random ones. Where there are none, a notice
        says so soon, and they are random again.
        """
        self.start_from, self._looking = path, None
        self.start_from_changed.emit()
        if path is not None:
            self._looking = self.start_task(lambda _: look_for_weights(path), failed=self._on_no_weights)

    def _on_no_weights(self, summary: str, details: str) -> None:
        if self.sender() is self._looking:  # not another one, chosen by now
            self.set_start_from(None)

    def set_model(self, key: str) -> None:
        """Another kind of model, with its own defaults."""
        if key != self.model_key:
            self.plan_left.emit(MODELS.get(key).title)
            self.set_plan(key, *self.preset_values(key))

    def set_plan(
        self,
        key: str,
        model_values: dict[str, Any],
        training_values: dict[str, Any],
        preset: presets.Preset | None = None,
    ) -> None:
        """What the forms say from now on, but for the device, and the preset that they are compared with."""
        device = self.training_values["device"]
        self.model_key, self.model_values = key, model_values
        self.training_values = training_values | {"device": device}
        if preset is not None and preset is not self.preset:
            self.preset = preset
            self.preset_changed.emit(preset)
        self.plan_changed.emit()

    def edit(self, section: str, field: str, values: dict[str, Any]) -> None:
        """A person changed `field` in the form of "model" or "training", which now says `values`."""
        if section == "model":
            self.model_values = values
        else:
            self.training_values = values | {"device": self.training_values["device"]}
        self.plan_edited.emit(f"{section}.{field}")
