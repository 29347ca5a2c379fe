"""The export-model dialog: the decoder or the encoder as an ONNX file."""

from __future__ import annotations

import functools
from pathlib import Path

from PySide6.QtWidgets import (
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from latentlab.core.errors import ExportError
from latentlab.data.base import Report
from latentlab.models.base import Model
from latentlab.run.onnx_file import Part, check_ending, missing_packages, write_onnx
from latentlab.training.run_folder import RunFolder
from latentlab.ui import theme
from latentlab.ui.export_target import LOOK_AFTER, attempt
from latentlab.ui.session import Session
from latentlab.ui.timers import single_shot
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.fields import choice_field
from latentlab.ui.widgets.form_dialog import FormDialog
from latentlab.ui.widgets.labels import Sentence
from latentlab.ui.workers import Task

PARTS: dict[Part, tuple[str, str]] = {
    "decoder": ("Decoder", "Makes images of latents: z (N, {size}) to images (N, {shape}) in [0, 1]."),
    "encoder": ("Encoder", "Finds latents of images: images (N, {shape}) in [0, 1] to z (N, {size})."),
}
ABOUT = "Other programs run the file by ONNX Runtime. It is compared with this model before it is kept."


class ModelDialog(FormDialog):
    """Choose a part and a file; it is written and checked behind the window."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("export_model_dialog", "Export model", parent)
        self.setMinimumWidth(520)
        self._session = session
        self._suggested = ""
        self._missing = missing_packages()
        self._looked: Task | None = None
        self._there = False  # whether a file has that name
        self.part = choice_field("export_model_part", "Part", "Which part of the model is exported.")
        self.about = Sentence("export_model_about", "secondary")
        self.path = QLineEdit()
        self.path.setObjectName("export_model_path")
        self.path.setAccessibleName("File")
        self.path.setToolTip("A file that ends in .onnx")
        self.browse = push_button("export_model_browse", "", "Choose a file…", "folder", flat=True)
        self.message = Sentence("export_model_message", "error")
        self.close_button = push_button("export_model_close", "Close", "Close this window (Escape)")
        self.save = push_button("export_model_save", "Save", "Write the file and check it", primary=True)
        self.save.setMinimumWidth(88)
        self._lay_out()
        self.part.currentIndexChanged.connect(self._on_part_changed)
        self._looking = single_shot(self, self._look, LOOK_AFTER)
        self.path.textChanged.connect(self._on_typed)
        self.browse.clicked.connect(self._on_browse)
        self.save.clicked.connect(self._on_save)
        self.close_button.clicked.connect(self.close)
        session.latent.space_changed.connect(self._fill)
        self._fill()

    def _lay_out(self) -> None:
        file = QHBoxLayout()
        file.setSpacing(4)
        file.addWidget(self.path, 1)
        file.addWidget(self.browse)
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Part", self.part)
        form.addRow("File", file)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addStretch()
        buttons.addWidget(self.close_button)
        buttons.addWidget(self.save)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        layout.addLayout(form)
        layout.addWidget(self.about)
        layout.addWidget(self.message)
        layout.addStretch()
        layout.addLayout(buttons)

    def _fill(self) -> None:
        """The parts that the present model has."""
        model = self._session.latent.model
        chosen = self.part.currentData() or "decoder"
        was_blocked = self.part.blockSignals(True)
        self.part.clear()
        for part, (title, _) in PARTS.items():
            if part == "decoder" or (model is not None and model.can_encode):
                self.part.addItem(title, part)
        self.part.setCurrentIndex(max(0, self.part.findData(chosen)))
        self.part.blockSignals(was_blocked)
        self._on_part_changed()

    def _on_part_changed(self) -> None:
        model, part = self._session.latent.model, self.part.currentData()
        if model is not None:
            shape = ", ".join(map(str, model.image_shape))
            said = PARTS[part][1].format(size=model.latent_shape[0], shape=shape)
            self.about.say(f"{said} {ABOUT}")
        if self.path.text() in ("", self._suggested):
            folder = self._session.settings.export_folder
            self._suggested = str((Path(folder) if folder else Path.home()) / f"{part}.onnx")
            self.path.setText(self._suggested)
        self._show()

    def _show(self) -> None:
        problem = self._missing
        if not problem:
            try:
                check_ending(self.path.text())
            except ExportError as error:
                problem = str(error)
        there = f"{self._file.name} is there already; Replace writes over it." if self._there else ""
        theme.set_property(self.message, "role", "error" if problem else "obstacle")
        self.message.say(problem or there)
        self.save.setText("Replace" if self._there else "Save")
        self.save.setAccessibleName(self.save.text())
        self.save.setEnabled(not problem and self._session.latent.model is not None)

    @property
    def _file(self) -> Path:
        return Path(self.path.text()).expanduser().absolute()

    def _on_typed(self) -> None:
        self._there, self._looked = False, None
        self._looking.start()
        self._show()

    def _look(self) -> None:
        path = self._file
        self._looked = self._session.start_task(lambda _: path.exists(), self._on_looked)

    def _on_looked(self, there: bool) -> None:
        if self.sender() is self._looked:
            self._there = there
            self._show()

    def _on_browse(self) -> None:
        name, _ = QFileDialog.getSaveFileName(self, "Export model", self.path.text(), "ONNX (*.onnx)")
        if name:
            self.path.setText(name)

    def _on_save(self) -> None:
        path, session = self._file, self._session
        work = functools.partial(_write, path, self.part.currentData(), session.run, session.latent.step)
        session.exports.start_with_model(path, functools.partial(attempt, path, self._there, [], work))
        self.close()


def _write(path: Path, part: Part, folder: RunFolder | None, step: int, model: Model, report: Report) -> str:
    model.step_count = step
    difference = write_onnx(path, model, part, folder, report)
    return f"it differs from this model by at most {difference:.1g}"
