"""What was loaded: how much of it, what it looks like, and what else is known of it."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSizePolicy, QSlider, QVBoxLayout, QWidget

from latentlab.data.base import Dataset
from latentlab.ui import dataset_facts, theme
from latentlab.ui.panels.dataset_original import OriginalDialog
from latentlab.ui.points_state import some_points
from latentlab.ui.scene import Scene
from latentlab.ui.session import Session
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.class_bars import ClassBars
from latentlab.ui.widgets.fields import ChoiceField
from latentlab.ui.widgets.form_section import FormSection
from latentlab.ui.widgets.labels import ElidedLabel, PartsLabel, plain_tooltip
from latentlab.ui.widgets.picture import PictureView
from latentlab.ui.widgets.pixels import tile_picture
from latentlab.ui.widgets.plane_view import PlaneView
from latentlab.ui.widgets.skipped_list import SkippedDialog
from latentlab.ui.widgets.thumbnails import LARGEST, SMALLEST, STEP, ThumbnailGrid

NO_IMAGES = "No images yet"
#: Letters of a class's name in the chooser; all of it is in its tool tip.
LONGEST = 40
#: How the fold's state is called in the settings.
GROUP = "dataset:More"


class DatasetView(QWidget):
    """The dataset that the session holds: its summary, thumbnails or points, classes and facts."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._dataset: Dataset | None = None
        self._original: OriginalDialog | None = None
        self._skipped: SkippedDialog | None = None

        self.summary = PartsLabel("Loading…", role="secondary")  # the window begins with it
        self.summary.setObjectName("dataset_summary")
        self.problem = QLabel()
        self.problem.setObjectName("dataset_problem")
        self.problem.setTextFormat(Qt.TextFormat.PlainText)
        self.problem.setProperty("role", "error")
        self.problem.setWordWrap(True)
        self.problem.hide()
        self.left_out = push_button("dataset_show_skipped", "", "Show what was left out, and why.", flat=True)
        theme.set_icon(self.left_out, "warning", "warning")
        self.left_out.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.left_out.hide()
        self.thumbnails = ThumbnailGrid(side=session.settings.thumbnail_size)
        self.thumbnails.setObjectName("dataset_thumbnails")
        self.thumbnails.setAccessibleName("Images of the dataset")
        self.thumbnails.setFixedHeight(152)
        self.thumbnails.set_empty_text("")
        self.points = PlaneView()
        self.points.setObjectName("dataset_points")
        self.points.setAccessibleName("Points of the dataset")
        self.points.setFixedHeight(160)
        self.points.hide()
        self.chooser = ChoiceField()
        self.chooser.setObjectName("dataset_class")
        self.chooser.setAccessibleName("Images that are shown")
        self.chooser.setToolTip("Show all images, or those of one class or part.")
        self.chooser.setMaxVisibleItems(16)
        self.side = QSlider(Qt.Orientation.Horizontal)
        self.side.setObjectName("dataset_thumbnail_size")
        self.side.setAccessibleName("Size of the thumbnails")
        self.side.setToolTip("Size of the thumbnails (Ctrl+wheel over them, Ctrl+plus, Ctrl+minus).")
        self.side.setRange(SMALLEST, LARGEST)
        self.side.setSingleStep(STEP)
        self.side.setValue(self.thumbnails.side)
        self.side.setFixedWidth(72)
        self.classes = ClassBars()
        self.classes.setObjectName("dataset_classes")
        self.more = FormSection("dataset", "More", "facts")
        self.more.setChecked(GROUP in session.settings.open_groups)
        self.facts = FactsTable()
        self._lay_out()
        self._show_parts(None)

        self.thumbnails.wanted.connect(session.thumbnailer.ask)
        session.thumbnailer.made.connect(self.thumbnails.take)
        self.thumbnails.clicked.connect(self.show_original)
        self.thumbnails.side_changed.connect(self._on_side_changed)
        self.side.valueChanged.connect(self.thumbnails.set_side)
        self.chooser.currentIndexChanged.connect(self._on_chosen)
        self.classes.clicked.connect(self._on_bar_clicked)
        self.left_out.clicked.connect(self.show_skipped)
        self.more.toggled.connect(self._on_more_toggled)
        session.loading_changed.connect(self._on_loading_changed)
        session.loading_progressed.connect(self._on_loading_progressed)
        session.dataset_changed.connect(self._on_dataset_changed)
        session.dataset_failed.connect(self._on_dataset_failed)
        session.skipped_wanted.connect(self.show_skipped)

    def _lay_out(self) -> None:
        choice = QHBoxLayout()
        choice.setSpacing(8)
        choice.addWidget(self.chooser, 1)
        choice.addStretch()
        choice.addWidget(self.side)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(8)
        for widget in (self.summary, self.problem, self.left_out, self.thumbnails, self.points):
            layout.addWidget(widget)
        layout.addLayout(choice)
        layout.addWidget(self.classes)
        layout.addWidget(self.more)
        layout.addWidget(self.facts)

    # What is loaded

    def _on_loading_changed(self, loading: bool) -> None:
        if loading:
            self.problem.hide()
            self._say("Loading…")
            self.thumbnails.set_empty_text("Loading…")
        else:
            self.thumbnails.set_empty_text(NO_IMAGES)
            dataset = self._session.dataset
            self._say(NO_IMAGES if dataset is None else dataset.summary())

    def _on_loading_progressed(self, done: int, total: int) -> None:
        self.summary.setText(f"{self._session.loading_stage}… {100 * done // max(1, total)}%")

    def _on_dataset_failed(self, summary: str) -> None:
        # Long paths have no spaces to break at.
        self.problem.setText(summary.replace("/", "/\u200b").replace("\\", "\\\u200b"))
        self.problem.setAccessibleName(summary)
        self.problem.show()

    def _on_dataset_changed(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._put_away()
        self.problem.hide()
        self._say(dataset.summary())
        left_out = dataset_facts.left_out_words(dataset)
        self.left_out.setText(left_out)
        self.left_out.setAccessibleName(f"Show {left_out}")
        if dataset.is_points:
            self.points.set_scene(Scene(real=some_points(dataset)))
            self.thumbnails.set_images(None)
        else:
            self.thumbnails.set_images(dataset.images, self._describe)
        self._fill_chooser(dataset)
        self.classes.set_counts(dataset.class_counts())
        self.facts.show_facts(dataset)
        self.more.set_told(dataset_facts.gist(dataset))
        self._show_parts(dataset)

    def _say(self, text: str) -> None:
        self.summary.setText(text)
        self.summary.setToolTip(plain_tooltip(text))

    def _show_parts(self, dataset: Dataset | None) -> None:
        pictures = dataset is not None and not dataset.is_points
        self.thumbnails.setVisible(dataset is None or pictures)
        self.points.setVisible(dataset is not None and dataset.is_points)
        self.left_out.setVisible(dataset is not None and bool(dataset.skipped))
        self.side.setVisible(pictures)
        self.chooser.setVisible(pictures and self.chooser.count() > 1)
        self.more.setVisible(dataset is not None)
        self.facts.setVisible(dataset is not None and self.more.isChecked())

    def _describe(self, index: int) -> str:
        assert self._dataset is not None
        parts = [self._dataset.name_of(index)]
        if self._dataset.labels is not None:
            parts.append(self._dataset.label_names[self._dataset.labels[index]])
        return " · ".join(parts)

    # Which of it is shown

    def _fill_chooser(self, dataset: Dataset) -> None:
        was_blocked = self.chooser.blockSignals(True)
        self.chooser.clear()
        everything = "All images" if dataset.labels is None else "All classes"
        self.chooser.addItem(f"{everything} ({len(dataset):,})", "all")
        if dataset.heldout is not None and len(dataset.heldout):
            held_out = len(dataset.heldout)
            self.chooser.addItem(f"Training ({len(dataset) - held_out:,})", "training")
            self.chooser.addItem(f"Held out ({held_out:,})", "heldout")
        for index, (name, count) in enumerate(dataset.class_counts().items()):
            short = dataset_facts.shortened(name, LONGEST)
            self.chooser.addItem(f"{short} ({count:,})", f"class {index}")
            tip = plain_tooltip(f"{name} ({count:,})")
            self.chooser.setItemData(self.chooser.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)
        self.chooser.blockSignals(was_blocked)

    def _on_chosen(self) -> None:
        chosen = self.chooser.currentData()
        self.thumbnails.set_shown(self._indices(chosen))
        self.classes.set_selected(int(chosen.split()[1]) if chosen.startswith("class ") else None)

    def _indices(self, chosen: str) -> np.ndarray | None:
        """Ascending int64 indices of a part of the dataset; None for all of it."""
        dataset = self._dataset
        if dataset is None or chosen == "all":
            return None
        if chosen.startswith("class "):
            assert dataset.labels is not None
            return np.flatnonzero(dataset.labels == int(chosen.split()[1]))
        assert dataset.heldout is not None
        held_out = np.zeros(len(dataset), bool)
        held_out[dataset.heldout] = True
        return np.flatnonzero(held_out if chosen == "heldout" else ~held_out)

    def _on_bar_clicked(self, index: int) -> None:
        """Show this class; all again where it is shown."""
        wanted = f"class {index}"
        self.chooser.setCurrentIndex(
            0 if self.chooser.currentData() == wanted else self.chooser.findData(wanted)
        )

    def _on_side_changed(self, side: int) -> None:
        self.side.setValue(side)
        self._session.remember(thumbnail_size=side)

    # More of it

    def _on_more_toggled(self, is_open: bool) -> None:
        self.facts.setVisible(is_open and self._dataset is not None)
        others = [group for group in self._session.settings.open_groups if group != GROUP]
        self._session.remember(open_groups=(*others, *([GROUP] if is_open else [])))

    def show_original(self, index: int) -> None:
        """Open an image of the dataset as it was found, beside what it was prepared to."""
        assert self._dataset is not None
        if self._original is None:
            self._original = OriginalDialog(self._session, self._dataset, self.thumbnails.neighbour, self)
            self._original.moved.connect(self.thumbnails.set_current)
        self._original.show_image(index)
        self._original.show()
        self._original.raise_()
        self._original.activateWindow()

    def show_skipped(self) -> None:
        """Open the list of what was left out."""
        if self._dataset is None or not self._dataset.skipped:
            return
        if self._skipped is None:
            self._skipped = SkippedDialog(self._dataset.name, self._dataset.skipped, self)
        self._skipped.show()
        self._skipped.raise_()
        self._skipped.activateWindow()

    def _put_away(self) -> None:
        """What is open is of the dataset before."""
        for dialog in (self._original, self._skipped):
            if dialog is not None:
                dialog.close()
                dialog.deleteLater()
        self._original = self._skipped = None


class FactsTable(QWidget):
    """The mean image beside a table of facts."""

    MEAN = 56

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("dataset_facts")
        self.mean = PictureView(smooth=True)
        self.mean.setObjectName("dataset_mean")
        self.mean.setAccessibleName("The mean of all images")
        self.mean.setToolTip("The mean of all images.")
        self.mean.setFixedSize(self.MEAN, self.MEAN)
        self._labels: list[tuple[ElidedLabel, ElidedLabel]] = []
        self.rows = QGridLayout()
        self.rows.setHorizontalSpacing(8)
        self.rows.setVerticalSpacing(2)
        self.rows.setColumnStretch(1, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 4)
        layout.setSpacing(12)
        layout.addWidget(self.mean, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(self.rows, 1)
        layout.setAlignment(self.rows, Qt.AlignmentFlag.AlignTop)

    def show_facts(self, dataset: Dataset) -> None:
        """What is known of it."""
        told = dataset_facts.facts(dataset)
        while len(self._labels) < len(told):
            pair = ElidedLabel(role="secondary"), ElidedLabel(role="number")
            pair[0].setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
            for column, label in enumerate(pair):
                self.rows.addWidget(label, len(self._labels), column)
            self._labels.append(pair)
        for row, pair in enumerate(self._labels):
            texts = told[row] if row < len(told) else ("", "")
            for label, text in zip(pair, texts, strict=True):
                label.setText(text)
                label.setToolTip(plain_tooltip(text))
                label.setAccessibleName(": ".join(texts))
                label.setVisible(row < len(told))
        self.setAccessibleName("; ".join(f"{title}: {words}" for title, words in told))
        pictures = dataset.mean is not None and not dataset.is_points
        self.mean.setVisible(pictures)
        if dataset.mean is not None and pictures:
            self.mean.set_picture(tile_picture(np.rint(dataset.mean).clip(0, 255).astype(np.uint8)))
