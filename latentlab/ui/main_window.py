"""The window: toolbar, docks, canvas modes, status bar, menus. It joins panels and holds no state."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QByteArray, QMimeData, Qt, QTimer, QUrl, Signal
from PySide6.QtGui import (
    QAction,
    QCloseEvent,
    QDesktopServices,
    QDragEnterEvent,
    QDropEvent,
    QKeyEvent,
    QKeySequence,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QApplication,
    QDockWidget,
    QFileDialog,
    QFrame,
    QMainWindow,
    QMenu,
    QMessageBox,
    QScrollArea,
    QTabWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from latentlab.ui import theme
from latentlab.ui.export_dialog import ExportGridDialog
from latentlab.ui.notify import NoticeBar
from latentlab.ui.panels.curves import CurvesPanel
from latentlab.ui.panels.dataset import DatasetPanel
from latentlab.ui.panels.explore import ExplorePanel
from latentlab.ui.panels.latent import LatentPanel
from latentlab.ui.panels.model import ModelPanel
from latentlab.ui.panels.samples import SamplesPanel
from latentlab.ui.panels.timeline import TimelinePanel
from latentlab.ui.panels.training import TrainingPanel
from latentlab.ui.session import Session
from latentlab.ui.toolbar import Toolbar
from latentlab.ui.widgets.labels import rule

ABOUT = """<h3>latentlab {version}</h3>
<p>Train a GAN or a VAE live, walk through what it learned, export what you find.</p>
<p>MIT licence, the latentlab authors.</p>"""
SHORTCUTS = """<table cellspacing=6>
<tr><td><b>Ctrl+T</b></td><td>Train</td></tr><tr><td><b>Space</b></td><td>Pause, go on</td></tr>
<tr><td><b>R</b></td><td>Randomise the latent</td></tr><tr><td><b>0</b></td><td>Reset the latent</td></tr>
<tr><td><b>K</b></td><td>Add a keyframe</td></tr><tr><td><b>Ctrl+E</b></td><td>Export an image grid</td></tr>
<tr><td><b>Ctrl+O</b></td><td>Open images</td></tr><tr><td><b>Ctrl+Shift+O</b></td><td>Open a run</td></tr>
<tr><td><b>Ctrl+Q</b></td><td>Quit</td></tr></table>"""


class MainWindow(QMainWindow):
    """The whole window; `session` is what scripts talk to. Slow imports begin after the first paint."""

    painted = Signal()  # for the first time

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        session.setParent(self)
        self.setObjectName("main_window")
        self.setAccessibleName("latentlab")
        self.setWindowTitle("latentlab")
        self.setWindowIcon(theme.icon("latentlab"))
        self.setAcceptDrops(True)
        self.setMinimumSize(1000, 640)
        self.resize(1280, 800)
        self._painted = self._closing = False

        self.toolbar = Toolbar(session)
        self.dataset = DatasetPanel(session)
        self.model = ModelPanel(session)
        self.training = TrainingPanel(session)
        self.explore = ExplorePanel(session)
        self.samples = SamplesPanel(session)
        self.latent = LatentPanel(session)
        self.curves = CurvesPanel(session)
        self.timeline = TimelinePanel(session)
        self.notices = NoticeBar()
        self._lay_out()
        self._make_actions()
        self._restore()

        self.toolbar.open_wanted.connect(self.dataset.choose_folder)
        self.explore.timed.connect(self.toolbar.show_speed)
        session.plots_ready.connect(self.curves.build)
        session.notified.connect(self.notices.show_notice)
        session.state_changed.connect(self._on_state_changed)
        session.run_opened.connect(self._on_run_opened)
        session.latent.space_changed.connect(self._on_space_changed)
        self._on_state_changed(session.state)

    # Layout

    def _lay_out(self) -> None:
        bar = QToolBar("Toolbar")
        bar.setObjectName("main_toolbar")
        bar.setMovable(False)
        bar.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        bar.addWidget(self.toolbar)
        self.addToolBar(bar)

        self.canvas_tabs = QTabWidget()
        self.canvas_tabs.setObjectName("canvas_tabs")
        self.canvas_tabs.setAccessibleName("Canvas")
        self.canvas_tabs.setDocumentMode(True)
        self.canvas_tabs.addTab(self.explore, "Explore")
        self.canvas_tabs.addTab(self.samples, "Samples")
        self.setCentralWidget(self.canvas_tabs)

        self.setCorner(Qt.Corner.BottomLeftCorner, Qt.DockWidgetArea.LeftDockWidgetArea)
        self.setCorner(Qt.Corner.BottomRightCorner, Qt.DockWidgetArea.RightDockWidgetArea)
        setup = QWidget()
        column = QVBoxLayout(setup)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for panel in (self.dataset, rule(), self.model, rule(), self.training):
            column.addWidget(panel)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidget(setup)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setMinimumWidth(288)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        setup.setProperty("surface", "panel")
        right = _tabs("latent_tabs", (self.latent, "Latent"))
        below = _tabs("bottom_tabs", (self.curves, "Curves"), (self.timeline, "Timeline"))
        below.setCornerWidget(self.curves.controls)
        below.currentChanged.connect(self._on_bottom_tab_changed)
        self.docks = [
            self._dock("Setup", "setup_dock", scroll, Qt.DockWidgetArea.LeftDockWidgetArea),
            self._dock("Latent", "latent_dock", right, Qt.DockWidgetArea.RightDockWidgetArea),
            self._dock("Curves and timeline", "bottom_dock", below, Qt.DockWidgetArea.BottomDockWidgetArea),
        ]
        self.statusBar().addWidget(self.notices, 1)
        self.statusBar().setSizeGripEnabled(False)

    def _on_bottom_tab_changed(self, index: int) -> None:
        self.curves.controls.setVisible(index == 0)

    def _dock(self, title: str, name: str, content: QWidget, area: Qt.DockWidgetArea) -> QDockWidget:
        dock = QDockWidget(title)
        dock.setObjectName(name)
        dock.setTitleBarWidget(QWidget())  # the panels' own headings are enough
        dock.setWidget(content)
        self.addDockWidget(area, dock)
        return dock

    # Actions

    def _make_actions(self) -> None:
        session = self.session
        file = self.menuBar().addMenu("&File")
        self._action(file, "open_dataset_action", "Open images…", self.dataset.choose_folder, "Ctrl+O")
        self._action(file, "open_file_action", "Open an IDX file…", self.dataset.choose_file)
        self.recent_data = file.addMenu("Recent images")
        file.addSeparator()
        self._action(file, "open_run_action", "Open run…", self._on_open_run, "Ctrl+Shift+O")
        self.recent_runs = file.addMenu("Recent runs")
        self._action(file, "show_run_action", "Show the run's folder", self._on_show_run)
        file.addSeparator()
        self.export_action = self._action(
            file, "export_grid_action", "Export image grid…", self.export_grid, "Ctrl+E"
        )
        file.addSeparator()
        self._action(file, "quit_action", "Quit", self.close, "Ctrl+Q")
        self.recent_data.aboutToShow.connect(self._fill_recent_data)
        self.recent_runs.aboutToShow.connect(self._fill_recent_runs)

        train = self.menuBar().addMenu("&Training")
        self._action(train, "train_action", "Train", self.toolbar.train, "Ctrl+T")
        self._action(train, "pause_action", "Pause or go on\tSpace", self.toolbar.toggle_pause)
        self._action(train, "step_action", "One step", self.toolbar.step_once)
        self._action(train, "stop_action", "Stop and save", session.stop)
        train.addSeparator()
        self.continue_action = self._action(
            train, "continue_action", "Continue the open run", session.continue_run, "Ctrl+Shift+T"
        )
        latent = self.menuBar().addMenu("&Latent")
        self._action(latent, "randomize_action", "Randomise", session.latent.randomise, "R")
        self._action(latent, "reset_action", "Reset to the mean", session.latent.reset, "0")
        self._action(latent, "keyframe_action", "Add a keyframe", self.timeline.add_keyframe, "K")

        view = self.menuBar().addMenu("&View")
        for dock in self.docks:
            view.addAction(dock.toggleViewAction())
        view.addSeparator()
        for choice, title in (("dark", "Dark"), ("light", "Light"), ("system", "As the system")):
            action = self._action(
                view, f"theme_{choice}_action", title, functools.partial(self._set_theme, choice)
            )
            action.setCheckable(True)
            action.setChecked(choice == session.settings.theme)
        about = self.menuBar().addMenu("&Help")
        self._action(about, "shortcuts_action", "Keyboard shortcuts", self._on_shortcuts, "?")
        self._action(about, "about_action", "About latentlab", self._on_about)

    def _action(
        self, menu: QMenu, name: str, text: str, slot: Callable[[], object], keys: str = ""
    ) -> QAction:
        action = QAction(text, self)
        action.setObjectName(name)
        if keys:
            action.setShortcut(QKeySequence(keys))
        action.triggered.connect(lambda: slot())
        menu.addAction(action)
        self.addAction(action)
        return action

    def export_grid(self) -> None:
        """Open the export-grid dialog; it does not block the window."""
        if self.session.latent.model is None:
            self.session.notify("info", "There is nothing to export yet: press Train, or open a run.")
            return
        dialog = ExportGridDialog(self.session, self)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.show()

    def _on_open_run(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Open a run", str(self.session.settings.runs))
        if folder:
            self.session.open_run(folder)

    def _on_show_run(self) -> None:
        if self.session.run is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.session.run.path)))

    def _fill_recent_data(self) -> None:
        _fill(self.recent_data, self.session.settings.recent_datasets, self.session.open_data)

    def _fill_recent_runs(self) -> None:
        _fill(self.recent_runs, self.session.settings.recent_runs, self.session.open_run)

    def _set_theme(self, choice: str) -> None:
        theme.apply(_application(), choice)  # type: ignore[arg-type]
        self.session.remember(theme=choice)
        for name in ("dark", "light", "system"):
            action = self.findChild(QAction, f"theme_{name}_action")
            assert isinstance(action, QAction)
            action.setChecked(name == choice)

    def _on_shortcuts(self) -> None:
        self._say("Keyboard shortcuts", SHORTCUTS)

    def _on_about(self) -> None:
        from latentlab import __version__

        self._say("About latentlab", ABOUT.format(version=__version__))

    def _say(self, title: str, text: str) -> None:
        box = QMessageBox(QMessageBox.Icon.NoIcon, title, text, QMessageBox.StandardButton.Close, self)
        box.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        box.setModal(False)
        box.show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # No shortcut, because Space belongs first to the button that has the focus.
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.toolbar.toggle_pause()
        else:
            super().keyPressEvent(event)

    # What the session tells

    def _on_state_changed(self, state: str) -> None:
        session = self.session
        self.continue_action.setEnabled(session.run is not None and not session.busy and state == "idle")

    def _on_run_opened(self, opened: object) -> None:
        run = self.session.run
        self.setWindowTitle(f"{run.name} — latentlab" if run else "latentlab")

    def _on_space_changed(self) -> None:
        self.export_action.setEnabled(self.session.latent.model is not None)

    # Drag and drop: images, or a run

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = _dropped(event.mimeData())
        if path is None:
            return
        event.acceptProposedAction()
        if (path / "run.json").exists():
            self.session.open_run(path)
        else:
            self.session.open_data(path)

    # The first paint, and the end

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._painted:
            self._painted = True
            QTimer.singleShot(0, self._on_first_painted)

    def _on_first_painted(self) -> None:
        self.painted.emit()
        if not self.session.settings.window_state:
            self.resizeDocks(self.docks[:2], [304, 320], Qt.Orientation.Horizontal)
            self.resizeDocks(self.docks[2:], [240], Qt.Orientation.Vertical)
        if not self._closing:
            self.session.start()

    def _restore(self) -> None:
        kept = self.session.settings
        if kept.window_geometry:
            self.restoreGeometry(QByteArray.fromBase64(kept.window_geometry.encode()))
            self.restoreState(QByteArray.fromBase64(kept.window_state.encode()))

    def closeEvent(self, event: QCloseEvent) -> None:
        if self.session.busy and not self._closing and not self._really_close():
            event.ignore()
            return
        self._closing = True
        self.session.remember(
            window_geometry=bytes(self.saveGeometry().toBase64().data()).decode(),
            window_state=bytes(self.saveState().toBase64().data()).decode(),
        )
        self.hide()
        self.session.close()
        event.accept()

    def end(self) -> None:
        """Close without a question, saving what is trained: nobody is there to answer."""
        self._closing = True
        self.close()

    def _really_close(self) -> bool:
        box = QMessageBox(self)
        box.setObjectName("close_question")
        box.setWindowTitle("latentlab")
        box.setText("Training is under way. Stop it, save, and close?")
        close = box.addButton("Save and close", QMessageBox.ButtonRole.AcceptRole)
        close.setObjectName("close_accept")
        box.addButton("Go on training", QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(close)
        box.exec()
        return box.clickedButton() is close


def _tabs(name: str, *pages: tuple[QWidget, str]) -> QTabWidget:
    tabs = QTabWidget()
    tabs.setObjectName(name)
    tabs.setDocumentMode(True)
    tabs.setProperty("surface", "panel")
    tabs.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
    for page, title in pages:
        page.setProperty("surface", "panel")
        page.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        tabs.addTab(page, title)
    return tabs


def _fill(menu: QMenu, entries: tuple[str, ...], chosen: Callable[[str], None]) -> None:
    menu.clear()
    for entry in entries:
        menu.addAction(entry, functools.partial(chosen, entry))
    if not entries:
        menu.addAction("Nothing yet").setEnabled(False)


def _dropped(data: QMimeData) -> Path | None:
    paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    return paths[0] if paths else None


def _application() -> QApplication:
    app = QApplication.instance()
    assert isinstance(app, QApplication)
    return app
