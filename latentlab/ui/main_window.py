"""The window: toolbar, docks, canvas modes, status bar, menus. It joins panels and holds no state."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QByteArray, QMimeData, Qt, QTimer, Signal
from PySide6.QtGui import (
    QCloseEvent,
    QDragEnterEvent,
    QDropEvent,
    QIcon,
    QKeyEvent,
    QPaintEvent,
)
from PySide6.QtWidgets import (
    QDockWidget,
    QFileDialog,
    QFrame,
    QMainWindow,
    QMessageBox,
    QScrollArea,
    QTabWidget,
    QToolBar,
    QVBoxLayout,
    QWidget,
)

from latentlab.ui import theme
from latentlab.ui.health_state import GRAVE
from latentlab.ui.menus import Menus
from latentlab.ui.notify import NoticeBar
from latentlab.ui.panels.bookmarks import BookmarksPanel
from latentlab.ui.panels.compare import ComparePanel
from latentlab.ui.panels.curves import CurvesPanel
from latentlab.ui.panels.dataset import DatasetPanel
from latentlab.ui.panels.directions import DirectionsPanel
from latentlab.ui.panels.explore import ExplorePanel
from latentlab.ui.panels.health import HealthPanel
from latentlab.ui.panels.latent import LatentPanel
from latentlab.ui.panels.map import MapPanel
from latentlab.ui.panels.model import ModelPanel
from latentlab.ui.panels.reconstruct import ReconstructPanel
from latentlab.ui.panels.samples import SamplesPanel
from latentlab.ui.panels.timeline import TimelinePanel
from latentlab.ui.panels.training import TrainingPanel
from latentlab.ui.session import Session
from latentlab.ui.toolbar import Toolbar
from latentlab.ui.widgets.export_bar import ExportBar
from latentlab.ui.widgets.findings import LEVELS
from latentlab.ui.widgets.labels import rule

if TYPE_CHECKING:
    from latentlab.export.state import State


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
        self.reconstruct = ReconstructPanel(session)
        self.map = MapPanel(session)
        self.compare = ComparePanel(session)
        self.latent = LatentPanel(session)
        self.directions = DirectionsPanel(session)
        self.bookmarks = BookmarksPanel(session)
        self.curves = CurvesPanel(session)
        self.health = HealthPanel(session)
        self.timeline = TimelinePanel(session)
        self.notices = NoticeBar()
        self._lay_out()
        self.menus = Menus(self)
        self._restore()

        self.toolbar.open_wanted.connect(self.dataset.choice.choose_folder)
        self.explore.timed.connect(self.toolbar.show_speed)
        session.plots_ready.connect(self.curves.build)
        session.plots_ready.connect(self.map.build)
        session.notified.connect(self.notices.show_notice)
        session.state_changed.connect(self._on_state_changed)
        session.run_opened.connect(self._on_run_opened)
        session.run_dropped.connect(session.open_run)
        session.image_dropped.connect(self._on_image_dropped)
        session.latents_dropped.connect(self._on_latents_dropped)
        session.returning.grid_wanted.connect(self._on_grid_wanted)
        session.returning.folder_wanted.connect(self._on_folder_wanted)
        session.latent.space_changed.connect(self._on_space_changed)
        self.health.gravest_changed.connect(self._on_gravest_changed)
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
        for mode, title in (
            (self.explore, "Explore"),
            (self.samples, "Samples"),
            (self.reconstruct, "Reconstruct"),
            (self.map, "Map"),
            (self.compare, "Compare"),
        ):
            self.canvas_tabs.addTab(mode, title)
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
        right = _tabs(
            "latent_tabs",
            (self.latent, "Latent"),
            (self.directions, "Directions"),
            (self.bookmarks, "Bookmarks"),
        )
        self.right_tabs = right
        below = _tabs(
            "bottom_tabs", (self.curves, "Curves"), (self.health, "Health"), (self.timeline, "Timeline")
        )
        self.bottom_tabs = below
        below.setCornerWidget(self.curves.controls)
        below.currentChanged.connect(self._on_bottom_tab_changed)
        self.docks = [
            self._dock("Setup", "setup_dock", scroll, Qt.DockWidgetArea.LeftDockWidgetArea),
            self._dock("Latent", "latent_dock", right, Qt.DockWidgetArea.RightDockWidgetArea),
            self._dock("Curves and timeline", "bottom_dock", below, Qt.DockWidgetArea.BottomDockWidgetArea),
        ]
        self.statusBar().addWidget(self.notices, 1)
        self.statusBar().addPermanentWidget(ExportBar(self.session.exports))
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

    def export_grid(self) -> None:
        """Open the export-grid dialog; it does not block the window."""
        if self.session.latent.model is None:
            self.session.notify("info", "There is nothing to export yet: press Train, or open a run.")
            return
        from latentlab.ui.export_dialog import ExportGridDialog

        ExportGridDialog(self.session, self).show()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        # No shortcut, because Space belongs first to the button that has the focus.
        if event.key() == Qt.Key.Key_Space and not event.isAutoRepeat():
            self.toolbar.toggle_pause()
        else:
            super().keyPressEvent(event)

    # What the session tells

    def _on_state_changed(self, state: str) -> None:
        session = self.session
        self.menus.continue_run.setEnabled(session.run is not None and not session.busy and state == "idle")

    def _on_run_opened(self, opened: object) -> None:
        run = self.session.run
        self.setWindowTitle(f"{run.name} — latentlab" if run else "latentlab")

    def _on_gravest_changed(self, level: str) -> None:
        index = self.bottom_tabs.indexOf(self.health)
        grave = level in GRAVE
        self.bottom_tabs.setTabIcon(index, theme.icon(level, level) if grave else QIcon())
        self.bottom_tabs.setTabToolTip(index, f"There is a finding: {LEVELS[level][0]}" if grave else "")

    def _on_space_changed(self) -> None:
        self.menus.export.setEnabled(self.session.latent.model is not None)

    # Drag and drop: a folder or file of images, one image to be encoded, or a run

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if _dropped(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        path = _dropped(event.mimeData())
        if path is None:
            return
        event.acceptProposedAction()
        if len(event.mimeData().urls()) > 1:
            self.session.notify(
                "info", f"Only {path.name} is opened; drop a folder to open all that is in it."
            )
        self.session.open_dropped(path)

    def _on_image_dropped(self, path: Path) -> None:
        self.canvas_tabs.setCurrentWidget(self.reconstruct)
        self.reconstruct.open_image(path)

    def _on_latents_dropped(self, path: Path) -> None:
        self.right_tabs.setCurrentWidget(self.bookmarks)
        self.session.bookmarks.bring_in(path)

    def _on_grid_wanted(self, state: State) -> None:
        from latentlab.ui.export_dialog import ExportGridDialog

        ExportGridDialog(
            self.session, self, source=state.source, settings=state.settings, layout=state.layout
        ).show()

    def _on_folder_wanted(self, then: Callable[[Path], None]) -> None:
        start = str(self.session.settings.runs)
        if folder := QFileDialog.getExistingDirectory(self, "Where is the run?", start):
            then(Path(folder))

    def open_picture(self) -> None:
        """Choose an exported picture and go back to where it was made."""
        start = self.session.settings.export_folder or str(Path.home())
        kinds = "Pictures (*.png *.webp *.tif *.tiff)"
        name, _ = QFileDialog.getOpenFileName(self, "Go back to where a picture was made", start, kinds)
        if name:
            self.session.open_dropped(Path(name))

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


def _dropped(data: QMimeData) -> Path | None:
    paths = [Path(url.toLocalFile()) for url in data.urls() if url.isLocalFile()]
    return paths[0] if paths else None
