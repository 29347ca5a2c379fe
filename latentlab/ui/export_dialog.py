"""The export-grid dialog: many pictures in one file, previewed as they will be written."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDialog,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QLineEdit,
    QVBoxLayout,
    QWidget,
)

from latentlab import export
from latentlab.core.errors import ExportError
from latentlab.data.base import Report
from latentlab.latent import paths, samplers, traversal
from latentlab.ui.latent_state import LARGEST_SEED
from latentlab.ui.session import Session
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.fields import ChoiceField, IntField
from latentlab.ui.widgets.picture import PictureView

SOURCES = {
    "seeds": ("Random seeds", "Each tile is a seed of its own, from the first one on."),
    "traversal": (
        "Traversal",
        "Each row varies one dimension of the present latent, from −3 to 3 sigma.",
    ),
    "interpolation": ("Interpolation", "Each row walks from one seed to the next."),
}


class ExportGridDialog(QDialog):
    """Choose what the tiles are and how they are laid out; what is previewed is what is written."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("export_grid_dialog")
        self.setWindowTitle("Export image grid")
        self.resize(880, 560)
        self._session = session
        self._latent = session.latent
        self._tiles: np.ndarray | None = None
        self._stamp = -1
        self._writing = False

        self.source = ChoiceField()
        self.source.setObjectName("export_source")
        self.source.setAccessibleName("Pictures")
        self.source.setToolTip("What the tiles show.")
        for key, (title, about) in SOURCES.items():
            self.source.addItem(title, key)
            self.source.setItemData(self.source.count() - 1, about, 3)  # Qt.ToolTipRole
        self.about = QLabel()
        self.about.setProperty("role", "secondary")
        self.about.setWordWrap(True)
        self.rows = self._number("export_rows", "Rows", 8, 1, 100)
        self.columns = self._number("export_columns", "Columns", 8, 1, 100)
        self.seed = self._number("export_seed", "First seed", 0, 0, LARGEST_SEED)
        self.spacing = self._number("export_spacing", "Spacing in pixels", 2, 0, 256)
        self.scale = self._number("export_scale", "Enlargement of each tile", 1, 1, 32)
        self.path = QLineEdit(str(self._suggestion()))
        self.path.setObjectName("export_path")
        self.path.setAccessibleName("File")
        self.path.setToolTip("A file that ends in .png or .jpg")
        self.browse = push_button("export_browse", "", "Choose a file…", "folder", flat=True)
        self.save = push_button("export_save", "Save", "Write the grid to the file", primary=True)
        self.close_button = push_button("export_close", "Close", "Close this window")
        self.preview = PictureView()
        self.preview.setObjectName("export_preview")
        self.preview.setAccessibleName("Preview")
        self.size_text = QLabel()
        self.size_text.setProperty("role", "secondary")
        self.message = QLabel()
        self.message.setObjectName("export_message")
        self.message.setProperty("role", "error")
        self.message.setWordWrap(True)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(60)

        self._lay_out()
        self.source.currentIndexChanged.connect(self._schedule)
        for field in (self.rows, self.columns, self.seed):
            field.valueChanged.connect(self._schedule)
        for field in (self.spacing, self.scale):
            field.valueChanged.connect(self._show)
        self._timer.timeout.connect(self._ask)
        session.sampler.rendered.connect(self._on_rendered)
        self.path.returnPressed.connect(self._on_save)
        self.browse.clicked.connect(self._on_browse)
        self.save.clicked.connect(self._on_save)
        self.close_button.clicked.connect(self.close)
        self._schedule()

    def _number(self, name: str, title: str, value: int, low: int, high: int) -> IntField:
        field = IntField()
        field.setObjectName(name)
        field.setAccessibleName(title)
        field.setToolTip(f"{title}, {low:,} to {high:,}.")
        field.setRange(low, high)
        field.setValue(value)
        return field

    def _lay_out(self) -> None:
        form = QFormLayout()
        form.setHorizontalSpacing(12)
        form.setVerticalSpacing(8)
        form.addRow("Pictures", self.source)
        form.addRow(self.about)
        form.addRow("Rows", self.rows)
        form.addRow("Columns", self.columns)
        form.addRow("First seed", self.seed)
        form.addRow("Spacing", self.spacing)
        form.addRow("Scale", self.scale)
        file = QHBoxLayout()
        file.setSpacing(4)
        file.addWidget(self.path, 1)
        file.addWidget(self.browse)
        form.addRow("File", file)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(self.close_button)
        buttons.addWidget(self.save)
        left = QVBoxLayout()
        left.setSpacing(12)
        left.addLayout(form)
        left.addWidget(self.message)
        left.addStretch()
        left.addLayout(buttons)
        controls = QWidget()
        controls.setLayout(left)
        controls.setFixedWidth(304)
        left.setContentsMargins(0, 0, 0, 0)
        right = QVBoxLayout()
        right.setSpacing(8)
        right.addWidget(self.preview, 1)
        right.addWidget(self.size_text)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(24)
        layout.addWidget(controls)
        layout.addLayout(right, 1)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # Enter ends the typing of a number; a dialog would press one of its buttons.
        if event.key() not in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            super().keyPressEvent(event)

    def latents(self) -> np.ndarray:
        """What the tiles are decoded from, float32 (rows * columns, D)."""
        rows, columns, seed = self.rows.value(), self.columns.value(), self.seed.value()
        model, shape, psi = self._latent.model, (self._latent.size,), self._latent.truncation
        assert model is not None
        kind = self.source.currentData()
        if kind == "seeds":
            return samplers.draw(model, range(seed, seed + rows * columns), psi)
        if kind == "traversal":
            dims = self._latent.dimensions()[:rows]
            return traversal.traverse(self._latent.z, dims, columns).reshape(-1, *shape)
        ends = samplers.draw(model, range(seed, seed + rows + 1), psi)
        walks = [
            paths.between(ends[row], ends[row + 1], columns, choices=model.choices) for row in range(rows)
        ]
        return np.concatenate(walks)

    def picture(self) -> np.ndarray | None:
        """The grid as it would be written now, uint8; None until its tiles are decoded."""
        if self._tiles is None:
            return None
        return export.compose(self._tiles, self.columns.value(), self.spacing.value(), self.scale.value())

    def _schedule(self) -> None:
        kind = self.source.currentData()
        self.about.setText(SOURCES[kind][1])
        # A row that goes somewhere needs two places.
        self.columns.setMinimum(1 if kind == "seeds" else 2)
        self.rows.setMaximum(min(100, self._latent.size) if kind == "traversal" else 100)
        self.seed.setEnabled(kind != "traversal")
        self._tiles = None
        self.save.setEnabled(False)
        self._timer.start()

    def _ask(self) -> None:
        self._stamp = self._latent.ask("grid", self.latents())

    def _on_rendered(self, channel: str, stamp: int, tiles: np.ndarray, milliseconds: float) -> None:
        if channel != "grid" or stamp != self._stamp:
            return
        self._tiles = tiles
        self._show()

    def _show(self) -> None:
        self.message.clear()
        try:
            picture = self.picture()
        except ExportError as error:  # too large
            self.message.setText(str(error))
            self.save.setEnabled(False)
            return
        self.save.setEnabled(picture is not None and not self._writing)
        if picture is not None:
            self.preview.set_picture(picture)
            self.size_text.setText(f"{picture.shape[1]:,} × {picture.shape[0]:,} pixels")

    def _suggestion(self) -> Path:
        folder = self._session.settings.export_folder
        return (Path(folder) if folder else Path.home()) / "grid.png"

    def _on_browse(self) -> None:
        kinds = "PNG (*.png);;JPEG (*.jpg *.jpeg)"
        name, _ = QFileDialog.getSaveFileName(self, "Export image grid", self.path.text(), kinds)
        if name:
            self.path.setText(name)

    def _on_save(self) -> None:
        picture = self.picture() if self.save.isEnabled() else None
        if picture is None:  # Enter in the path comes here too
            return
        path = Path(self.path.text()).expanduser().absolute()
        self.message.clear()
        self._writing = True
        self.save.setEnabled(False)

        def write(_: Report) -> Path:
            export.write_picture(path, picture)
            return path

        self._session.start_task(write, self._on_saved, failed=self._on_save_failed)

    def _on_saved(self, path: Path) -> None:
        self._writing = False
        self._show()
        self._session.remember(export_folder=str(path.parent))
        self._session.notify("good", f"Written: {path}")

    def _on_save_failed(self, summary: str, details: str) -> None:
        self._writing = False
        self._show()
        self.message.setText(summary)
