"""The images that were left out of a dataset, each with its reason: to be searched and copied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, Signal
from PySide6.QtGui import QGuiApplication, QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialog,
    QHBoxLayout,
    QHeaderView,
    QLineEdit,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from latentlab.data.base import Skipped
from latentlab.data.dataset import LOOKS_LIKE, SAME_AS
from latentlab.ui.dataset_facts import shortened
from latentlab.ui.widgets.buttons import push_button
from latentlab.ui.widgets.fields import choice_field
from latentlab.ui.widgets.labels import ElidedLabel, plain_tooltip

#: Reasons that can be chosen among, the most frequent first; the field finds the others.
REASONS = 100
#: Letters of a reason in the chooser.
LONGEST = 60

_Index = QModelIndex | QPersistentModelIndex


def group_of(entry: Skipped) -> str:
    """The reason, without which image it is that another one is like."""
    if not entry.is_duplicate:
        return entry.reason
    return (SAME_AS if entry.reason.startswith(SAME_AS) else LOOKS_LIKE) + "another image"


class SkippedModel(QAbstractTableModel):
    """Rows of (path, reason)."""

    TITLES = ("File", "Why it was left out")

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: Sequence[Skipped] = ()

    def set_rows(self, rows: Sequence[Skipped]) -> None:
        self.beginResetModel()
        self.rows = rows
        self.endResetModel()

    def rowCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.rows)

    def columnCount(self, parent: _Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(self.TITLES)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole:
            return self.TITLES[section]
        return None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        if role not in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole):
            return None
        entry = self.rows[index.row()]
        text = entry.path if index.column() == 0 else entry.reason
        return plain_tooltip(text) if role == Qt.ItemDataRole.ToolTipRole else text


class RowList(QTableView):
    """A list of which whole rows are copied; Qt would copy one cell. Asks for no row that is not seen."""

    copy_wanted = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_wanted.emit()
        else:
            super().keyPressEvent(event)


class SkippedDialog(QDialog):
    """Lists what was left out of the dataset `name`. Not modal; Esc closes it, Ctrl+C copies rows."""

    def __init__(self, name: str, skipped: Sequence[Skipped], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("dataset_skipped")
        self.setWindowTitle(f"Left out of {name}")
        self.resize(720, 440)
        self._skipped = skipped

        self.reason = choice_field(
            "dataset_skipped_reason", "Reason", "Show what was left out for one reason."
        )
        self._fill_reasons()
        self.search = QLineEdit()
        self.search.setObjectName("dataset_skipped_search")
        self.search.setAccessibleName("Search")
        self.search.setPlaceholderText("Search")
        self.search.setToolTip("Show only files with this in their path or in the reason.")
        self.search.setClearButtonEnabled(True)
        self.model = SkippedModel(self)
        self.list = RowList()
        self.list.setObjectName("dataset_skipped_list")
        self.list.setAccessibleName("What was left out")
        self.list.setModel(self.model)
        self.list.setShowGrid(False)
        self.list.setWordWrap(False)
        self.list.setTabKeyNavigation(False)
        self.list.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.list.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.list.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        self.list.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.list.verticalHeader().hide()
        self.list.verticalHeader().setDefaultSectionSize(28)
        header = self.list.horizontalHeader()
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        header.setHighlightSections(False)
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Interactive)
        header.resizeSection(0, 330)
        self.count = ElidedLabel(role="secondary")
        self.count.setObjectName("dataset_skipped_count")
        self.copy = push_button("dataset_skipped_copy", "Copy all", "", "copy")
        self.close_button = push_button("dataset_skipped_close", "Close", "Close this list (Esc).")
        self._lay_out()
        self._show()

        self.reason.currentIndexChanged.connect(self._show)
        self.search.textChanged.connect(self._show)
        self.list.selectionModel().selectionChanged.connect(self._show_copy)
        self.copy.clicked.connect(self.copy_rows)
        self.close_button.clicked.connect(self.reject)
        self.list.copy_wanted.connect(self.copy_rows)
        self.list.setFocus()

    def _lay_out(self) -> None:
        above, below = QHBoxLayout(), QHBoxLayout()
        above.addWidget(self.reason, 3)
        above.addWidget(self.search, 2)
        below.addWidget(self.count, 1)
        below.addWidget(self.copy)
        below.addWidget(self.close_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(16, 16, 16, 16)
        layout.setSpacing(12)
        for row in (above, below):
            row.setSpacing(8)
        layout.addLayout(above)
        layout.addWidget(self.list, 1)
        layout.addLayout(below)
        self.copy.setAutoDefault(False)
        self.close_button.setAutoDefault(False)

    def _fill_reasons(self) -> None:
        counts = Counter(map(group_of, self._skipped))
        self.reason.addItem(f"All reasons ({len(self._skipped):,})")
        for reason, count in counts.most_common(REASONS):
            self.reason.addItem(f"{shortened(reason, LONGEST)} ({count:,})", reason)
            tip = plain_tooltip(reason)
            self.reason.setItemData(self.reason.count() - 1, tip, Qt.ItemDataRole.ToolTipRole)

    def _show(self, _: object = None) -> None:
        reason, sought = self.reason.currentData(), self.search.text().strip().casefold()
        rows = [entry for entry in self._skipped if reason is None or group_of(entry) == reason]
        if sought:
            rows = [entry for entry in rows if sought in f"{entry.path}\t{entry.reason}".casefold()]
        self.model.set_rows(rows)
        total = len(self._skipped)
        self.count.setText(f"{total:,}" if len(rows) == total else f"{len(rows):,} of {total:,}")
        self._show_copy()

    def _show_copy(self, _: object = None) -> None:
        chosen = len(self.list.selectionModel().selectedRows())
        self.copy.setText(f"Copy {chosen:,}" if chosen > 1 else "Copy" if chosen else "Copy all")
        self.copy.setAccessibleName(self.copy.text())
        self.copy.setToolTip("Copy the chosen rows (Ctrl+C)." if chosen else "Copy all rows that are shown.")
        self.copy.setEnabled(bool(self.model.rows))

    def copy_rows(self) -> None:
        """The chosen rows, or all that are shown, as lines of path, tab, reason."""
        chosen = sorted(index.row() for index in self.list.selectionModel().selectedRows())
        rows = [self.model.rows[row] for row in chosen] or self.model.rows
        QGuiApplication.clipboard().setText("\n".join(f"{entry.path}\t{entry.reason}" for entry in rows))
