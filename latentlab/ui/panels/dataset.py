"""The Dataset dock: where images come from, and what they look like."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QFileDialog,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QVBoxLayout,
    QWidget,
)

from latentlab.data.base import SOURCES, Dataset, SourceConfig
from latentlab.ui.panels.dataset_view import DatasetView
from latentlab.ui.session import Session
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.fields import ChoiceField
from latentlab.ui.widgets.form import ConfigForm
from latentlab.ui.widgets.labels import heading


class DatasetPanel(QWidget):
    """Chooses a source, loads it in the background, shows thumbnails and classes."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("dataset_panel")
        self.setAccessibleName("Dataset")
        self._session = session

        self.source = ChoiceField()
        self.source.setObjectName("dataset_source")
        self.source.setAccessibleName("Source")
        self.source.setToolTip("Where the images come from.")
        for key, kind in SOURCES.items():
            self.source.addItem(kind.title, key)
            self.source.setItemData(self.source.count() - 1, kind.about, Qt.ItemDataRole.ToolTipRole)

        self.path = QLineEdit()
        self.path.setObjectName("dataset_path")
        self.path.setAccessibleName("Path")
        self.path.setPlaceholderText("Folder or file of images")
        self.path.setAcceptDrops(False)  # it would take a folder as the text of a URL; the window loads it
        self.path.setToolTip("A folder of images (sub-folders become classes), or an IDX file or folder.")
        self.browse = push_button("dataset_browse", "", "Choose a folder of images…", "folder", flat=True)

        self.form = ConfigForm("dataset", skip={"path"})
        self.load = push_button("dataset_load", "Load", "Load the images with these settings.")
        self.cancel = push_button("dataset_cancel", "Cancel", "Give up loading; the dataset before it stays.")
        self.progress = QProgressBar()
        self.progress.setObjectName("dataset_progress")
        self.progress.setAccessibleName("Loading")
        self.progress.setTextVisible(False)

        self.view = DatasetView(session)

        self._lay_out()
        self._show_choice()
        self._on_loading_changed(False)

        self.source.activated.connect(self._on_source_activated)
        self.source.currentIndexChanged.connect(self._on_source_changed)
        self.path.returnPressed.connect(self._on_load)
        self.browse.clicked.connect(self.choose_folder)
        self.load.clicked.connect(self._on_load)
        self.cancel.clicked.connect(session.cancel_loading)
        session.loading_changed.connect(self._on_loading_changed)
        session.loading_progressed.connect(self._on_loading_progressed)
        session.dataset_changed.connect(self._on_dataset_changed)
        session.preset_changed.connect(self._show_choice)

    def _lay_out(self) -> None:
        path_row = QHBoxLayout()
        path_row.setSpacing(4)
        path_row.addWidget(self.path, 1)
        path_row.addWidget(self.browse)
        self.path_row = QWidget()
        self.path_row.setLayout(path_row)
        path_row.setContentsMargins(0, 0, 0, 0)
        buttons = QHBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.progress, 1)
        buttons.addStretch()
        buttons.addWidget(self.cancel)
        buttons.addWidget(self.load)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addWidget(heading("Dataset"))
        layout.addWidget(self.view)
        layout.addWidget(self.source)
        layout.addWidget(self.path_row)
        layout.addWidget(self.form)
        layout.addLayout(buttons)

    def choose_folder(self) -> None:
        """Ask for a folder of images and load it."""
        start = self.path.text() or str(Path.home())
        folder = QFileDialog.getExistingDirectory(self, "Open a folder of images", start)
        if folder:
            self._session.open_data(folder)

    def choose_file(self) -> None:
        """Ask for an IDX file and load it."""
        name, _ = QFileDialog.getOpenFileName(self, "Open an IDX file", self.path.text() or str(Path.home()))
        if name:
            self._session.open_data(name)

    def _show_choice(self) -> None:
        """What the session is set to."""
        source, values = self._session.source, self._session.data_values
        was_blocked = self.source.blockSignals(True)
        self.source.setCurrentIndex(self.source.findData(source))
        self.source.blockSignals(was_blocked)
        self._build_form({k: v for k, v in values.items() if k != "path"})
        if "path" in values:
            self.path.setText(str(values["path"]))

    def _build_form(self, values: Mapping[str, Any]) -> None:
        kind = SOURCES.get(self.source.currentData())
        self.form.set_config(kind.Config, values)
        self.path_row.setVisible(kind.needs_path)

    def _on_source_changed(self) -> None:
        # What every source of images has stays as it is.
        fields = SOURCES.get(self.source.currentData()).Config.model_fields
        kept = {k: v for k, v in self.form.values().items() if k in SourceConfig.model_fields and k in fields}
        self._build_form(kept)

    def _on_source_activated(self) -> None:
        # A built-in source is there at once; one's own wants a path first.
        if SOURCES.get(self.source.currentData()).needs_path:
            self.path.setFocus()
        else:
            self._on_load()

    def _on_load(self) -> None:
        values = self.form.values()
        key = self.source.currentData()
        if SOURCES.get(key).needs_path:
            path = self.path.text().strip()
            if not path:
                self._session.notify("warning", "Choose a folder or a file of images first.")
                self.path.setFocus()
                return
            # The path knows best of which kind it is; absolute, it is never taken for a built-in source.
            key = str(Path(path).expanduser().absolute())
            values = {k: v for k, v in values.items() if k in SourceConfig.model_fields}
        self._session.load_dataset(key, values)

    def _on_loading_changed(self, loading: bool) -> None:
        self.cancel.setVisible(loading)
        self.progress.setVisible(loading)
        self.progress.setRange(0, 0)

    def _on_loading_progressed(self, done: int, total: int) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)

    def _on_dataset_changed(self, _: Dataset) -> None:
        self._show_choice()
