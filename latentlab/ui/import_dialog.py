"""The import dialog: weights of another program, the net they belong to, and how well the two fit."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QFrame,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QScrollArea,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from latentlab.core.errors import LatentlabError
from latentlab.data.base import Report
from latentlab.models.base import MODELS
from latentlab.training.foreign import SUFFIXES
from latentlab.training.run_folder import RunFolder
from latentlab.ui.session import Session
from latentlab.ui.timers import single_shot
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.fields import IntField, choice_field
from latentlab.ui.widgets.form import ConfigForm
from latentlab.ui.widgets.form_dialog import FormDialog
from latentlab.ui.widgets.labels import ElidedLabel, Sentence, heading, plain_tooltip
from latentlab.ui.workers import Task

if TYPE_CHECKING:
    from latentlab.run.importing import Suggestion
    from latentlab.training.matching import Fit

#: Milliseconds after the last change until the file is looked at again.
LOOK_AFTER = 250
CHANNELS = {1: "Grey", 3: "Colour", 4: "Colour and alpha"}
GROUPS = {
    "left": "Of the model, left as drawn",
    "unused": "Of the file, not used",
    "by_order": "Fits by shape and order",
    "by_name": "Fits by name",
}


@dataclasses.dataclass(frozen=True)
class Look:
    """What came of looking at a file: how it fits, the settings it suggested, or what is wrong."""

    suggestion: Suggestion | None = None
    fit: Fit | None = None
    problem: str = ""


class ImportDialog(FormDialog):
    """Choose a file and an architecture; a list says what fits. What is imported is opened as a run."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("import_dialog", "Import weights", parent)
        self.resize(860, 580)
        self._session = session
        self._task: Task | None = None
        self._importing = False
        self._suggested_name = ""
        self._anew = False  # whether settings are to be suggested at the next look
        self.fit: Fit | None = None

        self.path = _line("import_path", "File", f"A file of weights: {', '.join(SUFFIXES)}")
        self.path.setPlaceholderText("A .pth, .pt or .safetensors file")
        self.browse = push_button("import_browse", "", "Choose a file…", "folder", flat=True)
        self.kind = choice_field("import_kind", "Architecture", "The net that the weights belong to.")
        for key, model in MODELS.items():
            self.kind.addItem(model.title, key)
            self.kind.setItemData(self.kind.count() - 1, model.about, Qt.ItemDataRole.ToolTipRole)
        self.kind.setCurrentIndex(self.kind.findData("dcgan-radford"))
        self.image_width = _number("import_image_width", "Width of the images in pixels")
        self.image_height = _number("import_image_height", "Height of the images in pixels")
        self.channels = choice_field("import_channels", "Channels", "What a pixel of the images consists of.")
        for count, title in CHANNELS.items():
            self.channels.addItem(title, count)
        self.channels.setCurrentIndex(self.channels.findData(3))
        self.classes = _line(
            "import_classes", "Classes", "Names of the classes that it learned, with commas between them."
        )
        self.classes.setPlaceholderText("cat, dog, horse")
        self.form = ConfigForm("import")
        self.name = _line("import_name", "Name", "What the run is called, and its folder among your runs.")
        self.summary = ElidedLabel("Choose a file.", role="secondary")
        self.summary.setObjectName("import_summary")
        self.report = QTreeWidget()
        self.report.setObjectName("import_report")
        self.report.setAccessibleName("What fits")
        self.report.setToolTip("Each layer of the model, and each tensor of the file that fits none.")
        self.report.setHeaderHidden(True)
        self.report.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.message = Sentence("import_message", "error")
        self.close_button = push_button("import_close", "Close", "Close this window (Escape)")
        self.start = push_button(
            "import_start", "Import", "Make a run of the weights and open it", primary=True
        )
        self.start.setMinimumWidth(88)
        self._looking = single_shot(self, self._look, LOOK_AFTER)
        self._lay_out()
        self._connect()
        self._on_kind_changed()
        self._show()

    def _lay_out(self) -> None:
        file = QHBoxLayout()
        file.setSpacing(4)
        file.addWidget(self.path, 1)
        file.addWidget(self.browse)
        size = QHBoxLayout()
        size.setSpacing(4)
        size.addWidget(self.image_width, 1)
        size.addWidget(ElidedLabel("×", role="secondary"))
        size.addWidget(self.image_height, 1)
        self._rows = rows = QFormLayout()
        rows.setHorizontalSpacing(12)
        rows.setVerticalSpacing(8)
        rows.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        rows.addRow("File", file)
        rows.addRow("Architecture", self.kind)
        rows.addRow("Image size", size)
        rows.addRow("Channels", self.channels)
        rows.addRow("Classes", self.classes)
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(0, 0, 12, 0)
        column.addWidget(self.form)
        column.addStretch()
        scroll = QScrollArea()
        scroll.setWidget(inner)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        controls = QWidget()
        controls.setFixedWidth(344)
        left = QVBoxLayout(controls)
        left.setContentsMargins(0, 0, 0, 0)
        left.setSpacing(12)
        left.addLayout(rows)
        left.addWidget(scroll, 1)
        named = QFormLayout()
        named.setHorizontalSpacing(12)
        named.addRow("Name of the run", self.name)
        left.addLayout(named)
        # As in the form of settings between them.
        for label in controls.findChildren(QLabel, options=Qt.FindChildOption.FindDirectChildrenOnly):
            label.setProperty("role", "field")

        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(heading("What fits"))
        right.addWidget(self.summary)
        right.addWidget(self.report, 1)
        right.addWidget(self.message)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch()
        buttons.addWidget(self.close_button)
        buttons.addWidget(self.start)
        right.addLayout(buttons)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(24)
        layout.addWidget(controls)
        layout.addLayout(right, 1)

    def _connect(self) -> None:
        self.path.textChanged.connect(self._on_path_changed)
        self.browse.clicked.connect(self._on_browse)
        self.kind.currentIndexChanged.connect(self._on_kind_changed)
        self.classes.textChanged.connect(self._look_anew)
        for field in (self.image_width, self.image_height):
            field.valueChanged.connect(self._looking.start)
        self.channels.currentIndexChanged.connect(self._looking.start)
        self.form.changed.connect(self._looking.start)
        self.name.textChanged.connect(self._show)
        self.start.clicked.connect(self._on_start)
        self.close_button.clicked.connect(self.close)

    # What is meant

    def shape(self) -> tuple[int, int, int]:
        """(C, H, W) of the images."""
        return self.channels.currentData(), self.image_height.value(), self.image_width.value()

    def label_names(self) -> tuple[str, ...]:
        """The classes that a person named, of a model that learns from labels."""
        if not MODELS.get(self.kind.currentData()).needs_labels:
            return ()
        return tuple(name.strip() for name in self.classes.text().split(",") if name.strip())

    def _on_path_changed(self) -> None:
        if self.name.text() in ("", self._suggested_name):
            self._suggested_name = Path(self.path.text()).stem
            self.name.setText(self._suggested_name)
        self._look_anew()

    def _on_browse(self) -> None:
        kinds = f"Weights ({' '.join('*' + suffix for suffix in SUFFIXES)})"
        name, _ = QFileDialog.getOpenFileName(self, "Import weights", self.path.text(), kinds)
        if name:
            self.path.setText(name)

    def _on_kind_changed(self) -> None:
        kind = MODELS.get(self.kind.currentData())
        self.form.set_config(kind.Config)
        self.kind.setToolTip(f"{kind.about}\narXiv {kind.paper}")
        self._rows.setRowVisible(self.classes, kind.needs_labels)
        self._look_anew()

    # How it fits

    def _look_anew(self) -> None:
        self._anew = True
        self._looking.start()

    def _look(self) -> None:
        if not self.path.text():
            return
        anew, self._anew = self._anew, False
        look = functools.partial(
            _look_at,
            Path(self.path.text()).expanduser(),
            self.kind.currentData(),
            None if anew else self.form.values(),
            self.shape(),
            self.label_names(),
        )
        self._task = self._session.start_task(look, self._on_looked)
        self._show()

    def _on_looked(self, look: Look) -> None:
        if self.sender() is not self._task:
            return  # something else is meant by now
        self._task = None
        if look.suggestion is not None:
            self._take(look.suggestion)
        self.fit = look.fit
        self.message.say(look.problem)
        self._fill()
        self._show()

    def _take(self, suggestion: Suggestion) -> None:
        fields = (self.image_width, self.image_height, self.channels)
        blocked = [field.blockSignals(True) for field in fields]
        channels, height, width = suggestion.image_shape
        self.image_width.setValue(width)
        self.image_height.setValue(height)
        self.channels.setCurrentIndex(self.channels.findData(channels))
        for field, was in zip(fields, blocked, strict=True):
            field.blockSignals(was)
        self.form.set_values(suggestion.model_values)

    def _fill(self) -> None:
        self.report.clear()
        if self.fit is None:
            return
        for group, title in GROUPS.items():
            entries: tuple[str, ...] = getattr(self.fit, group)
            if not entries:
                continue
            item = QTreeWidgetItem(self.report, [f"{title} ({len(entries)})"])
            for entry in entries:
                child = QTreeWidgetItem(item, [entry])
                child.setToolTip(0, plain_tooltip(entry))
            item.setExpanded(True)

    def _show(self) -> None:
        fit, looking = self.fit, self._task is not None
        if not self.path.text():
            self.summary.setText("Choose a file.")
        elif looking:
            self.summary.setText("Looking…")
        elif fit is None:
            self.summary.setText("")
        else:
            count = f"{fit.count} of {fit.count + len(fit.left)}"
            drawn = any(layer.startswith(("generator.", "decoder.")) for layer in fit.left)
            warning = " Pictures come in part from random weights." if drawn else ""
            self.summary.setText(f"{count} layers of the model find their weights.{warning}")
            self.summary.setToolTip(self.summary.text())
        ready = fit is not None and fit.count > 0 and not looking and not self._importing
        self.start.setEnabled(ready and bool(self.name.text().strip()))

    # The import

    def _on_start(self) -> None:
        name = self.name.text().strip()
        if Path(name).name != name or name in (".", ".."):
            self.message.say(f"Name: {name} is not allowed; expected a folder's name without slashes.")
            return
        self._importing = True
        self.message.say("")
        self._show()
        work = functools.partial(
            _import,
            Path(self.path.text()).expanduser(),
            self.kind.currentData(),
            self.form.values(),
            self.shape(),
            self._session.settings.runs / name,
            self.label_names(),
        )
        self._session.start_task(work, self._on_imported, failed=self._on_failed)

    def _on_imported(self, folder: RunFolder) -> None:
        self._importing = False
        self._session.notify("good", f"Imported: {folder.path}")
        self._session.open_run(folder.path)
        self.close()

    def _on_failed(self, summary: str, details: str) -> None:
        self._importing = False
        self.message.say(summary)
        self._show()


