"""What was found, in words: a mark with a word for the level, the sentence, and what to try."""

from __future__ import annotations

import html
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QSize, Qt
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QGridLayout, QLabel, QSizePolicy, QVBoxLayout, QWidget

from latentlab.training.health import Finding
from latentlab.ui import theme

#: Level -> its word, icon and colour.
LEVELS = {
    "error": ("Problem", "error", "error"),
    "warning": ("Warning", "warning", "warning"),
    "info": ("Note", "info", "secondary"),
    "good": ("Good", "check", "good"),
}


class FindingRow(QWidget):
    """One finding; its sentences can be marked and copied."""

    def __init__(self, finding: Finding) -> None:
        super().__init__()
        self.finding = finding
        self.setObjectName(f"health_finding_{finding.key.replace('-', '_')}")
        self._mark = QLabel()
        self._mark.setFixedSize(16, 18)
        self._text, remedy = QLabel(), QLabel(finding.remedy)
        self._text.setTextFormat(Qt.TextFormat.RichText)
        remedy.setTextFormat(Qt.TextFormat.PlainText)
        remedy.setProperty("role", "secondary")
        remedy.setVisible(bool(finding.remedy))
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(8)
        grid.setVerticalSpacing(2)
        grid.addWidget(self._mark, 0, 0, Qt.AlignmentFlag.AlignTop)
        for row, label in enumerate((self._text, remedy)):
            label.setWordWrap(True)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            grid.addWidget(label, row, 1)
        grid.setColumnStretch(1, 1)
        self._dress()

    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.PaletteChange:
            self._dress()
        super().changeEvent(event)

    def _dress(self) -> None:
        word, icon, token = LEVELS[self.finding.level]
        self._mark.setPixmap(theme.icon(icon, token).pixmap(16, 16))
        colour = getattr(theme.current(), token)
        sentence = html.escape(self.finding.text)
        self._text.setText(f'<span style="color: {colour}; font-weight: 600">{word}.</span> {sentence}')


class FindingList(QLabel):
    """A label whose text is all the sentences, for whoever reads it; what is seen of it is a row for each."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.findings: tuple[Finding, ...] = ()
        self._empty = QLabel()
        self._empty.setProperty("role", "secondary")
        self._empty.setWordWrap(True)
        self._rows = QVBoxLayout(self)
        self._rows.setContentsMargins(0, 0, 12, 0)  # beside the scroll bar
        self._rows.setSpacing(12)
        self._rows.addWidget(self._empty)
        self._rows.addStretch(1)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.MinimumExpanding)

    def show_findings(self, findings: Sequence[Finding], empty: str) -> None:
        """The gravest first; `empty` where there is nothing to say."""
        self._empty.setText(empty)
        self._empty.setVisible(not findings)
        self.setText(" ".join(finding.text for finding in findings) or empty)
        self.setAccessibleName(self.text())
        if tuple(findings) == self.findings:
            return
        self.findings = tuple(findings)
        for row in self.findChildren(FindingRow):
            self._rows.removeWidget(row)
            row.hide()
            row.deleteLater()
        for place, finding in enumerate(findings):
            self._rows.insertWidget(place, FindingRow(finding))

    def sizeHint(self) -> QSize:
        return self._rows.sizeHint()

    def minimumSizeHint(self) -> QSize:
        return self._rows.minimumSize()

    def hasHeightForWidth(self) -> bool:
        return self._rows.hasHeightForWidth()

    def heightForWidth(self, width: int) -> int:
        return self._rows.heightForWidth(width)

    def paintEvent(self, event: QPaintEvent) -> None:
        """The rows paint themselves; the text is not seen twice."""
