"""What was loaded: how much of it, what it looks like, and how its classes are balanced."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from latentlab.data.base import Dataset
from latentlab.ui import theme
from latentlab.ui.points_state import some_points
from latentlab.ui.scene import Scene
from latentlab.ui.session import Session
from latentlab.ui.widgets.labels import ElidedLabel
from latentlab.ui.widgets.plane_view import PlaneView
from latentlab.ui.widgets.thumbnails import ThumbnailGrid


class DatasetView(QWidget):
    """The dataset that the session holds: a summary, thumbnails or points, and bars of its classes."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.summary = ElidedLabel("Loading…", role="secondary")  # the window begins with it
        self.summary.setObjectName("dataset_summary")
        self.thumbnails = ThumbnailGrid()
        self.thumbnails.setObjectName("dataset_thumbnails")
        self.thumbnails.setAccessibleName("Images of the dataset")
        self.thumbnails.setFixedHeight(116)
        self.points = PlaneView()
        self.points.setObjectName("dataset_points")
        self.points.setAccessibleName("Points of the dataset")
        self.points.setFixedHeight(160)
        self.points.hide()
        self.classes = ClassBars()
        self.classes.setObjectName("dataset_classes")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for widget in (self.summary, self.thumbnails, self.points, self.classes):
            layout.addWidget(widget)

        session.loading_changed.connect(self._on_loading_changed)
        session.loading_progressed.connect(self._on_loading_progressed)
        session.dataset_changed.connect(self._on_dataset_changed)
        session.dataset_failed.connect(self._on_dataset_failed)

    def _on_loading_changed(self, loading: bool) -> None:
        if loading:
            self.summary.setText("Loading…")
        else:
            dataset = self._session.dataset
            self._say(dataset.summary() if dataset is not None else "No images yet")

    def _on_loading_progressed(self, done: int, total: int) -> None:
        self.summary.setText(f"Loading… {100 * done // max(1, total)}%")

    def _on_dataset_changed(self, dataset: Dataset) -> None:
        labels = None
        if dataset.labels is not None:
            labels = [dataset.label_names[i] for i in dataset.labels]
        self.thumbnails.setVisible(not dataset.is_points)
        self.points.setVisible(dataset.is_points)
        if dataset.is_points:
            self.points.set_scene(Scene(real=some_points(dataset)))
            self.thumbnails.set_images(None)
        else:
            self.thumbnails.set_images(dataset.images, labels)
        self.classes.set_counts(dataset.class_counts())
        self._say(dataset.summary())

    def _on_dataset_failed(self, summary: str) -> None:
        if self._session.dataset is None:
            self.thumbnails.set_empty_text("No images yet")
        self._say(summary)

    def _say(self, text: str) -> None:
        self.summary.setText(text)
        self.summary.setToolTip(text)


class ClassBars(QWidget):
    """How many images each class has: a bar and a name each; hidden without classes."""

    HEIGHT, LABEL = 28, 16

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._counts: dict[str, int] = {}
        self.setMouseTracking(True)
        self.hide()

    def set_counts(self, counts: dict[str, int]) -> None:
        """Class name -> images."""
        self._counts = counts
        listed = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:24])
        self.setAccessibleName(f"Images per class: {listed}")
        self.setToolTip(f"Images per class: {listed}" + (", …" if len(counts) > 24 else ""))
        self.setVisible(bool(counts))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, self.HEIGHT + self.LABEL)

    def minimumSizeHint(self) -> QSize:
        return QSize(60, self.HEIGHT + self.LABEL)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self._counts:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        tokens = theme.current()
        slot = self.width() / len(self._counts)
        gap = 4 if slot >= 10 else 1 if slot >= 3 else 0
        highest = max(self._counts.values()) or 1
        font = self.font()
        font.setPixelSize(11)
        painter.setFont(font)
        metrics = painter.fontMetrics()
        named = all(metrics.horizontalAdvance(name) <= slot for name in self._counts)
        for index, (name, count) in enumerate(self._counts.items()):
            left, height = index * slot, max(2.0, self.HEIGHT * count / highest)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(tokens.color("hover"))
            painter.drawRoundedRect(QRectF(left, self.HEIGHT - height, slot - gap, height), 2, 2)
            if named:
                painter.setPen(tokens.color("secondary"))
                below = QRectF(left, self.HEIGHT, slot - gap, self.LABEL)
                painter.drawText(below, Qt.AlignmentFlag.AlignCenter, name)