def _look_at(
    path: Path,
    key: str,
    values: Mapping[str, Any] | None,
    shape: tuple[int, int, int],
    label_names: tuple[str, ...],
    report: Report,
) -> Look:
    """Without `values` the file suggests some."""
    from latentlab.run import importing

    suggestion = None
    try:
        if values is None:
            suggestion = importing.suggest(path, key, label_names)
            values, shape = suggestion.model_values, suggestion.image_shape
        return Look(suggestion, importing.fit(path, key, values, shape, label_names))
    except LatentlabError as error:  # typed on, it may be right in a moment: no notice
        return Look(suggestion, problem=str(error))


def _import(
    path: Path,
    key: str,
    values: Mapping[str, Any],
    shape: tuple[int, int, int],
    folder: Path,
    label_names: tuple[str, ...],
    report: Report,
) -> RunFolder:
    from latentlab.run import importing

    return importing.import_weights(path, key, values, shape, folder, label_names)[0]


def _line(name: str, spoken: str, tooltip: str) -> QLineEdit:
    line = QLineEdit()
    line.setObjectName(name)
    line.setAccessibleName(spoken)
    line.setToolTip(tooltip)
    return line


def _number(name: str, spoken: str) -> IntField:
    field = IntField(minimum=8, maximum=256)
    field.setObjectName(name)
    field.setAccessibleName(spoken)
    field.setToolTip(f"{spoken}, 8 to 256.")
    field.setValue(64)
    return field
