"""The menu bar: every action of the window by name, with its keys."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QAction, QDesktopServices, QKeySequence
from PySide6.QtWidgets import QApplication, QFileDialog, QMenu, QMessageBox

from latentlab.ui import theme
from latentlab.ui.panels.source_choice import RecentMenu

if TYPE_CHECKING:
    from latentlab.ui.main_window import MainWindow

ABOUT = """<h3>latentlab {version}</h3>
<p>Train a GAN or a VAE live, walk through what it learned, export what you find.</p>
<p>MIT licence, the latentlab authors.</p>"""
#: How the entry reads while the images that are loaded are none to go on with.
OTHER_IMAGES = "Continue on other images"
#: Pixels of a dataset's name in an entry.
NAME_WIDTH = 200
#: Keys that belong to a widget and so to no menu.
OTHER_KEYS = (
    ("Space", "Pause training, go on"),
    ("Arrow keys", "Move the slider, pad or image that has the focus"),
    ("Shift+Arrow keys", "The same in small steps"),
    ("Double click", "Reset a slider"),
)


class Menus:
    """Fills the menu bar of `window`; the actions live as long as that."""

    def __init__(self, window: MainWindow) -> None:
        self._window, self._session = window, window.session
        self._file()
        self._edit()
        self._training()
        self._view()
        self._help()

    def _file(self) -> None:
        window = self._window
        menu = window.menuBar().addMenu("&File")
        choice = window.dataset.choice
        self._action(menu, "open_dataset_action", "Open a folder of images…", choice.choose_folder, "Ctrl+O")
        self._action(menu, "open_file_action", "Open a file of images…", choice.choose_file, "Ctrl+Alt+O")
        self.recent_data = menu.addMenu("Recent images")
        self.recent_data.setToolTipsVisible(True)
        self._recent_data = RecentMenu(self.recent_data, self._session)
        menu.addSeparator()
        self._action(menu, "open_run_action", "Open run…", self._on_open_run, "Ctrl+Shift+O")
        self.recent_runs = menu.addMenu("Recent runs")
        self._action(menu, "show_run_action", "Show the run's folder", self._on_show_run)
        self._action(menu, "import_weights_action", "Import weights…", self._on_import_weights)
        menu.addSeparator()
        self._action(
            menu, "encode_image_action", "Encode an image…", window.reconstruct.choose_image, "Ctrl+I"
        )
        self.export = self._action(
            menu, "export_grid_action", "Export image grid…", window.export_grid, "Ctrl+E"
        )
        self.export_model = self._action(menu, "export_model_action", "Export model…", self._on_export_model)
        self._session.latent.space_changed.connect(self._show_export_model)
        self._show_export_model()
        self._action(menu, "open_picture_action", "Go back to a picture…", window.open_picture)
        menu.addSeparator()
        self._action(menu, "quit_action", "Quit", window.close, "Ctrl+Q")
        self.recent_runs.aboutToShow.connect(self._fill_recent_runs)

    def _edit(self) -> None:
        window, latent = self._window, self._session.latent
        menu = window.menuBar().addMenu("&Latent")
        for name, action, keys in (
            ("undo_action", latent.undo_stack.createUndoAction(window, "Undo"), "Ctrl+Z"),
            ("redo_action", latent.undo_stack.createRedoAction(window, "Redo"), "Ctrl+Shift+Z"),
        ):
            self._add(menu, name, action, keys)
        menu.addSeparator()
        self._action(menu, "randomize_action", "Randomise the latent", latent.randomise, "R")
        self._action(menu, "reset_action", "Reset the latent to the mean", latent.reset, "0")
        self._action(menu, "copy_latent_action", "Copy the latent as text", window.latent.copy, "Ctrl+C")
        self._action(menu, "paste_latent_action", "Paste a latent from text", window.latent.paste, "Ctrl+V")
        menu.addSeparator()
        self._action(menu, "bookmark_action", "Bookmark the latent", window.bookmarks.add_here, "B")
        self._action(menu, "keyframe_action", "Add a keyframe", window.timeline.add_keyframe, "K")

    def _training(self) -> None:
        window, session = self._window, self._session
        menu = window.menuBar().addMenu("&Training")
        self._action(menu, "train_action", "Train", window.toolbar.train, "Ctrl+T")
        self._action(menu, "pause_action", "Pause or go on\tSpace", window.toolbar.toggle_pause)
        self._action(menu, "step_action", "One step", window.toolbar.step_once)
        self._action(menu, "stop_action", "Stop and save", session.stop)
        menu.addSeparator()
        self.continue_run = self._action(
            menu, "continue_action", "Continue the open run", session.continue_run, "Ctrl+Shift+T"
        )
        self.continue_on_data = self._action(menu, "continue_on_data", OTHER_IMAGES, session.continue_on_data)
        menu.setToolTipsVisible(True)
        session.state_changed.connect(self._on_state_changed)
        self._on_state_changed(session.state)

    def _view(self) -> None:
        menu = self._window.menuBar().addMenu("&View")
        for dock in self._window.docks:
            menu.addAction(dock.toggleViewAction())
        menu.addSeparator()
        self._themes = {}
        for choice, title in (("dark", "Dark"), ("light", "Light"), ("system", "As the system")):
            action = self._action(
                menu, f"theme_{choice}_action", title, functools.partial(self.set_theme, choice)
            )
            action.setCheckable(True)
            action.setChecked(choice == self._session.settings.theme)
            self._themes[choice] = action

    def _help(self) -> None:
        menu = self._window.menuBar().addMenu("&Help")
        self._action(menu, "shortcuts_action", "Keyboard shortcuts", self._on_shortcuts, "?")
        self._action(menu, "about_action", "About latentlab", self._on_about)

    def _action(
        self, menu: QMenu, name: str, text: str, slot: Callable[[], object], keys: str = ""
    ) -> QAction:
        action = QAction(text, self._window)
        action.triggered.connect(lambda: slot())
        return self._add(menu, name, action, keys)

    def _add(self, menu: QMenu, name: str, action: QAction, keys: str) -> QAction:
        action.setObjectName(name)
        if keys:
            action.setShortcut(QKeySequence(keys))
        menu.addAction(action)
        self._window.addAction(action)
        return action

    def _on_open_run(self) -> None:
        folder = QFileDialog.getExistingDirectory(
            self._window, "Open a run", str(self._session.settings.runs)
        )
        if folder:
            self._session.open_run(folder)

    def _on_import_weights(self) -> None:
        from latentlab.ui.import_dialog import ImportDialog

        ImportDialog(self._session, self._window).show()

    def _on_export_model(self) -> None:
        from latentlab.ui.model_dialog import ModelDialog

        ModelDialog(self._session, self._window).show()

    def _show_export_model(self) -> None:
        self.export_model.setEnabled(self._session.latent.model is not None)

    def _on_state_changed(self, state: str) -> None:
        session, action = self._session, self.continue_on_data
        problem, dataset = session.why_not_on_data(), session.dataset
        action.setEnabled(not problem)
        action.setText(OTHER_IMAGES)
        action.setToolTip(problem)
        if not problem and dataset is not None:
            name = self._window.fontMetrics().elidedText(
                dataset.name, Qt.TextElideMode.ElideMiddle, NAME_WIDTH
            )
            noun = "points" if dataset.is_points else "images"
            action.setText(f"Continue on {name.replace('&', '&&')} ({len(dataset):,} {noun})")
            action.setToolTip(f"Train the open run on with {dataset.name}: {dataset.summary()}.")

    def _on_show_run(self) -> None:
        if self._session.run is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._session.run.path)))

    def _fill_recent_runs(self) -> None:
        _fill(self.recent_runs, self._session.settings.recent_runs, self._session.open_run)

    def set_theme(self, choice: str) -> None:
        """Dark, light, or as the system; remembered."""
        app = QApplication.instance()
        assert isinstance(app, QApplication)
        theme.apply(app, choice)  # type: ignore[arg-type]
        self._session.remember(theme=choice)
        for name, action in self._themes.items():
            action.setChecked(name == choice)

    def _on_shortcuts(self) -> None:
        actions = [(a.shortcut().toString(), a.text()) for a in self._window.actions() if a.shortcut()]
        found = [(keys, text.rstrip("…")) for keys, text in actions] + list(OTHER_KEYS)
        rows = "".join(f"<tr><td><b>{keys}</b></td><td>{what}</td></tr>" for keys, what in found)
        self._say("Keyboard shortcuts", f"<table cellspacing=6>{rows}</table>")

    def _on_about(self) -> None:
        from latentlab import __version__

        self._say("About latentlab", ABOUT.format(version=__version__))

    def _say(self, title: str, text: str) -> None:
        close = QMessageBox.StandardButton.Close
        box = QMessageBox(QMessageBox.Icon.NoIcon, title, text, close, self._window)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setModal(False)
        box.show()


def _fill(menu: QMenu, entries: tuple[str, ...], chosen: Callable[[str], None]) -> None:
    menu.clear()
    for entry in entries:
        menu.addAction(entry, functools.partial(chosen, entry))
    if not entries:
        menu.addAction("Nothing yet").setEnabled(False)
