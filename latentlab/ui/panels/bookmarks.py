"""The Bookmarks dock: latents to come back to, and sums of them."""

from __future__ import annotations

import functools
from pathlib import Path

from PySide6.QtCore import QRectF, QSignalBlocker, Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent, QHideEvent, QPainter, QPen, QShowEvent
from PySide6.QtWidgets import QFileDialog, QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from latentlab.ui import theme
from latentlab.ui.bookmarks_state import MIME, Item, dropped
from latentlab.ui.mixture import SLOTS
from latentlab.ui.saving import choose_file
from latentlab.ui.session import Session
from latentlab.ui.widgets.bookmark_list import BookmarkList
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.fields import ChoiceField, FloatField, choice_field
from latentlab.ui.widgets.labels import ElidedLabel, heading, rule
from latentlab.ui.widgets.picture import RADIUS, PictureView
from latentlab.ui.widgets.pixels import tile_picture

EMPTY = "Press B: the present image is kept here\nand found again with one click."
EMPTY_WITHOUT_MODEL = "Bookmarks of a model's images appear here:\npress Train, or open a run."
ORDERS = {"hand": "My order", "name": "By name", "age": "By age"}
KINDS = {"difference": "A − B + C", "average": "Average", "free": "Free"}
#: What the dialog offers, and the ending that each brings.
FORMATS = {"NPZ, for NumPy (*.npz)": ".npz", "JSON, to read (*.json)": ".json"}
NOTHING = "—"
SLOT_SIDE, RESULT_SIDE = 36, 96


