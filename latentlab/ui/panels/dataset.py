"""The Dataset dock: where images come from, how they are prepared, and what they look like."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QHBoxLayout, QProgressBar, QVBoxLayout, QWidget

from latentlab.data.base import SOURCES, Dataset, SourceConfig
from latentlab.ui.panels.dataset_view import DatasetView
from latentlab.ui.panels.preparation import PreparationPanel
from latentlab.ui.panels.source_choice import SourceChoice
from latentlab.ui.session import Session
from latentlab.ui.widgets.buttons import push_button, set_primary
from latentlab.ui.widgets.form import ConfigForm
from latentlab.ui.widgets.labels import heading

#: Pixels of a button's height: its row is as high while it is not there.
BUTTON = 28


class DatasetPanel(QWidget):
    """Chooses a source and its preparation, loads it in the background, shows what came of it."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("dataset_panel")
        self.setAccessibleName("Dataset")
        self._session = session
        self._edited = False  # since what is being loaded was asked for
        self._asked = ""  # which source, where what is being loaded was asked for here

        self.view = DatasetView(session)
        self.choice = SourceChoice(session)
        kept = (group.partition(":") for group in session.settings.open_groups)
        self.form = ConfigForm(
            "dataset",
            skip={"path"},
            open_groups=[group for form, _, group in kept if form == "dataset"],
            telling=True,
        )
        self.preparation = PreparationPanel(session, self.chosen)
        self.load = push_button("dataset_load", "Load", "")
        self.cancel = push_button("dataset_cancel", "Cancel", "Give up loading; the dataset before it stays.")
        self.progress = QProgressBar()
        self.progress.setObjectName("dataset_progress")
        self.progress.setAccessibleName("Loading")
        self.progress.setTextVisible(False)

        self._lay_out()
        self._show_choice()
        self._on_loading_changed(False)

        self.choice.changed.connect(self._on_choice_changed)
        self.choice.load_wanted.connect(self._on_load)
        self.form.changed.connect(self._on_form_changed)
        self.form.group_toggled.connect(self._on_group_toggled)
        self.load.clicked.connect(self._on_load)
        self.cancel.clicked.connect(session.cancel_loading)
        session.loading_changed.connect(self._on_loading_changed)
        session.loading_progressed.connect(self._on_loading_progressed)
        session.dataset_changed.connect(self._on_dataset_changed)
        session.preset_changed.connect(self._show_choice)

    def _lay_out(self) -> None:
        # Loading shows at the top, where it is seen however long the rest is.
        title = QHBoxLayout()
        title.setSpacing(12)
        title.addWidget(heading("Dataset"))
        title.addWidget(self.progress, 1)
        title.addStretch()
        title.addWidget(self.cancel)
        title.addStrut(BUTTON)
        buttons = QHBoxLayout()
        buttons.addStretch()
        buttons.addWidget(self.load)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 12, 16, 12)
        layout.setSpacing(8)
        layout.addLayout(title)
        for widget in (self.view, self.choice, self.form, self.preparation):
            layout.addWidget(widget)
        layout.addLayout(buttons)

    def chosen(self) -> tuple[str, Mapping[str, Any]] | None:
        """The source's key and its settings as they stand here; None while a path is wanted."""
        kind, values = self.choice.kind, self.form.held()
        if kind.needs_path:
            path = self.choice.chosen_path()
            if not path:
                return None
            values["path"] = str(Path(path).expanduser().absolute())
        return kind.key, values

    def _show_choice(self) -> None:
        """What the session is set to."""
        values = dict(self._session.data_values)
        self.choice.show_choice(self._session.source, str(values.pop("path", "")))
        self._show_settings(values)
        self._edited = False
        self._show_pending()
        self.preparation.refresh(soon=True)

    def _show_settings(self, values: Mapping[str, Any]) -> None:
        config = self.choice.kind.Config
        if self.form.config_cls is not config:  # the same rows keep the focus
            self.form.set_config(config)
        self.form.set_values({**config().model_dump(), **values})

    def _on_choice_changed(self) -> None:
        kind = self.choice.kind
        if self.form.config_cls is not kind.Config:
            # What every source of images has stays as it is.
            shared = SourceConfig.model_fields.keys() & kind.Config.model_fields
            self._show_settings({k: v for k, v in self.form.values().items() if k in shared})
        self._edited = True
        self._show_pending()
        self.preparation.refresh()

    def _on_form_changed(self, _: str) -> None:
        self._edited = True
        self._show_pending()
        self.preparation.refresh()

    def _on_group_toggled(self, group: str, is_open: bool) -> None:
        others = [name for name in self._session.settings.open_groups if name != f"dataset:{group}"]
        self._session.remember(open_groups=(*others, *([f"dataset:{group}"] if is_open else [])))

    def _on_load(self) -> None:
        self.form.values()  # takes over what is half typed
        choice = self.chosen()
        if choice is None:
            self._session.notify("warning", "Choose a folder or a file of images first.")
            self.choice.path.setFocus()
        else:
            self._session.load_choice(*choice)
            self._asked = choice[0]

    def _show_pending(self) -> None:
        """The button stands out while what is chosen is not what is loaded, and says what it would do."""
        dataset, choice, missing = self._session.dataset, self.chosen(), self.choice.missing
        pending = dataset is None or choice != (dataset.source, dict(dataset.config))
        self.load.setText("Download and load" if missing else "Load" if pending else "Load again")
        self.load.setAccessibleName(self.load.text())
        self.load.setToolTip(
            f"Fetch {missing / 1e6:.1f} MB from the network, then load them."
            if missing
            else "Load the images with these settings."
            if pending
            else "These images are loaded; look for changes on the disk."
        )
        set_primary(self.load, pending and dataset is not None)
        if self._session.loading and not self._edited:  # it may be all that is seen of a long dock
            self.load.setText("Loading…")
            set_primary(self.load, False)

    def _on_loading_changed(self, loading: bool) -> None:
        if loading:
            self._edited, self._asked = False, ""
        self.cancel.setVisible(loading)
        self.progress.setVisible(loading)
        self.progress.setRange(0, 0)
        self._show_pending()

    def _on_loading_progressed(self, done: int, total: int) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)
        if not self._edited:
            self.load.setText(f"Loading… {100 * done // max(1, total)}%")

    def _on_dataset_changed(self, dataset: Dataset) -> None:
        if self._edited:  # meanwhile: what is being chosen stays
            self._show_pending()
            return
        if self._asked and self._asked != dataset.source:
            wanted, found = (SOURCES.get(key).title for key in (self._asked, dataset.source))
            self._session.notify("info", f"{dataset.name} is not of the kind “{wanted}” but “{found}”.")
        self._show_choice()