class BookmarksPanel(QWidget):
    """Thumbnails of the named latents of the run, and an arithmetic of up to four of them."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("bookmarks_panel")
        self.setAccessibleName("Bookmarks")
        self._session, self._latent = session, session.latent
        self._bookmarks, self._mixture = session.bookmarks, session.bookmarks.mixture

        self.add = push_button("bookmark_add", "Add", "Bookmark the present latent (B)", "plus")
        self.order = _choice("bookmark_sort", "Order", "The order they are shown in.", ORDERS)
        self.remove = push_button(
            "bookmark_remove", "", "Remove the selected bookmarks (Delete)", "minus", flat=True
        )
        self.bring_in = push_button(
            "bookmark_import",
            "",
            "Add the latents of a file: NPZ, JSON, or an exported picture…",
            "open",
            flat=True,
        )
        self.write = push_button(
            "bookmark_export",
            "",
            "Export the selected bookmarks, or all, as NPZ or JSON…",
            "export",
            flat=True,
        )
        self.removed = ElidedLabel(role="secondary")
        self.restore = push_button("bookmark_restore", "Restore", "Bring back what was removed last.")
        self.list = BookmarkList()
        self.list.setObjectName("bookmark_list")
        self.list.setAccessibleName("Bookmarks")

        self.kind = _choice("mix_kind", "Kind of sum", "The weights of the sum.", KINDS)
        self.slots = [MixSlot(slot) for slot in range(SLOTS)]
        self.choices = [self._slot_choice(slot) for slot in range(SLOTS)]
        self.weights = [self._weight(slot) for slot in range(SLOTS)]
        self.result = PictureView(smooth=True)
        self.result.setObjectName("mix_result")
        self.result.setAccessibleName("What the sum decodes to")
        self.result.setFixedSize(RESULT_SIDE, RESULT_SIDE)
        self.result.set_empty_text("sum")
        self.words = ElidedLabel(role="secondary")
        self.words.setObjectName("mix_words")
        self.go = push_button("mix_go", "Go there", "Make the sum the present latent.")
        self.keep = push_button("mix_bookmark", "Bookmark it", "Bookmark the sum.")

        self._lay_out()
        self._on_bookmarks_changed()
        self._on_selection_changed()
        self._on_mixture_changed()
        self.add.clicked.connect(self.add_here)
        self.order.activated.connect(self._on_order_chosen)
        self.bring_in.clicked.connect(self._on_bring_in)
        self.write.clicked.connect(self._on_write)
        self.remove.clicked.connect(self._on_remove)
        self.restore.clicked.connect(self._bookmarks.restore)
        self.list.chosen.connect(self._bookmarks.go)
        self.list.renamed.connect(self._bookmarks.rename)
        self.list.removal_wanted.connect(self._on_remove)
        self.list.dropped.connect(self._on_dropped)
        self.list.itemSelectionChanged.connect(self._on_selection_changed)
        self.kind.activated.connect(self._on_kind_chosen)
        self.go.clicked.connect(self._mixture.go)
        self.keep.clicked.connect(self._on_keep)
        self._bookmarks.changed.connect(self._on_bookmarks_changed)
        self._bookmarks.pictured.connect(self._on_pictured)
        self._mixture.changed.connect(self._on_mixture_changed)
        self._mixture.rendered.connect(self._on_mixture_rendered)
        self._latent.space_changed.connect(self._on_space_changed)

    def _slot_choice(self, slot: int) -> ChoiceField:
        letter = "ABCD"[slot]
        choice = ChoiceField()
        choice.setObjectName(f"mix_choice_{slot}")
        choice.setAccessibleName(f"The bookmark that is {letter}")
        choice.setToolTip(f"The bookmark that is {letter}; one can be dropped on the picture too.")
        choice.activated.connect(functools.partial(self._on_slot_chosen, slot))
        self.slots[slot].filled.connect(functools.partial(self._on_slot_filled, slot))
        return choice

    def _weight(self, slot: int) -> FloatField:
        letter = "ABCD"[slot]
        weight = FloatField(shown=2, signed=True)
        weight.setRange(-2, 2)
        weight.setSingleStep(0.1)
        weight.setObjectName(f"mix_weight_{slot}")
        weight.setAccessibleName(f"The weight of {letter}")
        weight.setToolTip(f"How often {letter} is added, −2 to 2; negative takes it away.")
        weight.setFixedWidth(64)
        weight.valueChanged.connect(functools.partial(self._on_weighed, slot))
        return weight

    def _lay_out(self) -> None:
        head = QHBoxLayout()
        head.setSpacing(4)
        head.addWidget(self.add)
        head.addWidget(self.bring_in)
        head.addWidget(self.write)
        head.addStretch()
        head.addWidget(self.order)
        head.addWidget(self.remove)
        self.back = QWidget()
        back = QHBoxLayout(self.back)
        back.setContentsMargins(0, 0, 0, 0)
        back.setSpacing(8)
        back.addWidget(self.removed, 1)
        back.addWidget(self.restore)

        title = QHBoxLayout()
        title.addWidget(heading("Arithmetic"))
        title.addStretch()
        title.addWidget(self.kind)
        rows = QVBoxLayout()
        rows.setSpacing(6)
        for slot, choice, weight in zip(self.slots, self.choices, self.weights, strict=True):
            row = QHBoxLayout()
            row.setSpacing(8)
            row.addWidget(slot)
            row.addWidget(choice, 1)
            row.addWidget(weight)
            rows.addLayout(row)
        buttons = QVBoxLayout()
        buttons.setSpacing(8)
        buttons.addWidget(self.words)
        buttons.addWidget(self.go)
        buttons.addWidget(self.keep)
        buttons.addStretch()
        below = QHBoxLayout()
        below.setSpacing(12)
        below.addWidget(self.result)
        below.addLayout(buttons, 1)

        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(16, 12, 16, 12)
        column.setSpacing(8)
        column.addLayout(head)
        column.addWidget(self.back)
        column.addWidget(self.list, 1)
        column.addWidget(rule())
        column.addLayout(title)
        column.addLayout(rows)
        column.addLayout(below)
        scroll = QScrollArea()
        scroll.setWidget(content)
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(scroll)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._bookmarks.watch(True)

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._bookmarks.watch(False)

    # Bookmarks

    def add_here(self) -> None:
        """Bookmark the present latent."""
        item = self._bookmarks.add()
        if item is None:
            self._session.notify("info", "There is nothing to bookmark yet: press Train, or open a run.")
            return
        self.list.show_item(item)
        if not self.isVisible():
            self._session.notify("good", f"Kept as “{item.name}” on the Bookmarks tab.")

    def _on_order_chosen(self) -> None:
        self._bookmarks.sort(self.order.currentData())

    def _on_remove(self) -> None:
        self._bookmarks.remove(self.list.selected())

    def _on_bring_in(self) -> None:
        start = self._session.settings.export_folder or str(Path.home())
        kinds = "Latents (*.npz *.npy *.json *.png *.webp *.tif *.tiff)"
        name, _ = QFileDialog.getOpenFileName(self, "Add latents", start, kinds)
        if name:
            self._bookmarks.bring_in(Path(name))

    def _on_write(self) -> None:
        run = self._session.run
        folder = Path(self._session.settings.export_folder or Path.home())
        start = folder / f"{run.name if run is not None else 'latentlab'}-bookmarks.npz"
        path = choose_file(self, "Export bookmarks", start, FORMATS)
        if path is not None:
            self._bookmarks.write(path, self.list.selected() or self._bookmarks.items)

    def _on_dropped(self, items: list[Item], place: int) -> None:
        taken = self._bookmarks.take(items)
        if taken:
            self._bookmarks.move(taken, place)

    def _on_selection_changed(self) -> None:
        self.remove.setEnabled(bool(self.list.selected()))

    def _on_bookmarks_changed(self) -> None:
        marks = self._bookmarks
        self.list.set_items(marks.items)
        self.order.setCurrentIndex(self.order.findData(marks.order))
        names = ", ".join(item.name for _, item in marks.removed)
        self.removed.setText(f"Removed {names}")
        self.removed.setToolTip(names)
        self.back.setVisible(bool(marks.removed))
        self.write.setEnabled(bool(marks.items))
        for slot, choice in enumerate(self.choices):
            choice.clear()
            choice.addItems([NOTHING, *(item.name for item in marks.items)])
            self._show_choice(slot)
        self._on_space_changed()

    def _on_pictured(self) -> None:
        self.list.refresh_tiles()
        self._show_slots()

    def _on_space_changed(self) -> None:
        there = self._latent.model is not None
        self.add.setEnabled(there)
        self.bring_in.setEnabled(there)
        self.list.set_empty_text(EMPTY if there else EMPTY_WITHOUT_MODEL)

    # Arithmetic

    def _on_kind_chosen(self) -> None:
        self._mixture.set_kind(self.kind.currentData())

    def _on_slot_chosen(self, slot: int, index: int) -> None:
        self._mixture.fill(slot, self._bookmarks.items[index - 1] if index > 0 else None)

    def _on_slot_filled(self, slot: int, item: Item) -> None:
        for taken in self._bookmarks.take([item]):
            self._mixture.fill(slot, taken)

    def _on_weighed(self, slot: int, weight: float) -> None:
        self._mixture.set_weight(slot, weight)

    def _on_keep(self) -> None:
        item = self._mixture.bookmark()
        if item is not None:
            self.list.show_item(item)

    def _on_mixture_changed(self) -> None:
        mixture = self._mixture
        self.kind.setCurrentIndex(self.kind.findData(mixture.kind))
        for slot, weight in enumerate(self.weights):
            with QSignalBlocker(weight):
                weight.setValue(mixture.weights[slot])
            self._show_choice(slot)
        self._show_slots()
        words = mixture.words()
        self.words.setText(words or "Choose bookmarks to add up.")
        self.words.setToolTip(words)
        for button in (self.go, self.keep):
            button.setEnabled(mixture.result() is not None)

    def _show_choice(self, slot: int) -> None:
        item, items = self._mixture.slots[slot], self._bookmarks.items
        self.choices[slot].setCurrentIndex(items.index(item) + 1 if item in items else 0)

    def _show_slots(self) -> None:
        for view, item in zip(self.slots, self._mixture.slots, strict=True):
            tile = item.tile if item is not None else None
            view.set_picture(None if tile is None else tile_picture(tile))

    def _on_mixture_rendered(self) -> None:
        tile = self._mixture.tile
        self.result.set_picture(None if tile is None else tile_picture(tile))
        for button in (self.go, self.keep):
            button.setEnabled(self._mixture.result() is not None)


class MixSlot(PictureView):
    """A small picture that a bookmark can be dropped on; its letter while it is empty."""

    filled = Signal(object)  # Item

    def __init__(self, slot: int) -> None:
        super().__init__(smooth=True)
        self._letter = "ABCD"[slot]
        self.setObjectName(f"mix_slot_{slot}")
        self.setAccessibleName(f"The picture of {self._letter}")
        self.setToolTip("Drop a bookmark here.")
        self.setFixedSize(SLOT_SIDE, SLOT_SIDE)
        self.setAcceptDrops(True)

    def _paint_empty(self, painter: QPainter) -> None:
        shown = theme.current()
        painter.setPen(QPen(shown.color("line"), 1))
        painter.setBrush(shown.color("control"))
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), RADIUS, RADIUS)
        painter.setPen(shown.color("secondary"))
        painter.drawText(self.rect(), Qt.AlignmentFlag.AlignCenter, self._letter)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasFormat(MIME):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()

    def dropEvent(self, event: QDropEvent) -> None:
        if items := dropped(event.mimeData()):
            event.setDropAction(Qt.DropAction.CopyAction)
            event.accept()
            self.filled.emit(items[0])


def _choice(name: str, spoken: str, tooltip: str, entries: dict[str, str]) -> ChoiceField:
    choice = choice_field(name, spoken, tooltip)
    choice.setMinimumWidth(104)
    for key, title in entries.items():
        choice.addItem(title, key)
    return choice
